//! Decides what a batch of changes does, before anything of it is written.

use std::collections::BTreeMap;
use std::convert::Infallible;
use std::sync::Arc;

use super::index::Index;
use super::invalid::{self, InvalidReservation};
use crate::unique::{self, Conflict};
use kea_ffi::host::{By, Family, HostId, Query, Reservation, StoredReservation};

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

/// Why a change is refused. The plan is as it was before.
#[derive(Debug, thiserror::Error)]
pub enum Refusal<E> {
    /// The reservation makes no sense by itself.
    #[error(transparent)]
    Invalid(InvalidReservation),
    /// Another reservation has the identifier or the address.
    #[error(transparent)]
    Conflict(Box<Conflict>),
    /// An update of a reservation that does not exist. The text is that of Kea's host_cmds hook.
    #[error("Host not updated (not found).")]
    NotFound,
    /// What the plan starts from could not be asked.
    #[error(transparent)]
    Base(E),
}

/// What a plan starts from.
pub trait Base {
    /// Why it cannot be asked.
    type Error;

    /// The reservation with that number. It was an answer before.
    fn get(&self, id: HostId) -> Option<Arc<StoredReservation>>;

    /// Everything that answers a question about one subnet, in the order of pages.
    fn answers(&self, query: &Query<'_>) -> Result<Vec<Arc<StoredReservation>>, Self::Error>;

    /// Everything that belongs to an owner, in the order of pages.
    fn owned(&self, family: Family, owner: &[u8]) -> Result<Vec<Arc<StoredReservation>>, Self::Error>;

    /// What to say where an error is about single reservations and the others can be asked for; or the error.
    fn unreadable(&self, error: Self::Error) -> Result<String, Self::Error> {
        Err(error)
    }
}

impl Base for Index {
    type Error = Infallible;

    fn get(&self, id: HostId) -> Option<Arc<StoredReservation>> {
        Self::get(self, id).cloned()
    }

    fn answers(&self, query: &Query<'_>) -> Result<Vec<Arc<StoredReservation>>, Infallible> {
        Ok(self.hits(query).cloned().collect())
    }

    fn owned(&self, family: Family, owner: &[u8]) -> Result<Vec<Arc<StoredReservation>>, Infallible> {
        Ok(Self::owned(self, family, owner).cloned().collect())
    }
}

/// Numbers that only grow. They live in the file, so that they never start again.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Counters {
    /// Commits made to this file.
    pub commits: u64,
    /// The highest id given.
    pub last_id: u64,
    /// The highest revision given.
    pub last_revision: u64,
}

impl Counters {
    /// Whether a reservation has numbers that were given.
    pub(super) fn cover(&self, stored: &StoredReservation) -> bool {
        stored.id.get() <= self.last_id && stored.revision <= self.last_revision
    }
}

/// What a batch leaves behind for each id that it touches; `None` where the reservation is taken out.
pub type Effects = BTreeMap<HostId, Option<Arc<StoredReservation>>>;

/// A batch in the making: what there is, and over it what the batch did so far. A refused change leaves the plan as it
/// was, so that a caller may go on without it.
pub struct Plan<'a, B> {
    base: &'a B,
    added: Index,
    effects: Effects,
    counters: Counters,
    addresses_unique: bool,
}

impl<'a, B: Base> Plan<'a, B> {
    /// An empty batch.
    pub fn new(base: &'a B, counters: Counters, addresses_unique: bool) -> Self {
        Self { base, added: Index::for_rules(), effects: Effects::new(), counters, addresses_unique }
    }

    /// See [`Base::unreadable`].
    pub fn unreadable(&self, error: B::Error) -> Result<String, B::Error> {
        self.base.unreadable(error)
    }

    /// What is to be written, and the counters to write with it.
    pub fn finish(self) -> (Effects, Counters) {
        (self.effects, self.counters)
    }

    /// Makes one change.
    pub fn apply(&mut self, change: Change) -> Result<Outcome, Refusal<B::Error>> {
        match change {
            Change::Add(reservation) => self.add(reservation),
            Change::Update(reservation) => self.update(reservation),
            Change::Remove(id) => Ok(self.remove(id)),
        }
    }

    /// The reservation that this client has in this subnet now.
    pub fn of_same_client(
        &self,
        reservation: &Reservation,
    ) -> Result<Option<Arc<StoredReservation>>, B::Error> {
        let by = By::Identifier(reservation.identifier.kind, &reservation.identifier.value);
        for (family, subnet) in reservation.subnets() {
            if let Some(found) = self.answers(&Query::in_subnet(family, subnet, by))?.into_iter().next() {
                return Ok(Some(found));
            }
        }
        Ok(None)
    }

    /// Everything that answers a question about one subnet, as the batch has left it.
    pub fn answers(&self, query: &Query<'_>) -> Result<Vec<Arc<StoredReservation>>, B::Error> {
        let mut found = self.base.answers(query)?;
        if !self.effects.is_empty() {
            found.retain(|stored| !self.effects.contains_key(&stored.id));
            found.extend(self.added.hits(query).cloned());
        }
        Ok(found)
    }

    /// Everything that belongs to an owner and was not touched by the batch.
    pub fn untouched_of(
        &self,
        family: Family,
        owner: &[u8],
    ) -> Result<Vec<Arc<StoredReservation>>, B::Error> {
        let mut untouched = self.base.owned(family, owner)?;
        untouched.retain(|stored| !self.effects.contains_key(&stored.id));
        Ok(untouched)
    }

    /// Makes updates that only go together, such as two clients that exchange their addresses: all of them or none.
    pub fn update_together(
        &mut self,
        reservations: Vec<Reservation>,
    ) -> Result<Vec<HostId>, Refusal<B::Error>> {
        let mut old = Vec::with_capacity(reservations.len());
        for reservation in &reservations {
            old.push(self.of_same_client(reservation).map_err(Refusal::Base)?.ok_or(Refusal::NotFound)?);
        }
        let before: Vec<_> = old.iter().map(|old| (old.id, self.effects.get(&old.id).cloned())).collect();
        for old in &old {
            self.remove(old.id);
        }
        let refused = reservations.into_iter().zip(&old).try_for_each(|(reservation, old)| {
            self.check(&reservation, Some(old.id))?;
            self.put(old.id, reservation);
            Ok(())
        });
        if let Err(refusal) = refused {
            for (id, effect) in before {
                self.added.remove(id);
                match effect {
                    None => drop(self.effects.remove(&id)),
                    Some(effect) => {
                        if let Some(stored) = &effect {
                            self.added.put(stored);
                        }
                        self.effects.insert(id, effect);
                    }
                }
            }
            return Err(refusal);
        }
        Ok(old.iter().map(|old| old.id).collect())
    }

    fn add(&mut self, reservation: Reservation) -> Result<Outcome, Refusal<B::Error>> {
        self.check(&reservation, None)?;
        let id = HostId::after(self.counters.last_id);
        self.counters.last_id = id.get();
        self.put(id, reservation);
        Ok(Outcome::Added(id))
    }

    fn update(&mut self, reservation: Reservation) -> Result<Outcome, Refusal<B::Error>> {
        invalid::check(&reservation).map_err(Refusal::Invalid)?;
        let old = self.of_same_client(&reservation).map_err(Refusal::Base)?.ok_or(Refusal::NotFound)?;
        self.replace(&old, reservation)
    }

    /// Puts a reservation in the place of the one that the same client has in the same subnet now.
    pub fn replace(
        &mut self,
        old: &StoredReservation,
        reservation: Reservation,
    ) -> Result<Outcome, Refusal<B::Error>> {
        if old.reservation == reservation {
            return Ok(Outcome::Unchanged(old.id));
        }
        self.check(&reservation, Some(old.id))?;
        self.put(old.id, reservation);
        Ok(Outcome::Updated(old.id))
    }

    /// Takes a reservation out.
    pub fn remove(&mut self, id: HostId) -> Outcome {
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
        self.effects.get(&id).cloned().unwrap_or_else(|| self.base.get(id))
    }

    fn check(&self, reservation: &Reservation, replaced: Option<HostId>) -> Result<(), Refusal<B::Error>> {
        invalid::check(reservation).map_err(Refusal::Invalid)?;
        let holder = |query: &Query<'_>| -> Result<_, B::Error> {
            Ok(self.answers(query)?.into_iter().find(|stored| Some(stored.id) != replaced))
        };
        match unique::conflict(reservation, self.addresses_unique, holder) {
            Ok(None) => Ok(()),
            Ok(Some(conflict)) => Err(Refusal::Conflict(Box::new(conflict))),
            Err(error) => Err(Refusal::Base(error)),
        }
    }
}
