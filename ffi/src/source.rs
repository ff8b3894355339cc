//! What a host source must be able to do to stand behind Kea's `hosts-databases`.

use std::collections::BTreeMap;

use crate::host::{HostId, Query, Reservation, StoredReservation};

/// Parameters of a `hosts-databases` entry, as Kea hands them on: `type`, `name`, `universe` (`4` or `6`),
/// `persist`, `readonly` and the rest of Kea ARM's "Hosts Storage" parameters.
pub type SourceParameters = BTreeMap<String, String>;

/// Why a source refused a change. The text reaches the client as it is.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum SourceError {
    /// The identifier has a reservation in that subnet already.
    #[error("{0}")]
    Duplicate(String),
    /// The address is reserved for another client.
    #[error("{0}")]
    AddressTaken(String),
    /// There is no such reservation.
    #[error("{0}")]
    NotFound(String),
    /// The storage failed; nothing changed.
    #[error("{0}")]
    Failed(String),
}

/// A place where reservations are.
///
/// Lookups come from all packet threads at once, so they must neither block one another nor wait for a
/// disk. Changes come from the server's main thread.
pub trait HostSource: Send + Sync {
    /// Shows `visit` every reservation that the query means.
    fn find(&self, query: &Query<'_>, visit: &mut dyn FnMut(&StoredReservation));

    /// Shows `visit` at most `limit` reservations with ids above `after`, in ascending order. Only family and
    /// subnet of the query count.
    fn page(
        &self,
        query: &Query<'_>,
        after: Option<HostId>,
        limit: usize,
        visit: &mut dyn FnMut(&StoredReservation),
    );

    /// Adds a reservation, durably, before it returns.
    fn add(&self, reservation: Reservation) -> Result<HostId, SourceError>;

    /// Puts a reservation in the place of the one that the same client has in the same subnet, durably. A refused
    /// update leaves the old one.
    fn update(&self, reservation: Reservation) -> Result<(), SourceError>;

    /// Removes what the query means, durably, and tells how many.
    fn remove(&self, query: &Query<'_>) -> Result<usize, SourceError>;

    /// Kea's `ip-reservations-unique`. False where the source cannot do that.
    fn set_addresses_unique(&self, unique: bool) -> bool;
}
