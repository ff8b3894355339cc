//! The table of behaviours (tests/conformance/) on real servers: our hook, or Kea's own with `--ignored`.

mod conformance;

use conformance::bench::Side::{Ours, Stock};
use conformance::place::Backend;
use conformance::row::{all_places, table};
use conformance::run::run;
use kea_lab::Family::{V4, V6};

#[test]
fn every_row_can_be_read_for_every_place() {
    let rows = table();
    for row in &rows {
        let places = all_places().iter().filter(|place| row.at(place).unwrap().is_some()).count();
        assert!(places > 0, "{} applies nowhere", row.id);
    }
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
