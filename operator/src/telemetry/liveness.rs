//! Whether work goes on: each loop and each piece of work says so within its limit, or is stuck.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use parking_lot::Mutex;
use tokio::time::Instant;

#[derive(Default)]
struct Watched {
    next: u64,
    pulses: BTreeMap<u64, (&'static str, Duration, Instant)>,
}

/// Everything that must go on. Clones share it.
#[derive(Clone, Default)]
pub struct Liveness(Arc<Mutex<Watched>>);

impl Liveness {
    /// From now on, `what` must beat again and again within `limit`, or end.
    pub fn watch(&self, what: &'static str, limit: Duration) -> Pulse {
        let mut watched = self.0.lock();
        let id = watched.next;
        watched.next += 1;
        watched.pulses.insert(id, (what, limit, Instant::now()));
        Pulse { liveness: self.clone(), id }
    }

    /// What is stuck, in words: nothing if all goes on.
    pub(super) fn stuck(&self) -> Vec<String> {
        let watched = self.0.lock();
        let stuck = watched.pulses.values().filter(|(_, limit, last)| last.elapsed() >= *limit);
        let mut stuck: Vec<String> =
            stuck.map(|(what, limit, _)| format!("{what}: no progress for {} s", limit.as_secs())).collect();
        stuck.sort();
        stuck.dedup();
        stuck
    }
}

/// One loop, or one piece of work. It is over when this is dropped.
#[must_use = "what is dropped is not watched"]
pub struct Pulse {
    liveness: Liveness,
    id: u64,
}

impl Pulse {
    /// It goes on.
    pub fn beat(&self) {
        if let Some((.., last)) = self.liveness.0.lock().pulses.get_mut(&self.id) {
            *last = Instant::now();
        }
    }
}

impl Drop for Pulse {
    fn drop(&mut self) {
        self.liveness.0.lock().pulses.remove(&self.id);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test(start_paused = true)]
    async fn what_neither_beats_nor_ends_is_stuck() {
        let liveness = Liveness::default();
        let turning = liveness.watch("sweep", Duration::from_secs(10));
        let first = liveness.watch("reconciliation", Duration::from_secs(15));
        let second = liveness.watch("reconciliation", Duration::from_secs(15));
        tokio::time::advance(Duration::from_secs(9)).await;
        assert!(liveness.stuck().is_empty());
        turning.beat();
        tokio::time::advance(Duration::from_secs(7)).await;
        assert_eq!(liveness.stuck(), ["reconciliation: no progress for 15 s"]);
        drop(first);
        drop(second);
        assert!(liveness.stuck().is_empty());
        tokio::time::advance(Duration::from_secs(5)).await;
        assert_eq!(liveness.stuck(), ["sweep: no progress for 10 s"]);
        turning.beat();
        assert!(liveness.stuck().is_empty());
    }
}
