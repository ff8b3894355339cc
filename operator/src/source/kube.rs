//! Objects of a cluster: watches, status by server-side apply, events.

use std::collections::HashMap;
use std::hash::{DefaultHasher, Hash, Hasher};
use std::pin::pin;
use std::sync::Arc;

use async_trait::async_trait;
use futures::StreamExt;
use k8s_openapi::api::core::v1::Namespace;
use kube::api::{Api, Patch, PatchParams};
use kube::runtime::events::{Event, EventType, Recorder, Reporter};
use kube::runtime::reflector::{self, ObjectRef, Store};
use kube::runtime::{PredicateConfig, WatchStreamExt, predicates, watcher};
use kube::{Client, Resource, ResourceExt};
use serde_json::json;
use tokio::sync::mpsc::{self, UnboundedSender};

use super::{Notice, Objects, Source, SourceError, references_in};
use crate::crd::{AnyConfiguration, AnyNamespace, NetworkConfiguration, NetworkConfigurationStatus};

/// Owner of the fields that the operator writes.
const FIELD_MANAGER: &str = "kea-operator";
/// Longest note of an event, in bytes (Kubernetes API, `events.k8s.io/v1`).
const LONGEST_NOTE: usize = 1024;

/// Why the cluster cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum OpenError {
    /// No configuration.
    #[error("no access to a cluster: {0}; run in a pod with a service account, or set KUBECONFIG")]
    Config(String),
    /// No identity.
    #[error(
        "cannot read the uid of namespace kube-system, the identity of the cluster: {0}; permit get on it, or set \
         KEA_CLUSTER_ID to a name that no other cluster uses with the same Kea"
    )]
    ClusterId(kube::Error),
}

/// Opens the cluster that the environment leads to. `cluster_id` overrides its identity.
pub async fn open(cluster_id: Option<String>) -> Result<Source, OpenError> {
    let client = Client::try_default().await.map_err(|error| OpenError::Config(error.to_string()))?;
    let cluster_id = match cluster_id {
        Some(given) => given,
        None => uid_of_kube_system(&client).await?,
    };
    let (configurations, writer) = reflector::store();
    let (triggers, triggered) = mpsc::unbounded_channel();
    tokio::spawn(watch_configurations(client.clone(), writer, triggers.clone()));
    let (namespaces, writer) = reflector::store();
    tokio::spawn(watch_namespaces(client.clone(), writer, configurations.clone(), triggers));
    Ok(Source {
        configurations,
        namespaces,
        triggers: triggered,
        objects: Arc::new(Cluster { client }),
        cluster_id,
    })
}

async fn uid_of_kube_system(client: &Client) -> Result<String, OpenError> {
    let namespaces: Api<Namespace> = Api::all(client.clone());
    let found = namespaces.get("kube-system").await.map_err(OpenError::ClusterId)?;
    Ok(found.metadata.uid.unwrap_or_default())
}

/// Triggers an object when its spec, its annotations or its deletion change; the operator's own writes change none.
async fn watch_configurations(
    client: Client,
    writer: reflector::store::Writer<AnyConfiguration>,
    triggers: UnboundedSender<ObjectRef<AnyConfiguration>>,
) {
    let api: Api<AnyConfiguration> = Api::all(client);
    let changes = kube::runtime::Predicate::combine(predicates::generation, predicates::annotations);
    let mut objects = pin!(
        watcher(api, watcher::Config::default())
            .default_backoff()
            .reflect(writer)
            .applied_objects()
            .predicate_filter(changes, PredicateConfig::default())
    );
    while let Some(next) = objects.next().await {
        match next {
            Ok(object) => {
                if triggers.send(ObjectRef::from_obj(&object)).is_err() {
                    return;
                }
            }
            Err(error) => warn_of(&error, "NetworkConfigurations"),
        }
    }
}

/// Triggers the objects of a namespace when a NetworkNamespace there comes, goes, or says something else about prefix and
/// allocation.
async fn watch_namespaces(
    client: Client,
    writer: reflector::store::Writer<AnyNamespace>,
    configurations: Store<AnyConfiguration>,
    triggers: UnboundedSender<ObjectRef<AnyConfiguration>>,
) {
    let namespaces = writer.as_reader();
    let mut seen: HashMap<ObjectRef<AnyNamespace>, u64> = HashMap::new();
    // What a list brings is in the store only when the list is done.
    let mut listed = Vec::new();
    let mut events =
        pin!(watcher(Api::all(client), watcher::Config::default()).default_backoff().reflect(writer));
    while let Some(next) = events.next().await {
        let changed = match next {
            Ok(watcher::Event::Apply(namespace)) => news(&mut seen, &namespace).into_iter().collect(),
            Ok(watcher::Event::Delete(namespace)) => {
                let reference = ObjectRef::from_obj(&namespace);
                seen.remove(&reference);
                vec![reference]
            }
            Ok(watcher::Event::Init) => vec![],
            Ok(watcher::Event::InitApply(namespace)) => {
                listed.extend(news(&mut seen, &namespace));
                vec![]
            }
            Ok(watcher::Event::InitDone) => {
                // What the list lacks went while nobody watched.
                let gone = seen.extract_if(|reference, _| namespaces.get(reference).is_none());
                listed.extend(gone.map(|(reference, _)| reference));
                std::mem::take(&mut listed)
            }
            Err(error) => {
                warn_of(&error, "NetworkNamespaces");
                vec![]
            }
        };
        for namespace in changed {
            for reference in references_in(&configurations, namespace.namespace.as_deref()) {
                if triggers.send(reference).is_err() {
                    return;
                }
            }
        }
    }
}

fn warn_of(error: &watcher::Error, what: &str) {
    let code = match error {
        watcher::Error::InitialListFailed(kube::Error::Api(status))
        | watcher::Error::WatchStartFailed(kube::Error::Api(status)) => status.code,
        _ => 0,
    };
    match code {
        403 => tracing::warn!("the cluster does not permit to list and watch {what}; will try again"),
        404 => tracing::warn!(
            "the cluster does not know {what}; install them with: kea-operator crd | kubectl apply -f -"
        ),
        _ => tracing::warn!(%error, "cannot watch {what}; will try again"),
    }
}

/// The namespace, if it says something that was not seen before.
fn news(
    seen: &mut HashMap<ObjectRef<AnyNamespace>, u64>,
    namespace: &AnyNamespace,
) -> Option<ObjectRef<AnyNamespace>> {
    let reference = ObjectRef::from_obj(namespace);
    let says = fingerprint(namespace);
    (seen.insert(reference.clone(), says) != Some(says)).then_some(reference)
}

/// What of a NetworkNamespace matters to its users.
fn fingerprint(namespace: &AnyNamespace) -> u64 {
    let mut hasher = DefaultHasher::new();
    match &namespace.0 {
        Ok(namespace) => {
            let allocation = namespace.spec.ip_allocation.as_ref().map(|allocation| &allocation.type_);
            let prefix = namespace.status.as_ref().and_then(|status| status.ipv4_prefix.as_ref());
            (allocation, prefix).hash(&mut hasher);
        }
        Err(invalid) => invalid.error.hash(&mut hasher),
    }
    hasher.finish()
}

/// The way back to a cluster.
struct Cluster {
    client: Client,
}

impl Cluster {
    fn api(&self, object: &NetworkConfiguration) -> Api<NetworkConfiguration> {
        Api::namespaced(self.client.clone(), &object.namespace().unwrap_or_default())
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
        let mut applied = json!({
            "apiVersion": NetworkConfiguration::api_version(&()),
            "kind": NetworkConfiguration::kind(&()),
            // With the uid, another object of the same name is not reported on.
            "metadata": {"name": object.name_any(), "uid": object.metadata.uid},
        });
        if *status != NetworkConfigurationStatus::default() {
            applied["status"] =
                serde_json::to_value(status).map_err(|e| SourceError::Failed(e.to_string()))?;
        }
        let params = PatchParams::apply(FIELD_MANAGER);
        let written =
            self.api(object).patch_status(&object.name_any(), &params, &Patch::Apply(applied)).await;
        Ok(written.map_err(source_error)?.resource_version().unwrap_or_default())
    }

    async fn set_finalizers(
        &self,
        object: &NetworkConfiguration,
        finalizers: &[String],
    ) -> Result<Option<String>, SourceError> {
        // The version makes the API server refuse a list that somebody else changed meanwhile.
        let version = &object.metadata.resource_version;
        let patch = json!({"metadata": {"resourceVersion": version, "finalizers": finalizers}});
        let params = PatchParams { field_manager: Some(FIELD_MANAGER.into()), ..PatchParams::default() };
        let written = self
            .api(object)
            .patch(&object.name_any(), &params, &Patch::Merge(patch))
            .await
            .map_err(source_error)?;
        let gone = written.metadata.deletion_timestamp.is_some() && written.finalizers().is_empty();
        Ok(if gone { None } else { written.resource_version() })
    }

    async fn notify(&self, object: &NetworkConfiguration, notice: &Notice) {
        let mut note = notice.note.clone();
        note.truncate(note.floor_char_boundary(LONGEST_NOTE));
        let event = Event {
            type_: if notice.warning { EventType::Warning } else { EventType::Normal },
            reason: notice.reason.clone(),
            note: Some(note),
            action: "Reconcile".into(),
            secondary: None,
        };
        // A recorder counts events of one reason as repetitions of the first and drops their notes; ours are transitions,
        // each with its own note, so each gets a recorder that remembers nothing.
        let reporter = Reporter { controller: FIELD_MANAGER.into(), instance: None };
        let recorder = Recorder::new(self.client.clone(), reporter);
        notice.log(object);
        if let Err(error) = recorder.publish(&event, &object.object_ref(&())).await {
            tracing::warn!(object = object.name_any(), %error, "cannot write an event");
        }
    }
}
