//! One object, from what is wished for to what is reported.

use std::collections::BTreeSet;
use std::sync::Arc;
use std::time::Duration;

use k8s_openapi::apimachinery::pkg::apis::meta::v1::ObjectMeta;
use kube::core::error_boundary::InvalidObject;
use kube::runtime::controller::Action;
use kube::{Resource, ResourceExt};

use super::apply::{self, Applied};
use super::finding::{Attended, Caveat, Finding, Obstacle};
use super::give_up::{give_up, give_up_unread};
use super::pace::Wait;
use super::status::{self, StatusError};
use super::triage::{Claim, Why, with_ours};
use super::validate;
use super::{Context, counted, dereference, notices};
use crate::crd::{AnyConfiguration, NetworkConfiguration, NetworkNamespace};
use crate::domain::{Desired, Interface, Mac, Outcome, Removal, Step, Steps, Wish, plan, unclear};
use crate::kea::{Fleet, KeaError, Member, Presence};
use crate::source::SourceError;
use crate::telemetry::metrics::{ObjectKey, object_key};

/// How soon an object is looked at that has to wait for the operator itself, such as for a cached copy that is older than its
/// own last write.
pub const CATCH_UP: Duration = Duration::from_millis(250);

/// Why a reconciliation ended early: the object's source did not take a write. All else is reported in the status.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// The status.
    #[error(transparent)]
    Status(#[from] StatusError),
    /// The finalizer.
    #[error("cannot write the finalizers: {0}")]
    Finalizer(#[from] SourceError),
}

impl Error {
    fn source_error(&self) -> &SourceError {
        match self {
            Self::Status(StatusError(error)) | Self::Finalizer(error) => error,
        }
    }
}

/// Reconciles one object.
#[tracing::instrument(level = "debug", skip_all, fields(namespace = metadata(object).namespace, name = metadata(object).name))]
pub async fn reconcile(
    object: &Result<NetworkConfiguration, InvalidObject>,
    context: &Arc<Context>,
) -> Result<Action, Error> {
    let object = match object {
        Ok(object) => object,
        Err(invalid) => {
            let metadata = invalid.metadata.clone();
            let shell = NetworkConfiguration { metadata, ..NetworkConfiguration::default() };
            // To let it go, what it says need not be understood.
            if let Claim::GiveUp(why @ (Why::Deleted | Why::DeletedKeeping)) =
                context.policy.triage(&shell, None)
            {
                return give_up_unread(&shell, why, context).await;
            }
            context.objects.notify(&shell, &notices::malformed(&invalid.error)).await;
            return Ok(Action::await_change());
        }
    };
    if context.writings.is_stale(object) {
        return Ok(Action::requeue(CATCH_UP));
    }
    match attempt(object, context).await {
        // Nothing is left to report on.
        Err(error) if *error.source_error() == SourceError::Gone => {
            context.forget(object);
            Ok(Action::await_change())
        }
        Err(error) => {
            let first = !context.pace.is_retrying(&object.uid().unwrap_or_default());
            if first && matches!(error, Error::Status(StatusError(SourceError::Conflict(_)))) {
                context.objects.notify(object, &notices::status_conflict(&error)).await;
            }
            tracing::warn!(namespace = object.namespace(), name = object.name_any(), %error, "will try again");
            Err(error)
        }
        done => done,
    }
}

fn metadata(object: &Result<NetworkConfiguration, InvalidObject>) -> &ObjectMeta {
    match object {
        Ok(object) => &object.metadata,
        Err(invalid) => &invalid.metadata,
    }
}

/// When to try again after an error.
pub fn retry(object: &AnyConfiguration, context: &Context) -> Action {
    let uid = object.uid().unwrap_or_default();
    Action::requeue(context.pace.retry(&uid, object.meta().generation))
}

async fn attempt(object: &NetworkConfiguration, context: &Arc<Context>) -> Result<Action, Error> {
    let _present = context.fleet.attend();
    let working = context.fleet.work();
    let _hurry = context.hurried.lock().remove(&key(object)).then(|| context.fleet.hurry());
    let namespace = dereference::namespace(object, &context.namespaces);
    match context.policy.triage(object, namespace.as_deref().ok()) {
        Claim::Leave(reason) => {
            tracing::debug!(
                namespace = object.namespace(),
                name = object.name_any(),
                reason = reason.word(),
                "left alone"
            );
            context.withdraw(&object.uid().unwrap_or_default());
            Ok(Action::await_change())
        }
        Claim::GiveUp(why) => give_up(object, why, context, working).await,
        Claim::Serve => {
            let namespace = namespace.map_err(Obstacle::from).and_then(|namespace| {
                context.policy.check_defaults(object, &namespace)?;
                Ok(namespace)
            });
            let wait = serve(object, namespace, context, working).await?;
            Ok(action(object, context, wait))
        }
    }
}

/// The wait, as the queue takes it.
pub fn action(object: &NetworkConfiguration, context: &Context, wait: Wait) -> Action {
    let uid = object.uid().unwrap_or_default();
    match wait {
        Wait::Retry => Action::requeue(context.pace.retry(&uid, object.metadata.generation)),
        Wait::For(time) => {
            context.pace.reset(&uid);
            Action::requeue(time)
        }
        Wait::Change => {
            context.pace.reset(&uid);
            Action::await_change()
        }
    }
}

async fn serve(
    object: &NetworkConfiguration,
    namespace: Result<Arc<NetworkNamespace>, Obstacle>,
    context: &Arc<Context>,
    working: Presence<'_>,
) -> Result<Wait, Error> {
    let mut finding = Finding {
        servers: vec![],
        prefix: None,
        subnet: None,
        caveat: None,
        options: None,
        interfaces: untouched(validate::interfaces(object)),
        unreleased: validate::memory(object),
        obstacle: None,
    };
    let surveyed = match namespace {
        Ok(namespace) => {
            claim(object, context).await?;
            survey(object, &namespace, &mut finding, context).await
        }
        Err(obstacle) => Err(obstacle),
    };
    let mut seen_to = None;
    match surveyed {
        Err(obstacle) => finding.obstacle = Some(obstacle),
        Ok(survey) => {
            let Survey { mut plans, macs } = survey;
            let uid = object.uid().unwrap_or_default();
            if let Some(subnet) = &finding.subnet {
                context.seat(&uid, subnet, &mut plans);
            }
            context.leftovers.add(&uid, made(&plans));
            let applied = apply::apply(&context.fleet, plans, &context.policy.owner(object)).await;
            settle(&uid, &mut finding, &applied);
            context.unseat(&uid, &refused(&finding));
            counted::applied(&context.metrics, object, &finding, &applied);
            tell(object, context, &finding, &applied).await;
            // On a server that is away, it may still be there: whoever finds it there must not be forgotten here.
            seen_to = finding.servers.iter().all(|server| server.trouble.is_none()).then_some(macs);
        }
    }
    // What is left is for the cluster: nobody needs to wait for more from here.
    drop(working);
    context.waiting.note(object, &finding);
    status::report(context, object, object.status.as_ref(), &finding).await?;
    if let Some(macs) = seen_to {
        context.leftovers.settle(&object.uid().unwrap_or_default(), &macs);
    }
    Ok(finding.wait())
}

/// The object as the feed knows it.
fn key(object: &NetworkConfiguration) -> ObjectKey {
    object_key(object.namespace().as_deref(), &object.name_any())
}

fn untouched(interfaces: Vec<Interface>) -> Vec<(Interface, Outcome)> {
    interfaces
        .into_iter()
        .map(|interface| {
            let outcome = match &interface.wish {
                Wish::Invalid { reason, .. } | Wish::Unreadable(reason) => {
                    Outcome::Invalid { held: None, reason: reason.clone() }
                }
                Wish::Taken(reason) => Outcome::Conflict { held: None, leased: None, reason: reason.clone() },
                Wish::Reserve { .. } => Outcome::Unknown,
            };
            (interface, outcome)
        })
        .collect()
}

/// Puts our finalizer on the object, under its present name.
async fn claim(object: &NetworkConfiguration, context: &Context) -> Result<(), Error> {
    let finalizers = with_ours(object.finalizers());
    if object.finalizers() != finalizers {
        let _turn = context.turn().await;
        if let Some(version) = context.objects.set_finalizers(object, &finalizers).await? {
            context.writings.wrote(object, &version);
        }
    }
    Ok(())
}

/// What is to be done on each server.
struct Survey {
    plans: Vec<(Arc<Member>, Steps)>,
    /// All devices that it is about: those of the spec, and those that the object may still have.
    macs: BTreeSet<Mac>,
}

/// Devices that a reservation is to be made for.
fn made(plans: &[(Arc<Member>, Steps)]) -> BTreeSet<Mac> {
    let steps = plans.iter().flat_map(|(_, steps)| &steps.interfaces);
    steps.filter_map(|step| if let Step::Put(put) = step { Some(put.mac) } else { None }).collect()
}

/// Reads and plans. What is learnt on the way stays in `finding`, however far it gets.
async fn survey(
    object: &NetworkConfiguration,
    namespace: &NetworkNamespace,
    finding: &mut Finding,
    context: &Context,
) -> Result<Survey, Obstacle> {
    let prefix = validate::prefix(namespace)?;
    finding.prefix = Some(prefix);
    let interfaces = validate::in_prefix(validate::interfaces(object), prefix, object);
    let interfaces = context.contest(object, prefix, interfaces);
    finding.interfaces = untouched(interfaces.clone());
    let wished: BTreeSet<Mac> = interfaces.iter().filter_map(|interface| interface.wish.mac()).collect();
    let leftovers: BTreeSet<Mac> = if tells_all(interfaces.iter()) {
        let remembered = finding.unreleased.iter().map(|remembered| remembered.mac);
        remembered.chain(context.leftovers.of(object)).filter(|mac| !wished.contains(mac)).collect()
    } else {
        BTreeSet::new()
    };
    let macs: Vec<Mac> = wished.iter().chain(&leftovers).copied().collect();
    let claimant = context.claimant(object, Some(prefix), &macs);
    let leftovers = leftovers.into_iter().collect();
    let desired =
        Desired { claimant, prefix, interfaces, leftovers, rules: validate::rules(object, context.rules) };
    // A subnet is made for devices, and for nothing else.
    let wanted = context.creation.wanted(namespace, prefix).filter(|_| !wished.is_empty());
    let wanted = wanted.as_ref().map(|wanted| (&context.creation, wanted));
    let sight = dereference::observe(&context.fleet, prefix, &macs, wanted).await;
    let (members, mut views): (Vec<_>, Vec<_>) = sight.seen.into_iter().unzip();
    finding.servers = attended(&context.fleet, &members, &sight.troubles);
    note_absences(&sight.troubles);
    let Some(first) = views.first() else {
        let first = sight.troubles.into_iter().next();
        return Err(first.map_or_else(|| Obstacle::Kea(no_server()), |(_, obstacle)| obstacle));
    };
    finding.subnet = Some(first.subnet.clone());
    let lost = views.iter().find_map(|view| context.creation.caveat(&view.server, view.subnet.id));
    finding.caveat = Caveat::of_views(&views).or(lost.map(Caveat::NotPersisted));
    if let Some(member) = members.first() {
        // What is not known stays as it was reported.
        let told = member.network_options(first.subnet.id).await.ok();
        finding.options = told.map(|told| told.or(&validate::options(namespace)));
    }
    let now = k8s_openapi::jiff::Timestamp::now().as_second();
    let mut steps = plan(&desired, &views, now);
    let mut closer = false;
    for ((member, view), steps) in members.iter().zip(&mut views).zip(&steps) {
        let macs = unclear(&desired, view, steps);
        closer |= !macs.is_empty();
        dereference::look_closer(member, view, &macs).await?;
    }
    if closer {
        steps = plan(&desired, &views, now);
    }
    Ok(Survey { plans: members.into_iter().zip(steps).collect(), macs: macs.into_iter().collect() })
}

/// Devices that Kea has no reservation for, since it refused it.
fn refused(finding: &Finding) -> BTreeSet<Mac> {
    let interfaces = finding.interfaces.iter();
    let refused = interfaces.filter(|(_, outcome)| {
        matches!(outcome, Outcome::Conflict { held: None, .. } | Outcome::Refused { held: None, .. })
    });
    refused.filter_map(|(interface, _)| interface.wish.mac()).collect()
}

/// Whether every interface tells its device. A MAC address that was mistyped must not cost the device its address.
fn tells_all<'a>(mut interfaces: impl Iterator<Item = &'a Interface>) -> bool {
    interfaces.all(|interface| !matches!(interface.wish, Wish::Unreadable(_)))
}

fn no_server() -> KeaError {
    KeaError::Unreachable { server: "none".into(), cause: "no server is set".into() }
}

/// How the object found each server, in the servers' order.
fn attended(fleet: &Fleet, seen: &[Arc<Member>], troubles: &[(Arc<Member>, Obstacle)]) -> Vec<Attended> {
    debug_assert_eq!(seen.len() + troubles.len(), fleet.members().len());
    fleet
        .members()
        .iter()
        .map(|member| {
            let trouble = troubles.iter().find(|(away, _)| Arc::ptr_eq(away, member));
            Attended { name: member.name().into(), trouble: trouble.map(|(_, obstacle)| obstacle.clone()) }
        })
        .collect()
}

/// Servers that could not be asked are behind, until all objects have been seen to again.
fn note_absences(troubles: &[(Arc<Member>, Obstacle)]) {
    for (member, obstacle) in troubles {
        if obstacle.is_absence() {
            member.falls_behind();
        }
    }
}

/// Takes over what the plans came to.
fn settle(uid: &str, finding: &mut Finding, applied: &[(Arc<Member>, Applied)]) {
    for (member, applied) in applied {
        if applied.error.is_none() {
            member.seen_to(uid);
        }
        if let Some(error) = &applied.error {
            let trouble = Obstacle::Kea(error.clone());
            if trouble.is_absence() {
                member.falls_behind();
            }
            if let Some(server) = finding.servers.iter_mut().find(|server| server.name == member.name()) {
                server.trouble = Some(trouble);
            }
        }
    }
    let done = applied.iter().filter(|(_, applied)| applied.error.is_none()).count();
    // What was settled without a change counts on servers that then failed, too: it was read there.
    for (place, (_, outcome)) in finding.interfaces.iter_mut().enumerate() {
        let of_servers = applied.iter().filter_map(|(member, applied)| {
            Some((member.name().to_owned(), applied.outcomes.get(place)?.clone()))
        });
        *outcome = Outcome::merge(of_servers.collect());
    }
    if done == 0 {
        finding.obstacle = applied.iter().find_map(|(_, applied)| applied.error.clone()).map(Obstacle::Kea);
    } else if tells_all(finding.interfaces.iter().map(|(interface, _)| interface)) {
        // All releases are done where they can be; what a server that is away still has is found when it returns.
        finding.unreleased.clear();
    }
}

async fn tell(
    object: &NetworkConfiguration,
    context: &Context,
    finding: &Finding,
    applied: &[(Arc<Member>, Applied)],
) {
    let removed: BTreeSet<Removal> =
        applied.iter().flat_map(|(_, applied)| applied.removed.clone()).collect();
    for removal in &removed {
        context.objects.notify(object, &notices::released(removal)).await;
    }
    let added: BTreeSet<usize> = applied.iter().flat_map(|(_, applied)| applied.added.clone()).collect();
    let added = added.into_iter().filter_map(|place| finding.interfaces.get(place));
    if let Some(subnet) = &finding.subnet
        && let Some(notice) = notices::reserved(added, subnet)
    {
        context.objects.notify(object, &notice).await;
    }
}

#[cfg(test)]
#[path = "reconcile_tests.rs"]
mod tests;
