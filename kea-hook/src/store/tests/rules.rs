//! What is refused, in which words, and what a refusal leaves.

use std::net::{Ipv4Addr, Ipv6Addr};

use super::support::{Place, content, v4, v4_client, with_body};
use crate::store::{
    By, Change, Family, Identifier, IdentifierType, InvalidReservation, Ipv6Resource, OpenOptions, Outcome,
    Query, Reservation, Store, StoreError,
};

fn v6(kind: IdentifierType, value: &[u8], resources: &[Ipv6Resource]) -> Reservation {
    Reservation {
        identifier: Identifier { kind, value: value.into() },
        subnet_v4: None,
        subnet_v6: Some(1),
        ipv4: None,
        ipv6: resources.into(),
        hostname: Box::default(),
        body: b"{}".as_slice().into(),
    }
}

fn address(last: u16) -> Ipv6Resource {
    Ipv6Resource::Address(Ipv6Addr::new(0x2001, 0xdb8, 0, 0, 0, 0, 0, last))
}

fn prefix(number: u16) -> Ipv6Resource {
    Ipv6Resource::Prefix(Ipv6Addr::new(0x2001, 0xdb8, number, 0, 0, 0, 0, 0), 48)
}

/// The text of a refusal, which must leave the store as it was.
fn refused(store: &Store, change: Change) -> String {
    let before = content(store);
    let error = store.commit(vec![change]).expect_err("this must be refused");
    assert_eq!(content(store), before);
    error.to_string()
}

#[test]
fn conflicts_speak_as_kea_does_and_name_the_holder() {
    let place = Place::new();
    let store = place.open();
    let first = v4(1, 1);
    store.add(first.clone()).unwrap();
    assert_eq!(
        refused(&store, Change::Add(Reservation { ipv4: None, ..first.clone() })),
        "failed to add new host using the HW address '02:00:00:00:00:01' to the IPv4 subnet id '1' as this host has \
         already been added (it has 10.0.0.1 reserved)"
    );
    let thief = Reservation { ipv4: first.ipv4, ..v4(2, 1) };
    assert_eq!(
        refused(&store, Change::Add(thief.clone())),
        "failed to add new host using the HW address '02:00:00:00:00:02 and DUID '(null)' to the IPv4 subnet id '1' \
         for the address 10.0.0.1: There's already a reservation for this address \
         (reserved for hw-address=02:00:00:00:00:01)"
    );
    // Elsewhere, both are free.
    store.add(Reservation { subnet_v4: Some(0), ..thief }).unwrap();

    let duid = v6(IdentifierType::Duid, &[0, 1, 0xab], &[address(1), prefix(1)]);
    store.add(duid.clone()).unwrap();
    assert_eq!(
        refused(&store, Change::Add(duid)),
        "failed to add new host using the DUID '00:01:ab' to the IPv6 subnet id '1' as this host has already been \
         added (it has 2001:db8::1 reserved)"
    );
    assert_eq!(
        refused(&store, Change::Add(v6(IdentifierType::FlexId, b"foo", &[address(2), prefix(1)]))),
        "failed to add address reservation for host using the HW address '(null) and DUID '(null)' to the IPv6 subnet \
         id '1' for address/prefix 2001:db8:1::/48: There's already reservation for this address/prefix \
         (reserved for duid=00:01:ab)"
    );
    // Nothing of the refused one stayed: its other address is free.
    store.add(v6(IdentifierType::FlexId, b"foo", &[address(2)])).unwrap();
    assert_eq!(
        refused(&store, Change::Add(v6(IdentifierType::FlexId, b"foo", &[]))),
        "failed to add duplicate IPv6 host using identifier: flex-id=666F6F (it has 2001:db8::2 reserved)"
    );
}

#[test]
fn a_refused_update_keeps_the_old_reservation() {
    let place = Place::new();
    let store = place.open();
    store.add(v4(1, 1)).unwrap();
    store.add(v4(2, 1)).unwrap();
    let text = refused(&store, Change::Update(Reservation { ipv4: v4(1, 1).ipv4, ..v4(2, 1) }));
    assert!(text.contains("10.0.0.1: There's already a reservation for this address"), "{text}");
    assert_eq!(refused(&store, Change::Update(v4(3, 1))), "Host not updated (not found).");
    assert_eq!(refused(&store, Change::Update(v4(1, 2))), "Host not updated (not found).");
}

#[test]
fn an_update_keeps_the_id_and_changes_the_revision_and_the_lookups() {
    let place = Place::new();
    let store = place.open();
    store.add(v4(1, 1)).unwrap();
    let old = store.find(&v4_client(&v4(1, 1))).remove(0);
    let changed = Reservation { ipv4: Some(Ipv4Addr::new(10, 9, 9, 9)), ..v4(1, 1) };
    store.update(changed.clone()).unwrap();
    let new = store.find(&v4_client(&v4(1, 1))).remove(0);
    assert_eq!((new.id, &new.reservation), (old.id, &changed));
    assert_ne!(new.revision, old.revision);
    let by_address = |address| store.find(&Query::in_subnet(Family::V4, 1, By::Ipv4(address))).len();
    assert_eq!(by_address(Ipv4Addr::new(10, 0, 0, 1)), 0);
    assert_eq!(by_address(Ipv4Addr::new(10, 9, 9, 9)), 1);
    // The old one lives on for those who still hold it.
    assert_eq!(old.reservation, v4(1, 1));

    let id = new.id;
    assert_eq!(store.commit(vec![Change::Update(changed)]).unwrap(), [Outcome::Unchanged(id)]);
    assert_eq!(store.find(&v4_client(&v4(1, 1)))[0].revision, new.revision);
}

#[test]
fn ids_are_not_reused_even_across_a_restart() {
    let place = Place::new();
    let store = place.open();
    store.add(v4(1, 1)).unwrap();
    let last = store.add(v4(2, 1)).unwrap();
    store.remove(&v4_client(&v4(2, 1))).unwrap();
    drop(store);
    assert!(place.open().add(v4(3, 1)).unwrap() > last);
}

#[test]
fn a_batch_sees_its_own_earlier_changes_and_fails_as_a_whole() {
    let place = Place::new();
    let store = place.open();
    let id = store.add(v4(1, 1)).unwrap();
    let heir = Reservation { ipv4: v4(1, 1).ipv4, ..v4(2, 1) };
    // The address passes on within the batch.
    store.commit(vec![Change::Remove(id), Change::Add(heir.clone())]).unwrap();
    assert_eq!(content(&store), std::slice::from_ref(&heir));

    let twice = vec![Change::Add(v4(5, 1)), Change::Add(v4(5, 1))];
    assert!(matches!(store.commit(twice), Err(StoreError::Conflict(_))));
    assert_eq!(content(&store), [heir]);
    assert_eq!(store.commit(vec![Change::Remove(id)]).unwrap(), [Outcome::Absent]);
}

#[test]
fn shared_addresses_are_a_choice() {
    let place = Place::new();
    let store = place.open();
    store.add(v4(1, 1)).unwrap();
    let same = Reservation { ipv4: v4(1, 1).ipv4, ..v4(2, 1) };
    assert!(store.add(same.clone()).is_err());
    store.set_addresses_unique(false);
    store.add(same.clone()).unwrap();
    assert_eq!(store.find(&Query::anywhere(By::Ipv4(Ipv4Addr::new(10, 0, 0, 1)))).len(), 2);
    assert!(store.add(same).is_err(), "the client stays unique");
    drop(store);
    assert_eq!(place.open().status().reservations, 2);
}

#[test]
fn what_makes_no_sense_is_refused_with_its_reason() {
    let place = Place::new();
    let store = place.open();
    let invalid = |reservation| match store.add(reservation) {
        Err(StoreError::Invalid(why)) => why,
        other => panic!("{other:?}"),
    };
    let nobody = Identifier { kind: IdentifierType::FlexId, value: Box::default() };
    assert_eq!(invalid(Reservation { identifier: nobody, ..v4(1, 1) }), InvalidReservation::EmptyIdentifier);
    let long = Identifier { kind: IdentifierType::FlexId, value: vec![1; 256].into() };
    assert_eq!(
        invalid(Reservation { identifier: long, ..v4(1, 1) }),
        InvalidReservation::LongIdentifier { bytes: 256 }
    );
    assert_eq!(invalid(Reservation { subnet_v4: None, ..v4(1, 1) }), InvalidReservation::NoSubnet);
    let zero = Some(Ipv4Addr::UNSPECIFIED);
    assert_eq!(invalid(Reservation { ipv4: zero, ..v4(1, 1) }), InvalidReservation::UnspecifiedAddress);
    assert_eq!(
        invalid(Reservation { subnet_v4: None, subnet_v6: Some(1), ..v4(1, 1) }),
        InvalidReservation::AddressWithoutSubnet(Family::V4)
    );
    assert_eq!(
        invalid(Reservation { ipv6: [address(1)].into(), ..v4(1, 1) }),
        InvalidReservation::AddressWithoutSubnet(Family::V6)
    );
    let repeated = [address(1), prefix(1), address(1)];
    assert_eq!(invalid(v6(IdentifierType::Duid, b"d", &repeated)), InvalidReservation::Repeated(address(1)));
    assert_eq!(store.status().reservations, 0);
}

#[test]
fn hostnames_match_in_either_case() {
    let place = Place::new();
    let store = place.open();
    store.add(v4(1, 1)).unwrap();
    for (name, count) in [("host-1", 1), ("HOST-1", 1), ("host-2", 0), ("host-", 0)] {
        assert_eq!(store.find(&Query::anywhere(By::Hostname(name.as_bytes()))).len(), count, "{name}");
    }
}

#[test]
fn a_read_only_store_refuses_changes() {
    let place = Place::new();
    place.open().add(v4(1, 1)).unwrap();
    let store = Store::open(&place.path, &OpenOptions { read_only: true }).unwrap();
    assert!(refused(&store, Change::Add(v4(2, 1))).contains("was opened read-only"));
    assert_eq!(content(&store), [v4(1, 1)]);
    assert!(matches!(store.update(with_body(v4(1, 1), "{}")), Err(StoreError::ReadOnly(_))));
}
