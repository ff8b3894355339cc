//! What happened on a server since the last time that it was asked; our hook alone can tell.

use serde::Deserialize;
use serde_json::{Value, json};

use super::super::dialect::ReservationDialect;
use super::super::{KeaError, Server, wire};
use super::BULK;
use crate::domain::{Lease, Mac};

/// How far the events of a server were read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Bookmark {
    /// Tells the numbers of one run of the hook from those of another.
    epoch: u64,
    /// The last event that was read.
    number: u64,
}

/// What was read.
#[derive(Debug)]
pub struct News {
    /// Where to go on.
    pub next: Bookmark,
    /// Whether something happened that is not told: everything may have changed.
    pub lost: bool,
    /// Whether there is more to read.
    pub more: bool,
    /// What happened, in order.
    pub events: Vec<Happening>,
}

/// One event.
#[derive(Debug, PartialEq, Eq)]
pub struct Happening {
    /// What it is.
    pub what: What,
    /// The device, where it is known by its MAC address.
    pub mac: Option<Mac>,
    /// Whose the reservation is, or the one of the device that the lease is of.
    pub owner: Option<String>,
    /// When, in seconds since 1970 by the server's clock.
    pub time: i64,
}

/// Kinds of events (docs/hook.md, ext-event-get).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum What {
    /// A lease became a reservation.
    Pinned,
    /// A reservation was made or changed.
    Put,
    /// A reservation is gone.
    Removed,
    /// A device got a lease, or renewed it.
    Leased,
    /// Anything else, such as the end of a lease.
    Other,
}

#[derive(Deserialize)]
struct WireNews {
    epoch: u64,
    head: u64,
    #[serde(default)]
    lost: bool,
    #[serde(default)]
    events: Vec<WireEvent>,
}

#[derive(Deserialize)]
#[serde(rename_all = "kebab-case")]
struct WireEvent {
    number: u64,
    #[serde(default)]
    time: i64,
    event: String,
    hw_address: Option<String>,
    owner: Option<String>,
}

impl Server {
    /// Whether the server was found to tell events.
    pub fn tells_events(&self) -> bool {
        self.state().dialect.is_some_and(|dialect| dialect.reservations == ReservationDialect::Ext)
    }

    /// What happened since `bookmark`; without one, only where to begin.
    pub async fn news(&self, bookmark: Option<Bookmark>) -> Result<News, KeaError> {
        let command = "ext-event-get";
        let arguments = bookmark.map(|Bookmark { epoch, number }| json!({"since": number, "epoch": epoch}));
        let answer = self.found(command, Some(arguments.unwrap_or_else(|| json!({})))).await?;
        news(&answer.unwrap_or_default(), bookmark).map_err(|cause| self.malformed(command, &cause))
    }

    /// The valid leases of devices, by our hook's bulk command.
    pub async fn leases_of(&self, macs: &[Mac]) -> Result<Vec<Vec<Lease>>, KeaError> {
        let command = "ext-lease-resolve";
        let mut leases = Vec::with_capacity(macs.len());
        for some in macs.chunks(BULK) {
            let identifiers: Vec<String> = some.iter().map(ToString::to_string).collect();
            let arguments =
                json!({"identifier-type": "hw-address", "identifiers": identifiers, "reservations": false});
            let answer = self.found(command, Some(arguments)).await?.unwrap_or_default();
            let known = wire::resolved(&answer, some).map_err(|cause| self.malformed(command, &cause))?;
            leases.extend(known.into_iter().map(|known| known.leases));
        }
        Ok(leases)
    }
}

fn news(answer: &Value, before: Option<Bookmark>) -> Result<News, String> {
    let told = WireNews::deserialize(answer).map_err(|error| format!("the events are malformed: {error}"))?;
    let number = match (told.events.last(), before) {
        (Some(last), _) => last.number,
        (None, Some(before)) if !told.lost => before.number,
        _ => told.head,
    };
    let next = Bookmark { epoch: told.epoch, number };
    let events = told.events.into_iter().map(happening).collect();
    Ok(News { next, lost: told.lost, more: number < told.head, events })
}

fn happening(event: WireEvent) -> Happening {
    let what = match event.event.as_str() {
        "reservation-pinned" => What::Pinned,
        "reservation-added" | "reservation-updated" => What::Put,
        "reservation-removed" => What::Removed,
        "lease-committed" => What::Leased,
        _ => What::Other,
    };
    let mac = event.hw_address.and_then(|text| text.parse().ok());
    Happening { what, mac, owner: event.owner, time: event.time }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_bookmark_moves_with_what_was_read() {
        let first = news(&json!({"epoch": 7, "head": 42}), None).unwrap();
        assert_eq!((first.next, first.more), (Bookmark { epoch: 7, number: 42 }, false));
        let answer = json!({"epoch": 7, "head": 45, "lost": false, "events": [
            {"number": 43, "time": 100, "event": "lease-committed", "hw-address": "52:54:00:00:00:01", "ip-address": "10.0.0.5"},
            {"number": 44, "event": "reservation-removed", "client-id": "01", "owner": "puppet"}]});
        let second = news(&answer, Some(first.next)).unwrap();
        assert_eq!((second.next.number, second.more, second.lost), (44, true, false));
        assert_eq!((second.events[0].what, second.events[0].time), (What::Leased, 100));
        assert_eq!(second.events[0].mac, Some("52:54:00:00:00:01".parse().unwrap()));
        assert_eq!((second.events[1].mac, second.events[1].owner.as_deref()), (None, Some("puppet")));
        let again =
            news(&json!({"epoch": 8, "head": 3, "lost": true, "events": []}), Some(second.next)).unwrap();
        assert_eq!((again.next, again.lost), (Bookmark { epoch: 8, number: 3 }, true));
    }
}
