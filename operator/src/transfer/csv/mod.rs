//! A table: a column for each simple member of a reservation, and one, `more`, with the rest as JSON.

mod rows;
mod write;

use dhcp_host_cmds_rs::store::Family;
use serde_json::Value;
use serde_json::value::RawValue;

use super::text::{self, decode, shown};
use super::{Document, Entry, Members, Problem, family_of, json};

use rows::{Row, Rows};
pub use write::{Writer, row};

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
const COMMENT: &str = "comment";

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
    COMMENT,
];
/// Columns with texts that have blanks between them.
const LISTS: [&str; 2] = ["ip-addresses", "prefixes"];

/// What others put between cells.
const SEPARATORS: [u8; 4] = [b',', b';', b'\t', b'|'];

/// Whether a file begins as such a table does.
pub fn is_table(bytes: &[u8]) -> bool {
    separator(bytes).is_some()
}

/// What separates the columns in the first line; none where they are not those of a table.
fn separator(bytes: &[u8]) -> Option<u8> {
    let header = bytes.split(|byte| b"\r\n".contains(byte)).find(|line| !line.is_empty())?;
    SEPARATORS.into_iter().find(|separator| {
        let columns: Vec<_> =
            header.split(|byte| byte == separator).map(|name| decode(name.trim_ascii())).collect();
        columns.len() > 1 && columns.iter().all(|name| is_column(name.trim_matches('"')))
    })
}

fn is_column(name: &str) -> bool {
    COLUMNS.contains(&name) || TEXTS.contains(&name)
}

/// Reads a file of this format.
pub fn read(bytes: &[u8]) -> Result<Document, Problem> {
    let mut rows = Rows::of(bytes);
    let Some(header) = rows.next() else { return Ok(Document::default()) };
    let columns = columns(header?, separator(bytes))?;
    let mut document = Document::default();
    for row in rows {
        let entry = row.and_then(|row| entry(&columns, &row).map_err(|text| Problem::at(row.at, text)));
        match entry {
            Ok(entry) => document.entries.push(entry),
            Err(problem) => document.problems.push(problem),
        }
    }
    Ok(document)
}

/// The names of the columns.
fn columns(header: Row, separator: Option<u8>) -> Result<Vec<String>, Problem> {
    let wrong = |text| Err(Problem::at(header.at, text));
    if let Some(separator) = separator.filter(|separator| *separator != b',') {
        let separator = char::from(separator);
        return wrong(format!("{separator:?} is between the cells: save the table with commas there"));
    }
    let columns: Vec<String> = header.cells.iter().map(|name| decode(name.trim_ascii())).collect();
    for (position, name) in columns.iter().enumerate() {
        if !is_column(name) {
            let known: Vec<_> = COLUMNS.iter().chain(&TEXTS[7..]).copied().collect();
            return wrong(format!("unknown column '{}'; known are: {}", shown(name), known.join(", ")));
        }
        if columns[..position].contains(name) {
            return wrong(format!("the column '{name}' is there twice"));
        }
    }
    Ok(columns)
}

/// Whether there is what no simple member has, and what tells of a quote that is missing: a line break, say.
fn has_controls(cell: &[u8]) -> bool {
    cell.iter().any(|byte| byte.is_ascii_control() && *byte != b'\t')
}

fn entry(columns: &[String], Row { at, cells }: &Row) -> Result<Entry, String> {
    if cells.len() != columns.len() {
        return Err(format!("{} columns, but the first line has {}", cells.len(), columns.len()));
    }
    let mut members = Members::new();
    let (mut family, mut subnet) = (None, None);
    for (name, bytes) in columns.iter().zip(cells) {
        let cell = decode(bytes);
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
                    insert(&mut members, &name, value)?;
                }
            }
            COMMENT => insert(&mut members, name, cell.into())?,
            name if LISTS.contains(&name) => {
                let items: Vec<Value> = cell.split_whitespace().map(Value::from).collect();
                insert(&mut members, name, items.into())?;
            }
            name if has_controls(bytes) => {
                return Err(format!(
                    "'{name}' has a line break or another control character: is a quote missing? It can be in 'more'"
                ));
            }
            name => insert(&mut members, name, cell.into())?,
        }
    }
    let family = family.or_else(|| family_by(&members)).ok_or("'family' is missing: 4 or 6")?;
    Ok(Entry { at: *at, family, subnet, members })
}

fn insert(members: &mut Members, name: &str, value: Value) -> Result<(), String> {
    match members.insert(name.into(), value) {
        None => Ok(()),
        Some(_) => Err(format!("'{}' is a column, and in 'more' too", shown(name))),
    }
}

fn family_by(members: &Members) -> Option<Family> {
    if members.contains_key("ip-address") {
        return Some(Family::V4);
    }
    LISTS.iter().any(|name| members.contains_key(*name)).then_some(Family::V6)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn written(document: &Document) -> String {
        let mut writer = Writer::new(Vec::new()).unwrap();
        document.entries.iter().for_each(|entry| writer.row(&row(entry).unwrap()).unwrap());
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
            text::encode(document.entries[0].members["hostname"].as_str().unwrap()).unwrap(),
            "Zoë, \"x\"".as_bytes()
        );
        assert_eq!(written(&document), FILE);
        assert!(is_table(FILE.as_bytes()));
    }

    #[test]
    fn what_no_cell_can_hold_goes_into_more() {
        let members = serde_json::json!({ "hw-address": "02:00", "hostname": "a\n\0", "next-server": "\t" });
        let entry = |members: &Value| Entry {
            at: super::super::Place::line(2),
            family: Family::V4,
            subnet: Some(1),
            members: members.as_object().unwrap().clone(),
        };
        let document = Document { entries: vec![entry(&members)], ..Document::default() };
        let read = read(written(&document).as_bytes()).unwrap();
        assert_eq!((read.entries, read.problems), (document.entries, vec![]));
    }

    #[test]
    fn tables_of_others_are_read() {
        let document = read(b"ip-address, hw-address ,subnet-id\n10.0.0.1,02:00,1\n").unwrap();
        assert_eq!((document.entries[0].family, document.entries[0].subnet), (Family::V4, Some(1)));
        assert!(is_table(b"\n\r\nhw-address,\"ip-address\",comment\rx"));
        assert!(!is_table(b"hw-address"));
        let document = read(b"ip-address,comment,hw-address\r\n10.0.0.1,\"a\r\nb\",02:00\r\n").unwrap();
        assert_eq!(document.entries[0].members["comment"], "a\r\nb");
    }

    #[test]
    fn tables_with_other_separators_are_known_and_refused() {
        for (table, shown) in [
            ("hw-address;hostname\n02:00;a,b\n", "';'"),
            ("duid\tip-addresses\n", "'\\t'"),
            ("duid|more\n", "'|'"),
        ] {
            assert!(is_table(table.as_bytes()));
            let problem = read(table.as_bytes()).unwrap_err();
            assert!(problem.text.starts_with(shown) && problem.at.line == 1, "{problem:?}");
        }
    }

    #[test]
    fn nothing_is_said_twice() {
        for columns in ["hw-address,more,prefixes", "hw-address,more,hostname", "hw-address,more,comment"] {
            let name = columns.rsplit(',').next().unwrap();
            let table = format!("{columns}\n02:00,\"{{ \"\"{name}\"\": [] }}\",x\n");
            let problems = read(table.as_bytes()).unwrap().problems;
            assert_eq!(problems[0].text, format!("'{name}' is a column, and in 'more' too"));
        }
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
            b"hw-address,subnet-id,hostname,more\r\n1,x,,{}\r\n2,1,a\r\n3,1,a,\"{ \"\"hostname\"\": 1 }\"\r\n4,1,,{\r\n\
              5,1,,\r\n6,1,\"a\r\n7,1,\",\r\n8,1,\"a\r\n9,1,b,",
        );
        let problems = document.unwrap().problems;
        let lines: Vec<_> = problems.iter().map(|problem| problem.at.line).collect();
        assert_eq!(lines, [2, 3, 4, 5, 6, 7, 9], "{problems:?}");
        for (problem, text) in problems.iter().zip([
            "0 to 4294967294",
            "3 columns",
            "and in 'more' too",
            "no valid JSON",
            "'family' is missing",
            "'hostname' has a line break",
            "does not close",
        ]) {
            assert!(problem.text.contains(text), "{problem:?}");
        }
    }
}
