//! What people and machines see of the operator: logs, metrics, probes.

mod follow;
mod liveness;
mod logs;
pub mod metrics;
mod readiness;
mod serve;
mod traces;

pub use follow::{CountedObjects, follow};
pub use liveness::{Liveness, Pulse};
pub use logs::LogArgs;
pub use metrics::Metrics;
pub use readiness::Readiness;
pub use serve::ServeArgs;
pub use traces::{TraceArgs, Traces};

use tokio::runtime::Handle;
use tracing_subscriber::{Layer, Registry};

/// What sees the same as logs do, by its own filter.
type OtherLayer = Box<dyn Layer<Registry> + Send + Sync>;

/// Starts logs and traces. What is left of these is sent by [`Traces::end`].
pub fn init(logs: &LogArgs, traces: &TraceArgs, runtime: &Handle) -> anyhow::Result<Traces> {
    let (layer, started) = Traces::start(traces, runtime)?;
    logs::init(logs, layer)?;
    if let Some(warning) = Traces::warning(traces) {
        tracing::warn!("{warning}");
    }
    Ok(started)
}
