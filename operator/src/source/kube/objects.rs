//! Writes about the objects of a cluster: status by server-side apply, finalizers, events.

use std::time::Duration;

use async_trait::async_trait;
use kube::api::{Api, Patch, PatchParams};
use kube::{Client, Resource, ResourceExt};
use serde_json::{Value, json};
use tokio::time::timeout;

use super::events::Events;
use super::namespaces::Tried;
use super::slim::ConditionList;
use super::{FIELD_MANAGER, takeover, usage};
use crate::controller::conditions;
use crate::crd::{IpAllocationStatus, NetworkConfiguration, NetworkConfigurationStatus, NetworkNamespace};
use crate::source::{Notice, Objects, SourceError};

/// How long the API server gets for one answer: one that hangs must not hold a worker for ever.
const ANSWER: Duration = Duration::from_secs(30);

/// The way back to a cluster.
pub struct Cluster {
    /// Client of its API server.
    pub client: Client,
    /// What is known of the list of conditions.
    pub conditions: ConditionList,
    /// The version of NetworkNamespaces.
    pub namespaces: Tried,
    /// Writes events.
    pub events: Events,
}

impl Cluster {
    fn api(&self, object: &NetworkConfiguration) -> Api<NetworkConfiguration> {
        Api::namespaced(self.client.clone(), &object.namespace().unwrap_or_default())
    }

    async fn apply_status(
        &self,
        object: &NetworkConfiguration,
        status: &NetworkConfigurationStatus,
    ) -> Result<String, SourceError> {
        let mut applied = json!({
            "apiVersion": NetworkConfiguration::api_version(&()),
            "kind": NetworkConfiguration::kind(&()),
            // With the uid, another object of the same name is not reported on.
            "metadata": {"name": object.name_any(), "uid": object.metadata.uid},
        });
        let status = self.with_others_conditions(object, status);
        if status != NetworkConfigurationStatus::default() {
            applied["status"] =
                serde_json::to_value(status).map_err(|e| SourceError::Failed(e.to_string()))?;
        }
        let params = PatchParams::apply(FIELD_MANAGER);
        let api = self.api(object);
        let written = answer(api.patch_status(&object.name_any(), &params, &Patch::Apply(applied))).await?;
        Ok(written.resource_version().unwrap_or_default())
    }

    /// Takes the status over from those who wrote it by update, where it is ours; the object after that.
    async fn take_over(
        &self,
        object: &NetworkConfiguration,
    ) -> Result<Option<NetworkConfiguration>, SourceError> {
        let (api, name) = (self.api(object), object.name_any());
        let current = answer(api.get(&name)).await?;
        if current.metadata.uid != object.metadata.uid {
            return Err(SourceError::Gone);
        }
        self.conditions.note(&current.metadata);
        let Some(transfer) = takeover::transfer(&current.metadata) else { return Ok(None) };
        let patch = json!({"metadata": {
            "resourceVersion": current.metadata.resource_version,
            "managedFields": transfer.managed_fields,
        }});
        let after = self.merge(object, &patch).await?;
        tracing::info!(
            namespace = object.namespace(),
            name,
            from = transfer.from.join(","),
            "fields of the status taken over"
        );
        Ok(Some(after))
    }

    /// The status, with the conditions of other types where the list has one owner: whoever writes such a list writes it
    /// whole, and what others report must not be lost by that.
    fn with_others_conditions(
        &self,
        object: &NetworkConfiguration,
        status: &NetworkConfigurationStatus,
    ) -> NetworkConfigurationStatus {
        let mut whole = status.clone();
        if self.conditions.is_one() {
            let present = object.status.iter().flat_map(|status| &status.conditions);
            let of_others =
                present.filter(|condition| !conditions::TYPES.contains(&condition.type_.as_str()));
            whole.conditions.extend(of_others.cloned());
        }
        whole
    }

    async fn merge(
        &self,
        object: &NetworkConfiguration,
        patch: &Value,
    ) -> Result<NetworkConfiguration, SourceError> {
        let params = PatchParams { field_manager: Some(FIELD_MANAGER.into()), ..PatchParams::default() };
        answer(self.api(object).patch(&object.name_any(), &params, &Patch::Merge(patch))).await
    }
}

/// The answer of the API server, if it comes in time.
pub async fn answer<T>(request: impl Future<Output = kube::Result<T>>) -> Result<T, SourceError> {
    match timeout(ANSWER, request).await {
        Ok(answer) => answer.map_err(source_error),
        Err(_) => {
            Err(SourceError::Failed(format!("the API server did not answer within {} s", ANSWER.as_secs())))
        }
    }
}

fn source_error(error: kube::Error) -> SourceError {
    match error {
        kube::Error::Api(status) if status.code == 404 => SourceError::Gone,
        kube::Error::Api(status) if status.code == 409 => {
            SourceError::Conflict(status.message.lines().collect::<Vec<_>>().join(" "))
        }
        other => SourceError::Failed(other.to_string()),
    }
}

#[async_trait]
impl Objects for Cluster {
    async fn write_status(
        &self,
        object: &NetworkConfiguration,
        status: &NetworkConfigurationStatus,
    ) -> Result<String, SourceError> {
        match self.apply_status(object, status).await {
            Err(SourceError::Conflict(conflict)) => match self.take_over(object).await? {
                Some(current) => self.apply_status(&current, status).await,
                None => Err(SourceError::Conflict(conflict)),
            },
            done => done,
        }
    }

    async fn set_finalizers(
        &self,
        object: &NetworkConfiguration,
        finalizers: &[String],
    ) -> Result<Option<String>, SourceError> {
        // The version makes the API server refuse a list that somebody else changed meanwhile.
        let version = &object.metadata.resource_version;
        let patch = json!({"metadata": {"resourceVersion": version, "finalizers": finalizers}});
        let written = self.merge(object, &patch).await?;
        let gone = written.metadata.deletion_timestamp.is_some() && written.finalizers().is_empty();
        Ok(if gone { None } else { written.resource_version() })
    }

    async fn write_usage(
        &self,
        namespace: &NetworkNamespace,
        usage: Option<&IpAllocationStatus>,
    ) -> Result<(), SourceError> {
        usage::write(&self.client, self.namespaces.version(), namespace, usage).await
    }

    async fn notify(&self, object: &NetworkConfiguration, notice: &Notice) {
        notice.log(object);
        self.events.tell(object.object_ref(&()), notice.clone());
    }

    async fn finish(&self) {
        self.events.finish().await;
    }
}
