//! A table: a column for each simple member of a reservation, and one, `more`, with the rest as JSON.

use std::io::Write;

use csv::{ByteRecord, ReaderBuilder, WriterBuilder};
use dhcp_host_cmds_rs::store::Family;
use serde_json::Value;
use serde_json::value::RawValue;

use super::text::{self, Style, decode, encode, shown};
use super::{Document, Entry, Members, Place, Problem, family_of, json};

/// The columns that are written. Those that are read may lack any, have any order, and have those of [`TEXTS`] too.
const COLUMNS: [&str; 12] = [
    FAMILY,
    SUBNET,
    "hw-address",
    "duid",
    "circuit-id",
    "client-id",
    "flex-id",
    "ip-address",
    "ip-addresses",
    "prefixes",
    "hostname",
    MORE,
];
const FAMILY: &str = "family";
const SUBNET: &str = "subnet-id";
const MORE: &str = "more";

/// Columns with a text.
const TEXTS: [&str; 11] = [
    "hw-address",
    "duid",
    "circuit-id",
    "client-id",
    "flex-id",
    "ip-address",
    "hostname",
    "next-server",
    "server-hostname",
    "boot-file-name",
    "comment",
];
/// Columns with texts that have blanks between them.
const LISTS: [&str; 2] = ["ip-addresses", "prefixes"];

/// Whether a line can be the first one of such a file.
pub fn is_header(line: &[u8]) -> bool {
    let columns: Vec<_> = line.split(|byte| *byte == b',').map(|name| decode(name.trim_ascii())).collect();
    columns.len() > 1 && columns.iter().all(|name| is_column(name.trim_matches('"')))
}

fn is_column(name: &str) -> bool {
    COLUMNS.contains(&name) || TEXTS.contains(&name)
}

/// Reads a file of this format.
pub fn read(bytes: &[u8]) -> Result<Document, Problem> {
    let mut reader = ReaderBuilder::new().from_reader(bytes);
    let header = reader.byte_headers().map_err(|error| problem(&error))?.clone();
    let columns: Vec<String> = header.iter().map(|name| decode(name.trim_ascii())).collect();
    for (position, name) in columns.iter().enumerate() {
        if !is_column(name) {
            let known: Vec<_> = COLUMNS.iter().chain(&TEXTS[7..]).copied().collect();
            return Err(Problem::at(
                Place::line(1),
                format!("unknown column '{}'; known are: {}", shown(name), known.join(", ")),
            ));
        }
        if columns[..position].contains(name) {
            return Err(Problem::at(Place::line(1), format!("the column '{name}' is there twice")));
        }
    }
    let mut document = Document::default();
    for record in reader.into_byte_records() {
        let record = match record {
            Ok(record) => record,
            Err(error) => {
                document.problems.push(problem(&error));
                continue;
            }
        };
        let at = place(record.position());
        match entry(at, &columns, &record) {
            Ok(entry) => document.entries.push(entry),
            Err(text) => document.problems.push(Problem::at(at, text)),
        }
    }
    Ok(document)
}

fn problem(error: &csv::Error) -> Problem {
    let text = match error.kind() {
        csv::ErrorKind::UnequalLengths { expected_len, len, .. } => {
            format!("{len} columns, but the first line has {expected_len}")
        }
        _ => error.to_string(),
    };
    Problem::at(place(error.position()), text)
}

fn place(position: Option<&csv::Position>) -> Place {
    Place::line(position.and_then(|position| usize::try_from(position.line()).ok()).unwrap_or_default())
}

fn entry(at: Place, columns: &[String], record: &ByteRecord) -> Result<Entry, String> {
    let mut members = Members::new();
    let (mut family, mut subnet) = (None, None);
    for (name, cell) in columns.iter().zip(record) {
        let cell = decode(cell);
        match name.as_str() {
            _ if cell.is_empty() => {}
            FAMILY => {
                family = Some(cell.trim().parse().ok().and_then(family_of).ok_or("'family' must be 4 or 6")?);
            }
            SUBNET => {
                subnet = Some(json::subnet_id(&cell.trim().parse::<u64>().map_or(cell.into(), Value::from))?);
            }
            MORE => {
                let part = RawValue::from_string(cell)
                    .map_err(|error| format!("'more' is no valid JSON: {error}"))?;
                for (name, value) in text::members(&part).map_err(|error| format!("'more': {error}"))? {
                    if members.insert(name.clone(), value).is_some() {
                        return Err(format!("'{name}' is a column, and in 'more' too"));
                    }
                }
            }
            name if LISTS.contains(&name) => {
                let items: Vec<Value> = cell.split_whitespace().map(Value::from).collect();
                members.insert(name.into(), items.into());
            }
            name => {
                if members.insert(name.into(), cell.into()).is_some() {
                    return Err(format!("'{name}' is a column, and in 'more' too"));
                }
            }
        }
    }
    let family = family.or_else(|| family_by(&members)).ok_or("'family' is missing: 4 or 6")?;
    Ok(Entry { at, family, subnet, members })
}

fn family_by(members: &Members) -> Option<Family> {
    if members.contains_key("ip-address") {
        return Some(Family::V4);
    }
    LISTS.iter().any(|name| members.contains_key(*name)).then_some(Family::V6)
}

/// Writes a file of this format.
pub struct Writer<W: Write>(csv::Writer<W>);

impl<W: Write> Writer<W> {
    /// Begins a file.
    pub fn new(out: W) -> anyhow::Result<Self> {
        let mut writer = WriterBuilder::new().from_writer(out);
        writer.write_record(COLUMNS)?;
        Ok(Self(writer))
    }

    /// Writes one reservation.
    pub fn entry(&mut self, entry: &Entry) -> anyhow::Result<()> {
        let mut members = entry.members.clone();
        let mut record = ByteRecord::new();
        for name in COLUMNS {
            match name {
                FAMILY => record.push_field(entry.family.number().to_string().as_bytes()),
                SUBNET => {
                    record.push_field(entry.subnet.map(|id| id.to_string()).unwrap_or_default().as_bytes());
                }
                MORE if members.is_empty() => record.push_field(b""),
                MORE => {
                    let mut more = Vec::new();
                    let rest = Value::Object(std::mem::take(&mut members));
                    text::write(&rest, Style::Readable, &mut more).map_err(anyhow::Error::msg)?;
                    record.push_field(&more);
                }
                name => {
                    let cell = members.get(name).and_then(|value| cell(name, value));
                    if cell.is_some() {
                        members.remove(name);
                    }
                    record.push_field(&cell.unwrap_or_default());
                }
            }
        }
        Ok(self.0.write_byte_record(&record)?)
    }

    /// Ends the file.
    pub fn finish(mut self) -> anyhow::Result<W> {
        self.0.flush()?;
        self.0.into_inner().map_err(|error| anyhow::anyhow!("{error}"))
    }
}

/// What can be in a cell and be read from it again; none for what must go into `more`.
fn cell(name: &str, value: &Value) -> Option<Vec<u8>> {
    if LISTS.contains(&name) {
        let items: Option<Vec<_>> = value.as_array()?.iter().map(Value::as_str).collect();
        return encode(&items?.join(" "));
    }
    encode(value.as_str()?)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn written(document: &Document) -> String {
        let mut writer = Writer::new(Vec::new()).unwrap();
        document.entries.iter().for_each(|entry| writer.entry(entry).unwrap());
        String::from_utf8(writer.finish().unwrap()).unwrap()
    }

    const FILE: &str = "\
family,subnet-id,hw-address,duid,circuit-id,client-id,flex-id,ip-address,ip-addresses,prefixes,hostname,more
4,1,02:00,,,,,10.0.0.1,,,\"Zoë, \"\"x\"\"\",\"{ \"\"user-context\"\": { \"\"a\"\": \"\"ë\"\" } }\"
6,0,,01:02:03,,,,,2001:db8::1 2001:db8::2,2001:db8:1::/48,,
";

    #[test]
    fn what_is_read_is_written() {
        let document = read(FILE.as_bytes()).unwrap();
        assert!(document.problems.is_empty(), "{:?}", document.problems);
        assert_eq!(document.entries[1].at.line, 3);
        assert_eq!(
            encode(document.entries[0].members["hostname"].as_str().unwrap()).unwrap(),
            "Zoë, \"x\"".as_bytes()
        );
        assert_eq!(written(&document), FILE);
        assert!(is_header(FILE.lines().next().unwrap().as_bytes()));
    }

    #[test]
    fn tables_of_others_are_read() {
        let document = read(b"ip-address, hw-address ,subnet-id\n10.0.0.1,02:00,1\n").unwrap();
        assert_eq!((document.entries[0].family, document.entries[0].subnet), (Family::V4, Some(1)));
        assert!(is_header(b"hw-address,ip-address,comment\r"));
        assert!(!is_header(b"hw-address"));
    }

    #[test]
    fn what_is_wrong_is_named_with_its_line() {
        let unknown = read(b"mac,ip-address\n").unwrap_err();
        assert!(unknown.text.contains("unknown column 'mac'; known are: family, "), "{unknown:?}");
        assert!(
            unknown.text.ends_with("next-server, server-hostname, boot-file-name, comment"),
            "{unknown:?}"
        );
        assert!(read(b"duid,duid\n").unwrap_err().text.contains("twice"));
        let document = read(
            b"hw-address,subnet-id,hostname,more\n1,x,,{}\n2,1,a\n3,1,a,\"{ \"\"hostname\"\": 1 }\"\n4,1,,{\n5,1,,\n",
        );
        let problems = document.unwrap().problems;
        let lines: Vec<_> = problems.iter().map(|problem| problem.at.line).collect();
        assert_eq!(lines, [2, 3, 4, 5, 6], "{problems:?}");
        for (problem, text) in problems.iter().zip([
            "0 to 4294967294",
            "3 columns",
            "and in 'more' too",
            "no valid JSON",
            "'family' is missing",
        ]) {
            assert!(problem.text.contains(text), "{problem:?}");
        }
    }
}
