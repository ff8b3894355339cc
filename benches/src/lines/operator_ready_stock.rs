//! How fast the operator gets through many objects, with the commands of Kea's own hooks.

use anyhow::Result;

use super::Line;
use super::operator_ready::ready_with;
use crate::bench::Bench;
use crate::figures::{Goal, Runs};
use crate::served::Dialect;

pub const LINE: Line = Line {
    name: "operator-ready-stock",
    what: "the same by Kea's own hooks, against what the Go operator must send",
    unit: "objects/s",
    goal: Goal::AtLeast(2.0),
    measure,
};

fn measure(bench: &Bench) -> Result<Runs> {
    ready_with(bench, Dialect::Stock)
}
