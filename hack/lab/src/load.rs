//! Many clients at once: perfdhcp, which comes with Kea's package kea-admin.

use std::fmt::Display;

use anyhow::{Context, Result};

use crate::device::{CARD, Device};
use crate::family::Family;
use crate::process::Process;

/// Exchanges of many clients, one after the other in endless rounds. Each is a whole one, from the first request
/// to the lease; those that a busy server misses are not repeated.
#[derive(Clone, Copy, Debug)]
pub struct Load {
    /// How many clients there are. Number n has the MAC address of the device plus n and, for DHCPv6, a DUID of
    /// type 3 (`00:03:00:01`) with it.
    pub clients: usize,
    /// How many exchanges there are in all.
    pub exchanges: usize,
    /// How many exchanges are begun in a second.
    pub rate: usize,
}

impl Load {
    /// Starts the clients in the place of `device`, whose MAC address is the first one.
    pub fn start_dhcp6(&self, device: &Device) -> Result<Process> {
        device.wait_for_link_address()?;
        let duid = format!("duid=00030001{}", device.mac().replace(':', ""));
        self.start(device, Family::V6, &["-b", &duid, "-l", CARD, "all"])
    }

    /// Starts the clients in the place of `device`, whose MAC address is the first one, as if behind a relay with
    /// the address `relay`, which the card has.
    pub fn start_dhcp4(&self, device: &Device, relay: impl Display, server: impl Display) -> Result<Process> {
        self.start(device, Family::V4, &["-l", &relay.to_string(), &server.to_string()])
    }

    fn start(&self, device: &Device, family: Family, more: &[&str]) -> Result<Process> {
        let mut command = device.namespace().command("perfdhcp");
        command.args([format!("-{}", family.digit()), "-b".to_owned(), format!("mac={}", device.mac())]);
        for (option, number) in [("-R", self.clients), ("-n", self.exchanges), ("-r", self.rate)] {
            command.args([option, &number.to_string()]);
        }
        // Waits for the last answers, in microseconds.
        command.args(["-W", "500000"]).args(more);
        let log = device.dir().join(format!("perfdhcp-{}.log", device.name()));
        Process::spawn(format!("the clients of {}", device.name()), &command, log)
            .context("needed is perfdhcp, of the package kea-admin")
    }
}
