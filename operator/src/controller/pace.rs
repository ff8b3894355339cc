//! When to look at an object again.

use std::collections::HashMap;
use std::time::Duration;

use backon::{BackoffBuilder, ExponentialBackoff, ExponentialBuilder};
use parking_lot::Mutex;

/// Longest wait where something is expected to happen soon: a lease, or Kea's return.
const LONGEST_RETRY: Duration = Duration::from_secs(30);
/// First wait of that kind.
const FIRST_RETRY: Duration = Duration::from_secs(1);

/// How long an object can be left alone.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Wait {
    /// Something passing is in the way: soon, then less and less often, at most 30 s.
    Retry,
    /// Until this time is over.
    For(Duration),
    /// Until something changes.
    Change,
}

impl Wait {
    /// All is well: a look now and then finds what was changed in Kea by others.
    pub const RESYNC: Self = Self::For(Duration::from_mins(5));
    /// Somebody has to do something in Kea first.
    pub const RESOURCE: Self = Self::For(Duration::from_mins(1));
    /// The credentials are wrong; asking often can lock them.
    pub const AUTHENTICATION: Self = Self::For(Duration::from_mins(5));
}

/// Waits of objects that are being retried, by uid.
#[derive(Default)]
pub struct Pace {
    retries: Mutex<HashMap<String, (Option<i64>, ExponentialBackoff)>>,
}

impl Pace {
    /// The next wait of an object in its present generation: a new generation starts with short waits again.
    pub fn retry(&self, uid: &str, generation: Option<i64>) -> Duration {
        let mut retries = self.retries.lock();
        let entry = retries.entry(uid.to_owned()).or_insert_with(|| (generation, backoff()));
        if entry.0 != generation {
            *entry = (generation, backoff());
        }
        entry.1.next().unwrap_or(LONGEST_RETRY).min(LONGEST_RETRY)
    }

    /// Whether an object is being retried.
    pub fn is_retrying(&self, uid: &str) -> bool {
        self.retries.lock().contains_key(uid)
    }

    /// Ends the retries of an object.
    pub fn reset(&self, uid: &str) {
        self.retries.lock().remove(uid);
    }
}

fn backoff() -> ExponentialBackoff {
    ExponentialBuilder::default()
        .with_min_delay(FIRST_RETRY)
        .with_max_delay(LONGEST_RETRY)
        .with_jitter()
        .without_max_times()
        .build()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn waits_grow_to_the_limit_and_start_again() {
        let pace = Pace::default();
        let waits: Vec<Duration> = (0..12).map(|_| pace.retry("u", Some(1))).collect();
        assert!(waits[0] < Duration::from_secs(2), "{waits:?}");
        assert!(waits.iter().all(|wait| *wait <= LONGEST_RETRY), "{waits:?}");
        assert_eq!(waits[11], LONGEST_RETRY);
        assert!(pace.retry("u", Some(2)) < Duration::from_secs(2));
        assert!(pace.is_retrying("u"));
        pace.reset("u");
        assert!(!pace.is_retrying("u"));
    }
}
