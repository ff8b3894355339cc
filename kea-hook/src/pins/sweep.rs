//! Looks through all host sources for wishes, a little at a time: what is in databases may have been put there by another
//! server, or before this one was started.

use std::collections::VecDeque;

use kea_ffi::element::KeaError;
use kea_ffi::host::{Family, HostId, Reservation};
use kea_ffi::hosts::{Page, SourceKind, Sources, Target};

use crate::store::Store;
use crate::wish;

/// How far it is.
pub struct Sweep(VecDeque<Position>);

/// What is next in a source.
enum Position {
    Store { after: Option<HostId> },
    Kea { index: usize, after: u64 },
}

/// How many reservations are looked at before packets are.
const SLICE: usize = 500;

impl Sweep {
    /// Nothing was looked at yet.
    pub fn new() -> Result<Self, KeaError> {
        let sources = Sources::of(Target::All)?;
        let position = |(index, kind)| match kind {
            SourceKind::Store => Position::Store { after: None },
            _ => Position::Kea { index, after: 0 },
        };
        Ok(Self(sources.iter().map(|source| source.kind()).enumerate().map(position).collect()))
    }

    /// The wishes among the next reservations; none when all were looked at.
    pub fn next(
        &mut self,
        family: Family,
        store: Option<&Store>,
    ) -> Result<Option<Vec<Reservation>>, KeaError> {
        let Some(position) = self.0.pop_front() else { return Ok(None) };
        let (wishes, next) = match position {
            Position::Store { after } => in_store(family, store, after),
            Position::Kea { index, after } => in_source(family, index, after)?,
        };
        if let Some(next) = next {
            self.0.push_front(next);
        }
        Ok(Some(wishes))
    }
}

fn in_store(
    family: Family,
    store: Option<&Store>,
    after: Option<HostId>,
) -> (Vec<Reservation>, Option<Position>) {
    let page = store.map(|store| store.page(Some(family), None, after, SLICE)).unwrap_or_default();
    let next = page.last().map(|last| Position::Store { after: Some(last.id) });
    let pending = page.iter().filter(|stored| wish::is_pending(&stored.reservation));
    (pending.map(|stored| stored.reservation.clone()).collect(), next)
}

fn in_source(
    family: Family,
    index: usize,
    after: u64,
) -> Result<(Vec<Reservation>, Option<Position>), KeaError> {
    let page = Page::read(family, None, index, after, SLICE)?;
    // Where a source has no more, Kea goes on to the next one, whose turn comes anyway.
    let Some(last) = page.last_id().filter(|_| page.source == index) else {
        return Ok((Vec::new(), None));
    };
    let mut wishes = page.without_address()?;
    wishes.retain(wish::is_pending);
    Ok((wishes, Some(Position::Kea { index, after: last })))
}
