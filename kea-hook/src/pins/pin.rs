//! Reserves the addresses that clients lease.

use std::collections::BTreeMap;
use std::sync::Arc;

use kea_ffi::client_leases;
use kea_ffi::client_leases::ClientLease;
use kea_ffi::element::Element;
use kea_ffi::host::{By, Family, Identifier, IdentifierType, Query, Reservation};
use kea_ffi::hosts::{Source, SourceKind, Sources, Target};

use super::registry::Client;
use crate::apply::{Item, Order, Verdict};
use crate::commands::reservation::apply::attempts::{Mode, carry_out};
use crate::commands::reservation::apply::item;
use crate::commands::reservation::apply::places::Batch;
use crate::commands::{CommandError, Commands};
use crate::journal::{ReservationChange, ReservationEvent, Reserved};
use crate::store::Store;
use crate::{owner, wish};

/// What became of a wish.
pub enum Outcome {
    /// There is none in any source.
    NoWish,
    /// Its client has no valid lease in the subnet.
    Waits,
    /// The address is reserved.
    Pinned,
    /// The address cannot be reserved, and why.
    Refused(String),
}

/// The wishes of one owner in one source that can be fulfilled.
struct Job {
    clients: Vec<Client>,
    batch: Batch,
}

/// Where a job is, and whose.
type Place = (usize, Option<Vec<u8>>);

/// Fulfils the wishes of these clients as far as that can be done, and tells what became of each. How many addresses were
/// reserved.
pub fn pin(
    hook: &Commands,
    store: Option<&Store>,
    clients: Vec<(Client, Vec<ClientLease>)>,
    mut tell: impl FnMut(&Client, Outcome),
) -> Result<usize, CommandError> {
    let family = hook.family;
    let all = Sources::of(Target::All)?;
    let sources: Vec<Source<'_>> = all.iter().collect();
    let mut jobs = BTreeMap::new();
    for (client, seen) in clients {
        match prepare(family, &sources, store, &client, &seen, &mut jobs) {
            Ok(Some(outcome)) => tell(&client, outcome),
            Ok(None) => {}
            Err(error) => tell(&client, Outcome::Refused(error.to_string())),
        }
    }
    let mut pinned = 0;
    for ((index, _), job) in jobs {
        match run(hook, sources[index], store, &job) {
            Ok(outcomes) => {
                for (client, outcome) in job.clients.iter().zip(outcomes) {
                    pinned += usize::from(matches!(outcome, Outcome::Pinned));
                    tell(client, outcome);
                }
            }
            Err(error) => {
                job.clients.iter().for_each(|client| tell(client, Outcome::Refused(error.to_string())));
            }
        }
    }
    Ok(pinned)
}

/// Adds to the jobs what can be done for a client. What became of its wish where there is nothing to do.
fn prepare(
    family: Family,
    sources: &[Source<'_>],
    store: Option<&Store>,
    client: &Client,
    seen: &[ClientLease],
    jobs: &mut BTreeMap<Place, Job>,
) -> Result<Option<Outcome>, CommandError> {
    let query = Query::in_subnet(family, client.subnet, By::Identifier(client.kind, &client.value));
    let mut outcome = Some(Outcome::NoWish);
    let mut addresses = None;
    for (index, source) in sources.iter().enumerate() {
        for (old, given) in wishes_of(family, *source, store, &query)? {
            if addresses.is_none() {
                addresses = Some(addresses_of(family, client, seen)?);
            }
            let Some(addresses) = addresses.as_ref().filter(|addresses| !addresses.is_empty()) else {
                return Ok(Some(Outcome::Waits));
            };
            let (host, reservation) = item::with_addresses(family, &given, addresses)?;
            let owner = owner::of(&old.body);
            let job = jobs
                .entry((index, owner.clone()))
                .or_insert_with(|| Job { clients: Vec::new(), batch: Batch::new(Order::new(family, owner)) });
            job.clients.push(client.clone());
            job.batch.push(Ok((Some(host), reservation)));
            outcome = None;
        }
    }
    Ok(outcome)
}

/// The wishes that a query means, each with the JSON from which it can be read again.
fn wishes_of(
    family: Family,
    source: Source<'_>,
    store: Option<&Store>,
    query: &Query<'_>,
) -> Result<Vec<(Reservation, Element)>, CommandError> {
    let mut wishes = Vec::new();
    if let (SourceKind::Store, Some(store)) = (source.kind(), store) {
        // The host that Kea sees lacks options that the configuration does not know. They must not get lost.
        for stored in store.find(query) {
            let reservation = &stored.reservation;
            if wish::is_pending(reservation) {
                let mut given = Element::from_json(&String::from_utf8_lossy(&reservation.body))?;
                given.set("subnet-id", &Element::integer(reservation.subnet(family).unwrap_or_default())?)?;
                wishes.push((reservation.clone(), given));
            }
        }
        return Ok(wishes);
    }
    for host in source.find(query)? {
        let reservation = host.stored_form()?;
        if wish::is_pending(&reservation) {
            wishes.push((reservation, host.element(family)?));
        }
    }
    Ok(wishes)
}

/// The addresses that a client leases in its subnet now.
fn addresses_of(family: Family, client: &Client, seen: &[ClientLease]) -> Result<Vec<String>, CommandError> {
    // Kea cannot be asked for leases of a hardware address, but a lease that the client was seen with names it.
    let mut leases = if (family, client.kind) == (Family::V6, IdentifierType::HwAddress) {
        client_leases::of_mac(seen, &client.value)?
    } else {
        let identifier = Identifier { kind: client.kind, value: client.value.clone() };
        client_leases::of_client(family, &identifier)?
    };
    leases.retain(|lease| lease.subnet == client.subnet);
    Ok(item::addresses_of(family, &leases))
}

fn run(
    hook: &Commands,
    source: Source<'_>,
    store: Option<&Store>,
    job: &Job,
) -> Result<Vec<Outcome>, CommandError> {
    let combined = carry_out(hook, &[source], store, &job.batch, Mode::ItemByItem, |_| Ok(()))?.combined;

    let name: Arc<str> = Arc::from(source.name()?);
    let mut outcomes = Vec::with_capacity(job.clients.len());
    let mut events = Vec::new();
    for (place, wanted) in job.batch.order.wanted.iter().enumerate() {
        outcomes.push(match combined.verdict(Item::Wanted(place)) {
            Some((_, Verdict::Conflict(refusal))) => Outcome::Refused(refusal.to_string()),
            Some((_, Verdict::Invalid(reason))) => Outcome::Refused(reason.clone()),
            _ => {
                let reserved =
                    |pinned: &Reservation| Reserved::Owned(pinned.clone(), job.batch.order.owner.clone());
                events.extend(wanted.as_ref().ok().map(|pinned| ReservationEvent {
                    change: ReservationChange::Pinned,
                    source: Arc::clone(&name),
                    reserved: reserved(pinned),
                    before: None,
                }));
                Outcome::Pinned
            }
        });
    }
    hook.events.reservations(events.into_iter());
    Ok(outcomes)
}
