//! A reservation as the store keeps it.
//!
//! The store understands what it must search and keep unique: identifier, subnets, addresses, hostname.
//! The rest (options, client classes, boot fields, user context) is an opaque JSON text.

use std::fmt;
use std::net::{Ipv4Addr, Ipv6Addr};
use std::num::NonZeroU64;

/// The id of a subnet that is none (Kea's `SUBNET_ID_UNUSED`): that of a family which a reservation is not for.
#[cfg(feature = "kea")]
pub(crate) const SUBNET_UNUSED: u32 = u32::MAX;

/// Number of a reservation within one store file: never zero, never given twice, and the order of pages.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct HostId(NonZeroU64);

impl HostId {
    /// `None` for zero, which Kea uses for "not stored".
    pub fn new(id: u64) -> Option<Self> {
        NonZeroU64::new(id).map(Self)
    }

    /// The number that follows another, which may be zero.
    pub fn after(last: u64) -> Self {
        Self(NonZeroU64::MIN.saturating_add(last))
    }

    /// The plain number, as in Kea's `Host::getHostId`.
    pub fn get(self) -> u64 {
        self.0.get()
    }
}

impl fmt::Display for HostId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

/// What kind of client identifier a reservation is keyed by. The numbers are those of Kea's
/// `Host::IdentifierType`, and part of the file format.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[repr(u8)]
pub enum IdentifierType {
    /// Hardware (MAC) address.
    HwAddress = 0,
    /// DHCP unique identifier.
    Duid = 1,
    /// Circuit id of the relay agent option (DHCPv4).
    CircuitId = 2,
    /// Client identifier option (DHCPv4).
    ClientId = 3,
    /// Value computed by the flexible identifier hook.
    FlexId = 4,
}

impl IdentifierType {
    /// The parameter name in Kea's JSON.
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
    type Error = UnknownIdentifierType;

    fn try_from(number: u8) -> Result<Self, Self::Error> {
        match number {
            0 => Ok(Self::HwAddress),
            1 => Ok(Self::Duid),
            2 => Ok(Self::CircuitId),
            3 => Ok(Self::ClientId),
            4 => Ok(Self::FlexId),
            other => Err(UnknownIdentifierType(other)),
        }
    }
}

/// A number that is none of Kea's identifier types.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("{0} is no identifier type of Kea (0 to 4)")]
pub struct UnknownIdentifierType(pub u8);

/// What a client is recognised by. Displayed as Kea prints it in a reservation:
/// `hw-address=aa:bb:cc:dd:ee:01`, `flex-id=666F6F`.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Identifier {
    /// How to read `value`.
    pub kind: IdentifierType,
    /// The raw bytes; never empty in a stored reservation.
    pub value: Box<[u8]>,
}

impl fmt::Display for Identifier {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}=", self.kind.name())?;
        match self.kind {
            IdentifierType::HwAddress | IdentifierType::Duid => Colons(&self.value).fmt(f),
            IdentifierType::CircuitId | IdentifierType::ClientId | IdentifierType::FlexId => {
                Hex(&self.value).fmt(f)
            }
        }
    }
}

/// Lower-case hexadecimal with colons, as Kea prints hardware addresses and DUIDs.
pub struct Colons<'a>(pub &'a [u8]);

impl fmt::Display for Colons<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (position, byte) in self.0.iter().enumerate() {
            let separator = if position == 0 { "" } else { ":" };
            write!(f, "{separator}{byte:02x}")?;
        }
        Ok(())
    }
}

/// Upper-case hexadecimal without colons, as Kea prints every other identifier.
pub struct Hex<'a>(pub &'a [u8]);

impl fmt::Display for Hex<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.iter().try_for_each(|byte| write!(f, "{byte:02X}"))
    }
}

/// An address family of DHCP; each has its own subnet numbers.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Family {
    /// DHCPv4.
    V4,
    /// DHCPv6.
    V6,
}

impl Family {
    /// 4 or 6.
    pub fn number(self) -> u8 {
        match self {
            Self::V4 => 4,
            Self::V6 => 6,
        }
    }
}

impl fmt::Display for Family {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::V4 => "IPv4",
            Self::V6 => "IPv6",
        })
    }
}

/// Something that DHCPv6 reserves.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Ipv6Resource {
    /// A non-temporary address.
    Address(Ipv6Addr),
    /// A delegated prefix and its length in bits.
    Prefix(Ipv6Addr, u8),
}

impl Ipv6Resource {
    /// The address, or where the prefix begins.
    pub fn address(self) -> Ipv6Addr {
        match self {
            Self::Address(address) | Self::Prefix(address, _) => address,
        }
    }
}

impl fmt::Display for Ipv6Resource {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Address(address) => address.fmt(f),
            Self::Prefix(prefix, length) => write!(f, "{prefix}/{length}"),
        }
    }
}

/// A reservation as a caller hands it in. Subnet 0 is Kea's "global", for the store a number like any other.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Reservation {
    /// Who it is for; with a subnet, the key of the reservation.
    pub identifier: Identifier,
    /// The DHCPv4 subnet, `None` where the reservation is not for DHCPv4.
    pub subnet_v4: Option<u32>,
    /// The DHCPv6 subnet, `None` where the reservation is not for DHCPv6.
    pub subnet_v6: Option<u32>,
    /// The reserved IPv4 address, if any; never 0.0.0.0.
    pub ipv4: Option<Ipv4Addr>,
    /// Reserved IPv6 addresses and prefixes, without repetition.
    pub ipv6: Box<[Ipv6Resource]>,
    /// Hostname in the bytes and the case that Kea has; empty for none.
    pub hostname: Box<[u8]>,
    /// JSON text from which Kea's `HostReservationParser` makes the whole host again; opaque to the store.
    pub body: Box<[u8]>,
}

impl Reservation {
    /// The subnet in a family.
    pub fn subnet(&self, family: Family) -> Option<u32> {
        match family {
            Family::V4 => self.subnet_v4,
            Family::V6 => self.subnet_v6,
        }
    }

    /// The subnets, with their families.
    pub fn subnets(&self) -> impl Iterator<Item = (Family, u32)> + use<> {
        let v4 = self.subnet_v4.map(|subnet| (Family::V4, subnet));
        let v6 = self.subnet_v6.map(|subnet| (Family::V6, subnet));
        v4.into_iter().chain(v6)
    }
}

/// A reservation in the store. Immutable: an update puts a new one in its place.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct StoredReservation {
    /// Its number, kept by updates.
    pub id: HostId,
    /// Different after each change, and unique in the store, so that `(id, revision)` or the revision alone
    /// keys a cache.
    pub revision: u64,
    /// What it says.
    pub reservation: Reservation,
}
