//! Traces: what one reconciliation does, step by step, for a collector of OpenTelemetry.

#[cfg(feature = "otel")]
mod otlp;

use clap::Args;

use crate::config::given;

/// Where traces are sent.
#[derive(Args, Clone, Debug, Default)]
#[command(next_help_heading = "Traces")]
pub struct TraceArgs {
    /// Collector of traces, OTLP over HTTP, such as http://localhost:4318; only in builds with the feature otel
    #[arg(long, env = "OTEL_EXPORTER_OTLP_ENDPOINT", value_name = "URL")]
    pub otel_exporter_otlp_endpoint: Option<String>,
}

impl TraceArgs {
    fn endpoint(&self) -> Option<&str> {
        given(self.otel_exporter_otlp_endpoint.as_ref())
    }
}

#[cfg(feature = "otel")]
pub use otlp::Traces;

/// Nothing: this build has no traces.
#[cfg(not(feature = "otel"))]
pub struct Traces;

#[cfg(not(feature = "otel"))]
impl Traces {
    /// Starts nothing.
    #[allow(clippy::unnecessary_wraps, reason = "the same as in builds with the feature")]
    pub(super) fn start(
        _: &TraceArgs,
        _: &tokio::runtime::Handle,
    ) -> anyhow::Result<(Option<super::OtherLayer>, Self)> {
        Ok((None, Self))
    }

    /// What is wrong with the arguments, in this build.
    pub(super) fn warning(args: &TraceArgs) -> Option<&'static str> {
        args.endpoint().map(|_| {
            "OTEL_EXPORTER_OTLP_ENDPOINT is set, and this build sends no traces: build it with --features otel"
        })
    }

    /// Ends nothing.
    pub fn end(self) {}
}
