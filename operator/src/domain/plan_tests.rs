use super::*;
use crate::domain::{Identifier, LeaseState, ObjectName};
use proptest::prelude::*;

const NOW: i64 = 1_000_000;

fn mac(last: u8) -> Mac {
    format!("52:54:00:00:00:{last:02x}").parse().unwrap()
}

fn ip(last: u8) -> IpAddr {
    format!("10.0.0.{last}").parse().unwrap()
}

fn owner(uid: &str) -> Owner {
    let object = ObjectName { namespace: "default".into(), name: format!("vm-{uid}"), uid: uid.into() };
    Owner { cluster_id: "c".into(), object }
}

fn owned_by(uid: &str) -> Ownership {
    Ownership::read(Some(&owner(uid).user_context()))
}

fn subnet() -> Subnet {
    Subnet { id: 1, prefix: "10.0.0.0/16".parse().unwrap() }
}

fn desired(macs: &[u8]) -> Desired {
    let interfaces =
        macs.iter().map(|m| Interface { label: format!("eth{m}"), wish: Wish::Reserve(mac(*m)) }).collect();
    Desired {
        owner: owner("me"),
        prefix: "10.0.0.0/24".parse().unwrap(),
        subnet: subnet(),
        interfaces,
        releases: vec![],
    }
}

fn nothing() -> Observed {
    Observed { now: NOW, ..Observed::default() }
}

impl Observed {
    fn lease(mut self, device: u8, address: IpAddr) -> Self {
        let lease = Lease {
            address,
            subnet_id: 1,
            last_transaction: NOW,
            valid_lifetime: 60,
            state: LeaseState::Assigned,
        };
        self.leases.entry(mac(device)).or_default().push(lease);
        self
    }

    fn reservation(mut self, device: u8, addresses: &[IpAddr], ownership: Ownership) -> Self {
        let reservation = Reservation {
            subnet_id: 1,
            identifier: Identifier::HwAddress(mac(device)),
            addresses: addresses.to_vec(),
            hostname: None,
            ownership,
        };
        for address in addresses {
            self.holders.insert((1, *address), reservation.clone());
        }
        self.reservations.insert((1, mac(device)), reservation);
        self
    }
}

fn outcome(observed: &Observed) -> Outcome {
    plan(&desired(&[1]), observed).interfaces.remove(0)
}

fn conflict(observed: &Observed) -> String {
    match outcome(observed) {
        Outcome::Conflict { reason, .. } => reason,
        other => panic!("no conflict but {other:?}"),
    }
}

#[test]
fn without_a_lease_nothing_is_reserved() {
    assert_eq!(outcome(&nothing()), Outcome::Waiting { mac: mac(1), absence: Absence::NoLease });
}

#[test]
fn the_leased_address_is_reserved() {
    assert_eq!(outcome(&nothing().lease(1, ip(5))), Outcome::Pin { mac: mac(1), address: ip(5) });
}

#[test]
fn our_reservation_stands_with_or_without_a_lease_and_whatever_its_address() {
    let ours = nothing().reservation(1, &[ip(5)], owned_by("me"));
    let reserved = Outcome::Reserved { mac: mac(1), address: ip(5), owned: true };
    assert_eq!(outcome(&ours), reserved);
    assert_eq!(outcome(&ours.clone().lease(1, ip(5))), reserved);
    assert_eq!(outcome(&ours.lease(1, ip(6))), reserved);
}

#[test]
fn an_identical_unowned_reservation_satisfies_and_is_not_ours() {
    let by_hand = nothing().reservation(1, &[ip(5)], Ownership::Unowned);
    let reserved = Outcome::Reserved { mac: mac(1), address: ip(5), owned: false };
    assert_eq!(outcome(&by_hand), reserved);
    assert_eq!(outcome(&by_hand.clone().lease(1, ip(5))), reserved);
    assert!(
        conflict(&by_hand.lease(1, ip(6)))
            .contains("10.0.0.5 exists already for MAC 52:54:00:00:00:01, made by hand")
    );
}

#[test]
fn an_unowned_reservation_without_an_address_is_in_the_way_of_a_lease() {
    let by_hand = nothing().reservation(1, &[], Ownership::Unowned);
    assert!(conflict(&by_hand.clone().lease(1, ip(5))).contains("without an address"));
    assert!(conflict(&by_hand).contains("without an address"));
}

#[test]
fn another_owner_is_named_even_where_the_address_is_the_same() {
    let theirs = nothing().reservation(1, &[ip(5)], owned_by("other")).lease(1, ip(5));
    assert!(conflict(&theirs).contains("owned by NetworkConfiguration default/vm-other of kea-operator/c"));
}

#[test]
fn an_address_that_another_device_holds_is_a_conflict_that_names_it() {
    let held = nothing().lease(1, ip(5)).reservation(2, &[ip(5)], Ownership::Unowned);
    assert!(conflict(&held).starts_with(
        "10.0.0.5, leased by MAC 52:54:00:00:00:01, is reserved for MAC 52:54:00:00:00:02, made by hand"
    ));
}

#[test]
fn an_address_that_this_plan_frees_can_be_pinned() {
    let observed = nothing().lease(1, ip(5)).reservation(2, &[ip(5)], owned_by("me"));
    let mut wish = desired(&[1]);
    wish.releases = vec![Release { mac: mac(2), subnet: subnet() }];
    let plan = plan(&wish, &observed);
    assert_eq!(plan.releases[0].1, ReleaseOutcome::Remove);
    assert_eq!(plan.interfaces, [Outcome::Pin { mac: mac(1), address: ip(5) }]);
}

#[test]
fn our_reservation_outside_a_new_prefix_is_given_up() {
    let outside: IpAddr = "10.0.9.9".parse().unwrap();
    let plan = plan(&desired(&[1]), &nothing().reservation(1, &[outside], owned_by("me")).lease(1, ip(5)));
    assert_eq!(plan.releases, [(Release { mac: mac(1), subnet: subnet() }, ReleaseOutcome::Remove)]);
    assert_eq!(plan.interfaces, [Outcome::Pin { mac: mac(1), address: ip(5) }]);
}

#[test]
fn only_ours_are_released() {
    let observed = nothing()
        .reservation(1, &[ip(5)], owned_by("me"))
        .reservation(2, &[ip(6)], owned_by("other"))
        .reservation(3, &[ip(7)], Ownership::Unowned);
    let releases = (1..=4).map(|m| Release { mac: mac(m), subnet: subnet() }).collect();
    let outcomes: Vec<ReleaseOutcome> =
        plan_releases(&owner("me"), releases, &observed).into_iter().map(|(_, o)| o).collect();
    assert_eq!(
        outcomes,
        [
            ReleaseOutcome::Remove,
            ReleaseOutcome::Foreign(owned_by("other")),
            ReleaseOutcome::Foreign(Ownership::Unowned),
            ReleaseOutcome::Gone,
        ]
    );
}

fn ownership() -> impl Strategy<Value = Ownership> {
    prop_oneof![Just(Ownership::Unowned), Just(owned_by("me")), Just(owned_by("other"))]
}

proptest! {
    /// Whatever Kea holds: nothing foreign is removed, no address is given to two devices, each interface has an outcome.
    #[test]
    fn safety(
        wished in prop::collection::btree_set(1u8..6, 0..5),
        released in prop::collection::vec(1u8..8, 0..4),
        leases in prop::collection::btree_map(1u8..6, 1u8..8, 0..5),
        held in prop::collection::btree_map(1u8..8, (prop::option::of(1u8..8), ownership()), 0..7),
    ) {
        let mut observed = nothing();
        let mut taken = BTreeSet::new();
        for (device, (address, ownership)) in &held {
            let address: Vec<IpAddr> = address.filter(|a| taken.insert(*a)).map(ip).into_iter().collect();
            observed = observed.reservation(*device, &address, ownership.clone());
        }
        for (device, address) in &leases {
            observed = observed.lease(*device, ip(*address));
        }
        let wished: Vec<u8> = wished.into_iter().collect();
        let mut wish = desired(&wished);
        wish.releases = released
            .into_iter()
            .filter(|m| !wished.contains(m))
            .map(|m| Release { mac: mac(m), subnet: subnet() })
            .collect();
        let plan = plan(&wish, &observed);

        prop_assert_eq!(plan.interfaces.len(), wished.len());
        let mut after = observed.reservations.clone();
        for (release, outcome) in &plan.releases {
            if *outcome == ReleaseOutcome::Remove {
                let gone = after.remove(&(1, release.mac));
                // A device that is listed twice is removed once.
                prop_assert!(gone.is_none_or(|gone| wish.owner.owns(&gone.ownership)));
            }
        }
        for outcome in &plan.interfaces {
            if let Outcome::Pin { mac, address } = outcome {
                prop_assert!(!after.contains_key(&(1, *mac)), "{mac} has a reservation");
                prop_assert!(!after.values().any(|r| r.addresses.contains(address)), "{address} is taken");
            }
        }
    }
}
