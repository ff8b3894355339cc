//! Who does what when.

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Mutex, MutexGuard, PoisonError};

use kea_ffi::client_leases::ClientLease;
use kea_ffi::host::Family;
use kea_ffi::lease::Lease;
use kea_ffi::server::{self, Message};

use super::pin;
use super::registry::{Client, Registry, Wish};
use super::sweep::Sweep;
use crate::commands::{CommandError, Commands};
use crate::journal::{ReservationChange, ReservationEvent, Reserved};
use crate::store::Store;
use crate::{owner, statistics, wish};

/// The wishes of a server.
pub struct Pins {
    family: Family,
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
    /// None is known yet.
    pub fn new(family: Family) -> Self {
        Self { family, registry: Mutex::default(), any: AtomicBool::new(false), sweep: Mutex::default() }
    }

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

    /// Reservations were changed.
    pub fn changed(&self, events: &[ReservationEvent]) {
        let has_more = self.with(|registry| {
            for event in events {
                // Most servers have no wishes, and most reservations have an address.
                if !registry.is_empty() || !wish::has_address(event.reserved.reservation()) {
                    note(registry, self.family, event);
                }
            }
            registry.has_more()
        });
        if has_more {
            server::wake();
        }
    }

    /// What there is to do on the main thread, a little of it. Whether there is more.
    pub fn work(&self, hook: &Commands, store: Option<&Store>) -> Result<bool, CommandError> {
        if self.sweep_on(store)? {
            return Ok(true);
        }
        let clients = self.with(|registry| registry.take(SLICE));
        if clients.is_empty() {
            return Ok(false);
        }
        let pinned = pin::pin(hook, store, clients, |client, outcome| self.settle(client, outcome))?;
        statistics::pins(pinned);
        Ok(self.with(|registry| registry.has_more()))
    }

    /// All wishes, ordered by subnet and identifier.
    pub fn list(&self) -> Vec<(Client, Wish)> {
        self.with(|registry| registry.iter().map(|(client, wish)| (client.clone(), wish.clone())).collect())
    }

    /// Whether there is something to do on the main thread.
    pub fn has_more(&self) -> bool {
        self.with(|registry| registry.has_more()) || self.is_sweeping()
    }

    /// How many wishes there are.
    pub fn count(&self) -> usize {
        self.with(|registry| registry.len())
    }

    /// Whether the sources are still being looked through, so that there may be more wishes than are known.
    fn is_sweeping(&self) -> bool {
        !matches!(*self.sweep(), SweepState::Done)
    }

    /// Looks through some more of the sources. Whether that was something to do.
    fn sweep_on(&self, store: Option<&Store>) -> Result<bool, CommandError> {
        let mut state = self.sweep();
        let mut sweep = match std::mem::take(&mut *state) {
            SweepState::Done => return Ok(false),
            SweepState::Due => Sweep::new()?,
            SweepState::Going(sweep) => sweep,
        };
        let found = sweep.next(self.family, store);
        if let Ok(None) = found {
            return Ok(true);
        }
        // A source that cannot be read is not tried again until the next configuration; the others are.
        *state = SweepState::Going(sweep);
        let wishes = found?.unwrap_or_default();
        self.with(|registry| {
            for wish in &wishes {
                if let Some(subnet) = wish.subnet(self.family) {
                    put(registry, Client::new(subnet, &wish.identifier), owner::of(&wish.body));
                }
            }
        });
        Ok(true)
    }

    fn settle(&self, client: &Client, outcome: pin::Outcome) {
        match outcome {
            pin::Outcome::NoWish | pin::Outcome::Pinned => self.with(|registry| registry.remove(client)),
            pin::Outcome::Waits => {}
            // Packet threads may want the registry: the log is written without it.
            pin::Outcome::Refused(problem) => {
                if self.with(|registry| registry.set_problem(client, &problem)) {
                    server::log(Message::PinRefused, &problem);
                }
            }
        }
    }

    fn with<T>(&self, action: impl FnOnce(&mut Registry) -> T) -> T {
        let mut registry = self.registry.lock().unwrap_or_else(PoisonError::into_inner);
        let result = action(&mut registry);
        self.any.store(!registry.is_empty(), Ordering::Relaxed);
        result
    }

    fn sweep(&self) -> MutexGuard<'_, SweepState> {
        self.sweep.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

fn note(registry: &mut Registry, family: Family, event: &ReservationEvent) {
    let reservation = event.reserved.reservation();
    let Some(subnet) = reservation.subnet(family) else { return };
    let client = Client::new(subnet, &reservation.identifier);
    let waits = match &event.reserved {
        _ if event.change == ReservationChange::Removed => false,
        Reserved::Whole(_) => wish::is_pending(reservation),
        // Whether it does will be seen when it is looked at.
        Reserved::Owned(..) => !wish::has_address(reservation),
    };
    if waits {
        put(registry, client, event.reserved.owner());
    } else {
        registry.remove(&client);
    }
}

/// A wish is looked at once when it is new: its client may have got a lease meanwhile.
fn put(registry: &mut Registry, client: Client, owner: Option<Vec<u8>>) {
    registry.ask(client.clone());
    registry.put(client, owner);
}
