//! Subnets and shared networks in the store.

use kea_ffi::host::Family;

use super::faults::{Fault, cease, inject};
use super::support::{Place, v4};
use crate::store::{By, Change, Kept, KeptChanges, KeptKey, Query, StoreError};

fn subnet(id: u32) -> KeptKey {
    KeptKey::subnet(Family::V4, id)
}

fn described(text: &str) -> Kept {
    Kept { network: None, description: text.into() }
}

#[test]
fn they_survive_with_the_reservations_as_they_were() {
    let place = Place::new();
    let store = place.open();
    store.add(v4(1, 1)).unwrap();
    let name = KeptKey::network(Family::V4, b"floor");
    let kept =
        KeptChanges::from([(subnet(5), Some(described("five"))), (name.clone(), Some(described("floor")))]);
    store.commit_with_kept(vec![], kept.clone()).unwrap();
    store.commit_with_kept(vec![], KeptChanges::from([(subnet(5), None), (subnet(6), None)])).unwrap();
    drop(store);

    let store = place.open();
    assert_eq!(store.kept().into_keys().collect::<Vec<_>>(), [name]);
    assert_eq!(store.status().reservations, 1);
}

#[test]
fn they_change_together_with_reservations_or_not_at_all() {
    let place = Place::new();
    let store = place.open();
    let id = store.add(v4(1, 5)).unwrap();
    store.commit_with_kept(vec![], KeptChanges::from([(subnet(5), Some(described("five")))])).unwrap();

    let refused = store.commit_with_kept(vec![Change::Add(v4(1, 5))], KeptChanges::from([(subnet(5), None)]));
    assert!(matches!(refused, Err(StoreError::Conflict(_))));
    assert_eq!(store.kept().len(), 1);

    store.commit_with_kept(vec![Change::Remove(id)], KeptChanges::from([(subnet(5), None)])).unwrap();
    drop(store);
    let store = place.open();
    assert!(store.kept().is_empty());
    assert!(store.find(&Query::in_subnet(Family::V4, 5, By::Any)).is_empty());
}

/// A removal that fails at any operation leaves both the subnet and its reservation, in memory and in the file.
#[test]
fn a_failed_write_changes_nothing() {
    for fault in [Fault::Full, Fault::Late, Fault::Panic] {
        for after in 0.. {
            let place = Place::new();
            let store = place.open();
            let id = store.add(v4(1, 5)).unwrap();
            let kept = KeptChanges::from([(subnet(5), Some(described("five")))]);
            store.commit_with_kept(vec![], kept).unwrap();

            inject(fault, after, 1);
            let result =
                store.commit_with_kept(vec![Change::Remove(id)], KeptChanges::from([(subnet(5), None)]));
            if !cease() {
                assert!(result.is_ok(), "{result:?}");
                assert!(after > 0, "nothing failed");
                break;
            }
            if result.is_ok() {
                // The fault hit work after the commit that redb does not need to succeed.
                continue;
            }
            assert_eq!((store.kept().len(), store.status().reservations), (1, 1), "{fault:?} after {after}");
            // The next change brings file and memory together.
            store.add(v4(2, 5)).unwrap();
            drop(store);
            let store = place.open();
            assert_eq!((store.kept().len(), store.status().reservations), (1, 2), "{fault:?} after {after}");
        }
    }
}
