//! Which objects are served: triage by provider and by the namespace's way of allocation.

use kube::ResourceExt;

use super::{FINALIZER, LEGACY_FINALIZER, SKIP_CLEANUP};
use crate::crd::{NetworkConfiguration, NetworkNamespace};
use crate::domain::{ObjectName, Owner};

/// Settings that decide what is served and in whose name.
#[derive(Clone, Debug)]
pub struct Policy {
    /// Identity of the cluster or folder.
    pub cluster_id: String,
    /// Providers that are ours, lower-case.
    pub providers: Vec<String>,
}

/// What to do with an object.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Claim {
    /// It is ours.
    Serve,
    /// It was ours: release what it has.
    GiveUp(Why),
    /// It is not ours and never was.
    Leave,
}

/// Why an object is given up.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Why {
    /// It is deleted.
    Deleted,
    /// It is deleted, and its reservations shall stay.
    DeletedKeeping,
    /// Its provider, or the way of allocation of its namespace, is another's now.
    NotOurs,
}

impl Policy {
    /// Decides by the object and, where it is known, its NetworkNamespace.
    pub fn triage(&self, object: &NetworkConfiguration, namespace: Option<&NetworkNamespace>) -> Claim {
        let claimed = object.finalizers().iter().any(|finalizer| is_ours(finalizer));
        let why = if object.metadata.deletion_timestamp.is_some() {
            match object.annotations().get(SKIP_CLEANUP).map(String::as_str) {
                Some("true") => Why::DeletedKeeping,
                _ => Why::Deleted,
            }
        } else if self.serves(object) && namespace.is_none_or(allocates_by_dhcp) {
            return Claim::Serve;
        } else {
            Why::NotOurs
        };
        if claimed { Claim::GiveUp(why) } else { Claim::Leave }
    }

    /// Whether the provider is ours.
    pub fn serves(&self, object: &NetworkConfiguration) -> bool {
        let provider = object.spec.provider.as_deref().unwrap_or_default().trim().to_lowercase();
        provider.is_empty() || self.providers.contains(&provider)
    }

    /// The object as owner of reservations.
    pub fn owner(&self, object: &NetworkConfiguration) -> Owner {
        Owner {
            cluster_id: self.cluster_id.clone(),
            object: ObjectName {
                namespace: object.namespace().unwrap_or_default(),
                name: object.name_any(),
                uid: object.uid().unwrap_or_default(),
            },
        }
    }
}

fn allocates_by_dhcp(namespace: &NetworkNamespace) -> bool {
    let kind = namespace.spec.ip_allocation.as_ref().map_or("", |allocation| allocation.type_.as_str());
    kind.is_empty() || kind == "dhcp"
}

/// Whether a finalizer is ours, by its present or its former name.
pub fn is_ours(finalizer: &str) -> bool {
    finalizer == FINALIZER || finalizer == LEGACY_FINALIZER
}

/// The finalizers of a served object: others' as they are, ours once and by its present name.
pub fn with_ours(present: &[String]) -> Vec<String> {
    let mut finalizers = without_ours(present);
    finalizers.push(FINALIZER.into());
    finalizers
}

/// The finalizers of an object that is given up.
pub fn without_ours(present: &[String]) -> Vec<String> {
    present.iter().filter(|finalizer| !is_ours(finalizer)).cloned().collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::crd::{IpAllocation, NetworkConfigurationSpec};
    use k8s_openapi::apimachinery::pkg::apis::meta::v1::Time;
    use k8s_openapi::jiff::Timestamp;

    fn policy() -> Policy {
        Policy { cluster_id: "c".into(), providers: vec!["kea".into(), "proxmox".into()] }
    }

    fn object(provider: Option<&str>, finalizers: &[&str]) -> NetworkConfiguration {
        let spec = NetworkConfigurationSpec { provider: provider.map(Into::into), ..Default::default() };
        let mut object = NetworkConfiguration::new("vm", spec);
        object.metadata.finalizers = Some(finalizers.iter().map(ToString::to_string).collect());
        object
    }

    fn namespace(kind: &str) -> NetworkNamespace {
        let mut namespace = NetworkNamespace::default();
        namespace.spec.ip_allocation = Some(IpAllocation { type_: kind.into(), ..Default::default() });
        namespace
    }

    #[test]
    fn ours_are_those_of_our_providers_and_those_without_one() {
        for provider in [None, Some(""), Some("kea"), Some(" KEA "), Some("Proxmox")] {
            assert_eq!(policy().triage(&object(provider, &[]), None), Claim::Serve, "{provider:?}");
        }
        assert_eq!(policy().triage(&object(Some("static-ip-operator"), &[]), None), Claim::Leave);
    }

    #[test]
    fn only_namespaces_that_allocate_by_dhcp_are_served() {
        let vm = object(None, &[]);
        assert_eq!(policy().triage(&vm, Some(&NetworkNamespace::default())), Claim::Serve);
        assert_eq!(policy().triage(&vm, Some(&namespace("dhcp"))), Claim::Serve);
        assert_eq!(policy().triage(&vm, Some(&namespace("static"))), Claim::Leave);
    }

    #[test]
    fn what_was_ours_is_given_up() {
        for finalizer in [FINALIZER, LEGACY_FINALIZER] {
            let vm = object(Some("other"), &["a/b", finalizer]);
            assert_eq!(policy().triage(&vm, None), Claim::GiveUp(Why::NotOurs));
        }
        let vm = object(None, &[FINALIZER]);
        assert_eq!(policy().triage(&vm, Some(&namespace("static"))), Claim::GiveUp(Why::NotOurs));
    }

    #[test]
    fn deletion_comes_before_triage() {
        let mut vm = object(Some("other"), &[FINALIZER]);
        vm.metadata.deletion_timestamp = Some(Time(Timestamp::UNIX_EPOCH));
        assert_eq!(policy().triage(&vm, None), Claim::GiveUp(Why::Deleted));
        vm.annotations_mut().insert(SKIP_CLEANUP.into(), "true".into());
        assert_eq!(policy().triage(&vm, None), Claim::GiveUp(Why::DeletedKeeping));
        vm.metadata.finalizers = Some(vec!["a/b".into()]);
        assert_eq!(policy().triage(&vm, None), Claim::Leave);
    }

    #[test]
    fn the_legacy_finalizer_is_replaced_and_others_stay() {
        let present = ["a/b".to_owned(), LEGACY_FINALIZER.into()];
        assert_eq!(with_ours(&present), ["a/b", FINALIZER]);
        assert_eq!(with_ours(&with_ours(&present)), ["a/b", FINALIZER]);
        assert_eq!(without_ours(&present), ["a/b"]);
    }
}
