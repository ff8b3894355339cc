//! Whose leases are told of.

use kea_ffi::element::KeaError;
use kea_ffi::host::{By, Query};
use kea_ffi::hosts::{Sources, Target};
use kea_ffi::lease::{Lease, LeaseChange};

use super::now;
use crate::commands::Commands;
use crate::config::EventLeases;
use crate::journal::{Event, LeaseEvent};
use crate::owner;

/// Who owns a reservation; none where nobody does.
type Owner = Option<Vec<u8>>;

/// Takes down what became of a lease, if its client is watched. Packets wait for this: it asks what is in memory only.
pub fn lease_changed(hook: &Commands, change: LeaseChange, lease: &Lease<'_>) {
    let events = &hook.events;
    if events.leases == EventLeases::None || events.journal.size() == 0 {
        return;
    }
    // A reservation that cannot be asked for is none: no packet may fail for this.
    let reserved = owner_of_reservation(hook, lease).unwrap_or_default();
    if reserved.is_none() && events.leases == EventLeases::Reserved {
        return;
    }
    let event = LeaseEvent::new(change, lease, reserved.flatten());
    events.journal.record(now(), [Event::Lease(event)]);
}

/// Whose the client's reservation is, in the server's memory or the embedded store; rather one in the subnet of the
/// lease. None where the client has no reservation.
fn owner_of_reservation(hook: &Commands, lease: &Lease<'_>) -> Result<Option<Owner>, KeaError> {
    let mut elsewhere = None;
    let (memory, stores) = (Sources::of(Target::Memory)?, hook.open_stores());
    for (kind, identifier) in lease.identifiers() {
        let query = Query { family: Some(lease.family), subnet: None, by: By::Identifier(kind, identifier) };
        for source in memory.iter() {
            for host in source.find(&query)? {
                let owner = host.owner(owner::MEMBER)?;
                if host.reservation()?.subnet(lease.family) == Some(lease.subnet) {
                    return Ok(Some(owner));
                }
                elsewhere.get_or_insert(owner);
            }
        }
        for stored in stores.iter().flat_map(|store| store.find(&query)) {
            let owner = owner::of(&stored.reservation.body);
            if stored.reservation.subnet(lease.family) == Some(lease.subnet) {
                return Ok(Some(owner));
            }
            elsewhere.get_or_insert(owner);
        }
    }
    Ok(elsewhere)
}
