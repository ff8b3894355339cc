//! How often the operator asks Kea when there is nothing to do.

use anyhow::Result;

use super::Line;
use crate::bench::Bench;
use crate::figures::{Goal, Runs};

pub const LINE: Line = Line {
    name: "operator-rest-commands",
    what: "Kea commands in a second, over the five and a half minutes after 10,000 objects are ready",
    unit: "commands/s",
    goal: Goal::UpTo(1.0),
    measure,
};

fn measure(bench: &Bench) -> Result<Runs> {
    Ok(Runs { ours: vec![bench.at_rest()?.commands], peer: vec![] })
}
