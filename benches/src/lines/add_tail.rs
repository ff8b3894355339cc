//! Whether a large store makes a change slow.

use anyhow::Result;
use kea_lab::HttpConnection;

use super::Line;
use crate::bench::Bench;
use crate::clients::{self, reservation_with_subnet};
use crate::figures::{Goal, Runs, percentile};
use crate::servers::{self, Target, add_request, time};

pub const LINE: Line = Line {
    name: "add-tail",
    what: "ext-reservation-add, 99 % are faster, at 1,000,000 stored reservations against at 10,000",
    unit: "ms",
    goal: Goal::AtMost(1.2),
    measure,
};

const LARGE: u32 = 1_000_000;
const SMALL: u32 = 10_000;
const COMMANDS: u32 = 2_000;

fn measure(bench: &Bench) -> Result<Runs> {
    let large = servers::ours(bench, |store| clients::store(store, 0..LARGE))?;
    let small = servers::ours(bench, |store| clients::store(store, 0..SMALL))?;
    let (mut to_large, mut to_small) = (large.http()?, small.http()?);
    bench.by_run(|run| {
        // Both in turns at every command: what makes one in a hundred slow comes and goes.
        let mut times = [Vec::new(), Vec::new()];
        for client in super::of_run(run, COMMANDS) {
            times[0].push(add(&mut to_large, LARGE + client)?);
            times[1].push(add(&mut to_small, SMALL + client)?);
        }
        let [ours, peer] = times.map(|times| percentile(&times, 99).unwrap_or(f64::NAN));
        Ok((ours, peer))
    })
}

/// Milliseconds.
fn add(connection: &mut HttpConnection, client: u32) -> Result<f64> {
    let reservation = reservation_with_subnet(client);
    let request = add_request("ext-reservation-add", Target::Database, &reservation);
    Ok(time(connection, &request)?.as_secs_f64() * 1000.0)
}
