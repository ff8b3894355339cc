//! The page.

use std::fmt;
use std::net::IpAddr;

use k8s_openapi::jiff::Timestamp;
use serde::Serialize;

use super::super::output::{BOLD, RED, columns, styled};
use super::super::plan::Difference;
use crate::crd::NetworkConfigurationStatus;

/// All that is known.
#[derive(Default, Serialize)]
pub struct Page {
    /// Objects.
    pub objects: Vec<Object>,
    /// Devices.
    pub devices: Vec<Device>,
    /// What could not be found out.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub troubles: Vec<String>,
}

/// An object.
#[derive(Serialize)]
pub struct Object {
    /// Namespace and name.
    pub name: String,
    /// Its uid.
    pub uid: String,
    /// Why no reservation is made for it.
    pub unserved: Option<String>,
    /// Its NetworkNamespace.
    pub network: Option<String>,
    /// The prefix of that.
    pub prefix: Option<String>,
    /// Why it has none.
    pub trouble: Option<String>,
    /// What was reported on it last.
    pub reported: Option<Report>,
    /// What the operator would do now.
    pub next: Difference,
    /// What it would report then, where that is something else.
    pub next_report: Option<Report>,
}

/// A status.
#[derive(PartialEq, Eq, Serialize)]
pub struct Report {
    /// Phase.
    pub phase: String,
    /// The state in parts.
    pub conditions: Vec<Condition>,
}

impl Report {
    /// What a status says to people.
    pub fn of(status: &NetworkConfigurationStatus) -> Self {
        let conditions = status.conditions.iter().map(|condition| Condition {
            name: condition.type_.clone(),
            status: condition.status.clone(),
            reason: condition.reason.clone(),
            message: condition.message.clone(),
        });
        Self { phase: status.phase.clone().unwrap_or_default(), conditions: conditions.collect() }
    }

    fn rows(&self) -> Vec<[String; 2]> {
        let conditions = self.conditions.iter().map(|condition| {
            let Condition { name, status, reason, message } = condition;
            row(name, &format!("{status}, {reason}: {message}"))
        });
        std::iter::once(row("phase", &self.phase)).chain(conditions).collect()
    }
}

/// A condition.
#[derive(PartialEq, Eq, Serialize)]
pub struct Condition {
    /// Its type.
    pub name: String,
    /// `True`, `False` or `Unknown`.
    pub status: String,
    /// One word.
    pub reason: String,
    /// One sentence.
    pub message: String,
}

/// A device.
#[derive(Serialize)]
pub struct Device {
    /// Name of the interface.
    pub name: Option<String>,
    /// Its MAC address, as the spec has it.
    pub mac: String,
    /// What each server has for it.
    pub servers: Vec<OnServer>,
}

/// What one server has for a device.
#[derive(Default, Serialize)]
pub struct OnServer {
    /// Name of the server.
    pub server: String,
    /// Why it could not be asked.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub trouble: Option<String>,
    /// Leases.
    pub leases: Vec<Leased>,
    /// Reservations.
    pub reservations: Vec<Held>,
}

/// A lease.
#[derive(Serialize)]
pub struct Leased {
    /// The address.
    pub address: IpAddr,
    /// Its subnet.
    pub subnet_id: u32,
    /// Whether it counts.
    pub state: &'static str,
    /// When it ends.
    pub expires: Option<Timestamp>,
}

/// A reservation.
#[derive(Serialize)]
pub struct Held {
    /// Its subnet.
    pub subnet_id: u32,
    /// Its address.
    pub address: Option<IpAddr>,
    /// Whose it is.
    pub owner: String,
}

impl Page {
    /// Adds a device once.
    pub fn add_device(&mut self, name: Option<String>, mac: &str) {
        let same = |device: &&mut Device| match (device.mac.parse::<crate::domain::Mac>(), mac.parse()) {
            (Ok(a), Ok(b)) => a == b,
            _ => device.mac == mac,
        };
        match self.devices.iter_mut().find(same) {
            Some(device) => device.name = device.name.take().or(name),
            None => self.devices.push(Device { name, mac: mac.into(), servers: vec![] }),
        }
    }
}

impl fmt::Display for Page {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.objects.is_empty() {
            writeln!(f, "No NetworkConfiguration wishes for it.")?;
        }
        for object in &self.objects {
            write!(f, "{object}")?;
        }
        for device in &self.devices {
            write!(f, "\n{device}")?;
        }
        for trouble in &self.troubles {
            writeln!(f, "\n{} {trouble}", styled(RED, "!"))?;
        }
        Ok(())
    }
}

impl fmt::Display for Object {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(f, "{}", styled(BOLD, format!("NetworkConfiguration {}", self.name)))?;
        let mut rows = vec![row("uid", &self.uid)];
        let prefix = self.prefix.as_deref().unwrap_or("no prefix");
        match (&self.network, &self.trouble) {
            (Some(network), _) => rows.push(row("network", &format!("{network}, {prefix}"))),
            (None, trouble) => rows.push(row("network", trouble.as_deref().unwrap_or_default())),
        }
        if let Some(why) = &self.unserved {
            rows.push(row("not served", why));
        }
        match &self.reported {
            Some(report) => rows.extend(report.rows()),
            None => rows.push(row("phase", "nothing is reported yet")),
        }
        write!(f, "{}", columns(&rows))?;
        writeln!(f, "{}", styled(BOLD, "What the operator does next"))?;
        if self.next.changes.is_empty() {
            writeln!(f, "  nothing: no reservation is to be changed now")?;
        }
        write!(f, "{}", self.next.lines())?;
        if let Some(report) = &self.next_report {
            writeln!(f, "{}", styled(BOLD, "What it reports then"))?;
            write!(f, "{}", columns(&report.rows()))?;
        }
        Ok(())
    }
}

impl fmt::Display for Device {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let name = self.name.as_ref().map(|name| format!("{name}, ")).unwrap_or_default();
        writeln!(f, "{}", styled(BOLD, format!("Device {name}{}", self.mac)))?;
        for found in &self.servers {
            writeln!(f, "  {}", found.server)?;
            if let Some(trouble) = &found.trouble {
                writeln!(f, "    {} {trouble}", styled(RED, "!"))?;
                continue;
            }
            let mut rows = vec![];
            for lease in &found.leases {
                let until = lease.expires.map_or_else(String::new, |at| format!(", until {at}"));
                rows.push(inner(
                    "lease",
                    format!("{} in subnet {}, {}{until}", lease.address, lease.subnet_id, lease.state),
                ));
            }
            for held in &found.reservations {
                let address =
                    held.address.map_or_else(|| "no address yet".into(), |address| address.to_string());
                rows.push(inner(
                    "reservation",
                    format!("{address} in subnet {}, {}", held.subnet_id, held.owner),
                ));
            }
            if found.leases.is_empty() {
                rows.push(inner("lease", "none".into()));
            }
            if found.reservations.is_empty() {
                rows.push(inner("reservation", "none".into()));
            }
            write!(f, "{}", columns(&rows))?;
        }
        Ok(())
    }
}

fn row(name: &str, text: &str) -> [String; 2] {
    [format!("  {name}"), text.to_owned()]
}

fn inner(name: &str, text: String) -> [String; 2] {
    [format!("    {name}"), text]
}
