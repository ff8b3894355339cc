//! The writing side of the store: plans a batch, and writes it.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};

use super::commit::Changes;
use super::engine::EngineError;
use super::error::WriteError;
use super::index::Index;
use super::open;
use super::open_error::OpenError;
use super::plan::{Counters, Effects, Plan};
use super::twin;
use super::volume::{Content, Loaded, Volume};
use kea_ffi::host::HostId;

/// The one writer of a store file.
pub(super) struct Writer {
    path: PathBuf,
    volume: Volume,
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

impl Writer {
    pub fn open(path: &Path) -> Result<(Self, Loaded), OpenError> {
        let (volume, loaded) = open::writable(path)?;
        let writer = Self { path: path.into(), volume, journal: None, unsettled: false };
        Ok((writer, loaded))
    }

    /// How many commits were made to the file.
    pub fn commits(&self) -> u64 {
        self.volume.counters().commits
    }

    /// A batch in the making on what is stored.
    pub fn plan<'a>(&self, index: &'a Index, addresses_unique: bool) -> Plan<'a, Index> {
        Plan::new(index, self.volume.counters(), addresses_unique)
    }

    /// The whole batch, on disk; or an error, and nothing of it. `content` is the store before it, on which it was
    /// planned.
    pub fn commit(
        &mut self,
        content: Content<'_>,
        changes: &Changes,
        counters: Counters,
    ) -> Result<(), WriteError> {
        self.check_place()?;
        self.volume.commit(content, changes, counters).map_err(|error| self.describe(error))?;
        if let Some(journal) = &mut self.journal {
            journal.extend(changes.effects.keys());
        }
        Ok(())
    }

    /// Whether the path still leads to the file that is open. What is written to one that was moved or removed would
    /// be gone after a restart.
    pub fn check_place(&mut self) -> Result<(), WriteError> {
        if !twin::is_at(&self.path, self.volume.file()) {
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
        let counters = self.volume.counters();
        Counters { commits: counters.commits + 1, ..counters }
    }

    /// Goes on with a copy of the store that has taken its name, and hands the old file over.
    pub fn go_on_with(&mut self, copy: Volume) -> Volume {
        self.unsettled = true;
        std::mem::replace(&mut self.volume, copy)
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
            EngineError::NotAStore | EngineError::BareDatabase | EngineError::NewerFormat(_) => {
                WriteError::Damaged { path, detail: "it holds something else now".into() }
            }
        }
    }
}
