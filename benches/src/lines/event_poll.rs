//! Asking for events when there are none.

use anyhow::Result;
use serde_json::{Value, json};

use super::Line;
use crate::bench::Bench;
use crate::figures::{Goal, Runs};
use crate::servers::{self, rates_of, request};

pub const LINE: Line = Line {
    name: "event-poll",
    what: "ext-event-get without news, against version-get of the same server",
    unit: "commands/s",
    goal: Goal::AtLeast(1.0),
    measure,
};

const COMMANDS: usize = 8_000;

fn measure(bench: &Bench) -> Result<Runs> {
    let server = servers::ours(bench, |_| Ok(()))?;
    let (mut one, mut other) = (server.http()?, server.http()?);
    let polls = vec![request("ext-event-get", &json!({ "since": 0 })); COMMANDS];
    let versions = vec![request("version-get", &Value::Null); COMMANDS];
    bench.by_run(|_| rates_of([&mut one, &mut other], [&polls, &versions]))
}
