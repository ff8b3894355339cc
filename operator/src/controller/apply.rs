//! Carries plans out, on every server.

use std::sync::Arc;

use futures::future::join_all;

use crate::domain::{
    Absence, Outcome, Owner, Ownership, Put, Removal, Reservation, Step, Steps, Wanted, address_taken,
};
use crate::kea::{Change, Changed, Fleet, KeaError, Member};

/// What a plan came to on one server.
#[derive(Debug, Default)]
pub struct Applied {
    /// Reservations that were removed.
    pub removed: Vec<Removal>,
    /// Interfaces, by place, whose address is reserved now and was not before.
    pub added: Vec<usize>,
    /// One outcome per interface; `Unknown` where nothing was done.
    pub outcomes: Vec<Outcome>,
    /// Why it was not carried out.
    pub error: Option<KeaError>,
}

/// Carries out the plan of each server. They are changed at the same time, and each by itself: that one fails keeps no other
/// from being right.
pub async fn apply(
    fleet: &Fleet,
    plans: Vec<(Arc<Member>, Steps)>,
    owner: &Owner,
) -> Vec<(Arc<Member>, Applied)> {
    let _waiting = fleet.wait();
    join_all(plans.into_iter().map(|(member, steps)| async move {
        let applied = on_one(&member, steps, owner).await;
        (member, applied)
    }))
    .await
}

async fn on_one(member: &Member, steps: Steps, owner: &Owner) -> Applied {
    let puts = steps.interfaces.iter().filter_map(|step| match step {
        Step::Put(put) => Some(Change::Put(Box::new(put.clone()), owner.clone())),
        Step::Settled(_) => None,
    });
    let changes: Vec<Change> = steps.removals.iter().copied().map(Change::Remove).chain(puts).collect();
    let results = match member.change(changes).await {
        Ok(results) => results,
        Err(error) => {
            let outcomes = steps.interfaces.into_iter().map(settled).collect();
            return Applied { outcomes, error: Some(error), ..Applied::default() };
        }
    };
    let (of_removals, of_puts) = results.split_at(steps.removals.len().min(results.len()));
    let removed = steps.removals.iter().zip(of_removals).filter(|(_, result)| **result == Changed::Done);
    let mut applied = Applied {
        removed: removed.map(|(removal, _)| *removal).collect(),
        // What was not removed must not be forgotten.
        error: of_removals.iter().find_map(|result| not_removed(member, result)),
        ..Applied::default()
    };
    let mut of_puts = of_puts.iter();
    for (place, step) in steps.interfaces.into_iter().enumerate() {
        let outcome = match step {
            Step::Settled(outcome) => outcome,
            Step::Put(put) => {
                let outcome = match of_puts.next() {
                    Some(result) => outcome(member, &put, result.clone()).await,
                    None => Outcome::Unknown,
                };
                if matches!(outcome, Outcome::Reserved { .. }) {
                    applied.added.push(place);
                }
                outcome
            }
        };
        applied.outcomes.push(outcome);
    }
    applied
}

/// Why a removal failed. That somebody else has the reservation by now is no failure.
pub fn not_removed(member: &Member, result: &Changed) -> Option<KeaError> {
    match result {
        Changed::Refused(text) => Some(KeaError::Refused {
            server: member.name().into(),
            command: "the removal of a reservation".into(),
            text: text.clone(),
        }),
        Changed::Done | Changed::Pending | Changed::Conflict(_) => None,
    }
}

fn settled(step: Step) -> Outcome {
    match step {
        Step::Settled(outcome) => outcome,
        Step::Put(_) => Outcome::Unknown,
    }
}

async fn outcome(member: &Member, put: &Put, changed: Changed) -> Outcome {
    let address = match put.address {
        Wanted::Address(address) => Some(address),
        Wanted::OfNextLease | Wanted::None => None,
    };
    let (held, leased) = (put.replaces.as_ref().and_then(Reservation::address), put.leased);
    match (changed, address) {
        (Changed::Done, Some(address)) => Outcome::Reserved { mac: put.mac, address, owned: true },
        (Changed::Done | Changed::Pending, _) => {
            Outcome::Waiting { mac: put.mac, absence: Absence::NoLease, held: true }
        }
        (Changed::Conflict(holder), address) => {
            let holder = named(member, holder).await;
            let reason = match (address, &holder) {
                (Some(address), holder) => address_taken(put.mac, address, leased, holder.as_ref()),
                (None, Some(holder)) => format!("a reservation exists already for {}", holder.holder()),
                (None, None) => "another reservation is in the way".into(),
            };
            Outcome::Conflict { held, leased, reason }
        }
        (Changed::Refused(reason), address) => {
            // The subnet may be gone, or have another prefix now.
            member.forget_subnets().await;
            Outcome::Refused { held, leased, address, reason }
        }
    }
}

/// The holder of an address with the object that it is reserved for, where that can be read; brief answers name the operator
/// alone.
async fn named(member: &Member, holder: Option<Reservation>) -> Option<Reservation> {
    let brief = holder?;
    let unnamed = matches!(&brief.ownership, Ownership::Owned { object: None, .. });
    match brief.address() {
        Some(address) if unnamed => {
            let whole = member.server().reservation_at(brief.subnet_id, address).await;
            Some(whole.ok().flatten().unwrap_or(brief))
        }
        _ => Some(brief),
    }
}
