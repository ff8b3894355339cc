//! How fast the operator gets through many objects, with the commands of our hook.

use anyhow::Result;

use super::Line;
use crate::bench::Bench;
use crate::figures::{Goal, Runs};
use crate::served::{Dialect, OBJECTS};

pub const LINE: Line = Line {
    name: "operator-ready",
    what: "10,000 objects of 2 devices until all are ready, by our hook, against what the Go operator must send",
    unit: "objects/s",
    goal: Goal::AtLeast(10.0),
    measure,
};

fn measure(bench: &Bench) -> Result<Runs> {
    ready_with(bench, Dialect::Ext)
}

/// Objects in a second.
pub fn ready_with(bench: &Bench, dialect: Dialect) -> Result<Runs> {
    let objects = f64::from(OBJECTS);
    bench.in_turns(
        |run| Ok(objects / bench.served(dialect, run)?.time),
        |run| Ok(objects / bench.served_by_peer(run)?),
    )
}
