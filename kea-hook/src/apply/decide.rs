//! Decides about an order in one source.

use std::collections::{BTreeSet, HashMap};
use std::sync::Arc;

use kea_ffi::host::{IdentifierType, Reservation, StoredReservation};

use super::order::{Item, Order, Removal};
use super::verdict::{Decided, Refusal, Verdict};
use crate::owner;
use crate::store::{self, Base, Change, Outcome, Plan};
use crate::unique::{Conflict, Wanted};

/// Puts into the plan what becomes of the order there. Items in `left_out` are passed over.
pub fn decide<B: Base>(
    order: &Order,
    left_out: &BTreeSet<Item>,
    plan: &mut Plan<'_, B>,
) -> Result<Decided, B::Error> {
    let mut unwanted = Vec::with_capacity(order.unwanted.len());
    for (place, removal) in order.unwanted.iter().enumerate() {
        unwanted.push(match removal {
            Err(reason) => Verdict::Invalid(reason.clone()),
            Ok(_) if left_out.contains(&Item::Unwanted(place)) => Verdict::LeftOut,
            Ok(removal) => remove(order, removal, plan)?,
        });
    }
    let mut wishes = Wishes::of(order, left_out);
    let (pruned, not_pruned) = match prune(order, &wishes, plan) {
        Ok(pruned) => (pruned, None),
        Err(error) => (Vec::new(), Some(plan.unreadable(error)?)),
    };
    wishes.fulfil(plan)?;
    Ok(Decided { wanted: wishes.verdicts(), unwanted, pruned, not_pruned })
}

fn remove<B: Base>(order: &Order, removal: &Removal, plan: &mut Plan<'_, B>) -> Result<Verdict, B::Error> {
    let found = match plan.answers(&removal.query(order.family)) {
        Ok(found) => found,
        Err(error) => return plan.unreadable(error).map(Verdict::Invalid),
    };
    if let Some(foreign) = found.iter().find(|stored| !is_own(order, stored)) {
        return Ok(Verdict::Conflict(Box::new(Refusal::to_remove(Arc::clone(foreign)))));
    }
    if found.is_empty() {
        return Ok(Verdict::Absent);
    }
    for stored in &found {
        plan.remove(stored.id);
    }
    Ok(Verdict::Removed(found))
}

fn prune<B: Base>(
    order: &Order,
    wishes: &Wishes<'_>,
    plan: &mut Plan<'_, B>,
) -> Result<Vec<Arc<StoredReservation>>, B::Error> {
    let Some(owner) = order.owner.as_ref().filter(|_| order.prune && !order.has_invalid()) else {
        return Ok(Vec::new());
    };
    let mut unlisted = plan.untouched_of(order.family, owner)?;
    unlisted.retain(|stored| wishes.place_of(&stored.reservation).is_none());
    for stored in &unlisted {
        plan.remove(stored.id);
    }
    Ok(unlisted)
}

/// Whether an order may change a reservation.
fn is_own(order: &Order, stored: &StoredReservation) -> bool {
    owner::of(&stored.reservation.body) == order.owner
}

/// Who a reservation is for: subnet and identifier.
type Client<'a> = (u32, IdentifierType, &'a [u8]);

/// How far an item is.
enum State {
    /// Not looked at yet.
    Open,
    /// Waits for another item to give something up.
    WaitsFor { place: usize, refusal: Box<Refusal> },
    /// Decided.
    Done(Verdict),
}

/// The wanted reservations of an order.
struct Wishes<'a> {
    order: &'a Order,
    places: HashMap<Client<'a>, usize>,
    states: Vec<State>,
    /// Who waits for an item.
    waiting: HashMap<usize, Vec<usize>>,
}

impl<'a> Wishes<'a> {
    fn of(order: &'a Order, left_out: &BTreeSet<Item>) -> Self {
        let mut places = HashMap::with_capacity(order.wanted.len());
        let mut states = Vec::with_capacity(order.wanted.len());
        for (place, wanted) in order.wanted.iter().enumerate() {
            states.push(match wanted {
                Err(reason) => State::Done(Verdict::Invalid(reason.clone())),
                Ok(_) if left_out.contains(&Item::Wanted(place)) => State::Done(Verdict::LeftOut),
                Ok(_) => State::Open,
            });
            if let Ok(reservation) = wanted {
                places.extend(client(order, reservation).map(|client| (client, place)));
            }
        }
        Self { order, places, states, waiting: HashMap::new() }
    }

    /// Where the order lists the same client in the same subnet.
    fn place_of(&self, reservation: &Reservation) -> Option<usize> {
        self.places.get(&client(self.order, reservation)?).copied()
    }

    fn verdicts(self) -> Vec<Verdict> {
        let verdict = |state| match state {
            State::Done(verdict) => verdict,
            State::WaitsFor { refusal, .. } => Verdict::Conflict(refusal),
            State::Open => Verdict::LeftOut,
        };
        self.states.into_iter().map(verdict).collect()
    }

    fn fulfil<B: Base>(&mut self, plan: &mut Plan<'_, B>) -> Result<(), B::Error> {
        for place in 0..self.states.len() {
            self.try_with_waiting(place, plan)?;
        }
        // Whoever still waits, waits in a circle or for somebody who does.
        for place in 0..self.states.len() {
            while let Some(circle) = self.circle_from(place) {
                self.exchange(&circle, plan)?;
            }
        }
        Ok(())
    }

    /// Looks at an item, and when it is decided, at those that waited for it.
    fn try_with_waiting<B: Base>(&mut self, place: usize, plan: &mut Plan<'_, B>) -> Result<(), B::Error> {
        let mut next = vec![place];
        while let Some(place) = next.pop() {
            let Some(Ok(reservation)) = self.order.wanted.get(place) else { continue };
            if matches!(self.states[place], State::Done(_)) {
                continue;
            }
            let state = match self.put(reservation, plan) {
                Ok(Verdict::Conflict(refusal)) => self.wait_or_give_up(place, refusal),
                Ok(verdict) => State::Done(verdict),
                Err(error) => State::Done(Verdict::Invalid(plan.unreadable(error)?)),
            };
            if let State::WaitsFor { place: other, .. } = &state {
                self.waiting.entry(*other).or_default().push(place);
            } else {
                next.extend(self.waiting.remove(&place).unwrap_or_default());
            }
            self.states[place] = state;
        }
        Ok(())
    }

    /// An item that is in the way may be about to go elsewhere.
    fn wait_or_give_up(&self, place: usize, refusal: Box<Refusal>) -> State {
        let in_the_way = self.place_of(&refusal.holder.reservation).filter(|other| *other != place);
        match in_the_way.filter(|other| !matches!(self.states[*other], State::Done(_))) {
            Some(other) => State::WaitsFor { place: other, refusal },
            None => State::Done(Verdict::Conflict(refusal)),
        }
    }

    fn put<B: Base>(&self, reservation: &Reservation, plan: &mut Plan<'_, B>) -> Result<Verdict, B::Error> {
        let Some(old) = plan.of_same_client(reservation)? else {
            return verdict(plan.apply(Change::Add(reservation.clone())));
        };
        if old.reservation == *reservation {
            return Ok(Verdict::Unchanged);
        }
        if is_own(self.order, &old) {
            return verdict(plan.replace(&old, reservation.clone()));
        }
        if self.order.adopt
            && self.order.owner.is_some()
            && is_the_same_unowned(&old.reservation, reservation)
        {
            let replaced = verdict(plan.replace(&old, reservation.clone()))?;
            return Ok(match replaced {
                Verdict::Updated(id) => Verdict::Adopted(id),
                refused => refused,
            });
        }
        let refusal = Refusal::of(same_client(self.order, reservation, old));
        Ok(Verdict::Conflict(Box::new(Refusal { differs: self.order.adopt, ..refusal })))
    }

    /// The items that wait for each other in a circle, to which an item leads.
    fn circle_from(&self, place: usize) -> Option<Vec<usize>> {
        let mut path = Vec::new();
        let mut seen = BTreeSet::new();
        let mut place = place;
        while let State::WaitsFor { place: other, .. } = &self.states[place] {
            if !seen.insert(place) {
                let start = path.iter().position(|earlier| *earlier == place)?;
                return Some(path.split_off(start));
            }
            path.push(place);
            place = *other;
        }
        None
    }

    /// Lets items that wait for each other go all at once, or refuses them.
    fn exchange<B: Base>(&mut self, circle: &[usize], plan: &mut Plan<'_, B>) -> Result<(), B::Error> {
        let reservations = circle.iter().filter_map(|place| self.order.wanted[*place].as_ref().ok().cloned());
        let ids = match plan.update_together(reservations.collect()) {
            Ok(ids) => Some(ids),
            Err(store::Refusal::Base(error)) => return Err(error),
            Err(_) => None,
        };
        for (position, place) in circle.iter().enumerate() {
            let id = ids.as_ref().and_then(|ids| ids.get(position).copied());
            let state = std::mem::replace(&mut self.states[*place], State::Open);
            self.states[*place] = State::Done(match (id, state) {
                (Some(id), _) => Verdict::Updated(id),
                (None, State::WaitsFor { refusal, .. }) => Verdict::Conflict(refusal),
                (None, _) => Verdict::LeftOut,
            });
        }
        for place in circle {
            for waiting in self.waiting.remove(place).unwrap_or_default() {
                self.try_with_waiting(waiting, plan)?;
            }
        }
        Ok(())
    }
}

fn client<'a>(order: &Order, reservation: &'a Reservation) -> Option<Client<'a>> {
    let identifier = &reservation.identifier;
    Some((reservation.subnet(order.family)?, identifier.kind, &identifier.value))
}

fn is_the_same_unowned(old: &Reservation, new: &Reservation) -> bool {
    owner::of(&old.body).is_none()
        && owner::is_identical_without(&old.body, &new.body)
        && (old.ipv4, &old.ipv6, &old.hostname) == (new.ipv4, &new.ipv6, &new.hostname)
}

fn same_client(order: &Order, reservation: &Reservation, holder: Arc<StoredReservation>) -> Conflict {
    Conflict {
        wanted: Wanted::Identifier,
        family: order.family,
        subnet: reservation.subnet(order.family).unwrap_or_default(),
        requester: reservation.identifier.clone(),
        holder,
    }
}

fn verdict<E>(outcome: Result<Outcome, store::Refusal<E>>) -> Result<Verdict, E> {
    Ok(match outcome {
        Ok(Outcome::Added(id)) => Verdict::Added(id),
        Ok(Outcome::Updated(id)) => Verdict::Updated(id),
        Ok(Outcome::Unchanged(_)) => Verdict::Unchanged,
        Ok(Outcome::Removed(stored)) => Verdict::Removed(vec![stored]),
        Ok(Outcome::Absent) => Verdict::Absent,
        Err(store::Refusal::Conflict(conflict)) => Verdict::Conflict(Box::new(Refusal::of(*conflict))),
        Err(store::Refusal::Base(error)) => return Err(error),
        Err(refusal) => Verdict::Invalid(match refusal {
            store::Refusal::Invalid(invalid) => invalid.to_string(),
            _ => "Host not updated (not found).".to_owned(),
        }),
    })
}
