//! The conditions of a NetworkConfiguration: their types, their reasons, and what each says about a finding.

use k8s_openapi::apimachinery::pkg::apis::meta::v1::{Condition, Time};

use super::finding::{Caveat, Finding, Obstacle};
use crate::crd::NetworkInterface;
use crate::domain::{Absence, Interface, Outcome, PinMode};
use crate::kea::{ErrorClass, KeaError};

/// Every interface has what it wishes for. Agrees with `phase`, always.
pub const READY: &str = "Ready";
/// The NetworkNamespace's prefix leads to one subnet of Kea.
pub const SUBNET_RESOLVED: &str = "SubnetResolved";
/// Every device has a lease, or needs none any more.
pub const LEASES_OBSERVED: &str = "LeasesObserved";
/// Every interface has a reservation; the message lists the addresses.
pub const RESERVED: &str = "Reserved";
/// A Kea server answers.
pub const KEA_REACHABLE: &str = "KeaReachable";
/// Every Kea server has what the object wishes for.
pub const SERVERS_AGREE: &str = "ServersAgree";

/// Every condition type, in the order of the status.
pub const TYPES: [&str; 6] =
    [READY, SUBNET_RESOLVED, LEASES_OBSERVED, RESERVED, KEA_REACHABLE, SERVERS_AGREE];

/// Every reason that a condition can have, by its type and its status.
pub const REASONS: &[(&str, Truth, &[&str])] = &[
    (READY, Truth::True, &["Configured"]),
    (READY, Truth::False, &["Reconciling", "Error"]),
    (SUBNET_RESOLVED, Truth::True, &["Resolved", "NotPersisted", "NumbersDiffer"]),
    (
        SUBNET_RESOLVED,
        Truth::False,
        &[
            "NamespaceMissing",
            "NamespaceAmbiguous",
            "NamespaceMalformed",
            "NamespaceUnreadable",
            "NamespaceNotReady",
            "DefaultsRefused",
            "PrefixMissing",
            "PrefixInvalid",
            "SubnetNotFound",
            "SubnetAmbiguous",
            "SubnetOverlaps",
            "SubnetNotCreated",
        ],
    ),
    (SUBNET_RESOLVED, Truth::Unknown, &[NOT_CHECKED]),
    (LEASES_OBSERVED, Truth::True, &["Observed"]),
    (LEASES_OBSERVED, Truth::False, &["NoLease"]),
    (LEASES_OBSERVED, Truth::Unknown, &[NOT_CHECKED]),
    (RESERVED, Truth::True, &["AllReserved", "ReservedNotOwned"]),
    (RESERVED, Truth::False, &["Waiting", "NotPinned", "InvalidInterface", "Refused", "Conflict"]),
    (RESERVED, Truth::Unknown, &[NOT_CHECKED]),
    (KEA_REACHABLE, Truth::True, &["Reachable"]),
    (KEA_REACHABLE, Truth::False, &KEA_REASONS),
    (KEA_REACHABLE, Truth::Unknown, &[NOT_CHECKED]),
    (SERVERS_AGREE, Truth::True, &["InSync"]),
    (SERVERS_AGREE, Truth::False, &KEA_REASONS),
    (
        SERVERS_AGREE,
        Truth::False,
        &["SubnetNotFound", "SubnetAmbiguous", "SubnetOverlaps", "SubnetNotCreated", "NotShared"],
    ),
    (SERVERS_AGREE, Truth::Unknown, &[NOT_CHECKED]),
];

/// What [`kea_reason`] returns.
const KEA_REASONS: [&str; 5] =
    ["KeaUnreachable", "AuthenticationFailed", "PermissionDenied", "CommandUnsupported", "CommandRefused"];

/// Status of a condition.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Truth {
    /// It holds.
    True,
    /// It does not.
    False,
    /// It could not be checked.
    Unknown,
}

/// What one condition says.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Saying {
    truth: Truth,
    reason: &'static str,
    message: String,
}

impl Saying {
    /// A condition's status, reason and message.
    pub fn new(truth: Truth, reason: &'static str, message: impl Into<String>) -> Self {
        Self { truth, reason, message: in_bounds(message.into()) }
    }

    /// As a condition; the time of the last transition stays where the status does.
    pub fn condition(
        self,
        kind: &str,
        previous: &[Condition],
        generation: Option<i64>,
        now: &Time,
    ) -> Condition {
        debug_assert!(
            REASONS.iter().any(|(of, truth, reasons)| {
                *of == kind && *truth == self.truth && reasons.contains(&self.reason)
            }),
            "REASONS lacks {kind} {:?} {}",
            self.truth,
            self.reason
        );
        let status = match self.truth {
            Truth::True => "True",
            Truth::False => "False",
            Truth::Unknown => "Unknown",
        };
        let before = previous.iter().find(|condition| condition.type_ == kind && condition.status == status);
        Condition {
            type_: kind.into(),
            status: status.into(),
            reason: self.reason.into(),
            message: self.message,
            observed_generation: generation,
            last_transition_time: before
                .map_or_else(|| now.clone(), |before| before.last_transition_time.clone()),
        }
    }
}

/// Longest message in bytes: of a condition, Kubernetes takes 32 KiB, and people read less.
const LONGEST: usize = 4096;

/// A message that is not too long to be written: an object may have thousands of interfaces, and texts of any length.
pub fn in_bounds(mut message: String) -> String {
    if message.len() > LONGEST {
        message.truncate(message.floor_char_boundary(LONGEST));
        message.push_str(" … (cut)");
    }
    message
}

/// One word for an error of Kea.
pub fn kea_reason(error: &KeaError) -> &'static str {
    match error.class() {
        ErrorClass::Authentication => "AuthenticationFailed",
        ErrorClass::Permission => "PermissionDenied",
        ErrorClass::Resource => "CommandUnsupported",
        ErrorClass::Validation => "CommandRefused",
        ErrorClass::Network => "KeaUnreachable",
    }
}

const NOT_CHECKED: &str = "NotChecked";

/// `SubnetResolved`.
pub fn subnet_resolved(finding: &Finding) -> Saying {
    match (&finding.obstacle, finding.prefix, &finding.subnet) {
        (Some(Obstacle::Namespace(error)), ..) => {
            Saying::new(Truth::False, error.reason(), error.to_string())
        }
        (Some(Obstacle::Subnet(error)), ..) => Saying::new(Truth::False, error.reason(), error.to_string()),
        (Some(Obstacle::Creation(error)), ..) => Saying::new(Truth::False, error.reason(), error.to_string()),
        (_, Some(prefix), Some(subnet)) => {
            let is = format!("prefix {prefix} is in Kea subnet {subnet}");
            match &finding.caveat {
                None => Saying::new(Truth::True, "Resolved", is),
                Some(Caveat::NotPersisted(why)) => Saying::new(
                    Truth::True,
                    "NotPersisted",
                    format!(
                        "{is}, which was created and is lost when Kea restarts, until it is created again: {why}"
                    ),
                ),
                Some(Caveat::NumbersDiffer(each)) => Saying::new(
                    Truth::True,
                    "NumbersDiffer",
                    format!(
                        "servers have different Kea subnets for prefix {prefix}: {each}; give them one with one number, as \
                         Kea's high availability needs it"
                    ),
                ),
            }
        }
        _ => Saying::new(Truth::Unknown, NOT_CHECKED, "Kea did not tell its subnets"),
    }
}

/// `KeaReachable`. Where Kea was not asked, what is known from before stays.
pub fn kea_reachable(finding: &Finding, previous: &[Condition]) -> Saying {
    let answered =
        previous.iter().any(|condition| condition.type_ == KEA_REACHABLE && condition.status == "True");
    match &finding.obstacle {
        Some(Obstacle::Kea(error)) => Saying::new(Truth::False, kea_reason(error), error.to_string()),
        Some(obstacle) if !obstacle.is_after_kea() && !answered => {
            Saying::new(Truth::Unknown, NOT_CHECKED, "Kea was not asked yet")
        }
        _ => Saying::new(Truth::True, "Reachable", format!("Kea at {} answers", finding.answering())),
    }
}

/// `ServersAgree`.
pub fn servers_agree(finding: &Finding) -> Saying {
    let troubles: Vec<(&str, &Obstacle)> = finding
        .servers
        .iter()
        .filter_map(|server| server.trouble.as_ref().map(|trouble| (server.name.as_str(), trouble)))
        .collect();
    match troubles.as_slice() {
        _ if finding.obstacle.is_some() || finding.servers.is_empty() => {
            Saying::new(Truth::Unknown, NOT_CHECKED, "Kea could not be asked")
        }
        [] => Saying::new(Truth::True, "InSync", "every Kea server has what this object wishes for"),
        some => {
            let (_, first) = some[0];
            let reason = match first {
                Obstacle::Kea(KeaError::NotShared { .. }) => "NotShared",
                Obstacle::Kea(error) => kea_reason(error),
                Obstacle::Subnet(error) => error.reason(),
                Obstacle::Creation(error) => error.reason(),
                Obstacle::Namespace(error) => error.reason(),
            };
            let message = some
                .iter()
                .map(|(name, trouble)| format!("{name}: {trouble}"))
                .collect::<Vec<_>>()
                .join("; ");
            Saying::new(Truth::False, reason, message)
        }
    }
}

/// `LeasesObserved`.
pub fn leases_observed(finding: &Finding) -> Saying {
    let waiting: Vec<String> = finding.interfaces.iter().filter_map(waiting).collect();
    if !waiting.is_empty() {
        return Saying::new(Truth::False, "NoLease", waiting.join("; "));
    }
    if finding.interfaces.iter().any(|(_, outcome)| *outcome == Outcome::Unknown) {
        return Saying::new(Truth::Unknown, NOT_CHECKED, "Kea was not asked for leases");
    }
    Saying::new(Truth::True, "Observed", "every device has a lease or a reservation")
}

/// What an interface waits for, in words.
pub fn waiting((interface, outcome): &(Interface, Outcome)) -> Option<String> {
    match outcome {
        Outcome::Waiting { mac, absence, held } => {
            let held = if *held { "; it is reserved without an address" } else { "" };
            Some(match absence {
                Absence::NoLease => format!("{}: no lease found for MAC {mac}{held}", interface.label),
                _ => format!("{}: no usable lease found for MAC {mac}: {absence}{held}", interface.label),
            })
        }
        _ => None,
    }
}

/// What a person may want to do about an interface that is as its settings ask for.
pub fn advice((interface, outcome): &(Interface, Outcome)) -> Option<String> {
    match outcome {
        Outcome::Unpinned { mac, leased, mode } => Some(format!(
            "{}: {leased}, leased by MAC {mac}, is not reserved: KEA_PIN_RESERVATIONS is {}",
            interface.label,
            if *mode == PinMode::Off { "off" } else { "log" }
        )),
        _ => None,
    }
}

/// What is wrong with an interface, in words.
pub fn problem((interface, outcome): &(Interface, Outcome)) -> Option<String> {
    let reason = match outcome {
        Outcome::Invalid { reason, .. } | Outcome::Conflict { reason, .. } => reason.clone(),
        Outcome::Refused { address: Some(address), reason, .. } => {
            format!("Kea refused to reserve {address}: {reason}")
        }
        Outcome::Refused { address: None, reason, .. } => format!("Kea refused a reservation: {reason}"),
        _ => return None,
    };
    Some(format!("{}: {reason}", interface.label))
}

/// `Reserved`. `reported` are the interfaces as the new status has them: its message is what `kubectl get` shows as
/// addresses, in short.
pub fn reserved(finding: &Finding, reported: &[NetworkInterface]) -> Saying {
    let parts: Vec<String> = finding
        .interfaces
        .iter()
        .zip(reported)
        .map(|((interface, outcome), reported)| {
            match (in_short(outcome), reported.ipv4_addresses.as_slice()) {
                (None, addresses) => addresses.join(", "),
                (Some(word), []) => format!("{}: {word}", interface.label),
                (Some(word), addresses) => format!("{} ({word})", addresses.join(", ")),
            }
        })
        .collect();
    let any = |some: fn(&Outcome) -> bool| finding.interfaces.iter().any(|(_, outcome)| some(outcome));
    let (truth, reason) = if any(|o| matches!(o, Outcome::Conflict { .. })) {
        (Truth::False, "Conflict")
    } else if any(|o| matches!(o, Outcome::Refused { .. })) {
        (Truth::False, "Refused")
    } else if any(|o| matches!(o, Outcome::Invalid { .. })) {
        (Truth::False, "InvalidInterface")
    } else if any(|o| *o == Outcome::Unknown) {
        (Truth::Unknown, NOT_CHECKED)
    } else if any(|o| matches!(o, Outcome::Waiting { .. })) {
        (Truth::False, "Waiting")
    } else if any(|o| matches!(o, Outcome::Unpinned { .. })) {
        (Truth::False, "NotPinned")
    } else if any(|o| matches!(o, Outcome::Reserved { owned: false, .. })) {
        (Truth::True, "ReservedNotOwned")
    } else {
        (Truth::True, "AllReserved")
    };
    let message = if parts.is_empty() { "none".into() } else { parts.join(", ") };
    Saying::new(truth, reason, message)
}

fn in_short(outcome: &Outcome) -> Option<&'static str> {
    match outcome {
        Outcome::Reserved { owned: true, .. } => None,
        Outcome::Reserved { owned: false, .. } => Some("not owned"),
        Outcome::Waiting { .. } => Some("no lease yet"),
        Outcome::Unpinned { .. } => Some("not pinned"),
        Outcome::Conflict { .. } => Some("conflict"),
        Outcome::Refused { .. } => Some("refused"),
        Outcome::Invalid { .. } => Some("invalid"),
        Outcome::Unknown => Some("not checked"),
    }
}
