//! Many new reservations in one command.

use anyhow::Result;

use super::Line;
use super::apply::{apply_request, items_rate, one_by_one};
use crate::bench::Bench;
use crate::figures::{Goal, Runs};
use crate::servers::{self, time};

pub const LINE: Line = Line {
    name: "apply-new",
    what: "ext-reservation-apply of 10,000 new items into the store, against Kea's reservation-add into memory",
    unit: "reservations/s",
    goal: Goal::AtLeast(10.0),
    measure,
};

fn measure(bench: &Bench) -> Result<Runs> {
    let (ours, peer) = (servers::ours(bench, |_| Ok(()))?, servers::stock()?);
    let (mut to_ours, mut to_peer) = (ours.http()?, peer.http()?);
    bench.in_turns(
        |run| Ok(items_rate(time(&mut to_ours, &apply_request(run))?)),
        |run| one_by_one(&mut to_peer, run),
    )
}
