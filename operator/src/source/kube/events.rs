//! Events for people. They are written one after the other, behind everything that somebody waits for: when thousands of
//! objects change at once, they must hold up none of them.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use futures::future::BoxFuture;
use k8s_openapi::api::core::v1::ObjectReference;
use kube::Client;
use kube::runtime::events::{Event, EventType, Recorder, Reporter};
use tokio::sync::{mpsc, oneshot};
use tokio::time::timeout;

use super::FIELD_MANAGER;
use crate::source::Notice;

/// Longest note of an event, in bytes (Kubernetes API, `events.k8s.io/v1`).
const LONGEST_NOTE: usize = 1024;
/// How long the API server gets for one event, which nothing depends on.
const ANSWER: Duration = Duration::from_secs(5);
/// Events that wait to be written.
const QUEUE: usize = 2000;
/// Places in the queue that are kept for warnings.
const FOR_WARNINGS: usize = 500;
/// How long the operator's end waits for those that are left.
const END: Duration = Duration::from_secs(5);

enum Order {
    Write(Box<ObjectReference>, Notice),
    Tell(oneshot::Sender<()>),
}

type Write = Box<dyn Fn(ObjectReference, Notice) -> BoxFuture<'static, Result<(), String>> + Send + Sync>;

/// Takes events to write.
#[derive(Clone)]
pub struct Events {
    orders: mpsc::Sender<Order>,
    is_full: Arc<AtomicBool>,
}

impl Events {
    /// Writes to the API server of `client`.
    pub fn new(client: Client) -> Self {
        Self::by(Box::new(move |about, notice| Box::pin(write(client.clone(), about, notice))))
    }

    fn by(write: Write) -> Self {
        let (orders, queue) = mpsc::channel(QUEUE);
        tokio::spawn(serve(queue, write));
        Self { orders, is_full: Arc::default() }
    }

    /// Has an event written about an object. Where too many wait already, it is not; the log has it anyway.
    pub fn tell(&self, about: ObjectReference, notice: Notice) {
        let free = self.orders.capacity();
        let kept = if notice.warning { 0 } else { FOR_WARNINGS };
        if free > kept && self.orders.try_send(Order::Write(Box::new(about), notice)).is_ok() {
            if free > QUEUE / 2 {
                self.is_full.store(false, Ordering::Relaxed);
            }
        } else if !self.is_full.swap(true, Ordering::Relaxed) {
            tracing::warn!(
                "there is more to tell than the API server takes as events; some of it is in the log only"
            );
        }
    }

    /// Waits until all that was told is written, for a while.
    pub async fn finish(&self) {
        let (told, done) = oneshot::channel();
        let all = async {
            // Both fail only when nobody writes any more.
            let _ = self.orders.send(Order::Tell(told)).await;
            let _ = done.await;
        };
        let _ = timeout(END, all).await;
    }
}

async fn serve(mut queue: mpsc::Receiver<Order>, write: Write) {
    while let Some(order) = queue.recv().await {
        match order {
            Order::Write(about, notice) => {
                let name = about.name.clone();
                let error = match timeout(ANSWER, write(*about, notice)).await {
                    Ok(Ok(())) => continue,
                    Ok(Err(error)) => error,
                    Err(_) => "the API server did not answer".into(),
                };
                tracing::warn!(object = name, error, "cannot write an event");
            }
            // Who asked may have stopped waiting.
            Order::Tell(who) => _ = who.send(()),
        }
    }
}

async fn write(client: Client, about: ObjectReference, notice: Notice) -> Result<(), String> {
    let mut note = notice.note;
    note.truncate(note.floor_char_boundary(LONGEST_NOTE));
    let event = Event {
        type_: if notice.warning { EventType::Warning } else { EventType::Normal },
        reason: notice.reason,
        note: Some(note),
        action: "Reconcile".into(),
        secondary: None,
    };
    // A recorder counts events of one reason as repetitions of the first and drops their notes; ours are transitions,
    // each with its own note, so each gets a recorder that remembers nothing.
    let reporter = Reporter { controller: FIELD_MANAGER.into(), instance: None };
    Recorder::new(client, reporter).publish(&event, &about).await.map_err(|error| error.to_string())
}

#[cfg(test)]
mod tests {
    use super::*;
    use parking_lot::Mutex;
    use tokio::sync::Semaphore;

    type Notes = Arc<Mutex<Vec<String>>>;

    /// Writes as many as `permits` allows.
    fn events(permits: usize) -> (Events, Notes, Arc<Semaphore>) {
        let (notes, gate) = (Notes::default(), Arc::new(Semaphore::new(permits)));
        let (seen, passes) = (notes.clone(), gate.clone());
        let events = Events::by(Box::new(move |_, notice| {
            let (seen, passes) = (seen.clone(), passes.clone());
            Box::pin(async move {
                passes.acquire().await.map_err(|error| error.to_string())?.forget();
                seen.lock().push(notice.note);
                Ok(())
            })
        }));
        (events, notes, gate)
    }

    fn notice(warning: bool, note: impl Into<String>) -> Notice {
        Notice { warning, reason: "Reserved".into(), note: note.into() }
    }

    #[tokio::test(start_paused = true)]
    async fn all_are_written_in_their_order_before_the_end() {
        let (events, notes, _gate) = events(3);
        for number in ["1", "2", "3"] {
            events.tell(ObjectReference::default(), notice(false, number));
        }
        assert!(notes.lock().is_empty(), "nobody waits for them");
        events.finish().await;
        assert_eq!(*notes.lock(), ["1", "2", "3"]);
    }

    #[tokio::test(start_paused = true)]
    async fn one_that_hangs_is_given_up() {
        let (events, notes, gate) = events(0);
        events.tell(ObjectReference::default(), notice(false, "hangs"));
        events.tell(ObjectReference::default(), notice(false, "next"));
        tokio::time::sleep(ANSWER + Duration::from_secs(1)).await;
        gate.add_permits(1);
        events.finish().await;
        assert_eq!(*notes.lock(), ["next"]);
    }

    #[tokio::test(start_paused = true)]
    async fn a_flood_leaves_room_for_warnings() {
        let (events, notes, gate) = events(0);
        for _ in 0..2 * QUEUE {
            events.tell(ObjectReference::default(), notice(false, "flood"));
        }
        events.tell(ObjectReference::default(), notice(true, "look"));
        gate.add_permits(2 * QUEUE);
        events.finish().await;
        let notes = notes.lock();
        assert_eq!((notes.len(), notes.last().map(String::as_str)), (QUEUE - FOR_WARNINGS + 1, Some("look")));
    }
}
