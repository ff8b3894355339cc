//! Whether the operator serves.

use std::sync::Arc;

use parking_lot::Mutex;

/// Whether the operator serves, and what it waits for if not. Clones share it.
#[derive(Clone, Debug)]
pub struct Readiness(Arc<Mutex<Option<&'static str>>>);

impl Default for Readiness {
    fn default() -> Self {
        Self(Arc::new(Mutex::new(Some("starting"))))
    }
}

impl Readiness {
    /// From now on, the operator serves.
    pub fn set(&self) {
        *self.0.lock() = None;
    }

    /// The operator does not serve before this has happened.
    pub fn waits_for(&self, event: &'static str) {
        *self.0.lock() = Some(event);
    }

    /// What is waited for, if anything.
    pub(super) fn obstacle(&self) -> Option<&'static str> {
        *self.0.lock()
    }
}
