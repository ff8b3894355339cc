//! What people and machines see of the operator: logs, metrics, probes.

mod liveness;
mod logs;
pub mod metrics;
mod readiness;
mod serve;

pub use liveness::{Liveness, Pulse};
pub use logs::{LogArgs, init};
pub use metrics::Metrics;
pub use readiness::Readiness;
pub use serve::ServeArgs;
