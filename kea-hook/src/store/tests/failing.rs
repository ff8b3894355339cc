//! Writes that fail: in memory, on disk and after a restart, the store is what was acknowledged.

use std::fs;

use super::faults::{Fault, cease, inject};
use super::support::{Place, content, open, open_read_only, v4, with_body};
use crate::store::{Change, Health, Reservation, Store, StoreError, WriteError};

/// What a crash right now would leave: a copy of the file, opened.
fn after_a_crash(place: &Place) -> Vec<Reservation> {
    let copy = place.folder.path().join("copy.db");
    fs::copy(&place.path, &copy).unwrap();
    content(&open(&copy).unwrap())
}

fn changes() -> Vec<Change> {
    vec![
        Change::Update(with_body(v4(1, 1), "{}")),
        Change::Add(with_body(v4(100, 2), &"x".repeat(200_000))),
        Change::Add(v4(101, 2)),
    ]
}

fn prepared() -> (Place, Store) {
    let place = Place::new();
    let store = place.open();
    store.commit((0..50).map(|device| Change::Add(v4(device, 1))).collect()).unwrap();
    (place, store)
}

/// Lets each operation of a commit fail in turn, `count` operations at a time, until one commit needs fewer
/// operations than that; returns how many failed.
fn fail_everywhere(fault: Fault, count: usize, check: impl Fn(&Place, &Store, &[Reservation])) -> usize {
    for after in 0.. {
        let (place, store) = prepared();
        let before = content(&store);
        inject(fault, after, count);
        let result = store.commit(changes());
        let happened = cease();
        if !happened {
            assert!(result.is_ok(), "{result:?}");
            return after;
        }
        if result.is_ok() {
            // The fault hit work after the commit that redb does not need to succeed.
            continue;
        }
        assert!(matches!(result, Err(StoreError::Write(_))), "{result:?}");
        assert!(content(&store) == before, "{fault:?} after {after}: readers see a refused change");
        assert!(matches!(store.status().health, Health::Failing(_)));
        check(&place, &store, &before);

        // The cause is gone: the same store takes another change, and nothing of the refused one is in the file.
        store.add(v4(300, 4)).unwrap();
        assert!(matches!(store.status().health, Health::Healthy));
        let memory = content(&store);
        assert_eq!(memory.len(), before.len() + 1);
        assert!(after_a_crash(&place) == memory, "{fault:?} after {after}");
        drop(store);
        assert!(content(&place.open()) == memory, "{fault:?} after {after}");
    }
    unreachable!()
}

#[test]
fn one_failed_operation_leaves_nothing_behind() {
    for fault in [Fault::Full, Fault::Late, Fault::Panic] {
        let failures = fail_everywhere(fault, 1, |place, _, before| {
            assert!(after_a_crash(place) == before, "{fault:?}: a refused change came back");
        });
        assert!(failures > 3, "{fault:?} was injected {failures} times only");
    }
}

#[test]
fn a_disk_that_stays_broken_is_reported_each_time() {
    let failures = fail_everywhere(Fault::Full, 1_000, |_, store, before| {
        inject(Fault::Full, 0, 1_000);
        let again = store.add(v4(200, 3));
        assert!(cease());
        let Err(StoreError::Write(error @ WriteError::NoSpace { .. })) = again else { panic!("{again:?}") };
        assert!(error.to_string().contains("make room on that file system"), "{error}");
        assert!(content(store) == before);
    });
    assert!(failures > 3);
}

#[test]
fn a_late_failure_while_the_disk_stays_broken_is_undone_with_the_next_change() {
    fail_everywhere(Fault::Late, 1_000, |_, _, _| {});
}

#[test]
fn a_failed_creation_can_be_repeated() {
    for after in 0.. {
        let place = Place::new();
        inject(Fault::Full, after, 1_000);
        let opened = open(&place.path);
        if !cease() {
            assert!(after > 3);
            break;
        }
        drop(opened);
        assert!(open_read_only(&place.path).is_ok());
        let store = place.open();
        store.add(v4(1, 1)).unwrap();
        drop(store);
        assert_eq!(content(&place.open()), [v4(1, 1)]);
    }
}
