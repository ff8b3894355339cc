//! Many reservations in one command, all of which are there already.

use anyhow::Result;

use super::Line;
use super::apply::{apply_request, items_rate, one_by_one};
use crate::bench::Bench;
use crate::figures::{Goal, Runs};
use crate::servers::{self, succeed, time};

pub const LINE: Line = Line {
    name: "apply-unchanged",
    what: "ext-reservation-apply of 10,000 items that are there, against Kea's reservation-add into memory",
    unit: "reservations/s",
    goal: Goal::AtLeast(12.0),
    measure,
};

fn measure(bench: &Bench) -> Result<Runs> {
    let (ours, peer) = (servers::ours(bench, |_| Ok(()))?, servers::stock()?);
    let (mut to_ours, mut to_peer) = (ours.http()?, peer.http()?);
    let request = apply_request(0);
    succeed(&mut to_ours, &request)?;
    bench.in_turns(|_| Ok(items_rate(time(&mut to_ours, &request)?)), |run| one_by_one(&mut to_peer, run))
}
