//! A small network: a server, a switch, and as many devices as are plugged in.

use std::fmt;
use std::net::{Ipv4Addr, Ipv6Addr};
use std::path::Path;
use std::sync::Arc;

use anyhow::Result;

use crate::device::Device;
use crate::namespace::Namespace;
use crate::relay::Relay;
use crate::switch::Switch;
use crate::workdir::Workdir;

/// The server's interface on the network, the one that Kea listens on.
pub const SERVER_INTERFACE: &str = "srv0";

/// The server's IPv6 address, in a network of 64 bits.
pub const SERVER_ADDRESS6: Ipv6Addr = Ipv6Addr::new(0x2001, 0xdb8, 0x77, 0, 0, 0, 0, 1);

/// The server's address, and the network that it stands in.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Interface4 {
    /// The address of the server.
    pub address: Ipv4Addr,
    /// The length of the network's prefix, in bits.
    pub prefix_length: u8,
}

impl Default for Interface4 {
    /// 10.77.0.1/16.
    fn default() -> Self {
        Self { address: Ipv4Addr::new(10, 77, 0, 1), prefix_length: 16 }
    }
}

impl fmt::Display for Interface4 {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}/{}", self.address, self.prefix_length)
    }
}

/// The network. All of its interfaces are in namespaces: labs know nothing of each other, and the machine's
/// own network nothing of them, so the same addresses may be used by many at once.
#[derive(Debug)]
pub struct Lab {
    dir: Arc<Workdir>,
    switch: Switch,
    server: Arc<Namespace>,
    interface: Interface4,
}

impl Lab {
    /// A network with a server at [`Interface4::default`] and [`SERVER_ADDRESS6`]. The name appears in the path of its folder.
    pub fn new(name: &str) -> Result<Self> {
        Self::with_server_at(name, Interface4::default())
    }

    /// A network with a server at `interface` and [`SERVER_ADDRESS6`].
    pub fn with_server_at(name: &str, interface: Interface4) -> Result<Self> {
        let dir = Arc::new(Workdir::new(name)?);
        let switch = Switch::new(&dir)?;
        let server = Arc::new(Namespace::new("server", &dir)?);
        switch.connect(&server, SERVER_INTERFACE, &[])?;
        server.ip(&["address", "add", &interface.to_string(), "dev", SERVER_INTERFACE])?;
        let address6 = format!("{SERVER_ADDRESS6}/64");
        server.ip(&["-6", "address", "add", &address6, "dev", SERVER_INTERFACE, "nodad"])?;
        Ok(Self { dir, switch, server, interface })
    }

    /// Plugs in a device with a network card of the given MAC address (`02:00:00:00:00:01`).
    pub fn device(&self, name: &str, mac: &str) -> Result<Device> {
        Device::plug_in(name, mac, &self.switch, Arc::clone(&self.dir))
    }

    /// Connects another network through a relay, whose address there is `interface`; `uplink` is its address in
    /// the network of the server.
    pub fn relay(&self, name: &str, interface: Interface4, uplink: Ipv4Addr) -> Result<Relay> {
        Relay::new(name, interface, uplink, self, &self.switch)
    }

    /// The folder that holds everything the lab's parts write.
    pub fn dir(&self) -> &Path {
        self.dir.path()
    }

    /// Where servers run.
    pub fn server(&self) -> &Arc<Namespace> {
        &self.server
    }

    /// The server's address.
    pub fn interface(&self) -> Interface4 {
        self.interface
    }

    pub(crate) fn workdir(&self) -> &Arc<Workdir> {
        &self.dir
    }
}
