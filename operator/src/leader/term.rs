//! How long this process may write.

use std::sync::Arc;

use parking_lot::Mutex;
use tokio::time::Instant;

/// The time for which this process leads, as far as it knows. Without an election it has no end.
#[derive(Clone, Debug, Default)]
pub struct Term(Arc<Mutex<Option<Instant>>>);

impl Term {
    /// The process leads until then.
    pub fn extend(&self, until: Instant) {
        *self.0.lock() = Some(until);
    }

    /// Whether it is over. A process that was stopped for a while (SIGSTOP, a frozen container) learns it here, before
    /// anything else runs on.
    pub fn is_over(&self) -> bool {
        self.0.lock().is_some_and(|until| Instant::now() >= until)
    }

    /// Returns while the term lasts. After it, nothing may be written any more: this waits for the end of the process,
    /// which the elector brings about.
    pub async fn last(&self) {
        if self.is_over() {
            std::future::pending::<()>().await;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::time::Duration;

    #[tokio::test(start_paused = true)]
    async fn a_term_ends_where_there_is_one() {
        let term = Term::default();
        assert!(!term.is_over());
        term.extend(Instant::now() + Duration::from_secs(10));
        tokio::time::advance(Duration::from_secs(9)).await;
        term.last().await;
        tokio::time::advance(Duration::from_secs(1)).await;
        assert!(term.is_over());
        let waits = tokio::time::timeout(Duration::from_hours(1), term.last()).await;
        assert!(waits.is_err());
    }
}
