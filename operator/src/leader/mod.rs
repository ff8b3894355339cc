//! Leader election: of several operators in a cluster, one works. It is the one that a Lease of `coordination.k8s.io`
//! names, by the rules of Kubernetes' own controllers (client-go, `tools/leaderelection`): the holder renews the Lease
//! every [`RETRY`]; one that did not manage to for [`RENEW_DEADLINE`] ends its process; the others take over when they
//! have seen no change for the lease's own duration, by their own clock, or at once when it was released.

mod args;
mod candidate;
mod elector;
mod guard;
mod lock;
mod office;
mod term;

use std::time::Duration;

pub use args::{LeaderArgs, SettingsError};
pub use guard::{GuardedObjects, GuardedTransport};
pub use office::{Office, stand};
pub use term::Term;

/// Name of the Lease. It is that of the Go operator (vitistack/kea-operator), so that the two never work side by side.
pub const LEASE_NAME: &str = "2eca3363.vitistack.io";
/// How long the Lease is valid after its last renewal, for those who wait.
pub const LEASE_DURATION: Duration = Duration::from_secs(15);
/// How long the leader works on without a renewal. Shorter than the Lease is valid, so that it has stopped before another
/// starts.
pub const RENEW_DEADLINE: Duration = Duration::from_secs(10);
/// How often the leader renews, and the others look.
pub const RETRY: Duration = Duration::from_secs(2);
/// How long one request about the Lease may take: two fit into the renew deadline.
const REQUEST: Duration = Duration::from_secs(5);

/// Who stands for election, and where.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Settings {
    /// Name of this process in the Lease; no other process has it.
    pub identity: String,
    /// Kubernetes namespace of the Lease.
    pub namespace: String,
}
