//! Carries plans out, on every server.

use std::sync::Arc;

use futures::future::join_all;

use crate::domain::{
    Absence, Known, Mac, Outcome, Owner, Ownership, Put, Removal, Reservation, Step, Steps, Wanted,
    address_taken,
};
use crate::kea::{Change, Changed, Fleet, KeaError, Member};

/// What a plan came to on one server.
#[derive(Clone, Debug, Default)]
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

impl Applied {
    /// Nothing was done, for this reason.
    fn failed(steps: Steps, error: KeaError) -> Self {
        let outcomes = steps.interfaces.into_iter().map(settled).collect();
        Self { outcomes, error: Some(error), ..Self::default() }
    }

    /// Nothing was done, since the server should have what was written to another, and does not.
    fn not_shared(steps: Steps, member: &Member, writer: &Member) -> Self {
        let error = KeaError::NotShared { server: member.name().into(), other: writer.name().into() };
        Self::failed(steps, error)
    }

    /// Remembers the first that was done, by its place.
    fn and_keep(self, steps: Steps, first: &mut Option<(usize, Steps)>, place: usize) -> Self {
        if first.is_none() && self.error.is_none() {
            *first = Some((place, steps));
        }
        self
    }
}

/// Carries out the plan of each server. They are changed at the same time, and each by itself: that one fails keeps no other
/// from being right. Of those that share a host database, one is changed, and the others are looked at.
pub async fn apply(
    fleet: &Fleet,
    plans: Vec<(Arc<Member>, Steps)>,
    owner: &Owner,
) -> Vec<(Arc<Member>, Applied)> {
    let _waiting = fleet.wait();
    let members: Vec<Arc<Member>> = plans.iter().map(|(member, _)| member.clone()).collect();
    let groups = if plans.iter().any(|(_, steps)| steps.change_something()) {
        fleet.groups(&members).await
    } else {
        members.iter().map(|member| vec![member.clone()]).collect()
    };
    let steps_of = |member: &Arc<Member>| {
        plans
            .iter()
            .find(|(other, _)| Arc::ptr_eq(other, member))
            .map(|(_, steps)| steps.clone())
            .unwrap_or_default()
    };
    let groups = groups.into_iter().map(|group| {
        let plans: Vec<(Arc<Member>, Steps)> =
            group.into_iter().map(|member| (member.clone(), steps_of(&member))).collect();
        on_group(fleet, plans, owner)
    });
    let mut applied: Vec<(Arc<Member>, Applied)> = join_all(groups).await.into_iter().flatten().collect();
    // The first server is the one to believe first.
    applied.sort_by_key(|(member, _)| members.iter().position(|other| Arc::ptr_eq(other, member)));
    applied
}

/// The same on servers that share a host database, or may do so: what was done on one of them is done on all that wished for
/// the same, if they see it.
async fn on_group(
    fleet: &Fleet,
    plans: Vec<(Arc<Member>, Steps)>,
    owner: &Owner,
) -> Vec<(Arc<Member>, Applied)> {
    let mut done: Vec<(Arc<Member>, Applied)> = vec![];
    let mut written: Option<(usize, Steps)> = None;
    for (member, steps) in plans {
        let first = written.as_ref().and_then(|(place, there)| Some((done.get(*place)?, there)));
        let applied = match first {
            Some(((writer, applied), there)) if *there == steps && steps.change_something() => {
                on_follower(fleet, writer, applied, &member, steps, owner).await
            }
            Some(((writer, _), _)) if !fleet.is_sharing_found_out() && steps.change_something() => {
                Applied::not_shared(steps, &member, writer)
            }
            _ => on_one(&member, steps.clone(), owner).await.and_keep(steps, &mut written, done.len()),
        };
        done.push((member, applied));
    }
    done
}

/// Looks at a server whose database was written to by another one, the `writer`, and writes to it if it is its own after all.
async fn on_follower(
    fleet: &Fleet,
    writer: &Member,
    there: &Applied,
    member: &Member,
    steps: Steps,
    owner: &Owner,
) -> Applied {
    let sees = if fleet.is_read_back() { sees(member, &steps, there).await } else { Ok(Some(true)) };
    match sees {
        Err(error) => Applied::failed(steps, error),
        // Nothing was written that it could see.
        Ok(None) => there.clone(),
        Ok(Some(true)) => {
            member.sees_the_same_as(writer, true).await;
            there.clone()
        }
        Ok(Some(false)) if fleet.is_sharing_found_out() => {
            member.sees_the_same_as(writer, false).await;
            on_one(member, steps, owner).await
        }
        Ok(Some(false)) => Applied::not_shared(steps, member, writer),
    }
}

/// Whether a server has what was done by `steps` on another; none where nothing was done.
async fn sees(member: &Member, steps: &Steps, done: &Applied) -> Result<Option<bool>, KeaError> {
    let puts: Vec<&Put> = done
        .added
        .iter()
        .filter_map(|place| match steps.interfaces.get(*place) {
            Some(Step::Put(put)) => Some(put),
            _ => None,
        })
        .collect();
    let is_put = |removal: &&Removal| {
        puts.iter().any(|put| put.mac == removal.mac && put.subnet_id == removal.subnet_id)
    };
    let removed: Vec<&Removal> = done.removed.iter().filter(|removal| !is_put(removal)).collect();
    let macs: Vec<Mac> =
        puts.iter().map(|put| put.mac).chain(removed.iter().map(|removal| removal.mac)).collect();
    if macs.is_empty() {
        return Ok(None);
    }
    let known = member.look_up(macs).await?;
    let (of_puts, of_removed) = known.split_at(puts.len().min(known.len()));
    let in_subnet =
        |known: &Known, id: u32| known.reservations.iter().find(|found| found.subnet_id == id).cloned();
    let is_there = puts.iter().zip(of_puts).all(|(put, known)| {
        in_subnet(known, put.subnet_id).is_some_and(|found| match put.address {
            Wanted::Address(address) => found.address() == Some(address),
            Wanted::OfNextLease | Wanted::None => true,
        })
    });
    let is_gone =
        removed.iter().zip(of_removed).all(|(removal, known)| in_subnet(known, removal.subnet_id).is_none());
    Ok(Some(is_there && is_gone))
}

async fn on_one(member: &Member, steps: Steps, owner: &Owner) -> Applied {
    let puts = steps.interfaces.iter().filter_map(|step| match step {
        Step::Put(put) => Some(Change::Put(Box::new(put.clone()), owner.clone())),
        Step::Settled(_) => None,
    });
    let changes: Vec<Change> = steps.removals.iter().copied().map(Change::Remove).chain(puts).collect();
    let results = match member.change(changes).await {
        Ok(results) => results,
        Err(error) => return Applied::failed(steps, error),
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
