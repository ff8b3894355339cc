//! The Lease in the cluster.

use k8s_openapi::api::coordination::v1::Lease;
use kube::api::{Api, PostParams};
use kube::{Client, Config};
use tokio::time::timeout;

use super::{LEASE_NAME, REQUEST, Settings};

/// Why a request about the Lease came to nothing.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum LockError {
    /// Another was faster.
    #[error("the lease was changed by another at the same time")]
    Outrun,
    /// Not permitted.
    #[error(
        "the cluster does not permit it; permit get, create and update on leases (coordination.k8s.io) in namespace {0}"
    )]
    Forbidden(String),
    /// No answer.
    #[error("the cluster does not answer")]
    Silent,
    /// Anything else.
    #[error("{0}")]
    Failed(String),
}

/// Reads and writes the Lease.
pub struct Lock {
    api: Api<Lease>,
    namespace: String,
}

impl Lock {
    /// Through connections of its own: what else goes to the cluster must not hold up a renewal.
    pub async fn open(settings: &Settings) -> Result<Self, String> {
        let mut config = Config::infer().await.map_err(|error| error.to_string())?;
        (config.connect_timeout, config.read_timeout, config.write_timeout) =
            (Some(REQUEST), Some(REQUEST), Some(REQUEST));
        let client = Client::try_from(config).map_err(|error| error.to_string())?;
        let namespace = settings.namespace.clone();
        Ok(Self { api: Api::namespaced(client, &namespace), namespace })
    }

    /// The Lease, if there is one.
    pub async fn get(&self) -> Result<Option<Lease>, LockError> {
        self.answer(self.api.get_opt(LEASE_NAME)).await
    }

    /// Makes it, where there is none.
    pub async fn create(&self, lease: &Lease) -> Result<Lease, LockError> {
        self.answer(self.api.create(&PostParams::default(), lease)).await
    }

    /// Replaces it, if it still is of the version in `lease`.
    pub async fn replace(&self, lease: &Lease) -> Result<Lease, LockError> {
        self.answer(self.api.replace(LEASE_NAME, &PostParams::default(), lease)).await
    }

    async fn answer<T>(&self, request: impl Future<Output = kube::Result<T>>) -> Result<T, LockError> {
        match timeout(REQUEST, request).await {
            Err(_) => Err(LockError::Silent),
            Ok(Ok(answer)) => Ok(answer),
            Ok(Err(kube::Error::Api(status))) if status.code == 409 => Err(LockError::Outrun),
            Ok(Err(kube::Error::Api(status))) if status.code == 403 => {
                Err(LockError::Forbidden(self.namespace.clone()))
            }
            Ok(Err(kube::Error::Api(status))) => Err(LockError::Failed(status.message)),
            Ok(Err(other)) => Err(LockError::Failed(other.to_string())),
        }
    }
}
