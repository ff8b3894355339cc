//! What a reservation must not be, although Kea's parser takes it: in some versions, or in all.
//!
//! Texts are those of Kea 3.0 where it refuses the same.

use std::net::Ipv6Addr;

use kea_ffi::element::{Element, Kind};
use kea_ffi::host::{Family, Identifier, IdentifierType};
use kea_ffi::hosts;

use crate::commands::CommandError;
use crate::commands::arguments::HW_ADDRESS_MAX;

/// Refuses identifiers and prefixes that Kea 3.0 refuses and earlier versions refuse in other words.
pub fn check_limits(reservation: &Element) -> Result<(), CommandError> {
    check_identifier_lengths(reservation)?;
    check_prefixes(reservation)?;
    check_empty_maps(reservation)
}

/// Refuses what Kea's parser took, which has read `identifier`.
pub fn check_parsed(
    family: Family,
    reservation: &Element,
    identifier: &Identifier,
) -> Result<(), CommandError> {
    check_length(identifier.kind, identifier.value.len())?;
    // In kea-dhcp4 there are no lists of addresses.
    if family == Family::V6 {
        check_prefixes(reservation)?;
        check_empty_maps(reservation)?;
    }
    check_types(family, reservation)?;
    check_identifier(identifier)
}

/// Kea 3.0 takes an empty map for an empty list.
fn check_empty_maps(reservation: &Element) -> Result<(), CommandError> {
    for name in ["ip-addresses", "prefixes", "excluded-prefixes"] {
        let Some(value) = reservation.get(name)? else { continue };
        if value.kind() == Kind::Map && value.names()?.is_empty() {
            return Err(CommandError::new(format!("'{name}' must be a list ({})", value.position()?)));
        }
    }
    Ok(())
}

/// A DUID has at least three bytes (RFC 8415, section 11.1). Kea's databases take shorter ones, and cannot use them.
fn check_identifier(identifier: &Identifier) -> Result<(), CommandError> {
    let length = identifier.value.len();
    if identifier.kind == IdentifierType::Duid && length < DUID_MIN {
        return Err(CommandError::new(format!(
            "identifier is too short ({length}), at least {DUID_MIN} is required"
        )));
    }
    Ok(())
}

const DUID_MIN: usize = 3;

/// Kea's parser takes any value for these, and cannot read the reservation back afterwards.
fn check_types(family: Family, reservation: &Element) -> Result<(), CommandError> {
    let expected = [
        ("user-context", Kind::Map, "a map"),
        ("ip-addresses", Kind::List, "a list"),
        ("prefixes", Kind::List, "a list"),
        ("excluded-prefixes", Kind::List, "a list"),
    ];
    let of_family = if family == Family::V4 { 1 } else { expected.len() };
    for (name, kind, what) in expected.into_iter().take(of_family) {
        match reservation.get(name)? {
            Some(value) if value.kind() != kind => {
                let position = value.position()?;
                return Err(CommandError::new(format!("'{name}' must be {what} ({position})")));
            }
            _ => {}
        }
    }
    Ok(())
}

/// The longest identifiers in bytes, of Kea 3.0. Earlier versions take longer ones, which no packet can carry.
const IDENTIFIER_MAX: [(IdentifierType, usize); 5] = [
    (IdentifierType::HwAddress, HW_ADDRESS_MAX),
    (IdentifierType::Duid, 130),
    (IdentifierType::CircuitId, 128),
    (IdentifierType::ClientId, 255),
    (IdentifierType::FlexId, 128),
];

fn check_length(kind: IdentifierType, length: usize) -> Result<(), CommandError> {
    if IDENTIFIER_MAX.iter().any(|(limited, longest)| *limited == kind && length > *longest) {
        let name = kind.name();
        return Err(CommandError::new(format!(
            "too long client identifier type {name} length {length} (:0:0)"
        )));
    }
    Ok(())
}

fn check_identifier_lengths(reservation: &Element) -> Result<(), CommandError> {
    for (kind, _) in IDENTIFIER_MAX {
        let Some(text) = reservation.get(kind.name())?.and_then(|value| value.as_bytes()) else { continue };
        // What cannot be read is left to Kea's parser, which says so.
        check_length(kind, hosts::parse_identifier(&text).map_or(0, |identifier| identifier.len()))?;
    }
    Ok(())
}

/// Kea 2.2.0 takes a prefix with bits beyond its length, and would delegate it; lengths it refuses in other words.
fn check_prefixes(reservation: &Element) -> Result<(), CommandError> {
    let Some(list) = reservation.get("prefixes")? else { return Ok(()) };
    // What cannot be read is left to Kea's parser, which says so.
    for text in list.items()?.iter().filter_map(Element::as_text) {
        let Some((address, length)) = text.split_once('/') else { continue };
        let (Ok(address), Ok(length)) = (address.parse::<Ipv6Addr>(), length.parse::<u32>()) else {
            continue;
        };
        let Some(host_bits) = 128_u32.checked_sub(length).filter(|bits| *bits < 128) else {
            return Err(CommandError::new(format!(
                "'prefix-len' value must be in range of [1..128] ({})",
                list.position()?
            )));
        };
        let network = Ipv6Addr::from((u128::MAX << host_bits) & u128::from(address));
        if network != address {
            return Err(CommandError::new(format!(
                "Prefix address: {address} exceeds prefix/prefix-len pair: {network}/{length} ({})",
                list.position()?
            )));
        }
    }
    Ok(())
}
