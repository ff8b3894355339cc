//! Which commands a server has for what the operator does.

use std::collections::BTreeSet;

use super::super::config::Config;
use crate::doctor::{Check, Facts, Finding};

const CHECK: Check = Check::Commands;
const LEASES: &str = "lease4-get-by-hw-address";

/// Whether `prefix` and the reservation commands that the operator cannot do without are there.
fn has_reservations(commands: &BTreeSet<String>, prefix: &str) -> bool {
    ["add", "del", "get"].iter().all(|verb| commands.contains(&format!("{prefix}reservation-{verb}")))
}

pub fn commands(facts: &Facts) -> Vec<Finding> {
    let commands = &facts.commands;
    if commands.is_empty() {
        return vec![];
    }
    let folder = facts.config.as_ref().map_or("…", |config| Config(config).hooks_folder());
    let load = |file: &str| {
        format!(
            "add {{\"library\": \"{folder}/{file}\"}} to \"hooks-libraries\" of Dhcp4, and restart kea-dhcp4"
        )
    };
    let mut found = vec![];
    if !commands.contains(LEASES) {
        found.push(
            Finding::error(CHECK, format!("the command {LEASES} is missing"))
                .why("without it nobody knows which address a device has")
                .fix(load("libdhcp_lease_cmds.so")),
        );
    }
    let (ext, stock) = (has_reservations(commands, "ext-"), has_reservations(commands, ""));
    let subnets = ["ext-subnet4-list", "subnet4-list"].into_iter().find(|name| commands.contains(*name));
    let also = if ext && stock { ", reservation-* is there too" } else { "" };
    if ext || stock {
        let dialect = if ext { "ext-reservation-*" } else { "reservation-*" };
        let subnets = subnets.unwrap_or("config-get");
        found.push(Finding::ok(
            Check::Dialect,
            format!("reservations by {dialect}{also}, subnets by {subnets}"),
        ));
    } else {
        let own = if facts.release() >= [2, 7, 7] {
            " (or Kea's own libdhcp_host_cmds.so in its place)"
        } else {
            ""
        };
        found.push(
            Finding::error(CHECK, "the commands reservation-add, -del and -get are missing")
                .why("without them nothing can be reserved")
                .fix(format!("{}{own}", load("libdhcp_host_cmds_rs.so"))),
        );
    }
    if stock && !ext {
        found.push(
            Finding::info(Check::Dialect, "the server has Kea's own reservation commands alone")
                .why("they take one reservation a command, and tell of no lease: many objects take longer")
                .fix(load("libdhcp_host_cmds_rs.so")),
        );
    }
    if subnets.is_none() {
        found.push(
            Finding::info(Check::Dialect, "the server has no command that lists subnets")
                .why("its whole configuration is read instead")
                .fix(load("libdhcp_host_cmds_rs.so")),
        );
    }
    found
}

#[cfg(test)]
mod tests {
    use super::super::bad;
    use super::*;
    use crate::doctor::Severity::Error;
    use crate::doctor::ask::healthy;

    fn with(commands: &[&str]) -> Vec<Finding> {
        commands_of(&commands.iter().map(|name| (*name).to_owned()).collect())
    }

    fn commands_of(names: &BTreeSet<String>) -> Vec<Finding> {
        commands(&Facts { commands: names.clone(), ..healthy() })
    }

    #[test]
    fn what_is_missing_is_named_with_the_line_that_loads_it() {
        assert_eq!(bad(&commands(&healthy())), []);
        let found = with(&["list-commands"]);
        assert_eq!(bad(&found), [(CHECK, Error), (CHECK, Error)]);
        let fix = found[0].fix.as_ref().unwrap();
        assert!(fix.contains("{\"library\": \"/opt/hooks/libdhcp_lease_cmds.so\"}"), "{fix}");
        assert!(found[1].fix.as_ref().unwrap().contains("libdhcp_host_cmds.so"));
        let old = Facts { commands: ["a".into()].into(), version: Ok("2.6.3".into()), ..healthy() };
        assert!(!commands(&old)[1].fix.as_ref().unwrap().contains("libdhcp_host_cmds.so"));
    }

    #[test]
    fn both_dialects_are_told() {
        let stock = ["reservation-add", "reservation-del", "reservation-get", LEASES];
        let found = with(&stock);
        assert_eq!(found[0].what, "reservations by reservation-*, subnets by config-get");
        assert_eq!(bad(&found), []);
        let mut both = healthy().commands;
        both.extend(stock.map(str::to_owned));
        let told =
            "reservations by ext-reservation-*, reservation-* is there too, subnets by ext-subnet4-list";
        assert_eq!(commands_of(&both)[0].what, told);
    }
}
