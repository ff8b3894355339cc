//! What an observer is told.

use std::sync::{Arc, Mutex};

use super::support::{Place, v4, with_body};
use crate::store::{Change, Changed, Store};

/// Whether there was something before, and is something after, for each change; commit by commit.
type Seen = Arc<Mutex<Vec<Vec<(bool, bool)>>>>;

fn observed(store: &Store) -> Seen {
    let seen = Seen::default();
    let notes = Arc::clone(&seen);
    store.observe(move |changes: Vec<Changed>| {
        let of = |changed: &Changed| (changed.before.is_some(), changed.after.is_some());
        notes.lock().unwrap().push(changes.iter().map(of).collect());
    });
    seen
}

#[test]
fn an_observer_sees_what_was_before_and_is_after() {
    let place = Place::new();
    let store = place.open();
    let seen = observed(&store);
    store.add(v4(1, 1)).unwrap();
    let other = with_body(v4(1, 1), r#"{ "hostname": "other" }"#);
    store.commit(vec![Change::Update(other.clone()), Change::Add(v4(2, 1))]).unwrap();
    // Nothing changes, and a refusal changes nothing.
    store.update(other).unwrap();
    store.add(v4(2, 1)).expect_err("it is there");
    let id = store.page(None, None, None, 1)[0].id;
    store.commit(vec![Change::Remove(id)]).unwrap();
    let expected = [vec![(false, true)], vec![(true, true), (false, true)], vec![(true, false)]];
    assert_eq!(*seen.lock().unwrap(), expected);
}
