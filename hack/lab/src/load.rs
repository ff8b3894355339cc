//! Many clients at once: perfdhcp, which comes with Kea's package kea-admin.

use std::fmt::Display;

use anyhow::{Context, Result, bail};

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
        // Waits for the last answers, in microseconds, and tells every second how it goes.
        command.args(["-W", "500000", "-t", "1"]).args(more);
        let log = device.dir().join(format!("perfdhcp-{}.log", device.name()));
        Process::spawn(format!("the clients of {}", device.name()), &command, log)
            .context("needed is perfdhcp, of the package kea-admin")
    }
}

/// What perfdhcp says at its end.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct LoadReport {
    /// Exchanges that came to their end, in a second, over the whole run.
    pub rate: f64,
    /// Exchanges that were begun.
    pub begun: u64,
    /// Exchanges that came to their end: a lease was given.
    pub completed: u64,
}

impl LoadReport {
    /// Reads the output of a run that has ended, by itself or by SIGINT.
    pub fn read(output: &str) -> Result<Self> {
        let missing = |what: &str| format!("perfdhcp tells no {what}:\n{output}");
        let rate = numbers_after(output, "Rate:").next().with_context(|| missing("rate"))?;
        let sent: Vec<f64> = numbers_after(output, "sent packets:").collect();
        let received: Vec<f64> = numbers_after(output, "received packets:").collect();
        let ([begun, _], [_, completed]) = (sent.as_slice(), received.as_slice()) else {
            bail!(missing("packets"));
        };
        #[allow(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "counts of packets")]
        Ok(Self { rate, begun: *begun as u64, completed: *completed as u64 })
    }
}

/// The numbers that lines begin with after `label`.
fn numbers_after(output: &str, label: &str) -> impl Iterator<Item = f64> {
    let lines = output.lines().filter_map(move |line| line.strip_prefix(label));
    lines.filter_map(|rest| rest.split_whitespace().next()?.parse().ok())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reads_what_perfdhcp_says() {
        let output = "sent: 9/0; received: 0/0; drops: 9/0; rejected: 0/0\n\
                      ***Rate statistics***\nRate: 959.4 4-way exchanges/second, expected rate: 1000\n\n\
                      ***Statistics for: DISCOVER-OFFER***\nsent packets: 5000\nreceived packets: 4990\n\
                      drops: 10\n\n\
                      ***Statistics for: REQUEST-ACK***\nsent packets: 4990\nreceived packets: 4989\ndrops: 1\n";
        let expected = LoadReport { rate: 959.4, begun: 5000, completed: 4989 };
        assert_eq!(LoadReport::read(output).unwrap(), expected);
        assert!(LoadReport::read("").is_err());
        assert!(LoadReport::read(&output[..200]).is_err());
    }
}
