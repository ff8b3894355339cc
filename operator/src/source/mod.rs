//! Where the objects come from and where their status goes: a cluster, or a folder of YAML files.

pub mod dir;
pub mod kube;
pub mod secret;

use std::sync::Arc;

use ::kube::ResourceExt;
use ::kube::runtime::reflector::{ObjectRef, Store};
use async_trait::async_trait;
use tokio::sync::mpsc;
use tokio_util::sync::CancellationToken;

use crate::crd::{
    AnyConfiguration, AnyNamespace, IpAllocationStatus, NetworkConfiguration, NetworkConfigurationStatus,
    NetworkNamespace,
};
use crate::telemetry::Readiness;

/// An opened source.
pub struct Source {
    /// NetworkConfigurations as last seen.
    pub configurations: Store<AnyConfiguration>,
    /// NetworkNamespaces as last seen.
    pub namespaces: Store<AnyNamespace>,
    /// Cancelled when NetworkNamespaces could not be read for a while after the start: nothing waits for them any longer.
    pub namespaces_late: CancellationToken,
    /// Objects that something happened to.
    pub triggers: mpsc::UnboundedReceiver<ObjectRef<AnyConfiguration>>,
    /// The way back.
    pub objects: Arc<dyn Objects>,
    /// Identity of the cluster or folder, for the mark of ownership.
    pub cluster_id: String,
}

impl Source {
    /// Waits until the objects can be served: with their namespaces, unless these take too long. False where that will
    /// never be.
    pub async fn can_be_served(&self) -> bool {
        // A namespace that has not been listed yet must not pass for one that does not exist.
        let namespaces = async {
            tokio::select! {
                ready = self.namespaces.wait_until_ready() => ready.is_ok(),
                () = self.namespaces_late.cancelled() => true,
            }
        };
        namespaces.await && self.configurations.wait_until_ready().await.is_ok()
    }

    /// Keeps up with the source while another process serves it, and says when it could be served. Does not return.
    pub async fn look_on(&mut self, readiness: &Readiness) {
        if self.can_be_served().await {
            readiness.set();
        }
        while self.triggers.recv().await.is_some() {}
        std::future::pending::<()>().await;
    }

    /// Triggers every object that is known, then what happens from now on: what happened before was not acted on.
    pub fn trigger_all(&mut self) {
        let (sender, triggers) = mpsc::unbounded_channel();
        let mut news = std::mem::replace(&mut self.triggers, triggers);
        for object in self.configurations.state() {
            // The receiver is here: it cannot be gone.
            let _ = sender.send(ObjectRef::from_obj(object.as_ref()));
        }
        tokio::spawn(async move {
            while let Some(object) = news.recv().await {
                if sender.send(object).is_err() {
                    return;
                }
            }
        });
    }
}

/// Writes about NetworkConfigurations, and the little there is to say of their NetworkNamespaces.
#[async_trait]
pub trait Objects: Send + Sync {
    /// Makes `status` the operator's part of the status; what it wrote before and `status` lacks goes. Returns the
    /// version of the object that has it.
    async fn write_status(
        &self,
        object: &NetworkConfiguration,
        status: &NetworkConfigurationStatus,
    ) -> Result<String, SourceError>;

    /// Replaces the finalizers, if the object is still as given. Returns its new version; none where that was the last
    /// finalizer of a deleted object.
    async fn set_finalizers(
        &self,
        object: &NetworkConfiguration,
        finalizers: &[String],
    ) -> Result<Option<String>, SourceError>;

    /// Makes `usage` what the status of a NetworkNamespace says of its addresses; none takes back what the operator said. A
    /// conflict where another writer says it. Does nothing where the source keeps no such status.
    async fn write_usage(
        &self,
        namespace: &NetworkNamespace,
        usage: Option<&IpAllocationStatus>,
    ) -> Result<(), SourceError>;

    /// Tells people about a change. Never fails: what cannot be told is logged.
    async fn notify(&self, object: &NetworkConfiguration, notice: &Notice);

    /// Waits until people have been told all, for a while.
    async fn finish(&self) {}
}

/// Something that happened to an object, for people.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Notice {
    /// Whether somebody should look at it.
    pub warning: bool,
    /// One word.
    pub reason: String,
    /// One sentence.
    pub note: String,
}

impl Notice {
    /// Writes it to the log too, where those look who run the operator.
    pub fn log(&self, object: &NetworkConfiguration) {
        let (namespace, name) = (object.namespace(), object.name_any());
        if self.warning {
            tracing::warn!(namespace, name, reason = self.reason, "{}", self.note);
        } else {
            tracing::info!(namespace, name, reason = self.reason, "{}", self.note);
        }
    }
}

/// Why a write did not happen.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum SourceError {
    /// The object is gone.
    #[error("the object is gone")]
    Gone,
    /// The object changed meanwhile, or another writer owns the fields.
    #[error("another writer changed the object, or owns fields of it: {0}")]
    Conflict(String),
    /// Anything else.
    #[error("{0}")]
    Failed(String),
}

/// The readable objects of a store that are in `namespace`.
pub(crate) fn references_in(
    store: &Store<AnyConfiguration>,
    namespace: Option<&str>,
) -> Vec<ObjectRef<AnyConfiguration>> {
    store
        .state()
        .iter()
        .filter(|object| object.namespace().as_deref() == namespace)
        .map(|object| ObjectRef::from_obj(object.as_ref()))
        .collect()
}
