//! The store while one caller changes it: decide on what is there, then write what was decided.

use std::sync::atomic::Ordering;
use std::sync::{MutexGuard, PoisonError};
use std::time::Instant;

use super::commit::Changes;
use super::error::{StoreError, WriteError};
use super::index::Index;
use super::kept::{KeptChanges, KeptMap};
use super::plan::Plan;
use super::volume::Content;
use super::writer::{Planned, Writer};
use super::{Changed, Health, Store};

/// The right to change a store, which one caller at a time has. Lookups go on meanwhile.
pub struct Session<'a> {
    store: &'a Store,
    writer: MutexGuard<'a, Writer>,
    kept: MutexGuard<'a, KeptMap>,
    start: Instant,
}

/// Under one exclusive lock, the index takes up at most this many changes, about a millisecond's worth.
const SLICE: usize = 512;

impl<'a> Session<'a> {
    pub(super) fn begin(store: &'a Store) -> Result<Self, StoreError> {
        let writer = store.writer.as_ref().ok_or_else(|| StoreError::ReadOnly(store.path.clone()))?;
        let writer = writer.lock().unwrap_or_else(PoisonError::into_inner);
        let kept = store.kept.lock().unwrap_or_else(PoisonError::into_inner);
        Ok(Self { store, writer, kept, start: Instant::now() })
    }

    /// Decides on a batch. Nothing is written, and the next plan starts from the same.
    pub fn plan<T>(&self, decide: impl FnOnce(&mut Plan<'_, Index>) -> T) -> (T, Planned) {
        let index = self.store.index();
        let mut plan = self.writer.plan(&index, self.store.addresses_unique.load(Ordering::Relaxed));
        let decided = decide(&mut plan);
        let (effects, counters) = plan.finish();
        (decided, Planned { effects, counters })
    }

    /// Writes what was decided, and `kept` with it, in one transaction. On disk when this returns `Ok`; readers may see a
    /// large batch arrive reservation by reservation. After an error nothing was changed.
    pub fn commit(mut self, planned: Planned, kept: KeptChanges) -> Result<(), WriteError> {
        let Planned { effects, counters } = planned;
        let batch = Changes { effects, kept };
        if batch.is_empty() {
            return Ok(());
        }
        let written = {
            let index = self.store.index();
            self.writer.commit(Content { index: &index, kept: &self.kept }, &batch, counters)
        };
        self.note(&written);
        written?;
        for (key, change) in batch.kept {
            match change {
                Some(kept) => drop(self.kept.insert(key, kept)),
                None => drop(self.kept.remove(&key)),
            }
        }
        let effects: Vec<_> = batch.effects.into_iter().collect();
        let mut changed = Vec::with_capacity(effects.len());
        for slice in effects.chunks(SLICE) {
            let mut index = self.store.index.write().unwrap_or_else(PoisonError::into_inner);
            changed.extend(slice.iter().map(|(id, after)| Changed {
                before: match after {
                    Some(stored) => index.put(stored),
                    None => index.remove(*id),
                },
                after: after.clone(),
            }));
        }
        if let Some(observer) = self.store.observer.get() {
            observer(changed);
        }
        Ok(())
    }

    fn note(&self, written: &Result<(), WriteError>) {
        let mut vitals = self.store.vitals.lock().unwrap_or_else(PoisonError::into_inner);
        match written {
            Ok(()) => {
                vitals.last_commit = Some(self.start.elapsed());
                vitals.commits = self.writer.commits();
                vitals.health = Health::Healthy;
            }
            Err(error) => {
                vitals.errors += 1;
                vitals.health = Health::Failing(error.clone());
            }
        }
    }
}
