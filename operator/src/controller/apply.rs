//! Carries a plan out: releases first, then new reservations.

use crate::domain::{Desired, Outcome, Plan, Release, ReleaseOutcome, address_taken};
use crate::kea::{Addition, KeaError, Server};

/// What a plan came to.
#[derive(Debug, Default)]
pub struct Applied {
    /// Reservations that were removed.
    pub removed: Vec<Release>,
    /// Interfaces, by place, whose address is reserved now.
    pub added: Vec<usize>,
    /// One outcome per interface; none is `Pin` any more.
    pub interfaces: Vec<Outcome>,
    /// Why the rest was not done.
    pub error: Option<ApplyError>,
}

/// Why a plan was not carried out to its end.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum ApplyError {
    /// Kea did not remove a reservation.
    #[error("cannot release the reservation of MAC {}: {cause}", release.mac)]
    Remove {
        /// The reservation.
        release: Release,
        /// Kea's reason.
        cause: KeaError,
    },
    /// Kea did not take a reservation, and did not refuse it either.
    #[error(transparent)]
    Add(KeaError),
}

impl ApplyError {
    /// Kea's error.
    pub fn kea(&self) -> &KeaError {
        match self {
            Self::Remove { cause, .. } | Self::Add(cause) => cause,
        }
    }
}

/// Carries out `plan`. After an error the outcome of what was not done is `Unknown`.
pub async fn apply(kea: &Server, desired: &Desired, plan: Plan) -> Applied {
    let mut applied = Applied::default();
    applied.error = release(kea, plan.releases, &mut applied.removed).await.err();
    for (place, outcome) in plan.interfaces.into_iter().enumerate() {
        let outcome = match outcome {
            Outcome::Pin { .. } if applied.error.is_some() => Outcome::Unknown,
            Outcome::Pin { .. } => match pin(kea, desired, outcome).await {
                Ok(outcome) => {
                    if matches!(outcome, Outcome::Reserved { .. }) {
                        applied.added.push(place);
                    }
                    outcome
                }
                Err(error) => {
                    applied.error = Some(ApplyError::Add(error));
                    Outcome::Unknown
                }
            },
            settled => settled,
        };
        applied.interfaces.push(outcome);
    }
    applied
}

/// Removes the reservations that are ours, and lists them.
pub async fn release(
    kea: &Server,
    releases: Vec<(Release, ReleaseOutcome)>,
    removed: &mut Vec<Release>,
) -> Result<(), ApplyError> {
    for (release, outcome) in releases {
        match outcome {
            ReleaseOutcome::Gone => {}
            ReleaseOutcome::Foreign(ownership) => {
                tracing::info!(mac = %release.mac, subnet = %release.subnet, %ownership, "reservation left as it is");
            }
            ReleaseOutcome::Remove => {
                if let Err(cause) = kea.remove(release.subnet.id, release.mac).await {
                    return Err(ApplyError::Remove { release, cause });
                }
                removed.push(release);
            }
        }
    }
    Ok(())
}

async fn pin(kea: &Server, desired: &Desired, wanted: Outcome) -> Result<Outcome, KeaError> {
    let Outcome::Pin { mac, address } = wanted else {
        return Ok(wanted);
    };
    let subnet = desired.subnet.id;
    let reason = match kea.add(subnet, mac, address, &desired.owner).await? {
        Addition::Added => {
            return Ok(Outcome::Reserved { mac, address, owned: true });
        }
        Addition::Refused(reason) => reason,
    };
    // Somebody was faster since the plan was made; or it was us, in an attempt whose answer was lost.
    match kea.reservation_at(subnet, address).await? {
        Some(holder) if desired.owner.owns(&holder.ownership) && holder.identifier == mac.into() => {
            Ok(Outcome::Reserved { mac, address, owned: true })
        }
        Some(holder) => {
            Ok(Outcome::Conflict { leased: Some(address), reason: address_taken(mac, address, &holder) })
        }
        None => Ok(Outcome::Refused { address, reason }),
    }
}
