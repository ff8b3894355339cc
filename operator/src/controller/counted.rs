//! What reconciliations come to, as metrics.

use std::collections::BTreeSet;
use std::sync::Arc;
use std::time::Duration;

use k8s_openapi::jiff::Timestamp;
use kube::ResourceExt;
use kube::core::error_boundary::InvalidObject;
use kube::runtime::controller::Action;

use super::apply::Applied;
use super::creation::CreationError;
use super::finding::{Finding, Obstacle};
use super::reconcile::{self, Error};
use super::triage::{Claim, Why};
use super::validate::ValidateError;
use super::{Context, created, dereference};
use crate::crd::{AnyConfiguration, NetworkConfiguration, NetworkInterface};
use crate::domain::{Mac, Outcome, SubnetError, Wish};
use crate::kea::Member;
use crate::telemetry::Metrics;
use crate::telemetry::metrics::{self, ErrorType, Phase, SkipReason, object_key};

/// Reconciles one object, and counts it.
pub async fn reconcile(object: Arc<AnyConfiguration>, context: Arc<Context>) -> Result<Action, Error> {
    let key = object_key(object.namespace().as_deref(), &object.name_any());
    let work = context.metrics.reconciliation_began(&key);
    let object = object.read();
    let outcome = reconcile::reconcile(&object, &context).await;
    match standing(&object, &context) {
        Standing::Served(phase) => context.metrics.object_is_served(key, phase),
        Standing::Skipped(reason) => context.metrics.object_is_skipped(key, reason),
    }
    if outcome.is_err() {
        context.metrics.reconciliation_error(ErrorType::Source);
    }
    work.ended(if outcome.is_ok() { metrics::Outcome::Success } else { metrics::Outcome::Error });
    outcome
}

enum Standing {
    /// With the phase that its status has, where it is not written anew.
    Served(Phase),
    Skipped(SkipReason),
}

fn standing(object: &Result<NetworkConfiguration, InvalidObject>, context: &Context) -> Standing {
    let Ok(object) = object else { return Standing::Skipped(SkipReason::Malformed) };
    let namespace = dereference::namespace(object, &context.namespaces).ok();
    match context.policy.triage(object, namespace.as_deref()) {
        Claim::GiveUp(Why::Deleted | Why::DeletedKeeping) => Standing::Served(Phase::Deleting),
        Claim::Serve => {
            let phase = object.status.as_ref().and_then(|status| status.phase.as_deref());
            Standing::Served(phase.and_then(Phase::of).unwrap_or(Phase::Reconciling))
        }
        Claim::GiveUp(Why::NotOurs(reason)) | Claim::Leave(reason) => Standing::Skipped(reason),
    }
}

/// Counts what is wrong, each kind once.
pub fn errors(metrics: &Metrics, finding: &Finding) {
    let troubles = finding.servers.iter().filter_map(|server| server.trouble.as_ref());
    let of_obstacles = troubles.chain(&finding.obstacle).map(of_obstacle);
    let of_outcomes = finding.interfaces.iter().filter_map(|(_, outcome)| match outcome {
        Outcome::Conflict { .. } => Some(ErrorType::Conflict),
        Outcome::Refused { .. } | Outcome::Invalid { .. } => Some(ErrorType::Validation),
        _ => None,
    });
    for error in of_obstacles.chain(of_outcomes).collect::<BTreeSet<_>>() {
        metrics.reconciliation_error(error);
    }
}

fn of_obstacle(obstacle: &Obstacle) -> ErrorType {
    match obstacle {
        Obstacle::Kea(error) | Obstacle::Creation(CreationError::Kea { error, .. }) => error.class().into(),
        Obstacle::Subnet(ValidateError::Subnet(
            SubnetError::NotFound { .. } | SubnetError::Ambiguous { .. },
        )) => ErrorType::Resource,
        Obstacle::Namespace(_) | Obstacle::Creation(_) | Obstacle::Subnet(_) => ErrorType::Validation,
    }
}

/// Counts reservations that were not on a server as the object's status says, and the time that a new object waited.
pub fn applied(
    metrics: &Metrics,
    object: &NetworkConfiguration,
    finding: &Finding,
    applied: &[(Arc<Member>, Applied)],
) {
    let before: BTreeSet<Mac> =
        object.status.iter().flat_map(|status| &status.network_interfaces).filter_map(reserved).collect();
    for (member, applied) in applied {
        for (place, outcome) in applied.outcomes.iter().enumerate() {
            let mac = finding.interfaces.get(place).and_then(|(interface, _)| interface.wish.mac());
            if mac.is_none_or(|mac| !before.contains(&mac)) {
                continue;
            }
            let repaired = applied.added.contains(&place);
            if repaired || !matches!(outcome, Outcome::Reserved { .. } | Outcome::Unknown) {
                metrics.drift_found(member.name());
            }
            if repaired {
                metrics.drift_repaired(member.name());
            }
        }
    }
    for (interface, outcome) in &finding.interfaces {
        if let Outcome::Reserved { mac, .. } = outcome
            && matches!(interface.wish, Wish::Reserve { requested: None, .. })
            && !before.contains(mac)
        {
            metrics.lease_reserved(&mac.to_string(), Timestamp::now().as_millisecond());
        }
    }
    let reserved = |(_, outcome): &(_, Outcome)| matches!(outcome, Outcome::Reserved { .. });
    if before.is_empty() && finding.interfaces.iter().any(reserved) && created(object) != 0 {
        let age = Timestamp::now().as_second().saturating_sub(created(object));
        metrics.object_reserved_after(Duration::from_secs(age.try_into().unwrap_or_default()));
    }
}

fn reserved(interface: &NetworkInterface) -> Option<Mac> {
    interface.mac_address.as_deref()?.parse().ok().filter(|_| interface.dhcp_reserved == Some(true))
}
