//! The `reservations` of Kea's configuration: of subnets, of subnets in shared networks, and global ones.

use dhcp_host_cmds_rs::store::Family;
use ipnet::IpNet;
use serde::Deserialize;
use serde_json::value::RawValue;

use super::subnets::{Subnet, Subnets};
use super::text::{self, Json};
use super::{Document, Entry, Place, Problem};

/// A configuration, or the reply of `config-get` with one in it.
#[derive(Deserialize, Default)]
struct File<'a> {
    #[serde(borrow, rename = "Dhcp4")]
    v4: Option<Dhcp<'a>>,
    #[serde(borrow, rename = "Dhcp6")]
    v6: Option<Dhcp<'a>>,
    #[serde(borrow)]
    arguments: Option<&'a RawValue>,
}

#[derive(Deserialize)]
struct Dhcp<'a> {
    #[serde(borrow, default)]
    reservations: Vec<&'a RawValue>,
    #[serde(borrow, default, alias = "subnet6")]
    subnet4: Vec<&'a RawValue>,
    #[serde(borrow, default, rename = "shared-networks")]
    networks: Vec<Network<'a>>,
    #[serde(default = "yes", rename = "ip-reservations-unique")]
    addresses_unique: bool,
}

#[derive(Deserialize)]
struct Network<'a> {
    #[serde(borrow, default, alias = "subnet6")]
    subnet4: Vec<&'a RawValue>,
}

#[derive(Deserialize)]
struct SubnetPart<'a> {
    id: Option<u32>,
    subnet: String,
    #[serde(borrow, default)]
    reservations: Vec<&'a RawValue>,
}

fn yes() -> bool {
    true
}

impl<'a> File<'a> {
    fn of(json: &'a Json) -> Result<Self, Problem> {
        let whole: &RawValue = json.parse()?;
        let mut part = whole;
        // A reply of the control agent, or of Kea's own HTTP, is in a list.
        if let Ok(list) = serde_json::from_str::<Vec<&RawValue>>(part.get())
            && let [one] = list[..]
        {
            part = one;
        }
        loop {
            let file: Self = json.parse_part(part, "no configuration of Kea")?;
            match file.arguments {
                Some(arguments) if file.v4.is_none() && file.v6.is_none() => part = arguments,
                _ if file.v4.is_none() && file.v6.is_none() => {
                    return Err(Problem::at(
                        Place::NOWHERE,
                        "no configuration of Kea: neither 'Dhcp4' nor 'Dhcp6' is in it",
                    ));
                }
                _ => return Ok(file),
            }
        }
    }

    fn families(&self) -> impl Iterator<Item = (Family, &Dhcp<'a>)> {
        let v4 = self.v4.as_ref().map(|dhcp| (Family::V4, dhcp));
        v4.into_iter().chain(self.v6.as_ref().map(|dhcp| (Family::V6, dhcp)))
    }
}

impl<'a> Dhcp<'a> {
    fn subnets(&self) -> impl Iterator<Item = &'a RawValue> {
        let in_networks = self.networks.iter().flat_map(|network| &network.subnet4);
        self.subnet4.iter().chain(in_networks).copied()
    }
}

fn subnet<'a>(json: &'a Json, part: &'a RawValue) -> Result<SubnetPart<'a>, Problem> {
    json.parse_part(part, "a subnet cannot be read")
}

impl SubnetPart<'_> {
    fn prefix(&self, at: Place) -> Result<IpNet, Problem> {
        // Kea passes over blanks, wherever they are.
        self.subnet
            .replace([' ', '\t'], "")
            .parse()
            .map_err(|_| Problem::at(at, format!("'{}' is no prefix of a subnet", text::shown(&self.subnet))))
    }
}

/// Reads the reservations.
pub fn read(bytes: &[u8]) -> Result<Document, Problem> {
    let json = Json::new(bytes)?;
    let file = File::of(&json)?;
    let mut document = Document::default();
    for (family, dhcp) in file.families() {
        for part in dhcp.subnets() {
            let subnet = subnet(&json, part)?;
            let Some(first) = subnet.reservations.first() else { continue };
            let Some(id) = subnet.id else {
                let text = format!(
                    "the subnet {} has reservations and no 'id': write the ids into the file that the server has given \
                     ('config-get' shows them)",
                    subnet.subnet
                );
                document.problems.push(Problem::at(json.place_of(first), text));
                continue;
            };
            match subnet.prefix(json.place_of(part)) {
                Ok(prefix) => document.subnets.push(Subnet { family, id, prefix }),
                Err(problem) => {
                    document.problems.push(problem);
                    continue;
                }
            }
            take(&json, family, id, &subnet.reservations, &mut document);
        }
        take(&json, family, 0, &dhcp.reservations, &mut document);
    }
    Ok(document)
}

fn take(json: &Json, family: Family, subnet: u32, parts: &[&RawValue], document: &mut Document) {
    let mut places = text::Places::of(json);
    for part in parts {
        let at = places.of_part(part);
        match text::members(part) {
            Ok(members) => document.entries.push(Entry { at, family, subnet: Some(subnet), members }),
            Err(text) => document.problems.push(Problem::at(at, text)),
        }
    }
}

/// Reads the subnets, and what the configuration says about reservations.
pub fn subnets(bytes: &[u8]) -> Result<Subnets, Problem> {
    let json = Json::new(bytes)?;
    let file = File::of(&json)?;
    let mut subnets = Subnets::default();
    for (family, dhcp) in file.families() {
        subnets.addresses_unique &= dhcp.addresses_unique;
        subnets.families.push(family);
        for part in dhcp.subnets() {
            let subnet = subnet(&json, part)?;
            let at = json.place_of(part);
            let id = subnet.id.ok_or_else(|| {
                let text = format!(
                    "the subnet {} has no 'id': write the ids into the file that the server has given \
                     ('config-get' shows them)",
                    subnet.subnet
                );
                Problem::at(at, text)
            })?;
            subnets.all.push(Subnet { family, id, prefix: subnet.prefix(at)? });
        }
    }
    Ok(subnets)
}

#[cfg(test)]
mod tests {
    use super::*;

    const FILE: &str = r#"{
  // A server.
  "Dhcp4": {
    "subnet4": [
      { "id": 1, "subnet": "10.0.0.0/16", "reservations": [
          # Two of them.
          { "hw-address": "02:00", "ip-address": "10.0.0.1" },
          { "hw-address": "02:01" } ] }
    ],
    "shared-networks": [ { "name": "floor", "subnet4": [
      { "id": 2, "subnet": "10.1.0.0/16", "reservations": [ { "duid": "010203" } ] } ] } ],
    "reservations": [ { "hw-address": "02:02" } ],
    "ip-reservations-unique": false
  } }"#;

    #[test]
    fn reservations_of_all_places() {
        let document = read(FILE.as_bytes()).unwrap();
        assert!(document.problems.is_empty());
        let found: Vec<_> = document.entries.iter().map(|entry| (entry.at.line, entry.subnet)).collect();
        assert_eq!(found, [(7, Some(1)), (8, Some(1)), (11, Some(2)), (12, Some(0))]);
        let subnets = subnets(FILE.as_bytes()).unwrap();
        assert!(!subnets.addresses_unique);
        assert_eq!(subnets.all.iter().map(|subnet| subnet.id).collect::<Vec<_>>(), [1, 2]);
    }

    #[test]
    fn replies_of_config_get_are_read() {
        let reply = r#"[ { "result": 0, "arguments": { "Dhcp6": { "subnet6": [
            { "id": 3, "subnet": "2001:db8::/48", "reservations": [ { "duid": "010203" } ] } ] }, "hash": "x" } } ]"#;
        let document = read(reply.as_bytes()).unwrap();
        assert_eq!((document.entries[0].family, document.entries[0].subnet), (Family::V6, Some(3)));
    }

    #[test]
    fn what_is_no_configuration() {
        assert!(read(b"{}").unwrap_err().text.contains("neither"));
        assert!(read(b"[]").unwrap_err().text.contains("no configuration"));
        let wrong = read(b"{ \"Dhcp4\":\n{ \"subnet4\": [ { \"subnet\": 5 } ] } }").unwrap_err();
        assert_eq!(wrong.at.line, 2, "{wrong:?}");
        let without = r#"{ "Dhcp4": { "subnet4": [ { "subnet": "10.0.0.0/8", "reservations": [ {} ] } ] } }"#;
        assert!(read(without.as_bytes()).unwrap().problems[0].text.contains("no 'id'"));
        let garbage =
            r#"{ "Dhcp4": { "subnet4": [ { "id": 1, "subnet": "10.0.0/8", "reservations": [ {} ] } ] } }"#;
        let garbage = read(garbage.as_bytes()).unwrap();
        assert!(garbage.entries.is_empty() && garbage.problems[0].text.contains("is no prefix"));
    }
}
