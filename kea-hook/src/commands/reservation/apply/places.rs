//! A batch and the sources that it is for: what is there, what is decided, and how that is done everywhere or nowhere.

use std::collections::{BTreeSet, HashMap};
use std::sync::Arc;

use kea_ffi::element::KeaError;
use kea_ffi::host::{Family, HostId, Reservation};
use kea_ffi::hosts::{Host, Source, SourceKind};
use kea_ffi::server;

use super::execute::{self, NotDone};
use super::source::KeaSource;
use crate::apply::{Combined, Decided, Earlier, Item, Order, decide, decide_everywhere};
use crate::commands::CommandError;
use crate::commands::event::Events;
use crate::journal::{ReservationEvent, Reserved};
use crate::store::{Effects, KeptChanges, Plan, Planned, Session, Store};

/// An order, and the wanted reservations as Kea's own sources take them.
pub struct Batch {
    /// What there shall be, and what not.
    pub order: Order,
    /// The embedded store alone needs none.
    hosts: Vec<Option<Host>>,
}

impl Batch {
    /// Nothing is wanted yet.
    pub fn new(order: Order) -> Self {
        Self { order, hosts: Vec::new() }
    }

    /// Wants one more; or says why that makes no sense.
    pub fn push(&mut self, wanted: Result<(Option<Host>, Reservation), String>) {
        let (host, wanted) = match wanted {
            Ok((host, reservation)) => (host, Ok(reservation)),
            Err(reason) => (None, Err(reason)),
        };
        self.hosts.push(host);
        self.order.wanted.push(wanted);
    }

    /// The hosts for what was decided to be put into a source, by the number that they get there.
    fn hosts_of(&self, decided: &Decided) -> HashMap<HostId, &Host> {
        let put = self.hosts.iter().zip(&decided.wanted);
        put.filter_map(|(host, verdict)| Some((verdict.puts()?, host.as_ref()?))).collect()
    }
}

/// The sources that a batch is for, what is in them, and what shall be done there.
pub struct Places<'a> {
    places: Vec<Place<'a>>,
    addresses_unique: bool,
}

enum Place<'a> {
    Store(Option<Session<'a>>, Option<Planned>),
    Kea(KeaSource<'a>, Effects),
}

impl<'a> Places<'a> {
    /// Nobody else changes the embedded store while this lives, where it is one of the sources.
    pub fn new(
        family: Family,
        sources: &[Source<'a>],
        store: Option<&'a Store>,
    ) -> Result<Self, CommandError> {
        let mut session = match store {
            Some(store) if sources.iter().any(|source| source.kind() == SourceKind::Store) => {
                Some(store.session()?)
            }
            _ => None,
        };
        let places = sources.iter().map(|source| match source.kind() {
            SourceKind::Store => Place::Store(session.take(), None),
            _ => Place::Kea(KeaSource::new(*source, family), Effects::new()),
        });
        Ok(Self { places: places.collect(), addresses_unique: server::addresses_unique()? })
    }

    /// What becomes of an order, in all sources together.
    pub fn decide(&mut self, order: &Order, earlier: &Earlier) -> Result<Combined, KeaError> {
        decide_everywhere(order, self.places.len(), earlier, |source, order, left_out| {
            self.decide_in(source, order, left_out)
        })
    }

    /// Decides in one source, and remembers what is to be done there.
    fn decide_in(
        &mut self,
        source: usize,
        order: &Order,
        left_out: &BTreeSet<Item>,
    ) -> Result<Decided, KeaError> {
        match self.places.get_mut(source) {
            Some(Place::Store(Some(session), planned)) => {
                let (decided, plan) = session.plan(|plan| decide(order, left_out, plan));
                *planned = Some(plan);
                let Ok(decided) = decided;
                Ok(decided)
            }
            Some(Place::Kea(base, effects)) => {
                let mut plan = Plan::new(&*base, base.counters(), self.addresses_unique);
                let decided = decide(order, left_out, &mut plan)?;
                *effects = plan.finish().0;
                Ok(decided)
            }
            _ => Err(KeaError("the embedded store is not open".into())),
        }
    }

    /// Does what was decided: in all sources, or in none. The embedded store comes last, because it is the one that does
    /// all or nothing by itself. Where a database refuses something, what it took stays with `keeps`, which is for one
    /// source.
    pub fn execute(
        self,
        events: &Events,
        batch: &Batch,
        combined: &Combined,
        keeps: bool,
    ) -> Result<NotDone, CommandError> {
        let mut of_kea = Vec::new();
        let mut indexes = Vec::new();
        let mut of_store = None;
        for (index, (place, decided)) in self.places.into_iter().zip(&combined.sources).enumerate() {
            match place {
                Place::Store(session, planned) => of_store = session.zip(planned),
                Place::Kea(source, effects) => {
                    indexes.push(index);
                    of_kea.push((source.into_known(), effects, batch.hosts_of(decided)));
                }
            }
        }
        let store = || match of_store {
            Some((session, planned)) => session
                .commit(planned, KeptChanges::new())
                .map_err(|error| CommandError::new(error.to_string())),
            None => Ok(()),
        };
        let mut not_done = execute::execute(&of_kea, keeps, store)?;
        for (source, ..) in &mut not_done.refused {
            *source = indexes.get(*source).copied().unwrap_or_default();
        }
        if !keeps && !not_done.refused.is_empty() {
            return Ok(not_done);
        }
        for ((source, known), effects, _) in &of_kea {
            let name = Arc::from(source.name()?);
            let done = effects.iter().filter(|(id, _)| !not_done.open.contains(id));
            events.reservations(done.filter_map(|(id, after)| {
                let before = known.get(id).map(|known| Reserved::Whole(Arc::clone(&known.stored)));
                ReservationEvent::new(&name, before, after.clone().map(Reserved::Whole))
            }));
        }
        Ok(not_done)
    }
}
