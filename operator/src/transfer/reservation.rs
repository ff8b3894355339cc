//! Between the members of a reservation and what a store keeps of it. What is made here has the form that the hook
//! gives to what it stores, so that both are the same, byte by byte, but for options: the hook writes them out with what
//! the configuration of the server knows about them.

use std::net::{Ipv4Addr, Ipv6Addr};

use dhcp_host_cmds_rs::store::{Family, Ipv6Resource, Reservation};
use serde_json::{Map, Value};

use super::text::{Style, decode, encode, shown, write};
use super::{Entry, Members, Place, identifier};

/// Members of both families, besides the identifiers.
const COMMON: [&str; 5] = ["hostname", "option-data", "client-classes", "user-context", "comment"];
/// Members of one.
const V4: [&str; 4] = ["ip-address", "next-server", "server-hostname", "boot-file-name"];
const V6: [&str; 3] = ["ip-addresses", "prefixes", "excluded-prefixes"];

/// Members of an option.
const OPTION: [&str; 10] = [
    "name",
    "code",
    "space",
    "csv-format",
    "data",
    "always-send",
    "never-send",
    "client-classes",
    "user-context",
    "comment",
];

/// The longest `server-hostname` and `boot-file-name` in bytes: what the fields of a DHCPv4 packet hold (RFC 2131,
/// section 2), with the zero behind them.
const BOOT_FIELDS: [(&str, usize); 2] = [("server-hostname", 63), ("boot-file-name", 127)];

/// What a store keeps of an entry that is for that subnet.
///
/// # Errors
/// Says what Kea would not take.
pub fn of_entry(entry: &Entry, subnet: u32) -> Result<Reservation, String> {
    let mut given = entry.members.clone();
    let identifier = identifier::take(entry.family, &mut given);
    // Of a name that is misspelt, this says more than that the identifier is missing.
    check_names(entry.family, &given)?;
    let identifier = identifier?;
    adopt_comment(&mut given)?;
    let (name, value) = identifier::member(&identifier);
    let mut body = Members::from_iter([(name, value)]);
    let mut ipv4 = None;
    let mut ipv6 = Vec::new();
    for (name, value) in given {
        match name.as_str() {
            "ip-address" => {
                let address: Ipv4Addr = parse(&name, &value)?;
                ipv4 = (!address.is_unspecified()).then_some(address);
                if ipv4.is_some() {
                    body.insert(name, address.to_string().into());
                }
            }
            "ip-addresses" | "prefixes" => {
                let read = if name == "prefixes" { prefix } else { address };
                let resources: Vec<_> =
                    list(&name, &value)?.iter().map(|item| read(&name, item)).collect::<Result<_, _>>()?;
                insert(
                    &mut body,
                    name,
                    resources.iter().map(ToString::to_string).map(Value::from).collect::<Vec<_>>().into(),
                );
                ipv6.extend(resources);
            }
            "next-server" => {
                let address: Ipv4Addr = parse(&name, &value)?;
                if !address.is_unspecified() {
                    body.insert(name, address.to_string().into());
                }
            }
            "hostname" | "server-hostname" | "boot-file-name" => {
                check_boot_field(&name, text(&name, &value)?)?;
                insert(&mut body, name, value);
            }
            "client-classes" | "excluded-prefixes" => {
                list(&name, &value)?.iter().try_for_each(|item| text(&name, item).map(drop))?;
                insert(&mut body, name, value);
            }
            "option-data" => insert(&mut body, name, options(value)?),
            "user-context" if value.is_object() => drop(body.insert(name, value)),
            _ => return Err(format!("'{name}' is no map")),
        }
    }
    let hostname = body.get("hostname").and_then(Value::as_str).unwrap_or_default();
    let hostname = encode(hostname).ok_or("'hostname' has an escape beyond \\u00ff: write it in UTF-8")?;
    let mut bytes = Vec::new();
    write(&Value::Object(body), Style::Kea, &mut bytes)?;
    let of = |family| (entry.family == family).then_some(subnet);
    Ok(Reservation {
        identifier,
        subnet_v4: of(Family::V4),
        subnet_v6: of(Family::V6),
        ipv4,
        ipv6: ipv6.into(),
        hostname: hostname.into(),
        body: bytes.into(),
    })
}

/// The entry of what a store keeps.
///
/// # Errors
/// When it is in no form that the hook writes.
pub fn to_entry(reservation: &Reservation) -> Result<Entry, String> {
    let (family, subnet) = match (reservation.subnet_v4, reservation.subnet_v6) {
        (Some(subnet), None) => (Family::V4, subnet),
        (None, Some(subnet)) => (Family::V6, subnet),
        _ => return Err("it is for no family, or for both".into()),
    };
    let members: Map<String, Value> =
        serde_json::from_str(&decode(&reservation.body)).map_err(|error| error.to_string())?;
    Ok(Entry { at: Place::NOWHERE, family, subnet: Some(subnet), members })
}

/// What says nothing is not kept.
fn insert(body: &mut Members, name: String, value: Value) {
    let empty = value.as_array().is_some_and(Vec::is_empty) || value.as_str().is_some_and(str::is_empty);
    if !empty {
        body.insert(name, value);
    }
}

fn check_names(family: Family, given: &Members) -> Result<(), String> {
    let (own, other) = match family {
        Family::V4 => (V4.as_slice(), V6.as_slice()),
        Family::V6 => (V6.as_slice(), V4.as_slice()),
    };
    for name in given.keys().map(String::as_str) {
        if other.contains(&name) {
            return Err(format!("'{name}' does not belong into a reservation for {family}"));
        }
        if !COMMON.contains(&name) && !own.contains(&name) {
            return Err(format!("'{}' is no member of a reservation", shown(name)));
        }
    }
    Ok(())
}

/// A comment is kept in the `user-context`, as Kea does.
fn adopt_comment(members: &mut Members) -> Result<(), String> {
    let Some(comment) = members.remove("comment") else { return Ok(()) };
    text("comment", &comment)?;
    let context = members.entry("user-context").or_insert_with(|| Map::new().into());
    let context = context.as_object_mut().ok_or("'user-context' is no map")?;
    if context.insert("comment".into(), comment).is_some() {
        return Err("there is a 'comment' both beside 'user-context' and in it".into());
    }
    Ok(())
}

fn options(value: Value) -> Result<Value, String> {
    let Value::Array(mut options) = value else { return Err("'option-data' is no list".into()) };
    for option in &mut options {
        let members = option.as_object_mut().ok_or("an option is no map")?;
        if let Some(name) = members.keys().find(|name| !OPTION.contains(&name.as_str())) {
            return Err(format!("'{}' is no member of an option", shown(name)));
        }
        if !members.contains_key("name") && !members.contains_key("code") {
            return Err("an option needs a 'name' or a 'code'".into());
        }
        adopt_comment(members)?;
    }
    Ok(options.into())
}

fn check_boot_field(name: &str, value: &str) -> Result<(), String> {
    match BOOT_FIELDS.iter().find(|(field, _)| *field == name) {
        Some((_, longest)) if value.chars().count() > *longest => {
            Err(format!("'{name}' is too long, at most {longest} bytes are possible"))
        }
        _ => Ok(()),
    }
}

fn text<'a>(name: &str, value: &'a Value) -> Result<&'a str, String> {
    value.as_str().ok_or_else(|| format!("'{name}' is no string"))
}

fn list<'a>(name: &str, value: &'a Value) -> Result<&'a [Value], String> {
    value.as_array().map(Vec::as_slice).ok_or_else(|| format!("'{name}' is no list"))
}

fn parse<T: std::str::FromStr>(name: &str, value: &Value) -> Result<T, String> {
    let given = text(name, value)?;
    given.trim().parse().map_err(|_| format!("'{name}' is no valid address: '{}'", shown(given)))
}

fn address(name: &str, value: &Value) -> Result<Ipv6Resource, String> {
    parse(name, value).map(Ipv6Resource::Address)
}

fn prefix(name: &str, value: &Value) -> Result<Ipv6Resource, String> {
    let given = text(name, value)?;
    let split = given.trim().split_once('/');
    let parsed = split.and_then(|(address, length)| {
        Some((
            address.parse::<Ipv6Addr>().ok()?,
            length.parse::<u8>().ok().filter(|bits| (1..=128).contains(bits))?,
        ))
    });
    let (address, bits) =
        parsed.ok_or_else(|| format!("'{}' is no prefix such as 2001:db8:1::/48", shown(given)))?;
    if u32::from(bits) < 128 && address.to_bits() << bits != 0 {
        return Err(format!("'{given}' has bits behind its length"));
    }
    Ok(Ipv6Resource::Prefix(address, bits))
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn entry(family: Family, members: Value) -> Entry {
        let Value::Object(members) = members else { panic!("{members}") };
        Entry { at: Place::NOWHERE, family, subnet: Some(1), members }
    }

    fn body(family: Family, members: Value) -> String {
        String::from_utf8(of_entry(&entry(family, members), 1).unwrap().body.into()).unwrap()
    }

    fn refusal(family: Family, members: Value) -> String {
        of_entry(&entry(family, members), 1).unwrap_err()
    }

    #[test]
    fn the_body_is_what_the_hook_writes() {
        let given = json!({
            "hw-address": "2:0:0:0:0:A", "ip-address": "10.0.0.1", "hostname": "A", "option-data": [],
            "next-server": "0.0.0.0", "boot-file-name": "", "client-classes": ["b", "a"], "user-context": {},
        });
        assert_eq!(
            body(Family::V4, given),
            r#"{ "client-classes": [ "b", "a" ], "hostname": "A", "hw-address": "02:00:00:00:00:0a", "ip-address": "10.0.0.1", "user-context": {  } }"#
        );
        let given = json!({
            "duid": "010203", "ip-addresses": ["2001:DB8:0::1"], "prefixes": ["2001:db8:1:0::/48"], "comment": "x",
        });
        let reservation = of_entry(&entry(Family::V6, given), 7).unwrap();
        assert_eq!(
            String::from_utf8_lossy(&reservation.body),
            r#"{ "duid": "01:02:03", "ip-addresses": [ "2001:db8::1" ], "prefixes": [ "2001:db8:1::/48" ], "user-context": { "comment": "x" } }"#
        );
        assert_eq!(
            (reservation.subnet_v4, reservation.subnet_v6, reservation.ipv6.len()),
            (None, Some(7), 2)
        );
        let back = to_entry(&reservation).unwrap();
        assert_eq!(of_entry(&back, 7).unwrap(), reservation);
    }

    #[test]
    fn what_kea_would_not_take_is_named() {
        assert!(refusal(Family::V4, json!({ "hw-addres": "01" })).contains("'hw-addres' is no member"));
        let with = |name: &str, value: Value| {
            let mut members = json!({ "hw-address": "01:02" });
            members[name] = value;
            members
        };
        for (name, value, text) in [
            ("ip-address", json!("10.0.0"), "no valid address"),
            ("ip-address", json!(1), "no string"),
            ("ip-addresses", json!([]), "does not belong into a reservation for IPv4"),
            ("hostnam", json!("x"), "no member of a reservation"),
            ("subnet-id", json!(1), "no member"),
            ("client-classes", json!("x"), "no list"),
            ("client-classes", json!([1]), "no string"),
            ("option-data", json!({}), "no list"),
            ("option-data", json!([{ "data": "x" }]), "needs a 'name' or a 'code'"),
            ("option-data", json!([{ "code": 6, "value": "x" }]), "no member of an option"),
            ("user-context", json!([]), "no map"),
            ("server-hostname", json!("x".repeat(64)), "at most 63"),
            ("user-context", json!({ "\u{4e2d}": 1 }), "write the text in UTF-8"),
        ] {
            let found = refusal(Family::V4, with(name, value));
            assert!(found.contains(text), "{name}: {found}");
        }
        for (prefix, text) in
            [("2001:db8::1/48", "bits behind"), ("2001:db8::", "no prefix"), ("2001:db8::/129", "no prefix")]
        {
            assert!(refusal(Family::V6, with("prefixes", json!([prefix]))).contains(text), "{prefix}");
        }
        of_entry(&entry(Family::V6, with("prefixes", json!(["2001:db8::1/128"]))), 1).unwrap();
    }
}
