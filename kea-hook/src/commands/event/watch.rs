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

/// Whose the client's reservation is, in the embedded store or the server's memory; rather one in the subnet of the
/// lease. None where the client has no reservation.
fn owner_of_reservation(hook: &Commands, lease: &Lease<'_>) -> Result<Option<Owner>, KeaError> {
    let stores = hook.open_stores();
    let query = |subnet, (kind, identifier)| Query {
        family: Some(lease.family),
        subnet,
        by: By::Identifier(kind, identifier),
    };
    let kept = |subnet| {
        let queries = lease.identifiers().map(move |identifier| query(subnet, identifier));
        queries.flat_map(|query| stores.iter().flat_map(move |store| store.find(&query)))
    };
    // What Kea itself has just asked for, and found there nearly always.
    if let Some(stored) = kept(Some(lease.subnet)).next() {
        return Ok(Some(owner::of(&stored.reservation.body)));
    }
    let mut elsewhere = None;
    for source in Sources::of(Target::Memory)?.iter() {
        for identifier in lease.identifiers() {
            for host in source.find(&query(None, identifier))? {
                let owner = host.owner(owner::MEMBER)?;
                if host.reservation()?.subnet(lease.family) == Some(lease.subnet) {
                    return Ok(Some(owner));
                }
                elsewhere.get_or_insert(owner);
            }
        }
    }
    Ok(elsewhere.or_else(|| kept(None).next().map(|stored| owner::of(&stored.reservation.body))))
}
