//! Carries decisions out in Kea's own sources, and takes them back where a later one fails.

use std::collections::{HashMap, HashSet};
use std::net::IpAddr;

use kea_ffi::element::KeaError;
use kea_ffi::host::{HostId, Reservation};
use kea_ffi::hosts::{Exchange, Host, Source, SourceKind};

use super::source::Known;
use crate::commands::CommandError;
use crate::commands::reservation::change::{Done, Step};
use crate::store::Effects;

/// One source, what is known of it, what shall become of it, and the hosts to put into it.
pub type Work<'a> = ((Source<'a>, HashMap<HostId, Known>), Effects, HashMap<HostId, &'a Host>);

/// Does everything, and `last` after it; or nothing.
pub fn execute(
    work: &[Work<'_>],
    last: impl FnOnce() -> Result<(), CommandError>,
) -> Result<(), CommandError> {
    let mut done = Done::default();
    let mut exchanges = Vec::new();
    let everything = || -> Result<(), CommandError> {
        // Databases first: while the server's memory changes, packets wait.
        for ((source, known), effects, new) in
            work.iter().filter(|((source, _), ..)| source.kind() != SourceKind::Memory)
        {
            Steps::new(*source, known, effects, new, &mut done).run()?;
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
    let Err(error) = everything() else { return Ok(()) };
    let mut error = error;
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
        }
    }

    fn run(mut self) -> Result<(), KeaError> {
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
        // Whoever is left waits in a circle: the first one gives up what it has for a moment.
        for id in ids {
            if let (true, Some(old)) = (self.open.contains_key(&id), self.known.get(&id)) {
                self.remove(old)?;
                for waiting in self.waiting.remove(&id).unwrap_or_default() {
                    self.put_with_waiting(waiting)?;
                }
                self.put_with_waiting(id)?;
            }
        }
        Ok(())
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
            self.put(id, host)?;
            self.open.remove(&id);
            next.extend(self.waiting.remove(&id).unwrap_or_default());
        }
        Ok(())
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
