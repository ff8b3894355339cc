//! The servers of the measurements: ours, and the peer's.

use std::fs;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::{Duration, Instant};

use anyhow::{Context, Result, ensure};
use kea_lab::{HttpConnection, Kea, KeaBuilder, SqlServer};
use memchr::memmem;
use serde_json::{Value, json};

use crate::bench::{Bench, rate};
use crate::clients::{SUBNET, SUBNET_ID};

/// Where a command puts a reservation.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Target {
    /// Kea's configuration in memory.
    Memory,
    /// The host database.
    Database,
}

impl Target {
    /// As an argument of a command.
    pub fn name(self) -> &'static str {
        match self {
            Self::Memory => "memory",
            Self::Database => "database",
        }
    }
}

/// What all servers have in common, with these reservations. A line of log for each command would be measured too.
pub fn config(reservations: &[Value]) -> Value {
    json!({
        "subnet4": [{ "id": SUBNET_ID, "subnet": SUBNET, "reservations": reservations }],
        "loggers": [{
            "name": "kea-dhcp4",
            "severity": "WARN",
            "output_options": [{ "output": "stdout", "flush": true }],
        }],
    })
}

/// The same with an embedded store in that file.
pub fn config_with_store(store: &Path) -> Value {
    let mut config = config(&[]);
    config["hosts-databases"] = json!([{ "type": "memfile", "name": store }]);
    config
}

/// The file of the store of a server to be.
pub fn store_of(server: &KeaBuilder) -> PathBuf {
    server.dir().join("hosts4.db")
}

/// A server with our hook and its store, which `fill` makes something of before the start.
pub fn ours(bench: &Bench, fill: impl FnOnce(&Path) -> Result<()>) -> Result<Kea> {
    let server = Kea::without_network("bench")?;
    let store = store_of(&server);
    fill(&store)?;
    server.config(config_with_store(&store)).lease_cmds()?.hook(bench.hook(), Value::Null)?.http()?.start()
}

/// A server with Kea's own hook and reservations in its memory.
pub fn stock() -> Result<Kea> {
    stock_builder()?.start()
}

/// A server with Kea's own hook and an SQL server.
pub fn stock_with_sql(sql: &Arc<SqlServer>) -> Result<Kea> {
    stock_builder()?.hosts_database(&sql.database()?)?.start()
}

fn stock_builder() -> Result<KeaBuilder> {
    let server = Kea::without_network("peer")?.config(config(&[]));
    server.lease_cmds()?.stock_hook("libdhcp_host_cmds.so", Value::Null)?.http()
}

/// Whether a server has this command.
pub fn serves(kea: &Kea, command: &str) -> Result<bool> {
    let commands = kea.ask("list-commands", &Value::Null)?;
    Ok(commands.as_array().is_some_and(|names| names.iter().any(|name| name == command)))
}

/// A command on its way.
pub fn request(command: &str, arguments: &Value) -> Vec<u8> {
    json!({ "command": command, "arguments": arguments }).to_string().into_bytes()
}

/// A request that adds a reservation.
pub fn add_request(command: &str, target: Target, reservation: &Value) -> Vec<u8> {
    request(command, &json!({ "reservation": reservation, "operation-target": target.name() }))
}

/// Sends a request that must succeed, and returns the answer as it came. Looks at it no closer than it must.
pub fn succeed(connection: &mut HttpConnection, request: &[u8]) -> Result<Vec<u8>> {
    let answer = connection.post(request)?;
    ensure!(
        memmem::find(&answer, b"\"result\": 0").is_some(),
        "the answer to {} is {}",
        String::from_utf8_lossy(&request[..request.len().min(300)]),
        String::from_utf8_lossy(&answer[..answer.len().min(300)])
    );
    Ok(answer)
}

/// How long a request takes that must succeed.
pub fn time(connection: &mut HttpConnection, request: &[u8]) -> Result<Duration> {
    let start = Instant::now();
    succeed(connection, request)?;
    Ok(start.elapsed())
}

/// How many requests are answered in a second, one after the other; all must succeed.
pub fn rate_of(connection: &mut HttpConnection, requests: &[Vec<u8>]) -> Result<f64> {
    Ok(rate(requests.len(), time_of(connection, requests)?))
}

fn time_of(connection: &mut HttpConnection, requests: &[Vec<u8>]) -> Result<Duration> {
    let start = Instant::now();
    for request in requests {
        succeed(connection, request)?;
    }
    Ok(start.elapsed())
}

/// As [`rate_of`] of two servers in turns, some requests at a time: this machine may be busy with other things, now more
/// and now less.
pub fn rates_of(
    [ours, peer]: [&mut HttpConnection; 2],
    [our_requests, peer_requests]: [&[Vec<u8>]; 2],
) -> Result<(f64, f64)> {
    const SLICE: usize = 50;
    let (mut our_time, mut peer_time) = (Duration::ZERO, Duration::ZERO);
    let slices = our_requests.chunks(SLICE).zip(peer_requests.chunks(SLICE));
    for (number, (our_slice, peer_slice)) in slices.enumerate() {
        // Now one first, then the other: which one it is makes a difference of some per cent.
        if number % 2 == 0 {
            our_time += time_of(ours, our_slice)?;
            peer_time += time_of(peer, peer_slice)?;
        } else {
            peer_time += time_of(peer, peer_slice)?;
            our_time += time_of(ours, our_slice)?;
        }
    }
    Ok((rate(our_requests.len(), our_time), rate(peer_requests.len(), peer_time)))
}

/// Bytes of memory that a server has in use.
pub fn resident(kea: &Kea) -> Result<f64> {
    let status = fs::read_to_string(format!("/proc/{}/status", kea.pid()?))?;
    let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:")).context("no VmRSS in /proc")?;
    let kilobytes: f64 = line.trim().trim_end_matches(" kB").parse()?;
    Ok(kilobytes * 1024.0)
}
