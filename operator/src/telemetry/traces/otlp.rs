//! Traces, sent as OTLP over HTTP in batches.

use std::time::Duration;

use anyhow::Context as _;
use async_trait::async_trait;
use opentelemetry::trace::TracerProvider as _;
use opentelemetry_http::{Bytes, HttpClient, HttpError, Request, Response};
use opentelemetry_otlp::{Protocol, SpanExporter, WithExportConfig, WithHttpConfig};
use opentelemetry_sdk::Resource;
use opentelemetry_sdk::trace::SdkTracerProvider;
use tokio::runtime::Handle;
use tracing::Level;
use tracing_subscriber::Layer;
use tracing_subscriber::filter::Targets;

use super::TraceArgs;
use crate::telemetry::OtherLayer;

/// What traces say they are of, unless `OTEL_SERVICE_NAME` says otherwise.
const SERVICE: &str = "kea-operator";
/// How long the collector may take for a batch, and for the last one while the operator stops.
const TIMEOUT: Duration = Duration::from_secs(10);

/// What is being sent.
pub struct Traces(Option<SdkTracerProvider>);

impl Traces {
    /// Starts to send, if there is a collector to send to.
    pub(in crate::telemetry) fn start(
        args: &TraceArgs,
        runtime: &Handle,
    ) -> anyhow::Result<(Option<OtherLayer>, Self)> {
        let Some(endpoint) = args.endpoint() else { return Ok((None, Self(None))) };
        let client = reqwest::Client::builder().timeout(TIMEOUT).build()?;
        let exporter = SpanExporter::builder()
            .with_http()
            .with_protocol(Protocol::HttpBinary)
            .with_endpoint(format!("{}/v1/traces", endpoint.trim_end_matches('/')))
            .with_http_client(Client { client, runtime: runtime.clone() })
            .build()
            .with_context(|| format!("OTEL_EXPORTER_OTLP_ENDPOINT {endpoint:?} cannot be used"))?;
        let mut resource = Resource::builder();
        if std::env::var_os("OTEL_SERVICE_NAME").is_none() {
            resource = resource.with_service_name(SERVICE);
        }
        let provider = SdkTracerProvider::builder()
            .with_resource(resource.build())
            .with_batch_exporter(exporter)
            .build();
        let own = Targets::new().with_target(env!("CARGO_CRATE_NAME"), Level::DEBUG);
        let layer = tracing_opentelemetry::layer().with_tracer(provider.tracer(SERVICE)).with_filter(own);
        Ok((Some(layer.boxed()), Self(Some(provider))))
    }

    /// What is wrong with the arguments, in this build.
    pub(in crate::telemetry) fn warning(_: &TraceArgs) -> Option<&'static str> {
        None
    }

    /// Sends what is left. Blocks for at most a few seconds.
    pub fn end(self) {
        if let Some(Err(error)) = self.0.map(|provider| provider.shutdown_with_timeout(TIMEOUT)) {
            tracing::warn!(%error, "the last traces were not sent");
        }
    }
}

/// Batches are sent by a thread that knows nothing of the runtime, and HTTP needs one.
#[derive(Debug)]
struct Client {
    client: reqwest::Client,
    runtime: Handle,
}

#[async_trait]
impl HttpClient for Client {
    async fn send_bytes(&self, request: Request<Bytes>) -> Result<Response<Bytes>, HttpError> {
        let client = self.client.clone();
        self.runtime.spawn(async move { client.send_bytes(request).await }).await?
    }
}

#[cfg(test)]
mod tests {
    use axum::Router;
    use axum::body::to_bytes;
    use axum::extract::Request;
    use axum::routing::post;
    use tokio::net::TcpListener;
    use tokio::sync::mpsc;
    use tracing_subscriber::layer::SubscriberExt;

    use super::*;

    #[tokio::test(flavor = "multi_thread")]
    async fn spans_of_the_operator_reach_a_collector() {
        let _ = rustls::crypto::ring::default_provider().install_default();
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let endpoint = format!("http://{}/", listener.local_addr().unwrap());
        let (sender, mut received) = mpsc::unbounded_channel();
        let collect = move |request: Request| async move {
            sender.send(to_bytes(request.into_body(), usize::MAX).await.unwrap()).unwrap();
        };
        let router = Router::new().route("/v1/traces", post(collect));
        tokio::spawn(async { axum::serve(listener, router).await });

        let args = TraceArgs { otel_exporter_otlp_endpoint: Some(endpoint) };
        let (layer, traces) = Traces::start(&args, &Handle::current()).unwrap();
        tracing::subscriber::with_default(tracing_subscriber::registry().with(layer), || {
            tracing::debug_span!("of the operator", server = "kea").in_scope(|| {
                tracing::error_span!(target: "hyper", "of a library").in_scope(|| {});
            });
        });
        tokio::task::spawn_blocking(|| traces.end()).await.unwrap();
        let batch = String::from_utf8_lossy(&received.recv().await.unwrap()).into_owned();
        assert!(batch.contains("of the operator") && batch.contains(SERVICE), "{batch}");
        assert!(!batch.contains("of a library"), "{batch}");
    }

    #[tokio::test]
    async fn nothing_is_sent_where_nobody_collects() {
        let (layer, traces) = Traces::start(&TraceArgs::default(), &Handle::current()).unwrap();
        assert!(layer.is_none() && traces.0.is_none());
    }
}
