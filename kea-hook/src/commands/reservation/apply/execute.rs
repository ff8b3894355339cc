//! Carries decisions out in Kea's own sources, and takes them back where a later one fails.

use std::collections::{BTreeSet, HashMap, HashSet};
use std::net::IpAddr;

use kea_ffi::element::KeaError;
use kea_ffi::host::{By, HostId, Query, Reservation};
use kea_ffi::hosts::{Exchange, Host, Source, SourceKind};

use super::source::Known;
use crate::commands::CommandError;
use crate::commands::reservation::change::{Done, Step};
use crate::store::Effects;

/// One source, what is known of it, what shall become of it, and the hosts to put into it.
pub type Work<'a> = ((Source<'a>, HashMap<HostId, Known>), Effects, HashMap<HostId, &'a Host>);

/// What is not done although it was decided.
#[derive(Default)]
pub struct NotDone {
    /// What a database refused: which of the sources, what, and why.
    pub refused: Vec<(usize, HostId, String)>,
    /// All that is not there: what was refused, and what waits for that.
    pub open: BTreeSet<HostId>,
}

/// Does everything, and `last` after it; or nothing. Where a database refuses something, what it took stays with `keeps`,
/// and nothing else comes.
pub fn execute(
    work: &[Work<'_>],
    keeps: bool,
    last: impl FnOnce() -> Result<(), CommandError>,
) -> Result<NotDone, CommandError> {
    let mut done = Done::default();
    let mut exchanges = Vec::new();
    let mut not_done = NotDone::default();
    let everything = || -> Result<(), CommandError> {
        // Databases first: while the server's memory changes, packets wait.
        for (index, ((source, known), effects, new)) in
            work.iter().enumerate().filter(|(_, ((source, _), ..))| source.kind() != SourceKind::Memory)
        {
            let left = Steps::new(*source, known, effects, new, &mut done).run()?;
            not_done.refused.extend(left.refused.into_iter().map(|(id, error)| (index, id, error.0)));
            not_done.open.extend(left.open);
        }
        if !not_done.refused.is_empty() {
            return Ok(());
        }
        for ((source, known), effects, new) in
            work.iter().filter(|((source, _), ..)| source.kind() == SourceKind::Memory)
        {
            let mut exchange = prepare(*source, known, effects, new)?;
            exchange.run()?;
            exchanges.push(exchange);
        }
        last()
    };
    let Err(mut error) = everything() else {
        if let (false, Some((_, _, reason))) = (keeps, not_done.refused.first()) {
            done.undo_back_to(0, CommandError::new(reason))?;
        }
        return Ok(not_done);
    };
    for exchange in &mut exchanges {
        if let Err(problem) = exchange.undo() {
            error = CommandError::new(format!(
                "{error}; what was done in the server's memory before could not be taken back: {problem}"
            ));
        }
    }
    Err(done.undo(error))
}

fn prepare(
    source: Source<'_>,
    known: &HashMap<HostId, Known>,
    effects: &Effects,
    new: &HashMap<HostId, &Host>,
) -> Result<Exchange, KeaError> {
    let mut exchange = source.exchange()?;
    for (id, effect) in effects {
        if let Some(old) = known.get(id) {
            exchange.take_out(&old.host)?;
        }
        if let (Some(_), Some(host)) = (effect, new.get(id)) {
            exchange.put_in(host)?;
        }
    }
    Ok(exchange)
}

/// Changes to a database, one by one, in an order in which no address is ever wanted before it is free.
struct Steps<'a, 'd> {
    source: Source<'a>,
    known: &'a HashMap<HostId, Known>,
    done: &'d mut Done<'a>,
    removals: Vec<HostId>,
    gone: HashSet<HostId>,
    /// What is still to be put in.
    open: HashMap<HostId, &'a Host>,
    /// Who has an address that will be free.
    holders: HashMap<(u32, IpAddr), HostId>,
    /// Who waits for whom.
    waiting: HashMap<HostId, Vec<HostId>>,
    /// What was put in, one after the other.
    put: Vec<HostId>,
    /// What the database does not take, and why.
    refused: Vec<(HostId, KeaError)>,
}

/// What is not in a database.
struct Left {
    /// What it refused, and why.
    refused: Vec<(HostId, KeaError)>,
    /// All that is still to be put in.
    open: Vec<HostId>,
}

impl<'a, 'd> Steps<'a, 'd> {
    fn new(
        source: Source<'a>,
        known: &'a HashMap<HostId, Known>,
        effects: &Effects,
        new: &'a HashMap<HostId, &'a Host>,
        done: &'d mut Done<'a>,
    ) -> Self {
        let old = effects.keys().filter_map(|id| known.get(id));
        let holders = old.flat_map(|old| {
            addresses(&old.stored.reservation)
                .map(move |address| (address, old.stored.id))
                .collect::<Vec<_>>()
        });
        Self {
            source,
            known,
            done,
            removals: effects.iter().filter(|(_, effect)| effect.is_none()).map(|(id, _)| *id).collect(),
            gone: HashSet::new(),
            open: effects.keys().filter_map(|id| Some((*id, *new.get(id)?))).collect(),
            holders: holders.collect(),
            waiting: HashMap::new(),
            put: Vec::new(),
            refused: Vec::new(),
        }
    }

    fn run(mut self) -> Result<Left, KeaError> {
        for id in std::mem::take(&mut self.removals) {
            if let Some(old) = self.known.get(&id) {
                self.remove(old)?;
            }
        }
        let mut ids: Vec<HostId> = self.open.keys().copied().collect();
        ids.sort_unstable();
        for id in &ids {
            self.put_with_waiting(*id)?;
        }
        // Whoever is left waits in a circle, or else for what was refused.
        let mut undone = Vec::new();
        for id in ids {
            if let (true, true, Some(old)) =
                (self.refused.is_empty(), self.open.contains_key(&id), self.known.get(&id))
            {
                undone = self.put_circle(id, old)?;
            }
        }
        undone.extend(self.open.into_keys());
        Ok(Left { refused: self.refused, open: undone })
    }

    /// The first of a circle gives up what it has for a moment. Where one of them is refused then, all of them stay as they
    /// were: these are the ones that were put in for that moment.
    fn put_circle(&mut self, id: HostId, old: &'a Known) -> Result<Vec<HostId>, KeaError> {
        let (steps, put) = (self.done.steps.len(), self.put.len());
        self.remove(old)?;
        for waiting in self.waiting.remove(&id).unwrap_or_default() {
            self.put_with_waiting(waiting)?;
        }
        self.put_with_waiting(id)?;
        let Some((_, reason)) = self.refused.first() else { return Ok(Vec::new()) };
        let reason = CommandError::new(reason.to_string());
        self.done.undo_back_to(steps, reason).map_err(|problem| KeaError(problem.to_string()))?;
        Ok(self.put.split_off(put))
    }

    fn remove(&mut self, old: &'a Known) -> Result<(), KeaError> {
        self.source.remove(&old.host)?;
        self.done.steps.push(Step::Removed(self.source, &old.host));
        self.gone.insert(old.stored.id);
        self.release(old);
        Ok(())
    }

    fn release(&mut self, old: &Known) {
        for address in addresses(&old.stored.reservation) {
            if self.holders.get(&address) == Some(&old.stored.id) {
                self.holders.remove(&address);
            }
        }
    }

    fn put_with_waiting(&mut self, id: HostId) -> Result<(), KeaError> {
        let mut next = vec![id];
        while let Some(id) = next.pop() {
            let Some(host) = self.open.get(&id).copied() else { continue };
            if let Some(holder) = self.in_the_way(id, host)? {
                self.waiting.entry(holder).or_default().push(id);
                continue;
            }
            if let Err(error) = self.put(id, host) {
                if !self.answers_about(host)? {
                    return Err(error);
                }
                self.refused.push((id, error));
                continue;
            }
            self.put.push(id);
            self.open.remove(&id);
            next.extend(self.waiting.remove(&id).unwrap_or_default());
        }
        Ok(())
    }

    /// Whether the database can be asked: then what it refuses is its own fault, and others may do better.
    fn answers_about(&self, host: &Host) -> Result<bool, KeaError> {
        let reservation = host.reservation()?;
        let by = By::Identifier(reservation.identifier.kind, &reservation.identifier.value);
        let mut subnets = reservation.subnets();
        Ok(subnets.all(|(family, subnet)| self.source.find(&Query::in_subnet(family, subnet, by)).is_ok()))
    }

    fn in_the_way(&self, id: HostId, host: &Host) -> Result<Option<HostId>, KeaError> {
        let reservation = host.reservation()?;
        let mut holders = addresses(&reservation).filter_map(|address| self.holders.get(&address).copied());
        Ok(holders.find(|holder| *holder != id))
    }

    fn put(&mut self, id: HostId, host: &'a Host) -> Result<(), KeaError> {
        match self.known.get(&id) {
            // One that was taken out before, to break a circle, comes as new.
            Some(old) if !self.gone.contains(&id) => {
                self.source.replace(&old.host, host)?;
                self.done.steps.push(Step::Replaced(self.source, &old.host, host));
                self.release(old);
            }
            _ => {
                self.source.add(host)?;
                self.done.steps.push(Step::Added(self.source, host));
            }
        }
        Ok(())
    }
}

/// The addresses and prefixes of a reservation, each in its subnet.
fn addresses(reservation: &Reservation) -> impl Iterator<Item = (u32, IpAddr)> + '_ {
    let v4 = reservation.subnet_v4.zip(reservation.ipv4.map(IpAddr::V4));
    let v6 = reservation
        .ipv6
        .iter()
        .filter_map(|resource| reservation.subnet_v6.map(|subnet| (subnet, IpAddr::V6(resource.address()))));
    v4.into_iter().chain(v6)
}
