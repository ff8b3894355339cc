//! Options as dhcpd writes them (dhcp-options(5)), as Kea's `option-data`. Kea is told the number of the option and not
//! its name, because some have other names there.

use std::net::{Ipv4Addr, Ipv6Addr};

use dhcp_host_cmds_rs::store::Family;
use serde_json::{Value, json};

use super::super::text::decode;
use super::lexer::Word;

/// What the values of an option are.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Kind {
    Text,
    /// An address, or with commas between them, several.
    Addresses,
    /// As that, two and two.
    Pairs,
    Addresses6,
    Switch,
    /// Numbers of at most so many bits.
    Numbers(u32),
    Signed,
    /// Domain names.
    Names,
}
use Kind::{Addresses, Addresses6, Names, Numbers, Pairs, Signed, Switch, Text};

/// Those of DHCPv4, by their names in dhcpd: RFC 2132, 3397.
const V4: &[(&str, u16, Kind)] = &[
    ("subnet-mask", 1, Addresses),
    ("time-offset", 2, Signed),
    ("routers", 3, Addresses),
    ("time-servers", 4, Addresses),
    ("ien116-name-servers", 5, Addresses),
    ("domain-name-servers", 6, Addresses),
    ("log-servers", 7, Addresses),
    ("cookie-servers", 8, Addresses),
    ("lpr-servers", 9, Addresses),
    ("impress-servers", 10, Addresses),
    ("resource-location-servers", 11, Addresses),
    ("boot-size", 13, Numbers(16)),
    ("merit-dump", 14, Text),
    ("domain-name", 15, Text),
    ("swap-server", 16, Addresses),
    ("root-path", 17, Text),
    ("extensions-path", 18, Text),
    ("ip-forwarding", 19, Switch),
    ("non-local-source-routing", 20, Switch),
    ("policy-filter", 21, Pairs),
    ("max-dgram-reassembly", 22, Numbers(16)),
    ("default-ip-ttl", 23, Numbers(8)),
    ("path-mtu-aging-timeout", 24, Numbers(32)),
    ("path-mtu-plateau-table", 25, Numbers(16)),
    ("interface-mtu", 26, Numbers(16)),
    ("all-subnets-local", 27, Switch),
    ("broadcast-address", 28, Addresses),
    ("perform-mask-discovery", 29, Switch),
    ("mask-supplier", 30, Switch),
    ("router-discovery", 31, Switch),
    ("router-solicitation-address", 32, Addresses),
    ("static-routes", 33, Pairs),
    ("trailer-encapsulation", 34, Switch),
    ("arp-cache-timeout", 35, Numbers(32)),
    ("ieee802-3-encapsulation", 36, Switch),
    ("default-tcp-ttl", 37, Numbers(8)),
    ("tcp-keepalive-interval", 38, Numbers(32)),
    ("tcp-keepalive-garbage", 39, Switch),
    ("nis-domain", 40, Text),
    ("nis-servers", 41, Addresses),
    ("ntp-servers", 42, Addresses),
    ("netbios-name-servers", 44, Addresses),
    ("netbios-dd-server", 45, Addresses),
    ("netbios-node-type", 46, Numbers(8)),
    ("netbios-scope", 47, Text),
    ("font-servers", 48, Addresses),
    ("x-display-manager", 49, Addresses),
    ("nisplus-domain", 64, Text),
    ("nisplus-servers", 65, Addresses),
    ("tftp-server-name", 66, Text),
    ("bootfile-name", 67, Text),
    ("mobile-ip-home-agent", 68, Addresses),
    ("smtp-server", 69, Addresses),
    ("pop-server", 70, Addresses),
    ("nntp-server", 71, Addresses),
    ("www-server", 72, Addresses),
    ("finger-server", 73, Addresses),
    ("irc-server", 74, Addresses),
    ("streettalk-server", 75, Addresses),
    ("streettalk-directory-assistance-server", 76, Addresses),
    ("domain-search", 119, Names),
];

/// Those of DHCPv6: RFC 3646, 3898, 4075, 5908, 5970, 8415.
const V6: &[(&str, u16, Kind)] = &[
    ("dhcp6.preference", 7, Numbers(8)),
    ("dhcp6.sip-servers-names", 21, Names),
    ("dhcp6.sip-servers-addresses", 22, Addresses6),
    ("dhcp6.name-servers", 23, Addresses6),
    ("dhcp6.domain-search", 24, Names),
    ("dhcp6.nis-servers", 27, Addresses6),
    ("dhcp6.nisp-servers", 28, Addresses6),
    ("dhcp6.sntp-servers", 31, Addresses6),
    ("dhcp6.info-refresh-time", 32, Numbers(32)),
    ("dhcp6.bootfile-url", 59, Text),
];

/// The family and the number of an option.
pub type Key = (Family, u16);

/// An entry of `option-data`, and what it is. None where the option is not known.
pub fn option(name: &str, words: &[Word]) -> Option<Result<(Key, Value), String>> {
    let v4 = V4.iter().map(|option| (Family::V4, option));
    let v6 = V6.iter().map(|option| (Family::V6, option));
    let (family, (_, code, kind)) = v4.chain(v6).find(|(_, (known, ..))| *known == name)?;
    Some(value(*kind, words).map(|mut value| {
        value["code"] = json!(code);
        ((family, *code), value)
    }))
}

fn value(kind: Kind, words: &[Word]) -> Result<Value, String> {
    let items: Vec<&[Word]> = words.split(|word| !word.quoted && word.bytes == b",").collect();
    if let [[word]] = items[..]
        && let Some(bytes) = (!word.quoted).then(|| octets(&word.bytes)).flatten()
        && matches!(kind, Text)
    {
        return Ok(binary(&bytes));
    }
    match (kind, &items[..]) {
        (Text, [[word]]) if word.quoted => {
            // Kea reads commas and backslashes of a text as its own.
            let plain = word.bytes.iter().all(|byte| (b' '..=b'~').contains(byte) && !b",\\".contains(byte));
            let padded = word.bytes.trim_ascii().len() < word.bytes.len();
            Ok(if plain && !padded { json!({ "data": decode(&word.bytes) }) } else { binary(&word.bytes) })
        }
        (Text, _) => Err("one text in quotes is expected".into()),
        (_, [[]]) => Err("a value is missing".into()),
        _ => {
            let values: Result<Vec<String>, String> = items.iter().map(|item| one(kind, item)).collect();
            Ok(json!({ "data": values?.join(", ") }))
        }
    }
}

/// One of several values.
fn one(kind: Kind, words: &[Word]) -> Result<String, String> {
    let texts: Vec<&str> = words.iter().map(|word| std::str::from_utf8(&word.bytes).unwrap_or("")).collect();
    let address = |text: &str| {
        let parsed: Result<Ipv4Addr, _> = text.parse();
        parsed
            .map(|address| address.to_string())
            .map_err(|_| format!("'{text}' is no IPv4 address: write the address of that name"))
    };
    let fits = |text: &str, bits: u32| text.parse::<u64>().is_ok_and(|number| number >> bits == 0);
    match (kind, &texts[..]) {
        (Addresses, [text]) => address(text),
        (Pairs, [first, second]) => Ok(format!("{}, {}", address(first)?, address(second)?)),
        (Addresses6, [text]) => match text.parse::<Ipv6Addr>() {
            Ok(address) => Ok(address.to_string()),
            Err(_) => Err(format!("'{text}' is no IPv6 address: write the address of that name")),
        },
        (Switch, ["on" | "true"]) => Ok("true".into()),
        (Switch, ["off" | "false"]) => Ok("false".into()),
        (Numbers(bits), [text]) if fits(text, bits) => Ok((*text).to_owned()),
        (Signed, [text]) if text.parse::<i32>().is_ok() => Ok((*text).to_owned()),
        (Names, [text]) if !text.is_empty() && !text.contains([',', ' ', '\\']) => Ok((*text).to_owned()),
        _ => Err(format!("'{}' is no value that is expected here", texts.join(" "))),
    }
}

fn binary(bytes: &[u8]) -> Value {
    let hex: String = bytes.iter().fold(String::new(), |hex, byte| hex + &format!("{byte:02X}"));
    json!({ "csv-format": false, "data": hex })
}

/// Hexadecimal numbers with colons between them: at least two, or it would be a number or a name.
pub fn octets(text: &[u8]) -> Option<Vec<u8>> {
    let text = std::str::from_utf8(text).ok().filter(|text| text.contains(':'))?;
    let octet = |digits: &str| {
        let valid = (1..=2).contains(&digits.len()) && digits.bytes().all(|digit| digit.is_ascii_hexdigit());
        valid.then(|| u8::from_str_radix(digits, 16).ok())?
    };
    text.split(':').map(octet).collect()
}

#[cfg(test)]
mod tests {
    use super::super::lexer::statements;
    use super::*;

    fn read(statement: &str) -> Result<Value, String> {
        let statement = statements(statement.as_bytes()).map_err(|problem| problem.text)?.remove(0);
        option(statement.names()[1], &statement.words[2..]).expect("a known option").map(|(_, value)| value)
    }

    #[test]
    fn values() {
        for (statement, expected) in [
            ("option routers 10.0.0.1, 10.0.0.2;", json!({ "code": 3, "data": "10.0.0.1, 10.0.0.2" })),
            (
                "option static-routes 10.0.0.1 10.0.0.2, 10.0.0.3 10.0.0.4;",
                json!({ "code": 33, "data": "10.0.0.1, 10.0.0.2, 10.0.0.3, 10.0.0.4" }),
            ),
            ("option root-path \"a b\";", json!({ "code": 17, "data": "a b" })),
            ("option root-path \"a,b\";", json!({ "code": 17, "csv-format": false, "data": "612C62" })),
            ("option root-path 61:62;", json!({ "code": 17, "csv-format": false, "data": "6162" })),
            ("option ip-forwarding on;", json!({ "code": 19, "data": "true" })),
            ("option time-offset -3600;", json!({ "code": 2, "data": "-3600" })),
            (
                "option domain-search \"a.example\", \"b.example\";",
                json!({ "code": 119, "data": "a.example, b.example" }),
            ),
            ("option dhcp6.name-servers 2001:db8::1;", json!({ "code": 23, "data": "2001:db8::1" })),
        ] {
            assert_eq!(read(statement).unwrap(), expected, "{statement}");
        }
        for (statement, text) in [
            ("option routers gw.example;", "no IPv4 address"),
            ("option routers;", "missing"),
            ("option interface-mtu 65536;", "no value"),
            ("option root-path a;", "in quotes"),
            ("option static-routes 10.0.0.1;", "no value"),
        ] {
            assert!(read(statement).unwrap_err().contains(text), "{statement}");
        }
        assert!(option("vendor-thing", &[]).is_none());
    }
}
