//! An open store file: the database, the log before it, and the changes that are in the log and not in the database.

use std::collections::BTreeSet;
use std::fs::File;
use std::io;
use std::sync::Arc;

use super::commit::{Changes, Commit};
use super::engine::{Engine, EngineError};
use super::index::Index;
use super::kept::{KeptChanges, KeptMap};
use super::layout::Head;
use super::log::Log;
use super::plan::Counters;
use kea_ffi::host::{HostId, StoredReservation};

/// So many changes at most wait in the log. To bring them into the database while Kea waits takes a few milliseconds, and
/// with a million reservations, all over which the changes are, some twenty.
const MOST_PENDING: usize = 512;

/// A store file that is open for writing. Dropping it brings all of the log into the database.
pub(super) struct Volume {
    file: File,
    head: Head,
    /// `None` after a failed write, until the database could be opened again.
    engine: Option<Engine>,
    log: Log,
    /// What the log has and the database lacks.
    pending: Changes,
    /// Number of the database's last commit.
    folded: u64,
    /// As of the last acknowledged commit.
    counters: Counters,
    reservations: u64,
}

/// What a store file holds, in memory.
#[derive(Clone, Copy)]
pub(super) struct Content<'a> {
    pub index: &'a Index,
    pub kept: &'a KeptMap,
}

/// Everything that a store file holds.
#[derive(Default)]
pub(super) struct Loaded {
    pub index: Index,
    pub kept: KeptMap,
    pub counters: Counters,
}

impl Loaded {
    /// All that is in a database.
    pub fn of(engine: &Engine) -> Result<Self, EngineError> {
        let mut index = Index::default();
        let counters = engine.load(|stored| drop(index.put(&Arc::new(stored))))?;
        Ok(Self { index, kept: engine.load_kept()?, counters })
    }

    /// Makes the changes of a commit that is in the log.
    pub fn apply(&mut self, commit: &Commit) -> Result<(), EngineError> {
        let number = commit.counters.commits;
        let broken = |what: String| EngineError::Corrupt(format!("commit {number} in its log: {what}"));
        for (id, effect) in &commit.changes.effects {
            match effect {
                Some(stored) if !commit.counters.cover(stored) => {
                    return Err(broken(format!("reservation {id} is beyond the counters")));
                }
                Some(stored) => drop(self.index.put(stored)),
                None => drop(self.index.remove(*id)),
            }
        }
        for (key, change) in &commit.changes.kept {
            match change {
                Some(kept) => drop(self.kept.insert(key.clone(), kept.clone())),
                None => drop(self.kept.remove(key)),
            }
        }
        let count = self.index.count() as u64;
        if count != commit.reservations {
            return Err(broken(format!("it makes {count} of {} reservations", commit.reservations)));
        }
        self.counters = commit.counters;
        Ok(())
    }
}

impl Volume {
    /// Makes an empty store of a file, whatever a killed creation has left in it.
    pub fn create(file: File) -> Result<Self, EngineError> {
        file.set_len(0)?;
        let head = Head::new();
        head.write(&file)?;
        let engine = Engine::create(head.database_of(&file)?)?;
        Self::with(file, head, engine)
    }

    /// Opens what [`Self::create`] made.
    pub fn open(file: File) -> Result<(Self, Loaded), EngineError> {
        let head = Head::of(&file)?;
        let engine = Engine::open(head.database_of(&file)?)?;
        let mut loaded = Loaded::of(&engine)?;
        let written = head.read_log(&file)?;
        let mut volume = Self::with(file, head, engine)?;
        volume.folded = loaded.counters.commits;
        let mut pending = Changes::default();
        for commit in volume.log.replay(&written, volume.folded)? {
            loaded.apply(&commit)?;
            pending.absorb(&commit.changes);
        }
        // Not before all of it is known to be good, as dropping a volume writes what is pending.
        volume.pending = pending;
        volume.counters = loaded.counters;
        volume.reservations = loaded.index.count() as u64;
        Ok((volume, loaded))
    }

    fn with(file: File, head: Head, engine: Engine) -> Result<Self, EngineError> {
        let log = Log::new(head.log_of(&file)?, head.salt);
        Ok(Self {
            file,
            head,
            engine: Some(engine),
            log,
            pending: Changes::default(),
            folded: 0,
            counters: Counters::default(),
            reservations: 0,
        })
    }

    pub fn file(&self) -> &File {
        &self.file
    }

    /// As of the last acknowledged commit.
    pub fn counters(&self) -> Counters {
        self.counters
    }

    /// A commit with the number that follows, on disk when this returns; or an error, and nothing of it. `content` is the
    /// store before it.
    pub fn commit(
        &mut self,
        content: Content<'_>,
        changes: &Changes,
        counters: Counters,
    ) -> Result<(), EngineError> {
        if self.engine.is_none() {
            self.recover(content)?;
        }
        let counters = Counters { commits: self.counters.commits + 1, ..counters };
        let reservations = changes.count_after(content.index);
        let few = self.pending.count() + changes.count() <= MOST_PENDING;
        if few && self.log.append(changes, counters, reservations) {
            self.pending.absorb(changes);
            (self.counters, self.reservations) = (counters, reservations);
            return Ok(());
        }
        self.write_through(changes, counters, reservations).inspect_err(|_| {
            self.engine = None;
            // Opened again at once, so that a write which failed late cannot come back after a crash. If this fails
            // as well, the next change tries again.
            let _ = self.recover(content);
        })
    }

    /// Writes into the database: all that the log has, and more.
    pub fn write_through(
        &mut self,
        changes: &Changes,
        counters: Counters,
        reservations: u64,
    ) -> Result<(), EngineError> {
        self.engine()?.write(&[&self.pending, changes], counters, reservations)?;
        self.has_all(counters, reservations);
        Ok(())
    }

    /// Adds reservations behind all that are in the database, see [`Engine::append`].
    pub fn append(&self, reservations: &[Arc<StoredReservation>]) -> Result<(), EngineError> {
        self.engine()?.append(reservations)
    }

    /// Brings all of the log into the database, and closes it. Nothing can be written afterwards.
    pub fn close(&mut self) -> Result<(), EngineError> {
        let Some(engine) = self.engine.take() else { return Ok(()) };
        if !self.pending.is_empty() {
            engine.write(&[&self.pending], self.counters, self.reservations)?;
            self.has_all(self.counters, self.reservations);
        }
        Ok(())
    }

    fn engine(&self) -> Result<&Engine, EngineError> {
        self.engine.as_ref().ok_or_else(|| EngineError::Io(io::ErrorKind::NotConnected.into()))
    }

    /// Notes that the database has everything.
    fn has_all(&mut self, counters: Counters, reservations: u64) {
        (self.counters, self.reservations) = (counters, reservations);
        self.folded = counters.commits;
        self.pending = Changes::default();
        self.log.restart();
    }

    /// Opens the database again after a failed write, and makes the file agree with memory. The commit number of the
    /// database tells whether a write that was reported as failed reached it all the same; then, and also should the
    /// disk have lost an acknowledged one, memory is right and is written. A refused commit that may be in the log is
    /// overtaken by one of the same number in the database.
    fn recover(&mut self, content: Content<'_>) -> Result<(), EngineError> {
        if Head::of(&self.file)? != self.head {
            return Err(EngineError::Corrupt("its head is another one".into()));
        }
        let engine = Engine::open(self.head.database_of(&self.file)?)?;
        let on_disk = engine.counters()?.commits;
        let as_left = on_disk == self.folded;
        if !as_left || self.log.is_doubtful() {
            let everything;
            let changes = if as_left {
                &self.pending
            } else {
                everything = differences(&engine, content)?;
                &everything
            };
            let counters = Counters { commits: on_disk.max(self.counters.commits) + 1, ..self.counters };
            let reservations = content.index.count() as u64;
            engine.write(&[changes], counters, reservations)?;
            self.has_all(counters, reservations);
        }
        self.engine = Some(engine);
        Ok(())
    }
}

impl Drop for Volume {
    /// Where the database cannot be written, the log keeps what it has, and counts at the next start.
    fn drop(&mut self) {
        let _ = self.close();
    }
}

/// What makes of a database, whatever it holds, what is in memory.
fn differences(engine: &Engine, content: Content<'_>) -> Result<Changes, EngineError> {
    let index = content.index;
    let in_memory = index.iter().map(|stored| (stored.id, Some(Arc::clone(stored))));
    let ids: BTreeSet<_> = engine.ids()?.into_iter().filter_map(HostId::new).collect();
    let surplus = ids.into_iter().filter(|id| index.get(*id).is_none()).map(|id| (id, None));
    let effects = in_memory.chain(surplus).collect();
    let mut kept: KeptChanges = engine.load_kept()?.into_keys().map(|key| (key, None)).collect();
    kept.extend(content.kept.iter().map(|(key, kept)| (key.clone(), Some(kept.clone()))));
    Ok(Changes { effects, kept })
}
