//! The list of rows for readers: docs/conformance.md.

use std::collections::BTreeMap;

use serde_json::Value;

use super::row::{Written, table};

const HEAD: &str = "\
# Behaviours of the Commands

Every behaviour that the tests hold the commands to, by command. Each row runs on Kea 2.2, 2.6 and 3.0 in kea-dhcp4 and
kea-dhcp6, with reservations in memory, in the embedded store, in PostgreSQL and in MariaDB, where it applies; and on
Kea 3.0 against Kea's own hooks (`make conformance-stock`), which must pass all rows but those whose last column says
what this library does better on purpose, and those of commands that only this library has (`ext-…`). What a row sends and expects is in
[tests/conformance](../tests/conformance/README.md).

This page is generated (`make generate`).
";

/// The whole page.
pub fn page() -> String {
    let mut commands: BTreeMap<String, Vec<Written>> = BTreeMap::new();
    for row in table() {
        commands.entry(row.text_of("command")).or_default().push(row);
    }
    let mut page = HEAD.to_owned();
    for (command, rows) in commands {
        // What differs between the families is one number in the name.
        let names = match command.split_once("$family") {
            Some((start, end)) => format!("{start}4{end}, {start}6{end}"),
            None => command,
        };
        page +=
            &format!("\n## {names}\n\n| row | behaviour | where | beyond Kea's own |\n|---|---|---|---|\n");
        for row in sorted(rows) {
            let beyond = where_said(&row.raw["beyond-stock"]).join("; ").replace('|', "\\|");
            page += &format!("| `{}` | {} | {} | {beyond} |\n", row.id, row.text_of("title"), row.places());
        }
    }
    page
}

/// A command's rows may be in several files.
fn sorted(mut rows: Vec<Written>) -> Vec<Written> {
    rows.sort_by(|one, other| one.id.cmp(&other.id));
    rows
}

/// A text, or the texts of a choice with the places that they are for.
fn where_said(value: &Value) -> Vec<String> {
    let of_place = |(place, value): (&String, &Value)| -> Vec<String> {
        let place = place.trim_matches(['(', ')']);
        where_said(value).iter().map(|text| format!("{place}: {text}")).collect()
    };
    match value {
        Value::String(text) => vec![text.clone()],
        Value::Object(choices) => choices.iter().flat_map(of_place).collect(),
        _ => vec![],
    }
}

impl Written {
    /// A member that is plain text; empty where there is none.
    fn text_of(&self, member: &str) -> String {
        self.raw[member].as_str().unwrap_or_default().replace('|', "\\|")
    }

    /// Families, backends and versions, where they are limited.
    fn places(&self) -> String {
        let list = |value: &Value| -> Vec<String> {
            let items = value.as_array().into_iter().flatten();
            items.map(|item| item.as_str().map_or_else(|| item.to_string(), str::to_owned)).collect()
        };
        let families =
            list(&self.raw["families"]).iter().map(|family| format!("v{family}")).collect::<Vec<_>>();
        let mut places = vec![families.join(", ")];
        let backends = &self.raw["backends"];
        if backends.is_object() {
            places.push("backends by version".to_owned());
        } else if !backends.is_null() {
            places.push(list(backends).join(", "));
        }
        places.extend(self.raw["kea"].as_str().map(|range| format!("Kea {range}")));
        places.join("; ")
    }
}
