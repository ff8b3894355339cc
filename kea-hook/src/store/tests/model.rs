//! The store against a list that is searched from end to end.

use std::fs;
use std::net::{Ipv4Addr, Ipv6Addr};

use proptest::collection::vec;
use proptest::option;
use proptest::prelude::*;

use super::support::{Place, client, with_small_logs};
use crate::store::{
    By, Change, Family, HostId, Identifier, IdentifierType, Ipv6Resource, Outcome, Query, Reservation, Store,
};

/// What the store is meant to be.
#[derive(Debug, Clone, Default)]
struct Model {
    entries: Vec<(HostId, Reservation)>,
    last_id: u64,
}

impl Model {
    fn taken(&self, new: &Reservation, except: Option<HostId>, addresses_unique: bool) -> bool {
        self.entries.iter().filter(|(id, _)| Some(*id) != except).any(|(_, old)| {
            [Family::V4, Family::V6].into_iter().any(|family| {
                let same_subnet = new.subnet(family).is_some() && new.subnet(family) == old.subnet(family);
                let same_address = match family {
                    Family::V4 => new.ipv4.is_some() && new.ipv4 == old.ipv4,
                    Family::V6 => {
                        new.ipv6.iter().any(|new| old.ipv6.iter().any(|old| old.address() == new.address()))
                    }
                };
                same_subnet && (new.identifier == old.identifier || (addresses_unique && same_address))
            })
        })
    }

    /// False when the change is refused.
    fn apply(&mut self, change: &Change, addresses_unique: bool) -> bool {
        match change {
            Change::Add(new) => {
                if self.taken(new, None, addresses_unique) {
                    return false;
                }
                self.last_id += 1;
                self.entries.push((HostId::new(self.last_id).unwrap(), new.clone()));
            }
            Change::Update(new) => {
                let holder = |family: Family| {
                    let subnet = new.subnet(family)?;
                    let mut entries = self.entries.iter();
                    let holds = |old: &Reservation| {
                        old.subnet(family) == Some(subnet) && old.identifier == new.identifier
                    };
                    entries.position(|(_, old)| holds(old))
                };
                let Some(position) = holder(Family::V4).or_else(|| holder(Family::V6)) else {
                    return false;
                };
                let id = self.entries[position].0;
                if self.entries[position].1 != *new && self.taken(new, Some(id), addresses_unique) {
                    return false;
                }
                self.entries[position].1 = new.clone();
            }
            Change::Remove(id) => self.entries.retain(|(other, _)| other != id),
        }
        true
    }

    fn find(&self, query: &Query<'_>) -> Vec<HostId> {
        let matching = self.entries.iter().filter(|(_, reservation)| {
            let by = match query.by {
                By::Any => true,
                By::Identifier(kind, value) => {
                    reservation.identifier == Identifier { kind, value: value.into() }
                }
                By::Ipv4(address) => reservation.ipv4 == Some(address),
                By::Ipv6(address) => reservation.ipv6.iter().any(|resource| resource.address() == address),
                By::Ipv6Prefix(prefix, length) => {
                    reservation.ipv6.contains(&Ipv6Resource::Prefix(prefix, length))
                }
                By::Hostname(b"") => false,
                By::Hostname(name) => reservation.hostname.to_ascii_lowercase() == name.to_ascii_lowercase(),
            };
            let families = match query.family {
                Some(family) => vec![family],
                None => vec![Family::V4, Family::V6],
            };
            let place = families.into_iter().filter_map(|family| reservation.subnet(family));
            by && place.into_iter().any(|subnet| query.subnet.is_none_or(|wanted| wanted == subnet))
        });
        matching.map(|(id, _)| *id).collect()
    }
}

#[derive(Debug, Clone)]
enum Step {
    Commit(Vec<Change>),
    RemoveClient(Reservation),
    RemoveSubnet(Family, u32),
    Unique(bool),
    Reopen,
    /// Goes on with the file as it is on disk.
    Kill,
}

fn identifier() -> impl Strategy<Value = Identifier> {
    let kind = prop_oneof![
        Just(IdentifierType::HwAddress),
        Just(IdentifierType::Duid),
        Just(IdentifierType::FlexId),
    ];
    (kind, 0_u8..4).prop_map(|(kind, value)| Identifier { kind, value: [value].into() })
}

fn resource() -> impl Strategy<Value = Ipv6Resource> {
    (0_u16..4, prop_oneof![Just(None), Just(Some(48)), Just(Some(56))]).prop_map(|(number, length)| {
        let address = Ipv6Addr::new(0x2001, 0xdb8, number, 0, 0, 0, 0, 0);
        length.map_or(Ipv6Resource::Address(address), |length| Ipv6Resource::Prefix(address, length))
    })
}

fn reservation() -> impl Strategy<Value = Reservation> {
    let subnets = prop_oneof![
        4 => (0_u32..3).prop_map(|v4| (Some(v4), None)),
        4 => (0_u32..3).prop_map(|v6| (None, Some(v6))),
        1 => (0_u32..3, 0_u32..3).prop_map(|(v4, v6)| (Some(v4), Some(v6))),
    ];
    let hostname = prop_oneof![Just(""), Just("a"), Just("A"), Just("b.example"), Just("B.example")];
    let body = prop_oneof![Just("{}"), Just("{ }")];
    (identifier(), subnets, option::of(1_u8..5), vec(resource(), 0..3), hostname, body).prop_map(
        |(identifier, (subnet_v4, subnet_v6), ipv4, mut ipv6, hostname, body)| {
            ipv6.sort();
            ipv6.dedup();
            Reservation {
                identifier,
                subnet_v4,
                subnet_v6,
                ipv4: ipv4.filter(|_| subnet_v4.is_some()).map(|last| Ipv4Addr::new(10, 0, 0, last)),
                ipv6: if subnet_v6.is_some() { ipv6.into() } else { Box::default() },
                hostname: hostname.as_bytes().into(),
                body: body.as_bytes().into(),
            }
        },
    )
}

fn change() -> impl Strategy<Value = Change> {
    prop_oneof![
        6 => reservation().prop_map(Change::Add),
        4 => reservation().prop_map(Change::Update),
        1 => (1_u64..20).prop_map(|id| Change::Remove(HostId::new(id).unwrap())),
    ]
}

fn step() -> impl Strategy<Value = Step> {
    prop_oneof![
        12 => vec(change(), 1..2).prop_map(Step::Commit),
        3 => vec(change(), 2..6).prop_map(Step::Commit),
        2 => reservation().prop_map(Step::RemoveClient),
        1 => (prop_oneof![Just(Family::V4), Just(Family::V6)], 0_u32..3).prop_map(|(f, s)| Step::RemoveSubnet(f, s)),
        1 => any::<bool>().prop_map(Step::Unique),
        2 => Just(Step::Reopen),
        2 => Just(Step::Kill),
    ]
}

/// Every question about everything that a reservation has.
fn questions(about: &Reservation) -> Vec<Query<'_>> {
    let mut by = vec![By::Any, client(about), By::Hostname(&about.hostname)];
    by.extend(about.ipv4.map(By::Ipv4));
    by.extend(about.ipv6.iter().map(|resource| By::Ipv6(resource.address())));
    by.extend(about.ipv6.iter().filter_map(|resource| match *resource {
        Ipv6Resource::Prefix(prefix, length) => Some(By::Ipv6Prefix(prefix, length)),
        Ipv6Resource::Address(_) => None,
    }));
    let scopes = [None, Some(Family::V4), Some(Family::V6)]
        .into_iter()
        .flat_map(|family| [None, Some(0), Some(1), Some(2)].map(|subnet| (family, subnet)));
    scopes.flat_map(|(family, subnet)| by.iter().map(move |by| Query { family, subnet, by: *by })).collect()
}

fn compare(store: &Store, model: &Model, about: &[Reservation]) -> Result<(), TestCaseError> {
    for query in about.iter().flat_map(questions) {
        let found: Vec<_> = store.find(&query).iter().map(|stored| stored.id).collect();
        prop_assert_eq!(found, model.find(&query), "{:?}", query);
    }
    let all = store.find(&Query::anywhere(By::Any));
    let all: Vec<_> = all.iter().map(|stored| (stored.id, stored.reservation.clone())).collect();
    prop_assert_eq!(&all, &model.entries);
    for (family, subnet) in
        [(None, None), (Some(Family::V6), None), (Some(Family::V4), Some(1)), (None, Some(0))]
    {
        let mut pages = Vec::new();
        loop {
            let page = store.page(family, subnet, pages.last().copied(), 2);
            prop_assert!(page.len() <= 2);
            if page.is_empty() {
                break;
            }
            pages.extend(page.iter().map(|stored| stored.id));
        }
        prop_assert_eq!(pages, model.find(&Query { family, subnet, by: By::Any }));
    }
    Ok(())
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 96, ..ProptestConfig::default() })]

    #[test]
    fn the_store_is_a_searchable_list(
        steps in vec(step(), 1..40),
        about in vec(reservation(), 3),
        log_bytes in prop_oneof![Just(0), Just(4096), Just(8192)],
    ) {
        with_small_logs(log_bytes);
        let place = Place::new();
        let mut store = place.open();
        let mut model = Model::default();
        let mut unique = true;
        for step in steps {
            match step {
                Step::Commit(changes) => {
                    let mut next = model.clone();
                    let accepted = changes.iter().all(|change| next.apply(change, unique));
                    let result = store.commit(changes);
                    prop_assert_eq!(result.is_ok(), accepted, "{:?}", result);
                    if accepted {
                        model = next;
                    }
                }
                Step::RemoveClient(wanted) => {
                    let query = Query { family: None, subnet: None, by: client(&wanted) };
                    let expected = model.find(&query);
                    let removed: Vec<_> = store.remove(&query).unwrap().iter().map(|stored| stored.id).collect();
                    prop_assert_eq!(&removed, &expected);
                    model.entries.retain(|(id, _)| !expected.contains(id));
                }
                Step::RemoveSubnet(family, subnet) => {
                    let query = Query::in_subnet(family, subnet, By::Any);
                    let expected = model.find(&query);
                    prop_assert_eq!(store.remove(&query).unwrap().len(), expected.len());
                    model.entries.retain(|(id, _)| !expected.contains(id));
                }
                Step::Unique(value) => {
                    unique = value;
                    store.set_addresses_unique(value);
                }
                Step::Kill => {
                    let left = fs::read(&place.path).unwrap();
                    drop(store);
                    fs::write(&place.path, left).unwrap();
                    store = place.open();
                    store.set_addresses_unique(unique);
                }
                Step::Reopen => {
                    drop(store);
                    store = place.open();
                    store.set_addresses_unique(unique);
                }
            }
            compare(&store, &model, &about)?;
        }
    }

    #[test]
    fn every_write_has_its_own_revision(changes in vec(change(), 1..30)) {
        let place = Place::new();
        let store = place.open();
        let mut seen = std::collections::HashMap::new();
        for change in changes {
            let before = store.find(&Query::anywhere(By::Any));
            let Ok(outcomes) = store.commit(vec![change]) else { continue };
            for stored in store.find(&Query::anywhere(By::Any)) {
                let known = seen.insert(stored.revision, stored.reservation.clone());
                prop_assert!(known.is_none_or(|known| known == stored.reservation));
            }
            if let Outcome::Updated(id) = outcomes[0] {
                let old = before.iter().find(|stored| stored.id == id).unwrap();
                prop_assert!(store.find(&Query::anywhere(By::Any)).iter().all(|new| new.revision != old.revision));
            }
        }
    }
}
