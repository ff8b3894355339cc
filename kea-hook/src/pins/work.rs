//! Who does what when.

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Mutex, MutexGuard, PoisonError};

use kea_ffi::client_leases::ClientLease;
use kea_ffi::host::{Family, Reservation};
use kea_ffi::lease::Lease;
use kea_ffi::server::{self, Message};

use super::pin;
use super::registry::{Client, Registry, Wish};
use super::sweep::Sweep;
use crate::apply::{Combined, Order, Verdict};
use crate::commands::CommandError;
use crate::store::Store;
use crate::{owner, statistics, wish};

/// The wishes of a server.
#[derive(Default)]
pub struct Pins {
    registry: Mutex<Registry>,
    /// Whether there is any: most servers have none, and packets shall not pay for it.
    any: AtomicBool,
    sweep: Mutex<SweepState>,
}

#[derive(Default)]
enum SweepState {
    /// To be begun, once the new configuration is in use.
    Due,
    Going(Sweep),
    #[default]
    Done,
}

/// How many clients are looked at before packets are.
const SLICE: usize = 200;

impl Pins {
    /// A configuration is about to come into use: its wishes are looked for as soon as it is.
    pub fn configured(&self) {
        self.with(Registry::clear);
        *self.sweep() = SweepState::Due;
        server::wake();
    }

    /// A client got a lease. Called on packet threads.
    pub fn saw(&self, lease: &Lease<'_>) {
        if !self.any.load(Ordering::Relaxed) {
            return;
        }
        let seen =
            ClientLease { subnet: lease.subnet, address: lease.address, prefix_length: lease.prefix_length };
        let client = |(kind, value): (_, &[u8])| Client { subnet: lease.subnet, kind, value: value.into() };
        let waits = self.with(|registry| {
            lease.identifiers().filter(|identifier| registry.saw(client(*identifier), seen.clone())).count()
        });
        if waits > 0 {
            server::wake();
        }
    }

    /// An order was carried out.
    pub fn applied(&self, order: &Order, combined: &Combined) {
        let has_wishes = self.with(|registry| {
            for decided in &combined.sources {
                let removed = decided.unwanted.iter().flat_map(|verdict| match verdict {
                    Verdict::Removed(removed) => removed.as_slice(),
                    _ => &[],
                });
                for gone in removed.chain(&decided.pruned) {
                    registry.remove(&client_of(order.family, &gone.reservation));
                }
            }
            for (place, wanted) in order.wanted.iter().enumerate() {
                let refused = combined.refused.contains_key(&crate::apply::Item::Wanted(place));
                if let (Ok(reservation), false) = (wanted, refused) {
                    note(registry, order.family, reservation);
                }
            }
            registry.has_more()
        });
        if has_wishes {
            server::wake();
        }
    }

    /// What there is to do on the main thread, a little of it. Whether there is more.
    pub fn work(&self, family: Family, store: Option<&Store>) -> Result<bool, CommandError> {
        if self.sweep_on(family, store)? {
            return Ok(true);
        }
        let clients = self.with(|registry| registry.take(SLICE));
        if clients.is_empty() {
            return Ok(false);
        }
        let pinned = pin::pin(family, store, clients, |client, outcome| self.settle(client, outcome))?;
        statistics::pins(pinned);
        Ok(self.with(|registry| registry.has_more()))
    }

    /// All wishes, ordered by subnet and identifier.
    pub fn list(&self) -> Vec<(Client, Wish)> {
        self.with(|registry| registry.iter().map(|(client, wish)| (client.clone(), wish.clone())).collect())
    }

    /// Whether there are clients to look at.
    pub fn has_more(&self) -> bool {
        self.with(|registry| registry.has_more())
    }

    /// How many wishes there are.
    pub fn count(&self) -> usize {
        self.with(|registry| registry.len())
    }

    /// Whether the sources are still being looked through, so that there may be more wishes than are known.
    pub fn is_sweeping(&self) -> bool {
        !matches!(*self.sweep(), SweepState::Done)
    }

    /// Looks through some more of the sources. Whether that was something to do.
    fn sweep_on(&self, family: Family, store: Option<&Store>) -> Result<bool, CommandError> {
        let mut state = self.sweep();
        // What ends with an error is not tried again until the next configuration.
        let mut sweep = match std::mem::take(&mut *state) {
            SweepState::Done => return Ok(false),
            SweepState::Due => Sweep::new()?,
            SweepState::Going(sweep) => sweep,
        };
        let Some(wishes) = sweep.next(family, store)? else { return Ok(true) };
        *state = SweepState::Going(sweep);
        self.with(|registry| wishes.iter().for_each(|wish| note(registry, family, wish)));
        Ok(true)
    }

    fn settle(&self, client: &Client, outcome: pin::Outcome) {
        self.with(|registry| match outcome {
            pin::Outcome::NoWish | pin::Outcome::Pinned => registry.remove(client),
            pin::Outcome::Waits => {}
            pin::Outcome::Refused(problem) => {
                if registry.set_problem(client, &problem) {
                    server::log(Message::PinRefused, &problem);
                }
            }
        });
    }

    fn with<T>(&self, action: impl FnOnce(&mut Registry) -> T) -> T {
        let mut registry = self.registry.lock().unwrap_or_else(PoisonError::into_inner);
        let result = action(&mut registry);
        self.any.store(registry.len() > 0, Ordering::Relaxed);
        result
    }

    fn sweep(&self) -> MutexGuard<'_, SweepState> {
        self.sweep.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

fn client_of(family: Family, reservation: &Reservation) -> Client {
    Client::new(reservation.subnet(family).unwrap_or_default(), &reservation.identifier)
}

/// A wish is looked at once when it is new: its client may have got a lease meanwhile.
fn note(registry: &mut Registry, family: Family, reservation: &Reservation) {
    let client = client_of(family, reservation);
    if wish::is_pending(reservation) {
        registry.ask(client.clone());
        registry.put(client, owner::of(&reservation.body));
    } else {
        registry.remove(&client);
    }
}
