//! How long and how often a server is asked.

use std::time::Duration;

use backon::ExponentialBuilder;

use super::KeaError;

/// How long and how often a server is asked; the defaults are those of the documents.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Limits {
    /// How long a command may take, each time that it is sent.
    pub timeout: Duration,
    /// How often a command is sent again.
    pub repeats: usize,
    /// The wait before the first repeat; each further one is twice as long.
    pub backoff: Duration,
    /// The longest wait before a repeat.
    pub max_backoff: Duration,
    /// How long a server is left alone after it failed again and again.
    pub cooldown: Duration,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            timeout: Duration::from_secs(10),
            repeats: 4,
            backoff: Duration::from_millis(100),
            max_backoff: Duration::from_secs(30),
            cooldown: Duration::from_mins(1),
        }
    }
}

impl Limits {
    /// The waits before repeats; none for a trial. They are spread, so that many that failed together do not come back
    /// together.
    pub(super) fn waits(&self, trial: bool) -> ExponentialBuilder {
        ExponentialBuilder::default()
            .with_factor(2.0)
            .with_min_delay(self.backoff)
            .with_max_delay(self.max_backoff)
            .with_max_times(if trial { 0 } else { self.repeats })
            .with_jitter()
    }
}

/// Whether a command whose fate is not known may be sent again.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Repeat {
    /// It changes nothing.
    Safe,
    /// It changes something: only where it is certain that it did not reach Kea.
    Never,
}

impl Repeat {
    /// Whether a command that ended like this is sent again.
    pub fn allows(self, error: &KeaError) -> bool {
        match error {
            KeaError::Unreachable { .. } => true,
            KeaError::Broken { .. } | KeaError::Malformed { .. } => self == Self::Safe,
            KeaError::HttpStatus { status, .. } => {
                self == Self::Safe && (*status >= 500 || matches!(status, 408 | 429))
            }
            // A certificate does not change within seconds, and waiting once is long enough; a slow server gets slower by repeats.
            KeaError::Tls { .. }
            | KeaError::Timeout { .. }
            | KeaError::NoConnection { .. }
            | KeaError::Suspended { .. }
            | KeaError::NotReady { .. }
            | KeaError::Unauthorized { .. }
            | KeaError::Forbidden { .. }
            | KeaError::Unsupported { .. }
            | KeaError::Refused { .. }
            | KeaError::NotShared { .. } => false,
        }
    }
}
