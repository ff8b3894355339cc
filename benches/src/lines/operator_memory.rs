//! How much memory the operator needs for many objects.

use anyhow::Result;

use super::Line;
use crate::bench::Bench;
use crate::figures::{Goal, Runs};
use crate::served::{Dialect, Site};

pub const LINE: Line = Line {
    name: "operator-memory",
    what: "the most memory that the operator has in use until 10,000 objects are ready, against one object",
    unit: "MiB",
    goal: Goal::UpTo(64.0),
    measure,
};

const MIB: f64 = 1024.0 * 1024.0;

fn measure(bench: &Bench) -> Result<Runs> {
    bench.in_turns(
        |run| Ok(bench.served(Dialect::Ext, run)?.memory / MIB),
        |_| Ok(Site::serve(bench, Dialect::Ext, 1)?.1.memory / MIB),
    )
}
