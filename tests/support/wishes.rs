//! Wishes: reservations that take their address from a lease.

use std::time::Duration;

use kea_lab::{Family, Kea, wait_for};
use serde_json::{Value, json};

use super::{SUBNET_ID, mac};

/// How long what happens by itself may take.
pub const PATIENCE: Duration = Duration::from_secs(20);

/// The wish of client number `index`.
pub fn wish(index: usize) -> Value {
    json!({ "subnet-id": SUBNET_ID, "hw-address": mac(index), "hostname": format!("h{index}"), "address": "lease" })
}

/// The DUID that client number `index` sends.
pub fn duid(index: usize) -> String {
    format!("00:03:00:01:{}", mac(index))
}

/// A wish of kea-dhcp6.
pub fn wish6(identifier: &str, value: &str) -> Value {
    json!({ "subnet-id": SUBNET_ID, identifier: value, "address": "lease" })
}

/// Sends wishes for the owner `lab`.
pub fn apply(kea: &Kea, wanted: &[Value]) -> Value {
    kea.ask("ext-reservation-apply", &json!({ "owner": "lab", "reservations": wanted })).unwrap()
}

/// The only entry of the answer to a single wish.
pub fn apply_one(kea: &Kea, wanted: &Value) -> Value {
    apply(kea, std::slice::from_ref(wanted))["reservations"][0].clone()
}

/// What waits.
pub fn pending(kea: &Kea) -> Value {
    let reply = kea.command("ext-reservation-pending", &json!({})).unwrap();
    reply.raw["arguments"].clone()
}

/// What an item came to.
pub fn status_of(entry: &Value) -> &str {
    entry["status"].as_str().unwrap()
}

/// The reservation that `key` names.
pub fn reserved(kea: &Kea, key: &Value) -> Value {
    kea.ask("ext-reservation-get", key).unwrap()
}

/// Waits until so many wishes are left.
pub fn wait_for_wishes(kea: &Kea, left: usize) {
    let arrived = || {
        let waiting = pending(kea);
        (waiting["complete"] == json!(true) && waiting["total"] == json!(left)).then_some(())
    };
    wait_for(format_args!("{left} wishes"), PATIENCE, arrived).unwrap();
}

/// The wish of client number `index`, for whichever family.
pub fn wish_of(family: Family, index: usize) -> Value {
    match family {
        Family::V4 => wish(index),
        Family::V6 => wish6("duid", &duid(index)),
    }
}
