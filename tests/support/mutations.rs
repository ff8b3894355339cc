//! Arguments of commands, right and wrong.

use serde_json::{Value, json};

use super::{SUBNET_ID, key, mac};

/// One value of every JSON type, and some at the edge of their type.
pub fn values() -> Vec<Value> {
    vec![
        Value::Null,
        json!(true),
        json!(0),
        json!(-1),
        json!(i64::MAX),
        json!(i64::MIN),
        json!(1.5),
        json!(""),
        json!("text"),
        json!("é\u{0}\u{7f}"),
        json!([]),
        json!([1, "two", null]),
        json!({}),
        json!({ "nested": { "deeper": [] }}),
    ]
}

/// Well-formed arguments of each command that Kea's hooks have too; every member will be replaced by every wrong value.
pub fn well_formed() -> Vec<(&'static str, Value)> {
    let full = json!({ "reservation": {
        "subnet-id": SUBNET_ID, "hw-address": mac(9), "ip-address": "10.77.9.9", "hostname": "h",
        "next-server": "192.0.2.1", "server-hostname": "s", "boot-file-name": "b",
        "client-classes": ["c"], "option-data": [{ "code": 6, "data": "192.0.2.1" }], "user-context": {},
    }, "operation-target": "database" });
    let by_address =
        json!({ "subnet-id": SUBNET_ID, "ip-address": "10.77.9.9", "operation-target": "default" });
    let mut by_identifier = key(9);
    by_identifier["operation-target"] = json!("default");
    let page = json!({ "subnet-id": SUBNET_ID, "limit": 10, "source-index": 0, "from": 0 });
    vec![
        ("reservation-add", full),
        ("reservation-get", by_address.clone()),
        ("reservation-get", by_identifier.clone()),
        ("reservation-get-page", page),
        ("reservation-get-all", json!({ "subnet-id": SUBNET_ID, "operation-target": "all" })),
        ("reservation-get-by-id", json!({ "identifier-type": "hw-address", "identifier": mac(9) })),
        ("reservation-get-by-hostname", json!({ "hostname": "h", "subnet-id": SUBNET_ID })),
        ("reservation-get-by-address", json!({ "ip-address": "10.77.9.9", "subnet-id": SUBNET_ID })),
        ("subnet4-list", json!({ "unused": 1 })),
        ("reservation-del", by_address),
        ("reservation-del", by_identifier),
    ]
}

/// Well-formed arguments of the commands that only this library has.
pub fn well_formed_own() -> Vec<(&'static str, Value)> {
    let plain = json!({ "subnet-id": SUBNET_ID, "hw-address": mac(9), "hostname": "h", "user-context": {} });
    let mut wish = plain.clone();
    wish["address"] = json!("lease");
    let apply = json!({
        "owner": "a", "reservations": [plain, wish], "remove": [key(9)], "prune": true, "adopt": true,
        "dry-run": false, "atomic": false, "operation-target": "database",
    });
    let resolve = json!({
        "identifiers": ["02:77:00", { "identifier-type": "duid", "identifier": "01:02:03", "subnet-id": SUBNET_ID }],
        "identifier-type": "hw-address", "subnet-id": SUBNET_ID, "operation-target": "all", "reservations": true,
    });
    vec![
        ("reservation-apply", apply),
        ("reservation-pending", json!({ "owner": "a", "subnet-id": SUBNET_ID, "limit": 10, "offset": 0 })),
        ("lease-resolve", resolve),
        ("event-get", json!({ "since": 0, "limit": 10, "epoch": 1 })),
        ("store-backup", json!({ "path": "/nonexistent/backup.db" })),
        ("store-compact", json!({ "unused": 1 })),
    ]
}

/// The arguments with one member after the other, at any depth, replaced by `wrong` or left out.
pub fn mutations(arguments: &Value, wrong: &Value) -> Vec<Value> {
    let mut mutated = vec![wrong.clone()];
    match arguments {
        Value::Object(members) => {
            for (name, value) in members {
                for replacement in mutations(value, wrong) {
                    let mut changed = members.clone();
                    changed.insert(name.clone(), replacement);
                    mutated.push(Value::Object(changed));
                }
                let mut without = members.clone();
                without.remove(name);
                mutated.push(Value::Object(without));
            }
        }
        Value::Array(items) => {
            for (index, item) in items.iter().enumerate() {
                for replacement in mutations(item, wrong) {
                    let mut changed = items.clone();
                    changed[index] = replacement;
                    mutated.push(Value::Array(changed));
                }
            }
        }
        _ => {}
    }
    mutated
}
