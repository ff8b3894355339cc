//! Whether a server still has the configuration that it had, with all that commands added to its memory since.

use std::time::Duration;

use serde::Deserialize;
use tokio::time::Instant;

use super::super::{KeaError, Server};

/// What Kea rounds off, and what an answer may take.
const SLACK: Duration = Duration::from_secs(3);

/// How long a server has had its configuration, as it told when it was asked.
#[derive(Clone, Copy, Debug)]
pub struct Life {
    pid: i64,
    age: Duration,
    asked: Instant,
}

impl Life {
    /// Whether it is the one of before, neither restarted nor configured anew.
    pub fn continues(&self, before: &Self) -> bool {
        self.pid == before.pid && self.age + SLACK >= before.age + (self.asked - before.asked)
    }
}

/// What `status-get` says of it.
#[derive(Deserialize)]
struct WireStatus {
    pid: i64,
    /// Seconds since it was configured.
    reload: u64,
}

impl Server {
    /// How long it has had its configuration.
    pub async fn life(&self) -> Result<Life, KeaError> {
        let command = "status-get";
        let asked = Instant::now();
        let answer = self.found(command, None).await?.unwrap_or_default();
        let status = WireStatus::deserialize(&answer)
            .map_err(|error| self.malformed(command, &format!("the status is malformed: {error}")))?;
        Ok(Life { pid: status.pid, age: Duration::from_secs(status.reload), asked })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use rstest::rstest;

    #[rstest]
    #[case::grew_older(1, 130, true)]
    #[case::within_what_is_rounded_off(1, 128, true)]
    #[case::configured_anew(1, 5, false)]
    #[case::restarted(2, 130, false)]
    fn a_life_ends_with_a_restart_or_a_new_configuration(
        #[case] pid: i64,
        #[case] seconds: u64,
        #[case] continues: bool,
    ) {
        let asked = Instant::now();
        let before = Life { pid: 1, age: Duration::from_secs(100), asked };
        let later = asked + Duration::from_secs(30);
        let now = Life { pid, age: Duration::from_secs(seconds), asked: later };
        assert_eq!(now.continues(&before), continues);
    }
}
