//! NetworkNamespaces and NetworkConfigurations, and whether Kea fits them.

use std::collections::BTreeMap;

use super::super::config::Config;
use super::list;
use crate::crd::{NetworkConfiguration, NetworkNamespace};
use crate::doctor::{Check, Facts, Finding};
use crate::domain::{Subnet, SubnetError, parse_prefix, resolve_subnet};
use kube::ResourceExt;

const NETWORK: Check = Check::Network;
const OBJECTS: Check = Check::Objects;

/// How many objects a finding names before it only counts.
const LISTED: usize = 5;

/// What there is to be served.
pub struct Objects {
    /// NetworkNamespaces by `namespace/name`, or why one cannot be read.
    pub networks: BTreeMap<String, Result<NetworkNamespace, String>>,
    /// NetworkConfigurations that can be read.
    pub configurations: Vec<NetworkConfiguration>,
}

/// Judges the objects, and the subnets of `servers` for them.
pub fn objects(objects: &Objects, servers: &[Facts]) -> Vec<Finding> {
    let subnets: Vec<(&str, Vec<Subnet>)> = servers
        .iter()
        .filter_map(|facts| Some((facts.name.as_str(), subnets(Config(facts.config.as_ref()?)))))
        .collect();
    let mut found: Vec<Finding> = objects
        .networks
        .iter()
        .flat_map(|(name, network)| {
            let of_network = match network {
                Ok(network) => judge(network, &subnets),
                Err(cause) => vec![
                    Finding::error(NETWORK, format!("it is malformed: {cause}"))
                        .why("nothing is reserved for its users")
                        .fix("correct it"),
                ],
            };
            of_network.into_iter().map(move |finding| finding.of(&format!("NetworkNamespace {name}")))
        })
        .collect();
    found.push(failing(&objects.configurations).of("NetworkConfigurations"));
    found
}

fn subnets(config: Config<'_>) -> Vec<Subnet> {
    let subnet = |own: &serde_json::Value| {
        let prefix = parse_prefix(own["subnet"].as_str()?).ok()?;
        Some(Subnet { id: u32::try_from(own["id"].as_u64()?).ok()?, prefix })
    };
    config.subnets().filter_map(|found| subnet(found.json())).collect()
}

fn judge(network: &NetworkNamespace, servers: &[(&str, Vec<Subnet>)]) -> Vec<Finding> {
    let allocation = network.spec.ip_allocation.as_ref().map_or("", |allocation| &allocation.type_);
    if !matches!(allocation.trim(), "" | "dhcp") {
        return vec![Finding::ok(
            NETWORK,
            format!("its addresses are {allocation}, and no matter of this operator"),
        )];
    }
    let text = network.status.as_ref().and_then(|status| status.ipv4_prefix.as_deref()).unwrap_or_default();
    if text.trim().is_empty() {
        return vec![
            Finding::warning(NETWORK, "it has no status.ipv4Prefix")
                .why("nothing is reserved for its users until it has one")
                .fix("see to the controller that provides it"),
        ];
    }
    let prefix = match parse_prefix(text) {
        Ok(prefix) => prefix,
        Err(error) => {
            return vec![
                Finding::error(NETWORK, error.to_string())
                    .why("nothing is reserved for its users")
                    .fix("correct status.ipv4Prefix"),
            ];
        }
    };
    let of_server = |(server, subnets): &(&str, Vec<Subnet>)| match resolve_subnet(prefix, subnets) {
        Ok(subnet) => Finding::ok(NETWORK, format!("{prefix} is in subnet {subnet} of {server}")),
        Err(SubnetError::Ambiguous { subnets, .. }) => Finding::error(
            NETWORK,
            format!("{prefix} fits the subnets {} of {server} equally well", list(subnets)),
        )
        .why("nothing is reserved for its users")
        .fix("leave only one of them in Kea's configuration"),
        Err(_) => Finding::error(NETWORK, format!("{server} has no subnet that contains {prefix}"))
            .why("nothing is reserved for its users")
            .fix("add a subnet to Kea's configuration, or correct the NetworkNamespace"),
    };
    servers.iter().map(of_server).collect()
}

fn failing(configurations: &[NetworkConfiguration]) -> Finding {
    let is_failing = |object: &&NetworkConfiguration| {
        object.status.as_ref().and_then(|status| status.phase.as_deref()) == Some("Error")
    };
    let mut failing: Vec<String> = configurations
        .iter()
        .filter(is_failing)
        .map(|object| format!("{}/{}", object.namespace().unwrap_or_default(), object.name_any()))
        .collect();
    failing.sort();
    if failing.is_empty() {
        return Finding::ok(
            OBJECTS,
            format!("there are {}, and none is in phase Error", configurations.len()),
        );
    }
    let named = list(&failing[..failing.len().min(LISTED)]);
    let more = match failing.len().saturating_sub(LISTED) {
        0 => String::new(),
        more => format!(" and {more} more"),
    };
    Finding::warning(OBJECTS, format!("of {}, these are in phase Error: {named}{more}", configurations.len()))
        .why("something keeps their addresses from being reserved")
        .fix(format!("kea-operator explain {}", failing[0]))
}

#[cfg(test)]
mod tests {
    use super::super::bad;
    use super::*;
    use crate::crd::{IpAllocation, NetworkConfigurationStatus, NetworkNamespaceStatus};
    use crate::doctor::Severity::{Error, Warning};
    use crate::doctor::ask::healthy;
    use serde_json::json;

    fn with_prefix(prefix: Option<&str>) -> NetworkNamespace {
        let status = NetworkNamespaceStatus { ipv4_prefix: prefix.map(Into::into), ..Default::default() };
        NetworkNamespace { status: Some(status), ..NetworkNamespace::default() }
    }

    fn of(network: NetworkNamespace) -> Vec<Finding> {
        let mut facts = healthy();
        let subnet = |id: u32, prefix: &str| json!({"id": id, "subnet": prefix});
        facts.config.as_mut().unwrap()["subnet4"] =
            json!([subnet(1, "10.0.0.0/24"), subnet(2, "10.9.0.0/24"), subnet(3, "10.9.0.0/24")]);
        let networks = [("a/n".to_owned(), Ok(network))].into();
        objects(&Objects { networks, configurations: vec![] }, &[facts])
    }

    #[test]
    fn a_network_must_be_in_one_subnet() {
        let found = of(with_prefix(Some("10.0.0.0/28")));
        assert_eq!(bad(&found), []);
        assert_eq!(found[0].what, "10.0.0.0/28 is in subnet 1 (10.0.0.0/24) of unix:/run/kea/s");
        assert_eq!(bad(&of(with_prefix(Some("10.1.0.0/24")))), [(NETWORK, Error)]);
        assert_eq!(bad(&of(with_prefix(Some("10.9.0.0/25")))), [(NETWORK, Error)]);
        assert_eq!(bad(&of(with_prefix(Some("ten")))), [(NETWORK, Error)]);
        assert_eq!(bad(&of(with_prefix(None))), [(NETWORK, Warning)]);
        let mut fixed = with_prefix(None);
        fixed.spec.ip_allocation = Some(IpAllocation { type_: "static".into(), ..Default::default() });
        assert_eq!(bad(&of(fixed)), []);
    }

    #[test]
    fn objects_in_error_are_named() {
        let failed = |name: &str, phase: &str| {
            let mut object = NetworkConfiguration::new(name, crate::crd::NetworkConfigurationSpec::default());
            object.metadata.namespace = Some("a".into());
            object.status =
                Some(NetworkConfigurationStatus { phase: Some(phase.into()), ..Default::default() });
            object
        };
        let all = vec![failed("b", "Error"), failed("a", "Error"), failed("c", "Ready")];
        let found = objects(&Objects { networks: BTreeMap::new(), configurations: all }, &[]);
        assert_eq!(found[0].what, "of 3, these are in phase Error: a/a, a/b");
        assert_eq!(bad(&found), [(OBJECTS, Warning)]);
    }
}
