//! Several servers, which should be alike.

use std::collections::BTreeSet;

use super::super::config::Config;
use serde_json::json;

use super::list;
use crate::doctor::{Check, Facts, Finding};
use crate::kea::databases_of;

const CHECK: Check = Check::Peers;

/// What differs between servers. Each is compared with the first that answers.
pub fn peers(servers: &[Facts]) -> Vec<Finding> {
    let mut answering = servers.iter().filter_map(|facts| Some((facts, facts.config.as_ref().map(Config)?)));
    let Some((first, config)) = answering.next() else { return vec![] };
    answering.flat_map(|(other, theirs)| differences(first, config, other, theirs)).collect()
}

fn differences(first: &Facts, ours: Config<'_>, other: &Facts, theirs: Config<'_>) -> Vec<Finding> {
    let mut found = vec![];
    let names = |config: Config<'_>| {
        config.subnets().map(super::super::config::Subnet::name).collect::<BTreeSet<_>>()
    };
    let (here, there) = (names(ours), names(theirs));
    if here != there {
        let only = |a: &BTreeSet<String>, b: &BTreeSet<String>| match list(a.difference(b)) {
            none if none.is_empty() => "nothing".to_owned(),
            some => some,
        };
        found.push(
            Finding::error(
                CHECK,
                format!(
                    "the subnets differ from those of {}: only there {}, only here {}",
                    first.name,
                    only(&here, &there),
                    only(&there, &here)
                ),
            )
            .why("a reservation names its subnet by number: one server refuses it, or has it for another network")
            .fix("give all servers the same subnets with the same ids"),
        );
    }
    let kinds = |config: Config<'_>| {
        list(
            config
                .hosts_databases()
                .iter()
                .map(|entry| entry["type"].as_str().unwrap_or_default().to_owned()),
        )
    };
    if kinds(ours) != kinds(theirs) {
        found.push(
            Finding::warning(
                CHECK,
                format!(
                    "the host databases are of other types than those of {}: {}",
                    first.name,
                    kinds(theirs)
                ),
            )
            .why("reservations that one server keeps may be lost on the other")
            .fix(
                "give all servers the same \"hosts-databases\", each its own file where the type is memfile",
            ),
        );
    }
    let databases = |config: Config<'_>| databases_of(&json!({"Dhcp4": config.0}));
    if let (Some(here), Some(there)) = (databases(ours), databases(theirs))
        && here == there
    {
        found.push(
            Finding::ok(CHECK, format!("the host database is that of {}: {there}", first.name)).why(
                "the operator writes to one server of a shared database, and reads it back on the others; one that \
                 does not see it is written to, too",
            ),
        );
    }
    if let (Ok(here), Ok(there)) = (&first.version, &other.version)
        && here != there
    {
        found.push(
            Finding::info(CHECK, format!("Kea is {there} here, and {here} on {}", first.name))
                .why("releases differ in what their commands take")
                .fix("upgrade all servers to the same release"),
        );
    }
    found.into_iter().map(|finding| finding.of(&other.name)).collect()
}

#[cfg(test)]
mod tests {
    use super::super::bad;
    use super::*;
    use crate::doctor::Severity::{Error, Warning};
    use crate::doctor::ask::healthy;
    use crate::kea::KeaError;

    #[test]
    fn equals_are_well() {
        assert_eq!(peers(&[healthy()]), []);
        assert_eq!(peers(&[healthy(), healthy(), healthy()]), []);
        let away = KeaError::Unreachable { server: "s".into(), cause: "c".into() };
        let away = Facts { version: Err(away), config: None, ..healthy() };
        assert_eq!(peers(&[away.clone(), healthy(), away]), []);
    }

    #[test]
    fn differences_are_told_of_the_later_server() {
        let mut other = Facts { name: "b".into(), version: Ok("2.6.3".into()), ..healthy() };
        let config = other.config.as_mut().unwrap();
        config["subnet4"][0]["id"] = json!(2);
        config["hosts-databases"][0]["type"] = json!("mysql");
        let found = peers(&[healthy(), other]);
        assert_eq!(bad(&found), [(CHECK, Error), (CHECK, Warning)]);
        assert!(found[0].what.ends_with("only there 1 (10.0.0.0/24), only here 2 (10.0.0.0/24)"));
        assert!(found.iter().all(|finding| finding.subject == "b"));
    }
}
