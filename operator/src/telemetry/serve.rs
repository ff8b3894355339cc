//! What the operator answers over HTTP: `/healthz`, `/readyz` and `/metrics`.

use std::net::SocketAddr;

use anyhow::Context as _;
use axum::Router;
use axum::extract::State;
use axum::http::header::{ACCEPT, CONTENT_TYPE};
use axum::http::{HeaderMap, HeaderName, StatusCode};
use axum::routing::get;
use clap::Args;
use tokio::net::TcpListener;
use tokio::task::JoinSet;
use tokio_util::sync::CancellationToken;

use super::metrics::{Format, Metrics};
use super::{Liveness, Readiness};

/// Where it is answered.
#[derive(Args, Clone, Debug)]
pub struct ServeArgs {
    /// Where /healthz and /readyz are answered; 0 for nowhere
    #[arg(long, default_value = ":9995", value_name = "ADDRESS")]
    pub health_probe_bind_address: String,

    /// Where /metrics is answered; 0 for nowhere [default: with the probes]
    #[arg(long, value_name = "ADDRESS")]
    pub metrics_bind_address: Option<String>,
}

/// Listeners that answer when [`Listeners::serve`] is called.
pub struct Listeners {
    probes: Option<TcpListener>,
    metrics: Option<TcpListener>,
    /// Metrics are answered where the probes are.
    together: bool,
}

impl ServeArgs {
    /// Listens where the arguments say.
    pub async fn bind(&self) -> anyhow::Result<Listeners> {
        let probes = bind("--health-probe-bind-address", &self.health_probe_bind_address).await?;
        let address =
            self.metrics_bind_address.as_deref().map(str::trim).filter(|address| !address.is_empty());
        let together = address.is_none_or(|address| address == self.health_probe_bind_address.trim());
        let metrics = match address {
            Some(address) if !together => bind("--metrics-bind-address", address).await?,
            _ => None,
        };
        Ok(Listeners { probes, metrics, together })
    }
}

impl Listeners {
    /// Answers until `stop`. The tasks end after it.
    pub fn serve(self, readiness: Readiness, metrics: Metrics, stop: &CancellationToken) -> JoinSet<()> {
        let healthy = Router::new().route("/healthz", get(healthy)).with_state(metrics.liveness().clone());
        let mut probe = Router::new().route("/readyz", get(ready)).with_state(readiness).merge(healthy);
        let scrape = Router::new().route("/metrics", get(scrape)).with_state(metrics);
        if self.together {
            probe = probe.merge(scrape.clone());
        }
        let mut tasks = JoinSet::new();
        for (listener, router) in [(self.probes, probe), (self.metrics, scrape)] {
            if let Some(listener) = listener {
                if let Ok(address) = listener.local_addr() {
                    tracing::info!(%address, "probes or metrics are answered");
                }
                tasks.spawn(answer(listener, router, stop.clone()));
            }
        }
        tasks
    }
}

/// Listens; `0` is nowhere, and an address without a host is every address of the machine.
async fn bind(flag: &str, address: &str) -> anyhow::Result<Option<TcpListener>> {
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
    let parsed = parsed.with_context(|| {
        format!("{flag} {address:?} is no address; write :9995, 127.0.0.1:9995, or 0 for none")
    })?;
    let listener = TcpListener::bind(parsed.as_slice()).await;
    listener
        .map(Some)
        .with_context(|| format!("cannot listen on {address}; set {flag} to another address, or to 0"))
}

async fn answer(listener: TcpListener, router: Router, stop: CancellationToken) {
    if let Err(error) = axum::serve(listener, router).with_graceful_shutdown(stop.cancelled_owned()).await {
        tracing::error!(%error, "probes and metrics are not answered any more");
    }
}

async fn healthy(State(liveness): State<Liveness>) -> (StatusCode, String) {
    match liveness.stuck().as_slice() {
        [] => (StatusCode::OK, "ok\n".into()),
        stuck => (StatusCode::SERVICE_UNAVAILABLE, format!("{}\n", stuck.join("\n"))),
    }
}

async fn ready(State(readiness): State<Readiness>) -> (StatusCode, String) {
    match readiness.obstacle() {
        None => (StatusCode::OK, "ok\n".into()),
        Some(obstacle) => (StatusCode::SERVICE_UNAVAILABLE, format!("not ready: {obstacle}\n")),
    }
}

async fn scrape(
    State(metrics): State<Metrics>,
    headers: HeaderMap,
) -> ([(HeaderName, &'static str); 1], String) {
    let accept = headers.get(ACCEPT).and_then(|accept| accept.to_str().ok()).unwrap_or_default();
    let format = Format::accepted(accept);
    ([(CONTENT_TYPE, format.content_type())], metrics.encode(format))
}

#[cfg(test)]
mod tests {
    use super::*;
    use rstest::rstest;

    #[rstest]
    #[case("127.0.0.1:0", None, true, false, true)]
    #[case("127.0.0.1:0", Some("127.0.0.1:0"), true, false, true)]
    #[case("127.0.0.1:0", Some("[::1]:0"), true, true, false)]
    #[case("127.0.0.1:0", Some("0"), true, false, false)]
    #[case("0", Some("127.0.0.1:0"), false, true, false)]
    #[case("0", None, false, false, true)]
    #[tokio::test]
    async fn where_it_listens(
        #[case] probes: &str,
        #[case] metrics: Option<&str>,
        #[case] has_probes: bool,
        #[case] has_metrics: bool,
        #[case] together: bool,
    ) {
        let arguments = ServeArgs {
            health_probe_bind_address: probes.into(),
            metrics_bind_address: metrics.map(Into::into),
        };
        let listeners = arguments.bind().await.unwrap();
        assert_eq!(
            (listeners.probes.is_some(), listeners.metrics.is_some(), listeners.together),
            (has_probes, has_metrics, together)
        );
    }

    #[tokio::test]
    async fn probes_say_what_is_in_the_way() {
        let (readiness, liveness) =
            (Readiness::default(), Liveness::with_patience(std::time::Duration::ZERO));
        readiness.waits_for("objects are not all read yet");
        let answer = ready(State(readiness.clone())).await;
        assert_eq!(
            answer,
            (StatusCode::SERVICE_UNAVAILABLE, "not ready: objects are not all read yet\n".into())
        );
        readiness.set();
        assert_eq!(ready(State(readiness)).await.0, StatusCode::OK);

        assert_eq!(healthy(State(liveness.clone())).await.0, StatusCode::OK);
        let _stuck = liveness.watch("a loop");
        let answer = healthy(State(liveness)).await;
        assert_eq!(answer, (StatusCode::SERVICE_UNAVAILABLE, "a loop: not done after 0 s\n".into()));
    }

    #[tokio::test]
    async fn what_is_no_address_names_its_flag() {
        let arguments =
            ServeArgs { health_probe_bind_address: "0".into(), metrics_bind_address: Some("9995".into()) };
        let error = arguments.bind().await.err().unwrap().to_string();
        assert!(error.contains("--metrics-bind-address \"9995\""), "{error}");
    }
}
