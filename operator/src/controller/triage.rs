//! Which objects are served: triage by provider and by the namespace's way of allocation.

use kube::ResourceExt;

use super::validate::ValidateError;
use super::{FINALIZER, LEGACY_FINALIZER, SKIP_CLEANUP};
use crate::crd::{IpAllocation, NetworkConfiguration, NetworkNamespace};
use crate::domain::{ObjectName, Owner};
use crate::telemetry::metrics::SkipReason;

/// Settings that decide what is served and in whose name.
#[derive(Clone, Debug)]
pub struct Policy {
    /// Identity of the cluster or folder.
    pub cluster_id: String,
    /// Providers that are ours, lower-case.
    pub providers: Vec<String>,
    /// Whether objects and their namespaces must name what is otherwise left to defaults.
    pub strict_defaults: bool,
}

/// What to do with an object.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Claim {
    /// It is ours.
    Serve,
    /// It was ours: release what it has.
    GiveUp(Why),
    /// It is not ours and never was.
    Leave(SkipReason),
}

/// Why an object is given up.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Why {
    /// It is deleted.
    Deleted,
    /// It is deleted, and its reservations shall stay.
    DeletedKeeping,
    /// Its provider, or the way of allocation of its namespace, is another's now.
    NotOurs(SkipReason),
}

impl Policy {
    /// Decides by the object and, where it is known, its NetworkNamespace. Deletion comes first: an object that we claimed
    /// must be let go whoever serves it now.
    pub fn triage(&self, object: &NetworkConfiguration, namespace: Option<&NetworkNamespace>) -> Claim {
        let claimed = object.finalizers().iter().any(|finalizer| is_ours(finalizer));
        let (why, skip) = if object.metadata.deletion_timestamp.is_some() {
            match object.annotations().get(SKIP_CLEANUP).map(String::as_str) {
                Some("true") => (Why::DeletedKeeping, SkipReason::Deleted),
                _ => (Why::Deleted, SkipReason::Deleted),
            }
        } else {
            match self.others(object, namespace) {
                None => return Claim::Serve,
                Some(skip) => (Why::NotOurs(skip), skip),
            }
        };
        if claimed { Claim::GiveUp(why) } else { Claim::Leave(skip) }
    }

    /// What makes an object another operator's. A provider that the object names decides; where it names none, that of its
    /// namespace does; where that names none either, it is ours.
    fn others(
        &self,
        object: &NetworkConfiguration,
        namespace: Option<&NetworkNamespace>,
    ) -> Option<SkipReason> {
        let named = provider(object.spec.provider.as_ref());
        if named.as_ref().is_some_and(|named| !self.providers.contains(named)) {
            return Some(SkipReason::Provider);
        }
        let allocation = namespace?.spec.ip_allocation.as_ref()?;
        // A word that nobody knows is a mistake, and no reason to give anything up: `check_defaults` tells.
        let is_served =
            allocation.type_ != "static" && (named.is_some() || self.is_our_allocation(allocation));
        (!is_served).then_some(SkipReason::Allocation)
    }

    /// Whether a NetworkNamespace allocates by DHCP, and leaves that to this operator.
    pub fn serves(&self, namespace: &NetworkNamespace) -> bool {
        match &namespace.spec.ip_allocation {
            Some(allocation) => is_by_dhcp(allocation) && self.is_our_allocation(allocation),
            None => !self.strict_defaults,
        }
    }

    fn is_our_allocation(&self, allocation: &IpAllocation) -> bool {
        provider(allocation.provider.as_ref()).is_none_or(|allocator| self.providers.contains(&allocator))
    }

    /// Checks that the way of allocation is known, and that nothing is left to defaults, where the settings want that.
    pub fn check_defaults(
        &self,
        object: &NetworkConfiguration,
        namespace: &NetworkNamespace,
    ) -> Result<(), ValidateError> {
        let allocation = namespace.spec.ip_allocation.as_ref().map(|allocation| allocation.type_.as_str());
        if let Some(word) = allocation.filter(|word| !matches!(*word, "" | "dhcp")) {
            return Err(ValidateError::UnknownAllocation { name: namespace.name_any(), word: word.into() });
        }
        if !self.strict_defaults {
            return Ok(());
        }
        if provider(object.spec.provider.as_ref()).is_none() {
            let ours = self.providers.first().cloned().unwrap_or_default();
            return Err(ValidateError::NoProvider { ours });
        }
        if namespace.spec.ip_allocation.is_none() {
            return Err(ValidateError::NoAllocation { name: namespace.name_any() });
        }
        Ok(())
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

fn is_by_dhcp(allocation: &IpAllocation) -> bool {
    matches!(allocation.type_.as_str(), "" | "dhcp")
}

/// A provider as it is compared; none where it is not set.
fn provider(text: Option<&String>) -> Option<String> {
    let name = text?.trim().to_lowercase();
    (!name.is_empty()).then_some(name)
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
    use crate::crd::NetworkConfigurationSpec;
    use k8s_openapi::apimachinery::pkg::apis::meta::v1::Time;
    use k8s_openapi::jiff::Timestamp;

    fn policy() -> Policy {
        let providers = vec!["kea".into(), "proxmox".into()];
        Policy { cluster_id: "c".into(), providers, strict_defaults: false }
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
        let of_other = object(Some("static-ip-operator"), &[]);
        assert_eq!(policy().triage(&of_other, None), Claim::Leave(SkipReason::Provider));
    }

    #[test]
    fn only_namespaces_that_allocate_by_dhcp_are_served() {
        let vm = object(None, &[]);
        assert_eq!(policy().triage(&vm, Some(&NetworkNamespace::default())), Claim::Serve);
        assert_eq!(policy().triage(&vm, Some(&namespace("dhcp"))), Claim::Serve);
        assert_eq!(policy().triage(&vm, Some(&namespace("static"))), Claim::Leave(SkipReason::Allocation));
    }

    #[test]
    fn the_namespaces_provider_counts_where_the_object_names_none() {
        let with = |provider: &str| {
            let mut namespace = namespace("dhcp");
            namespace.spec.ip_allocation.as_mut().unwrap().provider = Some(provider.into());
            namespace
        };
        let (unnamed, named) = (object(None, &[]), object(Some("kea"), &[]));
        for ours in ["", " Kea", "proxmox"] {
            assert_eq!(policy().triage(&unnamed, Some(&with(ours))), Claim::Serve, "{ours:?}");
        }
        let leave = Claim::Leave(SkipReason::Allocation);
        assert_eq!(policy().triage(&unnamed, Some(&with("other-dhcp"))), leave);
        assert_eq!(policy().triage(&named, Some(&with("other-dhcp"))), Claim::Serve);
    }

    #[test]
    fn strict_settings_want_everything_named() {
        let strict = Policy { strict_defaults: true, ..policy() };
        let (unnamed, named) = (object(Some(" "), &[]), object(Some("kea"), &[]));
        let (silent, saying) = (NetworkNamespace::default(), namespace("dhcp"));
        let error = |object, namespace| strict.check_defaults(object, namespace).unwrap_err().to_string();
        assert!(error(&unnamed, &saying).contains("set it to kea"));
        assert!(error(&named, &silent).contains("spec.ipAllocation"));
        assert_eq!(strict.check_defaults(&named, &saying), Ok(()));
        assert_eq!(policy().check_defaults(&unnamed, &silent), Ok(()));
    }

    #[test]
    fn what_was_ours_is_given_up() {
        for finalizer in [FINALIZER, LEGACY_FINALIZER] {
            let vm = object(Some("other"), &["a/b", finalizer]);
            assert_eq!(policy().triage(&vm, None), Claim::GiveUp(Why::NotOurs(SkipReason::Provider)));
        }
        let vm = object(None, &[FINALIZER]);
        assert_eq!(
            policy().triage(&vm, Some(&namespace("static"))),
            Claim::GiveUp(Why::NotOurs(SkipReason::Allocation))
        );
    }

    #[test]
    fn deletion_comes_before_triage() {
        let mut vm = object(Some("other"), &[FINALIZER]);
        vm.metadata.deletion_timestamp = Some(Time(Timestamp::UNIX_EPOCH));
        assert_eq!(policy().triage(&vm, None), Claim::GiveUp(Why::Deleted));
        vm.annotations_mut().insert(SKIP_CLEANUP.into(), "true".into());
        assert_eq!(policy().triage(&vm, None), Claim::GiveUp(Why::DeletedKeeping));
        vm.metadata.finalizers = Some(vec!["a/b".into()]);
        assert_eq!(policy().triage(&vm, None), Claim::Leave(SkipReason::Deleted));
    }

    #[test]
    fn the_legacy_finalizer_is_replaced_and_others_stay() {
        let present = ["a/b".to_owned(), LEGACY_FINALIZER.into()];
        assert_eq!(with_ours(&present), ["a/b", FINALIZER]);
        assert_eq!(with_ours(&with_ours(&present)), ["a/b", FINALIZER]);
        assert_eq!(without_ours(&present), ["a/b"]);
    }
}
