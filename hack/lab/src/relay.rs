//! A network that no server stands in: ISC's dhcrelay takes the requests of its devices to the one in the lab.

use std::net::Ipv4Addr;
use std::sync::Arc;
use std::time::Duration;

use anyhow::{Context, Result};

use crate::device::Device;
use crate::lab::{Interface4, Lab, SERVER_INTERFACE};
use crate::namespace::Namespace;
use crate::places::program;
use crate::process::Process;
use crate::switch::Switch;
use crate::wait::try_wait_for;
use crate::workdir::Workdir;

/// How long the relay gets to listen.
const START: Duration = Duration::from_secs(20);
/// What it says last before it serves.
const READY: &str = "Sending on   Socket/fallback";
/// Its interface on the network of the lab.
const UPLINK: &str = "up0";

/// The relay's interface on the network behind it, which it also sends as the circuit identifier (option 82).
pub const RELAY_INTERFACE: &str = "down0";

/// The network behind a relay, for `DHCPv4`.
#[derive(Debug)]
pub struct Relay {
    // Before the namespaces that it uses: fields are dropped in this order.
    process: Process,
    _namespace: Namespace,
    switch: Switch,
    interface: Interface4,
    dir: Arc<Workdir>,
}

impl Relay {
    pub(crate) fn new(
        name: &str,
        interface: Interface4,
        uplink: Ipv4Addr,
        lab: &Lab,
        lab_switch: &Switch,
    ) -> Result<Self> {
        let dir = Arc::clone(lab.workdir());
        let switch = Switch::new(&dir)?;
        let namespace = Namespace::new(name, &dir)?;
        lab_switch.connect(&namespace, UPLINK, &[])?;
        switch.connect(&namespace, RELAY_INTERFACE, &[])?;
        let server = lab.interface();
        let uplink_interface = Interface4 { address: uplink, prefix_length: server.prefix_length };
        namespace.ip(&["address", "add", &uplink_interface.to_string(), "dev", UPLINK])?;
        namespace.ip(&["address", "add", &interface.to_string(), "dev", RELAY_INTERFACE])?;
        // The way back: the server answers to the relay's address on the network behind it (giaddr).
        let behind = format!("{}/32", interface.address);
        lab.server()
            .ip(&["route", "add", &behind, "via", &uplink.to_string(), "dev", SERVER_INTERFACE])
            .with_context(|| format!("{uplink} is no address in the network of the server"))?;

        let mut command = namespace.command(program("usr/sbin/dhcrelay"));
        command.args(["-4", "-d", "-a", "-id", RELAY_INTERFACE, "-iu", UPLINK]);
        command.arg("-pf").arg(dir.join(format!("relay-{name}.pid"))).arg(server.address.to_string());
        let log = dir.join(format!("relay-{name}.log"));
        let mut process = Process::spawn(format!("the relay {name}"), &command, log)?;
        try_wait_for("the relay to listen", START, || {
            process.expect_running()?;
            Ok(process.log().contains(READY).then_some(()))
        })?;
        Ok(Self { process, _namespace: namespace, switch, interface, dir })
    }

    /// Plugs in a device behind the relay.
    pub fn device(&self, name: &str, mac: &str) -> Result<Device> {
        Device::plug_in(name, mac, &self.switch, Arc::clone(&self.dir))
    }

    /// The relay's address on the network behind it, which the server knows the network by (giaddr).
    pub fn interface(&self) -> Interface4 {
        self.interface
    }

    /// What the relay has said.
    pub fn log(&self) -> String {
        self.process.log()
    }
}
