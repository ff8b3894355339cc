//! What the peer of the operator's lines does: the commands and the writes that the Go operator needs for each object.
//!
//! Five workers, as many as that operator has, each with one object after the other. They ask Kea over HTTP connections that
//! stay open, which is faster than what they stand for: that one makes a new connection for each command, over TLS.

use std::time::{Duration, Instant};

use anyhow::Result;
use kea_lab::{HttpConnection, Kea};
use reqwest::Method;
use serde_json::{Value, json};

use crate::clients::{SUBNET, SUBNET_ID, address, mac};
use crate::cluster::{ClusterClient, configurations, in_parallel};
use crate::objects::{devices, name};
use crate::servers::{request, succeed};

/// Objects at a time.
const WORKERS: u32 = 5;

/// Commands for an object with this many devices, which have leases and no reservations yet.
pub fn commands(devices: u32) -> u32 {
    2 + 3 * devices
}

/// Writes of the status of an object.
pub const STATUS_WRITES: u32 = 2;

/// Makes these objects ready: the time that it takes.
pub fn serve(cluster: &ClusterClient, kea: &Kea, objects: std::ops::Range<u32>) -> Result<Duration> {
    let start = Instant::now();
    // Its cache.
    cluster.each_object(|_| Ok(()))?;
    let prepare = || Ok(Worker { kea: kea.http()?, cluster: cluster.clone() });
    in_parallel(WORKERS, objects, prepare, Worker::serve)?;
    Ok(start.elapsed())
}

struct Worker {
    kea: HttpConnection,
    cluster: ClusterClient,
}

impl Worker {
    fn serve(&mut self, object: u32) -> Result<()> {
        let path = format!("{}/{}", configurations(), name(object));
        let finalizer =
            json!({ "metadata": { "finalizers": ["vitistack.io/networkconfiguration-finalizer"] } });
        let mut resource = self.cluster.merge(&path, &finalizer)?;
        resource["status"] = status("Reconciling", "False", "Reconciling", &[]);
        let mut resource = self.cluster.json(Method::PUT, &format!("{path}/status"), &resource)?;

        self.ask("subnet4-list", &json!({}))?;
        self.ask("subnet4-get", &json!({ "id": SUBNET_ID }))?;
        let interfaces: Vec<Value> =
            devices(object).map(|client| self.reserve(client)).collect::<Result<_>>()?;

        resource["status"] = status("Ready", "True", "Configured", &interfaces);
        self.cluster.json(Method::PUT, &format!("{path}/status"), &resource)?;
        Ok(())
    }

    /// Makes a reservation of what is leased; the interface for the status.
    fn reserve(&mut self, client: u32) -> Result<Value> {
        let (mac, address) = (mac(client), address(client));
        self.ask("lease4-get-by-hw-address", &json!({ "hw-address": mac }))?;
        // There is none.
        self.kea.post(&request(
            "reservation-get-by-id",
            &json!({ "identifier-type": "hw-address", "identifier": mac }),
        ))?;
        let reservation = json!({ "subnet-id": SUBNET_ID, "hw-address": mac, "ip-address": address });
        self.ask("reservation-add", &json!({ "reservation": reservation, "operation-target": "all" }))?;
        Ok(json!({
            "macAddress": mac,
            "ipv4Addresses": [address],
            "ipv4Subnet": SUBNET,
            "dhcpReserved": true,
        }))
    }

    fn ask(&mut self, command: &str, arguments: &Value) -> Result<()> {
        succeed(&mut self.kea, &request(command, arguments)).map(drop)
    }
}

fn status(phase: &str, ready: &str, reason: &str, interfaces: &[Value]) -> Value {
    json!({
        "phase": phase,
        "status": if phase == "Ready" { "Success" } else { "InProgress" },
        "message": reason,
        "networkInterfaces": interfaces,
        "conditions": [{
            "type": "Ready", "status": ready, "reason": reason, "message": reason,
            "lastTransitionTime": "2025-01-01T00:00:00Z",
        }],
    })
}
