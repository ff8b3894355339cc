//! What an order comes to, on an index in memory.

use std::collections::BTreeSet;
use std::net::Ipv4Addr;
use std::sync::Arc;

use kea_ffi::host::{By, Family, HostId, Identifier, IdentifierType, Query, Reservation, StoredReservation};
use proptest::prelude::*;

use super::{Decided, Earlier, HostKey, Item, Order, Removal, Verdict, decide, decide_everywhere};
use crate::owner;
use crate::store::{Counters, Effects, Index, Plan};

const SUBNET: u32 = 1;

/// A reservation of device number `device`, with the last byte of its address; nobody's without an owner.
fn of(device: u8, address: u8, owner: Option<&str>) -> Reservation {
    let context =
        owner.map_or(String::new(), |owner| format!(r#", "user-context": {{ "ext-owner": "{owner}" }}"#));
    let body = format!(
        r#"{{ "hw-address": "02:00:00:00:00:{device:02x}", "ip-address": "192.0.2.{address}"{context} }}"#
    );
    Reservation {
        identifier: Identifier { kind: IdentifierType::HwAddress, value: [2, 0, 0, 0, 0, device].into() },
        subnet_v4: Some(SUBNET),
        subnet_v6: None,
        ipv4: Some(Ipv4Addr::new(192, 0, 2, address)),
        ipv6: Box::default(),
        hostname: Box::default(),
        body: body.into_bytes().into(),
    }
}

fn removal(device: u8) -> Removal {
    Removal {
        subnet: SUBNET,
        key: HostKey::Identifier(IdentifierType::HwAddress, vec![2, 0, 0, 0, 0, device]),
    }
}

/// An order of owner `a`.
fn order(wanted: Vec<Reservation>) -> Order {
    Order {
        family: Family::V4,
        owner: Some(b"a".to_vec()),
        adopt: false,
        prune: false,
        wanted: wanted.into_iter().map(Ok).collect(),
        unwanted: Vec::new(),
    }
}

fn index(reservations: impl IntoIterator<Item = Reservation>) -> Index {
    let mut index = Index::default();
    for (number, reservation) in (0..).zip(reservations) {
        index.put(&Arc::new(StoredReservation { id: HostId::after(number), revision: number, reservation }));
    }
    index
}

fn carry_out(index: &mut Index, order: &Order) -> Decided {
    let (decided, effects) = plan(index, order);
    for (id, effect) in effects {
        match effect {
            Some(stored) => drop(index.put(&stored)),
            None => drop(index.remove(id)),
        }
    }
    decided
}

fn plan(index: &Index, order: &Order) -> (Decided, Effects) {
    let counters = Counters { commits: 0, last_id: 1000, last_revision: 1000 };
    let mut plan = Plan::new(index, counters, true);
    let Ok(decided) = decide(order, &BTreeSet::new(), &mut plan);
    (decided, plan.finish().0)
}

fn words(verdicts: &[Verdict]) -> Vec<&'static str> {
    let word = |verdict: &Verdict| match verdict {
        Verdict::Added(_) => "added",
        Verdict::Updated(_) => "updated",
        Verdict::Adopted(_) => "adopted",
        Verdict::Unchanged => "unchanged",
        Verdict::Removed(_) => "removed",
        Verdict::Absent => "absent",
        Verdict::Conflict(_) => "conflict",
        Verdict::Invalid(_) => "invalid",
        Verdict::LeftOut => "left out",
    };
    verdicts.iter().map(word).collect()
}

/// What `order` of owner `a` comes to where there is `before`.
#[track_caller]
fn expect(before: &[Reservation], order: &Order, wanted: &[&str]) {
    let decided = carry_out(&mut index(before.iter().cloned()), order);
    assert_eq!(words(&decided.wanted), wanted);
}

#[test]
fn what_is_there_decides() {
    let (a, b) = (Some("a"), Some("b"));
    expect(&[], &order(vec![of(1, 1, a)]), &["added"]);
    expect(&[of(1, 1, a)], &order(vec![of(1, 1, a)]), &["unchanged"]);
    expect(&[of(1, 1, a)], &order(vec![of(1, 2, a)]), &["updated"]);
    expect(&[of(1, 1, b)], &order(vec![of(1, 1, a)]), &["conflict"]);
    expect(&[of(2, 1, a)], &order(vec![of(1, 1, a)]), &["conflict"]);
    expect(&[of(1, 1, None)], &order(vec![of(1, 1, a)]), &["conflict"]);
    let nobodys = Order { owner: None, ..order(vec![of(1, 2, None)]) };
    expect(&[of(1, 1, None)], &nobodys, &["updated"]);
    expect(&[of(1, 1, a)], &nobodys, &["conflict"]);
}

#[test]
fn only_what_is_identical_and_unowned_is_adopted() {
    let adopting = Order { adopt: true, ..order(vec![of(1, 1, Some("a"))]) };
    expect(&[of(1, 1, None)], &adopting, &["adopted"]);
    expect(&[of(1, 2, None)], &adopting, &["conflict"]);
    expect(&[of(1, 1, Some("b"))], &adopting, &["conflict"]);
    let told = |order: &Order| match &carry_out(&mut index([of(1, 2, None)]), order).wanted[0] {
        Verdict::Conflict(refusal) => refusal.to_string(),
        other => panic!("{other:?}"),
    };
    assert!(
        told(&adopting)
            .ends_with("it has no owner, and 'adopt' leaves it alone because it is not what is listed")
    );
    assert!(told(&Order { adopt: false, ..adopting }).ends_with("; it has no owner"));
}

#[test]
fn only_what_is_owned_is_removed() {
    let mut index = index([of(1, 1, Some("a")), of(2, 2, Some("b")), of(3, 3, None)]);
    let removals = (1..=4).map(|device| Ok(removal(device))).collect();
    let decided = carry_out(&mut index, &Order { unwanted: removals, ..order(Vec::new()) });
    assert_eq!(words(&decided.unwanted), ["removed", "conflict", "conflict", "absent"]);
    assert_eq!(index.count(), 2);
}

#[test]
fn what_is_not_listed_is_pruned_unless_the_list_is_doubtful() {
    let before = [of(1, 1, Some("a")), of(2, 2, Some("a")), of(3, 3, Some("b")), of(4, 4, None)];
    let mut order = Order { prune: true, ..order(vec![of(2, 2, Some("a"))]) };
    let decided = carry_out(&mut index(before.clone()), &order);
    assert_eq!(words(&decided.wanted), ["unchanged"]);
    assert_eq!(decided.pruned.iter().map(|gone| gone.id.get()).collect::<Vec<_>>(), [1]);

    order.wanted.push(Err("unreadable".to_owned()));
    let decided = carry_out(&mut index(before), &order);
    assert_eq!(words(&decided.wanted), ["unchanged", "invalid"]);
    assert!(decided.pruned.is_empty());
}

#[test]
fn a_pruned_or_removed_address_is_free_in_the_same_order() {
    let a = Some("a");
    let pruning = Order { prune: true, ..order(vec![of(2, 1, a)]) };
    expect(&[of(1, 1, a)], &pruning, &["added"]);
    let removing = Order { unwanted: vec![Ok(removal(1))], ..order(vec![of(2, 1, a)]) };
    expect(&[of(1, 1, a)], &removing, &["added"]);
}

#[test]
fn addresses_move_along_whatever_the_order_of_the_list() {
    let a = Some("a");
    let before = [of(1, 1, a), of(2, 2, a), of(3, 3, a)];
    expect(&before, &order(vec![of(1, 2, a), of(2, 3, a), of(3, 4, a)]), &["updated"; 3]);
    expect(&before, &order(vec![of(3, 4, a), of(2, 3, a), of(1, 2, a)]), &["updated"; 3]);
    // One who cannot move holds up those behind.
    let blocked = [of(1, 1, a), of(2, 2, a), of(9, 3, Some("b"))];
    expect(&blocked, &order(vec![of(1, 2, a), of(2, 3, a)]), &["conflict"; 2]);
}

#[test]
fn clients_exchange_their_addresses() {
    let a = Some("a");
    let before = [of(1, 1, a), of(2, 2, a), of(3, 3, a), of(4, 4, a)];
    expect(&before, &order(vec![of(1, 2, a), of(2, 1, a)]), &["updated"; 2]);
    expect(&before, &order(vec![of(1, 2, a), of(2, 3, a), of(3, 1, a), of(4, 5, a)]), &["updated"; 4]);
    // One who waits for a circle gets what it leaves.
    expect(
        &before,
        &order(vec![of(5, 1, a), of(1, 2, a), of(2, 3, a), of(3, 1, a)]),
        &["conflict", "updated", "updated", "updated"],
    );
}

#[test]
fn a_client_that_is_listed_twice_is_refused_the_second_time() {
    let a = Some("a");
    let mut order = order(vec![of(1, 1, a), of(2, 2, a), of(1, 3, a)]);
    order.refuse_repeated();
    expect(&[], &order, &["added", "added", "invalid"]);
    assert!(order.wanted[2].as_ref().unwrap_err().contains("number 1"));
}

#[test]
fn an_item_is_done_everywhere_or_nowhere() {
    let a = Some("a");
    let sources = [index([of(9, 2, None)]), index([of(1, 1, a)])];
    // The second item is refused in the first source; then the first source cannot give the third what it wants.
    let order = order(vec![of(1, 1, a), of(3, 2, a), of(4, 4, a)]);
    let decide_in = |source: usize, order: &Order, left_out: &BTreeSet<Item>| {
        let counters = Counters { commits: 0, last_id: 1000, last_revision: 1000 };
        let mut plan = Plan::new(&sources[source], counters, true);
        decide(order, left_out, &mut plan)
    };
    let Ok(combined) = decide_everywhere(&order, 2, &Earlier::default(), decide_in);
    let verdicts: Vec<_> =
        (0..3).map(|place| combined.verdict(Item::Wanted(place)).unwrap().1.clone()).collect();
    assert_eq!(words(&verdicts), ["added", "conflict", "added"]);
    assert_eq!(words(&combined.sources[0].wanted), ["added", "left out", "added"]);
    assert_eq!(words(&combined.sources[1].wanted), ["unchanged", "left out", "added"]);
}

fn reservations() -> impl Strategy<Value = Vec<Reservation>> {
    let owner = prop_oneof![3 => Just(Some("a")), 1 => Just(Some("b")), 1 => Just(None)];
    // Every client and every address at most once.
    let devices = Just((0..8_u8).collect::<Vec<_>>()).prop_shuffle();
    (devices, prop::collection::vec(owner, 0..8)).prop_map(|(addresses, owners)| {
        let each = owners.into_iter().zip(addresses).enumerate();
        each.map(|(device, (owner, address))| of(u8::try_from(device).unwrap(), address, owner)).collect()
    })
}

fn orders() -> impl Strategy<Value = Order> {
    let wanted = prop::collection::vec((0..8_u8, 0..10_u8), 0..10);
    let unwanted = prop::collection::vec(0..8_u8, 0..3);
    (wanted, unwanted, any::<bool>(), any::<bool>()).prop_map(|(wanted, unwanted, adopt, prune)| {
        let wanted = wanted.into_iter().map(|(device, address)| of(device, address, Some("a"))).collect();
        let unwanted = unwanted.into_iter().map(|device| Ok(removal(device))).collect();
        let mut order = Order { adopt, prune, unwanted, ..order(wanted) };
        order.refuse_repeated();
        order
    })
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(2000))]

    #[test]
    fn promises_hold(before in reservations(), order in orders()) {
        let mut index = index(before.iter().cloned());
        let decided = carry_out(&mut index, &order);
        let after: Vec<_> = index.iter().map(|stored| stored.reservation.clone()).collect();

        // An address has one client, a client one address.
        let addresses: BTreeSet<_> = after.iter().map(|reservation| reservation.ipv4).collect();
        let clients: BTreeSet<_> = after.iter().map(|reservation| reservation.identifier.value.clone()).collect();
        prop_assert_eq!((addresses.len(), clients.len()), (after.len(), after.len()));

        // What is not the owner's stays as it was, or was adopted.
        for other in before.iter().filter(|other| owner::of(&other.body).as_deref() != Some(b"a")) {
            let place = order.wanted.iter().position(|wanted| {
                wanted.as_ref().is_ok_and(|wanted| wanted.identifier == other.identifier)
            });
            let adopted = place.is_some_and(|place| matches!(decided.wanted[place], Verdict::Adopted(_)));
            prop_assert!(after.contains(other) || adopted);
        }

        // What was not refused is there; what was refused has somebody in its way.
        for (wanted, verdict) in order.wanted.iter().zip(&decided.wanted) {
            let Ok(wanted) = wanted else { continue };
            match verdict {
                Verdict::Conflict(refusal) => {
                    prop_assert!(!after.contains(wanted));
                    let by = By::Ipv4(wanted.ipv4.unwrap());
                    let taken = index.find(&Query::in_subnet(Family::V4, SUBNET, by));
                    let same_client = refusal.holder.reservation.identifier == wanted.identifier;
                    prop_assert!(same_client || taken.iter().any(|holder| holder.reservation.identifier != wanted.identifier));
                }
                _ => prop_assert!(after.contains(wanted), "{verdict:?}"),
            }
        }

        // Whatever the owner has beyond its list went, where it was to go.
        if order.prune && !order.has_invalid() {
            for own in after.iter().filter(|own| owner::of(&own.body).as_deref() == Some(b"a")) {
                let listed = order.wanted.iter().flatten().any(|wanted| wanted.identifier == own.identifier);
                prop_assert!(listed);
            }
        }

        // Once more, without what was to go: what was done is unchanged.
        let again = carry_out(&mut index, &Order { unwanted: Vec::new(), prune: false, ..order.clone() });
        for (first, second) in decided.wanted.iter().zip(&again.wanted) {
            prop_assert!(first.is_refusal() || matches!(second, Verdict::Unchanged), "{first:?} {second:?}");
        }
    }
}
