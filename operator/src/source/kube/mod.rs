//! Objects of a cluster: watches, status by server-side apply, events.

mod events;
mod namespaces;
mod news;
mod objects;
mod slim;
mod takeover;
mod usage;
mod watch;

use std::sync::Arc;
use std::time::Duration;

use k8s_openapi::api::core::v1::Namespace;
use kube::api::Api;
use kube::runtime::reflector::{self, ObjectRef, store::Writer};
use kube::runtime::{WatchStreamExt, watcher};
use kube::{Client, Config, Resource};
use tokio::sync::mpsc::{self, UnboundedSender};
use tokio::time::{sleep, timeout};
use tokio_util::sync::CancellationToken;

use super::Source;
use crate::crd::AnyConfiguration;

use events::Events;
use objects::Cluster;
use slim::{ConditionList, slim};
use watch::Watch;

/// Owner of the fields that the operator writes.
const FIELD_MANAGER: &str = "kea-operator";
/// How long a connection to the API server may take to come about.
const CONNECT: Duration = Duration::from_secs(10);
/// How long the API server gets to tell the identity of the cluster, and how long until it is asked again.
const IDENTITY: (Duration, Duration) = (Duration::from_secs(10), Duration::from_secs(2));

/// Objects in a page of a list. A page is in memory as text and as objects before what nobody reads is dropped.
const PAGE: u32 = 100;

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
    ClusterId(String),
}

/// Opens the cluster that the environment leads to. `cluster_id` overrides its identity.
pub async fn open(cluster_id: Option<String>) -> Result<Source, OpenError> {
    let mut config = Config::infer().await.map_err(|error| OpenError::Config(error.to_string()))?;
    config.connect_timeout = Some(CONNECT);
    let client = Client::try_from(config).map_err(|error| OpenError::Config(error.to_string()))?;
    let cluster_id = match cluster_id {
        Some(given) => given,
        None => uid_of_kube_system(&client).await?,
    };
    let (configurations, writer) = reflector::store();
    let (triggers, triggered) = mpsc::unbounded_channel();
    let conditions = ConditionList::default();
    tokio::spawn(watch_configurations(client.clone(), writer, triggers.clone(), conditions.clone()));
    let (namespaces, writer) = reflector::store();
    let late = CancellationToken::new();
    let tried = namespaces::Tried::default();
    tokio::spawn(namespaces::watch(
        client.clone(),
        writer,
        configurations.clone(),
        triggers,
        late.clone(),
        tried.clone(),
    ));
    Ok(Source {
        configurations,
        namespaces,
        namespaces_late: late,
        triggers: triggered,
        objects: Arc::new(Cluster {
            events: Events::new(client.clone()),
            client,
            conditions,
            namespaces: tried,
        }),
        cluster_id,
    })
}

/// Asks until the cluster answers: it may be starting, as its nodes are.
async fn uid_of_kube_system(client: &Client) -> Result<String, OpenError> {
    let namespaces: Api<Namespace> = Api::all(client.clone());
    let mut said = String::new();
    loop {
        let failure = match timeout(IDENTITY.0, namespaces.get("kube-system")).await {
            Ok(Ok(found)) => return Ok(found.metadata.uid.unwrap_or_default()),
            Ok(Err(kube::Error::Api(status))) if status.code < 500 && status.code != 429 => {
                return Err(OpenError::ClusterId(status.message));
            }
            Ok(Err(error)) => error.to_string(),
            Err(_) => format!("no answer within {} s", IDENTITY.0.as_secs()),
        };
        if said != failure {
            tracing::warn!("the cluster does not answer: {failure}; will try again");
            said = failure;
        }
        sleep(IDENTITY.1).await;
    }
}

/// Triggers an object when something that matters changes.
async fn watch_configurations(
    client: Client,
    writer: Writer<AnyConfiguration>,
    triggers: UnboundedSender<ObjectRef<AnyConfiguration>>,
    conditions: ConditionList,
) {
    let api: Api<AnyConfiguration> = Api::all(client);
    let known = writer.as_reader();
    let mut watch = Watch::new("NetworkConfigurations", writer);
    loop {
        let events = watcher(api.clone(), watcher::Config::default().page_size(PAGE))
            .default_backoff()
            .modify(|object| {
                conditions.note(object.meta());
                slim(object.meta_mut());
            });
        // Nobody listens any more when the operator stops.
        watch
            .follow(events, |object| {
                // What is gone needs nothing: it was let go by its finalizer, or was never claimed.
                if known.get(&object).is_some() {
                    let _ = triggers.send(object);
                }
            })
            .await;
    }
}
