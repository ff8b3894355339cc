//! What was done to reservations, counted.

use super::{Change, Changed};
use crate::domain::Ownership;
use crate::kea::{KeaError, Server};
use crate::telemetry::metrics::{OperationStatus, ReservationOperation};

impl Server {
    /// Counts changes and what became of each.
    pub(super) fn count(&self, changes: &[Change], results: &Result<Vec<Changed>, KeaError>) {
        for (place, change) in changes.iter().enumerate() {
            let status = match results {
                Err(_) => OperationStatus::Error,
                Ok(results) => results.get(place).map_or(OperationStatus::Error, status),
            };
            let (operation, subnet_id) = match change {
                Change::Remove(removal) => (ReservationOperation::Remove, removal.subnet_id),
                Change::Put(put, _) => {
                    let operation = match put.replaces.as_ref().map(|there| &there.ownership) {
                        None => ReservationOperation::Add,
                        Some(Ownership::Unowned) => ReservationOperation::Adopt,
                        Some(_) => ReservationOperation::Update,
                    };
                    (operation, put.subnet_id)
                }
            };
            self.metrics().reservation_operation(operation, status, subnet_id);
        }
    }
}

fn status(changed: &Changed) -> OperationStatus {
    match changed {
        Changed::Done | Changed::Pending => OperationStatus::Success,
        Changed::Conflict(_) => OperationStatus::Conflict,
        Changed::Refused(_) => OperationStatus::Error,
    }
}
