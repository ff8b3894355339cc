//! What a reservation costs in memory.

use anyhow::Result;
use kea_lab::Kea;

use super::Line;
use crate::bench::Bench;
use crate::clients::{self, reservation_with_subnet};
use crate::figures::{Goal, Runs};
use crate::servers::{self, Target, add_request, rate_of, resident};

pub const LINE: Line = Line {
    name: "memory",
    what: "memory per reservation, 1,000,000 in the store, against 100,000 that commands added to Kea's memory",
    unit: "bytes",
    goal: Goal::AtMost(0.5),
    measure,
};

const OURS: u32 = 1_000_000;
const PEER: u32 = 100_000;

fn measure(bench: &Bench) -> Result<Runs> {
    let empty = servers::ours(bench, |_| Ok(()))?;
    let mut full = servers::ours(bench, |store| clients::store(store, 0..OURS))?;
    bench.in_turns(
        |_| {
            full.restart()?;
            Ok((resident(&full)? - resident(&empty)?) / f64::from(OURS))
        },
        |_| peer(&servers::stock()?),
    )
}

fn peer(kea: &Kea) -> Result<f64> {
    let before = resident(kea)?;
    let requests: Vec<_> = (0..PEER)
        .map(|client| add_request("reservation-add", Target::Memory, &reservation_with_subnet(client)))
        .collect();
    rate_of(&mut kea.http()?, &requests)?;
    Ok((resident(kea)? - before) / f64::from(PEER))
}
