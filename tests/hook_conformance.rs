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
#[ignore = "needs a Kea with its own hooks: make conformance-stock"]
fn stock_memory_v4() {
    run(V4, Backend::Memory, Stock);
}

#[test]
#[ignore = "needs a Kea with its own hooks: make conformance-stock"]
fn stock_memory_v6() {
    run(V6, Backend::Memory, Stock);
}
