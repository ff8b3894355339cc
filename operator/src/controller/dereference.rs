//! Everything that is read for an object: its NetworkNamespace, and what the servers hold for it.

use std::collections::BTreeMap;
use std::sync::Arc;

use futures::FutureExt;
use futures::future::join_all;
use ipnet::IpNet;
use kube::ResourceExt;
use kube::runtime::reflector::Store;

use super::creation::{Creation, CreationError};
use super::finding::Obstacle;
use super::validate::{self, ValidateError};
use crate::crd::{AnyNamespace, NetworkConfiguration, NetworkNamespace};
use crate::domain::{Holdings, Known, Mac, NewSubnet, SubnetError, View};
use crate::kea::{Fleet, KeaError, Member};

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

/// What the servers hold for an object.
#[derive(Default)]
pub struct Sight {
    /// Servers that answered and have a subnet for the prefix, the one to believe first.
    pub seen: Vec<(Arc<Member>, View)>,
    /// What is in the way on the others.
    pub troubles: Vec<(Arc<Member>, Obstacle)>,
}

/// What each server holds for devices in a prefix: its subnet for it, and their leases and reservations. Where `wanted` is given, a
/// subnet that is missing is made.
pub async fn observe(
    fleet: &Fleet,
    prefix: IpNet,
    macs: &[Mac],
    wanted: Option<(&Creation, &Result<NewSubnet, CreationError>)>,
) -> Sight {
    let _waiting = fleet.wait();
    let sight = look(fleet, prefix, macs).await;
    let (is_missing, answering) = gaps(&sight);
    match wanted {
        Some((creation, wanted)) if is_missing => {
            let refused = match wanted {
                Ok(new) => creation.provide(new, &answering).await,
                Err(error) => {
                    answering.into_iter().map(|member| (member, Err(error.clone().into()))).collect()
                }
            };
            let mut sight = look(fleet, prefix, macs).await;
            for (member, obstacle) in &mut sight.troubles {
                if is_not_found(obstacle)
                    && let Some((_, Err(why))) = refused.iter().find(|(asked, _)| Arc::ptr_eq(asked, member))
                {
                    *obstacle = why.clone();
                }
            }
            sight
        }
        _ => sight,
    }
}

fn is_not_found(obstacle: &Obstacle) -> bool {
    matches!(obstacle, Obstacle::Subnet(ValidateError::Subnet(SubnetError::NotFound { .. })))
}

/// Whether a server lacks a subnet for the prefix, and the servers that told whether they do.
fn gaps(sight: &Sight) -> (bool, Vec<Arc<Member>>) {
    let lacking =
        sight.troubles.iter().filter(|(_, obstacle)| is_not_found(obstacle)).map(|(member, _)| member);
    let having = sight.seen.iter().map(|(member, _)| member);
    (lacking.clone().next().is_some(), having.chain(lacking).cloned().collect())
}

async fn look(fleet: &Fleet, prefix: IpNet, macs: &[Mac]) -> Sight {
    let looks = fleet.members().iter().map(|member| async move {
        let outcome = view(member, prefix, macs).await;
        (member.clone(), outcome)
    });
    let mut sight = Sight::default();
    for (member, outcome) in join_all(looks).await {
        match outcome {
            Ok(view) => sight.seen.push((member, view)),
            Err(obstacle) => sight.troubles.push((member, obstacle)),
        }
    }
    sight
}

async fn view(member: &Member, prefix: IpNet, macs: &[Mac]) -> Result<View, Obstacle> {
    let mut subnets = member.subnets().await?;
    let mut subnet = validate::subnet(prefix, &subnets);
    if subnet.is_err() {
        // It may have been added since.
        subnets = member.subnets_again().await?;
        subnet = validate::subnet(prefix, &subnets);
    }
    let subnet = subnet?;
    let known = known(member, macs).await?;
    Ok(View { server: member.name().into(), subnet, holdings: Holdings { subnets, known } })
}

/// What one server holds of devices.
pub async fn holdings(member: &Member, macs: &[Mac]) -> Result<Holdings, KeaError> {
    let subnets = member.subnets().await?;
    Ok(Holdings { subnets, known: known(member, macs).await? })
}

async fn known(member: &Member, macs: &[Mac]) -> Result<BTreeMap<Mac, Known>, KeaError> {
    let known = member.look_up(macs.to_vec()).await?;
    Ok(macs.iter().copied().zip(known).collect())
}

/// Reads reservations as a whole that a brief answer left unclear.
pub async fn look_closer(member: &Member, view: &mut View, macs: &[Mac]) -> Result<(), KeaError> {
    for mac in macs {
        let whole = member.reservation_of(view.subnet.id, *mac).await?;
        let known = view.holdings.known.entry(*mac).or_default();
        known.reservations.retain(|found| found.subnet_id != view.subnet.id);
        known.reservations.extend(whole);
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use kube::core::DeserializeGuard;
    use kube::runtime::reflector;
    use kube::runtime::watcher::Event;

    use super::*;
    use crate::crd::NetworkConfigurationSpec;

    /// What an object without a name for its NetworkNamespace, or with one, gets where there are these.
    fn found(there: &[(&str, &str)], wanted: Option<&str>) -> Result<String, &'static str> {
        let (store, mut writer) = reflector::store();
        writer.apply_watcher_event(&Event::Init);
        for (within, name) in there {
            let mut namespace = NetworkNamespace::default();
            namespace.metadata.name = Some((*name).into());
            namespace.metadata.namespace = Some((*within).into());
            writer.apply_watcher_event(&Event::InitApply(DeserializeGuard(Ok(namespace))));
        }
        writer.apply_watcher_event(&Event::InitDone);
        let spec = NetworkConfigurationSpec {
            network_namespace_name: wanted.map(Into::into),
            ..NetworkConfigurationSpec::default()
        };
        let mut object = NetworkConfiguration::new("vm", spec);
        object.metadata.namespace = Some("a".into());
        namespace(&object, &store).map(|namespace| namespace.name_any()).map_err(|error| error.reason())
    }

    #[test]
    fn the_named_one_counts_else_the_only_one_and_never_one_of_several() {
        let two = [("a", "first"), ("a", "second"), ("b", "third")];
        assert_eq!(found(&two, Some("second")), Ok("second".into()));
        assert_eq!(found(&two, None), Err("NamespaceAmbiguous"));
        assert_eq!(found(&two, Some("third")), Err("NamespaceMissing"));
        assert_eq!(found(&two[1..], None), Ok("second".into()));
        assert_eq!(found(&two[2..], None), Err("NamespaceMissing"));
    }
}
