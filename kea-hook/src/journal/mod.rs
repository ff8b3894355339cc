//! What happened lately, for clients that ask again and again: numbered events in a ring of limited length.
//!
//! The numbers count from 1 and have no gaps. They begin anew, with another epoch, whenever the library is loaded, that
//! is at every configuration: the server's memory begins anew then too.

mod event;
#[cfg(test)]
mod tests;

use std::collections::VecDeque;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

pub use event::{Event, LeaseEvent, ReservationChange, ReservationEvent, Reserved};

/// The events. Any thread may record some; nobody waits for long.
pub struct Journal {
    epoch: i64,
    size: usize,
    ring: Mutex<Ring>,
}

#[derive(Default)]
struct Ring {
    /// Number of the last event.
    head: u64,
    entries: VecDeque<Arc<Entry>>,
}

/// An event that was recorded.
#[derive(Debug)]
pub struct Entry {
    /// Its number.
    pub number: u64,
    /// When it was recorded, in seconds since 1970.
    pub time: i64,
    /// What happened.
    pub event: Event,
}

/// What came after an event.
#[derive(Debug)]
pub struct Page {
    /// The first events after it.
    pub entries: Vec<Arc<Entry>>,
    /// Number of the last event that there is.
    pub head: u64,
    /// Whether there were events after it that are no longer known, or it is from another epoch.
    pub lost: bool,
}

impl Journal {
    /// None yet. At most `size` are kept; with 0, none is recorded.
    pub fn new(size: usize, epoch: i64) -> Self {
        Self { epoch, size, ring: Mutex::default() }
    }

    /// Tells numbers before a restart from those after it.
    pub fn epoch(&self) -> i64 {
        self.epoch
    }

    /// How many events are kept.
    pub fn size(&self) -> usize {
        self.size
    }

    /// Number of the last event; 0 before the first.
    pub fn head(&self) -> u64 {
        self.ring().head
    }

    /// Appends events. Of more than are kept, the last ones stay.
    pub fn record(&self, time: i64, events: impl IntoIterator<Item = Event>) {
        if self.size == 0 {
            return;
        }
        let mut ring = self.ring();
        for event in events {
            ring.head += 1;
            if ring.entries.len() == self.size {
                ring.entries.pop_front();
            }
            let number = ring.head;
            ring.entries.push_back(Arc::new(Entry { number, time, event }));
        }
    }

    /// At most `limit` events after number `since` of an epoch; without one, of this. Those that are known, where there
    /// were others, or where the number is none of this epoch.
    pub fn after(&self, since: u64, epoch: Option<i64>, limit: usize) -> Page {
        let ring = self.ring();
        let foreign = epoch.is_some_and(|epoch| epoch != self.epoch) || since > ring.head;
        let since = if foreign { 0 } else { since };
        let before_first = ring.entries.front().map_or(ring.head, |first| first.number - 1);
        let known = usize::try_from(since.saturating_sub(before_first)).unwrap_or(usize::MAX);
        Page {
            entries: ring.entries.iter().skip(known).take(limit).cloned().collect(),
            head: ring.head,
            lost: foreign || since < before_first,
        }
    }

    fn ring(&self) -> MutexGuard<'_, Ring> {
        self.ring.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
