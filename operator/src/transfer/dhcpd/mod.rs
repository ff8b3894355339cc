//! The `host` declarations of ISC dhcpd's configuration (dhcpd.conf(5)), with what the groups around them say.
//!
//! What subnets, shared networks and the file as a whole say is for all of their clients, and so belongs into Kea's own
//! configuration; it is not looked at.

mod lexer;
mod options;

use std::collections::BTreeMap;
use std::net::{Ipv4Addr, Ipv6Addr};

use dhcp_host_cmds_rs::store::Family;
use serde_json::{Value, json};

use super::text::decode;
use super::{Document, Entry, Members, Place, Problem};
use lexer::{Statement, Word};

/// What a host says, or a group for its hosts.
#[derive(Clone, Default)]
struct Settings {
    members: Members,
    options: BTreeMap<options::Key, Value>,
}

/// What is around a statement.
#[derive(Clone, Default)]
struct Scope {
    settings: Settings,
    /// `use-host-decl-names`.
    names: bool,
}

/// A host while it is being read.
#[derive(Default)]
struct Host {
    settings: Settings,
    identifiers: Vec<(&'static str, String)>,
    v4: Vec<Ipv4Addr>,
    v6: Vec<Ipv6Addr>,
    prefixes: Vec<String>,
}

/// Blocks that have hosts in them and say nothing about a host themselves.
const PLACES: [&str; 5] = ["subnet", "subnet6", "shared-network", "pool", "pool6"];

/// Reads the hosts.
pub fn read(bytes: &[u8]) -> Result<Document, Problem> {
    let statements = lexer::statements(bytes)?;
    let mut document = Document::default();
    walk(&statements, &Scope::default(), false, &mut document);
    document.entries.sort_by_key(|entry| entry.at);
    document.problems.sort_by_key(|problem| problem.at);
    Ok(document)
}

fn walk(statements: &[Statement], around: &Scope, in_group: bool, document: &mut Document) {
    let mut scope = around.clone();
    let has_hosts = statements.iter().any(|statement| count_hosts(statement) > 0);
    for statement in statements.iter().filter(|statement| statement.block.is_none()) {
        match statement.names()[..] {
            ["use-host-decl-names", value] => scope.names = matches!(value, "on" | "true"),
            ["include", ..] => document
                .problems
                .push(Problem::at(statement.at, "'include' is not followed: import that file by itself")),
            // It is for all hosts of the group, wherever it stands.
            _ if in_group && has_hosts => {
                if let Err(text) = scope.settings.take(statement) {
                    document.problems.push(Problem::part_at(statement.at, text));
                }
            }
            _ => {}
        }
    }
    for statement in statements {
        let Some(block) = &statement.block else { continue };
        match statement.names()[..] {
            ["host", ..] => host(statement, block, &scope, document),
            ["group", ..] => walk(block, &scope, true, document),
            [place, ..] if PLACES.contains(&place) => walk(block, &scope, false, document),
            _ => {
                let count = count_hosts(statement);
                if count > 0 {
                    let text = format!(
                        "{count} hosts in '{}' cannot be taken over: move them out",
                        statement.shown()
                    );
                    document.problems.push(Problem::at(statement.at, text));
                }
            }
        }
    }
}

fn count_hosts(statement: &Statement) -> usize {
    let Some(block) = &statement.block else { return 0 };
    if statement.names().first() == Some(&"host") { 1 } else { block.iter().map(count_hosts).sum() }
}

fn host(statement: &Statement, block: &[Statement], scope: &Scope, document: &mut Document) {
    let at = statement.at;
    let label = statement.words.get(1).map_or(String::new(), |word| decode(&word.bytes));
    let mut host = Host { settings: scope.settings.clone(), ..Host::default() };
    for statement in block {
        match host.take(statement) {
            Ok(()) => {}
            Err(Refused::Part(text)) => {
                document.problems.push(Problem::part_at(statement.at, format!("host {label}: {text}")));
            }
            Err(Refused::Host(text)) => {
                document.problems.push(Problem::at(statement.at, format!("host {label}: {text}")));
                return;
            }
        }
    }
    host.name(&label, scope.names);
    match host.entries(at) {
        Ok(entries) => document.entries.extend(entries),
        Err(text) => document.problems.push(Problem::at(at, format!("host {label}: {text}"))),
    }
}

/// Whether a host can be without what is not taken over.
enum Refused {
    Part(String),
    Host(String),
}

impl Settings {
    /// Takes a statement over that groups and hosts may have.
    fn take(&mut self, statement: &Statement) -> Result<(), String> {
        let unknown = || format!("'{}' cannot be taken over", statement.shown());
        let names = statement.names();
        let words = &statement.words;
        match (names.first().copied(), &words[1..]) {
            (Some("option"), [_, value]) if names[1] == "host-name" && value.quoted => {
                self.members.insert("hostname".into(), decode(&value.bytes).into());
            }
            (Some("option"), [_, values @ ..]) => match options::option(names[1], values) {
                Some(option) => {
                    let (key, value) = option.map_err(|text| format!("'{}': {text}", statement.shown()))?;
                    self.options.insert(key, value);
                }
                None => return Err(unknown()),
            },
            (Some("filename"), [value]) => drop(self.members.insert("boot-file-name".into(), text(value))),
            (Some("server-name"), [value]) => {
                drop(self.members.insert("server-hostname".into(), text(value)));
            }
            (Some("next-server"), [value]) => {
                let address: Ipv4Addr = names[1].parse().map_err(|_| {
                    format!("'{}' is no IPv4 address: write the address of that name", decode(&value.bytes))
                })?;
                self.members.insert("next-server".into(), address.to_string().into());
            }
            (Some("ddns-hostname"), [value]) => {
                self.members.entry("hostname").or_insert_with(|| text(value));
            }
            // What every server does.
            (Some("allow"), [_]) if names[1] == "booting" => {}
            _ => return Err(unknown()),
        }
        Ok(())
    }
}

fn text(word: &Word) -> Value {
    decode(&word.bytes).into()
}

impl Host {
    fn take(&mut self, statement: &Statement) -> Result<(), Refused> {
        let names = statement.names();
        let words = &statement.words;
        let shown = || statement.shown();
        let needed = |text: String| Refused::Host(format!("'{}': {text}", shown()));
        if statement.block.is_some() {
            return Err(Refused::Part(format!("'{} {{ … }}' cannot be taken over", shown())));
        }
        match names[..] {
            ["hardware", "ethernet", _] => {
                let bytes =
                    options::octets(&words[2].bytes).ok_or_else(|| needed("no hardware address".into()))?;
                self.identify("hw-address", &bytes);
            }
            ["hardware", ..] => return Err(needed("only 'hardware ethernet' can be taken over".into())),
            ["option", "dhcp-client-identifier", _] | ["uid", _] => {
                self.identify("client-id", &bytes(words.last()).map_err(needed)?);
            }
            ["host-identifier", "option", option, _] => {
                let name = match option {
                    "agent.circuit-id" => "circuit-id",
                    "dhcp-client-identifier" => "client-id",
                    "dhcp6.client-id" => "duid",
                    _ => {
                        return Err(needed(
                            "Kea needs its hook for flexible identifiers (flex-id) for it".into(),
                        ));
                    }
                };
                self.identify(name, &bytes(words.last()).map_err(needed)?);
            }
            ["host-identifier", ..] => return Err(needed("cannot be taken over".into())),
            ["fixed-address", ..] => self.v4 = addresses(&words[1..]).map_err(needed)?,
            ["fixed-address6", ..] => self.v6 = addresses(&words[1..]).map_err(needed)?,
            ["fixed-prefix6", ..] => {
                let prefixes = words[1..].iter().filter(|word| word.bytes != b",");
                self.prefixes.extend(prefixes.map(|word| decode(&word.bytes)));
            }
            ["deny", "booting"] => {
                return Err(needed("for Kea, give the client the class DROP ('client-classes')".into()));
            }
            _ => self.settings.take(statement).map_err(Refused::Part)?,
        }
        Ok(())
    }

    fn identify(&mut self, name: &'static str, bytes: &[u8]) {
        let digits: Vec<_> = bytes.iter().map(|byte| format!("{byte:02x}")).collect();
        self.identifiers.push((name, digits.join(":")));
    }

    /// Keeps the name of the declaration: as the hostname, where it is meant so, else for people.
    fn name(&mut self, label: &str, is_hostname: bool) {
        let members = &mut self.settings.members;
        if is_hostname && !members.contains_key("hostname") {
            members.insert("hostname".into(), label.into());
        }
        if members.get("hostname").and_then(Value::as_str) != Some(label) && !label.is_empty() {
            members.insert("user-context".into(), json!({ "dhcpd-host": label }));
        }
    }

    /// One reservation, or where there are several IPv4 addresses, one for each: they are of several subnets.
    fn entries(self, at: Place) -> Result<Vec<Entry>, String> {
        let Self { settings, identifiers, v4, v6, prefixes } = self;
        let is_v6 =
            !v6.is_empty() || !prefixes.is_empty() || identifiers.iter().any(|(name, _)| *name == "duid");
        if is_v6 && !v4.is_empty() {
            return Err("it has IPv4 and IPv6 addresses: make it two hosts".into());
        }
        let [(name, identifier)] = &identifiers[..] else {
            return Err(match identifiers.len() {
                0 => "it has no identifier ('hardware ethernet', 'host-identifier' or 'option dhcp-client-identifier')"
                    .to_owned(),
                _ => "it has several identifiers, and a reservation of Kea has one: take one out".to_owned(),
            });
        };
        let mut members = settings.members;
        members.insert((*name).to_owned(), identifier.as_str().into());
        let family = if is_v6 { Family::V6 } else { Family::V4 };
        // A group may have hosts of both families, and options for both.
        let options = settings.options.into_iter().filter(|((of, _), _)| *of == family);
        members.insert("option-data".into(), options.map(|(_, option)| option).collect::<Vec<_>>().into());
        if is_v6 {
            for (name, values) in
                [("ip-addresses", v6.iter().map(ToString::to_string).collect()), ("prefixes", prefixes)]
            {
                members
                    .insert(name.into(), Vec::into_iter(values).map(Value::from).collect::<Vec<_>>().into());
            }
        }
        let entry = Entry { at, family, subnet: None, members };
        if v4.is_empty() {
            return Ok(vec![entry]);
        }
        let with = |address: &Ipv4Addr| {
            let mut entry = entry.clone();
            entry.members.insert("ip-address".into(), address.to_string().into());
            entry
        };
        Ok(v4.iter().map(with).collect())
    }
}

/// A text in quotes, or hexadecimal numbers.
fn bytes(word: Option<&Word>) -> Result<Vec<u8>, String> {
    match word {
        Some(word) if word.quoted => Ok(word.bytes.clone()),
        Some(word) => options::octets(&word.bytes)
            .ok_or_else(|| "neither a text in quotes nor hexadecimal numbers".into()),
        None => Err("a value is missing".into()),
    }
}

fn addresses<T: std::str::FromStr>(words: &[Word]) -> Result<Vec<T>, String> {
    let values = words.iter().filter(|word| word.bytes != b",");
    let address = |word: &Word| {
        let text = decode(&word.bytes);
        text.parse().map_err(|_| format!("'{text}' is no address: write the address of that name"))
    };
    values.map(address).collect()
}

#[cfg(test)]
mod tests;
