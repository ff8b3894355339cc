//! From what an object says to what it means: checked interfaces, a prefix, and the memory in its status.

use std::collections::BTreeMap;
use std::net::{IpAddr, Ipv4Addr};

use ipnet::IpNet;
use kube::ResourceExt;

use super::ADDRESS_POLICY;

use crate::crd::{NetworkConfiguration, NetworkInterface, NetworkNamespace};
use crate::domain::{
    AddressPolicy, Interface, Mac, NetworkOptions, Rules, Subnet, SubnetError, Wish, parse_prefix,
    resolve_subnet,
};

/// The settings for an object, which its annotation [`ADDRESS_POLICY`] may change.
pub fn rules(object: &NetworkConfiguration, rules: Rules) -> Rules {
    match object.annotations().get(ADDRESS_POLICY).map(|word| AddressPolicy::parse(word)) {
        Some(Some(address)) => Rules { address, ..rules },
        Some(None) => {
            tracing::warn!(
                namespace = object.namespace(),
                name = object.name_any(),
                "annotation {ADDRESS_POLICY} is neither lease-first nor mac-only, and not acted on"
            );
            rules
        }
        None => rules,
    }
}

/// How this operator allocates, as the status has it.
pub const ALLOCATION_METHOD: &str = "dhcp";

/// Why an object leads to no subnet.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum ValidateError {
    /// The object names no provider, and must.
    #[error("spec.provider is not set, which KEA_STRICT_DEFAULTS forbids; set it to {ours}")]
    NoProvider {
        /// A provider of ours.
        ours: String,
    },
    /// The NetworkNamespace names a way of allocation that is none.
    #[error(
        "NetworkNamespace {name:?} has the unknown spec.ipAllocation.type {word:?}; set it to dhcp or static"
    )]
    UnknownAllocation {
        /// Its name.
        name: String,
        /// What it says.
        word: String,
    },
    /// The NetworkNamespace names no way of allocation, and must.
    #[error(
        "NetworkNamespace {name:?} has no spec.ipAllocation, which KEA_STRICT_DEFAULTS forbids; set its type to dhcp"
    )]
    NoAllocation {
        /// Its name.
        name: String,
    },
    /// The NetworkNamespace is being provided.
    #[error(
        "NetworkNamespace {name:?} is not ready (status.provisioningPhase is {phase}); its provider makes it Ready"
    )]
    NotReady {
        /// Its name.
        name: String,
        /// How far it is.
        phase: String,
    },
    /// The NetworkNamespace has no prefix yet.
    #[error("NetworkNamespace {name:?} has no IPv4 prefix yet (status.ipv4Prefix); its provider sets it")]
    NoPrefix {
        /// Its name.
        name: String,
    },
    /// The prefix is of another family.
    #[error("prefix {prefix} of NetworkNamespace {name:?} is not IPv4; correct status.ipv4Prefix")]
    Family {
        /// Its name.
        name: String,
        /// The prefix.
        prefix: IpNet,
    },
    /// The prefix leads to no subnet.
    #[error(transparent)]
    Subnet(#[from] SubnetError),
}

impl ValidateError {
    /// One word for the condition.
    pub fn reason(&self) -> &'static str {
        match self {
            Self::NoProvider { .. } | Self::NoAllocation { .. } | Self::UnknownAllocation { .. } => {
                "DefaultsRefused"
            }
            Self::NotReady { .. } => "NamespaceNotReady",
            Self::NoPrefix { .. } => "PrefixMissing",
            Self::Family { .. } | Self::Subnet(SubnetError::Malformed { .. }) => "PrefixInvalid",
            Self::Subnet(SubnetError::NotFound { .. }) => "SubnetNotFound",
            Self::Subnet(SubnetError::Ambiguous { .. }) => "SubnetAmbiguous",
        }
    }
}

/// A reservation that an object may have, as its status remembers it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Remembered {
    /// The device.
    pub mac: Mac,
    /// The prefix that it was in.
    pub prefix: IpNet,
}

/// The IPv4 prefix of a NetworkNamespace that is ready, or does not say how far it is.
pub fn prefix(namespace: &NetworkNamespace) -> Result<IpNet, ValidateError> {
    let name = || namespace.metadata.name.clone().unwrap_or_default();
    let phase = namespace.status.as_ref().and_then(|status| status.provisioning_phase.as_deref());
    if let Some(phase) = phase.filter(|phase| !matches!(*phase, "" | "Ready")) {
        return Err(ValidateError::NotReady { name: name(), phase: phase.into() });
    }
    let text = namespace.status.as_ref().and_then(|status| status.ipv4_prefix.as_deref()).unwrap_or_default();
    if text.trim().is_empty() {
        return Err(ValidateError::NoPrefix { name: name() });
    }
    match parse_prefix(text)? {
        prefix @ IpNet::V4(_) => Ok(prefix),
        prefix @ IpNet::V6(_) => Err(ValidateError::Family { name: name(), prefix }),
    }
}

/// What a NetworkNamespace itself says about its network; for where Kea says nothing.
pub fn options(namespace: &NetworkNamespace) -> NetworkOptions {
    let manual = namespace.spec.network_provisioning.as_ref().and_then(|network| network.manual.as_ref());
    let gateway = manual.and_then(|manual| manual.ipv4_gateway.as_deref()?.trim().parse().ok());
    NetworkOptions { gateway, dns: vec![] }
}

/// Kea's subnet for a prefix.
pub fn subnet(prefix: IpNet, subnets: &[Subnet]) -> Result<Subnet, ValidateError> {
    Ok(resolve_subnet(prefix, subnets)?)
}

/// The interfaces of a spec. One that repeats a MAC address or an address is invalid; the first keeps it.
pub fn interfaces(object: &NetworkConfiguration) -> Vec<Interface> {
    let mut seen = Seen::default();
    (1..)
        .zip(&object.spec.network_interfaces)
        .map(|(place, interface)| {
            let label = label(interface, place);
            let wish = seen.wish(&label, interface);
            Interface { label, wish }
        })
        .collect()
}

/// What earlier interfaces of a spec have.
#[derive(Default)]
struct Seen {
    macs: BTreeMap<Mac, String>,
    addresses: BTreeMap<IpAddr, String>,
}

impl Seen {
    fn wish(&mut self, label: &str, interface: &NetworkInterface) -> Wish {
        let mac = match interface.mac_address.as_deref().unwrap_or_default().parse::<Mac>() {
            Ok(mac) => mac,
            Err(error) => return Wish::Unreadable(error.to_string()),
        };
        if let Some(other) = self.macs.get(&mac) {
            let reason =
                format!("MAC address {mac} is that of {other} already; each interface needs its own");
            return Wish::Invalid { device: None, reason };
        }
        self.macs.insert(mac, label.into());
        match requested(interface).and_then(|address| self.note(label, address)) {
            Ok(requested) => Wish::Reserve { mac, requested, remembered: None },
            Err(reason) => Wish::Invalid { device: Some(mac), reason },
        }
    }

    fn note(&mut self, label: &str, address: Option<IpAddr>) -> Result<Option<IpAddr>, String> {
        if let Some(address) = address {
            if let Some(other) = self.addresses.get(&address) {
                return Err(format!(
                    "address {address} is asked for by {other} already; leave it to one of them"
                ));
            }
            self.addresses.insert(address, label.into());
        }
        Ok(address)
    }
}

/// The IPv4 address that a spec asks for.
fn requested(interface: &NetworkInterface) -> Result<Option<IpAddr>, String> {
    match interface.ipv4_addresses.as_slice() {
        [] => Ok(None),
        [only] => match only.trim().parse::<Ipv4Addr>() {
            Ok(address) => Ok(Some(address.into())),
            Err(_) => {
                Err(format!("ipv4Addresses: {only:?} is no IPv4 address; write one such as 10.100.1.20"))
            }
        },
        several => Err(format!(
            "ipv4Addresses lists {} addresses; DHCPv4 reserves one for an interface: leave one of them",
            several.len()
        )),
    }
}

/// Interfaces with what only the prefix and the status tell: a requested address must be inside the prefix, and what was
/// reserved there is remembered.
pub fn in_prefix(interfaces: Vec<Interface>, prefix: IpNet, object: &NetworkConfiguration) -> Vec<Interface> {
    let with_prefix = |interface: Interface| {
        let wish = match interface.wish {
            Wish::Reserve { mac, requested: Some(address), .. } if !prefix.contains(&address) => {
                Wish::Invalid {
                    device: Some(mac),
                    reason: format!(
                        "address {address} is asked for and is outside the prefix {prefix}; ask for one inside it"
                    ),
                }
            }
            Wish::Reserve { mac, requested, .. } => {
                Wish::Reserve { mac, requested, remembered: reserved_before(object, mac, prefix) }
            }
            other => other,
        };
        Interface { wish, ..interface }
    };
    interfaces.into_iter().map(with_prefix).collect()
}

/// The address that was reserved for a device in a prefix when this operator last reported on the object. The Go operator called
/// any reservation and any lease a reserved address, and never told how it was allocated.
fn reserved_before(object: &NetworkConfiguration, mac: Mac, prefix: IpNet) -> Option<IpAddr> {
    let interfaces = object.status.iter().flat_map(|status| &status.network_interfaces);
    let found = interfaces.into_iter().find(|interface| {
        interface.dhcp_reserved == Some(true)
            && interface.allocation_method.as_deref() == Some(ALLOCATION_METHOD)
            && remembered(interface) == Some(Remembered { mac, prefix })
    })?;
    let address = found.ipv4_addresses.first()?.parse().ok()?;
    prefix.contains(&address).then_some(address)
}

fn label(interface: &NetworkInterface, place: usize) -> String {
    match interface.name.as_deref().map(str::trim) {
        Some(name) if !name.is_empty() => name.into(),
        _ => format!("interface {place}"),
    }
}

/// What the status remembers. Each reservation stands there before it is made, and until it is gone.
pub fn memory(object: &NetworkConfiguration) -> Vec<Remembered> {
    let interfaces = object.status.iter().flat_map(|status| &status.network_interfaces);
    interfaces.filter_map(remembered).collect()
}

/// What one interface in a status remembers.
pub fn remembered(interface: &NetworkInterface) -> Option<Remembered> {
    let mac = interface.mac_address.as_deref()?.parse().ok()?;
    let prefix = parse_prefix(interface.ipv4_subnet.as_deref()?).ok()?;
    Some(Remembered { mac, prefix })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::crd::{NetworkConfigurationSpec, NetworkConfigurationStatus, NetworkNamespaceStatus};

    fn interface(name: Option<&str>, mac: Option<&str>) -> NetworkInterface {
        NetworkInterface {
            name: name.map(Into::into),
            mac_address: mac.map(Into::into),
            ..Default::default()
        }
    }

    #[test]
    fn each_interface_is_checked_and_the_good_ones_count() {
        let network_interfaces = vec![
            interface(Some("eth0"), Some("52-54-00-00-00-01")),
            interface(None, Some("nonsense")),
            interface(Some("eth2"), Some("52:54:00:00:00:01")),
            interface(Some(""), None),
        ];
        let spec = NetworkConfigurationSpec { network_interfaces, ..Default::default() };
        let checked = interfaces(&NetworkConfiguration::new("vm", spec));
        assert_eq!(checked[0].wish.mac(), Some("52:54:00:00:00:01".parse().unwrap()));
        let reason = |index: usize| match &checked[index].wish {
            Wish::Invalid { reason, .. } | Wish::Unreadable(reason) => reason.clone(),
            other => panic!("{other:?}"),
        };
        assert_eq!(checked[1].label, "interface 2");
        assert!(reason(1).contains("'n'"), "{}", reason(1));
        assert!(reason(2).contains("is that of eth0 already"), "{}", reason(2));
        assert!(reason(3).contains("is empty"), "{}", reason(3));
        assert_eq!(checked[3].label, "interface 4");
    }

    #[test]
    fn a_prefix_is_ipv4_and_there() {
        let with = |prefix: Option<&str>| {
            let status =
                Some(NetworkNamespaceStatus { ipv4_prefix: prefix.map(Into::into), ..Default::default() });
            super::prefix(&NetworkNamespace { status, ..NetworkNamespace::default() })
        };
        assert_eq!(with(Some("10.1.0.9/24")).unwrap().to_string(), "10.1.0.0/24");
        assert_eq!(with(None).unwrap_err().reason(), "PrefixMissing");
        assert_eq!(with(Some(" ")).unwrap_err().reason(), "PrefixMissing");
        assert_eq!(with(Some("2001:db8::/64")).unwrap_err().reason(), "PrefixInvalid");
        assert_eq!(with(Some("x")).unwrap_err().reason(), "PrefixInvalid");
    }

    #[test]
    fn a_namespace_that_says_so_is_waited_for() {
        let at = |phase: &str| {
            let status = NetworkNamespaceStatus {
                ipv4_prefix: Some("10.1.0.0/24".into()),
                provisioning_phase: Some(phase.into()),
                ..Default::default()
            };
            super::prefix(&NetworkNamespace { status: Some(status), ..NetworkNamespace::default() })
        };
        assert!(at("Ready").is_ok() && at("").is_ok());
        for phase in ["Pending", "Error"] {
            let error = at(phase).unwrap_err();
            assert_eq!(error.reason(), "NamespaceNotReady");
            assert!(error.to_string().contains(phase), "{error}");
        }
    }

    #[test]
    fn memory_is_what_the_status_can_tell() {
        let mut object = NetworkConfiguration::default();
        assert_eq!(memory(&object), []);
        let mut known = interface(None, Some("52:54:00:00:00:01"));
        known.ipv4_subnet = Some("10.1.0.0/24".into());
        let network_interfaces =
            vec![known, interface(None, Some("52:54:00:00:00:02")), interface(None, Some("bad"))];
        object.status = Some(NetworkConfigurationStatus { network_interfaces, ..Default::default() });
        let remembered = memory(&object);
        assert_eq!(remembered.len(), 1);
        assert_eq!(remembered[0].prefix.to_string(), "10.1.0.0/24");
    }

    #[test]
    fn an_object_can_have_its_own_policy() {
        let mut object = NetworkConfiguration::default();
        let policy = |object: &NetworkConfiguration| rules(object, Rules::default()).address;
        assert_eq!(policy(&object), AddressPolicy::LeaseFirst);
        object.annotations_mut().insert(ADDRESS_POLICY.into(), "mac-only".into());
        assert_eq!(policy(&object), AddressPolicy::MacOnly);
        object.annotations_mut().insert(ADDRESS_POLICY.into(), "sometimes".into());
        assert_eq!(policy(&object), AddressPolicy::LeaseFirst);
    }

    #[test]
    fn an_address_can_be_asked_for() {
        let asking = |addresses: &[&str]| {
            let mut asking = interface(Some("eth0"), Some("52:54:00:00:00:01"));
            asking.ipv4_addresses = addresses.iter().map(ToString::to_string).collect();
            let spec = NetworkConfigurationSpec { network_interfaces: vec![asking], ..Default::default() };
            let object = NetworkConfiguration::new("vm", spec);
            let prefix = "10.1.0.0/24".parse().unwrap();
            in_prefix(interfaces(&object), prefix, &object).remove(0).wish
        };
        let reason = |addresses: &[&str]| match asking(addresses) {
            Wish::Invalid { reason, .. } => reason,
            other => panic!("{other:?}"),
        };
        assert!(matches!(asking(&[" 10.1.0.7 "]), Wish::Reserve { requested: Some(_), .. }));
        assert!(reason(&["10.2.0.7"]).contains("outside the prefix 10.1.0.0/24"));
        assert!(reason(&["10.1.0.7/24"]).contains("is no IPv4 address"));
        assert!(reason(&["10.1.0.7", "10.1.0.8"]).contains("lists 2 addresses"));
    }

    #[test]
    fn what_was_reserved_in_the_prefix_is_remembered() {
        let mut object = NetworkConfiguration::default();
        object.spec.network_interfaces = vec![interface(None, Some("52:54:00:00:00:01"))];
        let mut known = interface(None, Some("52-54-00-00-00-01"));
        known.ipv4_subnet = Some("10.1.0.0/24".into());
        known.ipv4_addresses = vec!["10.1.0.7".into()];
        let wish = |known: &NetworkInterface, prefix: &str| {
            let network_interfaces = vec![known.clone()];
            let status = NetworkConfigurationStatus { network_interfaces, ..Default::default() };
            let object = NetworkConfiguration { status: Some(status), ..object.clone() };
            match in_prefix(interfaces(&object), prefix.parse().unwrap(), &object).remove(0).wish {
                Wish::Reserve { remembered, .. } => remembered.map(|address| address.to_string()),
                other => panic!("{other:?}"),
            }
        };
        assert_eq!(wish(&known, "10.1.0.0/24"), None);
        known.dhcp_reserved = Some(true);
        assert_eq!(wish(&known, "10.1.0.0/24"), None, "the Go operator says so of any reservation");
        known.allocation_method = Some(ALLOCATION_METHOD.into());
        assert_eq!(wish(&known, "10.1.0.0/24").as_deref(), Some("10.1.0.7"));
        assert_eq!(wish(&known, "10.1.0.0/25"), None);
    }
}
