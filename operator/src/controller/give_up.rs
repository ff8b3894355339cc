//! Giving an object up: its reservations are released, then the finalizer goes.

use std::sync::Arc;

use kube::ResourceExt;
use kube::runtime::controller::Action;

use super::apply::{self, ApplyError};
use super::finding::{Finding, Obstacle};
use super::pace::Wait;
use super::reconcile::{Error, action};
use super::status::StatusError;
use super::triage::{Why, without_ours};
use super::validate::{self, Remembered};
use super::{Context, dereference, notices, status};
use crate::crd::{NetworkConfiguration, NetworkConfigurationStatus};
use crate::domain::{Interface, Outcome, Release, plan_releases};
use crate::kea::KeaError;

/// Releases what the object has and lets it go; retries while Kea is away.
pub async fn give_up(
    object: &NetworkConfiguration,
    why: Why,
    context: &Arc<Context>,
) -> Result<Action, Error> {
    if why == Why::DeletedKeeping {
        context.objects.notify(object, &notices::cleanup_skipped()).await;
    } else if let Err(error) = release_all(object, context).await {
        let waiting = Finding {
            server: context.kea.name().into(),
            prefix: None,
            subnet: None,
            interfaces: unknown(object),
            unreleased: validate::memory(object),
            obstacle: Some(Obstacle::Kea(error)),
        };
        let wait = waiting.wait();
        status::report(context, object, object.status.as_ref(), &waiting).await?;
        return Ok(action(object, context, wait));
    }
    let mut current = object.clone();
    if why == Why::NotOurs {
        // Whoever serves the object now reports on it; addresses that are no longer reserved must not stay behind.
        let version = context
            .objects
            .write_status(object, &NetworkConfigurationStatus::default())
            .await
            .map_err(StatusError)?;
        context.wrote(object, &version);
        current.metadata.resource_version = Some(version);
    }
    let version = context.objects.set_finalizers(&current, &without_ours(object.finalizers())).await?;
    match version {
        Some(version) => context.wrote(object, &version),
        None => context.forget(object),
    }
    Ok(action(object, context, Wait::Change))
}

fn unknown(object: &NetworkConfiguration) -> Vec<(Interface, Outcome)> {
    validate::interfaces(object).into_iter().map(|interface| (interface, Outcome::Unknown)).collect()
}

async fn release_all(object: &NetworkConfiguration, context: &Arc<Context>) -> Result<(), KeaError> {
    let memory: Vec<Remembered> = validate::memory(object);
    if memory.is_empty() {
        return Ok(());
    }
    let subnets = context.kea.subnets().await?;
    let releases: Vec<Release> = validate::releases(&memory, &subnets, |_, _| false);
    let observed = dereference::observe_releases(&context.kea, &releases).await?;
    let releases = plan_releases(&context.policy.owner(object), releases, &observed);
    let mut removed = Vec::new();
    let outcome = apply::release(&context.kea, releases, &mut removed).await;
    for release in &removed {
        context.objects.notify(object, &notices::released(release)).await;
    }
    outcome.map_err(|error: ApplyError| error.kea().clone())
}
