//! How often the operator asks Kea to get through many objects.

use anyhow::Result;

use super::Line;
use crate::bench::Bench;
use crate::driver;
use crate::figures::{Goal, Runs};
use crate::objects::MACS;
use crate::served::{Dialect, OBJECTS};

pub const LINE: Line = Line {
    name: "operator-commands",
    what: "Kea commands per 100 objects until all are ready, against what the Go operator must send",
    unit: "commands",
    goal: Goal::UpTo(1.0),
    measure,
};

fn measure(bench: &Bench) -> Result<Runs> {
    let hundreds = f64::from(OBJECTS) / 100.0;
    bench.in_turns(
        |run| Ok(bench.served(Dialect::Ext, run)?.commands / hundreds),
        |_| Ok(100.0 * f64::from(driver::commands(MACS))),
    )
}
