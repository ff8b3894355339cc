//! Which address a device shall have, on all servers.

use std::net::IpAddr;

use super::desired::{Desired, Relation};
use super::{Absence, Mac, Subnet, View, pick_lease};

/// The address that a device shall have.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Target {
    /// This one, and on whose word.
    Address(IpAddr, Word),
    /// None is known yet.
    Open(Absence),
}

/// On whose word an address is reserved.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Word {
    /// The spec asks for it.
    Requested,
    /// It is reserved already, by this object.
    Reserved,
    /// It was reserved when the object was last looked at, and is not any more.
    Remembered,
    /// The device has leased it.
    Leased,
    /// A reservation that nobody owns says so.
    Unowned,
}

/// Chooses the address of a device: what the spec asks for, else what is reserved for the object already, else what was, else
/// what the device has leased, else what somebody reserved by hand. An address stays once it was reserved.
pub fn choose(
    mac: Mac,
    requested: Option<IpAddr>,
    remembered: Option<IpAddr>,
    desired: &Desired,
    views: &[View],
    now: i64,
) -> Target {
    if let Some(address) = requested {
        return Target::Address(address, Word::Requested);
    }
    let reserved = reserved(mac, desired, views, Relation::Mine);
    if let Some(address) = remembered.filter(|address| reserved.contains(address)) {
        return Target::Address(address, Word::Reserved);
    }
    if let Some(address) = reserved.first() {
        return Target::Address(*address, Word::Reserved);
    }
    let free = |address: &IpAddr| desired.prefix.contains(address) && !has_another(mac, desired, views);
    if let Some(address) = remembered.filter(free) {
        return Target::Address(address, Word::Remembered);
    }
    match leased(mac, desired, views, now) {
        Ok(address) => Target::Address(address, Word::Leased),
        Err(absence) => match self::reserved(mac, desired, views, Relation::Unowned).first() {
            Some(address) => Target::Address(*address, Word::Unowned),
            None => Target::Open(absence),
        },
    }
}

/// The address that a device has leased in the subnet and the prefix. Where servers tell different ones, that of the lease
/// which ends last: one that was away in Kea's high availability has an older one until it is up to date. When a client was
/// heard of cannot be compared between servers.
pub fn leased(mac: Mac, desired: &Desired, views: &[View], now: i64) -> Result<IpAddr, Absence> {
    let mut absence = Absence::NoLease;
    let mut last: Option<(i64, IpAddr)> = None;
    for view in views {
        match pick_lease(view.leases(mac), &view.subnet, desired.prefix, now) {
            Ok(lease) => {
                let end = lease.expires.unwrap_or(i64::MAX);
                // The first of equals counts.
                last = last.filter(|(later, _)| *later >= end).or(Some((end, lease.address)));
            }
            Err(Absence::NoLease) => {}
            Err(other) if absence == Absence::NoLease => absence = other,
            Err(_) => {}
        }
    }
    last.map(|(_, address)| address).ok_or(absence)
}

/// Addresses inside the prefix that are reserved for a device by reservations of one relation, in the order of the servers.
fn reserved(mac: Mac, desired: &Desired, views: &[View], wanted: Relation) -> Vec<IpAddr> {
    reservations(mac, desired, views)
        .filter(|(relation, _)| *relation == wanted)
        .filter_map(|(_, address)| address)
        .filter(|address| desired.prefix.contains(address))
        .collect()
}

/// Whether somebody else's reservation for the device says another thing than the object remembers.
fn has_another(mac: Mac, desired: &Desired, views: &[View]) -> bool {
    reservations(mac, desired, views)
        .any(|(relation, address)| relation != Relation::Mine && address.is_some())
}

fn reservations(
    mac: Mac,
    desired: &Desired,
    views: &[View],
) -> impl Iterator<Item = (Relation, Option<IpAddr>)> {
    views.iter().filter_map(move |view| {
        let found = view.reservation(mac)?;
        Some((desired.claimant.relation(mac, found, Some(&view.subnet)), found.address()))
    })
}

/// Whether an address can be reserved in a subnet at all: not its network or broadcast address (RFC 1122, section 3.2.1.3).
pub fn is_usable(address: IpAddr, subnet: &Subnet) -> bool {
    let small = subnet.prefix.prefix_len() >= subnet.prefix.max_prefix_len() - 1;
    subnet.prefix.contains(&address)
        && (small
            || (address != subnet.prefix.network()
                && (address.is_ipv6() || address != subnet.prefix.broadcast())))
}
