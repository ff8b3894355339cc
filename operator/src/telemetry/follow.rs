//! What is known of Kea's servers and done to objects, made metrics of where it happens.

use std::sync::Arc;

use async_trait::async_trait;
use kube::ResourceExt;
use tokio_util::sync::CancellationToken;

use super::Metrics;
use super::metrics::{Outcome, Phase, ServerType, object_key};
use crate::crd::{IpAllocationStatus, NetworkConfiguration, NetworkConfigurationStatus, NetworkNamespace};
use crate::kea::{Server, ServerState};
use crate::source::{Notice, Objects, SourceError};

/// Shows what is known of a server, and each change of it, until `stop`.
pub async fn follow(server: Arc<Server>, place: ServerType, metrics: Metrics, stop: CancellationToken) {
    let mut states = server.watch();
    let mut before = ServerState::default();
    loop {
        let state = states.borrow_and_update().clone();
        show(&metrics, server.name(), place, &before, &state);
        before = state;
        tokio::select! {
            changed = states.changed() => if changed.is_err() { return },
            () = stop.cancelled() => return,
        }
    }
}

fn show(metrics: &Metrics, server: &str, place: ServerType, before: &ServerState, now: &ServerState) {
    metrics.server_is_healthy(server, place, now.is_healthy());
    metrics.breaker_is(server, now.circuit);
    metrics.dialect_is(server, now.dialect.map(|dialect| dialect.reservations.name()));
    if before.availability != now.availability {
        metrics.availability_is(server, &before.availability, &now.availability);
    }
    for _ in before.renewals..now.renewals {
        metrics.credentials_reloaded(Outcome::Success);
    }
    if now.stale_credentials.is_some() && now.stale_credentials != before.stale_credentials {
        metrics.credentials_reloaded(Outcome::Error);
    }
}

/// Writes about objects, counted.
pub struct CountedObjects {
    /// The writes.
    pub inner: Arc<dyn Objects>,
    /// Where they are counted.
    pub metrics: Metrics,
}

#[async_trait]
impl Objects for CountedObjects {
    async fn write_status(
        &self,
        object: &NetworkConfiguration,
        status: &NetworkConfigurationStatus,
    ) -> Result<String, SourceError> {
        let written = self.inner.write_status(object, status).await;
        self.metrics.status_written(if written.is_ok() { Outcome::Success } else { Outcome::Error });
        if let (Ok(_), Some(phase)) = (&written, status.phase.as_deref().and_then(Phase::of)) {
            self.metrics.object_is(object_key(object.namespace().as_deref(), &object.name_any()), phase);
        }
        written
    }

    async fn set_finalizers(
        &self,
        object: &NetworkConfiguration,
        finalizers: &[String],
    ) -> Result<Option<String>, SourceError> {
        self.inner.set_finalizers(object, finalizers).await
    }

    async fn write_usage(
        &self,
        namespace: &NetworkNamespace,
        usage: Option<&IpAllocationStatus>,
    ) -> Result<(), SourceError> {
        self.inner.write_usage(namespace, usage).await
    }

    async fn notify(&self, object: &NetworkConfiguration, notice: &Notice) {
        self.inner.notify(object, notice).await;
    }

    async fn finish(&self) {
        self.inner.finish().await;
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::kea::{Availability, Circuit, Reach};
    use crate::telemetry::metrics::Format;

    #[test]
    fn each_change_of_credentials_counts_once() {
        let metrics = Metrics::default();
        let fresh = ServerState::default();
        let renewed = ServerState { renewals: 2, reach: Reach::Answers, ..fresh.clone() };
        let stale = ServerState {
            stale_credentials: Some("no key".into()),
            circuit: Circuit::Open,
            ..renewed.clone()
        };
        for (before, now) in [(&fresh, &renewed), (&renewed, &stale), (&stale, &stale)] {
            show(&metrics, "kea", ServerType::Secondary, before, now);
        }
        let text = metrics.encode(Format::Prometheus);
        for line in [
            r#"kea_operator_credential_reloads_total{result="success"} 2"#,
            r#"kea_operator_credential_reloads_total{result="error"} 1"#,
            r#"kea_operator_server_health{server="kea",type="secondary"} 0"#,
            r#"kea_operator_breaker_state{server="kea",state="open"} 1"#,
        ] {
            assert!(text.lines().any(|found| found == line), "no {line} in\n{text}");
        }
    }
    #[test]
    fn a_state_of_high_availability_is_shown_until_it_is_another() {
        let metrics = Metrics::default();
        let part = |state: &str, scopes: &[&str]| Availability {
            state: state.into(),
            scopes: scopes.iter().map(|scope| (*scope).to_owned()).collect(),
        };
        let alone = ServerState::default();
        let standby = ServerState { availability: vec![part("hot-standby", &[])], ..alone.clone() };
        let down = ServerState { availability: vec![part("partner-down", &["a", "b"])], ..alone.clone() };
        let shown = |before, now| {
            show(&metrics, "kea", ServerType::Primary, before, now);
            let text = metrics.encode(Format::Prometheus);
            let lines = text.lines().filter(|line| line.starts_with("kea_operator_server_ha"));
            lines.map(str::to_owned).collect::<Vec<_>>()
        };
        let state = |word: &str| format!(r#"kea_operator_server_ha_state{{server="kea",state="{word}"}} 1"#);
        let scopes = |number| format!(r#"kea_operator_server_ha_scopes{{server="kea"}} {number}"#);
        assert_eq!(shown(&alone, &standby), [state("hot-standby"), scopes(0)]);
        assert_eq!(shown(&standby, &down), [state("partner-down"), scopes(2)]);
        assert!(shown(&down, &alone).is_empty());
    }
}
