//! All reservations of a server, page by page.

use std::collections::{HashSet, VecDeque};

use futures::{Stream, TryStreamExt, stream};
use serde::Deserialize;
use serde_json::{Value, json};

use super::dialect::ReservationDialect;
use super::{KeaError, Server, wire};
use crate::domain::{Identifier, Reservation};

/// Reservations in a page: some 300 kB, for which Kea's one thread of commands is busy for a few milliseconds.
const PAGE: u32 = 1000;

/// A reservation, and where the server has it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Listed {
    /// The reservation.
    pub reservation: Reservation,
    /// Which of the server's host sources has it: 0 is its memory, filled from its configuration, 1 the first host
    /// database, and so on.
    pub source_index: u32,
    /// An earlier source has one for the same device in the same subnet: Kea uses that one, and never this.
    pub shadowed: bool,
}

/// Which reservations are listed, and how far the listing has come.
struct Cursor {
    /// Listings to come, the current one first: of a subnet, or of all that is there.
    scopes: VecDeque<Option<u32>>,
    next: Position,
    seen: Seen,
}

/// Where a page begins. Ids are counted in each source by itself.
#[derive(Clone, Copy, Debug, Default, Deserialize, PartialEq, Eq, PartialOrd, Ord)]
#[serde(rename_all = "kebab-case")]
struct Position {
    source_index: u32,
    from: u64,
}

/// Arguments of a `reservation-get-page` reply.
#[derive(Deserialize)]
struct Page {
    hosts: Vec<Value>,
    #[serde(default)]
    next: Option<Position>,
}

/// What was listed already: source, subnet and device.
#[derive(Default)]
struct Seen(HashSet<(u32, u32, Identifier)>);

impl Seen {
    /// None for what was listed before from the same source.
    fn list(&mut self, reservation: Reservation, source_index: u32) -> Option<Listed> {
        let key = |source| (source, reservation.subnet_id, reservation.identifier.clone());
        let shadowed = (0..source_index).any(|earlier| self.0.contains(&key(earlier)));
        self.0.insert(key(source_index)).then_some(Listed { reservation, source_index, shadowed })
    }
}

impl Server {
    /// All reservations of the server, of every owner and of none. A source's come in the order of their ids; the same
    /// reservation of the same source comes once. One that is made or removed meanwhile may be in it or not.
    pub fn reservations(&self) -> impl Stream<Item = Result<Listed, KeaError>> + '_ {
        stream::once(self.listings())
            .map_ok(|cursor| stream::try_unfold(cursor, |cursor| self.page(cursor)))
            .try_flatten()
            .map_ok(|page| stream::iter(page.into_iter().map(Ok)))
            .try_flatten()
    }

    /// Kea's own command ends a listing of all subnets at the first page that has nothing but reservations of DHCPv6,
    /// which are there when both daemons use one database: the page is empty, and tells of no next one. What is behind
    /// it is found by listing each subnet. Our hook passes over such pages.
    async fn listings(&self) -> Result<Cursor, KeaError> {
        let mut scopes = VecDeque::from([None]);
        if self.dialect().await?.reservations == ReservationDialect::Stock {
            let mut subnets: Vec<u32> = self.subnets().await?.iter().map(|subnet| subnet.id).collect();
            subnets.sort_unstable();
            scopes.extend(subnets.into_iter().map(Some));
        }
        Ok(Cursor { scopes, next: Position::default(), seen: Seen::default() })
    }

    async fn page(&self, mut cursor: Cursor) -> Result<Option<(Vec<Listed>, Cursor)>, KeaError> {
        let command = self.dialect().await?.reservation_command("get-page");
        let Some(scope) = cursor.scopes.front() else { return Ok(None) };
        let at = cursor.next;
        let mut arguments = json!({"limit": PAGE, "source-index": at.source_index, "from": at.from});
        if let Some(subnet) = scope {
            arguments["subnet-id"] = (*subnet).into();
        }
        let page = match self.found(&command, Some(arguments)).await? {
            None => None,
            Some(arguments) => Some(read(&arguments, at).map_err(|cause| self.malformed(&command, &cause))?),
        };
        let Some((reservations, next)) = page else {
            cursor.scopes.pop_front();
            cursor.next = Position::default();
            return Ok(Some((vec![], cursor)));
        };
        let source = next.source_index;
        let listed = reservations.into_iter().filter_map(|found| cursor.seen.list(found, source)).collect();
        cursor.next = next;
        Ok(Some((listed, cursor)))
    }
}

/// The reservations of a page, and where the next one begins: in the source that this page is of.
fn read(arguments: &Value, at: Position) -> Result<(Vec<Reservation>, Position), String> {
    let page = Page::deserialize(arguments).map_err(|error| format!("the page is malformed: {error}"))?;
    let next = page.next.ok_or("the page does not say where the next one begins")?;
    // A listing that does not get on would never end.
    if next <= at {
        return Err("the next page does not begin behind this one".into());
    }
    let reservations: Result<Vec<Reservation>, String> = page.hosts.iter().map(wire::reservation).collect();
    Ok((reservations?, next))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn host(device: u8) -> Value {
        json!({"subnet-id": 1, "hw-address": format!("52:54:00:00:00:{device:02x}"), "ip-address": "10.0.0.5"})
    }

    fn reservation(device: u8) -> Reservation {
        wire::reservation(&host(device)).unwrap()
    }

    #[test]
    fn a_page_says_where_the_next_begins() {
        let arguments = json!({"hosts": [host(1)], "count": 1, "next": {"source-index": 1, "from": 7}});
        let (reservations, next) = read(&arguments, Position { source_index: 0, from: 12 }).unwrap();
        assert_eq!((reservations.len(), next), (1, Position { source_index: 1, from: 7 }));
    }

    #[test]
    fn a_listing_that_does_not_get_on_is_an_error() {
        let at = Position { source_index: 1, from: 7 };
        for next in
            [json!({"source-index": 1, "from": 7}), json!({"source-index": 0, "from": 9}), Value::Null]
        {
            let error = read(&json!({"hosts": [host(1)], "next": next}), at).unwrap_err();
            assert!(error.contains("begin"), "{error}");
        }
    }

    #[test]
    fn a_malformed_page_is_an_error() {
        for page in
            [json!({}), json!({"hosts": {}}), json!({"hosts": [{}], "next": {"source-index": 0, "from": 1}})]
        {
            read(&page, Position::default()).unwrap_err();
        }
    }

    #[test]
    fn what_several_sources_have_is_used_of_the_first() {
        let mut seen = Seen::default();
        let mut list = |device, source| {
            seen.list(reservation(device), source).map(|listed| (listed.source_index, listed.shadowed))
        };
        assert_eq!(list(1, 0), Some((0, false)));
        assert_eq!(list(1, 2), Some((2, true)));
        assert_eq!(list(2, 2), Some((2, false)));
        assert_eq!(list(2, 2), None);
    }
}
