//! Whether the operator serves.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

/// Whether the operator serves.
#[derive(Clone, Debug, Default)]
pub struct Readiness(Arc<AtomicBool>);

impl Readiness {
    /// From now on, the operator serves.
    pub fn set(&self) {
        self.0.store(true, Ordering::Release);
    }

    pub(super) fn get(&self) -> bool {
        self.0.load(Ordering::Acquire)
    }
}
