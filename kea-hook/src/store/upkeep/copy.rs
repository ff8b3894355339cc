//! Copies what a store holds into a new file while the store goes on. What is copied is what is in memory: all that
//! was acknowledged, also when the store's own file can no longer be read.
//!
//! First all reservations are copied, then what was changed meanwhile, again and again until little is left, and that
//! while nobody may change anything.

use std::fs::File;
use std::path::Path;
use std::sync::{MutexGuard, PoisonError};

use super::super::commit::Changes;
use super::super::engine::EngineError;
use super::super::kept::{KeptChanges, KeptMap};
use super::super::plan::{Counters, Effects};
use super::super::volume::Volume;
use super::super::writer::Writer;
use super::super::{HostId, Store};
use super::{UpkeepError, Watch};

/// Reservations copied in one step: each step is synced, so that no flood of unwritten data slows the store's own syncs
/// down.
const STEP: usize = 5_000;

/// So few changes can be copied while changes wait.
const FEW: usize = 500;

/// A copy in the making.
pub struct Copy<'a> {
    store: &'a Store,
    watch: &'a Watch,
    path: &'a Path,
    made: Volume,
    /// The highest numbers among what was copied first.
    seen: Counters,
}

/// Changes to the store wait while this lives.
pub struct Standstill<'a> {
    pub writer: MutexGuard<'a, Writer>,
    pub kept: MutexGuard<'a, KeptMap>,
}

/// What a copy lacks at a certain moment.
pub struct Rest {
    effects: Effects,
    kept: KeptMap,
    counters: Counters,
    reservations: usize,
}

impl<'a> Copy<'a> {
    /// An empty copy in a file; `path` is for errors.
    pub fn begin(
        store: &'a Store,
        watch: &'a Watch,
        path: &'a Path,
        file: File,
    ) -> Result<Self, UpkeepError> {
        let made = Volume::create(file).map_err(|error| UpkeepError::engine(path, error))?;
        if let Some(mut writer) = store.writer() {
            writer.start_journal();
        }
        watch.begun();
        Ok(Self { store, watch, path, made, seen: Counters::default() })
    }

    /// Copies everything but what is being changed just now.
    pub fn copy_most(&mut self) -> Result<(), UpkeepError> {
        let mut after = None;
        loop {
            let step = self.store.page(None, None, after, STEP);
            let Some(last) = step.last() else { break };
            after = Some(last.id);
            self.seen.last_id = last.id.get();
            let revisions = step.iter().map(|stored| stored.revision);
            self.seen.last_revision = revisions.fold(self.seen.last_revision, u64::max);
            self.done(self.made.append(&step))?;
            self.watch.copied(step.len())?;
        }
        while let Some(changed) = self.much_changed() {
            for step in changed.chunks(STEP) {
                let changes = Changes { effects: self.now(step), kept: KeptChanges::new() };
                let written = self.made.write_through(&changes, Counters::default(), 0);
                self.done(written)?;
                self.watch.copied(0)?;
            }
        }
        Ok(())
    }

    /// What is still to be copied, at a moment without changes.
    pub fn rest(&self, standstill: &mut Standstill<'_>) -> Rest {
        let Standstill { writer, kept } = standstill;
        let changed: Vec<_> = writer.take_journal().into_iter().collect();
        Rest {
            effects: self.now(&changed),
            kept: kept.clone(),
            counters: writer.counters_of_copy(),
            reservations: self.store.index().count(),
        }
    }

    /// The same for a store that nobody changes.
    pub fn rest_of_read_only(&self) -> Rest {
        Rest {
            effects: Effects::new(),
            kept: self.store.kept(),
            counters: Counters { commits: 1, ..self.seen },
            reservations: self.store.index().count(),
        }
    }

    /// Copies the rest.
    pub fn finish(mut self, rest: Rest) -> Result<Volume, UpkeepError> {
        let Rest { effects, kept, counters, reservations } = rest;
        let kept = kept.into_iter().map(|(key, kept)| (key, Some(kept))).collect();
        let written = self.made.write_through(&Changes { effects, kept }, counters, reservations as u64);
        self.done(written)?;
        Ok(self.made)
    }

    fn done(&self, written: Result<(), EngineError>) -> Result<(), UpkeepError> {
        written.map_err(|error| UpkeepError::engine(self.path, error))
    }

    /// What was changed since it was last copied, if that is much.
    fn much_changed(&self) -> Option<Vec<HostId>> {
        let mut writer = self.store.writer()?;
        (writer.journal_length() > FEW).then(|| writer.take_journal().into_iter().collect())
    }

    /// What there is now under these numbers.
    fn now(&self, ids: &[HostId]) -> Effects {
        let index = self.store.index();
        ids.iter().map(|id| (*id, index.get(*id).cloned())).collect()
    }
}

impl<'a> Standstill<'a> {
    /// Waits for the end of a change; nothing for a store that nobody changes.
    pub fn of(store: &'a Store) -> Option<Self> {
        let writer = store.writer()?;
        let kept = store.kept.lock().unwrap_or_else(PoisonError::into_inner);
        Some(Self { writer, kept })
    }
}
