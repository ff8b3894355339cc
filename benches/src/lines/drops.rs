//! What clients notice of a large change.

use std::thread;
use std::time::{Duration, Instant};

use anyhow::Result;
use kea_lab::{Device, HttpConnection, Kea, Lab, Load, LoadReport, wait_for};
use rustix::process::Signal;
use serde_json::Value;

use super::Line;
use super::apply::arguments;
use super::exchanges::clients_on;
use crate::bench::Bench;
use crate::clients::{self, RELAY, SERVER};
use crate::figures::{Goal, Runs};
use crate::servers::{config_with_store, request, store_of, time};

pub const LINE: Line = Line {
    name: "drops",
    what: "lost exchanges of 3,000 a second while 100,000 items are applied, against while nothing is",
    unit: "%",
    goal: Goal::Below(0.5),
    measure,
};

const RATE: usize = 3_000;
const CLIENTS: u32 = 10_000;
const ITEMS: u32 = 100_000;
const ITEMS_OF_A_COMMAND: u32 = 1_000;
const PATIENCE: Duration = Duration::from_mins(1);

fn measure(bench: &Bench) -> Result<Runs> {
    let lab = Lab::with_server_at("bench", SERVER)?;
    let server = Kea::on(&lab)?;
    let store = store_of(&server);
    clients::store(&store, 0..CLIENTS)?;
    let kea = server.config(config_with_store(&store)).hook(bench.hook(), Value::Null)?.http()?.start()?;
    let mut connection = kea.http()?;
    let device = clients_on(&lab)?;

    bench.by_run(|run| {
        let mut applying = Duration::ZERO;
        let ours = lost_during(&device, &lab, || {
            let start = Instant::now();
            apply(&mut connection, run)?;
            applying = start.elapsed();
            Ok(())
        })?;
        let peer = lost_during(&device, &lab, || {
            thread::sleep(applying);
            Ok(())
        })?;
        Ok((ours, peer))
    })
}

/// With a pause as long as the command after each: Kea looks for commands first and for packets after that, so that one
/// command right after the other leaves no packet a chance, whatever they do.
fn apply(connection: &mut HttpConnection, run: usize) -> Result<()> {
    let items = super::of_run(run, ITEMS);
    let first = CLIENTS + items.start;
    for start in (first..first + ITEMS).step_by(ITEMS_OF_A_COMMAND as usize) {
        let request = request("ext-reservation-apply", &arguments(start..start + ITEMS_OF_A_COMMAND));
        thread::sleep(time(connection, &request)?);
    }
    Ok(())
}

/// Of a hundred exchanges that are begun while something is done, those that are not completed. Those that fail shortly
/// before count as well.
fn lost_during(device: &Device, lab: &Lab, done: impl FnOnce() -> Result<()>) -> Result<f64> {
    // It ends when it is told to.
    let load = Load { clients: CLIENTS as usize, exchanges: usize::MAX >> 33, rate: RATE };
    let mut load = load.start_dhcp4(device, RELAY, lab.interface().address)?;
    wait_for("the clients to be at work", PATIENCE, || load.log().contains("sent:").then_some(()))?;
    let start = Instant::now();
    done()?;
    let time = start.elapsed();
    load.signal(Signal::INT)?;
    load.wait(PATIENCE)?;
    let report = LoadReport::read(&load.log())?;
    #[allow(clippy::cast_precision_loss, reason = "some thousands")]
    let (lost, rate) = (report.begun.saturating_sub(report.completed) as f64, RATE as f64);
    Ok(100.0 * lost / (rate * time.as_secs_f64()))
}
