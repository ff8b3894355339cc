//! Reservations as Kea holds them.

use std::fmt;
use std::net::IpAddr;

use super::{Mac, Ownership};

/// What Kea knows a device by.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum Identifier {
    /// Its MAC address; `hw-address` in Kea.
    HwAddress(Mac),
    /// Any other kind, which the operator reads but does not write.
    Other {
        /// Kea's name of the kind, such as `client-id`.
        kind: String,
        /// Its value, as Kea writes it.
        value: String,
    },
}

impl From<Mac> for Identifier {
    fn from(mac: Mac) -> Self {
        Self::HwAddress(mac)
    }
}

impl fmt::Display for Identifier {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::HwAddress(mac) => write!(f, "MAC {mac}"),
            Self::Other { kind, value } => write!(f, "{kind} {value}"),
        }
    }
}

/// What a reservation holds besides device, address and the operator's mark: hostname, options, classes, comments.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Extras {
    /// Nothing: it is just as the operator makes them.
    None,
    /// Something, so that a person or another tool has an interest in it.
    Some,
    /// A brief answer of Kea does not tell.
    Unknown,
}

/// A reservation; Kea's own word is host.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Reservation {
    /// Number of the subnet it is in.
    pub subnet_id: u32,
    /// The device.
    pub identifier: Identifier,
    /// The reserved addresses: at most one in DHCPv4.
    pub addresses: Vec<IpAddr>,
    /// What else it holds.
    pub extras: Extras,
    /// Whose it is.
    pub ownership: Ownership,
}

impl Reservation {
    /// The first reserved address.
    pub fn address(&self) -> Option<IpAddr> {
        self.addresses.first().copied()
    }

    /// The reservation in words, for a message: device and whose it is.
    pub fn holder(&self) -> String {
        format!("{}, {}", self.identifier, self.ownership)
    }
}
