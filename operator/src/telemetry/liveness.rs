//! Whether work goes on: each piece of work ends in its time, or is stuck.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use parking_lot::Mutex;
use tokio::time::Instant;

/// What a piece of work may take besides its commands to Kea: far more than it ever does.
const PATIENCE: Duration = Duration::from_mins(30);
/// Commands to Kea that a piece of work may wait for, one after the other, until the limit of each.
const COMMANDS: u32 = 10;

#[derive(Default)]
struct Watched {
    next: u64,
    pulses: BTreeMap<u64, (&'static str, Instant)>,
}

/// Everything that must go on. Clones share it.
#[derive(Clone)]
pub struct Liveness {
    patience: Duration,
    watched: Arc<Mutex<Watched>>,
}

impl Liveness {
    /// With patience for a Kea that takes as long as `command` for each command.
    pub fn new(command: Duration) -> Self {
        Self::with_patience(PATIENCE + command * COMMANDS)
    }

    pub(super) fn with_patience(patience: Duration) -> Self {
        Self { patience, watched: Arc::default() }
    }

    /// Watches a piece of work until what is returned is dropped.
    pub fn watch(&self, what: &'static str) -> Pulse {
        let mut watched = self.watched.lock();
        let id = watched.next;
        watched.next += 1;
        watched.pulses.insert(id, (what, Instant::now()));
        Pulse { liveness: self.clone(), id }
    }

    /// What is stuck, in words: nothing if all goes on.
    pub(super) fn stuck(&self) -> Vec<String> {
        let watched = self.watched.lock();
        let stuck = watched.pulses.values().filter(|(_, since)| since.elapsed() >= self.patience);
        let seconds = self.patience.as_secs();
        let mut stuck: Vec<String> =
            stuck.map(|(what, _)| format!("{what}: not done after {seconds} s")).collect();
        stuck.sort();
        stuck.dedup();
        stuck
    }
}

/// One piece of work. It is over when this is dropped.
#[must_use = "what is dropped is not watched"]
pub struct Pulse {
    liveness: Liveness,
    id: u64,
}

impl Drop for Pulse {
    fn drop(&mut self) {
        self.liveness.watched.lock().pulses.remove(&self.id);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test(start_paused = true)]
    async fn what_does_not_end_is_stuck() {
        let liveness = Liveness::with_patience(Duration::from_secs(15));
        let sweep = liveness.watch("sweep");
        let first = liveness.watch("reconciliation");
        tokio::time::advance(Duration::from_secs(9)).await;
        let second = liveness.watch("reconciliation");
        drop(sweep);
        assert!(liveness.stuck().is_empty());
        tokio::time::advance(Duration::from_secs(6)).await;
        assert_eq!(liveness.stuck(), ["reconciliation: not done after 15 s"]);
        drop(first);
        assert!(liveness.stuck().is_empty());
        drop(second);
    }

    #[tokio::test(start_paused = true)]
    async fn a_slow_kea_is_not_taken_for_a_stuck_operator() {
        let liveness = Liveness::new(Duration::from_hours(1));
        let _work = liveness.watch("reconciliation");
        tokio::time::advance(Duration::from_hours(10)).await;
        assert!(liveness.stuck().is_empty());
    }
}
