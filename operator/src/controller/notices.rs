//! Events: what changed between two states of an object, for people.

use k8s_openapi::apimachinery::pkg::apis::meta::v1::Condition;

use super::conditions::{KEA_REACHABLE, LEASES_OBSERVED, READY, REASONS, RESERVED, SUBNET_RESOLVED, Truth};
use crate::crd::NetworkConfigurationStatus;
use crate::domain::{Interface, Outcome, Removal, Subnet};
use crate::source::Notice;

/// Every reason of an event that is a transition to the better, or to what is expected.
pub const NORMAL: &[&str] = &["Reserved", "Released", "NoLease", "KeaReachable", "CleanupSkipped"];

/// Every reason of an event that somebody should look at, besides those for which [`CONDITIONS_THAT_WARN`] became False.
pub const WARNINGS: &[&str] =
    &["Conflict", "Refused", "ValidationFailed", "StatusConflict", "CleanupTimedOut"];

/// Conditions whose reasons are reasons of events too.
pub const CONDITIONS_THAT_WARN: [&str; 2] = [KEA_REACHABLE, SUBNET_RESOLVED];

/// Whether it is listed above.
fn is_known(warning: bool, reason: &str) -> bool {
    let of_condition = || {
        let mut reasons = REASONS
            .iter()
            .filter(|(kind, truth, _)| *truth == Truth::False && CONDITIONS_THAT_WARN.contains(kind));
        reasons.any(|(.., reasons)| reasons.contains(&reason))
    };
    if warning { WARNINGS.contains(&reason) || of_condition() } else { NORMAL.contains(&reason) }
}

fn notice(warning: bool, reason: &str, note: impl Into<String>) -> Notice {
    debug_assert!(is_known(warning, reason), "{reason} is not listed");
    Notice { warning, reason: reason.into(), note: note.into() }
}

/// Interfaces got their reservations. One event tells of all of them: each is a write to the API server.
pub fn reserved<'a>(
    added: impl IntoIterator<Item = &'a (Interface, Outcome)>,
    subnet: &Subnet,
) -> Option<Notice> {
    let reserved = |(interface, outcome): &(Interface, Outcome)| match outcome {
        Outcome::Reserved { mac, address, .. } => {
            Some(format!("{address} for {} (MAC {mac})", interface.label))
        }
        _ => None,
    };
    let all: Vec<String> = added.into_iter().filter_map(reserved).collect();
    let note = || format!("reserved {} in Kea subnet {subnet}", all.join(", "));
    (!all.is_empty()).then(|| notice(false, "Reserved", note()))
}

/// A reservation was given up.
pub fn released(removal: &Removal) -> Notice {
    let Removal { mac, subnet_id } = removal;
    notice(false, "Released", format!("released the reservation of MAC {mac} in Kea subnet {subnet_id}"))
}

/// The object goes although Kea could not be asked to release its reservations.
pub fn cleanup_timed_out(error: &impl ToString) -> Notice {
    let error = error.to_string();
    notice(
        true,
        "CleanupTimedOut",
        format!("the object goes and its reservations may stay in Kea until a sweep finds them: {error}"),
    )
}

/// Reservations stay in Kea, as the object asks.
pub fn cleanup_skipped() -> Notice {
    notice(
        false,
        "CleanupSkipped",
        format!("reservations stay in Kea: annotation {} is \"true\"", super::SKIP_CLEANUP),
    )
}

/// The status cannot be written, since others own fields of it.
pub fn status_conflict(error: &impl ToString) -> Notice {
    let error = error.to_string();
    let remedy = "remove these fields from the status (kubectl patch --subresource=status --type=json), and they are written again";
    notice(true, "StatusConflict", format!("{error}; {remedy}"))
}

/// The object cannot be read.
pub fn malformed(error: &str) -> Notice {
    notice(true, "ValidationFailed", format!("the object is malformed and left as it is: {error}"))
}

/// What changed from `before` to `after`: each condition speaks when its status or its reason changes.
pub fn transitions(
    before: Option<&NetworkConfigurationStatus>,
    after: &NetworkConfigurationStatus,
) -> Vec<Notice> {
    let before = before.map_or(&[][..], |status| &status.conditions);
    let whole = find(&after.conditions, READY).map_or("", |ready| ready.message.as_str());
    after.conditions.iter().filter_map(|now| transition(find(before, &now.type_), now, whole)).collect()
}

fn find<'a>(conditions: &'a [Condition], kind: &str) -> Option<&'a Condition> {
    conditions.iter().find(|condition| condition.type_ == kind)
}

/// What one condition has to say. `Reserved` is brief for the sake of `kubectl get`; `whole` tells the same at length.
fn transition(before: Option<&Condition>, now: &Condition, whole: &str) -> Option<Notice> {
    let was = before.map(|before| (before.status.as_str(), before.reason.as_str()));
    let is = (now.status.as_str(), now.reason.as_str());
    if was == Some(is) {
        return None;
    }
    let note = now.message.clone();
    match (now.type_.as_str(), is) {
        (KEA_REACHABLE, ("True", _)) if was.is_some_and(|(status, _)| status == "False") => {
            Some(notice(false, "KeaReachable", note))
        }
        (KEA_REACHABLE | SUBNET_RESOLVED, ("False", reason)) => Some(notice(true, reason, note)),
        (LEASES_OBSERVED, ("False", _)) => Some(notice(false, "NoLease", note)),
        (RESERVED, ("False", "Conflict")) => Some(notice(true, "Conflict", whole)),
        (RESERVED, ("False", "Refused")) => Some(notice(true, "Refused", whole)),
        (RESERVED, ("False", "InvalidInterface")) => Some(notice(true, "ValidationFailed", whole)),
        _ => None,
    }
}
