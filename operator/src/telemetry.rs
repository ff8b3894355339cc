//! Logs and probes.

use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use axum::Router;
use axum::extract::State;
use axum::http::StatusCode;
use axum::routing::get;
use clap::Args;
use tokio::net::TcpListener;
use tokio_util::sync::CancellationToken;
use tracing_subscriber::EnvFilter;
use tracing_subscriber::fmt;

use crate::config::flag;

/// How logs are written.
#[derive(Args, Clone, Debug)]
#[command(next_help_heading = "Logs")]
pub struct LogArgs {
    /// error, warn, info, debug or trace; also by module, such as info,kea_operator=debug
    #[arg(long, env = "LOG_LEVEL", default_value = "info", value_name = "LEVEL")]
    pub log_level: String,

    /// One JSON object a line, else text
    #[arg(long, env = "LOG_JSON_LOGGING", default_value = "true", default_missing_value = "true", num_args = 0..=1, require_equals = true, value_parser = flag, action = clap::ArgAction::Set)]
    pub log_json_logging: bool,

    /// Colours, in text
    #[arg(long, env = "LOG_COLORIZE", default_value = "false", default_missing_value = "true", num_args = 0..=1, require_equals = true, value_parser = flag, action = clap::ArgAction::Set)]
    pub log_colorize: bool,

    /// File and line of the code that wrote
    #[arg(long, env = "LOG_ADD_CALLER", default_value = "true", default_missing_value = "true", num_args = 0..=1, require_equals = true, value_parser = flag, action = clap::ArgAction::Set)]
    pub log_add_caller: bool,
}

/// Starts logging to standard error.
pub fn init(args: &LogArgs) -> anyhow::Result<()> {
    let level = if args.log_level.trim().is_empty() { "info" } else { args.log_level.trim() };
    let filter = EnvFilter::try_new(level.to_ascii_lowercase()).map_err(|error| {
        anyhow::anyhow!("LOG_LEVEL {level:?}: {error}; write error, warn, info, debug or trace")
    })?;
    let builder = fmt()
        .with_env_filter(filter)
        .with_writer(std::io::stderr)
        .with_ansi(args.log_colorize)
        .with_file(args.log_add_caller)
        .with_line_number(args.log_add_caller);
    let started = if args.log_json_logging {
        builder.json().flatten_event(true).with_current_span(false).with_span_list(false).try_init()
    } else {
        builder.try_init()
    };
    started.map_err(|error| anyhow::anyhow!("cannot start logging: {error}"))
}

/// Whether the operator serves.
#[derive(Clone, Debug, Default)]
pub struct Readiness(Arc<AtomicBool>);

impl Readiness {
    /// From now on, the operator serves.
    pub fn set(&self) {
        self.0.store(true, Ordering::Release);
    }

    fn get(&self) -> bool {
        self.0.load(Ordering::Acquire)
    }
}

/// Where probes are answered; `0` is nowhere, and an address without a host is every address of the machine.
pub async fn bind(address: &str) -> anyhow::Result<Option<TcpListener>> {
    let address = address.trim();
    if address.is_empty() || address == "0" {
        return Ok(None);
    }
    let candidates: Vec<String> = match address.strip_prefix(':') {
        // A kernel without IPv6 has no [::].
        Some(port) => vec![format!("[::]:{port}"), format!("0.0.0.0:{port}")],
        None => vec![address.to_owned()],
    };
    let parsed: Result<Vec<SocketAddr>, _> = candidates.iter().map(|candidate| candidate.parse()).collect();
    let parsed = parsed.map_err(|_| {
        anyhow::anyhow!("--health-probe-bind-address {address:?} is no address; write :9995, 127.0.0.1:9995, or 0 for none")
    })?;
    let listener = TcpListener::bind(parsed.as_slice()).await;
    listener.map(Some).map_err(|error| {
        anyhow::anyhow!("cannot listen on {address} for probes: {error}; set --health-probe-bind-address to another, or to 0")
    })
}

/// Answers `/healthz` and `/readyz` until `stop`.
pub async fn probes(listener: TcpListener, readiness: Readiness, stop: CancellationToken) {
    let router = Router::new()
        .route("/healthz", get(|| async { "ok\n" }))
        .route("/readyz", get(ready))
        .with_state(readiness);
    if let Err(error) = axum::serve(listener, router).with_graceful_shutdown(stop.cancelled_owned()).await {
        tracing::error!(%error, "probes are not answered any more");
    }
}

async fn ready(State(readiness): State<Readiness>) -> (StatusCode, &'static str) {
    if readiness.get() {
        return (StatusCode::OK, "ok\n");
    }
    (StatusCode::SERVICE_UNAVAILABLE, "objects are not all read yet\n")
}
