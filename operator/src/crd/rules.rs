//! Rules (CEL) of the CustomResourceDefinitions: what a schema can check as soon as an object is written.
//!
//! They refuse only what nobody can mean. An interface without a MAC address is somebody's work in progress, and an object
//! may be another operator's, so these pass here and are judged by who serves the object. The API server estimates what
//! a rule costs at worst, so lists and texts in them need limits; these are far above what machines have.

use serde_json::{Value, json};

/// Most interfaces of an object.
pub const MOST_INTERFACES: usize = 64;
/// Most addresses of an interface.
pub const MOST_ADDRESSES: usize = 64;
/// Longest MAC address or IP address, in bytes, blanks around it included.
pub const LONGEST_ADDRESS: usize = 64;

/// The spellings of MAC addresses that [`Mac`](crate::domain::Mac) reads, or none.
const MAC: &str = r"^\\s*([0-9A-Fa-f]{2}((:[0-9A-Fa-f]{2}){5}|(-[0-9A-Fa-f]{2}){5}|([0-9A-Fa-f]{2}){5})|[0-9A-Fa-f]{4}([.][0-9A-Fa-f]{4}){2})?\\s*$";
/// An IPv4 address, with or without the length of its prefix: other operators' objects may have it.
const IPV4: &str = r"^\\s*((25[0-5]|2[0-4][0-9]|1[0-9]{2}|[1-9]?[0-9])([.]|/|\\s|$)){4}([0-9]{1,2})?\\s*$";

/// Rules for the interfaces of a spec.
pub fn interfaces() -> Value {
    // One spelling for all of them.
    let canonical = |interface: &str| {
        let separators = ["':'", "'-'", "'.'"];
        separators.iter().fold(format!("{interface}.macAddress.trim().lowerAscii()"), |text, separator| {
            format!("{text}.replace({separator}, '')")
        })
    };
    json!([
        {
            "rule": format!("self.all(i, !has(i.macAddress) || i.macAddress.matches('{MAC}'))"),
            "message": "a MAC address has 6 octets: 52:54:00:12:34:56, 52-54-00-12-34-56, 5254.0012.3456 or 525400123456",
        },
        {
            "rule": format!(
                "self.map(i, has(i.macAddress) ? {mac} : '').filter(m, m != '').all(m, self.exists_one(i, \
                 has(i.macAddress) && {mac} == m))",
                mac = canonical("i")
            ),
            "message": "each interface needs a MAC address of its own",
        },
        {
            "rule": format!(
                "self.all(i, !has(i.ipv4Addresses) || i.ipv4Addresses.all(a, a.matches('{IPV4}')))"
            ),
            "message": "ipv4Addresses holds IPv4 addresses such as 10.100.1.20",
        },
    ])
}
