//! The controller: `dereference → validate → plan → apply → status` for one object at a time, many objects at once.

mod apply;
mod conditions;
mod dereference;
mod finding;
mod give_up;
mod notices;
mod pace;
mod reconcile;
#[cfg(test)]
mod scripted;
mod status;
mod triage;
mod validate;

use std::collections::HashMap;
use std::sync::Arc;

use futures::StreamExt;
use kube::runtime::controller::{Config, applier};
use kube::runtime::reflector::{ObjectRef, Store};
use parking_lot::Mutex;
use tokio::sync::mpsc;
use tokio_util::sync::CancellationToken;

use crate::crd::{AnyConfiguration, AnyNamespace, NetworkConfiguration};
use crate::kea::Server;
use crate::source::{Objects, Source};
use crate::telemetry::Readiness;

pub use conditions::TYPES as CONDITION_TYPES;
use pace::Pace;
pub use triage::{Policy, is_ours as is_our_finalizer};

/// Finalizer of objects that have, or may have, reservations.
pub const FINALIZER: &str = "vitistack.io/networkconfiguration-finalizer";
/// Name of the finalizer in versions of the Go operator up to 0.0.12; replaced where found.
pub const LEGACY_FINALIZER: &str = "networkconfiguration.finalizers.vitistack.io";
/// Annotation that leaves the reservations of a deleted object in Kea.
pub const SKIP_CLEANUP: &str = "vitistack.io/kea-skip-cleanup";

/// What every reconciliation shares.
pub struct Context {
    kea: Arc<Server>,
    objects: Arc<dyn Objects>,
    namespaces: Store<AnyNamespace>,
    policy: Policy,
    pace: Pace,
    written: Mutex<HashMap<String, u64>>,
}

impl Context {
    /// Remembers a version that this process wrote.
    fn wrote(&self, object: &NetworkConfiguration, version: &str) {
        if let (Some(uid), Ok(version)) = (object.metadata.uid.clone(), version.parse()) {
            self.written.lock().insert(uid, version);
        }
    }

    /// Whether the object is older than what this process wrote itself: the cache has yet to catch up.
    fn is_stale(&self, object: &NetworkConfiguration) -> bool {
        let version = object.metadata.resource_version.as_deref().and_then(|v| v.parse::<u64>().ok());
        let written = object.metadata.uid.as_ref().and_then(|uid| self.written.lock().get(uid).copied());
        matches!((version, written), (Some(seen), Some(written)) if seen < written)
    }

    /// Forgets an object that is gone.
    fn forget(&self, object: &NetworkConfiguration) {
        if let Some(uid) = &object.metadata.uid {
            self.written.lock().remove(uid);
            self.pace.reset(uid);
        }
    }
}

/// Settings of the controller.
#[derive(Clone, Debug)]
pub struct Options {
    /// Values of `spec.provider` that are served, lower-case.
    pub providers: Vec<String>,
    /// Objects that are worked on at the same time.
    pub workers: u16,
}

/// Serves the objects of `source` until `stop`; running reconciliations are finished first.
pub async fn run(
    source: Source,
    kea: Arc<Server>,
    options: Options,
    readiness: Readiness,
    stop: CancellationToken,
) {
    tokio::select! {
        ready = source.can_be_served() => if !ready { return },
        () = stop.cancelled() => return,
    }
    readiness.set();
    let Source { configurations, namespaces, triggers, objects, cluster_id, .. } = source;
    let context = Arc::new(Context {
        kea,
        objects,
        namespaces,
        policy: Policy { cluster_id, providers: options.providers },
        pace: Pace::default(),
        written: Mutex::default(),
    });
    let queue = queue(triggers).take_until(stop.cancelled_owned());
    applier(
        |object, context| Box::pin(reconcile::reconcile(object, context)),
        |object: Arc<AnyConfiguration>, _: &reconcile::Error, context: Arc<Context>| {
            reconcile::retry(&object, &context)
        },
        context,
        configurations,
        Box::pin(queue),
        Config::default().concurrency(options.workers),
    )
    .for_each(|outcome| async move {
        if let Err(error) = outcome {
            tracing::debug!(%error, "reconciliation ended without success");
        }
    })
    .await;
}

fn queue(
    triggers: mpsc::UnboundedReceiver<ObjectRef<AnyConfiguration>>,
) -> impl futures::Stream<Item = Result<ObjectRef<AnyConfiguration>, std::convert::Infallible>> {
    futures::stream::unfold(triggers, |mut triggers| async {
        triggers.recv().await.map(|object| (Ok(object), triggers))
    })
}
