//! Stands between Kea's host manager and the [`store`](crate::store): parameters of a `hosts-databases`
//! entry in, stored reservations out.

use std::path::PathBuf;
use std::sync::Arc;

use kea_ffi::host::{HostId, Query, Reservation, StoredReservation};
use kea_ffi::source::{HostSource, SourceError, SourceParameters};

use crate::store::{OpenError, OpenOptions, Store, StoreError, Upkeep};
use crate::unique::Wanted;

/// A `hosts-databases` entry of our type.
pub struct StoreSource(Arc<Upkeep>);

/// Why an entry cannot be opened. The text ends up in the reply to `config-set`, or in the log of a server
/// that does not start.
#[derive(Debug, thiserror::Error)]
pub enum SourceOpenError {
    /// The entry has no `name`.
    #[error(
        "a hosts-databases entry of type \"memfile\" needs a \"name\": the path of the file that keeps the \
         reservations, such as \"/var/lib/kea/kea-hosts4.db\""
    )]
    NoName,
    /// The file cannot be opened.
    #[error(transparent)]
    Store(#[from] OpenError),
}

impl StoreSource {
    /// Opens the file that the parameters name. `readonly`, and `persist` set to false (which Kea does when it
    /// only checks a configuration), keep it unchanged.
    pub fn open(parameters: &SourceParameters) -> Result<Self, SourceOpenError> {
        let is = |name: &str, wanted: &str| parameters.get(name).is_some_and(|value| value == wanted);
        let path = parameters.get("name").filter(|name| !name.is_empty()).ok_or(SourceOpenError::NoName)?;
        let options = OpenOptions { read_only: is("readonly", "true") || is("persist", "false") };
        Ok(Self(Arc::new(Upkeep::of(Store::open(&PathBuf::from(path), &options)?))))
    }

    /// Who takes care of the store behind it.
    pub fn upkeep(&self) -> &Arc<Upkeep> {
        &self.0
    }

    pub fn store(&self) -> &Store {
        self.0.store()
    }

    /// What was opened, for the log.
    pub fn describe(&self) -> String {
        let status = self.store().status();
        format!("{}, {} reservations", status.path.display(), status.reservations)
    }

    /// What may have gone wrong before, for the log.
    pub fn warning(&self) -> Option<String> {
        let number = self.store().cut_commit()?;
        Some(format!(
            "the last change of the host store '{}', commit {number}, is not whole and is left out: a crash cut it short \
             before it was acknowledged, unless the file was damaged since",
            self.store().status().path.display()
        ))
    }
}

impl HostSource for StoreSource {
    fn find(&self, query: &Query<'_>, visit: &mut dyn FnMut(&StoredReservation)) {
        self.store().find(query).iter().for_each(|stored| visit(stored));
    }

    fn page(
        &self,
        query: &Query<'_>,
        after: Option<HostId>,
        limit: usize,
        visit: &mut dyn FnMut(&StoredReservation),
    ) {
        self.store().page(query.family, query.subnet, after, limit).iter().for_each(|stored| visit(stored));
    }

    fn add(&self, reservation: Reservation) -> Result<HostId, SourceError> {
        Ok(self.store().add(reservation)?)
    }

    fn update(&self, reservation: Reservation) -> Result<(), SourceError> {
        Ok(self.store().update(reservation)?)
    }

    fn remove(&self, query: &Query<'_>) -> Result<usize, SourceError> {
        Ok(self.store().remove(query)?.len())
    }

    fn set_addresses_unique(&self, unique: bool) -> bool {
        self.store().set_addresses_unique(unique);
        true
    }
}

impl From<StoreError> for SourceError {
    fn from(error: StoreError) -> Self {
        let text = error.to_string();
        match error {
            StoreError::Conflict(conflict) => match conflict.wanted {
                Wanted::Identifier => Self::Duplicate(text),
                Wanted::Ipv4(_) | Wanted::Ipv6(_) => Self::AddressTaken(text),
            },
            StoreError::NotFound => Self::NotFound(text),
            StoreError::Invalid(_) | StoreError::ReadOnly(_) | StoreError::Write(_) => Self::Failed(text),
        }
    }
}
