//! Whether the operator writes a status when there is nothing to say.

use anyhow::Result;

use super::Line;
use crate::bench::Bench;
use crate::figures::{Goal, Runs};

pub const LINE: Line = Line {
    name: "operator-rest-writes",
    what: "status writes over the five and a half minutes after 10,000 objects are ready",
    unit: "writes",
    goal: Goal::UpTo(0.0),
    measure,
};

fn measure(bench: &Bench) -> Result<Runs> {
    Ok(Runs { ours: vec![bench.at_rest()?.writes], peer: vec![] })
}
