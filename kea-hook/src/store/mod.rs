//! The durable store of reservations: an index in memory that answers every lookup, and under it a file that holds
//! every acknowledged change.
//!
//! A change is checked against the index, written in one transaction and synced to disk, and only then shown to
//! readers and acknowledged. Readers (Kea's packet threads) take a shared lock for the time of one lookup; it is
//! held exclusively only to move already written changes into the index, a slice at a time, never during I/O.
//!
//! The library that holds this code is unloaded at every reconfiguration of Kea. Therefore: no thread-local values, no
//! statics with state; locks are those of `std`, which keep nothing per thread; dropping the [`Store`] releases the
//! file and its lock; and the only thread, that of [`Upkeep`], ends before that.

mod commit;
mod engine;
mod error;
mod index;
mod invalid;
mod kept;
mod layout;
mod log;
mod open;
mod open_error;
mod plan;
mod record;
mod session;
mod snapshot;
#[cfg(test)]
mod tests;
mod twin;
mod upkeep;
mod volume;
mod writer;

use std::fs::Metadata;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, OnceLock, PoisonError, RwLock, RwLockReadGuard};
use std::time::Duration;

use layout::FORMAT;
use volume::Loaded;
use writer::Writer;

pub use error::{StoreError, WriteError};
pub use index::Index;
pub use invalid::InvalidReservation;
pub use kea_ffi::host::{
    By, Family, HostId, Identifier, IdentifierType, Ipv6Resource, Query, Reservation, StoredReservation,
};
pub use kept::{Kept, KeptChanges, KeptKey, KeptMap, What};
pub use open_error::OpenError;
pub use plan::{Base, Change, Counters, Effects, Outcome, Plan, Refusal};
pub use session::Session;
pub use upkeep::{Progress, State, Task, Upkeep, UpkeepError};
pub use writer::Planned;

/// How to open a store.
#[derive(Debug, Clone, Copy, Default)]
pub struct OpenOptions {
    /// Take no lock and change nothing, not even to create or recover the file: for a configuration check beside a
    /// running server. Shows what was committed when it was opened.
    pub read_only: bool,
}

/// What the store counts.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Figures {
    /// How many reservations there are.
    pub reservations: usize,
    /// How many commits were made to the file since it was created.
    pub commits: u64,
    /// How many changes could not be written since the store was opened.
    pub errors: u64,
}

/// What the store says about itself.
#[derive(Debug, Clone)]
pub struct Status {
    /// The file.
    pub path: PathBuf,
    /// Format number of the file.
    pub format: u32,
    /// How many reservations there are.
    pub reservations: usize,
    /// Length of the file; `None` when it cannot be told, as before the creation of the file.
    pub file_bytes: Option<u64>,
    /// What the file takes of the disk: less than its length, as room is made ahead without being filled.
    pub disk_bytes: Option<u64>,
    /// How long the last successful commit took, up to and with the sync to disk.
    pub last_commit: Option<Duration>,
    /// How many commits were made to the file since it was created.
    pub commits: u64,
    /// How many changes could not be written since the store was opened.
    pub errors: u64,
    /// Whether changes can be stored.
    pub health: Health,
}

/// Whether changes can be stored. Lookups are answered in every state.
#[derive(Debug, Clone)]
pub enum Health {
    /// The last change was stored, or none was tried yet.
    Healthy,
    /// Opened for reading.
    ReadOnly,
    /// The last change failed for this reason; the next one tries again.
    Failing(WriteError),
}

/// A store of reservations. All methods may be called from any thread.
pub struct Store {
    path: PathBuf,
    index: RwLock<Index>,
    /// Taken after `writer`.
    kept: Mutex<KeptMap>,
    addresses_unique: AtomicBool,
    /// Serialises changes; `None` in a read-only store. Taken before `index`, never while holding it.
    writer: Option<Mutex<Writer>>,
    vitals: Mutex<Vitals>,
    observer: OnceLock<Observer>,
    cut: Option<u64>,
}

/// What a commit did to one reservation.
#[derive(Debug)]
pub struct Changed {
    /// As it was; none where it is new.
    pub before: Option<Arc<StoredReservation>>,
    /// As it is; none where it is gone.
    pub after: Option<Arc<StoredReservation>>,
}

/// Is told of changes.
type Observer = Box<dyn Fn(Vec<Changed>) + Send + Sync>;

/// What [`Store::status`] tells without waiting for a writer.
struct Vitals {
    last_commit: Option<Duration>,
    commits: u64,
    errors: u64,
    health: Health,
}

impl Store {
    /// Opens a store and loads it. Creates the file where there is none; never in place of one that it cannot read.
    pub fn open(path: &Path, options: &OpenOptions) -> Result<Self, OpenError> {
        if options.read_only {
            let loaded = open::read_only(path)?.unwrap_or_default();
            return Ok(Self::with(path, loaded, None, Health::ReadOnly));
        }
        let (writer, loaded) = Writer::open(path)?;
        Ok(Self::with(path, loaded, Some(writer), Health::Healthy))
    }

    fn with(path: &Path, loaded: Loaded, writer: Option<Writer>, health: Health) -> Self {
        Self {
            path: path.into(),
            index: RwLock::new(loaded.index),
            kept: Mutex::new(loaded.kept),
            addresses_unique: AtomicBool::new(true),
            writer: writer.map(Mutex::new),
            vitals: Mutex::new(Vitals {
                last_commit: None,
                commits: loaded.counters.commits,
                errors: 0,
                health,
            }),
            observer: OnceLock::new(),
            cut: loaded.cut,
        }
    }

    /// The number of the last commit, where it was found not to be whole when the store was opened, and is therefore left
    /// out: its write was cut short by a crash, before it was acknowledged, or it was damaged afterwards.
    pub fn cut_commit(&self) -> Option<u64> {
        self.cut
    }

    /// Lets `observer` know of every later commit, once it is on disk and in memory, and before anything else is
    /// committed. Only the first observer counts.
    pub fn observe(&self, observer: impl Fn(Vec<Changed>) + Send + Sync + 'static) {
        // There is one already: it stays.
        drop(self.observer.set(Box::new(observer)));
    }

    /// All answers to a question, ordered by id.
    pub fn find(&self, query: &Query<'_>) -> Vec<Arc<StoredReservation>> {
        self.index().find(query)
    }

    /// At most `limit` reservations with ids above `after`, ordered by id. Without a family, a subnet number means
    /// that subnet of either family.
    pub fn page(
        &self,
        family: Option<Family>,
        subnet: Option<u32>,
        after: Option<HostId>,
        limit: usize,
    ) -> Vec<Arc<StoredReservation>> {
        self.index().page(family, subnet, after, limit)
    }

    /// Stores a new reservation.
    pub fn add(&self, reservation: Reservation) -> Result<HostId, StoreError> {
        let outcomes = self.commit(vec![Change::Add(reservation)])?;
        outcomes.iter().find_map(Outcome::id).ok_or(StoreError::NotFound)
    }

    /// Puts a reservation in the place of the one that the same client has in the same subnet. A refused update leaves
    /// the old one.
    pub fn update(&self, reservation: Reservation) -> Result<(), StoreError> {
        self.commit(vec![Change::Update(reservation)]).map(|_| ())
    }

    /// Takes out everything that answers a question, and returns it; nothing is no error.
    pub fn remove(&self, query: &Query<'_>) -> Result<Vec<Arc<StoredReservation>>, StoreError> {
        let outcomes = self.transact(
            |index| index.find(query).iter().map(|stored| Change::Remove(stored.id)).collect(),
            KeptChanges::new(),
        )?;
        let removed = outcomes.into_iter().filter_map(|outcome| match outcome {
            Outcome::Removed(stored) => Some(stored),
            _ => None,
        });
        Ok(removed.collect())
    }

    /// Makes all changes in one transaction, or none. Each is checked against the store as the changes before it leave
    /// it. On disk when this returns `Ok`; readers may see a large batch arrive reservation by reservation.
    pub fn commit(&self, changes: Vec<Change>) -> Result<Vec<Outcome>, StoreError> {
        self.transact(|_| changes, KeptChanges::new())
    }

    /// [`Self::commit`], and in the same transaction other subnets and shared networks to keep.
    pub fn commit_with_kept(
        &self,
        changes: Vec<Change>,
        kept: KeptChanges,
    ) -> Result<Vec<Outcome>, StoreError> {
        self.transact(|_| changes, kept)
    }

    /// The subnets and shared networks that are kept.
    pub fn kept(&self) -> KeptMap {
        self.kept.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// [`Self::commit_with_kept`] of what `changes` makes of the index, which does not change in between.
    fn transact(
        &self,
        changes: impl FnOnce(&Index) -> Vec<Change>,
        kept: KeptChanges,
    ) -> Result<Vec<Outcome>, StoreError> {
        let session = self.session()?;
        let changes = changes(&self.index());
        let (outcomes, planned) = session.plan(|plan| -> Result<Vec<_>, _> {
            changes.into_iter().map(|change| plan.apply(change)).collect()
        });
        let outcomes = outcomes?;
        session.commit(planned, kept)?;
        Ok(outcomes)
    }

    /// What a batch would come to now. Nothing is changed, and a read-only store answers as well.
    pub fn try_out<T>(&self, decide: impl FnOnce(&mut Plan<'_, Index>) -> T) -> T {
        let index = self.index();
        let last_id = index.iter().last().map_or(0, |stored| stored.id.get());
        let counters = Counters { last_id, ..Counters::default() };
        decide(&mut Plan::new(&index, counters, self.addresses_unique.load(Ordering::Relaxed)))
    }

    /// Keeps everybody else from changing the store until the session is over.
    pub fn session(&self) -> Result<Session<'_>, StoreError> {
        Session::begin(self)
    }

    /// Whether an address may be reserved for one client of a subnet only (the default, and Kea's
    /// `ip-reservations-unique`). Applies to later changes; what is stored stays.
    pub fn set_addresses_unique(&self, unique: bool) {
        self.addresses_unique.store(unique, Ordering::Relaxed);
    }

    /// Never waits for a writer, nor for the file system.
    pub fn figures(&self) -> Figures {
        let reservations = self.index().count();
        let vitals = self.vitals.lock().unwrap_or_else(PoisonError::into_inner);
        Figures { reservations, commits: vitals.commits, errors: vitals.errors }
    }

    /// Never waits for a writer.
    pub fn status(&self) -> Status {
        let reservations = self.index().count();
        let vitals = self.vitals.lock().unwrap_or_else(PoisonError::into_inner);
        let file = std::fs::metadata(&self.path).ok();
        Status {
            path: self.path.clone(),
            format: FORMAT,
            reservations,
            file_bytes: file.as_ref().map(Metadata::len),
            disk_bytes: file.as_ref().map(twin::disk_bytes),
            last_commit: vitals.last_commit,
            commits: vitals.commits,
            errors: vitals.errors,
            health: vitals.health.clone(),
        }
    }

    /// The right to change the store, which one caller at a time has; nothing in a read-only store.
    fn writer(&self) -> Option<MutexGuard<'_, Writer>> {
        self.writer.as_ref().map(|writer| writer.lock().unwrap_or_else(PoisonError::into_inner))
    }

    fn index(&self) -> RwLockReadGuard<'_, Index> {
        self.index.read().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Outcome {
    /// The reservation that a change left in the store.
    pub fn id(&self) -> Option<HostId> {
        match self {
            Self::Added(id) | Self::Updated(id) | Self::Unchanged(id) => Some(*id),
            Self::Removed(_) | Self::Absent => None,
        }
    }
}
