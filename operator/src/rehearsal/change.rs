//! What commands that were not sent would change.

use std::fmt;
use std::net::IpAddr;

use serde::{Serialize, Serializer};
use serde_json::Value;

use super::Unsent;
use crate::domain::{Mac, Reservation};

/// What becomes of a reservation.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Becomes {
    /// It is there, with this address.
    Address(IpAddr),
    /// It is there, and gets its address from the device's next lease.
    OfNextLease,
    /// It is there, without an address.
    NoAddress,
    /// It is gone.
    Gone,
}

impl fmt::Display for Becomes {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Address(address) => write!(f, "{address}"),
            Self::OfNextLease => write!(f, "the address of its next lease"),
            Self::NoAddress => write!(f, "no address"),
            Self::Gone => write!(f, "nothing"),
        }
    }
}

/// One reservation that commands would change.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Change {
    /// Name of the server.
    pub server: String,
    /// The subnet.
    pub subnet_id: u32,
    /// The device.
    #[serde(serialize_with = "as_text")]
    pub mac: Mac,
    /// What becomes of it.
    pub becomes: Becomes,
}

// The signature is serde's.
#[allow(clippy::trivially_copy_pass_by_ref)]
fn as_text<S: Serializer>(mac: &Mac, serializer: S) -> Result<S::Ok, S::Error> {
    serializer.collect_str(mac)
}

/// The changes of a command, in its order.
pub fn changes(unsent: &Unsent) -> Vec<Change> {
    let name = unsent.command["command"].as_str().unwrap_or_default();
    let arguments = &unsent.command["arguments"];
    let one = |item: &Value, removes: bool| change(&unsent.server, item, removes);
    match name.strip_prefix("ext-").unwrap_or(name) {
        "reservation-apply" => {
            let list = |key: &str| arguments[key].as_array().map_or(&[][..], Vec::as_slice);
            let removals = list("remove").iter().filter_map(|item| one(item, true));
            removals.chain(list("reservations").iter().filter_map(|item| one(item, false))).collect()
        }
        "reservation-add" | "reservation-update" => {
            one(&arguments["reservation"], false).into_iter().collect()
        }
        "reservation-del" => one(arguments, true).into_iter().collect(),
        _ => vec![],
    }
}

fn change(server: &str, item: &Value, removes: bool) -> Option<Change> {
    let device = if removes { &item["identifier"] } else { &item["hw-address"] };
    let becomes = if removes {
        Becomes::Gone
    } else if item["address"] == "lease" {
        Becomes::OfNextLease
    } else {
        let address = item["ip-address"].as_str().and_then(|text| text.parse().ok());
        address.map_or(Becomes::NoAddress, Becomes::Address)
    };
    Some(Change {
        server: server.into(),
        subnet_id: u32::try_from(item["subnet-id"].as_u64()?).ok()?,
        mac: device.as_str()?.parse().ok()?,
        becomes,
    })
}

/// What a reservation is now, in the same words.
pub fn is_now(reservation: Option<&Reservation>) -> Becomes {
    match reservation {
        None => Becomes::Gone,
        Some(reservation) => reservation.address().map_or(Becomes::NoAddress, Becomes::Address),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn of(command: Value) -> Vec<String> {
        let told = |change: &Change| format!("{} {}: {}", change.subnet_id, change.mac, change.becomes);
        changes(&Unsent { server: "s".into(), command }).iter().map(told).collect()
    }

    #[test]
    fn every_command_that_the_operator_sends_is_understood() {
        let key = json!({"subnet-id": 1, "identifier-type": "hw-address", "identifier": "52:54:00:00:00:01"});
        let host = json!({"subnet-id": 2, "hw-address": "52:54:00:00:00:02", "ip-address": "10.0.0.5"});
        let waits = json!({"subnet-id": 2, "hw-address": "52:54:00:00:00:03", "address": "lease"});
        let none = json!({"subnet-id": 2, "hw-address": "52:54:00:00:00:04"});
        let apply = json!({"command": "ext-reservation-apply",
            "arguments": {"owner": "o", "remove": [key], "reservations": [host, waits, none]}});
        assert_eq!(
            of(apply),
            [
                "1 52:54:00:00:00:01: nothing",
                "2 52:54:00:00:00:02: 10.0.0.5",
                "2 52:54:00:00:00:03: the address of its next lease",
                "2 52:54:00:00:00:04: no address",
            ]
        );
        for name in ["reservation-add", "ext-reservation-update"] {
            let add = json!({"command": name, "arguments": {"reservation": host}});
            assert_eq!(of(add), ["2 52:54:00:00:00:02: 10.0.0.5"]);
        }
        let del = json!({"command": "reservation-del", "arguments": key});
        assert_eq!(of(del), ["1 52:54:00:00:00:01: nothing"]);
        assert!(of(json!({"command": "subnet4-add", "arguments": {}})).is_empty());
    }
}
