//! A reservation in short.

use kea_ffi::element::{Element, KeaError};
use kea_ffi::host::{Colons, Family, Hex, IdentifierType, Ipv6Resource, Reservation};

/// Subnet, identifier and addresses of a reservation, under the names that they have in one.
pub fn summary(family: Family, reservation: &Reservation) -> Result<Element, KeaError> {
    let identifier = &reservation.identifier;
    let mut summary = Element::map()?;
    summary.set("subnet-id", &Element::integer(reservation.subnet(family).unwrap_or_default())?)?;
    summary
        .set(identifier.kind.name(), &Element::text(&identifier_text(identifier.kind, &identifier.value))?)?;
    addresses(reservation, &mut summary)?;
    Ok(summary)
}

/// An identifier as Kea prints it in a reservation.
pub fn identifier_text(kind: IdentifierType, value: &[u8]) -> String {
    match kind {
        IdentifierType::HwAddress | IdentifierType::Duid => Colons(value).to_string(),
        _ => Hex(value).to_string(),
    }
}

/// Addresses and prefixes, under the names that they have in a reservation.
pub fn addresses(reservation: &Reservation, map: &mut Element) -> Result<(), KeaError> {
    if let Some(address) = reservation.ipv4 {
        map.set("ip-address", &Element::text(&address.to_string())?)?;
    }
    let (mut addresses, mut prefixes) = (Vec::new(), Vec::new());
    for resource in &reservation.ipv6 {
        match resource {
            Ipv6Resource::Address(_) => addresses.push(resource.to_string()),
            Ipv6Resource::Prefix(..) => prefixes.push(resource.to_string()),
        }
    }
    for (name, texts) in [("ip-addresses", addresses), ("prefixes", prefixes)] {
        if !texts.is_empty() {
            let mut list = Element::list()?;
            texts.iter().try_for_each(|text| list.push(&Element::text(text)?))?;
            map.set(name, &list)?;
        }
    }
    Ok(())
}
