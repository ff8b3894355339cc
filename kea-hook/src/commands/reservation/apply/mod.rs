//! `ext-reservation-apply`.

mod execute;
mod reply;
mod request;
mod source;

use std::collections::BTreeSet;
use std::sync::Arc;

use kea_ffi::element::{Element, KeaError, Reply};
use kea_ffi::hosts::{SourceKind, Sources};
use kea_ffi::server;

use crate::apply::{Combined, Decided, Item, Order, decide, decide_everywhere};
use crate::commands::event::Events;
use crate::commands::{CommandError, Commands};
use crate::journal::{ReservationEvent, Reserved};
use crate::store::{Effects, KeptChanges, Plan, Planned, Session};
use request::Request;
use source::KeaSource;

/// Makes many reservations what a list says, and others go.
pub fn apply(hook: &Commands, arguments: Option<&Element>) -> Result<Reply, CommandError> {
    let request = Request::read(hook, arguments)?;
    let sources = &request.sources;
    let stores = hook.open_stores();
    let store = stores.first().filter(|_| sources.iter().any(|source| source.kind() == SourceKind::Store));
    let session = store.map(|store| store.session()).transpose()?;

    let mut places = Places::new(hook, sources, session)?;
    let combined = decide_everywhere(&request.order, sources.len(), |source, order, left_out| {
        places.decide(source, order, left_out)
    })?;
    let applied = !request.dry_run && (combined.refused.is_empty() || !request.atomic);
    let names = sources.iter().map(|source| source.name()).collect::<Result<Vec<_>, _>>()?;
    if applied {
        places.execute(&hook.events, &request, &combined)?;
    }
    reply::reply(&request, &combined, &names, applied)
}

/// The sources of a command, what is in them, and what shall be done there.
struct Places<'a> {
    places: Vec<Place<'a>>,
    addresses_unique: bool,
}

enum Place<'a> {
    Store(Option<Session<'a>>, Option<Planned>),
    Kea(KeaSource<'a>, Effects),
}

impl<'a> Places<'a> {
    fn new(
        hook: &Commands,
        sources: &'a Sources,
        session: Option<Session<'a>>,
    ) -> Result<Self, CommandError> {
        let mut session = session;
        let places = sources.iter().map(|source| match source.kind() {
            SourceKind::Store => Place::Store(session.take(), None),
            _ => Place::Kea(KeaSource::new(source, hook.family), Effects::new()),
        });
        Ok(Self { places: places.collect(), addresses_unique: server::addresses_unique()? })
    }

    /// Decides in one source, and remembers what is to be done there.
    fn decide(
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
    /// all or nothing by itself.
    fn execute(self, events: &Events, request: &Request, combined: &Combined) -> Result<(), CommandError> {
        let mut of_kea = Vec::new();
        let mut of_store = None;
        for (place, decided) in self.places.into_iter().zip(&combined.sources) {
            match place {
                Place::Store(session, planned) => of_store = session.zip(planned),
                Place::Kea(source, effects) => {
                    of_kea.push((source.into_known(), effects, request.hosts_of(decided)));
                }
            }
        }
        let store = || match of_store {
            Some((session, planned)) => session
                .commit(planned, KeptChanges::new())
                .map_err(|error| CommandError::new(error.to_string())),
            None => Ok(()),
        };
        execute::execute(&of_kea, store)?;
        for ((source, known), effects, _) in &of_kea {
            let name = Arc::from(source.name()?);
            events.reservations(effects.iter().filter_map(|(id, after)| {
                let before = known.get(id).map(|known| Reserved::Whole(Arc::clone(&known.stored)));
                ReservationEvent::new(&name, before, after.clone().map(Reserved::Whole))
            }));
        }
        Ok(())
    }
}
