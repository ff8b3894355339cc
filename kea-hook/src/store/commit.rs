//! One commit: what it changes, and how it is written in the log, in postcard encoding.

use std::sync::Arc;

use serde::{Deserialize, Serialize};

use super::index::Index;
use super::kept::{self, KeptChanges, KeptKey};
use super::plan::{Counters, Effects};
use super::record;
use kea_ffi::host::HostId;

/// What commits change.
#[derive(Debug, Default, PartialEq)]
pub(super) struct Changes {
    pub effects: Effects,
    pub kept: KeptChanges,
}

/// A commit in the log, and what the store is after it.
pub(super) struct Commit {
    pub changes: Changes,
    pub counters: Counters,
    /// How many reservations there are.
    pub reservations: u64,
}

impl Changes {
    pub fn is_empty(&self) -> bool {
        self.effects.is_empty() && self.kept.is_empty()
    }

    /// How many reservations and kept things are changed.
    pub fn count(&self) -> usize {
        self.effects.len() + self.kept.len()
    }

    /// Adds what a later commit changed.
    pub fn absorb(&mut self, later: &Self) {
        self.effects.extend(later.effects.iter().map(|(id, effect)| (*id, effect.clone())));
        self.kept.extend(later.kept.iter().map(|(key, change)| (key.clone(), change.clone())));
    }

    /// How many reservations there are when these changes are made to the index.
    pub fn count_after(&self, index: &Index) -> u64 {
        let before = self.effects.keys().filter(|id| index.get(**id).is_some()).count();
        let after = self.effects.values().flatten().count();
        (index.count() - before + after) as u64
    }
}

#[derive(Serialize, Deserialize)]
struct Layout<B> {
    last_id: u64,
    last_revision: u64,
    reservations: u64,
    effects: Vec<(u64, Option<B>)>,
    kept: Vec<(B, Option<B>)>,
}

/// How a commit is written; nothing where that would be longer than `room`.
pub(super) fn encode(
    changes: &Changes,
    counters: Counters,
    reservations: u64,
    room: usize,
) -> Result<Option<Vec<u8>>, postcard::Error> {
    let mut length = 0;
    let mut effects = Vec::new();
    for (id, effect) in &changes.effects {
        let record = effect.as_ref().map(|stored| record::encode(stored)).transpose()?;
        length += 1 + record.as_ref().map_or(0, Vec::len);
        effects.push((id.get(), record));
        if length > room {
            return Ok(None);
        }
    }
    let mut kept = Vec::new();
    for (key, change) in &changes.kept {
        let record = change.as_ref().map(|kept| kept.encode(key)).transpose()?;
        kept.push((key.encode(), record));
    }
    let Counters { last_id, last_revision, .. } = counters;
    let layout = Layout { last_id, last_revision, reservations, effects, kept };
    Ok(Some(postcard::to_stdvec(&layout)?).filter(|bytes| bytes.len() <= room))
}

/// The reason is meant for the text of an error about the file. The number is part of the frame, see `log`.
pub(super) fn decode(number: u64, bytes: &[u8]) -> Result<Commit, String> {
    let layout: Layout<&[u8]> = postcard::from_bytes(bytes).map_err(|error| error.to_string())?;
    let mut changes = Changes::default();
    for (id, record) in layout.effects {
        let stored = record.map(|record| record::decode(id, record)).transpose()?;
        let id = HostId::new(id).ok_or("a reservation without number")?;
        changes.effects.insert(id, stored.map(Arc::new));
    }
    for (key, record) in layout.kept {
        let (key, change) = match record {
            Some(record) => kept::decode(key, record).map(|(key, kept)| (key, Some(kept)))?,
            None => (KeptKey::decode(key).ok_or("a kept subnet without valid key")?, None),
        };
        changes.kept.insert(key, change);
    }
    let Layout { last_id, last_revision, reservations, .. } = layout;
    Ok(Commit { changes, counters: Counters { commits: number, last_id, last_revision }, reservations })
}
