//! One reservation after the other, on disk when the reply comes.

use std::sync::Arc;

use anyhow::Result;
use kea_lab::SqlServer;

use super::Line;
use crate::bench::Bench;
use crate::clients::reservation_with_subnet;
use crate::figures::{Goal, Runs};
use crate::servers::{self, Target, add_request, rates_of};

pub const LINE: Line = Line {
    name: "add-durable",
    what: "ext-reservation-add into the embedded store, against Kea's reservation-add into PostgreSQL",
    unit: "commands/s",
    goal: Goal::AtLeast(2.0),
    measure,
};

const COMMANDS: u32 = 2_000;

fn measure(bench: &Bench) -> Result<Runs> {
    let sql = Arc::new(SqlServer::durable_postgresql()?);
    let (ours, peer) = (servers::ours(bench, |_| Ok(()))?, servers::stock_with_sql(&sql)?);
    let (mut to_ours, mut to_peer) = (ours.http()?, peer.http()?);
    bench.by_run(|run| {
        let [ours, peer] = ["ext-reservation-add", "reservation-add"].map(|command| requests(command, run));
        rates_of([&mut to_ours, &mut to_peer], [&ours, &peer])
    })
}

fn requests(command: &str, run: usize) -> Vec<Vec<u8>> {
    super::of_run(run, COMMANDS)
        .map(|client| add_request(command, Target::Database, &reservation_with_subnet(client)))
        .collect()
}
