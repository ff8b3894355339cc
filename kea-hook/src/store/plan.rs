//! Decides what a batch of changes does, before anything of it is written.

use std::collections::BTreeMap;
use std::convert::Infallible;
use std::sync::Arc;

use super::error::StoreError;
use super::index::Index;
use super::invalid;
use crate::unique;
use kea_ffi::host::{By, HostId, Query, Reservation, StoredReservation};

/// One change to the store.
#[derive(Debug, Clone)]
pub enum Change {
    /// A new reservation; refused when its client has one in the subnet already.
    Add(Reservation),
    /// The reservation that this client shall have in this subnet instead of the one that it has.
    Update(Reservation),
    /// Takes a reservation out.
    Remove(HostId),
}

/// What became of a [`Change`].
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Outcome {
    /// It is stored, under this number.
    Added(HostId),
    /// It replaced the reservation with this number.
    Updated(HostId),
    /// It is what was stored already; nothing was written.
    Unchanged(HostId),
    /// This is what was taken out.
    Removed(Arc<StoredReservation>),
    /// There was nothing to take out.
    Absent,
}

/// Numbers that only grow. They live in the file, so that they never start again.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(super) struct Counters {
    /// Commits made to this file.
    pub commits: u64,
    /// The highest id given.
    pub last_id: u64,
    /// The highest revision given.
    pub last_revision: u64,
}

/// What a batch leaves behind for each id that it touches; `None` where the reservation is taken out.
pub(super) type Effects = BTreeMap<HostId, Option<Arc<StoredReservation>>>;

/// A batch in the making: the index as it is, and over it what the batch did so far. A refused change leaves the
/// plan as it was, so that a caller may go on without it.
pub(super) struct Plan<'a> {
    base: &'a Index,
    added: Index,
    effects: Effects,
    counters: Counters,
    addresses_unique: bool,
}

impl<'a> Plan<'a> {
    pub fn new(base: &'a Index, counters: Counters, addresses_unique: bool) -> Self {
        Self { base, added: Index::default(), effects: Effects::new(), counters, addresses_unique }
    }

    /// What is to be written, and the counters to write with it.
    pub fn finish(self) -> (Effects, Counters) {
        (self.effects, self.counters)
    }

    pub fn apply(&mut self, change: Change) -> Result<Outcome, StoreError> {
        match change {
            Change::Add(reservation) => self.add(reservation),
            Change::Update(reservation) => self.update(reservation),
            Change::Remove(id) => Ok(self.remove(id)),
        }
    }

    fn add(&mut self, reservation: Reservation) -> Result<Outcome, StoreError> {
        invalid::check(&reservation)?;
        self.check_unique(&reservation, None)?;
        let id = HostId::after(self.counters.last_id);
        self.counters.last_id = id.get();
        self.put(id, reservation);
        Ok(Outcome::Added(id))
    }

    fn update(&mut self, reservation: Reservation) -> Result<Outcome, StoreError> {
        invalid::check(&reservation)?;
        let Reservation { identifier, .. } = &reservation;
        let by = By::Identifier(identifier.kind, &identifier.value);
        let mut old = reservation
            .subnets()
            .filter_map(|(family, subnet)| self.first(&Query::in_subnet(family, subnet, by)));
        let old = old.next().ok_or(StoreError::NotFound)?;
        if old.reservation == reservation {
            return Ok(Outcome::Unchanged(old.id));
        }
        self.check_unique(&reservation, Some(old.id))?;
        self.put(old.id, reservation);
        Ok(Outcome::Updated(old.id))
    }

    fn remove(&mut self, id: HostId) -> Outcome {
        let Some(old) = self.get(id) else {
            return Outcome::Absent;
        };
        self.added.remove(id);
        self.effects.insert(id, None);
        Outcome::Removed(old)
    }

    fn put(&mut self, id: HostId, reservation: Reservation) {
        self.counters.last_revision += 1;
        let stored = Arc::new(StoredReservation { id, revision: self.counters.last_revision, reservation });
        self.added.put(&stored);
        self.effects.insert(id, Some(stored));
    }

    fn get(&self, id: HostId) -> Option<Arc<StoredReservation>> {
        self.effects.get(&id).cloned().unwrap_or_else(|| self.base.get(id).cloned())
    }

    /// Everything that answers a question, as the batch has left it.
    fn hits<'q>(&'q self, query: &Query<'q>) -> impl Iterator<Item = &'q Arc<StoredReservation>> + use<'q> {
        let untouched = self.base.hits(query).filter(|stored| !self.effects.contains_key(&stored.id));
        untouched.chain(self.added.hits(query))
    }

    fn first(&self, query: &Query<'_>) -> Option<Arc<StoredReservation>> {
        self.hits(query).next().cloned()
    }

    fn check_unique(&self, reservation: &Reservation, replaced: Option<HostId>) -> Result<(), StoreError> {
        let holder = |query: &Query<'_>| -> Result<_, Infallible> {
            Ok(self.hits(query).find(|stored| Some(stored.id) != replaced).cloned())
        };
        match unique::conflict(reservation, self.addresses_unique, holder) {
            Ok(None) => Ok(()),
            Ok(Some(conflict)) => Err(conflict.into()),
        }
    }
}
