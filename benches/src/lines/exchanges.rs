//! DHCP for clients with reservations, as fast as the server can.

use std::time::Duration;

use anyhow::Result;
use kea_lab::{Device, Kea, Lab, Load, LoadReport};
use serde_json::{Value, json};

use super::Line;
use crate::bench::Bench;
use crate::clients::{self, RELAY, SERVER, mac, reservation};
use crate::figures::{Goal, Runs};
use crate::servers::{config, config_with_store, store_of};

pub const LINE: Line = Line {
    name: "exchanges",
    what: "4-way exchanges with 100,000 reservations in the store, against the same in Kea's configuration",
    unit: "exchanges/s",
    goal: Goal::AtLeast(0.97),
    measure,
};

const CLIENTS: u32 = 100_000;
/// More than a server and its clients come to on two processors.
const LOAD: Load = Load { clients: CLIENTS as usize, exchanges: 5 * RATE, rate: RATE };
const RATE: usize = 14_000;
const PATIENCE: Duration = Duration::from_mins(1);

fn measure(bench: &Bench) -> Result<Runs> {
    let ours = Site::new(|lab| {
        let server = Kea::on(lab)?;
        let store = store_of(&server);
        clients::store(&store, 0..CLIENTS)?;
        server.config(without_lease_file(config_with_store(&store))).hook(bench.hook(), Value::Null)?.start()
    })?;
    let reservations: Vec<Value> = (0..CLIENTS).map(reservation).collect();
    let peer = Site::new(|lab| Kea::on(lab)?.config(without_lease_file(config(&reservations))).start())?;
    bench.in_turns(|_| ours.rate(), |_| peer.rate())
}

/// What is compared is how reservations are found; the lease file costs both alike.
fn without_lease_file(mut config: Value) -> Value {
    config["lease-database"] = json!({ "type": "memfile", "persist": false });
    config
}

/// A network with a server and its clients.
struct Site {
    clients: Device,
    // Before the lab that it stands in: fields are dropped in this order.
    _kea: Kea,
    lab: Lab,
}

impl Site {
    fn new(server: impl FnOnce(&Lab) -> Result<Kea>) -> Result<Self> {
        let lab = Lab::with_server_at("bench", SERVER)?;
        Ok(Self { _kea: server(&lab)?, clients: clients_on(&lab)?, lab })
    }

    fn rate(&self) -> Result<f64> {
        let mut load = LOAD.start_dhcp4(&self.clients, RELAY, self.lab.interface().address)?;
        // Its exit code tells of drops.
        load.wait(PATIENCE)?;
        Ok(LoadReport::read(&load.log())?.rate)
    }
}

/// Where many clients are, from the first on.
pub fn clients_on(lab: &Lab) -> Result<Device> {
    let device = lab.device("clients", &mac(0))?;
    let address = format!("{RELAY}/{}", SERVER.prefix_length);
    device.namespace().ip(&["address", "add", &address, "dev", "eth0"])?;
    Ok(device)
}
