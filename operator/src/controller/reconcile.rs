//! One object, from what is wished for to what is reported.

use std::sync::Arc;
use std::time::Duration;

use kube::runtime::controller::Action;
use kube::{Resource, ResourceExt};

use super::apply::{self, Applied, ApplyError};
use super::finding::{Finding, Obstacle};
use super::give_up::give_up;
use super::pace::Wait;
use super::status::{self, StatusError};
use super::triage::{Claim, with_ours};
use super::validate::{self, Remembered};
use super::{Context, dereference, notices};
use crate::crd::{AnyConfiguration, NetworkConfiguration, NetworkNamespace};
use crate::domain::{Desired, Interface, Outcome, Plan, Wish, plan};
use crate::source::SourceError;

/// How soon an object is looked at whose cached copy is older than the operator's own last write.
const CATCH_UP: Duration = Duration::from_millis(250);

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
pub async fn reconcile(object: Arc<AnyConfiguration>, context: Arc<Context>) -> Result<Action, Error> {
    let object = match &object.0 {
        Ok(object) => object,
        Err(invalid) => {
            let metadata = invalid.metadata.clone();
            let shell = NetworkConfiguration { metadata, ..NetworkConfiguration::default() };
            context.objects.notify(&shell, &notices::malformed(&invalid.error)).await;
            return Ok(Action::await_change());
        }
    };
    if context.is_stale(object) {
        return Ok(Action::requeue(CATCH_UP));
    }
    match attempt(object, &context).await {
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

/// When to try again after an error.
pub fn retry(object: &AnyConfiguration, context: &Context) -> Action {
    let uid = object.uid().unwrap_or_default();
    Action::requeue(context.pace.retry(&uid, object.meta().generation))
}

async fn attempt(object: &NetworkConfiguration, context: &Arc<Context>) -> Result<Action, Error> {
    let namespace = dereference::namespace(object, &context.namespaces);
    match context.policy.triage(object, namespace.as_deref().ok()) {
        Claim::Leave => Ok(Action::await_change()),
        Claim::GiveUp(why) => give_up(object, why, context).await,
        Claim::Serve => {
            let wait = serve(object, namespace.map_err(Obstacle::from), context).await?;
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
) -> Result<Wait, Error> {
    let mut finding = Finding {
        server: context.kea.name().into(),
        prefix: None,
        subnet: None,
        interfaces: untouched(validate::interfaces(object)),
        unreleased: validate::memory(object),
        obstacle: None,
    };
    let mut previous = object.status.clone();
    let planned = match namespace {
        Ok(namespace) => {
            claim(object, context).await?;
            survey(object, &namespace, &mut finding, context).await
        }
        Err(obstacle) => Err(obstacle),
    };
    match planned {
        Err(obstacle) => finding.obstacle = Some(obstacle),
        Ok((desired, plan)) => {
            if forgets(&plan, &desired, &finding.unreleased) {
                // What is about to be reserved must be remembered first: the operator can be killed at any moment.
                set_outcomes(&mut finding, plan.interfaces.clone());
                previous = Some(status::report(context, object, previous.as_ref(), &finding).await?);
            }
            let applied = apply::apply(&context.kea, &desired, plan).await;
            settle(&mut finding, &desired, &applied);
            tell(object, context, &finding, &applied).await;
        }
    }
    status::report(context, object, previous.as_ref(), &finding).await?;
    Ok(finding.wait())
}

fn untouched(interfaces: Vec<Interface>) -> Vec<(Interface, Outcome)> {
    interfaces
        .into_iter()
        .map(|interface| {
            let outcome = match &interface.wish {
                Wish::Invalid(reason) => Outcome::Invalid(reason.clone()),
                Wish::Reserve(_) => Outcome::Unknown,
            };
            (interface, outcome)
        })
        .collect()
}

/// Puts our finalizer on the object, under its present name.
async fn claim(object: &NetworkConfiguration, context: &Context) -> Result<(), Error> {
    let finalizers = with_ours(object.finalizers());
    if object.finalizers() != finalizers
        && let Some(version) = context.objects.set_finalizers(object, &finalizers).await?
    {
        context.wrote(object, &version);
    }
    Ok(())
}

/// Reads and plans. What is learnt on the way stays in `finding`, however far it gets.
async fn survey(
    object: &NetworkConfiguration,
    namespace: &NetworkNamespace,
    finding: &mut Finding,
    context: &Context,
) -> Result<(Desired, Plan), Obstacle> {
    let prefix = validate::prefix(namespace)?;
    finding.prefix = Some(prefix);
    let subnets = context.kea.subnets().await?;
    let subnet = validate::subnet(prefix, &subnets)?;
    finding.subnet = Some(subnet.clone());
    let interfaces: Vec<Interface> =
        finding.interfaces.iter().map(|(interface, _)| interface.clone()).collect();
    let wished = |mac| interfaces.iter().any(|interface| interface.wish == Wish::Reserve(mac));
    let releases =
        validate::releases(&finding.unreleased, &subnets, |mac, found| wished(mac) && found.id == subnet.id);
    let desired = Desired { owner: context.policy.owner(object), prefix, subnet, interfaces, releases };
    let now = k8s_openapi::jiff::Timestamp::now().as_second();
    let observed = dereference::observe(&context.kea, &desired, now).await?;
    let plan = plan(&desired, &observed);
    Ok((desired, plan))
}

/// Whether the plan reserves something that the status does not remember.
fn forgets(plan: &Plan, desired: &Desired, memory: &[Remembered]) -> bool {
    plan.interfaces.iter().any(|outcome| match outcome {
        Outcome::Pin { mac, .. } => !memory.contains(&Remembered { mac: *mac, prefix: desired.prefix }),
        _ => false,
    })
}

fn set_outcomes(finding: &mut Finding, outcomes: Vec<Outcome>) {
    for ((_, old), new) in finding.interfaces.iter_mut().zip(outcomes) {
        *old = new;
    }
}

/// Takes over what a plan came to.
fn settle(finding: &mut Finding, desired: &Desired, applied: &Applied) {
    set_outcomes(finding, applied.interfaces.clone());
    finding.obstacle = applied.error.as_ref().map(|error| Obstacle::Kea(error.kea().clone()));
    if !matches!(applied.error, Some(ApplyError::Remove { .. })) {
        // All releases are done: what is wished for now is all that there can be.
        finding.unreleased.clear();
    }
    debug_assert_eq!(finding.interfaces.len(), desired.interfaces.len());
}

async fn tell(object: &NetworkConfiguration, context: &Context, finding: &Finding, applied: &Applied) {
    for release in &applied.removed {
        context.objects.notify(object, &notices::released(release)).await;
    }
    for place in &applied.added {
        if let (Some((interface, outcome)), Some(subnet)) = (finding.interfaces.get(*place), &finding.subnet)
            && let Some(notice) = notices::reserved(interface, outcome, subnet)
        {
            context.objects.notify(object, &notice).await;
        }
    }
}

#[cfg(test)]
#[path = "reconcile_tests.rs"]
mod tests;
