//! Objects by the thousand, served by the operator or by the peer: what several lines show is measured together.

use std::cell::{Cell, RefCell};
use std::collections::HashMap;
use std::env;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::thread;
use std::time::{Duration, Instant};

use anyhow::{Context, Result, ensure};
use kea_lab::{Kea, Process, wait_for};
use serde_json::{Value, json};

use crate::bench::Bench;
use crate::cluster::{Census, Cluster};
use crate::driver;
use crate::objects::write_leases;
use crate::servers::{config, config_with_store, store_of};

/// How many objects there are.
pub const OBJECTS: u32 = 10_000;
/// How long they may take to be ready.
const PATIENCE: Duration = Duration::from_mins(10);
/// How long the operator is watched when all is done: every object is looked at again in that time.
const REST: Duration = Duration::from_secs(330);
/// Between two looks at how far it has come.
const LOOK: Duration = Duration::from_millis(200);
/// What Kea logs of each command.
const COMMAND_RECEIVED: &str = "COMMAND_RECEIVED";

/// Which commands the operator has for its reservations.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Dialect {
    /// Our hook's, with its store.
    Ext,
    /// Those of Kea's own hooks, with reservations in Kea's memory.
    Stock,
}

/// What serving all objects came to.
#[derive(Clone, Copy, Debug)]
pub struct Served {
    /// Seconds until all were reported ready.
    pub time: f64,
    /// Kea commands.
    pub commands: f64,
    /// Writes of a status.
    pub writes: f64,
    /// The most memory that the operator has had in use, in bytes.
    pub memory: f64,
}

/// What was measured already, by run.
#[derive(Default)]
pub struct Shared {
    ours: RefCell<HashMap<(Dialect, usize), Served>>,
    peer: RefCell<HashMap<usize, f64>>,
    at_rest: Cell<Option<AtRest>>,
}

impl Shared {
    /// What it came to in a run.
    pub fn served(&self, bench: &Bench, dialect: Dialect, run: usize) -> Result<Served> {
        if let Some(known) = self.ours.borrow().get(&(dialect, run)) {
            return Ok(*known);
        }
        let (_, served) = Site::serve(bench, dialect, OBJECTS)?;
        bench.tell(format_args!("  the operator, {dialect:?}: {served:?}"));
        self.ours.borrow_mut().insert((dialect, run), served);
        Ok(served)
    }

    /// What the operator does when all is done.
    pub fn at_rest(&self, bench: &Bench) -> Result<AtRest> {
        if let Some(known) = self.at_rest.get() {
            return Ok(known);
        }
        let (site, _) = Site::serve(bench, Dialect::Ext, OBJECTS)?;
        let before = (site.commands(), site.status_writes()?);
        thread::sleep(REST);
        let after = (site.commands(), site.status_writes()?);
        let rest = AtRest { commands: (after.0 - before.0) / REST.as_secs_f64(), writes: after.1 - before.1 };
        bench.tell(format_args!(
            "  at rest: {rest:?}, memory {:.1} MiB",
            site.peak_memory()? / 1024.0 / 1024.0
        ));
        self.at_rest.set(Some(rest));
        Ok(rest)
    }

    /// How long the peer took in a run, in seconds.
    pub fn peer(&self, bench: &Bench, run: usize) -> Result<f64> {
        if let Some(known) = self.peer.borrow().get(&run) {
            return Ok(*known);
        }
        let time = peer(bench)?.as_secs_f64();
        bench.tell(format_args!("  the driver: {time:.1} s"));
        self.peer.borrow_mut().insert(run, time);
        Ok(time)
    }
}

/// What the operator does when all is done.
#[derive(Clone, Copy, Debug)]
pub struct AtRest {
    /// Kea commands in a second.
    pub commands: f64,
    /// Writes of a status, in all.
    pub writes: f64,
}

/// The operator at work.
pub struct Site {
    operator: Process,
    /// Its server.
    pub kea: Kea,
    /// Where its objects are.
    pub cluster: Cluster,
}

impl Site {
    /// Starts an operator for this many objects and waits until all are ready.
    pub fn serve(bench: &Bench, dialect: Dialect, objects: u32) -> Result<(Self, Served)> {
        let kea = kea(bench, dialect, true, objects)?;
        let cluster = cluster(objects)?;
        let url = format!("http://{}", kea.http_address()?);
        let start = Instant::now();
        let mut site = Self::start(bench, kea, &url, cluster)?;
        site.await_ready(objects)?;
        let served = Served {
            time: start.elapsed().as_secs_f64(),
            commands: site.commands(),
            writes: site.status_writes()?,
            memory: site.peak_memory()?,
        };
        Ok((site, served))
    }

    /// Starts an operator for a Kea and its objects.
    pub fn start(bench: &Bench, kea: Kea, url: &str, cluster: Cluster) -> Result<Self> {
        let mut command = Command::new(bench.operator()?);
        for (name, _) in env::vars_os().filter(|(name, _)| name.as_encoded_bytes().starts_with(b"KEA_")) {
            command.env_remove(name);
        }
        command.args(["run", "--source", "kube", "--kea-url", url, "--health-probe-bind-address", "0"]);
        command.env("KUBECONFIG", cluster.kubeconfig());
        let operator = Process::spawn("kea-operator", &command, kea.dir().join("operator.log"))?;
        Ok(Self { operator, kea, cluster })
    }

    /// Waits until that many writes of a status are done.
    pub fn await_status(&self, writes: u64) -> Result<()> {
        wait_for("the first status of each object", PATIENCE, || {
            self.cluster.status_writes().ok().filter(|done| *done >= writes).map(drop)
        })
        .with_context(|| self.operator.tail())
    }

    fn await_ready(&mut self, objects: u32) -> Result<()> {
        let start = Instant::now();
        let wanted = Census { objects: objects as usize, ready: objects as usize };
        loop {
            self.operator.expect_running()?;
            // Cheap, and each needs at least one; the list, which is not, only comes when that is so.
            let census = if self.cluster.status_writes()? >= u64::from(objects) {
                self.cluster.census()?
            } else {
                Census::default()
            };
            if census == wanted {
                return Ok(());
            }
            ensure!(!kea_lab::is_interrupted(), "interrupted");
            ensure!(
                start.elapsed() < PATIENCE,
                "{census:?} after {} s\n{}",
                PATIENCE.as_secs(),
                self.operator.tail()
            );
            thread::sleep(LOOK);
        }
    }

    /// Kea commands so far, by Kea's own log.
    #[allow(clippy::cast_precision_loss, reason = "far below 2^52")]
    pub fn commands(&self) -> f64 {
        self.kea.log().lines().filter(|line| line.contains(COMMAND_RECEIVED)).count() as f64
    }

    /// Writes of a status so far, by the API server's own count.
    #[allow(clippy::cast_precision_loss, reason = "far below 2^52")]
    pub fn status_writes(&self) -> Result<f64> {
        Ok(self.cluster.status_writes()? as f64)
    }

    /// The most memory that the operator has had in use, in bytes.
    pub fn peak_memory(&self) -> Result<f64> {
        let status = fs::read_to_string(format!("/proc/{}/status", self.operator.pid()))?;
        let line =
            status.lines().find_map(|line| line.strip_prefix("VmHWM:")).context("no VmHWM in /proc")?;
        let kilobytes: f64 = line.trim().trim_end_matches(" kB").parse()?;
        Ok(kilobytes * 1024.0)
    }
}

/// The peer, with the same objects and leases, and Kea's own hooks.
pub fn peer(bench: &Bench) -> Result<Duration> {
    let kea = kea(bench, Dialect::Stock, false, OBJECTS)?;
    let cluster = cluster(OBJECTS)?;
    let time = driver::serve(cluster.client(), &kea, 0..OBJECTS)?;
    let census = cluster.census()?;
    ensure!(census.ready == OBJECTS as usize, "the driver came to {census:?}");
    Ok(time)
}

fn kea(bench: &Bench, dialect: Dialect, logs_commands: bool, objects: u32) -> Result<Kea> {
    let server = Kea::without_network("operator")?;
    let leases = server.dir().join("leases.csv");
    write_leases(&leases, 0..objects)?;
    let mut config = match dialect {
        Dialect::Ext => config_with_store(&store_of(&server)),
        Dialect::Stock => config(&[]),
    };
    config["lease-database"] =
        json!({ "type": "memfile", "persist": true, "name": leases, "lfc-interval": 0 });
    if logs_commands {
        let output = config["loggers"][0]["output_options"].clone();
        let commands = json!({ "name": "kea-dhcp4.commands", "severity": "INFO", "output_options": output });
        config["loggers"].as_array_mut().context("a list")?.push(commands);
    }
    let server = server.config(config).lease_cmds()?.http()?;
    let server = match dialect {
        Dialect::Ext => server.hook(bench.hook(), Value::Null)?,
        Dialect::Stock => server
            .stock_hook("libdhcp_host_cmds.so", Value::Null)?
            .stock_hook("libdhcp_subnet_cmds.so", Value::Null)?,
    };
    server.start()
}

/// A cluster with so many objects.
pub fn cluster(objects: u32) -> Result<Cluster> {
    let cluster = Cluster::start(&definitions())?;
    cluster.make(0..objects)?;
    Ok(cluster)
}

/// The CustomResourceDefinitions of the chart.
fn definitions() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../charts/kea-operator/files/crds")
}
