//! Flags that decide in silence whether a reservation has an effect (Kea ARM, "Reservations in DHCPv4"; defaults of
//! `simple_parser4.cc`).

use std::collections::BTreeMap;

use super::super::ask::texts;
use super::super::config::{Config, Level, Subnet};
use crate::doctor::{Check, Finding};

const FLAGS: Check = Check::ReservationFlags;
const IDENTIFIERS: Check = Check::Identifiers;

/// How many subnets a finding names before it only counts.
const LISTED: usize = 5;

pub fn flags(config: Config<'_>) -> Vec<Finding> {
    let mut found: Vec<Finding> = [ignored(config), out_of_pool(config)].into_iter().flatten().collect();
    if found.is_empty() {
        found.push(Finding::ok(FLAGS, "reservations of every subnet count"));
    }
    found.extend(duplicates(config));
    found.extend(global(config));
    found.extend(identifiers(config));
    found
}

/// Subnets, by where the setting is from that makes them so.
fn by_level<'a>(
    config: Config<'a>,
    is_so: impl Fn(Subnet<'a>) -> Option<Level>,
) -> BTreeMap<Level, Vec<String>> {
    let mut levels: BTreeMap<Level, Vec<String>> = BTreeMap::new();
    for subnet in config.subnets() {
        if let Some(level) = is_so(subnet) {
            levels.entry(level).or_default().push(subnet.name());
        }
    }
    levels
}

fn name(subnets: &[String]) -> String {
    let named = super::list(&subnets[..subnets.len().min(LISTED)]);
    let noun = if subnets.len() == 1 { "subnet" } else { "subnets" };
    match subnets.len().saturating_sub(LISTED) {
        0 => format!("{noun} {named}"),
        more => format!("{noun} {named} and {more} more"),
    }
}

fn ignored(config: Config<'_>) -> Vec<Finding> {
    let levels = by_level(config, |subnet| {
        let (in_subnet, level) = config.flag_of(subnet, "reservations-in-subnet", true);
        (!in_subnet).then_some(level)
    });
    let finding = |(level, subnets): (Level, Vec<String>)| {
        Finding::error(FLAGS, format!("reservations of {} are not looked up", name(&subnets)))
            .why("Kea takes them, and gives the devices other addresses")
            .fix(format!(
                "set \"reservations-in-subnet\" to true at {level} (older: \"reservation-mode\" to \"all\")"
            ))
    };
    levels.into_iter().map(finding).collect()
}

fn out_of_pool(config: Config<'_>) -> Vec<Finding> {
    let levels = by_level(config, |subnet| {
        let (out_of_pool, level) = config.flag_of(subnet, "reservations-out-of-pool", false);
        let (in_subnet, _) = config.flag_of(subnet, "reservations-in-subnet", true);
        (out_of_pool && in_subnet && subnet.has_pools()).then_some(level)
    });
    let finding = |(level, subnets): (Level, Vec<String>)| {
        Finding::error(FLAGS, format!("reservations inside the pools of {} are ignored", name(&subnets)))
            .why("the operator reserves the addresses that devices have leased, which are those of pools")
            .fix(format!("set \"reservations-out-of-pool\" to false at {level}"))
    };
    levels.into_iter().map(finding).collect()
}

fn duplicates(config: Config<'_>) -> Option<Finding> {
    (!config.flag("ip-reservations-unique", true)).then(|| {
        Finding::warning(FLAGS, "an address may be reserved for several devices")
            .why("Kea refuses none of them, and only one of the devices gets the address")
            .fix("set \"ip-reservations-unique\" to true at the top level of Dhcp4, unless somebody needs it")
    })
}

fn global(config: Config<'_>) -> Option<Finding> {
    let looked_up = config.subnets().any(|subnet| config.flag_of(subnet, "reservations-global", false).0);
    (looked_up && config.flag("early-global-reservations-lookup", false)).then(|| {
        Finding::warning(FLAGS, "global reservations are looked up before those of subnets")
            .why("a device with a global reservation does not get the address that the operator reserves for it")
            .fix("set \"early-global-reservations-lookup\" to false at the top level of Dhcp4")
    })
}

fn identifiers(config: Config<'_>) -> Option<Finding> {
    // Left out, they are Kea's default, which begins with hw-address.
    let listed: Vec<&str> = texts(config.0.get("host-reservation-identifiers")).collect();
    match listed.iter().position(|kind| *kind == "hw-address") {
        None if !listed.is_empty() => Some(
            Finding::error(
                IDENTIFIERS,
                format!("devices are not looked up by MAC address, only by {}", super::list(&listed)),
            )
            .why("Kea takes reservations by MAC address, and gives the devices other addresses")
            .fix("add \"hw-address\" to \"host-reservation-identifiers\", best as the first"),
        ),
        Some(place) if place > 0 => Some(
            Finding::info(
                IDENTIFIERS,
                format!("devices are looked up by {} first", super::list(&listed[..place])),
            )
            .why("a device that has a reservation by that, too, gets it and not the operator's")
            .fix("put \"hw-address\" first in \"host-reservation-identifiers\""),
        ),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::super::bad;
    use super::*;
    use crate::doctor::Severity::{Error, Warning};
    use serde_json::{Value, json};

    fn of(config: &Value) -> Vec<Finding> {
        flags(Config(config))
    }

    fn subnet(id: u32) -> Value {
        json!({"id": id, "subnet": format!("10.0.{id}.0/24"), "pools": [{"pool": "x"}]})
    }

    #[test]
    fn defaults_are_well() {
        assert_eq!(bad(&of(&json!({"subnet4": [subnet(1)]}))), []);
        let explicit = json!({"reservations-in-subnet": true, "reservations-out-of-pool": false,
            "host-reservation-identifiers": ["hw-address", "client-id"], "subnet4": [subnet(1)]});
        assert_eq!(bad(&of(&explicit)), []);
    }

    #[test]
    fn what_is_not_looked_up_is_told_with_its_place() {
        let mut off = subnet(2);
        off["reservations-in-subnet"] = json!(false);
        let network =
            json!({"name": "n", "reservations-in-subnet": false, "subnet4": [subnet(3), subnet(4)]});
        let found = of(&json!({"subnet4": [subnet(1), off], "shared-networks": [network]}));
        assert_eq!(bad(&found), [(FLAGS, Error), (FLAGS, Error)]);
        assert_eq!(
            found[0].what,
            "reservations of subnets 3 (10.0.3.0/24), 4 (10.0.4.0/24) are not looked up"
        );
        assert!(found[0].fix.as_ref().unwrap().contains("at shared network n"));
        assert!(found[1].fix.as_ref().unwrap().contains("at subnet 2 (10.0.2.0/24)"));
    }

    #[test]
    fn reservations_in_pools_must_count() {
        let mut no_pool = subnet(2);
        no_pool["pools"] = json!([]);
        let found = of(&json!({"reservations-out-of-pool": true, "subnet4": [subnet(1), no_pool]}));
        assert_eq!(bad(&found), [(FLAGS, Error)]);
        assert_eq!(found[0].what, "reservations inside the pools of subnet 1 (10.0.1.0/24) are ignored");
    }

    #[test]
    fn identifiers_must_have_the_mac_address() {
        let kinds = |kinds: Value| of(&json!({"host-reservation-identifiers": kinds}));
        assert_eq!(bad(&kinds(json!(["duid", "client-id"]))), [(IDENTIFIERS, Error)]);
        let found = kinds(json!(["client-id", "hw-address"]));
        assert_eq!(bad(&found), []);
        assert!(found.iter().any(|finding| finding.what.contains("looked up by client-id first")));
    }

    #[test]
    fn rivals_of_the_operators_reservations() {
        let early = json!({"early-global-reservations-lookup": true, "reservations-global": true,
            "ip-reservations-unique": false, "subnet4": [subnet(1)]});
        assert_eq!(bad(&of(&early)), [(FLAGS, Warning), (FLAGS, Warning)]);
        assert_eq!(bad(&of(&json!({"early-global-reservations-lookup": true, "subnet4": [subnet(1)]}))), []);
    }

    #[test]
    fn many_subnets_are_counted() {
        let many: Vec<Value> = (1..=9).map(subnet).collect();
        let found = of(&json!({"reservations-in-subnet": false, "subnet4": many}));
        assert!(found[0].what.contains("5 (10.0.5.0/24) and 4 more"), "{}", found[0].what);
    }
}
