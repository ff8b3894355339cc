//! The status: computed from a finding, written where it differs from what is there.

use k8s_openapi::apimachinery::pkg::apis::meta::v1::{Condition, Time};
use k8s_openapi::jiff::Timestamp;

use super::Context;
use super::conditions::{self, Saying, Truth};
use super::finding::Finding;
use super::validate::{ALLOCATION_METHOD, Remembered, remembered};
use super::{counted, notices};
use crate::crd::{NetworkConfiguration, NetworkConfigurationStatus, NetworkInterface};
use crate::domain::{Mac, Outcome};
use crate::source::SourceError;

/// Why a status was not written.
#[derive(Debug, thiserror::Error)]
#[error("cannot write the status: {0}")]
pub struct StatusError(#[from] pub SourceError);

/// The object's state in one word, with the word that `status.status` has for it and the reason of `Ready`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Phase {
    /// On the way.
    Reconciling,
    /// All that is wished for is there.
    Ready,
    /// Somebody has to do something.
    Error,
    /// Being released.
    Deleting,
}

impl Phase {
    fn words(self) -> (&'static str, &'static str, Truth, &'static str) {
        match self {
            Self::Reconciling => ("Reconciling", "InProgress", Truth::False, "Reconciling"),
            Self::Ready => ("Ready", "Success", Truth::True, "Configured"),
            Self::Error => ("Error", "Failed", Truth::False, "Error"),
            Self::Deleting => ("Deleting", "InProgress", Truth::False, "Reconciling"),
        }
    }
}

/// Computes the status for `finding`, writes it if it says anything new, and tells people about transitions. Returns the
/// status that the object has now.
pub async fn report(
    context: &Context,
    object: &NetworkConfiguration,
    previous: Option<&NetworkConfigurationStatus>,
    finding: &Finding,
) -> Result<NetworkConfigurationStatus, StatusError> {
    let now = now();
    let status = compute(object, previous, finding, &now);
    counted::errors(&context.metrics, finding);
    let written = !says_the_same(previous, &status);
    if written {
        let turn = context.turn().await;
        let version = context.objects.write_status(object, &status).await?;
        context.writings.wrote(object, &version);
        drop(turn);
        for notice in notices::transitions(previous, &status) {
            context.objects.notify(object, &notice).await;
        }
    }
    context.writings.settle(object, written);
    Ok(status)
}

/// The present, in whole seconds: the precision of times in Kubernetes objects.
fn now() -> Time {
    let now = Timestamp::now();
    Time(Timestamp::from_second(now.as_second()).unwrap_or(now))
}

/// Whether a status says nothing new. Conditions of other writers do not count.
fn says_the_same(previous: Option<&NetworkConfigurationStatus>, status: &NetworkConfigurationStatus) -> bool {
    previous.is_some_and(|previous| ours(previous) == *status)
}

/// A status without the conditions of other writers.
pub fn ours(status: &NetworkConfigurationStatus) -> NetworkConfigurationStatus {
    let mut ours = status.clone();
    ours.conditions.retain(|condition| conditions::TYPES.contains(&condition.type_.as_str()));
    ours.conditions.sort_by_key(|condition| {
        conditions::TYPES.iter().position(|kind| *kind == condition.type_).unwrap_or_default()
    });
    ours
}

/// The status that `finding` amounts to.
pub fn compute(
    object: &NetworkConfiguration,
    previous: Option<&NetworkConfigurationStatus>,
    finding: &Finding,
    now: &Time,
) -> NetworkConfigurationStatus {
    let network_interfaces = interfaces(object, previous, finding);
    let (phase, message) = verdict(object, finding);
    let message = conditions::in_bounds(message);
    let (word, status, truth, reason) = phase.words();
    let before = previous.map_or(&[][..], |previous| &previous.conditions);
    let ready = Saying::new(truth, reason, message.clone());
    let sayings = [
        (conditions::READY, ready),
        (conditions::SUBNET_RESOLVED, conditions::subnet_resolved(finding)),
        (conditions::LEASES_OBSERVED, conditions::leases_observed(finding)),
        (conditions::RESERVED, conditions::reserved(finding, &network_interfaces)),
        (conditions::KEA_REACHABLE, conditions::kea_reachable(finding, before)),
        (conditions::SERVERS_AGREE, conditions::servers_agree(finding)),
    ];
    let generation = object.metadata.generation;
    let conditions: Vec<Condition> =
        sayings.into_iter().map(|(kind, saying)| saying.condition(kind, before, generation, now)).collect();
    let created = previous.and_then(|previous| previous.created.clone());
    NetworkConfigurationStatus {
        conditions,
        phase: Some(word.into()),
        status: Some(status.into()),
        message: Some(message),
        created: created.or_else(|| object.metadata.creation_timestamp.clone()).or_else(|| Some(now.clone())),
        network_interfaces,
    }
}

fn verdict(object: &NetworkConfiguration, finding: &Finding) -> (Phase, String) {
    if object.metadata.deletion_timestamp.is_some() {
        let why = finding.obstacle.as_ref().map_or_else(String::new, |obstacle| format!(": {obstacle}"));
        return (Phase::Deleting, format!("releasing reservations{why}"));
    }
    let problems: Vec<String> = finding.interfaces.iter().filter_map(conditions::problem).collect();
    if let Some(obstacle) = &finding.obstacle {
        let phase = if obstacle.is_passing() { Phase::Reconciling } else { Phase::Error };
        return (phase, [vec![obstacle.to_string()], problems].concat().join("; "));
    }
    let waiting: Vec<String> = finding.interfaces.iter().filter_map(conditions::waiting).collect();
    let total = finding.interfaces.len();
    let reserved =
        finding.interfaces.iter().filter(|(_, outcome)| matches!(outcome, Outcome::Reserved { .. })).count();
    let count = format!("{reserved} of {total} interfaces reserved");
    let advice: Vec<String> = finding.interfaces.iter().filter_map(conditions::advice).collect();
    if !problems.is_empty() {
        return (Phase::Error, format!("{count}; {}", [problems, waiting].concat().join("; ")));
    }
    if !waiting.is_empty() {
        return (Phase::Reconciling, format!("{count}; {}", waiting.join("; ")));
    }
    match total {
        0 => (Phase::Ready, "No MAC addresses to configure".into()),
        _ if finding.interfaces.iter().any(|(_, outcome)| *outcome == Outcome::Unknown) => {
            (Phase::Reconciling, count)
        }
        _ => (Phase::Ready, [vec![count], advice].concat().join("; ")),
    }
}

/// The interfaces in the order of the spec, then those that are not released yet.
fn interfaces(
    object: &NetworkConfiguration,
    previous: Option<&NetworkConfigurationStatus>,
    finding: &Finding,
) -> Vec<NetworkInterface> {
    let before = previous.map_or(&[][..], |previous| &previous.network_interfaces);
    let mut entries: Vec<NetworkInterface> = object
        .spec
        .network_interfaces
        .iter()
        .zip(&finding.interfaces)
        .map(|(wished, (_, outcome))| {
            let known = mac_of(wished).and_then(|mac| known(before, mac, finding));
            NetworkInterface {
                name: wished.name.clone(),
                mac_address: wished.mac_address.clone(),
                vlan: wished.vlan.clone(),
                ..entry(known, outcome, finding)
            }
        })
        .collect();
    let remembered_now: Vec<Remembered> = entries.iter().filter_map(remembered).collect();
    let unreleased = before.iter().filter(|interface| {
        remembered(interface)
            .is_some_and(|old| finding.unreleased.contains(&old) && !remembered_now.contains(&old))
    });
    entries.extend(unreleased.cloned());
    entries
}

fn mac_of(interface: &NetworkInterface) -> Option<Mac> {
    interface.mac_address.as_deref()?.parse().ok()
}

/// What is known of a device from before: in the present prefix first, else in any.
fn known<'a>(before: &'a [NetworkInterface], mac: Mac, finding: &Finding) -> Option<&'a NetworkInterface> {
    let mut same = before.iter().filter(|interface| mac_of(interface) == Some(mac));
    let here = same.clone().find(|interface| remembered(interface).map(|old| old.prefix) == finding.prefix);
    here.or_else(|| same.next())
}

/// One interface by its outcome. `known` is kept whole where nothing new was learnt.
fn entry(known: Option<&NetworkInterface>, outcome: &Outcome, finding: &Finding) -> NetworkInterface {
    let known = known.cloned().unwrap_or_default();
    let (addresses, reserved) = match outcome {
        Outcome::Unknown => return known,
        Outcome::Invalid { held: None, .. } if finding.obstacle.is_some() => return known,
        Outcome::Invalid { held: None, .. } => return NetworkInterface::default(),
        Outcome::Invalid { held: Some(held), .. }
        | Outcome::Conflict { held: Some(held), .. }
        | Outcome::Refused { held: Some(held), .. } => (vec![held.to_string()], true),
        Outcome::Reserved { address, .. } => (vec![address.to_string()], true),
        Outcome::Conflict { leased, .. } | Outcome::Refused { leased, .. } => {
            (leased.iter().map(ToString::to_string).collect(), false)
        }
        Outcome::Unpinned { leased, .. } => (vec![leased.to_string()], false),
        Outcome::Waiting { .. } => (vec![], false),
    };
    let prefix = finding.prefix.map(|prefix| prefix.to_string());
    let same_network = known.ipv4_subnet == prefix;
    // IPv6 is others' finding, and options may not be known just now: they stay as long as the network does.
    let known = if same_network { known } else { NetworkInterface::default() };
    let (ipv4_gateway, dns) = match &finding.options {
        None => (known.ipv4_gateway.clone(), known.dns.clone()),
        Some(options) => (
            options.gateway.map(|gateway| gateway.to_string()),
            options.dns.iter().map(ToString::to_string).collect(),
        ),
    };
    NetworkInterface {
        ipv4_addresses: addresses,
        ipv4_subnet: prefix,
        dhcp_reserved: Some(reserved),
        ip_allocated: Some(reserved),
        allocation_method: Some(ALLOCATION_METHOD.into()),
        allocation_expiry: None,
        ipv4_gateway,
        dns,
        ..known
    }
}

#[cfg(test)]
#[path = "status_tests.rs"]
mod tests;
