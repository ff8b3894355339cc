//! What no store can keep, whatever else it keeps.

use kea_ffi::host::{Family, Ipv6Resource, Reservation};

/// Refuses what no lookup could find or no rule could check.
pub(super) fn check(reservation: &Reservation) -> Result<(), InvalidReservation> {
    let repeated = |position: usize| reservation.ipv6[..position].contains(&reservation.ipv6[position]);
    if reservation.identifier.value.is_empty() {
        Err(InvalidReservation::EmptyIdentifier)
    } else if reservation.identifier.value.len() > MAX_IDENTIFIER {
        Err(InvalidReservation::LongIdentifier { bytes: reservation.identifier.value.len() })
    } else if reservation.subnet_v4.is_none() && reservation.subnet_v6.is_none() {
        Err(InvalidReservation::NoSubnet)
    } else if reservation.ipv4.is_some_and(|address| address.is_unspecified()) {
        Err(InvalidReservation::UnspecifiedAddress)
    } else if reservation.ipv4.is_some() && reservation.subnet_v4.is_none() {
        Err(InvalidReservation::AddressWithoutSubnet(Family::V4))
    } else if !reservation.ipv6.is_empty() && reservation.subnet_v6.is_none() {
        Err(InvalidReservation::AddressWithoutSubnet(Family::V6))
    } else if let Some(position) = (1..reservation.ipv6.len()).find(|&position| repeated(position)) {
        Err(InvalidReservation::Repeated(reservation.ipv6[position]))
    } else {
        Ok(())
    }
}

/// Longest identifier in bytes. Kea allows at most 255 (flex-id); a longer one is a caller's mistake.
const MAX_IDENTIFIER: usize = 255;

/// Why a reservation cannot be stored at all, whatever else is stored.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum InvalidReservation {
    /// Nobody to reserve for.
    #[error("a reservation needs an identifier of at least one byte")]
    EmptyIdentifier,
    /// An identifier longer than DHCP can carry.
    #[error("the identifier has {bytes} bytes, the longest possible one has {MAX_IDENTIFIER}")]
    LongIdentifier {
        /// Its length.
        bytes: usize,
    },
    /// Neither a DHCPv4 nor a DHCPv6 subnet.
    #[error("a reservation needs a subnet id; use 0 for a global reservation")]
    NoSubnet,
    /// 0.0.0.0 as a reserved address.
    #[error("0.0.0.0 cannot be reserved; leave the address out to reserve none")]
    UnspecifiedAddress,
    /// An address of a family in which the reservation has no subnet.
    #[error("the reservation has an {0} address but no {0} subnet id")]
    AddressWithoutSubnet(Family),
    /// One address or prefix twice in the same reservation.
    #[error("{0} is listed twice in the reservation")]
    Repeated(Ipv6Resource),
}
