//! The switch that connects the server and the devices.

use std::sync::atomic::{AtomicUsize, Ordering};

use anyhow::{Context, Result};

use crate::namespace::Namespace;
use crate::workdir::Workdir;

const BRIDGE: &str = "br0";

/// A bridge, which takes multicasts to everybody, in a namespace of its own: in that of the server, it would answer ARP requests for the server's
/// address with its own MAC address, and swallow what is then sent to it.
#[derive(Debug)]
pub(crate) struct Switch {
    namespace: Namespace,
    ports: AtomicUsize,
}

impl Switch {
    pub(crate) fn new(dir: &Workdir) -> Result<Self> {
        let namespace = Namespace::new("switch", dir)?;
        namespace
            .ip(&["link", "add", BRIDGE, "type", "bridge", "mcast_snooping", "0"])
            .and_then(|_| namespace.ip(&["link", "set", BRIDGE, "up"]))
            .context("cannot make a bridge; needed are iproute2, and bridges in the kernel")?;
        Ok(Self { namespace, ports: AtomicUsize::new(0) })
    }

    /// Lays a cable between the switch and a new interface of `station`; both ends are up.
    ///
    /// `properties` of the interface are those of `ip link add`, such as `address` and a MAC address.
    pub(crate) fn connect(&self, station: &Namespace, interface: &str, properties: &[&str]) -> Result<()> {
        // The names of interfaces end at 15 characters; those of devices are as long as they like.
        let port = format!("port{}", self.ports.fetch_add(1, Ordering::Relaxed));
        let holder = station.holder().to_string();
        let mut cable = vec!["link", "add", &port, "type", "veth", "peer", "name", interface];
        cable.extend(properties);
        cable.extend(["netns", &holder]);
        self.namespace.ip(&cable).context("cannot make a cable; needed is veth in the kernel")?;
        self.namespace.ip(&["link", "set", &port, "master", BRIDGE, "up"])?;
        station.ip(&["link", "set", interface, "up"])?;
        Ok(())
    }
}
