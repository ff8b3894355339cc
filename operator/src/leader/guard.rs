//! The last look before a write: no command reaches Kea, and no write the cluster, after the term.

use std::sync::Arc;

use async_trait::async_trait;

use super::Term;
use crate::crd::{IpAllocationStatus, NetworkConfiguration, NetworkConfigurationStatus, NetworkNamespace};
use crate::kea::{KeaError, Transport};
use crate::source::{Notice, Objects, SourceError};

/// A way to Kea that ends with the term.
pub struct GuardedTransport {
    /// The way.
    pub inner: Box<dyn Transport>,
    /// The term.
    pub term: Term,
}

#[async_trait]
impl Transport for GuardedTransport {
    async fn exchange(&self, name: &str, body: Vec<u8>) -> Result<Vec<u8>, KeaError> {
        self.term.last().await;
        self.inner.exchange(name, body).await
    }

    fn complaint(&self) -> Option<String> {
        self.inner.complaint()
    }

    fn renewals(&self) -> u64 {
        self.inner.renewals()
    }
}

/// Writes about objects that end with the term.
pub struct GuardedObjects {
    /// The writes.
    pub inner: Arc<dyn Objects>,
    /// The term.
    pub term: Term,
}

#[async_trait]
impl Objects for GuardedObjects {
    async fn write_status(
        &self,
        object: &NetworkConfiguration,
        status: &NetworkConfigurationStatus,
    ) -> Result<String, SourceError> {
        self.term.last().await;
        self.inner.write_status(object, status).await
    }

    async fn set_finalizers(
        &self,
        object: &NetworkConfiguration,
        finalizers: &[String],
    ) -> Result<Option<String>, SourceError> {
        self.term.last().await;
        self.inner.set_finalizers(object, finalizers).await
    }

    async fn write_usage(
        &self,
        namespace: &NetworkNamespace,
        usage: Option<&IpAllocationStatus>,
    ) -> Result<(), SourceError> {
        self.term.last().await;
        self.inner.write_usage(namespace, usage).await
    }

    async fn notify(&self, object: &NetworkConfiguration, notice: &Notice) {
        self.term.last().await;
        self.inner.notify(object, notice).await;
    }

    async fn finish(&self) {
        self.inner.finish().await;
    }
}
