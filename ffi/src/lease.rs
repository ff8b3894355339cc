//! Leases, as they cross the seam.

use std::net::IpAddr;

use crate::host::{Family, IdentifierType};

/// What became of a lease.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum LeaseChange {
    /// The client has it, for the first time or again.
    Committed,
    /// The client gave it back, or has another one instead.
    Released,
    /// The client found that somebody else uses the address.
    Declined,
    /// Its time ran out.
    Expired,
}

/// A lease, for as long as somebody shows it.
#[derive(Debug, Clone, Copy)]
pub struct Lease<'a> {
    /// Of which family.
    pub family: Family,
    /// The subnet that it is from.
    pub subnet: u32,
    /// The address, or the prefix.
    pub address: IpAddr,
    /// The length of a delegated prefix; none for an address.
    pub prefix_length: Option<u8>,
    /// The identity association (DHCPv6; 0 in DHCPv4).
    pub iaid: u32,
    /// When the client was last heard of, in seconds since 1970.
    pub started: i64,
    /// For how many seconds from then on it is valid; [`u32::MAX`] is for ever (RFC 2131, section 3.3).
    pub valid_lifetime: u32,
    /// Empty where the client has none.
    pub hostname: &'a [u8],
    /// The client's hardware address; empty where Kea does not know it.
    pub hw_address: &'a [u8],
    /// The client identifier (DHCPv4); empty where it sent none.
    pub client_id: &'a [u8],
    /// The client's DUID (DHCPv6).
    pub duid: &'a [u8],
}

impl Lease<'_> {
    /// What names the client.
    pub fn identifiers(&self) -> impl Iterator<Item = (IdentifierType, &[u8])> {
        let all = [
            (IdentifierType::HwAddress, self.hw_address),
            (IdentifierType::ClientId, self.client_id),
            (IdentifierType::Duid, self.duid),
        ];
        all.into_iter().filter(|(_, value)| !value.is_empty())
    }

    /// When it ends, in seconds since 1970; none where it never does.
    pub fn expires(&self) -> Option<i64> {
        (self.valid_lifetime != u32::MAX).then(|| self.started + i64::from(self.valid_lifetime))
    }
}
