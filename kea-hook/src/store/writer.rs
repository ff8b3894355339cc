//! The writing side of the store: plans a batch, writes it, and brings disk and memory together again after a
//! failed write.

use std::collections::BTreeSet;
use std::fs::File;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use super::engine::{Engine, EngineError};
use super::error::WriteError;
use super::index::Index;
use super::kept::{KeptChanges, KeptMap};
use super::open::{self, Opened};
use super::open_error::OpenError;
use super::plan::{Counters, Effects, Plan};
use super::twin;
use kea_ffi::host::HostId;

/// The one writer of a store file.
pub(super) struct Writer {
    path: PathBuf,
    file: File,
    /// `None` after a failed write, until the file could be opened again.
    engine: Option<Engine>,
    /// As of the last acknowledged commit.
    counters: Counters,
    /// What was changed since a copy was begun.
    journal: Option<BTreeSet<HostId>>,
    /// The file has its name since a moment ago, and a power loss could still take it away.
    unsettled: bool,
}

/// What a batch leaves behind, decided and not yet written.
pub struct Planned {
    pub(super) effects: Effects,
    pub(super) counters: Counters,
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
    pub format: u64,
    pub counters: Counters,
}

pub(super) fn load(path: &Path, engine: &Engine) -> Result<Loaded, OpenError> {
    let failed = |error| open::with_path(path, error);
    let mut index = Index::default();
    let counters = engine.load(|stored| drop(index.put(&Arc::new(stored)))).map_err(failed)?;
    let kept = engine.load_kept().map_err(failed)?;
    Ok(Loaded { index, kept, format: engine.format().map_err(failed)?, counters })
}

impl Writer {
    pub fn open(path: &Path) -> Result<(Self, Loaded), OpenError> {
        let Opened { engine, file } = open::writable(path)?;
        let loaded = load(path, &engine)?;
        let writer = Self {
            path: path.into(),
            file,
            engine: Some(engine),
            counters: loaded.counters,
            journal: None,
            unsettled: false,
        };
        Ok((writer, loaded))
    }

    /// How many commits were made to the file.
    pub fn commits(&self) -> u64 {
        self.counters.commits
    }

    /// A batch in the making on what is stored.
    pub fn plan<'a>(&self, index: &'a Index, addresses_unique: bool) -> Plan<'a, Index> {
        Plan::new(index, self.counters, addresses_unique)
    }

    /// The whole batch, on disk; or an error, and nothing of it. `content` is the store before it, on which it was
    /// planned.
    pub fn commit(
        &mut self,
        content: Content<'_>,
        planned: &Planned,
        kept: &KeptChanges,
    ) -> Result<(), WriteError> {
        if planned.effects.is_empty() && kept.is_empty() {
            return Ok(());
        }
        self.check_place()?;
        self.write(content, &planned.effects, kept, planned.counters)
    }

    /// Whether the path still leads to the file that is open. What is written to one that was moved or removed would
    /// be gone after a restart.
    pub fn check_place(&mut self) -> Result<(), WriteError> {
        if !twin::is_at(&self.path, &self.file) {
            return Err(WriteError::Replaced(self.path.clone()));
        }
        if self.unsettled {
            twin::sync_folder(&self.path).map_err(|error| self.describe(error.into()))?;
            self.unsettled = false;
        }
        Ok(())
    }

    /// From now on, notes what is changed.
    pub fn start_journal(&mut self) {
        self.journal = Some(BTreeSet::new());
    }

    /// How much was changed since the journal was last taken.
    pub fn journal_length(&self) -> usize {
        self.journal.as_ref().map_or(0, BTreeSet::len)
    }

    /// What was changed since the journal was last taken.
    pub fn take_journal(&mut self) -> BTreeSet<HostId> {
        self.journal.as_mut().map(std::mem::take).unwrap_or_default()
    }

    /// Notes nothing any more.
    pub fn stop_journal(&mut self) {
        self.journal = None;
    }

    /// The counters for a copy of the store as it is.
    pub fn counters_of_copy(&self) -> Counters {
        Counters { commits: self.counters.commits + 1, ..self.counters }
    }

    /// Goes on with a copy of the store that has taken its name, and hands the old file over.
    pub fn go_on_with(&mut self, copy: Opened) -> Option<Engine> {
        self.counters = self.counters_of_copy();
        self.file = copy.file;
        self.unsettled = true;
        self.engine.replace(copy.engine)
    }

    fn write(
        &mut self,
        content: Content<'_>,
        effects: &Effects,
        kept: &KeptChanges,
        counters: Counters,
    ) -> Result<(), WriteError> {
        self.try_write(content, effects, kept, counters).map_err(|error| {
            self.engine = None;
            // Opened again at once, so that a write which failed late cannot come back after a crash. If this fails
            // as well, the next change tries again.
            self.engine = self.recover(content).ok();
            self.describe(error)
        })
    }

    fn try_write(
        &mut self,
        content: Content<'_>,
        effects: &Effects,
        kept: &KeptChanges,
        counters: Counters,
    ) -> Result<(), EngineError> {
        let engine = match self.engine.take() {
            Some(engine) => engine,
            None => self.recover(content)?,
        };
        let counters = Counters { commits: self.counters.commits + 1, ..counters };
        let reservations = count_after(content.index, effects);
        self.engine.insert(engine).write(effects, kept, counters, reservations)?;
        self.counters = counters;
        if let Some(journal) = &mut self.journal {
            journal.extend(effects.keys());
        }
        Ok(())
    }

    /// The engine, opened again and brought into agreement with memory after a failed write.
    fn recover(&mut self, content: Content<'_>) -> Result<Engine, EngineError> {
        let engine = open::reopen(&self.file)?;
        self.counters = reconcile(&engine, content, self.counters)?;
        Ok(engine)
    }

    pub fn describe(&self, error: EngineError) -> WriteError {
        let path = self.path.clone();
        match error {
            EngineError::NoSpace(detail) => WriteError::NoSpace { path, detail },
            EngineError::Io(error) => WriteError::Io { path, detail: error.to_string() },
            EngineError::Locked => {
                WriteError::Io { path, detail: "another process has taken the file over".into() }
            }
            EngineError::Corrupt(detail) => WriteError::Damaged { path, detail },
            EngineError::NotAStore | EngineError::NewerFormat(_) => {
                WriteError::Damaged { path, detail: "it holds something else now".into() }
            }
        }
    }
}

/// Makes the file agree with memory. The commit number tells whether a write that was reported as failed reached the
/// disk all the same; then, and also should the disk have lost an acknowledged one, memory is right and is written.
fn reconcile(engine: &Engine, content: Content<'_>, counters: Counters) -> Result<Counters, EngineError> {
    let on_disk = engine.counters()?;
    if on_disk.commits == counters.commits {
        return Ok(counters);
    }
    let index = content.index;
    let in_memory = index.iter().map(|stored| (stored.id, Some(Arc::clone(stored))));
    let ids: BTreeSet<_> = engine.ids()?.into_iter().filter_map(HostId::new).collect();
    let surplus = ids.into_iter().filter(|id| index.get(*id).is_none()).map(|id| (id, None));
    let effects: Effects = in_memory.chain(surplus).collect();
    let mut kept: KeptChanges = engine.load_kept()?.into_keys().map(|key| (key, None)).collect();
    kept.extend(content.kept.iter().map(|(key, kept)| (key.clone(), Some(kept.clone()))));
    let counters = Counters { commits: on_disk.commits.max(counters.commits) + 1, ..counters };
    engine.write(&effects, &kept, counters, index.count() as u64)?;
    Ok(counters)
}

fn count_after(index: &Index, effects: &Effects) -> u64 {
    let before = effects.keys().filter(|id| index.get(**id).is_some()).count();
    let after = effects.values().flatten().count();
    (index.count() - before + after) as u64
}
