//! Giving an object up: its reservations are released, then the finalizer goes.

use std::collections::BTreeSet;
use std::sync::Arc;

use futures::future::join_all;
use kube::ResourceExt;
use kube::runtime::controller::Action;

use super::apply::not_removed;
use super::finding::{Attended, Finding, Obstacle};
use super::pace::Wait;
use super::reconcile::{Error, action};
use super::status::StatusError;
use super::triage::{Why, without_ours};
use super::validate;
use super::{Context, dereference, notices, status};
use crate::crd::{NetworkConfiguration, NetworkConfigurationStatus};
use crate::domain::{Claimant, Interface, Mac, Outcome, Removal};
use crate::kea::{Change, Changed, KeaError, Member, Presence};

/// Releases what the object has and lets it go; retries while Kea is away.
pub async fn give_up(
    object: &NetworkConfiguration,
    why: Why,
    context: &Arc<Context>,
    working: Presence<'_>,
) -> Result<Action, Error> {
    context.withdraw(&object.uid().unwrap_or_default());
    let released = if why == Why::DeletedKeeping { Ok(()) } else { release_all(object, context).await };
    // What is left is for the cluster: nobody needs to wait for more from here.
    drop(working);
    if why == Why::DeletedKeeping {
        context.objects.notify(object, &notices::cleanup_skipped()).await;
    } else if let Err((servers, error)) = released {
        if !context.is_overdue(object) {
            return wait(object, context, servers, error).await;
        }
        context.objects.notify(object, &notices::cleanup_timed_out(&error)).await;
    }
    let mut current = object.clone();
    if matches!(why, Why::NotOurs(_)) {
        // Whoever serves the object now reports on it; addresses that are no longer reserved must not stay behind.
        let _turn = context.turn().await;
        let version = context
            .objects
            .write_status(object, &NetworkConfigurationStatus::default())
            .await
            .map_err(StatusError)?;
        context.wrote(object, &version);
        current.metadata.resource_version = Some(version);
    }
    let _turn = context.turn().await;
    let version = context.objects.set_finalizers(&current, &without_ours(object.finalizers())).await?;
    match version {
        Some(version) => context.wrote(object, &version),
        None => context.forget(object),
    }
    Ok(action(object, context, Wait::Change))
}

/// Reports that the release waits, and for what.
async fn wait(
    object: &NetworkConfiguration,
    context: &Arc<Context>,
    servers: Vec<Attended>,
    error: KeaError,
) -> Result<Action, Error> {
    let finding = Finding {
        servers,
        prefix: None,
        subnet: None,
        caveat: None,
        options: None,
        interfaces: unknown(object),
        unreleased: validate::memory(object),
        obstacle: Some(Obstacle::Kea(error)),
    };
    let wait = finding.wait();
    status::report(context, object, object.status.as_ref(), &finding).await?;
    Ok(action(object, context, wait))
}

fn unknown(object: &NetworkConfiguration) -> Vec<(Interface, Outcome)> {
    validate::interfaces(object).into_iter().map(|interface| (interface, Outcome::Unknown)).collect()
}

/// Removes the object's reservations from every server: those that its status remembers, and those of its spec, which may
/// have been made without having been reported.
async fn release_all(
    object: &NetworkConfiguration,
    context: &Arc<Context>,
) -> Result<(), (Vec<Attended>, KeaError)> {
    let of_spec = validate::interfaces(object).into_iter().filter_map(|interface| interface.wish.mac());
    let remembered = validate::memory(object).into_iter().map(|remembered| remembered.mac);
    let macs: BTreeSet<Mac> = of_spec.chain(remembered).chain(context.leftovers.take(object)).collect();
    let macs: Vec<Mac> = macs.into_iter().collect();
    let claimant = context.claimant(object, None, &macs);
    let waiting = context.fleet.wait();
    let outcomes = join_all(context.fleet.members().iter().map(|member| {
        let (claimant, macs) = (&claimant, &macs);
        async move { (member.name().to_owned(), release_on(member, claimant, macs).await) }
    }))
    .await;
    drop(waiting);
    let mut removed = BTreeSet::new();
    let mut servers = Vec::new();
    let mut failure = None;
    for (name, outcome) in outcomes {
        let trouble = match outcome {
            Ok(removals) => {
                removed.extend(removals);
                None
            }
            Err(error) => {
                failure.get_or_insert(error.clone());
                Some(Obstacle::Kea(error))
            }
        };
        servers.push(Attended { name, trouble });
    }
    for removal in &removed {
        context.objects.notify(object, &notices::released(removal)).await;
    }
    failure.map_or(Ok(()), |error| Err((servers, error)))
}

async fn release_on(member: &Member, claimant: &Claimant, macs: &[Mac]) -> Result<Vec<Removal>, KeaError> {
    if macs.is_empty() {
        return Ok(vec![]);
    }
    let holdings = dereference::holdings(member, macs).await?;
    let removals: Vec<Removal> =
        macs.iter().flat_map(|mac| claimant.surplus(*mac, &holdings, |_| false)).collect();
    let results = member.change(removals.iter().copied().map(Change::Remove).collect()).await?;
    if let Some(error) = results.iter().find_map(|result| not_removed(member, result)) {
        return Err(error);
    }
    let done = removals.into_iter().zip(results).filter(|(_, result)| *result == Changed::Done);
    Ok(done.map(|(removal, _)| removal).collect())
}
