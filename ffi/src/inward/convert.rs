//! Between the C types of the seam and ours.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};
use std::slice;

use super::types::{KhrBy, KhrLease, KhrLeaseChange, KhrQuery, KhrReservation, KhrResource};
use crate::host::{By, Family, Identifier, IdentifierType, Ipv6Resource, Query, Reservation, SUBNET_UNUSED};
use crate::lease::{Lease, LeaseChange};
use crate::source::SourceError;

pub(super) fn to_resource(resource: &Ipv6Resource) -> KhrResource {
    match *resource {
        Ipv6Resource::Address(address) => {
            KhrResource { address: address.octets(), prefix_length: 128, is_prefix: false }
        }
        Ipv6Resource::Prefix(address, length) => {
            KhrResource { address: address.octets(), prefix_length: length, is_prefix: true }
        }
    }
}

fn from_resource(resource: &KhrResource) -> Ipv6Resource {
    let address = Ipv6Addr::from(resource.address);
    if resource.is_prefix {
        Ipv6Resource::Prefix(address, resource.prefix_length)
    } else {
        Ipv6Resource::Address(address)
    }
}

fn identifier_type(number: u8) -> Result<IdentifierType, SourceError> {
    IdentifierType::try_from(number).map_err(|unknown| SourceError::Failed(unknown.to_string()))
}

/// # Safety
///
/// All that the reservation points to must be valid.
pub(super) unsafe fn from_reservation(given: &KhrReservation) -> Result<Reservation, SourceError> {
    let resources = if given.resources.is_null() || given.resource_count == 0 {
        &[]
    } else {
        // SAFETY: not null, and the caller vouches for the count.
        unsafe { slice::from_raw_parts(given.resources, given.resource_count) }
    };
    // SAFETY: the caller vouches for the bytes.
    let (identifier, hostname, body) =
        unsafe { (given.identifier.get(), given.hostname.get(), given.body.get()) };
    Ok(Reservation {
        identifier: Identifier { kind: identifier_type(given.identifier_type)?, value: identifier.into() },
        subnet_v4: Some(given.subnet_v4).filter(|id| *id != SUBNET_UNUSED),
        subnet_v6: Some(given.subnet_v6).filter(|id| *id != SUBNET_UNUSED),
        ipv4: Some(Ipv4Addr::from(given.ipv4)).filter(|address| !address.is_unspecified()),
        ipv6: resources.iter().map(from_resource).collect(),
        hostname: hostname.into(),
        body: body.into(),
    })
}

/// # Safety
///
/// The bytes of the query must be valid while the result lives.
pub(super) unsafe fn from_query(given: &KhrQuery) -> Result<Query<'_>, SourceError> {
    // SAFETY: the caller vouches for the bytes.
    let bytes = unsafe { given.bytes.get() };
    let v4 = Ipv4Addr::new(given.address[0], given.address[1], given.address[2], given.address[3]);
    let v6 = Ipv6Addr::from(given.address);
    let by = match given.by {
        KhrBy::Any => By::Any,
        KhrBy::Identifier => By::Identifier(identifier_type(given.identifier_type)?, bytes),
        KhrBy::Ipv4 => By::Ipv4(v4),
        KhrBy::Ipv6 => By::Ipv6(v6),
        KhrBy::Ipv6Prefix => By::Ipv6Prefix(v6, given.prefix_length),
        KhrBy::Hostname => By::Hostname(bytes),
    };
    let family = match given.family {
        4 => Some(Family::V4),
        6 => Some(Family::V6),
        _ => None,
    };
    Ok(Query { family, subnet: given.has_subnet.then_some(given.subnet), by })
}

/// # Safety
///
/// The bytes of the lease must be valid while the result lives.
pub(super) unsafe fn from_lease(given: &KhrLease) -> (LeaseChange, Lease<'_>) {
    let change = match given.change {
        KhrLeaseChange::Committed => LeaseChange::Committed,
        KhrLeaseChange::Released => LeaseChange::Released,
        KhrLeaseChange::Declined => LeaseChange::Declined,
        KhrLeaseChange::Expired => LeaseChange::Expired,
    };
    let family = if given.family == 6 { Family::V6 } else { Family::V4 };
    let [first, second, third, fourth, ..] = given.address;
    // SAFETY: the caller vouches for the bytes.
    let (hostname, hw_address, client_id, duid) =
        unsafe { (given.hostname.get(), given.hw_address.get(), given.client_id.get(), given.duid.get()) };
    let lease = Lease {
        family,
        subnet: given.subnet,
        address: match family {
            Family::V4 => IpAddr::V4(Ipv4Addr::new(first, second, third, fourth)),
            Family::V6 => IpAddr::V6(Ipv6Addr::from(given.address)),
        },
        prefix_length: given.is_prefix.then_some(given.prefix_length),
        iaid: given.iaid,
        started: given.started,
        valid_lifetime: given.valid_lifetime,
        hostname,
        hw_address,
        client_id,
        duid,
    };
    (change, lease)
}
