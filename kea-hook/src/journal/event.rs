//! What can happen.

use std::net::IpAddr;
use std::sync::Arc;

use kea_ffi::host::{Reservation, StoredReservation};
use kea_ffi::lease::{Lease, LeaseChange};

use crate::owner;

/// Something that happened.
#[derive(Debug)]
pub enum Event {
    /// To a lease.
    Lease(LeaseEvent),
    /// To a reservation.
    Reservation(ReservationEvent),
}

/// What became of a lease. Empty texts mean that there is none.
#[derive(Debug)]
pub struct LeaseEvent {
    /// What.
    pub change: LeaseChange,
    /// The subnet that it is from.
    pub subnet: u32,
    /// The address, or the prefix.
    pub address: IpAddr,
    /// The length of a delegated prefix; none for an address.
    pub prefix_length: Option<u8>,
    /// The identity association (DHCPv6).
    pub iaid: u32,
    /// When it ends, in seconds since 1970; none where it never does.
    pub expires: Option<i64>,
    /// The client's name.
    pub hostname: Box<[u8]>,
    /// The client's hardware address.
    pub hw_address: Box<[u8]>,
    /// The client identifier (DHCPv4).
    pub client_id: Box<[u8]>,
    /// The client's DUID (DHCPv6).
    pub duid: Box<[u8]>,
    /// Who owns the client's reservation, if it has one.
    pub owner: Option<Vec<u8>>,
}

impl LeaseEvent {
    /// A copy of what is known of a lease.
    pub fn new(change: LeaseChange, lease: &Lease<'_>, owner: Option<Vec<u8>>) -> Self {
        Self {
            change,
            subnet: lease.subnet,
            address: lease.address,
            prefix_length: lease.prefix_length,
            iaid: lease.iaid,
            expires: lease.expires(),
            hostname: lease.hostname.into(),
            hw_address: lease.hw_address.into(),
            client_id: lease.client_id.into(),
            duid: lease.duid.into(),
            owner,
        }
    }
}

/// What became of a reservation.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ReservationChange {
    /// There was none before.
    Added,
    /// Another one took its place.
    Updated,
    /// It is gone.
    Removed,
    /// It was made of a lease that its owner waited for.
    Pinned,
}

/// A change of a reservation in one source.
#[derive(Debug)]
pub struct ReservationEvent {
    /// What became of it.
    pub change: ReservationChange,
    /// `memory`, or the type of the `hosts-databases` entry.
    pub source: Arc<str>,
    /// As it is now, or was at last where it is gone.
    pub reserved: Reserved,
    /// As it was before an update.
    pub before: Option<Reserved>,
}

impl ReservationEvent {
    /// From what there was before and what there is after; none where both are nothing.
    pub fn new(source: &Arc<str>, before: Option<Reserved>, after: Option<Reserved>) -> Option<Self> {
        let (change, reserved, before) = match (before, after) {
            (None, Some(after)) => (ReservationChange::Added, after, None),
            (Some(before), Some(after)) => (ReservationChange::Updated, after, Some(before)),
            (Some(before), None) => (ReservationChange::Removed, before, None),
            (None, None) => return None,
        };
        Some(Self { change, source: Arc::clone(source), reserved, before })
    }
}

/// A reservation, and how to learn whose it is. The JSON of those that have it is read when somebody wants to know.
#[derive(Debug)]
pub enum Reserved {
    /// With its JSON.
    Whole(Arc<StoredReservation>),
    /// Without, but with its owner.
    Owned(Reservation, Option<Vec<u8>>),
}

impl Reserved {
    /// What is reserved, and for whom.
    pub fn reservation(&self) -> &Reservation {
        match self {
            Self::Whole(stored) => &stored.reservation,
            Self::Owned(reservation, _) => reservation,
        }
    }

    /// Who owns it.
    pub fn owner(&self) -> Option<Vec<u8>> {
        match self {
            Self::Whole(stored) => owner::of(&stored.reservation.body),
            Self::Owned(_, owner) => owner.clone(),
        }
    }
}
