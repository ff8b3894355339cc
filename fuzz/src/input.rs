//! Sessions: commands with arguments that resemble right ones, and clients with leases.

use std::ops::RangeInclusive;

use arbitrary::{Result, Unstructured};
use serde_json::{Map, Value, json};

/// Steps at most; more do not find more, and take longer to shrink.
const STEPS: usize = 12;

/// The subnets that there may be.
pub const SUBNETS: RangeInclusive<u32> = 1..=3;

/// Which daemon the process stands for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Family {
    /// kea-dhcp4.
    V4,
    /// kea-dhcp6.
    V6,
}

/// Requests, in order, and between them what becomes of leases: maps with a `lease`.
#[derive(Debug)]
pub struct Session(pub Vec<Value>);

impl Session {
    /// The session that these bytes stand for.
    pub fn made_of(family: Family, bytes: &mut Unstructured<'_>) -> Result<Self> {
        let templates = templates(family);
        let mut steps = Vec::new();
        while !bytes.is_empty() && steps.len() < STEPS {
            if bytes.ratio(1, 8)? {
                steps.push(lease(family, bytes)?);
                continue;
            }
            let (command, right) = bytes.choose(&templates)?;
            let mut request = json!({ "command": format!("ext-{command}") });
            // Much is only reached by what follows right commands.
            if bytes.ratio(1, 2)? {
                request["arguments"] = right.clone();
            } else if !bytes.ratio(1, 25)? {
                request["arguments"] = perturbed(bytes, right)?;
            }
            steps.push(request);
        }
        Ok(Self(steps))
    }
}

/// What becomes of a lease.
fn lease(family: Family, bytes: &mut Unstructured<'_>) -> Result<Value> {
    let addresses = match family {
        Family::V4 => ["10.77.1.1", "10.77.1.2", "10.78.1.1"],
        Family::V6 => ["2001:db8:77::1", "2001:db8:77::2", "2001:db8:9000::"],
    };
    Ok(json!({
        "lease": bytes.choose(&["committed", "committed", "committed", "released", "declined", "expired"])?,
        "client": bytes.int_in_range(1..=3)?,
        "subnet-id": bytes.int_in_range(SUBNETS)?,
        "ip-address": bytes.choose(&addresses)?,
    }))
}

/// Right arguments of every command.
fn templates(family: Family) -> Vec<(String, Value)> {
    let address = match family {
        Family::V4 => "10.77.1.1",
        Family::V6 => "2001:db8:77::1",
    };
    let mut reservation = json!({
        "subnet-id": 1, "hw-address": "02:77:00:00:00:01", "hostname": "printer", "client-classes": ["blue"],
        "user-context": { "site": "Oslo" },
    });
    match family {
        Family::V4 => {
            reservation["ip-address"] = json!(address);
            reservation["next-server"] = json!("192.0.2.1");
            reservation["server-hostname"] = json!("boot");
            reservation["boot-file-name"] = json!("/pxe");
            reservation["option-data"] = json!([{ "code": 6, "data": "192.0.2.1" }]);
        }
        Family::V6 => {
            reservation["ip-addresses"] = json!([address, "2001:db8:77::2"]);
            reservation["prefixes"] = json!(["2001:db8:9000::/56"]);
            reservation["option-data"] = json!([{ "code": 23, "data": "2001:db8::1" }]);
        }
    }
    let plain = json!({ "subnet-id": 1, "duid": "01:02:03", "hostname": "plain" });
    let with = |reservation: &Value| json!({ "reservation": reservation, "operation-target": "database" });
    let by_id = json!({ "subnet-id": 1, "identifier-type": "hw-address", "identifier": "02:77:00:00:00:01" });
    let by_address = json!({ "subnet-id": 1, "ip-address": address, "operation-target": "all" });
    let mut templates = about_subnets(family);
    let about_reservations = [
        ("reservation-add", with(&reservation)),
        ("reservation-add", with(&plain)),
        ("reservation-update", with(&reservation)),
        ("reservation-update", with(&plain)),
        ("reservation-get", by_id.clone()),
        ("reservation-get", by_address.clone()),
        ("reservation-del", by_id),
        ("reservation-del", by_address),
        ("reservation-get-all", json!({ "subnet-id": 1, "operation-target": "memory" })),
        ("reservation-get-page", json!({ "subnet-id": 1, "limit": 3, "source-index": 1, "from": 1 })),
        ("reservation-get-by-id", json!({ "identifier-type": "duid", "identifier": "01:02:03" })),
        ("reservation-get-by-hostname", json!({ "hostname": "plain", "subnet-id": 1 })),
        ("reservation-get-by-address", json!({ "ip-address": address, "subnet-id": 1 })),
        ("status", json!({})),
    ];
    templates.extend(own(family, &reservation, &plain));
    templates.extend(about_reservations.map(|(command, arguments)| (command.to_owned(), arguments)));
    templates
}

/// Right arguments of the commands that Kea's own hooks do not have. Not those of `store-backup`, which writes wherever it is
/// told to.
fn own(family: Family, reservation: &Value, plain: &Value) -> Vec<(String, Value)> {
    let wish =
        json!({ "subnet-id": 1, "hw-address": "02:77:00:00:00:01", "hostname": "w", "address": "lease" });
    let kind = if family == Family::V6 { "duid" } else { "client-id" };
    let other_wish = json!({ "subnet-id": 1, kind: "01:02:03", "address": "lease" });
    let by_hand = json!({
        "subnet-id": 1, "hw-address": "02:77:00:00:00:02", "hostname": "m",
        "user-context": { "ext-address": "lease", "ext-owner": "a" },
    });
    let remove = json!([{ "subnet-id": 1, "identifier-type": "duid", "identifier": "01:02:03" }]);
    let lists = json!({
        "owner": "a", "reservations": [reservation, plain], "remove": remove, "operation-target": "database",
        "dry-run": false, "atomic": false, "adopt": false, "prune": false,
    });
    let wishes = json!({
        "owner": "a", "reservations": [wish, other_wish], "operation-target": "all",
        "atomic": true, "adopt": true, "prune": true,
    });
    let identifiers =
        json!(["02:77:00:00:00:01", { "identifier-type": kind, "identifier": "01:02:03", "subnet-id": 1 }]);
    let resolve =
        json!({ "identifier-type": "hw-address", "identifiers": identifiers, "reservations": true });
    let commands = [
        ("reservation-apply", lists),
        ("reservation-apply", json!({ "owner": "b", "reservations": [wish.clone(), plain] })),
        ("reservation-apply", wishes),
        ("reservation-add", json!({ "reservation": by_hand })),
        ("reservation-pending", json!({ "owner": "a", "subnet-id": 1, "limit": 3, "offset": 0 })),
        ("lease-resolve", resolve),
        ("event-get", json!({ "since": 0, "limit": 3, "epoch": 1 })),
        ("store-compact", json!({})),
    ];
    commands.map(|(command, arguments)| (command.to_owned(), arguments)).into()
}

/// Right arguments of the commands about subnets and shared networks.
fn about_subnets(family: Family) -> Vec<(String, Value)> {
    let (digit, prefix, pool, nested) = match family {
        Family::V4 => (4, "10.78.0.0/16", "10.78.0.1 - 10.78.0.9", "10.79.0.0/16"),
        Family::V6 => (6, "2001:db8:78::/64", "2001:db8:78::1 - 2001:db8:78::9", "2001:db8:79::/64"),
    };
    let subnets = format!("subnet{digit}");
    let delta = |member: Value| json!({ &subnets: [member] });
    let whole = delta(json!({
        "id": 2, "subnet": prefix, "pools": [{ "pool": pool }], "valid-lifetime": 600,
        "user-context": { "site": { "name": "Oslo" } },
    }));
    let network =
        json!({ "shared-networks": [{ "name": "office", &subnets: [{ "id": 3, "subnet": nested }] }] });
    let commands = [
        ("subnet-list", json!({})),
        ("subnet-get", json!({ "id": 2 })),
        ("subnet-get", json!({ "subnet": prefix })),
        ("subnet-add", whole.clone()),
        ("subnet-update", whole),
        ("subnet-delta-add", delta(json!({ "id": 2, "subnet": prefix, "renew-timer": 7 }))),
        ("subnet-delta-del", delta(json!({ "id": 2, "subnet": prefix, "valid-lifetime": 600 }))),
        ("subnet-del", json!({ "id": 2 })),
        ("network-list", json!({})),
        ("network-get", json!({ "name": "office" })),
        ("network-add", network),
        ("network-subnet-add", json!({ "name": "office", "id": 2 })),
        ("network-subnet-del", json!({ "name": "office", "id": 2 })),
        ("network-del", json!({ "name": "office", "subnets-action": "delete" })),
    ];
    let name = |command: &str| command.replacen('-', &format!("{digit}-"), 1);
    commands.map(|(command, arguments)| (name(command), arguments)).into()
}

/// Names of members that mean something to a command or to Kea's parser.
const NAMES: &[&str] = &[
    "reservation",
    "owner",
    "remove",
    "prune",
    "adopt",
    "dry-run",
    "atomic",
    "address",
    "ext-owner",
    "ext-address",
    "identifiers",
    "since",
    "epoch",
    "offset",
    "id",
    "subnet",
    "subnet4",
    "subnet6",
    "shared-networks",
    "subnets-action",
    "pools",
    "pool",
    "pd-pools",
    "valid-lifetime",
    "reservations",
    "relay",
    "subnet-id",
    "operation-target",
    "hw-address",
    "duid",
    "circuit-id",
    "client-id",
    "flex-id",
    "ip-address",
    "ip-addresses",
    "prefixes",
    "excluded-prefixes",
    "hostname",
    "client-classes",
    "option-data",
    "user-context",
    "comment",
    "next-server",
    "server-hostname",
    "boot-file-name",
    "identifier-type",
    "identifier",
    "limit",
    "from",
    "source-index",
    "code",
    "name",
    "space",
    "data",
    "csv-format",
    "always-send",
    "never-send",
];

/// Texts that mean something.
const TEXTS: &[&str] = &[
    "",
    "a",
    "b",
    "lease",
    "memory",
    "database",
    "all",
    "default",
    "hw-address",
    "duid",
    "circuit-id",
    "client-id",
    "flex-id",
    "01:02:03",
    "010203",
    "'port 7'",
    "'",
    "0x0102",
    "02:77:00:00:00:02",
    "10.77.1.1",
    "10.77.1.2",
    "10.78.1.1",
    "0.0.0.0",
    "255.255.255.255",
    "2001:db8:77::1",
    "2001:db8:77::2",
    "2001:db8:78::1",
    "::",
    "2001:db8:9000::/56",
    "2001:db8:9000::/129",
    "2001:db8:9100::/64",
    "/",
    "10.77.0.0/16",
    "10.78.0.0/16",
    "10.78.0.1 - 10.78.0.9",
    "2001:db8:77::/64",
    "2001:db8:78::/64",
    "office",
    "keep",
    "delete",
    "printer",
    "PRINTER.example.",
    "é",
    "a b",
    "dhcp4",
    "dhcp6",
    "domain-name-servers",
    "dns-servers",
    "host-name",
    "192.0.2.1, 192.0.2.2",
    "true",
    "\u{0}",
];

const NUMBERS: &[i64] =
    &[0, 1, 2, 3, -1, 6, 23, 128, 255, 256, 65535, 65536, 4_294_967_294, 4_294_967_295, i64::MAX, i64::MIN];

/// The value as it is, mostly; with members that are left out, put in, or something else, now and then.
fn perturbed(bytes: &mut Unstructured<'_>, right: &Value) -> Result<Value> {
    if bytes.ratio(1, 24)? {
        return value(bytes, 3);
    }
    match right {
        Value::Object(members) => {
            let mut map = Map::new();
            for (name, member) in members {
                match bytes.int_in_range(0..=23)? {
                    1 => {}
                    2 => drop(map.insert((*bytes.choose(NAMES)?).to_owned(), member.clone())),
                    _ => drop(map.insert(name.clone(), perturbed(bytes, member)?)),
                }
            }
            if bytes.ratio(1, 12)? {
                map.insert((*bytes.choose(NAMES)?).to_owned(), value(bytes, 2)?);
            }
            Ok(Value::Object(map))
        }
        Value::Array(items) => {
            let mut list = items.iter().map(|item| perturbed(bytes, item)).collect::<Result<Vec<_>>>()?;
            if bytes.ratio(1, 12)? {
                list.push(value(bytes, 2)?);
            }
            Ok(Value::Array(list))
        }
        Value::String(_) if bytes.ratio(1, 6)? => text(bytes).map(Value::String),
        Value::Bool(_) => Ok(json!(bytes.arbitrary::<bool>()?)),
        Value::Number(_) if bytes.ratio(1, 6)? => number(bytes),
        same => Ok(same.clone()),
    }
}

/// Any value, of this depth at most.
fn value(bytes: &mut Unstructured<'_>, depth: usize) -> Result<Value> {
    Ok(match bytes.int_in_range(0..=if depth == 0 { 4 } else { 6 })? {
        0 => Value::Null,
        1 => json!(bytes.arbitrary::<bool>()?),
        2 => number(bytes)?,
        3 => json!(text(bytes)?),
        4 => json!(f64::from(bytes.arbitrary::<i16>()?) / 8.0),
        5 => {
            let length = bytes.int_in_range(0..=3)?;
            (0..length).map(|_| value(bytes, depth - 1)).collect::<Result<Vec<_>>>()?.into()
        }
        _ => {
            let length = bytes.int_in_range(0..=3)?;
            let member = |_| Ok(((*bytes.choose(NAMES)?).to_owned(), value(bytes, depth - 1)?));
            Value::Object((0..length).map(member).collect::<Result<Map<_, _>>>()?)
        }
    })
}

fn number(bytes: &mut Unstructured<'_>) -> Result<Value> {
    Ok(if bytes.ratio(1, 4)? { json!(bytes.arbitrary::<i64>()?) } else { json!(bytes.choose(NUMBERS)?) })
}

fn text(bytes: &mut Unstructured<'_>) -> Result<String> {
    if bytes.ratio(1, 4)? {
        Ok(bytes.arbitrary::<&str>()?.to_owned())
    } else {
        Ok((*bytes.choose(TEXTS)?).to_owned())
    }
}
