use std::net::Ipv4Addr;
use std::sync::Arc;
use std::thread;

use kea_ffi::host::{Family, HostId, Identifier, IdentifierType, Reservation, StoredReservation};
use kea_ffi::lease::{Lease, LeaseChange};

use super::*;

fn lease(last: u8) -> Event {
    let lease = Lease {
        family: Family::V4,
        subnet: 1,
        address: Ipv4Addr::new(10, 0, 0, last).into(),
        prefix_length: None,
        iaid: 0,
        started: 1000,
        valid_lifetime: 60,
        hostname: b"",
        hw_address: &[2, 0, 0, 0, 0, last],
        client_id: b"",
        duid: b"",
    };
    Event::Lease(LeaseEvent::new(LeaseChange::Committed, &lease, None))
}

fn journal(size: usize, events: u8) -> Journal {
    let journal = Journal::new(size, 7);
    journal.record(1000, (1..=events).map(lease));
    journal
}

fn numbers(page: &Page) -> Vec<u64> {
    page.entries.iter().map(|entry| entry.number).collect()
}

#[test]
fn events_after_a_number_come_in_order() {
    // Size, events, since, limit; expected numbers, and whether others were lost.
    type Row = (usize, u8, u64, usize, &'static [u64], bool);
    let rows: [Row; 12] = [
        (5, 0, 0, 9, &[], false),
        (5, 3, 0, 9, &[1, 2, 3], false),
        (5, 3, 2, 9, &[3], false),
        (5, 3, 3, 9, &[], false),
        (5, 3, 0, 2, &[1, 2], false),
        (5, 5, 0, 9, &[1, 2, 3, 4, 5], false),
        (5, 6, 1, 9, &[2, 3, 4, 5, 6], false),
        (5, 6, 0, 9, &[2, 3, 4, 5, 6], true),
        (5, 200, 3, 2, &[196, 197], true),
        (5, 200, 200, 2, &[], false),
        // Numbers that there are not yet: from before a restart.
        (5, 3, 4, 9, &[1, 2, 3], true),
        (5, 0, u64::MAX, 9, &[], true),
    ];
    for (size, events, since, limit, expected, lost) in rows {
        let page = journal(size, events).after(since, None, limit);
        let row = format!("size {size}, {events} events, since {since}, limit {limit}");
        assert_eq!((numbers(&page).as_slice(), page.lost), (expected, lost), "{row}");
        assert_eq!(page.head, u64::from(events), "{row}");
    }
}

#[test]
fn a_number_of_another_epoch_means_the_beginning() {
    let journal = journal(5, 3);
    let page = journal.after(2, Some(6), 9);
    assert_eq!((numbers(&page), page.lost), (vec![1, 2, 3], true));
    let page = journal.after(2, Some(7), 9);
    assert_eq!((numbers(&page), page.lost), (vec![3], false));
}

#[test]
fn no_size_means_no_events() {
    let journal = journal(0, 9);
    let page = journal.after(0, None, 9);
    assert_eq!((numbers(&page), page.head, page.lost), (vec![], 0, false));
}

#[test]
fn threads_leave_no_gap() {
    let journal = Arc::new(Journal::new(1000, 0));
    let threads = (0..4).map(|_| {
        let journal = Arc::clone(&journal);
        thread::spawn(move || (0..200).for_each(|last| journal.record(0, [lease(last)])))
    });
    threads.collect::<Vec<_>>().into_iter().for_each(|thread| thread.join().unwrap());
    let page = journal.after(0, None, 1000);
    assert_eq!(numbers(&page), (1..=800).collect::<Vec<_>>());
}

fn reserved(body: &str) -> Reserved {
    Reserved::Whole(Arc::new(StoredReservation {
        id: HostId::after(0),
        revision: 1,
        reservation: Reservation {
            identifier: Identifier { kind: IdentifierType::HwAddress, value: [1].as_slice().into() },
            subnet_v4: Some(1),
            subnet_v6: None,
            ipv4: None,
            ipv6: Vec::new().into(),
            hostname: b"".as_slice().into(),
            body: body.as_bytes().into(),
        },
    }))
}

#[test]
fn a_change_is_told_by_what_was_before() {
    let source = Arc::from("memfile");
    let change = |before: bool, after: bool| {
        let event =
            ReservationEvent::new(&source, before.then(|| reserved("{}")), after.then(|| reserved("{}")));
        event.map(|event| event.change)
    };
    assert_eq!(change(false, true), Some(ReservationChange::Added));
    assert_eq!(change(true, true), Some(ReservationChange::Updated));
    assert_eq!(change(true, false), Some(ReservationChange::Removed));
    assert_eq!(change(false, false), None);
}

#[test]
fn the_owner_is_read_where_it_is_kept() {
    let whole = reserved(r#"{ "user-context": { "ext-owner": "a" } }"#);
    assert_eq!(whole.owner().as_deref(), Some(b"a".as_slice()));
    let owned = Reserved::Owned(whole.reservation().clone(), Some(b"b".to_vec()));
    assert_eq!(owned.owner().as_deref(), Some(b"b".as_slice()));
}
