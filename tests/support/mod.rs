//! What the tests of the hook share.

// Each test file is a program of its own and uses a part of this.
#![allow(dead_code)]

pub mod exercise;
pub mod mutations;
pub mod site;
pub mod wishes;

use std::path::Path;
use std::time::Duration;

use kea_lab::{Family, Kea, Reply, wait_for};
use serde_json::{Value, json};

/// The subnet that every configuration here has.
pub const SUBNET_ID: u32 = 1;
/// Its prefix.
pub const PREFIX: &str = "10.77.0.0/16";

/// A server's configuration with one subnet, a small pool, and an embedded store in that file.
pub fn config(store: &Path) -> Value {
    let mut config = config_without_store();
    config["hosts-databases"] = json!([{ "type": "memfile", "name": store }]);
    config
}

/// The same without a host database.
pub fn config_without_store() -> Value {
    json!({
        "subnet4": [{
            "id": SUBNET_ID,
            "subnet": PREFIX,
            "pools": [{ "pool": "10.77.100.1 - 10.77.100.20" }],
        }],
    })
}

/// A server for commands only, with the hook and a store in its own folder.
pub fn command_server(name: &str) -> Kea {
    let builder = Kea::without_network(name).unwrap();
    let store = builder.dir().join("hosts4.db");
    builder.config(config(&store)).host_cmds(Value::Null).unwrap().start().unwrap()
}

/// The MAC address of client number `index`.
pub fn mac(index: usize) -> String {
    format!("02:77:00:{:02x}:{:02x}:{:02x}", index >> 16 & 0xff, index >> 8 & 0xff, index & 0xff)
}

/// The address for client number `index`, outside the pool.
pub fn address(index: usize) -> String {
    format!("10.77.{}.{}", 150 + index / 250, 1 + index % 250)
}

/// Arguments of `reservation-add` for client number `index`.
pub fn reservation(index: usize) -> Value {
    json!({ "reservation": {
        "subnet-id": SUBNET_ID, "hw-address": mac(index), "ip-address": address(index),
        "hostname": format!("host-{index}"),
    }})
}

/// As [`config`], for either daemon.
pub fn config_of(family: Family, store: &Path) -> Value {
    match family {
        Family::V4 => config(store),
        Family::V6 => json!({
            "subnet6": [{ "id": SUBNET_ID, "subnet": "2001:db8:77::/48" }],
            "hosts-databases": [{ "type": "memfile", "name": store }],
        }),
    }
}

/// As [`reservation`], for either daemon.
pub fn reservation_of(family: Family, index: usize) -> Value {
    let mut arguments = reservation(index);
    if let (Family::V6, Some(reservation)) = (family, arguments["reservation"].as_object_mut()) {
        reservation.remove("ip-address");
        reservation.insert("ip-addresses".to_owned(), json!([format!("2001:db8:77::{index:x}")]));
    }
    arguments
}

/// Arguments that name the reservation of client number `index`.
pub fn key(index: usize) -> Value {
    json!({ "subnet-id": SUBNET_ID, "identifier-type": "hw-address", "identifier": mac(index) })
}

/// All reservations of the store, by paging.
pub fn all_reservations(kea: &Kea) -> Vec<Value> {
    let mut found = Vec::new();
    let mut from = json!({ "source-index": 1, "from": 0 });
    loop {
        let arguments = json!({ "limit": 500, "source-index": from["source-index"], "from": from["from"] });
        let page = kea.command("ext-reservation-get-page", &arguments).unwrap();
        if page.result == 3 {
            return found;
        }
        let page = page.success().unwrap();
        found.extend(page["hosts"].as_array().unwrap().iter().cloned());
        from = page["next"].clone();
    }
}

/// `upkeep` of the store when the backup or compaction that was begun has ended.
pub fn upkeep_ended(kea: &Kea) -> Value {
    let ended = wait_for("the end of a backup or compaction", Duration::from_secs(60), || {
        let status = kea.ask("ext-status", &Value::Null).unwrap();
        let upkeep = status["stores"][0]["upkeep"].clone();
        (upkeep["state"] != "running").then_some(upkeep)
    });
    ended.unwrap_or_else(|error| panic!("{error:#}\n{}", kea.tail()))
}

/// Fails unless the reply is as expected.
#[track_caller]
pub fn expect(reply: &Reply, result: i64, text: &str) {
    assert_eq!((reply.result, reply.text.as_str()), (result, text), "{}", reply.raw);
}

/// Fails unless the reply is an error whose text has all of these parts.
#[track_caller]
pub fn expect_error(reply: &Reply, parts: &[&str]) {
    assert_eq!(reply.result, 1, "{}", reply.raw);
    for part in parts {
        assert!(reply.text.contains(part), "'{part}' is not in: {}", reply.text);
    }
}
