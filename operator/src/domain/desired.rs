//! What one object wishes for, checked.

use std::collections::BTreeMap;
use std::net::IpAddr;

use ipnet::IpNet;

use super::{Holdings, Mac, Owner, Ownership, Removal, Reservation, Subnet};

/// What one object wishes for, checked.
#[derive(Clone, Debug)]
pub struct Desired {
    /// The object, as one of those that wish for devices.
    pub claimant: Claimant,
    /// Prefix of its NetworkNamespace.
    pub prefix: IpNet,
    /// Its interfaces, in the order of the spec.
    pub interfaces: Vec<Interface>,
    /// Devices that it may still have reservations for and does not wish for any more.
    pub leftovers: Vec<Mac>,
    /// How addresses are found and pinned.
    pub rules: Rules,
}

/// An object as owner of reservations, among others.
#[derive(Clone, Debug)]
pub struct Claimant {
    /// The object.
    pub owner: Owner,
    /// Other objects that wish for the same devices in other prefixes.
    pub rivals: BTreeMap<Mac, Vec<Rival>>,
}

/// One interface of the spec.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Interface {
    /// What messages call it: its name, else its place.
    pub label: String,
    /// What it wishes for.
    pub wish: Wish,
}

/// What an interface wishes for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Wish {
    /// A reservation.
    Reserve {
        /// The device.
        mac: Mac,
        /// The address that the spec asks for.
        requested: Option<IpAddr>,
        /// The address that was reserved when the object was last looked at.
        remembered: Option<IpAddr>,
    },
    /// Nothing that can be done.
    Invalid {
        /// The device, unless another interface has it: what it has already stays.
        device: Option<Mac>,
        /// Why.
        reason: String,
    },
    /// Nothing that can be understood, and why: it does not even tell the device. Any that the object does not wish for any
    /// more may be meant.
    Unreadable(String),
    /// Another object has the device, and says why it comes first.
    Taken(String),
}

impl Wish {
    /// The device that a reservation is wished for, or kept.
    pub fn mac(&self) -> Option<Mac> {
        match self {
            Self::Reserve { mac, .. } => Some(*mac),
            Self::Invalid { device, .. } => *device,
            Self::Unreadable(_) | Self::Taken(_) => None,
        }
    }
}

/// Another object that wishes for a device.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Rival {
    /// Its uid.
    pub uid: String,
    /// The prefix that it wishes for the device in.
    pub prefix: IpNet,
}

/// Where the address of a reservation comes from when the spec asks for none (`KEA_ADDRESS_POLICY`).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum AddressPolicy {
    /// From the device's lease; nothing is reserved before there is one.
    #[default]
    LeaseFirst,
    /// From the device's lease; a reservation without an address is made before there is one.
    MacOnly,
}

impl AddressPolicy {
    /// Reads it as it is written in settings.
    pub fn parse(text: &str) -> Option<Self> {
        match text.trim() {
            "lease-first" => Some(Self::LeaseFirst),
            "mac-only" => Some(Self::MacOnly),
            _ => None,
        }
    }
}

/// What to do about a reservation without an address once the device has a lease (`KEA_PIN_RESERVATIONS`).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum PinMode {
    /// Nothing.
    Off,
    /// Say what would be done.
    Log,
    /// Reserve the leased address.
    #[default]
    Enforce,
}

/// Settings that decide about addresses.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Rules {
    /// Where addresses come from.
    pub address: AddressPolicy,
    /// What becomes of reservations without an address.
    pub pin: PinMode,
    /// Whether reservations that nobody owns, and that are just as the operator would make them, are taken over.
    pub adopt: bool,
}

/// What a reservation is to an object.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Relation {
    /// The object's own, or left by one that is gone: it may be changed and removed.
    Mine,
    /// That of another object which lives and wishes for the same device in the same subnet.
    Siblings,
    /// One or the other; its whole mark must be read.
    Unclear,
    /// Another cluster's or tool's.
    Foreign,
    /// Nobody's.
    Unowned,
}

impl Claimant {
    /// What the reservation of `mac` in `subnet` is to the object.
    pub fn relation(&self, mac: Mac, reservation: &Reservation, subnet: Option<&Subnet>) -> Relation {
        let (owner, object) = match &reservation.ownership {
            Ownership::Unowned => return Relation::Unowned,
            Ownership::Owned { owner, object } => (owner, object),
        };
        if *owner != self.owner.mark() {
            return Relation::Foreign;
        }
        match object {
            Some(object) if object.uid == self.owner.object.uid => Relation::Mine,
            Some(object) if self.rivals_in(mac, subnet).any(|rival| rival.uid == object.uid) => {
                Relation::Siblings
            }
            None if self.rivals_in(mac, subnet).next().is_some() => Relation::Unclear,
            _ => Relation::Mine,
        }
    }

    /// What of a device's reservations on one server is the object's own and nobody's wish. `wished` tells the subnets that the
    /// object itself wishes for the device in.
    pub fn surplus(&self, mac: Mac, holdings: &Holdings, wished: impl Fn(u32) -> bool) -> Vec<Removal> {
        let found = holdings.known.get(&mac).map_or(&[][..], |known| &known.reservations);
        found
            .iter()
            .filter(|reservation| {
                let subnet = holdings.subnet(reservation.subnet_id);
                !wished(reservation.subnet_id)
                    && self.relation(mac, reservation, subnet) == Relation::Mine
                    && self.rivals_in(mac, subnet).next().is_none()
            })
            .map(|reservation| Removal { subnet_id: reservation.subnet_id, mac })
            .collect()
    }

    /// Others that wish for a device in a subnet, or in one that is not known.
    fn rivals_in(&self, mac: Mac, subnet: Option<&Subnet>) -> impl Iterator<Item = &Rival> {
        self.rivals
            .get(&mac)
            .into_iter()
            .flatten()
            .filter(move |rival| subnet.is_none_or(|subnet| subnet.prefix.contains(&rival.prefix)))
    }
}
