//! What can be asked of the store.

use std::net::{Ipv4Addr, Ipv6Addr};

use super::reservation::{Family, IdentifierType, Ipv6Resource, Reservation};

/// A question: all three parts must hold of an answer.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Query<'a> {
    /// Only reservations that have a subnet in this family.
    pub family: Option<Family>,
    /// Only reservations in this subnet (of `family`, or of either).
    pub subnet: Option<u32>,
    /// What to look for there.
    pub by: By<'a>,
}

/// The property that a [`Query`] looks for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum By<'a> {
    /// Everything.
    Any,
    /// Exactly this client identifier.
    Identifier(IdentifierType, &'a [u8]),
    /// This reserved IPv4 address.
    Ipv4(Ipv4Addr),
    /// This reserved IPv6 address, or a reserved prefix that begins there: Kea looks both up by address.
    Ipv6(Ipv6Addr),
    /// This reserved IPv6 prefix, of exactly this length.
    Ipv6Prefix(Ipv6Addr, u8),
    /// This hostname; ASCII letters match in either case, as in DNS. The empty one matches nothing.
    Hostname(&'a [u8]),
}

impl<'a> Query<'a> {
    /// A question about one subnet.
    pub fn in_subnet(family: Family, subnet: u32, by: By<'a>) -> Self {
        Self { family: Some(family), subnet: Some(subnet), by }
    }

    /// A question about all subnets of both families.
    pub fn anywhere(by: By<'a>) -> Self {
        Self { family: None, subnet: None, by }
    }

    /// Whether a reservation is an answer. The index only narrows the candidates down; this decides.
    pub fn matches(&self, reservation: &Reservation) -> bool {
        self.by.matches(reservation)
            && reservation.subnets().any(|(family, subnet)| {
                self.family.is_none_or(|wanted| wanted == family)
                    && self.subnet.is_none_or(|wanted| wanted == subnet)
            })
    }
}

impl By<'_> {
    fn matches(&self, reservation: &Reservation) -> bool {
        match *self {
            Self::Any => true,
            Self::Identifier(kind, value) => {
                reservation.identifier.kind == kind && *reservation.identifier.value == *value
            }
            Self::Ipv4(address) => reservation.ipv4 == Some(address),
            Self::Ipv6(address) => reservation.ipv6.iter().any(|resource| resource.address() == address),
            Self::Ipv6Prefix(prefix, length) => {
                reservation.ipv6.contains(&Ipv6Resource::Prefix(prefix, length))
            }
            Self::Hostname(name) => !name.is_empty() && reservation.hostname.eq_ignore_ascii_case(name),
        }
    }
}
