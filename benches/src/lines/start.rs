//! From the start of the program to the first answer.

use std::time::Instant;

use anyhow::Result;
use kea_lab::Kea;
use serde_json::Value;

use super::Line;
use crate::bench::Bench;
use crate::clients::{self, reservation};
use crate::figures::{Goal, Runs};
use crate::servers::{self, config};

pub const LINE: Line = Line {
    name: "start",
    what: "start with 100,000 stored reservations, against Kea with them in its configuration file",
    unit: "s",
    goal: Goal::AtMost(0.25),
    measure,
};

const CLIENTS: u32 = 100_000;

fn measure(bench: &Bench) -> Result<Runs> {
    let mut ours = servers::ours(bench, |store| clients::store(store, 0..CLIENTS))?;
    let reservations: Vec<Value> = (0..CLIENTS).map(reservation).collect();
    let mut peer = Kea::without_network("peer")?.config(config(&reservations)).start()?;
    bench.in_turns(|_| start(&mut ours), |_| start(&mut peer))
}

fn start(kea: &mut Kea) -> Result<f64> {
    kea.terminate()?;
    let start = Instant::now();
    kea.restart()?;
    Ok(start.elapsed().as_secs_f64())
}
