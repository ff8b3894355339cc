//! From what an object says to what it means: checked interfaces, a prefix, and the memory in its status.

use std::collections::BTreeMap;

use ipnet::IpNet;

use crate::crd::{NetworkConfiguration, NetworkInterface, NetworkNamespace};
use crate::domain::{Interface, Mac, Release, Subnet, SubnetError, Wish, parse_prefix, resolve_subnet};

/// Why an object leads to no subnet.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum ValidateError {
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

/// Kea's subnet for a prefix.
pub fn subnet(prefix: IpNet, subnets: &[Subnet]) -> Result<Subnet, ValidateError> {
    Ok(resolve_subnet(prefix, subnets)?)
}

/// The interfaces of a spec. One that repeats a MAC address is invalid; the first keeps it.
pub fn interfaces(object: &NetworkConfiguration) -> Vec<Interface> {
    let mut seen: BTreeMap<Mac, String> = BTreeMap::new();
    (1..)
        .zip(&object.spec.network_interfaces)
        .map(|(place, interface)| {
            let label = label(interface, place);
            let wish = match interface.mac_address.as_deref().unwrap_or_default().parse::<Mac>() {
                Err(error) => Wish::Invalid(error.to_string()),
                Ok(mac) if seen.contains_key(&mac) => Wish::Invalid(format!(
                    "MAC address {mac} is that of {} already; each interface needs its own",
                    seen[&mac]
                )),
                Ok(mac) => {
                    seen.insert(mac, label.clone());
                    Wish::Reserve(mac)
                }
            };
            Interface { label, wish }
        })
        .collect()
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

/// Where remembered reservations can be, without those that are `kept`. All subnets that contain the prefix count: which
/// of them it leads to may have changed since.
pub fn releases(
    memory: &[Remembered],
    subnets: &[Subnet],
    kept: impl Fn(Mac, &Subnet) -> bool,
) -> Vec<Release> {
    let mut releases: Vec<Release> = Vec::new();
    for Remembered { mac, prefix } in memory {
        for subnet in subnets.iter().filter(|subnet| subnet.prefix.contains(prefix)) {
            let release = Release { mac: *mac, subnet: subnet.clone() };
            if !kept(*mac, subnet) && !releases.contains(&release) {
                releases.push(release);
            }
        }
    }
    releases
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

    fn subnets() -> Vec<Subnet> {
        (1..)
            .zip(["10.0.0.0/8", "10.1.0.0/24", "10.2.0.0/24"])
            .map(|(id, prefix)| Subnet { id, prefix: prefix.parse().unwrap() })
            .collect()
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
        assert_eq!(checked[0].wish, Wish::Reserve("52:54:00:00:00:01".parse().unwrap()));
        let reason = |index: usize| match &checked[index].wish {
            Wish::Invalid(reason) => reason.clone(),
            Wish::Reserve(mac) => panic!("{mac}"),
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
    fn releases_are_sought_in_every_subnet_that_contains_the_prefix() {
        let mac: Mac = "52:54:00:00:00:01".parse().unwrap();
        let memory = [Remembered { mac, prefix: "10.1.0.0/24".parse().unwrap() }];
        let ids = |kept: &dyn Fn(Mac, &Subnet) -> bool| -> Vec<u32> {
            releases(&memory, &subnets(), kept).iter().map(|release| release.subnet.id).collect()
        };
        assert_eq!(ids(&|_, _| false), [1, 2]);
        assert_eq!(ids(&|_, subnet| subnet.id == 2), [1]);
        assert_eq!(releases(&[memory[0], memory[0]], &subnets(), |_, _| false).len(), 2);
    }
}
