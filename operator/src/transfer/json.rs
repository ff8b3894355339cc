//! Our own format: everything that a store has, one reservation a line.

use dhcp_host_cmds_rs::store::{Family, Kept, KeptKey, What};
use serde::Deserialize;
use serde_json::value::RawValue;
use serde_json::{Value, json};

use super::text::{self, Json, Places, Style, decode, encode};
use super::{Document, Entry, KeptEntry, Members, Place, Problem, family_of};

/// The member by which the format is known; its value is the version of it.
pub const MARK: &str = "kea-reservations";
/// The version that this writes, and the newest that it reads.
const VERSION: u64 = 1;

/// The largest id of a subnet; the one above stands for none (Kea's `SUBNET_ID_MAX`).
const SUBNET_MAX: u64 = 4_294_967_294;

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct File<'a> {
    #[serde(rename = "kea-reservations")]
    version: u64,
    #[serde(borrow)]
    reservations: Vec<&'a RawValue>,
    #[serde(borrow, default, rename = "kept-subnets")]
    kept: Vec<&'a RawValue>,
}

/// Reads a file of this format.
pub fn read(bytes: &[u8]) -> Result<Document, Problem> {
    let json = Json::new(bytes)?;
    let file: File<'_> = json.parse()?;
    if file.version != VERSION {
        let text = format!(
            "version {} of this format is not known, the newest known one is {VERSION}",
            file.version
        );
        return Err(Problem::at(Place::NOWHERE, text));
    }
    let mut document = Document::default();
    let mut places = Places::of(&json);
    for part in file.reservations {
        let at = places.of_part(part);
        match text::members(part).and_then(|members| entry(at, members)) {
            Ok(entry) => document.entries.push(entry),
            Err(text) => document.problems.push(Problem::at(at, text)),
        }
    }
    for part in file.kept {
        let at = places.of_part(part);
        match text::members(part).and_then(|members| kept_entry(at, members)) {
            Ok(entry) => document.kept.push(entry),
            Err(text) => document.problems.push(Problem::at(at, text)),
        }
    }
    Ok(document)
}

fn entry(at: Place, mut members: Members) -> Result<Entry, String> {
    let family = take_family(&mut members)?;
    let subnet = match members.remove("subnet-id") {
        None => None,
        Some(id) => Some(subnet_id(&id)?),
    };
    Ok(Entry { at, family, subnet, members })
}

/// The id of a subnet, 0 for the global one.
pub fn subnet_id(value: &Value) -> Result<u32, String> {
    let id = value.as_u64().filter(|id| *id <= SUBNET_MAX).and_then(|id| u32::try_from(id).ok());
    id.ok_or_else(|| format!("'subnet-id' must be a number from 0 to {SUBNET_MAX}, not {value}"))
}

fn take_family(members: &mut Members) -> Result<Family, String> {
    let family = members.remove("family").ok_or("'family' is missing: 4 or 6")?;
    family.as_u64().and_then(family_of).ok_or_else(|| format!("'family' must be 4 or 6, not {family}"))
}

fn kept_entry(at: Place, mut members: Members) -> Result<KeptEntry, String> {
    let family = take_family(&mut members)?;
    let bytes = |value: &Value, name: &str| {
        value.as_str().and_then(encode).ok_or_else(|| format!("'{name}' must be a text in UTF-8"))
    };
    let network = members.remove("shared-network").map(|name| bytes(&name, "shared-network")).transpose()?;
    let description =
        members.remove("description").filter(Value::is_object).ok_or("'description' must be a map")?;
    let (key, network) = match (members.remove("subnet-id"), network) {
        (Some(id), network) => (KeptKey::subnet(family, subnet_id(&id)?), network),
        (None, Some(name)) => (KeptKey::network(family, &name), None),
        (None, None) => return Err("'subnet-id' or 'shared-network' is missing".into()),
    };
    if let Some(name) = members.keys().next() {
        return Err(format!("'{}' is no member of a kept subnet", text::shown(name)));
    }
    let mut written = Vec::new();
    text::write(&description, Style::Kea, &mut written)?;
    Ok(KeptEntry { at, key, kept: Kept { network, description: written } })
}

/// Writes a file of this format. The parts are given one by one, so that no large file is held in memory twice.
pub struct Writer<W> {
    out: W,
    empty: bool,
}

impl<W: std::io::Write> Writer<W> {
    /// Begins a file.
    pub fn new(mut out: W) -> std::io::Result<Self> {
        write!(out, "{{\n  \"{MARK}\": {VERSION},\n  \"reservations\": [")?;
        Ok(Self { out, empty: true })
    }

    /// Goes on with what is kept.
    pub fn kept(&mut self) -> std::io::Result<()> {
        self.out.write_all(if self.empty { b"],\n" } else { b"\n  ],\n" })?;
        self.empty = true;
        self.out.write_all(b"  \"kept-subnets\": [")
    }

    /// Ends the file.
    pub fn finish(mut self) -> std::io::Result<W> {
        self.out.write_all(if self.empty { b"]\n}\n" } else { b"\n  ]\n}\n" })?;
        self.out.flush()?;
        Ok(self.out)
    }

    /// Writes a reservation or what is kept of a subnet, as [`reservation`] and [`kept`] make it.
    pub fn line(&mut self, line: &[u8]) -> std::io::Result<()> {
        self.out.write_all(if self.empty { b"\n    " } else { b",\n    " })?;
        self.empty = false;
        self.out.write_all(line)
    }
}

/// The line of a reservation.
///
/// # Errors
/// Names what cannot be written.
pub fn reservation(entry: &Entry) -> Result<Vec<u8>, String> {
    let mut line = format!("{{ \"family\": {}, ", entry.family.number()).into_bytes();
    if let Some(subnet) = entry.subnet {
        line.extend(format!("\"subnet-id\": {subnet}, ").bytes());
    }
    text::write_members(&entry.members, Style::Readable, &mut line)?;
    line.extend(b" }");
    Ok(line)
}

/// What a key of something kept is about.
pub fn family_and_what(key: &KeptKey) -> Option<(Family, &What)> {
    [Family::V4, Family::V6].into_iter().find_map(|family| Some((family, key.of(family)?)))
}

/// The line of what is kept of a subnet or shared network.
///
/// # Errors
/// Names what cannot be written.
pub fn kept(key: &KeptKey, kept: &Kept) -> Result<Vec<u8>, String> {
    let (family, what) = family_and_what(key).ok_or("it is of no family")?;
    let description: Value =
        serde_json::from_str(&decode(&kept.description)).map_err(|error| error.to_string())?;
    let mut value = json!({ "family": family.number(), "description": description });
    let network = match what {
        What::Network(name) => Some(decode(name)),
        What::Subnet(id) => {
            value["subnet-id"] = (*id).into();
            kept.network.as_deref().map(decode)
        }
    };
    if let Some(name) = network {
        value["shared-network"] = name.into();
    }
    let mut line = Vec::new();
    text::write(&value, Style::Readable, &mut line)?;
    Ok(line)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn written(document: &Document) -> String {
        let mut writer = Writer::new(Vec::new()).unwrap();
        document.entries.iter().for_each(|entry| writer.line(&reservation(entry).unwrap()).unwrap());
        writer.kept().unwrap();
        document.kept.iter().for_each(|entry| writer.line(&kept(&entry.key, &entry.kept).unwrap()).unwrap());
        String::from_utf8(writer.finish().unwrap()).unwrap()
    }

    const FILE: &str = r#"{
  "kea-reservations": 1,
  "reservations": [
    { "family": 4, "subnet-id": 1, "hostname": "Zoë", "hw-address": "02:00" },
    { "family": 6, "subnet-id": 0, "duid": "01:02:03" }
  ],
  "kept-subnets": [
    { "description": { "id": 5 }, "family": 4, "shared-network": "floor", "subnet-id": 5 },
    { "description": { "name": "floor" }, "family": 4, "shared-network": "floor" }
  ]
}
"#;

    #[test]
    fn what_is_read_is_written() {
        let document = read(FILE.as_bytes()).unwrap();
        assert!(document.problems.is_empty(), "{:?}", document.problems);
        assert_eq!(
            (document.entries[1].at, document.entries[1].subnet),
            (Place { line: 5, column: 5 }, Some(0))
        );
        assert_eq!((document.kept[1].at.line, document.kept.len()), (9, 2));
        assert_eq!(written(&document), FILE);
        let empty = written(&Document::default());
        assert!(read(empty.as_bytes()).unwrap().entries.is_empty());
    }

    #[test]
    fn what_is_wrong_is_named_with_its_line() {
        let problems = |reservation: &str| {
            let file = format!("{{ \"kea-reservations\": 1,\n\"reservations\": [\n{reservation}\n] }}");
            let problem = read(file.as_bytes()).unwrap().problems.remove(0);
            assert_eq!(problem.at, Place { line: 3, column: 1 });
            problem.text
        };
        assert!(problems("{}").contains("'family' is missing"));
        assert!(problems(r#"{ "family": 5 }"#).contains("4 or 6"));
        assert!(problems(r#"{ "family": 4, "subnet-id": 4294967295 }"#).contains("0 to 4294967294"));
        assert!(problems(r#"{ "family": 4, "family": 4 }"#).contains("twice"));
        assert!(problems("[]").contains("a map"));
        let newer = read(br#"{ "kea-reservations": 2, "reservations": [] }"#).unwrap_err();
        assert!(newer.text.contains("version 2"));
        assert!(read(br#"{ "kea-reservations": 1, "more": [], "reservations": [] }"#).is_err());
    }
}
