//! An event in JSON.

use kea_ffi::element::{Element, KeaError};
use kea_ffi::host::{Colons, Family};
use kea_ffi::lease::LeaseChange;

use crate::commands::reservation::summary;
use crate::journal::{Entry, Event, LeaseEvent, ReservationChange, ReservationEvent, Reserved};

/// An entry of a reply.
pub fn describe(family: Family, entry: &Entry) -> Result<Element, KeaError> {
    let (name, mut map) = match &entry.event {
        Event::Lease(event) => (name_of_lease(event.change), lease(family, event)?),
        Event::Reservation(event) => (name_of_reservation(event.change), reservation(family, event)?),
    };
    map.set("event", &Element::text(name)?)?;
    map.set("number", &Element::integer(entry.number)?)?;
    map.set("time", &Element::integer(entry.time)?)?;
    Ok(map)
}

fn name_of_lease(change: LeaseChange) -> &'static str {
    match change {
        LeaseChange::Committed => "lease-committed",
        LeaseChange::Released => "lease-released",
        LeaseChange::Declined => "lease-declined",
        LeaseChange::Expired => "lease-expired",
    }
}

fn name_of_reservation(change: ReservationChange) -> &'static str {
    match change {
        ReservationChange::Added => "reservation-added",
        ReservationChange::Updated => "reservation-updated",
        ReservationChange::Removed => "reservation-removed",
        ReservationChange::Pinned => "reservation-pinned",
    }
}

fn lease(family: Family, event: &LeaseEvent) -> Result<Element, KeaError> {
    let mut map = Element::map()?;
    map.set("subnet-id", &Element::integer(event.subnet)?)?;
    map.set("ip-address", &Element::text(&event.address.to_string())?)?;
    if family == Family::V6 {
        map.set("iaid", &Element::integer(event.iaid)?)?;
        map.set("type", &Element::text(if event.prefix_length.is_some() { "IA_PD" } else { "IA_NA" })?)?;
    }
    if let Some(length) = event.prefix_length {
        map.set("prefix-len", &Element::integer(length)?)?;
    }
    if let (LeaseChange::Committed, Some(expires)) = (event.change, event.expires) {
        map.set("expire", &Element::integer(expires)?)?;
    }
    let identifiers =
        [("hw-address", &event.hw_address), ("client-id", &event.client_id), ("duid", &event.duid)];
    for (name, value) in identifiers.into_iter().filter(|(_, value)| !value.is_empty()) {
        map.set(name, &Element::text(&Colons(value).to_string())?)?;
    }
    set_bytes(&mut map, "hostname", Some(&event.hostname))?;
    set_bytes(&mut map, "owner", event.owner.as_deref())?;
    Ok(map)
}

fn reservation(family: Family, event: &ReservationEvent) -> Result<Element, KeaError> {
    let reservation = event.reserved.reservation();
    let mut map = summary(family, reservation)?;
    map.set("source", &Element::text(&event.source)?)?;
    set_bytes(&mut map, "hostname", Some(&reservation.hostname))?;
    let owner = event.reserved.owner();
    set_bytes(&mut map, "owner", owner.as_deref())?;
    let before = event.before.as_ref().and_then(Reserved::owner);
    if before != owner {
        set_bytes(&mut map, "previous-owner", before.as_deref())?;
    }
    Ok(map)
}

/// Where there is something to say.
fn set_bytes(map: &mut Element, name: &str, value: Option<&[u8]>) -> Result<(), KeaError> {
    match value {
        Some(value) if !value.is_empty() => map.set(name, &Element::bytes(value)?),
        _ => Ok(()),
    }
}
