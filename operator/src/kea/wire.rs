//! Kea's JSON for subnets, leases and hosts, and the domain's types.

use std::net::IpAddr;

use ipnet::IpNet;
use serde::Deserialize;
use serde_json::Value;

use crate::domain::{Identifier, Lease, Mac, Ownership, Reservation, Subnet};

/// One subnet, of `subnet4-list` or of a configuration. Other keys are of no interest.
#[derive(Deserialize)]
struct WireSubnet {
    id: u32,
    subnet: IpNet,
}

/// One lease of the lease_cmds hook.
#[derive(Deserialize)]
#[serde(rename_all = "kebab-case")]
struct WireLease {
    ip_address: IpAddr,
    subnet_id: u32,
    cltt: i64,
    valid_lft: u32,
    state: i64,
}

/// One host of the reservation commands.
#[derive(Deserialize)]
#[serde(rename_all = "kebab-case")]
struct WireHost {
    subnet_id: u32,
    hw_address: Option<String>,
    #[serde(default)]
    ip_address: Option<IpAddr>,
    #[serde(default)]
    hostname: Option<String>,
    #[serde(default)]
    user_context: Option<Value>,
    duid: Option<String>,
    circuit_id: Option<String>,
    client_id: Option<String>,
    flex_id: Option<String>,
}

fn list<'a>(value: &'a Value, key: &str) -> Result<&'a [Value], String> {
    match value.get(key) {
        Some(Value::Array(items)) => Ok(items),
        Some(_) => Err(format!("\"{key}\" is no list")),
        None => Err(format!("\"{key}\" is missing")),
    }
}

fn items<T: for<'de> Deserialize<'de>, U: From<T>>(values: &[Value], what: &str) -> Result<Vec<U>, String> {
    values
        .iter()
        .map(|value| {
            T::deserialize(value).map(U::from).map_err(|error| format!("a {what} is malformed: {error}"))
        })
        .collect()
}

impl From<WireSubnet> for Subnet {
    fn from(wire: WireSubnet) -> Self {
        Self { id: wire.id, prefix: wire.subnet.trunc() }
    }
}

impl From<WireLease> for Lease {
    fn from(wire: WireLease) -> Self {
        Self {
            address: wire.ip_address,
            subnet_id: wire.subnet_id,
            last_transaction: wire.cltt,
            valid_lifetime: wire.valid_lft,
            state: wire.state.into(),
        }
    }
}

/// Arguments of a `subnet4-list` reply.
pub fn subnets_of_list(arguments: &Value) -> Result<Vec<Subnet>, String> {
    items::<WireSubnet, _>(list(arguments, "subnets")?, "subnet")
}

/// Arguments of a `config-get` reply: subnets of the top level and of shared networks.
pub fn subnets_of_config(arguments: &Value) -> Result<Vec<Subnet>, String> {
    let config = arguments.get("Dhcp4").ok_or("\"Dhcp4\" is missing")?;
    let mut subnets = items::<WireSubnet, _>(list(config, "subnet4").unwrap_or_default(), "subnet")?;
    for network in list(config, "shared-networks").unwrap_or_default() {
        subnets.extend(items::<WireSubnet, Subnet>(list(network, "subnet4").unwrap_or_default(), "subnet")?);
    }
    Ok(subnets)
}

/// Arguments of a `lease4-get-by-hw-address` reply.
pub fn leases(arguments: &Value) -> Result<Vec<Lease>, String> {
    items::<WireLease, _>(list(arguments, "leases")?, "lease")
}

/// Arguments of a `reservation-get` reply: one host.
pub fn reservation(arguments: &Value) -> Result<Reservation, String> {
    let host = WireHost::deserialize(arguments).map_err(|error| format!("the host is malformed: {error}"))?;
    let identifier = identifier(&host)?;
    Ok(Reservation {
        subnet_id: host.subnet_id,
        identifier,
        // 0.0.0.0 is Kea's way to say that no address is reserved.
        addresses: host.ip_address.filter(|address| !address.is_unspecified()).into_iter().collect(),
        hostname: host.hostname.filter(|name| !name.is_empty()),
        ownership: Ownership::read(host.user_context.as_ref()),
    })
}

fn identifier(host: &WireHost) -> Result<Identifier, String> {
    if let Some(text) = &host.hw_address {
        // Kea stores hardware addresses of up to 20 octets; one that is no Ethernet MAC is no device of ours.
        return Ok(text.parse::<Mac>().map_or_else(
            |_| Identifier::Other { kind: "hw-address".into(), value: text.clone() },
            Identifier::HwAddress,
        ));
    }
    let others = [
        ("duid", &host.duid),
        ("circuit-id", &host.circuit_id),
        ("client-id", &host.client_id),
        ("flex-id", &host.flex_id),
    ];
    others
        .into_iter()
        .find_map(|(kind, value)| value.clone().map(|value| Identifier::Other { kind: kind.into(), value }))
        .ok_or_else(|| "the host has no identifier".into())
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn subnets_of_a_configuration_include_those_of_shared_networks() {
        let config = json!({"Dhcp4": {
            "subnet4": [{"id": 1, "subnet": "10.0.0.0/24", "pools": []}],
            "shared-networks": [{"name": "n", "subnet4": [{"id": 2, "subnet": "10.0.1.0/24"}]}, {"name": "m"}],
        }});
        let ids: Vec<u32> = subnets_of_config(&config).unwrap().iter().map(|s| s.id).collect();
        assert_eq!(ids, [1, 2]);
        assert_eq!(subnets_of_config(&json!({"Dhcp4": {}})), Ok(vec![]));
        assert!(subnets_of_config(&json!({})).is_err());
    }

    #[test]
    fn a_malformed_subnet_is_an_error_and_not_left_out() {
        let error = subnets_of_list(&json!({"subnets": [{"id": "1", "subnet": "10.0.0.0/24"}]})).unwrap_err();
        assert!(error.contains("a subnet is malformed"), "{error}");
        assert_eq!(subnets_of_list(&json!({})).unwrap_err(), "\"subnets\" is missing");
    }

    #[test]
    fn hosts_are_read_with_any_identifier() {
        let host = json!({"subnet-id": 1, "hw-address": "52:54:00:00:00:01", "ip-address": "10.0.0.5", "hostname": "",
            "boot-file-name": "", "client-classes": [], "option-data": []});
        let read = reservation(&host).unwrap();
        assert_eq!(read.address(), Some("10.0.0.5".parse().unwrap()));
        assert_eq!(read.hostname, None);
        assert_eq!(read.holder(), "MAC 52:54:00:00:00:01, made by hand (no owner)");

        let host = json!({"subnet-id": 1, "client-id": "0102", "ip-address": "0.0.0.0"});
        let read = reservation(&host).unwrap();
        assert_eq!((read.address(), read.identifier.to_string()), (None, "client-id 0102".into()));

        assert!(reservation(&json!({"subnet-id": 1})).unwrap_err().contains("no identifier"));
        assert!(reservation(&json!({"hw-address": "52:54:00:00:00:01"})).unwrap_err().contains("malformed"));
    }
}
