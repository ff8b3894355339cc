//! What is known of a server, for whoever wants to see it: metrics, `doctor`, those who wait for its return.

use std::mem::discriminant;

use super::{Availability, Circuit, Dialect, KeaError};

/// What is known of a server.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct ServerState {
    /// What becomes of commands to it.
    pub circuit: Circuit,
    /// Whether it answers.
    pub reach: Reach,
    /// The commands that it was last found to have; they stay while it is away.
    pub dialect: Option<Dialect>,
    /// Its part in Kea's high availability, one entry for each relationship; none while it is away.
    pub availability: Vec<Availability>,
    /// Which commands it lacks that the operator needs.
    pub lacking: Option<KeaError>,
    /// Why new credentials or certificates cannot be used; those from before are used on.
    pub stale_credentials: Option<String>,
    /// How often credentials or certificates that were changed have been put to use.
    pub renewals: u64,
}

/// Whether a server answers.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub enum Reach {
    /// Nothing was sent yet.
    #[default]
    Unknown,
    /// The last command was answered by Kea, if only with a refusal.
    Answers,
    /// The last command was not.
    Fails(KeaError),
}

impl ServerState {
    /// Whether the server can serve the operator.
    pub fn is_healthy(&self) -> bool {
        self.reach == Reach::Answers && self.dialect.is_some() && self.lacking.is_none()
    }

    /// Tells the log what is new since `before`.
    pub(super) fn announce(&self, before: &Self, server: &str) {
        match (&before.reach, &self.reach) {
            (Reach::Fails(old), Reach::Fails(new)) if discriminant(old) == discriminant(new) => {}
            (_, Reach::Fails(error)) => {
                tracing::warn!(server, %error, "Kea cannot be used; will keep trying");
            }
            (Reach::Fails(_), Reach::Answers) => tracing::info!(server, "Kea answers again"),
            _ => {}
        }
        if self.circuit != before.circuit {
            tracing::info!(server, circuit = self.circuit.as_str(), "the circuit of a server has changed");
        }
        if let Some(dialect) = self.dialect.filter(|_| self.dialect != before.dialect) {
            tracing::info!(server, %dialect, "commands of Kea found");
        }
        for part in self.availability.iter().filter(|part| !before.availability.contains(part)) {
            let answers = part.scopes.join(",");
            tracing::info!(server, state = part.state, answers, "state of Kea's high availability");
        }
        if let Some(error) = self.lacking.as_ref().filter(|_| self.lacking != before.lacking) {
            tracing::warn!(server, %error, "Kea lacks what the operator needs; will keep trying");
        }
        if let Some(cause) =
            self.stale_credentials.as_ref().filter(|_| self.stale_credentials != before.stale_credentials)
        {
            tracing::warn!(server, cause, "new credentials cannot be used; those from before are used on");
        }
    }
}
