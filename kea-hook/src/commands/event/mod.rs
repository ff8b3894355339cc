//! What happens to leases and reservations, and the command that tells it.
//!
//! - `watch`: whose leases are told of.
//! - `get`: the command.
//! - `describe`: an event in JSON.

mod describe;
mod get;
mod watch;

use std::sync::Arc;
use std::time::{Duration, SystemTime};

use kea_ffi::element::KeaError;
use kea_ffi::hosts::Host;
use kea_ffi::server::{self, Message};

pub use get::get;
pub use watch::lease_changed;

use crate::config::{Config, EventLeases};
use crate::journal::{Event, Journal, ReservationChange, ReservationEvent, Reserved};
use crate::pins::Pins;
use crate::statistics;
use crate::{owner, store};

/// Takes down what happens.
pub struct Events {
    journal: Journal,
    leases: EventLeases,
    pins: Arc<Pins>,
}

impl Events {
    /// Nothing has happened yet. `pins` learns of changes of reservations, too.
    pub fn new(config: &Config, pins: Arc<Pins>) -> Self {
        let epoch = i64::try_from(since_1970().as_micros()).unwrap_or(i64::MAX);
        Self { journal: Journal::new(config.event_log_size, epoch), leases: config.event_leases, pins }
    }

    /// The events.
    pub fn journal(&self) -> &Journal {
        &self.journal
    }

    /// The embedded store has committed changes.
    pub fn committed(&self, source: &Arc<str>, changes: Vec<store::Changed>) {
        let whole = |stored: Option<_>| stored.map(Reserved::Whole);
        self.reservations(changes.into_iter().filter_map(|changed| {
            ReservationEvent::new(source, whole(changed.before), whole(changed.after))
        }));
    }

    /// Reservations were changed, and nothing will undo it.
    pub fn reservations(&self, events: impl Iterator<Item = ReservationEvent>) {
        let events: Vec<ReservationEvent> = events.collect();
        let mut counts = [0; 3];
        for event in &events {
            match event.change {
                ReservationChange::Added => counts[0] += 1,
                ReservationChange::Updated => counts[1] += 1,
                ReservationChange::Removed => counts[2] += 1,
                ReservationChange::Pinned => {}
            }
        }
        statistics::reservations(counts);
        self.pins.changed(&events);
        self.journal.record(now(), events.into_iter().map(Event::Reservation));
    }
}

/// A host of Kea's, as an event keeps it.
pub fn reserved(host: &Host) -> Option<Reserved> {
    let known =
        || -> Result<_, KeaError> { Ok(Reserved::Owned(host.reservation()?, host.owner(owner::MEMBER)?)) };
    known().inspect_err(log_unknown).ok()
}

fn log_unknown(error: &KeaError) {
    server::log(Message::InternalError, &format!("a change cannot be told of: {error}"));
}

fn since_1970() -> Duration {
    SystemTime::now().duration_since(SystemTime::UNIX_EPOCH).unwrap_or_default()
}

/// In seconds.
fn now() -> i64 {
    i64::try_from(since_1970().as_secs()).unwrap_or(i64::MAX)
}
