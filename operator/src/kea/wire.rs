//! Kea's JSON for subnets, leases and hosts, and the domain's types.

use std::net::IpAddr;

use ipnet::IpNet;
use serde::Deserialize;
use serde_json::Value;

use super::commands::Changed;
use crate::domain::{
    Extras, Identifier, Known, Lease, LeaseState, Mac, Ownership, Reservation, Subnet, says_more,
};

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

/// Valid lifetime that means "for ever" (RFC 2131, section 3.3).
const INFINITE: u32 = u32::MAX;

impl From<WireLease> for Lease {
    fn from(wire: WireLease) -> Self {
        let ends = wire.cltt.saturating_add(i64::from(wire.valid_lft));
        Self {
            address: wire.ip_address,
            subnet_id: wire.subnet_id,
            heard: wire.cltt,
            expires: (wire.valid_lft != INFINITE).then_some(ends),
            state: wire.state.into(),
            vouched: false,
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
    let extras = if holds_more(&host, arguments) { Extras::Some } else { Extras::None };
    Ok(Reservation {
        subnet_id: host.subnet_id,
        identifier,
        // 0.0.0.0 is Kea's way to say that no address is reserved.
        addresses: host.ip_address.filter(|address| !address.is_unspecified()).into_iter().collect(),
        extras,
        ownership: Ownership::read(host.user_context.as_ref()),
    })
}

/// Whether a host holds anything that the operator does not write.
fn holds_more(host: &WireHost, whole: &Value) -> bool {
    const KNOWN: [&str; 4] = ["subnet-id", "hw-address", "ip-address", "user-context"];
    let is_set = |value: &Value| match value {
        Value::String(text) => !text.is_empty() && text != "0.0.0.0",
        Value::Array(items) => !items.is_empty(),
        Value::Object(members) => !members.is_empty(),
        Value::Null => false,
        Value::Bool(set) => *set,
        Value::Number(_) => true,
    };
    let members = whole.as_object().into_iter().flatten();
    says_more(host.user_context.as_ref())
        || members.filter(|(key, _)| !KNOWN.contains(&key.as_str())).any(|(_, value)| is_set(value))
}

/// Arguments of a reply with a list of hosts.
pub fn reservations(arguments: &Value) -> Result<Vec<Reservation>, String> {
    list(arguments, "hosts")?.iter().map(reservation).collect()
}

/// One lease in a reply of `ext-lease-resolve`: valid ones only, the latest first.
#[derive(Deserialize)]
#[serde(rename_all = "kebab-case")]
struct WireResolvedLease {
    ip_address: IpAddr,
    subnet_id: u32,
    state: i64,
    expire: Option<i64>,
}

/// One reservation in a reply of `ext-lease-resolve`: in short.
#[derive(Deserialize)]
#[serde(rename_all = "kebab-case")]
struct WireResolvedHost {
    subnet_id: u32,
    #[serde(default)]
    ip_address: Option<IpAddr>,
    #[serde(default)]
    hostname: Option<String>,
    #[serde(default)]
    owner: Option<String>,
}

#[derive(Deserialize)]
struct WireResolved {
    #[serde(default)]
    leases: Vec<WireResolvedLease>,
    #[serde(default)]
    reservations: Vec<WireResolvedHost>,
}

/// Arguments of an `ext-lease-resolve` reply, one entry for each of `macs`.
pub fn resolved(arguments: &Value, macs: &[Mac]) -> Result<Vec<Known>, String> {
    let entries = list(arguments, "identifiers")?;
    if entries.len() != macs.len() {
        return Err(format!("it answers {} identifiers of {}", entries.len(), macs.len()));
    }
    entries.iter().zip(macs).map(|(entry, mac)| known(entry, *mac)).collect()
}

fn known(entry: &Value, mac: Mac) -> Result<Known, String> {
    let entry =
        WireResolved::deserialize(entry).map_err(|error| format!("an entry is malformed: {error}"))?;
    let ranks = (0..).map(|rank: i64| -rank);
    let leases = entry.leases.into_iter().zip(ranks).map(|(lease, heard)| Lease {
        address: lease.ip_address,
        subnet_id: lease.subnet_id,
        heard,
        expires: lease.expire,
        state: LeaseState::from(lease.state),
        vouched: true,
    });
    let mut reservations: Vec<Reservation> = Vec::new();
    for host in entry.reservations {
        // What is both in memory and in a database is served from memory, which comes first.
        if !reservations.iter().any(|found| found.subnet_id == host.subnet_id) {
            reservations.push(in_short(host, mac));
        }
    }
    Ok(Known { leases: leases.collect(), reservations })
}

fn in_short(host: WireResolvedHost, mac: Mac) -> Reservation {
    Reservation {
        subnet_id: host.subnet_id,
        identifier: mac.into(),
        addresses: host.ip_address.filter(|address| !address.is_unspecified()).into_iter().collect(),
        extras: if host.hostname.is_some_and(|name| !name.is_empty()) {
            Extras::Some
        } else {
            Extras::Unknown
        },
        ownership: host.owner.map_or(Ownership::Unowned, |owner| Ownership::Owned { owner, object: None }),
    }
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

/// One entry in a reply of `ext-reservation-apply`.
#[derive(Deserialize)]
struct WireApplied {
    status: String,
    #[serde(default)]
    text: String,
    holder: Option<Value>,
}

/// Arguments of an `ext-reservation-apply` reply: what became of each removal, then of each reservation.
pub fn applied(arguments: &Value, removals: usize, reservations: usize) -> Result<Vec<Changed>, String> {
    let mut entries = Vec::with_capacity(removals + reservations);
    for (key, count) in [("remove", removals), ("reservations", reservations)] {
        let told = list(arguments, key)?;
        if told.len() != count {
            return Err(format!("\"{key}\" has {} entries for {count} items", told.len()));
        }
        for entry in told {
            let entry =
                WireApplied::deserialize(entry).map_err(|error| format!("an entry is malformed: {error}"))?;
            entries.push(changed(entry)?);
        }
    }
    Ok(entries)
}

fn changed(entry: WireApplied) -> Result<Changed, String> {
    match entry.status.as_str() {
        "added" | "updated" | "unchanged" | "removed" | "adopted" => Ok(Changed::Done),
        "pending" => Ok(Changed::Pending),
        "conflict" => Ok(Changed::Conflict(entry.holder.as_ref().map(holder).transpose()?)),
        "invalid" => Ok(Changed::Refused(entry.text)),
        other => Err(format!("unknown status {other:?}")),
    }
}

/// The reservation that is in the way, in short.
fn holder(holder: &Value) -> Result<Reservation, String> {
    let mut found = reservation(holder)?;
    if let Some(owner) = holder.get("owner").and_then(Value::as_str) {
        found.ownership = Ownership::Owned { owner: owner.into(), object: None };
    }
    found.extras = Extras::Unknown;
    Ok(found)
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
        assert_eq!(read.extras, Extras::None);
        assert_eq!(read.holder(), "MAC 52:54:00:00:00:01, made by hand (no owner)");

        let named = json!({"subnet-id": 1, "hw-address": "52:54:00:00:00:01", "hostname": "printer"});
        assert_eq!(reservation(&named).unwrap().extras, Extras::Some);

        let host = json!({"subnet-id": 1, "client-id": "0102", "ip-address": "0.0.0.0"});
        let read = reservation(&host).unwrap();
        assert_eq!((read.address(), read.identifier.to_string()), (None, "client-id 0102".into()));

        assert!(reservation(&json!({"subnet-id": 1})).unwrap_err().contains("no identifier"));
        assert!(reservation(&json!({"hw-address": "52:54:00:00:00:01"})).unwrap_err().contains("malformed"));
    }
    #[test]
    fn a_resolved_device_is_known_in_short() {
        let macs = ["52:54:00:00:00:01".parse().unwrap(), "52:54:00:00:00:02".parse().unwrap()];
        let reply = json!({"identifiers": [
            {"leases": [{"ip-address": "10.0.0.6", "subnet-id": 1, "state": 0, "expire": 100},
                        {"ip-address": "10.0.0.5", "subnet-id": 1, "state": 0}],
             "reservations": [{"subnet-id": 1, "ip-address": "10.0.0.5", "owner": "x", "source": "memory"},
                              {"subnet-id": 1, "ip-address": "10.0.0.7", "source": "memfile"},
                              {"subnet-id": 2, "hostname": "printer", "source": "memfile"}]},
            {"leases": [], "reservations": []},
        ]});
        let known = resolved(&reply, &macs).unwrap();
        assert!(known[0].leases[0].heard > known[0].leases[1].heard);
        assert_eq!((known[0].leases[0].expires, known[0].leases[1].expires), (Some(100), None));
        let subnets: Vec<u32> = known[0].reservations.iter().map(|found| found.subnet_id).collect();
        assert_eq!(subnets, [1, 2]);
        assert_eq!(known[0].reservations[0].extras, Extras::Unknown);
        assert_eq!(known[0].reservations[1].extras, Extras::Some);
        assert_eq!(known[1], Known::default());
        assert!(resolved(&reply, &macs[..1]).unwrap_err().contains("2 identifiers of 1"));
    }
}
