//! Giving an object up: its reservations are released, then the finalizer goes.

use std::collections::BTreeSet;
use std::sync::Arc;

use futures::future::join_all;
use kube::ResourceExt;
use kube::runtime::controller::Action;

use super::apply::not_removed;
use super::finding::{Attended, Finding, Obstacle};
use super::pace::Wait;
use super::reconcile::{CATCH_UP, Error, action};
use super::status::StatusError;
use super::triage::{Why, without_ours};
use super::validate;
use super::{Context, dereference, notices, status, sweep};
use crate::crd::{NetworkConfiguration, NetworkConfigurationStatus};
use crate::domain::{Claimant, Interface, Mac, Outcome, Removal};
use crate::kea::{Change, Changed, ErrorClass, Fleet, KeaError, Member, Presence};

/// Releases what the object has and lets it go; retries while Kea is away.
pub async fn give_up(
    object: &NetworkConfiguration,
    why: Why,
    context: &Arc<Context>,
    working: Presence<'_>,
) -> Result<Action, Error> {
    context.withdraw(&object.uid().unwrap_or_default());
    // What it was reserved before this process began may be in no status: the first sweep tells.
    if why != Why::DeletedKeeping && !context.swept.is_cancelled() {
        return Ok(Action::requeue(CATCH_UP));
    }
    let released = if why == Why::DeletedKeeping { Ok(()) } else { release_all(object, context).await };
    // What is left is for the cluster: nobody needs to wait for more from here.
    drop(working);
    if why == Why::DeletedKeeping {
        context.objects.notify(object, &notices::cleanup_skipped()).await;
    } else if let Err((servers, error)) = released {
        if !context.is_overdue(object) {
            return wait(object, why, context, servers, error).await;
        }
        context.objects.notify(object, &notices::cleanup_timed_out(&error)).await;
    }
    context.leftovers.forget(&object.uid().unwrap_or_default());
    let mut current = object.clone();
    let remaining = without_ours(object.finalizers());
    if matches!(why, Why::NotOurs(_)) || (why == Why::Deleted && !remaining.is_empty()) {
        // Whoever serves or holds the object now reports on it; addresses that are no longer reserved must not stay behind.
        let _turn = context.turn().await;
        let version = context
            .objects
            .write_status(object, &NetworkConfigurationStatus::default())
            .await
            .map_err(StatusError)?;
        context.writings.wrote(object, &version);
        current.metadata.resource_version = Some(version);
    }
    let _turn = context.turn().await;
    let version = context.objects.set_finalizers(&current, &remaining).await?;
    match version {
        Some(version) => context.writings.wrote(object, &version),
        None => context.forget(object),
    }
    Ok(action(object, context, Wait::Change))
}

/// Lets an object go of which nothing but the metadata can be read: what it has is found by its mark in Kea.
pub async fn give_up_unread(
    shell: &NetworkConfiguration,
    why: Why,
    context: &Arc<Context>,
) -> Result<Action, Error> {
    let working = context.fleet.work();
    let uid = shell.uid().unwrap_or_default();
    context.withdraw(&uid);
    if why == Why::Deleted {
        for member in context.fleet.members() {
            match sweep::devices_of(context, member, &uid).await {
                Ok(macs) => context.leftovers.add(&uid, macs),
                Err(error) if context.is_overdue(shell) => {
                    context.objects.notify(shell, &notices::cleanup_timed_out(&error)).await;
                }
                Err(error) => {
                    tracing::warn!(
                        namespace = shell.namespace(), name = shell.name_any(), %error,
                        "cannot release reservations of a malformed object; will try again"
                    );
                    return Ok(action(shell, context, Wait::Retry));
                }
            }
        }
    }
    give_up(shell, why, context, working).await
}

/// Reports that the release waits, and for what. The status of an object that is somebody else's now is theirs.
async fn wait(
    object: &NetworkConfiguration,
    why: Why,
    context: &Arc<Context>,
    servers: Vec<Attended>,
    error: KeaError,
) -> Result<Action, Error> {
    if matches!(why, Why::NotOurs(_)) {
        tracing::warn!(
            namespace = object.namespace(), name = object.name_any(), %error,
            "cannot release reservations of an object that is not ours any more; will try again"
        );
    }
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
    // Of an object that cannot be read, the status is not known.
    let is_read = object.status.is_some() || !object.spec.network_interfaces.is_empty();
    if why == Why::Deleted && is_read {
        status::report(context, object, object.status.as_ref(), &finding).await?;
    }
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
    let macs: BTreeSet<Mac> = of_spec.chain(remembered).chain(context.leftovers.of(object)).collect();
    let macs: Vec<Mac> = macs.into_iter().collect();
    let claimant = context.claimant(object, None, &macs);
    let waiting = context.fleet.wait();
    let groups = context.fleet.groups(context.fleet.members()).await;
    let outcomes = groups.iter().map(|group| release_on_group(&context.fleet, group, &claimant, &macs));
    let mut outcomes: Vec<_> = join_all(outcomes).await.into_iter().flatten().collect();
    outcomes.sort_by_key(|(name, _)| context.fleet.members().iter().position(|member| member.name() == name));
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
                let trouble = Obstacle::Kea(error);
                // All that waits comes back when it answers again, however long it was to wait.
                if let Some(member) = context.fleet.members().iter().find(|member| member.name() == name)
                    && trouble.is_absence()
                {
                    member.falls_behind();
                }
                Some(trouble)
            }
        };
        servers.push(Attended { name, trouble });
    }
    for removal in &removed {
        context.objects.notify(object, &notices::released(removal)).await;
    }
    failure.map_or(Ok(()), |error| Err((servers, error)))
}

/// Servers that share a database are asked one after the other: what one has removed, the next does not have. One that is away
/// has nothing either where another has removed it.
async fn release_on_group(
    fleet: &Fleet,
    group: &[Arc<Member>],
    claimant: &Claimant,
    macs: &[Mac],
) -> Vec<(String, Result<Vec<Removal>, KeaError>)> {
    let mut outcomes = Vec::with_capacity(group.len());
    for member in group {
        outcomes.push((member.name().to_owned(), release_on(member, claimant, macs).await));
    }
    if outcomes.iter().any(|(_, outcome)| outcome.is_ok()) && fleet.is_shared(group).await {
        for (_, outcome) in &mut outcomes {
            if outcome.as_ref().is_err_and(|error| error.class() == ErrorClass::Network) {
                *outcome = Ok(vec![]);
            }
        }
    }
    outcomes
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
