//! A device on the network: a network card with a MAC address in a namespace of its own.

use std::fs;
use std::sync::Arc;
use std::time::Duration;

use anyhow::{Context, Result};

use crate::dhcp::{DhcpLease, DhcpRequest};
use crate::dhcp6::{Dhcp6Lease, Dhcp6Request};
use crate::namespace::Namespace;
use crate::process::tail;
use crate::switch::Switch;
use crate::wait::try_wait_for;
use crate::workdir::Workdir;

/// The device's network card.
pub(crate) const CARD: &str = "eth0";

/// How long a card gets to come up.
const LINK: Duration = Duration::from_secs(20);

/// A device; unplugged on drop.
#[derive(Debug)]
pub struct Device {
    name: String,
    mac: String,
    namespace: Namespace,
    dir: Arc<Workdir>,
}

impl Device {
    pub(crate) fn plug_in(name: &str, mac: &str, switch: &Switch, dir: Arc<Workdir>) -> Result<Self> {
        let namespace = Namespace::new(name, &dir)?;
        switch
            .connect(&namespace, CARD, &["address", mac])
            .with_context(|| format!("cannot plug in the device {name} with the MAC address {mac}"))?;
        Ok(Self { name: name.to_owned(), mac: mac.to_owned(), namespace, dir })
    }

    /// The name that was given to it.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// The MAC address as it was given.
    pub fn mac(&self) -> &str {
        &self.mac
    }

    /// Where the device's programs run.
    pub fn namespace(&self) -> &Namespace {
        &self.namespace
    }

    /// Asks for an address as a device does that was just switched on, and takes it.
    ///
    /// # Errors
    /// When no lease comes: with the client's words, and Kea's.
    pub fn dhcp(&self) -> Result<DhcpLease> {
        self.request().run()
    }

    /// As [`Device::dhcp`] with a number of attempts; `None` when no lease was offered.
    pub fn try_dhcp(&self, attempts: u32) -> Result<Option<DhcpLease>> {
        self.request().attempts(attempts).try_run()
    }

    /// A DHCP exchange to be described further.
    pub fn request(&self) -> DhcpRequest<'_> {
        DhcpRequest::new(self, &self.dir)
    }

    /// Asks for an IPv6 address as a device does that was just switched on, and takes it.
    ///
    /// # Errors
    /// When no lease comes: with the client's words, and Kea's.
    pub fn dhcp6(&self) -> Result<Dhcp6Lease> {
        self.request6().run()
    }

    /// A DHCPv6 exchange to be described further.
    pub fn request6(&self) -> Dhcp6Request<'_> {
        Dhcp6Request::new(self, &self.dir)
    }

    /// The kernel gives a card its first IPv6 address some time after it was plugged in, and without one DHCPv6
    /// clients do not start.
    pub(crate) fn wait_for_link_address(&self) -> Result<()> {
        let shown = ["-6", "-oneline", "address", "show", "dev", CARD, "scope", "link", "-tentative"];
        try_wait_for(format!("the card of {} to have an address", self.name), LINK, || {
            Ok(self.namespace.ip(&shown)?.contains("inet6").then_some(()))
        })
    }

    pub(crate) fn dir(&self) -> &Workdir {
        &self.dir
    }

    /// The ends of the logs of the daemons on the network, for error messages.
    pub(crate) fn server_logs(&self) -> String {
        let Ok(entries) = fs::read_dir(self.dir.path()) else {
            return String::new();
        };
        let mut logs: Vec<_> = entries.flatten().map(|entry| entry.path()).collect();
        logs.retain(|path| {
            let name = path.file_name().unwrap_or_default().to_string_lossy();
            name.starts_with("kea") && name.ends_with(".log")
        });
        logs.sort();
        let shown = logs.iter().map(|path| format!("--- {}\n{}\n", path.display(), tail(&read_lossy(path))));
        shown.collect::<Vec<_>>().concat()
    }
}

fn read_lossy(path: &std::path::Path) -> String {
    String::from_utf8_lossy(&fs::read(path).unwrap_or_default()).into_owned()
}
