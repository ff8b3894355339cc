//! Everything that is read for an object: its NetworkNamespace, and what Kea holds for it.

use std::sync::Arc;

use futures::FutureExt;
use kube::ResourceExt;
use kube::runtime::reflector::Store;

use crate::crd::{AnyNamespace, NetworkConfiguration, NetworkNamespace};
use crate::domain::{Desired, Interface, Mac, Observed, Release, Wish, candidate};
use crate::kea::{KeaError, Server};

/// Why an object's NetworkNamespace is not known.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum DereferenceError {
    /// None could be read since the start.
    #[error("NetworkNamespaces cannot be read from the cluster yet; the log of the operator tells why")]
    Unread,
    /// There is none of that name.
    #[error(
        "NetworkNamespace {name:?} does not exist in namespace {namespace}; create it, or correct spec.networkNamespaceName"
    )]
    Missing {
        /// Its name.
        name: String,
        /// The Kubernetes namespace.
        namespace: String,
    },
    /// None is named, and there is none.
    #[error("namespace {namespace} has no NetworkNamespace; create one")]
    None {
        /// The Kubernetes namespace.
        namespace: String,
    },
    /// None is named, and there are several.
    #[error("namespace {namespace} has several NetworkNamespaces ({}); name one in spec.networkNamespaceName", names.join(", "))]
    Ambiguous {
        /// The Kubernetes namespace.
        namespace: String,
        /// Their names, sorted.
        names: Vec<String>,
    },
    /// It cannot be read.
    #[error("NetworkNamespace {name:?} is malformed: {cause}; correct it")]
    Malformed {
        /// Its name.
        name: String,
        /// What is wrong.
        cause: String,
    },
}

impl DereferenceError {
    /// One word for the condition.
    pub fn reason(&self) -> &'static str {
        match self {
            Self::Unread => "NamespaceUnreadable",
            Self::Missing { .. } | Self::None { .. } => "NamespaceMissing",
            Self::Ambiguous { .. } => "NamespaceAmbiguous",
            Self::Malformed { .. } => "NamespaceMalformed",
        }
    }
}

/// The NetworkNamespace that the spec names, else the only one in the object's Kubernetes namespace.
pub fn namespace(
    object: &NetworkConfiguration,
    store: &Store<AnyNamespace>,
) -> Result<Arc<NetworkNamespace>, DereferenceError> {
    if store.wait_until_ready().now_or_never().is_none() {
        return Err(DereferenceError::Unread);
    }
    let within = object.namespace().unwrap_or_default();
    let mut found = store.state_filter(|namespace| namespace.namespace().unwrap_or_default() == within);
    let name = object.spec.network_namespace_name.as_deref().map(str::trim).filter(|name| !name.is_empty());
    if let Some(name) = name {
        found.retain(|namespace| namespace.name_any() == name);
    }
    match found.as_slice() {
        [only] => match &only.0 {
            Ok(namespace) => Ok(Arc::new(namespace.clone())),
            Err(invalid) => {
                Err(DereferenceError::Malformed { name: only.name_any(), cause: invalid.error.clone() })
            }
        },
        [] => Err(match name {
            Some(name) => DereferenceError::Missing { name: name.into(), namespace: within },
            None => DereferenceError::None { namespace: within },
        }),
        several => {
            let mut names: Vec<String> = several.iter().map(|namespace| namespace.name_any()).collect();
            names.sort();
            Err(DereferenceError::Ambiguous { namespace: within, names })
        }
    }
}

/// What Kea holds for a wish: leases and reservations of its devices, the holders of addresses that they would get, and
/// reservations to release.
pub async fn observe(kea: &Server, desired: &Desired, now: i64) -> Result<Observed, KeaError> {
    let mut observed = observe_releases(kea, &desired.releases).await?;
    observed.now = now;
    let subnet = desired.subnet.id;
    for mac in desired.interfaces.iter().filter_map(wished) {
        observed.leases.insert(mac, kea.leases(mac).await?);
        if let Some(reservation) = kea.reservation_of(subnet, mac).await? {
            let is_ours = desired.owner.owns(&reservation.ownership);
            observed.reservations.insert((subnet, mac), reservation);
            if is_ours {
                continue;
            }
        }
        if let Ok(address) = candidate(mac, desired, &observed)
            && let Some(holder) = kea.reservation_at(subnet, address).await?
        {
            observed.holders.insert((subnet, address), holder);
        }
    }
    Ok(observed)
}

fn wished(interface: &Interface) -> Option<Mac> {
    match interface.wish {
        Wish::Reserve(mac) => Some(mac),
        Wish::Invalid(_) => None,
    }
}

/// The reservations that may be released.
pub async fn observe_releases(kea: &Server, releases: &[Release]) -> Result<Observed, KeaError> {
    let mut observed = Observed::default();
    for Release { mac, subnet } in releases {
        if let Some(reservation) = kea.reservation_of(subnet.id, *mac).await? {
            observed.reservations.insert((subnet.id, *mac), reservation);
        }
    }
    Ok(observed)
}
