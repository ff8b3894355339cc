//! One exchange of a real DHCP client, udhcpc of busybox, with whatever server answers.

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::net::Ipv4Addr;
use std::os::unix::fs::PermissionsExt;
use std::path::Path;
use std::time::Duration;
use std::{fs, str::FromStr};

use anyhow::{Context, Result, anyhow, bail, ensure};
use rustix::process::Signal;

use crate::device::{CARD, Device};
use crate::process::Process;
use crate::wait::{try_wait_for, wait_for};
use crate::workdir::Workdir;

/// What the client calls at each event: it records what the server sent and sets the address of the card,
/// and leaves everything else of the machine (its resolv.conf above all) alone.
const EVENT_SCRIPT: &str = r#"#!/bin/sh
case "$1" in
bound | renew)
    env -0 >"$LAB_RECORD.new" && mv "$LAB_RECORD.new" "$LAB_RECORD"
    ip -4 address flush dev "$interface"
    ip address add "$ip/$mask" dev "$interface"
    ;;
deconfig)
    ip -4 address flush dev "$interface"
    ;;
esac
"#;

/// What udhcpc says when its attempts are used up.
const REFUSED: &str = "no lease";
/// What udhcpc says when it has sent a release.
const RELEASED: &str = "entering released state";
/// Attempts unless said otherwise: a loaded machine may well be slow to answer the first.
const ATTEMPTS: u32 = 5;
/// Seconds between two attempts, and after the last.
const PAUSE: u32 = 2;

/// A lease as the client got it. Absent options are `None` or empty.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct DhcpLease {
    /// The address for the client.
    pub address: Ipv4Addr,
    /// The subnet mask (option 1).
    pub subnet_mask: Option<Ipv4Addr>,
    /// The server's identifier (option 54).
    pub server_id: Option<Ipv4Addr>,
    /// Seconds (option 51).
    pub lease_time: Option<u32>,
    /// Option 12.
    pub hostname: Option<String>,
    /// Option 3.
    pub routers: Vec<Ipv4Addr>,
    /// Option 6.
    pub dns: Vec<Ipv4Addr>,
    /// Option 15.
    pub domain: Option<String>,
    /// Everything, under the names that udhcpc gives to options (`opt53`, `ntpsrv`, `boot_file`, …).
    pub raw: BTreeMap<String, String>,
}

/// What to ask for. Nothing is remembered from one exchange to the next.
#[derive(Debug)]
pub struct DhcpRequest<'a> {
    device: &'a Device,
    dir: &'a Workdir,
    attempts: u32,
    release: bool,
    arguments: Vec<String>,
}

impl<'a> DhcpRequest<'a> {
    pub(crate) fn new(device: &'a Device, dir: &'a Workdir) -> Self {
        Self { device, dir, attempts: ATTEMPTS, release: false, arguments: Vec::new() }
    }

    /// Names the address that the client would like (option 50).
    #[must_use]
    pub fn asking_for(self, address: Ipv4Addr) -> Self {
        self.with(["-r".to_owned(), address.to_string()])
    }

    /// Sends a host name (option 12).
    #[must_use]
    pub fn hostname(self, name: &str) -> Self {
        self.with(["-x".to_owned(), format!("hostname:{name}")])
    }

    /// Sends these bytes as client identifier (option 61), in place of the one made from the MAC address.
    #[must_use]
    pub fn client_id(self, id: &[u8]) -> Self {
        let hex = id.iter().fold(String::new(), |mut hex, byte| {
            let _ = write!(hex, "{byte:02x}");
            hex
        });
        self.with(["-C".to_owned(), "-x".to_owned(), format!("0x3d:{hex}")])
    }

    /// Sends no client identifier.
    #[must_use]
    pub fn without_client_id(self) -> Self {
        self.with(["-C".to_owned()])
    }

    /// Asks for one more option, by udhcpc's name or its number.
    #[must_use]
    pub fn option(self, option: &str) -> Self {
        self.with(["-O".to_owned(), option.to_owned()])
    }

    /// Asks around whether somebody has the address already, and declines it then (DHCPDECLINE).
    #[must_use]
    pub fn checking(self) -> Self {
        self.with(["-a".to_owned()])
    }

    /// Gives the address back as soon as it has come (DHCPRELEASE). Not together with
    /// [`DhcpRequest::client_id`], which udhcpc leaves out of a release, so that the server refuses it.
    #[must_use]
    pub fn then_release(mut self) -> Self {
        self.release = true;
        self
    }

    /// How often to ask before giving up, two seconds apart.
    #[must_use]
    pub fn attempts(mut self, attempts: u32) -> Self {
        self.attempts = attempts;
        self
    }

    fn with(mut self, arguments: impl IntoIterator<Item = String>) -> Self {
        self.arguments.extend(arguments);
        self
    }

    /// The exchange.
    ///
    /// # Errors
    /// When no lease comes: with the client's words, and Kea's.
    pub fn run(self) -> Result<DhcpLease> {
        let device = self.device;
        match self.exchange()? {
            Outcome::Bound(lease) => Ok(lease),
            Outcome::Refused(words) => {
                bail!("{} got no lease\n--- udhcpc\n{words}\n{}", device.name(), device.server_logs())
            }
        }
    }

    /// The exchange; `None` when no lease was offered in all attempts.
    pub fn try_run(self) -> Result<Option<DhcpLease>> {
        Ok(match self.exchange()? {
            Outcome::Bound(lease) => Some(lease),
            Outcome::Refused(_) => None,
        })
    }

    fn exchange(self) -> Result<Outcome> {
        let name = self.device.name();
        let record = self.dir.join(format!("lease-{name}"));
        let _ = fs::remove_file(&record);

        let mut command = self.device.namespace().command("udhcpc");
        command.args(["-f", "-n", "-i", CARD, "-A", &PAUSE.to_string(), "-T", &PAUSE.to_string()]);
        command.args(["-t", &self.attempts.to_string(), "-s"]).arg(event_script(self.dir)?);
        command.args(&self.arguments).env("LAB_RECORD", &record);
        if !self.release {
            command.arg("-q");
        }
        let mut client = Process::spawn(
            format!("the DHCP client of {name}"),
            &command,
            self.dir.join(format!("udhcpc-{name}.log")),
        )?;
        let patience = Duration::from_secs(u64::from((self.attempts + 2) * PAUSE)) * 3;
        if self.release {
            release(&mut client, &record, patience)?;
        }
        let status = client.wait(patience).map_err(|e| anyhow!("{e:#}\n{}", self.device.server_logs()))?;

        let words = client.log();
        if status.success() || words.contains(RELEASED) {
            let bytes =
                fs::read(&record).with_context(|| format!("{name} has a lease and no record:\n{words}"))?;
            return Ok(Outcome::Bound(parse_record(&bytes)?));
        }
        ensure!(words.contains(REFUSED), "the DHCP client of {name} failed ({status}):\n{words}");
        Ok(Outcome::Refused(words))
    }
}

enum Outcome {
    Bound(DhcpLease),
    Refused(String),
}

/// With the options for it (`-q -R`), udhcpc 1.35 only says that it releases: so it is told to when it is bound.
fn release(client: &mut Process, record: &Path, patience: Duration) -> Result<()> {
    let ended = try_wait_for("the client to be bound", patience, || {
        Ok(if record.exists() { Some(false) } else { client.exit_status()?.map(|_| true) })
    })?;
    if ended {
        return Ok(());
    }
    client.signal(Signal::USR2)?;
    wait_for("the client to release its address", patience, || {
        client.log().contains(RELEASED).then_some(())
    })?;
    client.terminate()?;
    Ok(())
}

fn event_script(dir: &Workdir) -> Result<std::path::PathBuf> {
    let path = dir.join("udhcpc-event");
    if !path.exists() {
        write_executable(&path, EVENT_SCRIPT)?;
    }
    Ok(path)
}

/// Devices may ask at the same time: the script appears complete or not at all.
pub(crate) fn write_executable(path: &Path, text: &str) -> Result<()> {
    let dir = path.parent().context("a file has a folder")?;
    let draft = tempfile::NamedTempFile::new_in(dir)?;
    fs::write(draft.path(), text)?;
    fs::set_permissions(draft.path(), fs::Permissions::from_mode(0o755))?;
    // Closed before it is renamed: the kernel executes no file that is open for writing.
    draft.into_temp_path().persist(path)?;
    Ok(())
}

/// Reads the environment of the script as `env -0` prints it.
fn parse_record(bytes: &[u8]) -> Result<DhcpLease> {
    let raw: BTreeMap<String, String> = bytes
        .split(|byte| *byte == 0)
        .filter_map(|entry| {
            let entry = String::from_utf8_lossy(entry);
            entry.split_once('=').map(|(name, value)| (name.to_owned(), value.to_owned()))
        })
        // udhcpc's variables are lower case; those in capitals are the environment that it was started in.
        .filter(|(name, _)| name.starts_with(|first: char| first.is_ascii_lowercase()))
        .collect();
    let text = |name: &str| raw.get(name).cloned();
    Ok(DhcpLease {
        address: one(&raw, "ip")?.context("the lease has no address")?,
        subnet_mask: one(&raw, "subnet")?,
        server_id: one(&raw, "serverid")?,
        lease_time: one(&raw, "lease")?,
        hostname: text("hostname"),
        routers: many(&raw, "router")?,
        dns: many(&raw, "dns")?,
        domain: text("domain"),
        raw,
    })
}

fn one<T: FromStr>(raw: &BTreeMap<String, String>, name: &str) -> Result<Option<T>> {
    raw.get(name).map(|value| parse(name, value)).transpose()
}

fn many<T: FromStr>(raw: &BTreeMap<String, String>, name: &str) -> Result<Vec<T>> {
    let values = raw.get(name).map(String::as_str).unwrap_or_default();
    values.split_whitespace().map(|value| parse(name, value)).collect()
}

fn parse<T: FromStr>(name: &str, value: &str) -> Result<T> {
    value.parse().map_err(|_| anyhow!("udhcpc reports {name}={value}, which cannot be read"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reads_the_record_of_a_lease() {
        let record = b"PATH=/bin\0ip=10.77.0.100\0subnet=255.255.0.0\0lease=600\0dns=10.0.0.1 10.0.0.2\0\
                       hostname=a=b\0LAB_RECORD=/x\0opt53=05\0";
        let lease = parse_record(record).unwrap();
        assert_eq!(lease.address, Ipv4Addr::new(10, 77, 0, 100));
        assert_eq!(lease.subnet_mask, Some(Ipv4Addr::new(255, 255, 0, 0)));
        assert_eq!(lease.lease_time, Some(600));
        assert_eq!(lease.dns.len(), 2);
        assert_eq!(lease.hostname.as_deref(), Some("a=b"));
        assert_eq!(lease.server_id, None);
        assert!(lease.routers.is_empty());
        assert_eq!(lease.raw["opt53"], "05");
        assert!(!lease.raw.contains_key("PATH"));
    }

    #[test]
    fn refuses_a_record_that_it_cannot_read() {
        for record in [&b"subnet=255.255.0.0\0"[..], b"ip=nonsense\0", b"ip=10.0.0.1\0lease=long\0"] {
            assert!(parse_record(record).is_err(), "{record:?}");
        }
    }
}
