//! One reservation after the other, into Kea's memory.

use anyhow::Result;

use super::Line;
use crate::bench::Bench;
use crate::clients::reservation_with_subnet;
use crate::figures::{Goal, Runs};
use crate::servers::{self, Target, add_request, rates_of};

pub const LINE: Line = Line {
    name: "add-memory",
    what: "ext-reservation-add into memory, one client over HTTP, against Kea's reservation-add",
    unit: "commands/s",
    goal: Goal::AtLeast(1.0),
    measure,
};

const COMMANDS: u32 = 4_000;

fn measure(bench: &Bench) -> Result<Runs> {
    let (ours, peer) = (servers::ours(bench, |_| Ok(()))?, servers::stock()?);
    let (mut to_ours, mut to_peer) = (ours.http()?, peer.http()?);
    bench.by_run(|run| {
        let [ours, peer] = ["ext-reservation-add", "reservation-add"].map(|command| requests(command, run));
        rates_of([&mut to_ours, &mut to_peer], [&ours, &peer])
    })
}

fn requests(command: &str, run: usize) -> Vec<Vec<u8>> {
    super::of_run(run, COMMANDS)
        .map(|client| add_request(command, Target::Memory, &reservation_with_subnet(client)))
        .collect()
}
