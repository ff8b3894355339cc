//! Reservations and queries for them (Kea's internal word for a reservation is host).

use std::net::{Ipv4Addr, Ipv6Addr};

/// What a client is recognised by. The numbers are Kea's `Host::IdentifierType`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
#[repr(u8)]
pub enum IdentifierType {
    /// Link-layer address.
    HwAddress = 0,
    /// DHCP unique identifier (RFC 8415, section 11).
    Duid = 1,
    /// Circuit id of the relay agent information option (RFC 3046).
    CircuitId = 2,
    /// Client identifier option (RFC 2132, section 9.14).
    ClientId = 3,
    /// Computed by Kea's flex_id hook.
    FlexId = 4,
}

impl IdentifierType {
    /// Kea's name of the type, as in `identifier-type`.
    pub fn name(self) -> &'static str {
        match self {
            Self::HwAddress => "hw-address",
            Self::Duid => "duid",
            Self::CircuitId => "circuit-id",
            Self::ClientId => "client-id",
            Self::FlexId => "flex-id",
        }
    }
}

impl TryFrom<u8> for IdentifierType {
    type Error = u8;

    /// Fails with the number itself where Kea has no such type.
    fn try_from(number: u8) -> Result<Self, u8> {
        [Self::HwAddress, Self::Duid, Self::CircuitId, Self::ClientId, Self::FlexId]
            .into_iter()
            .find(|kind| *kind as u8 == number)
            .ok_or(number)
    }
}

/// Which protocol a question is about.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Family {
    /// DHCPv4.
    V4,
    /// DHCPv6.
    V6,
}

/// An IPv6 address (`length` 128) or a delegated prefix.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Ipv6Resource {
    /// An address of an IA_NA.
    Address(Ipv6Addr),
    /// A prefix of an IA_PD and its length in bits.
    Prefix(Ipv6Addr, u8),
}

/// The id that the source gave a reservation: never 0, never reused, ascending in the order of adding.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct HostId(pub u64);

/// Type and value of an identifier.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Identifier {
    /// Its type.
    pub kind: IdentifierType,
    /// Its bytes.
    pub value: Box<[u8]>,
}

/// A reservation, with the parts that are searched for taken out of the body.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Reservation {
    /// Who it is for.
    pub identifier: Identifier,
    /// The DHCPv4 subnet; 0 is global.
    pub subnet_v4: Option<u32>,
    /// The DHCPv6 subnet; 0 is global.
    pub subnet_v6: Option<u32>,
    /// The reserved IPv4 address.
    pub ipv4: Option<Ipv4Addr>,
    /// The reserved IPv6 addresses and prefixes.
    pub ipv6: Vec<Ipv6Resource>,
    /// The reserved hostname as bytes (Kea does not demand UTF-8), empty where there is none.
    pub hostname: Box<[u8]>,
    /// The whole reservation as JSON text in the form that Kea's `HostReservationParser` takes.
    pub body: Box<[u8]>,
}

/// A reservation that a source keeps.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct StoredReservation {
    /// Its id.
    pub id: HostId,
    /// Changes with every write of this id.
    pub revision: u64,
    /// What is kept.
    pub reservation: Reservation,
}

/// A question for reservations.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Query<'a> {
    /// Only reservations of this family.
    pub family: Option<Family>,
    /// Only reservations of this subnet; means something with a family only.
    pub subnet: Option<u32>,
    /// What they must have.
    pub by: By<'a>,
}

/// What the reservations that a [`Query`] means must have.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum By<'a> {
    /// Nothing in particular.
    Any,
    /// This identifier.
    Identifier(IdentifierType, &'a [u8]),
    /// This IPv4 address.
    Ipv4(Ipv4Addr),
    /// This IPv6 address.
    Ipv6Address(Ipv6Addr),
    /// This prefix of this length.
    Ipv6Prefix(Ipv6Addr, u8),
    /// This hostname; ASCII case does not count.
    Hostname(&'a [u8]),
}
