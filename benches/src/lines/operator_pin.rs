//! How soon a lease is a reservation that the object's status shows.

use std::collections::HashMap;
use std::fs::File;
use std::io::Read;
use std::path::Path;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;
use std::time::{Duration, Instant};

use anyhow::{Context, Result, anyhow, ensure};
use kea_lab::{Kea, Lab, Load};
use serde_json::{Value, json};

use super::Line;
use super::exchanges::clients_on;
use crate::bench::Bench;
use crate::clients::{RELAY, SERVER, SUBNET_ID};
use crate::cluster::ClusterClient;
use crate::figures::{Goal, Runs, percentile};
use crate::objects::MACS;
use crate::served::{Site, cluster};
use crate::servers::{config_with_store, store_of};

pub const LINE: Line = Line {
    name: "operator-pin",
    what: "from a lease to its reservation in the object's status, 99 % are faster, 50 devices in a second",
    unit: "s",
    goal: Goal::Below(2.0),
    measure,
};

const OBJECTS: u32 = 1_000;
const DEVICES: usize = (OBJECTS * MACS) as usize;
/// Devices in a second.
const RATE: usize = 50;
const PATIENCE: Duration = Duration::from_mins(2);
/// Between two looks at Kea's lease file.
const LOOK: Duration = Duration::from_millis(2);

/// When something was first seen of a device, by MAC address.
type Moments = HashMap<String, Instant>;

fn measure(bench: &Bench) -> Result<Runs> {
    let ours = (0..bench.runs()).map(|_| delay(bench)).collect::<Result<_>>()?;
    Ok(Runs { ours, peer: vec![] })
}

/// Seconds.
fn delay(bench: &Bench) -> Result<f64> {
    let lab = Lab::with_server_at("bench", SERVER)?;
    let server = Kea::on(&lab)?;
    let lease_file = server.dir().join("leases.csv");
    let mut config = config_with_store(&store_of(&server));
    config["subnet4"][0]["pools"] = json!([{ "pool": "10.70.0.0 - 10.79.255.255" }]);
    config["lease-database"] =
        json!({ "type": "memfile", "persist": true, "name": lease_file, "lfc-interval": 0 });
    let kea = server.config(config).lease_cmds()?.hook(bench.hook(), Value::Null)?.start()?;
    let device = clients_on(&lab)?;
    let url = format!("unix:{}", kea.socket().path().display());
    let site = Site::start(bench, kea, &url, cluster(OBJECTS)?)?;
    site.await_status(u64::from(OBJECTS))?;

    let stop = AtomicBool::new(false);
    let (leased, shown) = thread::scope(|scope| {
        let watch = scope.spawn(|| pinned(site.cluster.client(), DEVICES));
        let file = scope.spawn(|| leased(&lease_file, &stop));
        let load = Load { clients: DEVICES, exchanges: DEVICES, rate: RATE };
        let mut load = load.start_dhcp4(&device, RELAY, lab.interface().address)?;
        load.wait(PATIENCE)?;
        let shown = watch.join().map_err(|_| anyhow!("a thread has panicked"))?;
        stop.store(true, Ordering::Relaxed);
        let leased = file.join().map_err(|_| anyhow!("a thread has panicked"))??;
        anyhow::Ok((leased, shown?))
    })?;
    ensure!(reservations(&site.kea)? == DEVICES, "Kea does not have all reservations");
    let delays: Vec<f64> = shown
        .iter()
        .map(|(mac, shown)| {
            let leased = leased.get(mac).with_context(|| format!("{mac} has no lease"))?;
            Ok(shown.saturating_duration_since(*leased).as_secs_f64())
        })
        .collect::<Result<_>>()?;
    let [half, most, all] = [50, 99, 100].map(|percent| percentile(&delays, percent).unwrap_or(f64::NAN));
    bench.tell(format_args!(
        "  half of them within {half:.2} s, 99 % within {most:.2} s, all within {all:.2} s"
    ));
    Ok(most)
}

/// Follows Kea's lease file until `stop`: when each device got its first lease.
fn leased(file: &Path, stop: &AtomicBool) -> Result<Moments> {
    let (mut file, mut text, mut moments) = (File::open(file)?, String::new(), Moments::new());
    while !stop.load(Ordering::Relaxed) {
        file.read_to_string(&mut text)?;
        let now = Instant::now();
        let complete = text.rfind('\n').map_or(0, |end| end + 1);
        for line in text[..complete].lines() {
            if let Some(mac) = line.split(',').nth(1) {
                moments.entry(mac.to_owned()).or_insert(now);
            }
        }
        text.drain(..complete);
        thread::sleep(LOOK);
    }
    Ok(moments)
}

/// Watches the objects until so many devices are shown with a reservation: when each first was.
fn pinned(cluster: &ClusterClient, devices: usize) -> Result<Moments> {
    let mut moments = Moments::new();
    cluster.watch(PATIENCE, |object| {
        let now = Instant::now();
        let interfaces = object["status"]["networkInterfaces"].as_array().into_iter().flatten();
        for interface in interfaces.filter(|interface| interface["dhcpReserved"] == true) {
            if let Some(mac) = interface["macAddress"].as_str() {
                moments.entry(mac.to_owned()).or_insert(now);
            }
        }
        moments.len() < devices
    })?;
    ensure!(moments.len() == devices, "{} of {devices} devices were shown with a reservation", moments.len());
    Ok(moments)
}

fn reservations(kea: &Kea) -> Result<usize> {
    let all = kea.ask("ext-reservation-get-all", &json!({ "subnet-id": SUBNET_ID }))?;
    Ok(all["hosts"].as_array().map_or(0, |hosts| {
        hosts
            .iter()
            .filter(|host| host["ip-address"].as_str().is_some_and(|address| address != "0.0.0.0"))
            .count()
    }))
}
