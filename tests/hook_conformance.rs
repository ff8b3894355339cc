//! The table of behaviours (tests/conformance/) on real servers: our hook, or Kea's own with `--ignored`.

mod conformance;

use std::collections::BTreeSet;

use conformance::bench::Side::{Ours, Stock};
use conformance::place::Backend;
use conformance::row::{all_places, table};
use conformance::run::run;
use kea_lab::Family::{self, V4, V6};

#[test]
fn every_row_can_be_read_for_every_place() {
    let rows = table();
    for row in &rows {
        let places = all_places().iter().filter(|place| row.at(place).unwrap().is_some()).count();
        assert!(places > 0, "{} applies nowhere", row.id);
    }
}

/// The commands of Kea's host_cmds and subnet_cmds.
fn stock_commands() -> BTreeSet<String> {
    let reservation = "add update del get get-all get-page get-by-id get-by-hostname get-by-address";
    let subnet = "list get add update del delta-add delta-del";
    let network = "list get add del subnet-add subnet-del";
    let mut commands: BTreeSet<String> =
        reservation.split(' ').map(|name| format!("reservation-{name}")).collect();
    for digit in Family::ALL.map(Family::digit) {
        commands.extend(subnet.split(' ').map(|name| format!("subnet{digit}-{name}")));
        commands.extend(network.split(' ').map(|name| format!("network{digit}-{name}")));
    }
    commands
}

#[test]
fn the_table_is_complete() {
    let rows = table();
    assert!(rows.len() >= 550, "{} rows", rows.len());
    let mut named = BTreeSet::new();
    for place in all_places() {
        let here = rows.iter().filter_map(|row| row.at(&place).unwrap());
        named.extend(here.map(|row| row.command.replace("$family", &place.family.digit().to_string())));
    }
    let missing: Vec<_> = stock_commands().difference(&named).cloned().collect();
    assert!(missing.is_empty(), "no row is about {missing:?}");
}

#[test]
fn memory_v4() {
    run(V4, Backend::Memory, Ours);
}

#[test]
fn memory_v6() {
    run(V6, Backend::Memory, Ours);
}

#[test]
fn memfile_v4() {
    run(V4, Backend::Memfile, Ours);
}

#[test]
fn memfile_v6() {
    run(V6, Backend::Memfile, Ours);
}

#[test]
fn postgresql_v4() {
    run(V4, Backend::Postgresql, Ours);
}

#[test]
fn postgresql_v6() {
    run(V6, Backend::Postgresql, Ours);
}

#[test]
fn mysql_v4() {
    run(V4, Backend::Mysql, Ours);
}

#[test]
fn mysql_v6() {
    run(V6, Backend::Mysql, Ours);
}

#[test]
fn two_v4() {
    run(V4, Backend::Two, Ours);
}

#[test]
fn two_v6() {
    run(V6, Backend::Two, Ours);
}

#[test]
#[ignore = "needs a Kea with its own hooks: make conformance-stock"]
fn stock_memory_v4() {
    run(V4, Backend::Memory, Stock);
}

#[test]
#[ignore = "needs a Kea with its own hooks: make conformance-stock"]
fn stock_memory_v6() {
    run(V6, Backend::Memory, Stock);
}

#[test]
#[ignore = "needs a Kea with its own hooks: make conformance-stock"]
fn stock_postgresql_v4() {
    run(V4, Backend::Postgresql, Stock);
}

#[test]
#[ignore = "needs a Kea with its own hooks: make conformance-stock"]
fn stock_postgresql_v6() {
    run(V6, Backend::Postgresql, Stock);
}

#[test]
#[ignore = "needs a Kea with its own hooks: make conformance-stock"]
fn stock_mysql_v4() {
    run(V4, Backend::Mysql, Stock);
}

#[test]
#[ignore = "needs a Kea with its own hooks: make conformance-stock"]
fn stock_mysql_v6() {
    run(V6, Backend::Mysql, Stock);
}
