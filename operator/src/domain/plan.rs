//! The plan: from what is wished for and what each server holds, to what shall be done there and what is so already.

use std::collections::BTreeSet;
use std::net::IpAddr;

use super::desired::{AddressPolicy, Desired, PinMode, Relation, Wish};
use super::target::{Target, Word, choose, is_usable, leased};
use super::{Extras, Mac, Outcome, Ownership, Reservation, View};

/// What shall be done on one server.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Steps {
    /// What to give up first: it may free an address that is wanted.
    pub removals: Vec<Removal>,
    /// One step per interface, in the order of the spec.
    pub interfaces: Vec<Step>,
}

impl Steps {
    /// Whether something is to be done.
    pub fn change_something(&self) -> bool {
        !self.removals.is_empty() || self.interfaces.iter().any(|step| matches!(step, Step::Put(_)))
    }
}

/// A reservation to remove.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Removal {
    /// The subnet it is in.
    pub subnet_id: u32,
    /// The device.
    pub mac: Mac,
}

/// What becomes of one interface on one server.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Step {
    /// Nothing is to be done.
    Settled(Outcome),
    /// A reservation is to be made or changed.
    Put(Put),
}

/// A reservation to make, or to change.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Put {
    /// The subnet to put it in.
    pub subnet_id: u32,
    /// The device.
    pub mac: Mac,
    /// The address to reserve.
    pub address: Wanted,
    /// What is there now and shall be changed.
    pub replaces: Option<Reservation>,
    /// Address that the device has leased.
    pub leased: Option<IpAddr>,
}

/// The address of a reservation that is to be made.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Wanted {
    /// This one.
    Address(IpAddr),
    /// None yet; that of the next lease as soon as there is one, where the server can do so by itself.
    OfNextLease,
    /// None.
    None,
}

/// Makes the plan for each of `views`, one per server, the one to believe first. `now` is in seconds since 1970.
pub fn plan(desired: &Desired, views: &[View], now: i64) -> Vec<Steps> {
    let targets: Vec<Option<(Mac, Target)>> = desired
        .interfaces
        .iter()
        .map(|interface| match interface.wish {
            Wish::Reserve { mac, requested, remembered } => {
                Some((mac, choose(mac, requested, remembered, desired, views, now)))
            }
            Wish::Invalid { .. } | Wish::Unreadable(_) | Wish::Taken(_) => None,
        })
        .collect();
    views
        .iter()
        .map(|view| Steps {
            removals: [removals(desired, view), outgrown(desired, view, &targets)].concat(),
            interfaces: desired
                .interfaces
                .iter()
                .zip(&targets)
                .map(|(interface, target)| match (&interface.wish, target) {
                    (Wish::Reserve { .. }, Some((mac, target))) => {
                        let leased = leased(*mac, desired, views, now).ok();
                        Interest { desired, view, mac: *mac, target, leased }.step()
                    }
                    (Wish::Taken(reason), _) => Step::Settled(conflict(None, None, reason.clone())),
                    (Wish::Invalid { device, reason }, _) => {
                        let held = device.and_then(|mac| own_address(desired, view, mac));
                        Step::Settled(Outcome::Invalid { held, reason: reason.clone() })
                    }
                    (Wish::Unreadable(reason), _) => {
                        Step::Settled(Outcome::Invalid { held: None, reason: reason.clone() })
                    }
                    (Wish::Reserve { .. }, None) => Step::Settled(Outcome::Unknown),
                })
                .collect(),
        })
        .collect()
}

/// The address that is reserved for the object on one server already.
fn own_address(desired: &Desired, view: &View, mac: Mac) -> Option<IpAddr> {
    let found = view.reservation(mac)?;
    let is_own = desired.claimant.relation(mac, found, Some(&view.subnet)) == Relation::Mine;
    found.address().filter(|address| is_own && desired.prefix.contains(address))
}

/// The object's own reservations on one server that it does not wish for: of devices that left the spec, and in subnets that
/// are not that of its prefix any more.
fn removals(desired: &Desired, view: &View) -> Vec<Removal> {
    let wished: BTreeSet<Mac> =
        desired.interfaces.iter().filter_map(|interface| interface.wish.mac()).collect();
    let here = |mac: Mac, subnet_id: u32| wished.contains(&mac) && subnet_id == view.subnet.id;
    let all: BTreeSet<Mac> = wished.iter().chain(&desired.leftovers).copied().collect();
    all.iter()
        .flat_map(|mac| desired.claimant.surplus(*mac, &view.holdings, |subnet_id| here(*mac, subnet_id)))
        .collect()
}

/// The object's own reservations of wished-for devices whose address is outside the prefix, where no other address is known.
fn outgrown(desired: &Desired, view: &View, targets: &[Option<(Mac, Target)>]) -> Vec<Removal> {
    let open = targets.iter().flatten().filter(|(_, target)| matches!(target, Target::Open(_)));
    open.filter(|(mac, _)| {
        view.reservation(*mac).is_some_and(|found| {
            desired.claimant.relation(*mac, found, Some(&view.subnet)) == Relation::Mine
                && found.address().is_some()
        })
    })
    .map(|(mac, _)| Removal { subnet_id: view.subnet.id, mac: *mac })
    .collect()
}

/// One interface on one server.
struct Interest<'a> {
    desired: &'a Desired,
    view: &'a View,
    mac: Mac,
    target: &'a Target,
    leased: Option<IpAddr>,
}

impl Interest<'_> {
    fn step(&self) -> Step {
        let Some(existing) = self.view.reservation(self.mac) else {
            return self.make();
        };
        match self.desired.claimant.relation(self.mac, existing, Some(&self.view.subnet)) {
            Relation::Mine => self.keep_or_change(existing),
            Relation::Unowned => self.of_nobody(existing),
            Relation::Siblings | Relation::Unclear | Relation::Foreign => self.conflict(existing),
        }
    }

    /// Nothing is there.
    fn make(&self) -> Step {
        match self.target {
            // What somebody reserved by hand on another server is theirs to reserve here too.
            Target::Address(address, Word::Unowned) => {
                Step::Settled(Outcome::Reserved { mac: self.mac, address: *address, owned: false })
            }
            Target::Address(address, _) => self.put(*address, None),
            Target::Open(absence) => match self.desired.rules.address {
                AddressPolicy::LeaseFirst => {
                    Step::Settled(Outcome::Waiting { mac: self.mac, absence: absence.clone(), held: false })
                }
                AddressPolicy::MacOnly => self.put_wanted(self.open_address(), None),
            },
        }
    }

    fn open_address(&self) -> Wanted {
        match self.desired.rules.pin {
            PinMode::Enforce => Wanted::OfNextLease,
            PinMode::Off | PinMode::Log => Wanted::None,
        }
    }

    /// The object's own reservation is there.
    fn keep_or_change(&self, existing: &Reservation) -> Step {
        match (existing.address(), self.target) {
            (Some(address), Target::Address(wanted, _)) if address == *wanted => {
                if self.is_of_another(existing) && existing.extras == Extras::None {
                    return self.put(address, Some(existing));
                }
                Step::Settled(Outcome::Reserved { mac: self.mac, address, owned: true })
            }
            (Some(_), Target::Address(wanted, _)) => self.put(*wanted, Some(existing)),
            (None, Target::Address(wanted, word)) => self.pin(existing, *wanted, *word),
            // Outside a prefix that has changed, within the same subnet: it is removed first.
            (Some(_), Target::Open(_)) => self.make(),
            (None, Target::Open(absence)) => {
                Step::Settled(Outcome::Waiting { mac: self.mac, absence: absence.clone(), held: true })
            }
        }
    }

    /// Whether the mark names another object, which is gone: people would be led astray.
    fn is_of_another(&self, existing: &Reservation) -> bool {
        let uid = &self.desired.claimant.owner.object.uid;
        matches!(&existing.ownership, Ownership::Owned { object: Some(object), .. } if object.uid != *uid)
    }

    /// A reservation without an address, for a device whose address is known now.
    fn pin(&self, existing: &Reservation, address: IpAddr, word: Word) -> Step {
        match self.desired.rules.pin {
            // What the spec asks for is no matter of pinning.
            _ if word == Word::Requested => self.put(address, Some(existing)),
            PinMode::Enforce => self.put(address, Some(existing)),
            mode => Step::Settled(Outcome::Unpinned { mac: self.mac, leased: address, mode }),
        }
    }

    /// A reservation that nobody owns.
    fn of_nobody(&self, existing: &Reservation) -> Step {
        let plain = existing.extras == Extras::None;
        match (existing.address(), self.target) {
            (Some(address), Target::Address(wanted, word)) if address == *wanted => {
                if self.desired.rules.adopt && plain && *word != Word::Unowned {
                    self.put(address, Some(existing))
                } else {
                    Step::Settled(Outcome::Reserved { mac: self.mac, address, owned: false })
                }
            }
            (None, Target::Address(wanted, word)) if plain => self.pin(existing, *wanted, *word),
            (None, Target::Open(absence)) => {
                Step::Settled(Outcome::Waiting { mac: self.mac, absence: absence.clone(), held: true })
            }
            _ => self.conflict(existing),
        }
    }

    fn put(&self, address: IpAddr, replaces: Option<&Reservation>) -> Step {
        if !is_usable(address, &self.view.subnet) {
            return Step::Settled(Outcome::Invalid {
                held: replaces.and_then(Reservation::address),
                reason: format!(
                    "{address} cannot be reserved in Kea subnet {}; ask for another address in ipv4Addresses",
                    self.view.subnet
                ),
            });
        }
        if replaces.is_some_and(|existing| existing.extras == Extras::Some) {
            return Step::Settled(conflict(
                replaces.and_then(Reservation::address),
                self.leased,
                format!(
                    "the reservation of MAC {} holds {} and more than this operator gave it (hostname, options or a \
                     comment), so it is not changed to {address}: change it by hand, or remove it",
                    self.mac,
                    replaces
                        .and_then(Reservation::address)
                        .map_or_else(|| "no address".into(), |a| a.to_string()),
                ),
            ));
        }
        self.put_wanted(Wanted::Address(address), replaces)
    }

    fn put_wanted(&self, address: Wanted, replaces: Option<&Reservation>) -> Step {
        Step::Put(Put {
            subnet_id: self.view.subnet.id,
            mac: self.mac,
            address,
            replaces: replaces.cloned(),
            leased: self.leased,
        })
    }

    fn conflict(&self, existing: &Reservation) -> Step {
        let what =
            existing.address().map_or_else(|| "without an address".into(), |address| format!("of {address}"));
        let but = match self.target {
            Target::Address(address, Word::Requested) => format!(", while the spec asks for {address}"),
            _ => self
                .leased
                .map_or_else(String::new, |address| format!(", while the device has leased {address}")),
        };
        let remedy = match existing.ownership {
            Ownership::Owned { object: Some(_), .. } => {
                "take the MAC address out of one of the two objects".to_owned()
            }
            _ => "it is left as it is: remove it if this object shall reserve".to_owned(),
        };
        Step::Settled(conflict(
            None,
            self.leased,
            format!(
                "a reservation {what} exists already for {} in Kea subnet {}{but}; {remedy}",
                existing.holder(),
                existing.subnet_id,
            ),
        ))
    }
}

fn conflict(held: Option<IpAddr>, leased: Option<IpAddr>, reason: String) -> Outcome {
    Outcome::Conflict { held, leased, reason }
}

/// Says who holds an address that a device shall have.
pub fn address_taken(
    mac: Mac,
    address: IpAddr,
    leased: Option<IpAddr>,
    holder: Option<&Reservation>,
) -> String {
    let holder = holder.map_or_else(|| "another client".into(), Reservation::holder);
    let remedy =
        if leased == Some(address) { "let the device get another lease" } else { "ask for another address" };
    format!("{address}, wanted for MAC {mac}, is reserved for {holder}; remove that reservation, or {remedy}")
}

/// Devices whose reservation must be read as a whole before this plan can be trusted: brief answers do not tell what else a
/// reservation holds, nor which object owns it.
pub fn unclear(desired: &Desired, view: &View, steps: &Steps) -> Vec<Mac> {
    let questionable = |mac: Mac, remembered: Option<IpAddr>, step: &Step| {
        view.reservation(mac).filter(|found| {
            let brief = found.extras == Extras::Unknown;
            let relation = desired.claimant.relation(mac, found, Some(&view.subnet));
            match step {
                Step::Put(put) => brief && put.replaces.is_some(),
                Step::Settled(Outcome::Conflict { .. }) => brief,
                // It may have been made for an object that is gone.
                Step::Settled(Outcome::Reserved { owned: true, address, .. }) => {
                    brief && remembered != Some(*address)
                }
                Step::Settled(_) => {
                    let may_become_ours = found.address().is_none() || desired.rules.adopt;
                    brief && relation == Relation::Unowned && may_become_ours
                }
            }
        })
    };
    desired
        .interfaces
        .iter()
        .zip(&steps.interfaces)
        .filter_map(|(interface, step)| match interface.wish {
            Wish::Reserve { mac, remembered, .. } => questionable(mac, remembered, step).map(|_| mac),
            Wish::Invalid { .. } | Wish::Unreadable(_) | Wish::Taken(_) => None,
        })
        .collect()
}

#[cfg(test)]
#[path = "plan_tests.rs"]
mod tests;
