use super::*;
use crate::domain::{
    Absence, Claimant, Holdings, Identifier, Interface, Known, Lease, LeaseState, ObjectName, Owner, Rival,
    Rules, Subnet,
};
use ipnet::IpNet;
use proptest::prelude::*;
use std::collections::BTreeMap;
use std::sync::Arc;

const NOW: i64 = 1_000_000;

fn mac(last: u8) -> Mac {
    format!("52:54:00:00:00:{last:02x}").parse().unwrap()
}

fn ip(last: u8) -> IpAddr {
    format!("10.0.0.{last}").parse().unwrap()
}

fn net(text: &str) -> IpNet {
    text.parse().unwrap()
}

fn owner(uid: &str) -> Owner {
    let object = ObjectName { namespace: "default".into(), name: format!("vm-{uid}"), uid: uid.into() };
    Owner { cluster_id: "c".into(), object }
}

fn owned_by(uid: &str) -> Ownership {
    Ownership::read(Some(&owner(uid).user_context()))
}

fn wish(device: u8) -> Wish {
    Wish::Reserve { mac: mac(device), requested: None, remembered: None }
}

fn desired(devices: &[u8]) -> Desired {
    let interfaces = devices.iter().map(|m| Interface { label: format!("eth{m}"), wish: wish(*m) }).collect();
    Desired {
        claimant: Claimant { owner: owner("me"), rivals: BTreeMap::new() },
        prefix: net("10.0.0.0/24"),
        interfaces,
        leftovers: vec![],
        rules: Rules::default(),
    }
}

/// One server, whose subnet 1 is the wished one, and 2 another.
fn server() -> View {
    let subnet = Subnet { id: 1, prefix: net("10.0.0.0/16") };
    let subnets = vec![subnet.clone(), Subnet { id: 2, prefix: net("10.9.0.0/16") }];
    View {
        server: "kea".into(),
        subnet,
        holdings: Holdings { subnets: Arc::new(subnets), known: BTreeMap::new() },
    }
}

impl View {
    fn device(&mut self, device: u8) -> &mut Known {
        self.holdings.known.entry(mac(device)).or_default()
    }

    fn lease(mut self, device: u8, address: IpAddr) -> Self {
        let state = LeaseState::Assigned;
        let lease =
            Lease { address, subnet_id: 1, heard: NOW, expires: Some(NOW + 60), state, vouched: false };
        self.device(device).leases.push(lease);
        self
    }

    fn holds(mut self, device: u8, subnet_id: u32, address: Option<IpAddr>, ownership: Ownership) -> Self {
        let reservation = Reservation {
            subnet_id,
            identifier: Identifier::HwAddress(mac(device)),
            addresses: address.into_iter().collect(),
            extras: Extras::None,
            ownership,
        };
        self.device(device).reservations.push(reservation);
        self
    }

    fn reserved(self, device: u8, address: IpAddr, ownership: Ownership) -> Self {
        self.holds(device, 1, Some(address), ownership)
    }

    fn with_extras(mut self, device: u8) -> Self {
        self.device(device).reservations[0].extras = Extras::Some;
        self
    }
}

fn steps(desired: &Desired, view: View) -> Steps {
    plan(desired, &[view], NOW).remove(0)
}

fn step(desired: &Desired, view: View) -> Step {
    steps(desired, view).interfaces.remove(0)
}

fn put(step: &Step) -> (Wanted, bool) {
    match step {
        Step::Put(put) => (put.address, put.replaces.is_some()),
        other @ Step::Settled(_) => panic!("nothing to do: {other:?}"),
    }
}

fn conflict(step: &Step) -> &str {
    match step {
        Step::Settled(Outcome::Conflict { reason, .. }) => reason,
        other => panic!("no conflict but {other:?}"),
    }
}

fn reserved(address: IpAddr, owned: bool) -> Step {
    Step::Settled(Outcome::Reserved { mac: mac(1), address, owned })
}

fn waiting(held: bool) -> Step {
    Step::Settled(Outcome::Waiting { mac: mac(1), absence: Absence::NoLease, held })
}

#[test]
fn of_several_servers_the_lease_that_ends_last_counts() {
    let ending = |address, expires| {
        let mut view = server().lease(1, address);
        view.device(1).leases[0].expires = expires;
        view
    };
    let address = |views: &[View]| put(&plan(&desired(&[1]), views, NOW)[0].interfaces[0]).0;
    let (older, newer, forever) =
        (ending(ip(5), Some(NOW + 10)), ending(ip(6), Some(NOW + 60)), ending(ip(7), None));
    assert_eq!(address(&[older.clone(), newer.clone()]), Wanted::Address(ip(6)));
    assert_eq!(address(&[newer.clone(), older.clone()]), Wanted::Address(ip(6)));
    assert_eq!(address(&[newer, forever]), Wanted::Address(ip(7)));
    let same = ending(ip(8), Some(NOW + 10));
    assert_eq!(address(&[older.clone(), same]), Wanted::Address(ip(5)));
    assert_eq!(address(&[server(), older]), Wanted::Address(ip(5)));
}

#[test]
fn lease_first_waits_for_the_lease_and_reserves_it() {
    assert_eq!(step(&desired(&[1]), server()), waiting(false));
    assert_eq!(put(&step(&desired(&[1]), server().lease(1, ip(5)))), (Wanted::Address(ip(5)), false));
}

#[test]
fn mac_only_reserves_without_an_address_first() {
    let mut wish = desired(&[1]);
    wish.rules.address = AddressPolicy::MacOnly;
    assert_eq!(put(&step(&wish, server())), (Wanted::OfNextLease, false));
    assert_eq!(step(&wish, server().holds(1, 1, None, owned_by("me"))), waiting(true));
    let leased = server().holds(1, 1, None, owned_by("me")).lease(1, ip(5));
    assert_eq!(put(&step(&wish, leased.clone())), (Wanted::Address(ip(5)), true));
    wish.rules.pin = PinMode::Log;
    assert_eq!(put(&step(&wish, server())), (Wanted::None, false));
    let unpinned = Outcome::Unpinned { mac: mac(1), leased: ip(5), mode: PinMode::Log };
    assert_eq!(step(&wish, leased.clone()), Step::Settled(unpinned));
    wish.rules.pin = PinMode::Off;
    let unpinned = Outcome::Unpinned { mac: mac(1), leased: ip(5), mode: PinMode::Off };
    assert_eq!(step(&wish, leased), Step::Settled(unpinned));
}

#[test]
fn what_was_reserved_stays_whatever_is_leased() {
    let ours = server().reserved(1, ip(5), owned_by("me"));
    assert_eq!(step(&desired(&[1]), ours.clone()), reserved(ip(5), true));
    assert_eq!(step(&desired(&[1]), ours.lease(1, ip(6))), reserved(ip(5), true));
}

#[test]
fn what_is_gone_from_kea_comes_back_as_it_was() {
    let mut wish = desired(&[1]);
    wish.interfaces[0].wish = Wish::Reserve { mac: mac(1), requested: None, remembered: Some(ip(5)) };
    assert_eq!(put(&step(&wish, server())), (Wanted::Address(ip(5)), false));
    assert_eq!(put(&step(&wish, server().lease(1, ip(6)))), (Wanted::Address(ip(5)), false));
    // Somebody decided otherwise meanwhile.
    let by_hand = server().reserved(1, ip(6), Ownership::Unowned);
    assert_eq!(step(&wish, by_hand), reserved(ip(6), false));
}

#[test]
fn what_the_spec_asks_for_wins() {
    let mut wish = desired(&[1]);
    wish.interfaces[0].wish = Wish::Reserve { mac: mac(1), requested: Some(ip(9)), remembered: Some(ip(5)) };
    assert_eq!(put(&step(&wish, server())), (Wanted::Address(ip(9)), false));
    assert_eq!(put(&step(&wish, server().lease(1, ip(6)))), (Wanted::Address(ip(9)), false));
    let ours = server().reserved(1, ip(5), owned_by("me"));
    assert_eq!(put(&step(&wish, ours)), (Wanted::Address(ip(9)), true));
    let by_hand = server().reserved(1, ip(5), Ownership::Unowned);
    assert!(conflict(&step(&wish, by_hand)).contains("while the spec asks for 10.0.0.9"));
    wish.interfaces[0].wish = Wish::Reserve { mac: mac(1), requested: Some(ip(0)), remembered: None };
    let mut narrow = server();
    narrow.subnet.prefix = net("10.0.0.0/24");
    assert!(matches!(step(&wish, narrow), Step::Settled(Outcome::Invalid { .. })));
}

#[test]
fn what_is_wrong_with_a_spec_leaves_the_device_what_it_has() {
    let mut wish = desired(&[1]);
    let reason = String::from("typo");
    wish.interfaces[0].wish = Wish::Invalid { device: Some(mac(1)), reason: reason.clone() };
    let ours = server().reserved(1, ip(5), owned_by("me"));
    let steps = steps(&wish, ours);
    assert_eq!(steps.removals, []);
    assert_eq!(
        steps.interfaces,
        [Step::Settled(Outcome::Invalid { held: Some(ip(5)), reason: reason.clone() })]
    );
    let foreign = step(&wish, server().reserved(1, ip(5), Ownership::Unowned));
    assert_eq!(foreign, Step::Settled(Outcome::Invalid { held: None, reason }));
}

#[test]
fn what_is_made_by_hand_is_left_alone() {
    let by_hand = server().reserved(1, ip(5), Ownership::Unowned);
    assert_eq!(step(&desired(&[1]), by_hand.clone()), reserved(ip(5), false));
    assert_eq!(step(&desired(&[1]), by_hand.clone().lease(1, ip(5))), reserved(ip(5), false));
    let moved = step(&desired(&[1]), by_hand.lease(1, ip(6)));
    assert!(conflict(&moved).contains("10.0.0.5 exists already for MAC 52:54:00:00:00:01, made by hand"));
}

#[test]
fn identical_ones_are_adopted_where_that_is_set_and_nothing_else_is_in_them() {
    let mut wish = desired(&[1]);
    wish.rules.adopt = true;
    let by_hand = server().reserved(1, ip(5), Ownership::Unowned).lease(1, ip(5));
    assert_eq!(put(&step(&wish, by_hand.clone())), (Wanted::Address(ip(5)), true));
    assert_eq!(step(&wish, by_hand.with_extras(1)), reserved(ip(5), false));
    let away = server().reserved(1, ip(5), Ownership::Unowned);
    assert_eq!(step(&wish, away), reserved(ip(5), false));
}

#[test]
fn a_plain_one_without_an_address_is_pinned_and_one_with_a_hostname_is_not() {
    let go = server().holds(1, 1, None, Ownership::Unowned);
    assert_eq!(step(&desired(&[1]), go.clone()), waiting(true));
    let leased = go.lease(1, ip(5));
    assert_eq!(put(&step(&desired(&[1]), leased.clone())), (Wanted::Address(ip(5)), true));
    assert!(conflict(&step(&desired(&[1]), leased.with_extras(1))).contains("without an address"));
}

#[test]
fn ours_with_more_in_it_than_we_gave_is_not_changed() {
    let mut wish = desired(&[1]);
    wish.interfaces[0].wish = Wish::Reserve { mac: mac(1), requested: Some(ip(9)), remembered: None };
    let named = server().reserved(1, ip(5), owned_by("me")).with_extras(1);
    assert!(conflict(&step(&wish, named.clone())).contains("it is not changed to 10.0.0.9"));
    assert_eq!(step(&desired(&[1]), named), reserved(ip(5), true));
}

#[test]
fn others_are_named_even_where_the_address_is_the_same() {
    let puppet = Ownership::Owned { owner: "puppet".into(), object: None };
    let theirs = server().reserved(1, ip(5), puppet).lease(1, ip(5));
    assert!(conflict(&step(&desired(&[1]), theirs)).contains("owned by puppet"));

    let mut wish = desired(&[1]);
    let rival = Rival { uid: "other".into(), prefix: net("10.0.1.0/24") };
    wish.claimant.rivals.insert(mac(1), vec![rival]);
    let siblings = server().reserved(1, ip(5), owned_by("other")).lease(1, ip(5));
    let told = step(&wish, siblings);
    assert!(conflict(&told).contains("owned by NetworkConfiguration default/vm-other of kea-operator/c"));
}

#[test]
fn what_a_vanished_object_left_is_taken_over() {
    let left = server().reserved(1, ip(5), owned_by("gone")).lease(1, ip(5));
    assert_eq!(put(&step(&desired(&[1]), left.clone())), (Wanted::Address(ip(5)), true));
    assert_eq!(step(&desired(&[1]), left.with_extras(1)), reserved(ip(5), true));
}

#[test]
fn brief_answers_are_read_as_a_whole_where_it_matters() {
    let brief = |mut view: View| {
        view.device(1).reservations[0].extras = Extras::Unknown;
        view
    };
    let asks = |view: &View| {
        let wish = desired(&[1]);
        unclear(&wish, view, &plan(&wish, std::slice::from_ref(view), NOW)[0])
    };
    let ours = brief(server().reserved(1, ip(5), owned_by("me")).lease(1, ip(5)));
    assert_eq!(asks(&ours), [mac(1)]);
    let mut known = desired(&[1]);
    known.interfaces[0].wish = Wish::Reserve { mac: mac(1), requested: None, remembered: Some(ip(5)) };
    assert!(unclear(&known, &ours, &plan(&known, std::slice::from_ref(&ours), NOW)[0]).is_empty());
    let by_hand = brief(server().reserved(1, ip(5), Ownership::Unowned).lease(1, ip(6)));
    assert_eq!(asks(&by_hand), [mac(1)]);
    let without = brief(server().holds(1, 1, None, Ownership::Unowned).lease(1, ip(6)));
    assert_eq!(asks(&without), [mac(1)]);
}

#[test]
fn only_ours_are_removed_and_only_where_nobody_wishes_for_them() {
    let mut wish = desired(&[1]);
    wish.leftovers = vec![mac(2), mac(3), mac(4), mac(5)];
    let rival = Rival { uid: "other".into(), prefix: net("10.0.1.0/24") };
    wish.claimant.rivals.insert(mac(5), vec![rival]);
    let view = server()
        .reserved(1, ip(1), owned_by("me"))
        .holds(1, 2, None, owned_by("me"))
        .reserved(2, ip(2), owned_by("me"))
        .reserved(3, ip(3), Ownership::Unowned)
        .reserved(4, ip(4), Ownership::Owned { owner: "puppet".into(), object: None })
        .reserved(5, ip(5), owned_by("me"));
    let removal = |device, subnet_id| Removal { subnet_id, mac: mac(device) };
    assert_eq!(steps(&wish, view).removals, [removal(1, 2), removal(2, 1)]);
}

#[test]
fn an_address_outside_a_new_prefix_is_given_up() {
    let outside: IpAddr = "10.0.9.9".parse().unwrap();
    let ours = server().reserved(1, outside, owned_by("me"));
    assert_eq!(put(&step(&desired(&[1]), ours.clone().lease(1, ip(5)))), (Wanted::Address(ip(5)), true));
    let planned = steps(&desired(&[1]), ours);
    assert_eq!(planned.removals, [Removal { subnet_id: 1, mac: mac(1) }]);
    assert_eq!(planned.interfaces, [waiting(false)]);
}

#[test]
fn servers_that_differ_are_made_to_agree_on_what_the_object_remembers() {
    let mut wish = desired(&[1]);
    let first = server().reserved(1, ip(5), owned_by("me"));
    let second = server().reserved(1, ip(6), owned_by("me"));
    let third = server();
    let planned = plan(&wish, &[first.clone(), second.clone(), third.clone()], NOW);
    assert_eq!(planned[0].interfaces, [reserved(ip(5), true)]);
    assert_eq!(put(&planned[1].interfaces[0]), (Wanted::Address(ip(5)), true));
    assert_eq!(put(&planned[2].interfaces[0]), (Wanted::Address(ip(5)), false));
    wish.interfaces[0].wish = Wish::Reserve { mac: mac(1), requested: None, remembered: Some(ip(6)) };
    let planned = plan(&wish, &[first, second, third], NOW);
    assert_eq!(put(&planned[0].interfaces[0]), (Wanted::Address(ip(6)), true));
    assert_eq!(planned[1].interfaces, [reserved(ip(6), true)]);
}

fn ownership() -> impl Strategy<Value = Ownership> {
    let puppet = Ownership::Owned { owner: "puppet".into(), object: None };
    prop_oneof![Just(Ownership::Unowned), Just(owned_by("me")), Just(puppet)]
}

proptest! {
    /// Whatever Kea holds: nothing foreign is removed or changed, each interface has a step, and a plan that was carried out
    /// leaves nothing to do.
    #[test]
    fn safety(
        wished in prop::collection::btree_set(1u8..6, 0..5),
        leftovers in prop::collection::vec(1u8..8, 0..4),
        leases in prop::collection::btree_map(1u8..6, 1u8..8, 0..5),
        held in prop::collection::btree_map((1u8..8, 1u32..3), (prop::option::of(1u8..8), ownership()), 0..9),
        mac_only in any::<bool>(),
    ) {
        let mut view = server();
        for ((device, subnet_id), (address, ownership)) in &held {
            view = view.holds(*device, *subnet_id, address.map(ip), ownership.clone());
        }
        for (device, address) in &leases {
            view = view.lease(*device, ip(*address));
        }
        let wished: Vec<u8> = wished.into_iter().collect();
        let mut wish = desired(&wished);
        wish.leftovers = leftovers.into_iter().filter(|m| !wished.contains(m)).map(mac).collect();
        if mac_only {
            wish.rules.address = AddressPolicy::MacOnly;
        }
        let planned = steps(&wish, view.clone());
        prop_assert_eq!(planned.interfaces.len(), wished.len());

        for removal in &planned.removals {
            let known = view.device(u8::from_str_radix(&removal.mac.to_string()[15..], 16).unwrap());
            let found = known.reservations.iter().position(|r| r.subnet_id == removal.subnet_id).unwrap();
            prop_assert_eq!(&known.reservations[found].ownership, &owned_by("me"));
            known.reservations.remove(found);
        }
        for step in &planned.interfaces {
            if let Step::Put(put) = step {
                let known = view.holdings.known.entry(put.mac).or_default();
                if let Some(found) = known.reservations.iter().position(|r| r.subnet_id == 1) {
                    let before = known.reservations.remove(found);
                    let pinned = before.ownership == Ownership::Unowned && before.addresses.is_empty();
                    prop_assert!(before.ownership == owned_by("me") || pinned);
                }
                let addresses = match put.address {
                    Wanted::Address(address) => vec![address],
                    Wanted::OfNextLease | Wanted::None => vec![],
                };
                known.reservations.push(Reservation {
                    subnet_id: 1, identifier: put.mac.into(), addresses, extras: Extras::None, ownership: owned_by("me"),
                });
            }
        }
        let again = steps(&wish, view);
        prop_assert!(again.removals.is_empty(), "{:?}", again.removals);
        prop_assert!(again.interfaces.iter().all(|step| matches!(step, Step::Settled(_))), "{:?}", again.interfaces);
    }
}
