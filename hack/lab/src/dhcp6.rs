//! One exchange of a real DHCPv6 client, ISC's dhclient, with whatever server answers.

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::fs;
use std::net::Ipv6Addr;
use std::path::PathBuf;
use std::process::Command;
use std::str::FromStr;
use std::time::Duration;

use anyhow::{Context, Result, anyhow, bail, ensure};

use crate::device::{CARD, Device};
use crate::dhcp::write_executable;
use crate::places::program;
use crate::process::{Process, run};
use crate::wait::try_wait_for;
use crate::workdir::Workdir;

/// What the client calls at each event, that is once for each address and for each prefix: it records what the
/// server sent and sets the addresses of the card, and leaves everything else of the machine alone. The client declines
/// an address where this ends with 3.
///
/// The file with its process id is written by the client at its start, and again after the last call for a
/// lease: taken away before there is a record, it tells when the records are complete.
const EVENT_SCRIPT: &str = r#"#!/bin/sh
case "$reason" in
BOUND6)
    if [ -n "$LAB_CHECK" ] && [ -n "$new_ip6_address" ]; then
        echo 1 >"/proc/sys/net/ipv6/conf/$interface/accept_dad"
        ip -6 address replace "$new_ip6_address/$new_ip6_prefixlen" dev "$interface"
        shown="ip -6 -oneline address show dev $interface to $new_ip6_address"
        while $shown tentative | grep -qv dadfailed; do sleep 0.1; done
        if $shown dadfailed | grep -q .; then
            ip -6 address delete "$new_ip6_address/$new_ip6_prefixlen" dev "$interface"
            exit 3
        fi
    fi
    rm -f "$LAB_PID"
    env -0 >"$LAB_RECORDS/$$"
    [ -z "$new_ip6_address" ] || ip -6 address replace "$new_ip6_address/$new_ip6_prefixlen" dev "$interface" nodad
    ;;
PREINIT6)
    ip -6 address flush dev "$interface" scope global
    ;;
RELEASE6)
    [ -z "$old_ip6_address" ] || ip -6 address delete "$old_ip6_address/$old_ip6_prefixlen" dev "$interface"
    ;;
esac
exit 0
"#;

/// Seconds to ask unless said otherwise.
const PATIENCE: u32 = 20;
/// What dhclient says when nothing useful was offered in that time.
const REFUSED: &str = "Max retransmission duration exceeded";
/// Its exit code then.
const NO_LEASE: i32 = 2;

/// A lease as the client got it. What the server did not send is `None` or empty.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Dhcp6Lease {
    /// The addresses, in numeric order.
    pub addresses: Vec<Ipv6Addr>,
    /// The delegated prefixes (`2001:db8:8000::/56`), in alphabetic order.
    pub prefixes: Vec<String>,
    /// Seconds, of the last address or prefix.
    pub preferred_lifetime: Option<u32>,
    /// Seconds, of the last address or prefix.
    pub valid_lifetime: Option<u32>,
    /// Option 23.
    pub dns: Vec<Ipv6Addr>,
    /// Option 24, each with a dot at its end.
    pub domain_search: Vec<String>,
    /// Option 39; a server sends it to those who send one.
    pub fqdn: Option<String>,
    /// Everything that came with the last address or prefix, under the names that dhclient gives to options
    /// (`dhcp6_server_id`, `dhcp6_sntp_servers`, …).
    pub raw: BTreeMap<String, String>,
}

/// What to ask for. Nothing is remembered from one exchange to the next.
#[derive(Debug)]
pub struct Dhcp6Request<'a> {
    device: &'a Device,
    dir: &'a Workdir,
    duid: Option<Vec<u8>>,
    addresses: usize,
    prefixes: usize,
    patience: u32,
    check: bool,
    release: bool,
    settings: String,
}

impl<'a> Dhcp6Request<'a> {
    pub(crate) fn new(device: &'a Device, dir: &'a Workdir) -> Self {
        Self {
            device,
            dir,
            duid: None,
            addresses: 1,
            prefixes: 0,
            patience: PATIENCE,
            check: false,
            release: false,
            settings: String::new(),
        }
    }

    /// Uses these bytes as the client's DUID, in place of the one made from the MAC address (`00:03:00:01` and
    /// the address).
    #[must_use]
    pub fn duid(mut self, duid: &[u8]) -> Self {
        self.duid = Some(duid.to_owned());
        self
    }

    /// Asks for this number of addresses, each with an identity association (`IA_NA`) of its own; 1 unless said
    /// otherwise.
    #[must_use]
    pub fn addresses(mut self, count: usize) -> Self {
        self.addresses = count;
        self
    }

    /// Asks for this number of prefixes, each with an identity association (`IA_PD`) of its own; none unless
    /// said otherwise.
    #[must_use]
    pub fn prefixes(mut self, count: usize) -> Self {
        self.prefixes = count;
        self
    }

    /// Sends a name, as the client's FQDN (option 39).
    #[must_use]
    pub fn fqdn(self, name: &str) -> Self {
        self.setting(&format!("send fqdn.fqdn \"{name}\""))
    }

    /// Asks for one more option, by dhclient's name (`dhcp6.sntp-servers`).
    #[must_use]
    pub fn option(self, option: &str) -> Self {
        self.setting(&format!("also request {option}"))
    }

    /// Asks for an option that dhclient has no name for, which it then has: `lab_note` stands in the record of the
    /// lease as `dhcp6_lab_note`, with a value of this kind (`string`, `array of unsigned integer 8`).
    #[must_use]
    pub fn option_of_code(self, name: &str, code: u16, kind: &str) -> Self {
        self.setting(&format!("option dhcp6.{name} code {code} = {kind}")).option(&format!("dhcp6.{name}"))
    }

    /// Asks around whether somebody has the address already, and declines it then.
    #[must_use]
    pub fn checking(mut self) -> Self {
        self.check = true;
        self
    }

    /// Gives everything back as soon as it has come.
    #[must_use]
    pub fn then_release(mut self) -> Self {
        self.release = true;
        self
    }

    /// How many seconds to ask before giving up.
    #[must_use]
    pub fn patience(mut self, seconds: u32) -> Self {
        self.patience = seconds;
        self
    }

    fn setting(mut self, statement: &str) -> Self {
        let _ = writeln!(self.settings, "{statement};");
        self
    }

    /// The exchange.
    ///
    /// # Errors
    /// When no lease comes: with the client's words, and Kea's.
    pub fn run(self) -> Result<Dhcp6Lease> {
        let device = self.device;
        match self.exchange()? {
            Outcome::Bound(lease) => Ok(lease),
            Outcome::Refused(words) => {
                bail!("{} got no lease\n--- dhclient\n{words}\n{}", device.name(), device.server_logs())
            }
        }
    }

    /// The exchange; `None` when nothing useful was offered.
    pub fn try_run(self) -> Result<Option<Dhcp6Lease>> {
        Ok(match self.exchange()? {
            Outcome::Bound(lease) => Some(lease),
            Outcome::Refused(_) => None,
        })
    }

    fn exchange(self) -> Result<Outcome> {
        let name = self.device.name();
        self.device.wait_for_link_address()?;
        let files = Files::prepare(self.dir, name)?;
        fs::write(&files.config, format!("timeout {};\n{}", self.patience, self.settings))?;
        // Where the client keeps its identifier.
        fs::write(&files.leases, self.duid.as_deref().map(identifier).unwrap_or_default())?;

        let mut client = Process::spawn(
            format!("the DHCPv6 client of {name}"),
            self.command(&files)?.args(["-1", "-v"]),
            self.dir.join(format!("dhclient-{name}.log")),
        )?;
        let patience = Duration::from_secs(u64::from(self.patience)) * 3;
        let ended = try_wait_for("the client to be bound", patience, || {
            Ok(if files.are_complete()? { Some(None) } else { client.exit_status()?.map(Some) })
        })
        .map_err(|e| anyhow!("{e:#}\n{}\n{}", client.tail(), self.device.server_logs()))?;
        if let Some(status) = ended {
            let words = client.log();
            ensure!(
                status.code() == Some(NO_LEASE) && words.contains(REFUSED),
                "the DHCPv6 client of {name} failed ({status}):\n{words}"
            );
            return Ok(Outcome::Refused(words));
        }
        client.kill()?;
        if self.release {
            // It names a process that may be another one by now, and that would be told to end.
            fs::remove_file(&files.pid)?;
            run(self.command(&files)?.arg("-r")).context("cannot release the lease")?;
        }
        files.read_records().map(Outcome::Bound)
    }

    fn command(&self, files: &Files) -> Result<Command> {
        let mut command = self.device.namespace().command(program("sbin/dhclient"));
        command.args(["-6", "-d", "-D", "LL"]);
        command.args(vec!["-N"; self.addresses]).args(vec!["-P"; self.prefixes]);
        command.arg("-e").arg(format!("LAB_RECORDS={}", files.records.display()));
        command.arg("-e").arg(format!("LAB_PID={}", files.pid.display()));
        if self.check {
            command.args(["-e", "LAB_CHECK=yes"]);
        }
        command.arg("-sf").arg(event_script(self.dir)?).arg("-cf").arg(&files.config);
        command.arg("-lf").arg(&files.leases).arg("-pf").arg(&files.pid).arg(CARD);
        Ok(command)
    }
}

enum Outcome {
    Bound(Dhcp6Lease),
    Refused(String),
}

/// The files of one device's client.
struct Files {
    config: PathBuf,
    leases: PathBuf,
    pid: PathBuf,
    records: PathBuf,
}

impl Files {
    /// Without anything of an exchange before.
    fn prepare(dir: &Workdir, name: &str) -> Result<Self> {
        let file = |ending: &str| dir.join(format!("dhclient-{name}.{ending}"));
        let files =
            Self { config: file("conf"), leases: file("leases"), pid: file("pid"), records: file("records") };
        let _ = fs::remove_file(&files.pid);
        let _ = fs::remove_dir_all(&files.records);
        fs::create_dir(&files.records)?;
        Ok(files)
    }

    fn are_complete(&self) -> Result<bool> {
        Ok(fs::read_dir(&self.records)?.next().is_some() && self.pid.exists())
    }

    fn read_records(&self) -> Result<Dhcp6Lease> {
        let mut lease = Dhcp6Lease::default();
        for record in fs::read_dir(&self.records)? {
            add_record(&mut lease, &fs::read(record?.path())?)?;
        }
        lease.addresses.sort_unstable();
        lease.prefixes.sort_unstable();
        Ok(lease)
    }
}

/// The statement that tells dhclient who it is.
fn identifier(duid: &[u8]) -> String {
    let octal = duid.iter().fold(String::new(), |mut octal, byte| {
        let _ = write!(octal, "\\{byte:03o}");
        octal
    });
    format!("default-duid \"{octal}\";\n")
}

fn event_script(dir: &Workdir) -> Result<PathBuf> {
    let path = dir.join("dhclient-event");
    if !path.exists() {
        write_executable(&path, EVENT_SCRIPT)?;
    }
    Ok(path)
}

/// Reads the environment of one call of the script, as `env -0` prints it.
fn add_record(lease: &mut Dhcp6Lease, bytes: &[u8]) -> Result<()> {
    let raw: BTreeMap<String, String> = bytes
        .split(|byte| *byte == 0)
        .filter_map(|entry| {
            let entry = String::from_utf8_lossy(entry);
            let (name, value) = entry.strip_prefix("new_")?.split_once('=')?;
            Some((name.to_owned(), value.to_owned()))
        })
        .collect();
    lease.addresses.extend(many::<Ipv6Addr>(&raw, "ip6_address")?);
    lease.prefixes.extend(many::<String>(&raw, "ip6_prefix")?);
    lease.preferred_lifetime = one(&raw, "preferred_life")?;
    lease.valid_lifetime = one(&raw, "max_life")?;
    lease.dns = many(&raw, "dhcp6_name_servers")?;
    lease.domain_search = many(&raw, "dhcp6_domain_search")?;
    lease.fqdn = one(&raw, "fqdn_fqdn")?;
    lease.raw = raw;
    Ok(())
}

fn one<T: FromStr>(raw: &BTreeMap<String, String>, name: &str) -> Result<Option<T>> {
    Ok(many(raw, name)?.pop())
}

fn many<T: FromStr>(raw: &BTreeMap<String, String>, name: &str) -> Result<Vec<T>> {
    let values = raw.get(name).map(String::as_str).unwrap_or_default();
    let parse = |value: &str| value.parse().ok();
    let parsed: Option<Vec<T>> = values.split_whitespace().map(parse).collect();
    parsed.with_context(|| format!("dhclient reports {name}={values}, which cannot be read"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn joins_the_records_of_a_lease() {
        let mut lease = Dhcp6Lease::default();
        for record in [
            &b"reason=BOUND6\0new_ip6_address=2001:db8::5\0new_max_life=7200\0new_preferred_life=3600\0"[..],
            b"new_ip6_prefix=2001:db8:8000::/56\0new_dhcp6_name_servers=2001:db8::1 2001:db8::2\0\
              new_dhcp6_domain_search=lab.example. example.\0new_max_life=7200\0new_fqdn_fqdn=a.example\0",
        ] {
            add_record(&mut lease, record).unwrap();
        }
        assert_eq!(lease.addresses, ["2001:db8::5".parse::<Ipv6Addr>().unwrap()]);
        assert_eq!(lease.prefixes, ["2001:db8:8000::/56"]);
        assert_eq!(lease.valid_lifetime, Some(7200));
        assert_eq!(lease.preferred_lifetime, None);
        assert_eq!(lease.dns.len(), 2);
        assert_eq!(lease.domain_search, ["lab.example.", "example."]);
        assert_eq!(lease.fqdn.as_deref(), Some("a.example"));
        assert!(!lease.raw.contains_key("reason"));
    }

    #[test]
    fn refuses_a_record_that_it_cannot_read() {
        for record in [&b"new_ip6_address=nonsense\0"[..], b"new_max_life=long\0"] {
            assert!(add_record(&mut Dhcp6Lease::default(), record).is_err(), "{record:?}");
        }
    }

    #[test]
    fn writes_identifiers_as_dhclient_reads_them() {
        assert_eq!(identifier(&[0, 3, 255]), "default-duid \"\\000\\003\\377\";\n");
    }
}
