//! The plan: from what is wished for and what Kea holds, to what shall be done and what shall be reported.

use std::collections::{BTreeMap, BTreeSet};
use std::net::IpAddr;

use ipnet::IpNet;

use super::{Absence, Lease, Mac, Owner, Ownership, Reservation, Subnet, pick_lease};

/// What one object wishes for, checked.
#[derive(Clone, Debug)]
pub struct Desired {
    /// The object, as owner of its reservations.
    pub owner: Owner,
    /// Prefix of its NetworkNamespace.
    pub prefix: IpNet,
    /// Kea's subnet for that prefix.
    pub subnet: Subnet,
    /// Its interfaces, in the order of the spec.
    pub interfaces: Vec<Interface>,
    /// Reservations that it may still have and does not wish for any more.
    pub releases: Vec<Release>,
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
    /// A reservation for this MAC address.
    Reserve(Mac),
    /// Nothing that can be done, and why.
    Invalid(String),
}

/// A reservation to give up, where it exists and is ours.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Release {
    /// The device.
    pub mac: Mac,
    /// The subnet that the reservation may be in.
    pub subnet: Subnet,
}

/// What Kea holds, as far as the wish needs it.
#[derive(Clone, Debug, Default)]
pub struct Observed {
    /// Time of the observation, in seconds since 1970.
    pub now: i64,
    /// Leases of each MAC address.
    pub leases: BTreeMap<Mac, Vec<Lease>>,
    /// Reservations by subnet number and MAC address.
    pub reservations: BTreeMap<(u32, Mac), Reservation>,
    /// Reservations by subnet number and address.
    pub holders: BTreeMap<(u32, IpAddr), Reservation>,
}

/// What shall be done (`Pin`, `Remove`), and what is so already.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Plan {
    /// What to give up, to be done first: it may free an address that is wanted.
    pub releases: Vec<(Release, ReleaseOutcome)>,
    /// One outcome per interface, in the order of the spec.
    pub interfaces: Vec<Outcome>,
}

/// What becomes of one interface.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Outcome {
    /// Not known: Kea could not be asked.
    Unknown,
    /// The spec is wrong, and how.
    Invalid(String),
    /// No lease tells the address yet.
    Waiting {
        /// The device.
        mac: Mac,
        /// Why there is no address.
        absence: Absence,
    },
    /// To be reserved.
    Pin {
        /// The device.
        mac: Mac,
        /// The address of its lease.
        address: IpAddr,
    },
    /// Reserved.
    Reserved {
        /// The device.
        mac: Mac,
        /// The reserved address.
        address: IpAddr,
        /// Whether this object owns the reservation; else it was there before, and stays.
        owned: bool,
    },
    /// Somebody else's reservation is in the way.
    Conflict {
        /// Address that the device has leased, where it has.
        leased: Option<IpAddr>,
        /// What is in the way, and what to do.
        reason: String,
    },
    /// Kea refused the reservation.
    Refused {
        /// The address that was to be reserved.
        address: IpAddr,
        /// Kea's reason.
        reason: String,
    },
}

/// What becomes of one release.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum ReleaseOutcome {
    /// To be removed: it is ours.
    Remove,
    /// There is no such reservation.
    Gone,
    /// There is one, and it is not ours: it stays.
    Foreign(Ownership),
}

/// Makes the plan. DHCPv4, lease-first: the address of a reservation is that of the device's lease; without a lease
/// nothing is reserved.
pub fn plan(desired: &Desired, observed: &Observed) -> Plan {
    let mut releases: Vec<Release> = desired.releases.clone();
    releases.extend(outgrown(desired, observed));
    let releases = plan_releases(&desired.owner, releases, observed);
    let freed: BTreeSet<(u32, Mac)> = releases
        .iter()
        .filter(|(_, outcome)| *outcome == ReleaseOutcome::Remove)
        .map(|(release, _)| (release.subnet.id, release.mac))
        .collect();
    let interfaces = desired
        .interfaces
        .iter()
        .map(|interface| match &interface.wish {
            Wish::Invalid(reason) => Outcome::Invalid(reason.clone()),
            Wish::Reserve(mac) => reserve(*mac, desired, observed, &freed),
        })
        .collect();
    Plan { releases, interfaces }
}

/// What becomes of `releases`: ours are removed, others stay.
pub fn plan_releases(
    owner: &Owner,
    releases: Vec<Release>,
    observed: &Observed,
) -> Vec<(Release, ReleaseOutcome)> {
    releases
        .into_iter()
        .map(|release| {
            let outcome = match observed.reservations.get(&(release.subnet.id, release.mac)) {
                None => ReleaseOutcome::Gone,
                Some(found) if owner.owns(&found.ownership) => ReleaseOutcome::Remove,
                Some(found) => ReleaseOutcome::Foreign(found.ownership.clone()),
            };
            (release, outcome)
        })
        .collect()
}

/// Our own reservations of wished-for devices that are no use any more: without an address, or outside the prefix.
fn outgrown(desired: &Desired, observed: &Observed) -> Vec<Release> {
    wished(desired)
        .filter(|mac| {
            observed.reservations.get(&(desired.subnet.id, *mac)).is_some_and(|found| {
                desired.owner.owns(&found.ownership)
                    && !found.address().is_some_and(|address| desired.prefix.contains(&address))
            })
        })
        .map(|mac| Release { mac, subnet: desired.subnet.clone() })
        .collect()
}

fn wished(desired: &Desired) -> impl Iterator<Item = Mac> {
    desired.interfaces.iter().filter_map(|interface| match interface.wish {
        Wish::Reserve(mac) => Some(mac),
        Wish::Invalid(_) => None,
    })
}

/// The address that a device without a reservation would get: that of its lease. Its holder must be observed too.
pub fn candidate(mac: Mac, desired: &Desired, observed: &Observed) -> Result<IpAddr, Absence> {
    let leases = observed.leases.get(&mac).map_or(&[][..], Vec::as_slice);
    pick_lease(leases, &desired.subnet, desired.prefix, observed.now).map(|lease| lease.address)
}

fn reserve(mac: Mac, desired: &Desired, observed: &Observed, freed: &BTreeSet<(u32, Mac)>) -> Outcome {
    let leased = candidate(mac, desired, observed);
    let subnet = desired.subnet.id;
    let existing = observed.reservations.get(&(subnet, mac)).filter(|_| !freed.contains(&(subnet, mac)));
    let Some(existing) = existing else {
        return match leased {
            Ok(address) => pin(mac, address, desired, observed, freed),
            Err(absence) => Outcome::Waiting { mac, absence },
        };
    };
    match existing.address() {
        Some(address) if desired.owner.owns(&existing.ownership) => {
            Outcome::Reserved { mac, address, owned: true }
        }
        // Made before us, and just as we would make it.
        Some(address)
            if existing.ownership == Ownership::Unowned && leased.as_ref().is_ok_and(|l| *l == address) =>
        {
            Outcome::Reserved { mac, address, owned: false }
        }
        // The device is away; it will get this address when it comes back.
        Some(address) if existing.ownership == Ownership::Unowned && leased.is_err() => {
            Outcome::Reserved { mac, address, owned: false }
        }
        _ => Outcome::Conflict {
            leased: leased.clone().ok(),
            reason: other_reservation(existing, leased.ok()),
        },
    }
}

fn pin(
    mac: Mac,
    address: IpAddr,
    desired: &Desired,
    observed: &Observed,
    freed: &BTreeSet<(u32, Mac)>,
) -> Outcome {
    let holder = observed.holders.get(&(desired.subnet.id, address)).filter(|holder| {
        !matches!(holder.identifier, super::Identifier::HwAddress(held)
            if freed.contains(&(desired.subnet.id, held)))
    });
    match holder {
        None => Outcome::Pin { mac, address },
        Some(holder) => {
            Outcome::Conflict { leased: Some(address), reason: address_taken(mac, address, holder) }
        }
    }
}

/// Says who holds an address that `mac` has leased.
pub fn address_taken(mac: Mac, address: IpAddr, holder: &Reservation) -> String {
    format!(
        "{address}, leased by MAC {mac}, is reserved for {}; remove that reservation, or let the device get another lease",
        holder.holder()
    )
}

fn other_reservation(existing: &Reservation, leased: Option<IpAddr>) -> String {
    let what =
        existing.address().map_or_else(|| "without an address".into(), |address| format!("of {address}"));
    let but = leased.map_or_else(String::new, |address| format!(", while the device has leased {address}"));
    format!(
        "a reservation {what} exists already for {} in Kea subnet {}{but}; it is left as it is: remove it if this object shall reserve",
        existing.holder(),
        existing.subnet_id,
    )
}

#[cfg(test)]
#[path = "plan_tests.rs"]
mod tests;
