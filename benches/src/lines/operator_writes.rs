//! How often the operator writes the status of an object.

use anyhow::Result;

use super::Line;
use crate::bench::Bench;
use crate::driver;
use crate::figures::{Goal, Runs};
use crate::served::{Dialect, OBJECTS};

pub const LINE: Line = Line {
    name: "operator-writes",
    what: "status writes per object until all are ready, against those of the Go operator",
    unit: "writes",
    goal: Goal::UpTo(1.1),
    measure,
};

fn measure(bench: &Bench) -> Result<Runs> {
    bench.in_turns(
        |run| Ok(bench.served(Dialect::Ext, run)?.writes / f64::from(OBJECTS)),
        |_| Ok(f64::from(driver::STATUS_WRITES)),
    )
}
