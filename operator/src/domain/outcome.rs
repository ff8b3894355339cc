//! What becomes of one interface, on one server and on all of them.

use std::net::IpAddr;

use super::{Absence, Mac, PinMode};

/// What becomes of one interface.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Outcome {
    /// Not known: Kea could not be asked.
    Unknown,
    /// The spec is wrong.
    Invalid {
        /// Address that is reserved for the device, and stays so.
        held: Option<IpAddr>,
        /// What is wrong.
        reason: String,
    },
    /// No lease tells the address yet.
    Waiting {
        /// The device.
        mac: Mac,
        /// Why there is no address.
        absence: Absence,
        /// Whether a reservation without an address is there.
        held: bool,
    },
    /// A reservation without an address is there, and is left so while the device has a lease.
    Unpinned {
        /// The device.
        mac: Mac,
        /// The leased address.
        leased: IpAddr,
        /// The setting that leaves it so.
        mode: PinMode,
    },
    /// Reserved.
    Reserved {
        /// The device.
        mac: Mac,
        /// The reserved address.
        address: IpAddr,
        /// Whether this operator owns the reservation; else it was there before, and stays.
        owned: bool,
    },
    /// Somebody else's reservation, or another object, is in the way.
    Conflict {
        /// Address that is reserved for the device, and stays so.
        held: Option<IpAddr>,
        /// Address that the device has leased, where it has.
        leased: Option<IpAddr>,
        /// What is in the way, and what to do.
        reason: String,
    },
    /// Kea refused the reservation.
    Refused {
        /// Address that is reserved for the device, and stays so.
        held: Option<IpAddr>,
        /// Address that the device has leased, where it has.
        leased: Option<IpAddr>,
        /// The address that was to be reserved, if any.
        address: Option<IpAddr>,
        /// Kea's reason.
        reason: String,
    },
}

impl Outcome {
    /// How much it asks for attention: of several servers, that which asks for most speaks for the interface.
    fn urgency(&self) -> u8 {
        match self {
            Self::Unknown => 0,
            Self::Reserved { owned: true, .. } => 1,
            Self::Reserved { owned: false, .. } => 2,
            Self::Unpinned { .. } => 3,
            Self::Waiting { .. } => 4,
            Self::Refused { .. } => 5,
            Self::Conflict { .. } => 6,
            Self::Invalid { .. } => 7,
        }
    }

    /// One outcome from those on several servers, each with the server's name where there are several.
    pub fn merge(of_servers: Vec<(String, Self)>) -> Self {
        let several = of_servers.len() > 1;
        let mut worst = Self::Unknown;
        for (server, outcome) in of_servers {
            if outcome.urgency() > worst.urgency() {
                worst = if several { outcome.on(&server) } else { outcome };
            }
        }
        worst
    }

    fn on(self, server: &str) -> Self {
        match self {
            Self::Conflict { held, leased, reason } => {
                Self::Conflict { held, leased, reason: format!("on {server}: {reason}") }
            }
            Self::Refused { held, leased, address, reason } => {
                Self::Refused { held, leased, address, reason: format!("on {server}: {reason}") }
            }
            other => other,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn reserved(owned: bool) -> Outcome {
        let address = "10.0.0.5".parse().unwrap();
        Outcome::Reserved { mac: "52:54:00:00:00:01".parse().unwrap(), address, owned }
    }

    fn conflict(reason: &str) -> Outcome {
        Outcome::Conflict { held: None, leased: None, reason: reason.into() }
    }

    #[test]
    fn the_worst_of_several_servers_counts_and_names_its_server() {
        let merged = Outcome::merge(vec![("a".into(), reserved(true)), ("b".into(), conflict("taken"))]);
        assert_eq!(merged, conflict("on b: taken"));
        assert_eq!(Outcome::merge(vec![("b".into(), conflict("taken"))]), conflict("taken"));
        let merged = Outcome::merge(vec![("a".into(), Outcome::Unknown), ("b".into(), reserved(true))]);
        assert_eq!(merged, reserved(true));
        assert_eq!(Outcome::merge(vec![]), Outcome::Unknown);
    }
}
