//! Joins what many objects ask of a server into few commands.
//!
//! Nothing waits without need: one who comes alone, while nobody else is at work, is served at once. Under load, when others
//! came just before or are on their way, a command waits for them, so that thousands of objects cost a few dozen commands.
//! It does not wait long while somebody is in a hurry: a device that has just got its lease.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use futures::future::BoxFuture;
use tokio::sync::{Notify, mpsc, oneshot};
use tokio::time::Instant;

use super::KeaError;

/// Items of one command, at which it waits for no more.
const ENOUGH: usize = 1000;
/// How long a command waits for others to join.
const PATIENCE: Duration = Duration::from_secs(1);
/// The same in a crowd: all of it takes long, whatever is waited for.
const CROWDED: Duration = Duration::from_secs(5);
/// So many are a crowd.
const CROWD: usize = 100;
/// The same while somebody is in a hurry.
const HURRIED: Duration = Duration::from_millis(50);
/// After so long without anybody new, nobody is waited for.
const QUIET: Duration = Duration::from_millis(25);

/// Who is there, who of them is at work and may still have something for a server, who of them waits for one, and who is in a hurry.
#[derive(Default)]
pub struct Activity {
    present: AtomicUsize,
    at_work: AtomicUsize,
    waiting: AtomicUsize,
    hurried: AtomicUsize,
    changed: Notify,
}

/// Somebody at work, or waiting, until it is dropped.
pub struct Presence<'a> {
    counter: &'a AtomicUsize,
    changed: &'a Notify,
}

impl Drop for Presence<'_> {
    fn drop(&mut self) {
        self.counter.fetch_sub(1, Ordering::SeqCst);
        self.changed.notify_waiters();
    }
}

impl Activity {
    /// Somebody is there, with work for a server or with other work.
    pub fn attend(&self) -> Presence<'_> {
        self.enter(&self.present)
    }

    /// Somebody begins to work.
    pub fn work(&self) -> Presence<'_> {
        self.enter(&self.at_work)
    }

    /// Somebody at work waits for servers.
    pub fn wait(&self) -> Presence<'_> {
        self.enter(&self.waiting)
    }

    /// Somebody at work is in a hurry.
    pub fn hurry(&self) -> Presence<'_> {
        self.enter(&self.hurried)
    }

    fn enter<'a>(&'a self, counter: &'a AtomicUsize) -> Presence<'a> {
        counter.fetch_add(1, Ordering::SeqCst);
        self.changed.notify_waiters();
        Presence { counter, changed: &self.changed }
    }

    /// Whether nobody is left who could still join.
    fn all_wait(&self) -> bool {
        self.waiting.load(Ordering::SeqCst) >= self.at_work.load(Ordering::SeqCst)
    }

    /// Whether very many are there.
    pub fn is_crowded(&self) -> bool {
        self.present.load(Ordering::SeqCst) >= CROWD
    }

    fn patience(&self) -> Duration {
        if self.hurried.load(Ordering::SeqCst) > 0 {
            HURRIED
        } else if self.is_crowded() {
            CROWDED
        } else {
            PATIENCE
        }
    }
}

/// What one command does for many: one answer for each item, in their order.
type Bulk<Q, A> = Box<dyn Fn(Vec<Q>) -> BoxFuture<'static, Result<Vec<A>, KeaError>> + Send + Sync>;

struct Ticket<Q, A> {
    items: Vec<Q>,
    answers: oneshot::Sender<Result<Vec<A>, KeaError>>,
}

/// Joins items into bulk commands, one at a time.
pub struct Joiner<Q, A> {
    tickets: mpsc::UnboundedSender<Ticket<Q, A>>,
}

impl<Q: Send + 'static, A: Send + 'static> Joiner<Q, A> {
    /// Joins for `bulk`; ends when the joiner is dropped.
    pub fn new(activity: Arc<Activity>, bulk: Bulk<Q, A>) -> Self {
        let (tickets, queue) = mpsc::unbounded_channel();
        tokio::spawn(serve(queue, activity, bulk));
        Self { tickets }
    }

    /// Has `items` done with those of others; the answers are in the order of the items. None where the operator stops.
    pub async fn join(&self, items: Vec<Q>) -> Option<Result<Vec<A>, KeaError>> {
        if items.is_empty() {
            return Some(Ok(vec![]));
        }
        let (answers, answered) = oneshot::channel();
        self.tickets.send(Ticket { items, answers }).ok()?;
        answered.await.ok()
    }
}

async fn serve<Q, A>(
    mut queue: mpsc::UnboundedReceiver<Ticket<Q, A>>,
    activity: Arc<Activity>,
    bulk: Bulk<Q, A>,
) {
    let mut last: Option<Instant> = None;
    while let Some(first) = queue.recv().await {
        let busy = last.is_some_and(|last| last.elapsed() < QUIET);
        let tickets = gather(first, &mut queue, &activity, busy).await;
        let mut items = Vec::new();
        let mut waiting = Vec::new();
        for ticket in tickets {
            waiting.push((ticket.items.len(), ticket.answers));
            items.extend(ticket.items);
        }
        last = Some(Instant::now());
        match bulk(items).await {
            Ok(answers) => {
                let mut answers = answers.into_iter();
                for (count, sender) in waiting {
                    // Who does not wait any more has stopped; nothing is lost with the answer.
                    let _ = sender.send(Ok(answers.by_ref().take(count).collect()));
                }
            }
            Err(error) => {
                for (_, sender) in waiting {
                    let _ = sender.send(Err(error.clone()));
                }
            }
        }
    }
}

/// Waits for others, as long as that makes sense: until everybody at work is waiting, and where somebody came just before
/// (`busy`), until nobody comes for a while, too, since how many are on their way cannot be known.
async fn gather<Q, A>(
    first: Ticket<Q, A>,
    queue: &mut mpsc::UnboundedReceiver<Ticket<Q, A>>,
    activity: &Activity,
    busy: bool,
) -> Vec<Ticket<Q, A>> {
    let began = Instant::now();
    let mut last_came = began;
    let mut count = first.items.len();
    let mut tickets = vec![first];
    loop {
        let changed = activity.changed.notified();
        let mut changed = std::pin::pin!(changed);
        // From here on no change is missed, whatever the order of what follows.
        changed.as_mut().enable();
        while let Ok(ticket) = queue.try_recv() {
            count += ticket.items.len();
            tickets.push(ticket);
            last_came = Instant::now();
        }
        let now = Instant::now();
        let (deadline, quiet_at) = (began + activity.patience(), last_came + QUIET);
        let quiet = !busy || now >= quiet_at;
        if count >= ENOUGH || now >= deadline || (quiet && activity.all_wait()) {
            return tickets;
        }
        tokio::select! {
            () = changed => {}
            () = tokio::time::sleep_until(if quiet { deadline } else { quiet_at.min(deadline) }) => {}
            ticket = queue.recv() => match ticket {
                Some(ticket) => {
                    count += ticket.items.len();
                    tickets.push(ticket);
                    last_came = Instant::now();
                }
                None => return tickets,
            },
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use parking_lot::Mutex;

    type Sizes = Arc<Mutex<Vec<usize>>>;

    fn joiner(activity: &Arc<Activity>) -> (Arc<Joiner<u32, u32>>, Sizes) {
        let sizes = Sizes::default();
        let seen = sizes.clone();
        let bulk: Bulk<u32, u32> = Box::new(move |items: Vec<u32>| {
            seen.lock().push(items.len());
            Box::pin(async move {
                tokio::task::yield_now().await;
                Ok(items.into_iter().map(|item| item * 10).collect())
            })
        });
        (Arc::new(Joiner::new(activity.clone(), bulk)), sizes)
    }

    #[tokio::test(start_paused = true)]
    async fn one_alone_waits_for_nobody() {
        let activity: Arc<Activity> = Arc::default();
        let (joiner, sizes) = joiner(&activity);
        let before = Instant::now();
        let _work = activity.work();
        let _wait = activity.wait();
        assert_eq!(joiner.join(vec![1, 2]).await.unwrap().unwrap(), [10, 20]);
        assert_eq!(Instant::now(), before);
        assert_eq!(*sizes.lock(), [2]);
    }

    #[tokio::test(start_paused = true)]
    async fn many_at_once_are_one_command_and_each_gets_its_own_answers() {
        let activity: Arc<Activity> = Arc::default();
        let (joiner, sizes) = joiner(&activity);
        let tasks: Vec<_> = (0..100u32)
            .map(|number| {
                let (joiner, activity) = (joiner.clone(), activity.clone());
                tokio::spawn(async move {
                    let _work = activity.work();
                    // Some come later: they write something else first.
                    tokio::time::sleep(Duration::from_millis(u64::from(number))).await;
                    let _wait = activity.wait();
                    joiner.join(vec![number]).await.unwrap().unwrap()
                })
            })
            .collect();
        for (number, task) in (0..).zip(tasks) {
            assert_eq!(task.await.unwrap(), [number * 10]);
        }
        assert_eq!(*sizes.lock(), [100]);
    }

    #[tokio::test(start_paused = true)]
    async fn one_after_the_other_are_one_command_too() {
        let activity: Arc<Activity> = Arc::default();
        let (joiner, sizes) = joiner(&activity);
        let tasks: Vec<_> = (0..100u64)
            .map(|number| {
                let (joiner, activity) = (joiner.clone(), activity.clone());
                tokio::spawn(async move {
                    // Each begins when the one before is done with all but this.
                    tokio::time::sleep(Duration::from_millis(3 * number)).await;
                    let _work = activity.work();
                    let _wait = activity.wait();
                    joiner.join(vec![1]).await.unwrap().unwrap()
                })
            })
            .collect();
        for task in tasks {
            task.await.unwrap();
        }
        assert_eq!(*sizes.lock(), [1, 99]);
    }

    #[tokio::test(start_paused = true)]
    async fn nobody_waits_longer_than_the_limit_for_one_who_does_not_come() {
        let activity: Arc<Activity> = Arc::default();
        let (joiner, _) = joiner(&activity);
        let _busy_elsewhere = activity.work();
        let _work = activity.work();
        let _wait = activity.wait();
        let before = Instant::now();
        joiner.join(vec![1]).await.unwrap().unwrap();
        assert_eq!(Instant::now() - before, PATIENCE);
    }

    #[tokio::test(start_paused = true)]
    async fn a_crowd_is_waited_for_longer() {
        let activity: Arc<Activity> = Arc::default();
        let (joiner, _) = joiner(&activity);
        let _busy_elsewhere: Vec<_> = (0..CROWD).map(|_| activity.attend()).collect();
        let _work = [activity.work(), activity.work()];
        let _wait = activity.wait();
        let before = Instant::now();
        joiner.join(vec![1]).await.unwrap().unwrap();
        assert_eq!(Instant::now() - before, CROWDED);
    }

    #[tokio::test(start_paused = true)]
    async fn nobody_keeps_one_waiting_who_is_in_a_hurry() {
        let activity: Arc<Activity> = Arc::default();
        let (joiner, _) = joiner(&activity);
        let _busy_elsewhere = activity.work();
        let _work = activity.work();
        let _wait = activity.wait();
        let _hurry = activity.hurry();
        let before = Instant::now();
        joiner.join(vec![1]).await.unwrap().unwrap();
        assert_eq!(Instant::now() - before, HURRIED);
    }
}
