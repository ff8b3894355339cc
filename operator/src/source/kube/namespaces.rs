//! NetworkNamespaces, in whichever version the cluster serves them best.
//!
//! `v1alpha2` says more than `v1alpha1`, so it is preferred. A cluster that serves both converts objects between them by a
//! webhook, which may fail or hang. Then the other version is tried: it needs no conversion for the objects that are stored
//! in it. While neither can be read, what was read before stays in use.

use std::sync::Arc;
use std::time::Duration;

use futures::{Stream, StreamExt};
use kube::api::{Api, ApiResource, Object};
use kube::core::DeserializeGuard;
use kube::core::error_boundary::InvalidObject;
use kube::runtime::reflector::{ObjectRef, Store, store::Writer};
use kube::runtime::{WatchStreamExt, watcher};
use kube::{Client, Resource};
use parking_lot::Mutex;
use tokio::sync::mpsc::UnboundedSender;
use tokio::time::timeout;
use tokio_util::sync::CancellationToken;

use super::slim::slim;
use super::usage;
use super::watch::Watch;
use crate::crd::{
    AnyConfiguration, AnyNamespace, GROUP, NetworkNamespace, NetworkNamespaceSpec, NetworkNamespaceStatus,
};
use crate::source::references_in;

/// Versions that can be read, the best first.
const VERSIONS: [&str; 2] = ["v1alpha2", "v1alpha1"];
/// How long the API server gets to tell what it serves.
const DISCOVERY: Duration = Duration::from_secs(10);
/// How long objects wait for the NetworkNamespaces at the start before they are served without: deletions need none.
const GRACE: Duration = Duration::from_secs(45);

/// A NetworkNamespace of either version. A spec may be left out in `v1alpha2`.
type Versioned = DeserializeGuard<Object<Option<NetworkNamespaceSpec>, NetworkNamespaceStatus>>;

/// The version that was last tried. What is written is written in the same.
#[derive(Clone, Default)]
pub struct Tried(Arc<Mutex<Option<&'static str>>>);

impl Tried {
    /// Its name.
    pub fn version(&self) -> &'static str {
        self.0.lock().unwrap_or(VERSIONS[VERSIONS.len() - 1])
    }
}

/// Keeps NetworkNamespaces up to date and triggers the objects of a Kubernetes namespace when one there comes, goes, or says
/// something else. `late` is cancelled when they could not be read for a while after the start.
pub async fn watch(
    client: Client,
    writer: Writer<AnyNamespace>,
    configurations: Store<AnyConfiguration>,
    triggers: UnboundedSender<ObjectRef<AnyConfiguration>>,
    late: CancellationToken,
    tried: Tried,
) {
    let mut watch = Watch::new("NetworkNamespaces", writer);
    tokio::spawn(lateness(watch.ready.clone(), configurations.clone(), triggers.clone(), late));
    loop {
        let versions = versions(&client).await;
        let version = versions[watch.failures % versions.len()];
        tracing::debug!(version, "reading NetworkNamespaces");
        *tried.0.lock() = Some(version);
        let users = |namespace: ObjectRef<AnyNamespace>| {
            for object in references_in(&configurations, namespace.namespace.as_deref()) {
                // Nobody listens any more when the operator stops.
                let _ = triggers.send(object);
            }
        };
        watch.follow(events(&client, version), users).await;
    }
}

/// Those of [`VERSIONS`] that the cluster serves; the oldest, where it does not tell.
async fn versions(client: &Client) -> Vec<&'static str> {
    let mut served = Vec::new();
    for version in VERSIONS {
        let group = format!("{GROUP}/{version}");
        let resources = timeout(DISCOVERY, client.list_api_group_resources(&group)).await;
        let plural = NetworkNamespace::plural(&());
        if resources.is_ok_and(|known| {
            known.is_ok_and(|known| known.resources.iter().any(|resource| resource.name == plural))
        }) {
            served.push(version);
        }
    }
    if served.is_empty() { vec![VERSIONS[VERSIONS.len() - 1]] } else { served }
}

/// NetworkNamespaces in that version.
pub fn resource(version: &str) -> ApiResource {
    ApiResource {
        group: GROUP.into(),
        version: version.into(),
        api_version: format!("{GROUP}/{version}"),
        kind: NetworkNamespace::kind(&()).into(),
        plural: NetworkNamespace::plural(&()).into(),
    }
}

fn events(
    client: &Client,
    version: &str,
) -> impl Stream<Item = watcher::Result<watcher::Event<AnyNamespace>>> + use<> {
    let api: Api<Versioned> = Api::all_with(client.clone(), &resource(version));
    watcher(api, watcher::Config::default()).default_backoff().map(|event| event.map(read))
}

fn read(event: watcher::Event<Versioned>) -> watcher::Event<AnyNamespace> {
    match event {
        watcher::Event::Apply(object) => watcher::Event::Apply(plain(object)),
        watcher::Event::Delete(object) => watcher::Event::Delete(plain(object)),
        watcher::Event::Init => watcher::Event::Init,
        watcher::Event::InitApply(object) => watcher::Event::InitApply(plain(object)),
        watcher::Event::InitDone => watcher::Event::InitDone,
    }
}

fn plain(mut object: Versioned) -> AnyNamespace {
    let mut owners = object.meta().clone();
    usage::keep_owners(&mut owners);
    slim(object.meta_mut());
    object.meta_mut().managed_fields = owners.managed_fields;
    DeserializeGuard(match object.0 {
        Ok(object) => Ok(NetworkNamespace {
            metadata: object.metadata,
            spec: object.spec.unwrap_or_default(),
            status: object.status,
        }),
        Err(InvalidObject { error, metadata }) => Err(InvalidObject { error, metadata }),
    })
}

/// Waits for the first list; where it takes long, lets the objects be served without, and again when it has come.
async fn lateness(
    ready: CancellationToken,
    configurations: Store<AnyConfiguration>,
    triggers: UnboundedSender<ObjectRef<AnyConfiguration>>,
    late: CancellationToken,
) {
    if timeout(GRACE, ready.cancelled()).await.is_ok() {
        return;
    }
    tracing::warn!(
        "NetworkNamespaces could not be read for {} s; objects are served without, as far as that goes",
        GRACE.as_secs()
    );
    late.cancel();
    ready.cancelled().await;
    for object in configurations.state() {
        let _ = triggers.send(ObjectRef::from_obj(object.as_ref()));
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use kube::ResourceExt;
    use serde_json::json;

    #[test]
    fn both_versions_are_read() {
        let old = json!({
            "apiVersion": "vitistack.io/v1alpha1", "kind": "NetworkNamespace", "metadata": {"name": "a"},
            "spec": {"datacenterIdentifier": "d", "supervisorIdentifier": "s"},
            "status": {"ipv4Prefix": "10.0.0.0/24", "provisioningPhase": "Pending"},
        });
        let new = json!({
            "apiVersion": "vitistack.io/v1alpha2", "kind": "NetworkNamespace", "metadata": {"name": "b"},
            "spec": {"networkProvisioning": {"provider": "manual", "manual": {"ipv4CIDR": "10.0.0.0/24", "ipv4Gateway": "10.0.0.9"}}},
            "status": {"ipv4Prefix": "10.0.0.0/24", "provisioningPhase": "Ready"},
        });
        let bare = json!({"metadata": {"name": "c"}});
        for (object, phase) in [(old, Some("Pending")), (new, Some("Ready")), (bare, None)] {
            let versioned: Versioned = serde_json::from_value(object).unwrap();
            let namespace = plain(versioned).0.unwrap();
            let status = namespace.status.unwrap_or_default();
            assert_eq!(status.provisioning_phase.as_deref(), phase);
        }
    }

    #[test]
    fn a_malformed_one_keeps_its_name() {
        let object = json!({"metadata": {"name": "a"}, "spec": {}, "status": {"ipv4Prefix": 5}});
        let namespace = plain(serde_json::from_value(object).unwrap());
        assert_eq!(namespace.name_any(), "a");
        assert!(namespace.0.unwrap_err().error.contains("string"));
    }
}
