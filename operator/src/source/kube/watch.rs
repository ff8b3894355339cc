//! One kind of object, kept up to date in a store. What is in the store stays when the cluster cannot be read.

use std::collections::HashSet;
use std::pin::pin;
use std::time::Duration;

use futures::{Stream, StreamExt};
use kube::runtime::reflector::{ObjectRef, store::Writer};
use kube::runtime::watcher::{self, Event};
use tokio::time::timeout;
use tokio_util::sync::CancellationToken;

use super::news::{Matters, News};

/// How long the API server gets for each page of a list. One that hangs, as behind a conversion webhook that hangs, is given
/// up and asked for again.
const LIST: Duration = Duration::from_secs(15);
/// Waits between attempts to list: from the first to the last, doubling.
const WAITS: (Duration, Duration) = (Duration::from_secs(1), Duration::from_secs(30));

/// A watch on objects of one kind.
pub struct Watch<K: Matters> {
    /// What they are called in messages.
    what: &'static str,
    writer: Writer<K>,
    news: News<K>,
    /// What was said about failures; each is said once.
    said: HashSet<String>,
    wait: Duration,
    /// Cancelled when they were all listed once. (A store can tell one waiter only.)
    pub ready: CancellationToken,
    /// How often listing has failed since it last succeeded.
    pub failures: usize,
}

impl<K: Matters> Watch<K> {
    /// Keeps `writer`'s store.
    pub fn new(what: &'static str, writer: Writer<K>) -> Self {
        Self {
            what,
            writer,
            news: News::default(),
            said: HashSet::new(),
            wait: WAITS.0,
            ready: CancellationToken::new(),
            failures: 0,
        }
    }

    /// Follows `events`, telling which objects say something new, until they cannot be listed. Returns after a while then,
    /// for the next attempt.
    pub async fn follow(
        &mut self,
        events: impl Stream<Item = watcher::Result<Event<K>>>,
        mut tell: impl FnMut(ObjectRef<K>),
    ) {
        let mut events = pin!(events);
        let mut listing = true;
        let failure = loop {
            let next = if listing { timeout(LIST, events.next()).await } else { Ok(events.next().await) };
            match next {
                Err(_) => break format!("no answer within {} s", LIST.as_secs()),
                Ok(None) => break "the watch ended".into(),
                Ok(Some(Ok(event))) => {
                    listing = match event {
                        Event::Init | Event::InitApply(_) => true,
                        Event::InitDone | Event::Apply(_) | Event::Delete(_) => false,
                    };
                    let news = self.news.of(&event, &self.writer.as_reader());
                    self.writer.apply_watcher_event(&event);
                    if matches!(event, Event::InitDone) {
                        self.listed();
                    }
                    news.into_iter().for_each(&mut tell);
                }
                // A watch that was interrupted goes on where it was; one that is too old (410) begins with a list.
                Ok(Some(Err(error))) if !is_final(&error) => {
                    tracing::debug!(%error, "the watch on {} was interrupted", self.what);
                }
                Ok(Some(Err(error))) => break in_words(&error, self.what),
            }
        };
        self.failed(failure).await;
    }

    fn listed(&mut self) {
        self.ready.cancel();
        if self.failures > 0 {
            tracing::info!("{} can be read again", self.what);
        }
        (self.failures, self.wait) = (0, WAITS.0);
        self.said.clear();
    }

    async fn failed(&mut self, failure: String) {
        self.failures += 1;
        if self.said.insert(failure.clone()) {
            tracing::warn!("cannot read {}: {failure}; will try again", self.what);
        } else {
            tracing::debug!("cannot read {}: {failure}", self.what);
        }
        tokio::time::sleep(self.wait).await;
        self.wait = (self.wait * 2).min(WAITS.1);
    }
}

/// Whether a watch cannot go on by itself: its list failed, or its kind is not served (any more).
fn is_final(error: &watcher::Error) -> bool {
    match error {
        watcher::Error::InitialListFailed(_) => true,
        watcher::Error::WatchStartFailed(kube::Error::Api(status)) => status.code == 404,
        _ => false,
    }
}

fn in_words(error: &watcher::Error, what: &str) -> String {
    match error {
        watcher::Error::InitialListFailed(kube::Error::Api(status))
        | watcher::Error::WatchStartFailed(kube::Error::Api(status)) => match status.code {
            403 => format!("the cluster does not permit to list and watch {what}"),
            404 => format!(
                "the cluster does not know {what}; install them with: kea-operator crd | kubectl apply -f -"
            ),
            _ => status.message.clone(),
        },
        _ => error.to_string(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::crd::{AnyConfiguration, NetworkConfiguration, NetworkConfigurationSpec};
    use futures::stream;
    use kube::core::Status;
    use kube::runtime::reflector;

    fn object(name: &str) -> AnyConfiguration {
        NetworkConfiguration::new(name, NetworkConfigurationSpec::default()).into()
    }

    fn refused(code: u16) -> watcher::Error {
        let status = Status { code, message: "no".into(), ..Status::default() };
        watcher::Error::InitialListFailed(kube::Error::Api(status.boxed()))
    }

    async fn follow(
        watch: &mut Watch<AnyConfiguration>,
        events: Vec<watcher::Result<Event<AnyConfiguration>>>,
    ) -> Vec<String> {
        let mut told = Vec::new();
        let events = stream::iter(events).chain(stream::pending());
        // What waits for ever is a watch on which nothing happens.
        let _ = timeout(Duration::from_hours(1), watch.follow(events, |object| told.push(object.name))).await;
        told
    }

    fn list(names: &[&str]) -> Vec<watcher::Result<Event<AnyConfiguration>>> {
        let objects = names.iter().map(|name| Ok(Event::InitApply(object(name))));
        [Ok(Event::Init)].into_iter().chain(objects).chain([Ok(Event::InitDone)]).collect()
    }

    #[tokio::test(start_paused = true)]
    async fn a_list_that_hangs_is_given_up_and_what_was_read_stays() {
        let (store, writer) = reflector::store();
        let mut watch = Watch::new("objects", writer);
        assert_eq!(follow(&mut watch, list(&["a"])).await, ["a"]);
        assert!(watch.ready.is_cancelled());
        for failures in 1..=3 {
            let hangs = vec![Ok(Event::Init), Ok(Event::InitApply(object("b")))];
            assert!(follow(&mut watch, hangs).await.is_empty());
            assert_eq!((watch.failures, store.len()), (failures, 1));
        }
        assert_eq!(follow(&mut watch, list(&["a", "b"])).await, ["b"]);
        assert_eq!((watch.failures, store.len()), (0, 2));
    }

    #[tokio::test(start_paused = true)]
    async fn a_watch_that_is_interrupted_goes_on_and_a_list_that_fails_does_not() {
        let (_, writer) = reflector::store();
        let mut watch = Watch::new("objects", writer);
        let mut events = list(&["a"]);
        events.push(Err(watcher::Error::NoResourceVersion));
        events.push(Ok(Event::Apply(object("b"))));
        assert_eq!(follow(&mut watch, events).await, ["a", "b"]);
        assert_eq!(watch.failures, 0);

        for (code, part) in [(403, "permit"), (404, "install them"), (500, "no")] {
            assert!(in_words(&refused(code), "objects").contains(part));
            follow(&mut watch, vec![Err(refused(code)), Ok(Event::Apply(object("c")))]).await;
        }
        assert_eq!(watch.failures, 3);
    }
}
