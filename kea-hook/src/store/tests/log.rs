//! The log of small commits: what of it counts after a crash, and what is damage.

use std::fs;
use std::hash::{BuildHasher, RandomState};
use std::path::{Path, PathBuf};

use super::crash::{changes, state};
use super::faults::{Fault, cease, inject};
use super::power;
use super::support::{Place, content, open, open_read_only, v4, v4_client, with_body, with_small_logs};
use crate::store::engine::EngineError;
use crate::store::layout::Head;
use crate::store::log::{self, Found};
use crate::store::{By, Change, Kept, KeptChanges, KeptKey, OpenError, Query, Reservation, Store};
use kea_ffi::host::Family;

const LOG: usize = 8192;
const LOG_BEGINS: usize = 4096;

/// The commits that count in the log of a file, given how many its database has.
fn scan(bytes: &[u8], place: &Place, after: u64) -> Result<Found, EngineError> {
    let file = fs::File::open(copy_of(bytes, place))?;
    let head = Head::of(&file)?;
    log::scan(&head.read_log(&file)?, head.salt, after)
}

fn copy_of(bytes: &[u8], place: &Place) -> PathBuf {
    let path = place.folder.path().join("copy.db");
    fs::write(&path, bytes).unwrap();
    path
}

fn in_log(bytes: &[u8], place: &Place, after: u64) -> usize {
    scan(bytes, place, after).unwrap().commits.len()
}

/// A store that was killed with four commits in its log, each of one reservation: its bytes, and where they begin.
fn killed() -> (Place, Vec<u8>, Vec<usize>) {
    with_small_logs(u32::try_from(LOG).unwrap());
    let place = Place::new();
    let store = place.open();
    for device in 0..4 {
        store.add(v4(device, 1)).unwrap();
    }
    let bytes = fs::read(&place.path).unwrap();
    assert_eq!(in_log(&bytes, &place, 0), 4);
    drop(store);
    let magic = &bytes[LOG_BEGINS..LOG_BEGINS + 4];
    let log = LOG_BEGINS..LOG_BEGINS + LOG;
    let begins: Vec<_> = log.step_by(16).filter(|at| bytes[*at..].starts_with(magic)).collect();
    assert_eq!(begins.len(), 4);
    (place, bytes, begins)
}

/// What a file of these bytes holds, the same in both ways to open it.
fn held(place: &Place, bytes: &[u8]) -> Result<Vec<Reservation>, OpenError> {
    let path = copy_of(bytes, place);
    let read = open_read_only(&path).map(|store| content(&store));
    let written = open(&path).map(|store| content(&store));
    assert_eq!(read.as_ref().ok(), written.as_ref().ok());
    if let (Err(read), Err(written)) = (&read, &written) {
        assert_eq!(read.to_string(), written.to_string());
    }
    written
}

fn devices(count: u32) -> Vec<Reservation> {
    (0..count).map(|device| v4(device, 1)).collect()
}

#[test]
fn small_commits_wait_in_the_log_and_large_ones_do_not() {
    with_small_logs(u32::try_from(LOG).unwrap());
    let place = Place::new();
    let store = place.open();
    let kept = |text: &str| Some(Kept { network: None, description: text.into() });
    let key = |id| KeptKey::subnet(Family::V4, id);
    store
        .commit_with_kept(vec![], KeptChanges::from([(key(1), kept("one")), (key(2), kept("two"))]))
        .unwrap();
    store.add(v4(1, 1)).unwrap();
    store.add(v4(2, 1)).unwrap();
    store.remove(&v4_client(&v4(1, 1))).unwrap();
    store.update(with_body(v4(2, 1), "{}")).unwrap();
    store.commit_with_kept(vec![], KeptChanges::from([(key(1), None)])).unwrap();
    assert_eq!(in_log(&fs::read(&place.path).unwrap(), &place, 0), 6);
    let after_a_kill = fs::read(&place.path).unwrap();
    let (reservations, kept) = (content(&store), store.kept());

    // It has no room for this.
    store.add(with_body(v4(3, 1), &"x".repeat(LOG))).unwrap();
    assert_eq!(in_log(&fs::read(&place.path).unwrap(), &place, 7), 0);
    store.remove(&v4_client(&v4(3, 1))).unwrap();
    assert_eq!(in_log(&fs::read(&place.path).unwrap(), &place, 7), 1);
    drop(store);
    assert_eq!(in_log(&fs::read(&place.path).unwrap(), &place, 8), 0);

    fs::write(&place.path, after_a_kill).unwrap();
    let store = place.open();
    assert_eq!((content(&store), store.kept()), (reservations, kept));
    assert_eq!(store.status().commits, 6);
    // Numbers go on where they stood.
    assert_eq!(store.add(v4(5, 1)).unwrap().get(), 3);
}

/// Few bytes may be many changes for the database.
#[test]
fn many_changes_do_not_wait_in_the_log() {
    let place = Place::new();
    let store = place.open();
    store.commit((0..2_000).map(|device| Change::Add(v4(device, device / 1_000))).collect()).unwrap();
    store.remove(&Query::in_subnet(Family::V4, 0, By::Any)).unwrap();
    assert_eq!(in_log(&fs::read(&place.path).unwrap(), &place, 2), 0);
    for device in 1_000..1_600 {
        store.remove(&v4_client(&v4(device, 1))).unwrap();
    }
    // The first 512 were brought into the database by the next one.
    assert_eq!(in_log(&fs::read(&place.path).unwrap(), &place, 2 + 513), 600 - 513);
}

#[test]
fn a_last_commit_that_is_not_whole_was_not_made() {
    let (place, bytes, begins) = killed();
    assert_eq!(held(&place, &bytes).unwrap(), devices(4));
    let end = LOG_BEGINS + LOG;
    let used = bytes[..end].iter().rposition(|byte| *byte != 0).unwrap() + 1;
    for position in begins[3]..used {
        let mut damaged = bytes.clone();
        damaged[position] ^= 0x10;
        let mut cut = bytes.clone();
        cut[position..end].fill(0);
        for bytes in [damaged, cut] {
            assert_eq!(in_log(&bytes, &place, 0), 3, "byte {position}");
            if position % 16 == 0 {
                assert_eq!(held(&place, &bytes).unwrap(), devices(3), "byte {position}");
            }
        }
    }
    // It goes on from there, and the rest of what was cut off does not count.
    let mut cut = bytes.clone();
    cut[begins[3] + 10] ^= 1;
    fs::write(&place.path, cut).unwrap();
    let store = place.open();
    store.add(v4(9, 1)).unwrap();
    let killed = fs::read(&place.path).unwrap();
    let expected = [devices(3), vec![v4(9, 1)]].concat();
    drop(store);
    assert_eq!(held(&place, &killed).unwrap(), expected);
}

#[test]
fn damage_before_the_last_commit_is_refused_with_the_way_out() {
    let (place, bytes, begins) = killed();
    for position in begins[0]..begins[3] {
        let mut damaged = bytes.clone();
        damaged[position] ^= 0x10;
        match scan(&damaged, &place, 0) {
            // Between two commits there is room that means nothing.
            Ok(found) => assert!(found.commits.len() == 4 && bytes[position] == 0, "byte {position}"),
            Err(EngineError::Corrupt(text)) => assert!(text.contains("is missing in its log"), "{text}"),
            Err(error) => panic!("byte {position}: {error:?}"),
        }
    }
    // A refused file is as it was for whoever can make something of it.
    let mut damaged = bytes.clone();
    damaged[begins[1] + 30] ^= 0x10;
    let error = held(&place, &damaged).unwrap_err();
    assert!(matches!(error, OpenError::Corrupt { .. }));
    assert!(error.to_string().contains("restore a backup"), "{error}");
    let mut repaired = fs::read(place.folder.path().join("copy.db")).unwrap();
    repaired[begins[1] + 30] ^= 0x10;
    assert_eq!(held(&place, &repaired).unwrap(), devices(4));
}

#[test]
fn an_older_log_does_not_count_and_a_younger_one_is_damage() {
    let (place, first, _) = killed();
    fs::write(&place.path, &first).unwrap();
    let store = place.open();
    // Brings the log into the database; the commits in it stay there as bytes.
    store.add(with_body(v4(4, 1), &"x".repeat(LOG))).unwrap();
    store.remove(&v4_client(&v4(4, 1))).unwrap();
    store.remove(&v4_client(&v4(3, 1))).unwrap();
    let second = fs::read(&place.path).unwrap();
    drop(store);
    assert_eq!(held(&place, &second).unwrap(), devices(3));

    let front = LOG_BEGINS + LOG;
    let mixed = |log: &[u8], database: &[u8]| [&log[..front], &database[front..]].concat();
    // The power went after the database was written, and before anything else was.
    let store_of_four = held(&place, &mixed(&first, &second)).unwrap();
    assert_eq!(store_of_four, [devices(4), vec![with_body(v4(4, 1), &"x".repeat(LOG))]].concat());
    // The database has lost commits that were acknowledged.
    let lost = held(&place, &mixed(&second, &first)).unwrap_err();
    assert!(matches!(lost, OpenError::Corrupt { .. }), "{lost}");
}

/// The log is a means to be quick: where it cannot be written, the database is.
#[test]
fn a_log_that_cannot_be_written_does_not_refuse_anything() {
    for fault in [Fault::Full, Fault::Late, Fault::Panic] {
        for after in 0..2 {
            with_small_logs(u32::try_from(LOG).unwrap());
            let place = Place::new();
            let store = place.open();
            store.add(v4(0, 1)).unwrap();
            inject(fault, after, 1);
            store.add(v4(1, 1)).unwrap();
            assert!(cease());
            let killed = fs::read(&place.path).unwrap();
            store.add(v4(2, 1)).unwrap();
            assert_eq!(in_log(&fs::read(&place.path).unwrap(), &place, 2), 1, "{fault:?}");
            drop(store);
            assert_eq!(content(&place.open()), devices(3));
            assert_eq!(held(&place, &killed).unwrap(), devices(2));
        }
    }
}

/// Neither log nor database can be written: the change is refused, and not there after a crash either.
#[test]
fn a_refused_change_does_not_come_back_out_of_the_log() {
    for count in 2..12 {
        with_small_logs(u32::try_from(LOG).unwrap());
        let place = Place::new();
        let store = place.open();
        store.add(v4(0, 1)).unwrap();
        // From the sync of the log on, so that the change is in it.
        inject(Fault::Late, 1, count);
        let added = store.add(v4(1, 1));
        assert!(cease());
        let killed = fs::read(&place.path).unwrap();
        let expected = if added.is_ok() { devices(2) } else { devices(1) };
        assert_eq!(content(&store), expected);
        // Where all that was tried against it failed, the next change brings file and memory together.
        store.add(v4(2, 1)).unwrap();
        let memory = content(&store);
        assert_eq!(held(&place, &fs::read(&place.path).unwrap()).unwrap(), memory, "{count}");
        if count == 2 {
            assert!(added.is_err());
            assert_eq!(held(&place, &killed).unwrap(), expected);
        }
    }
}

fn random(limit: usize) -> usize {
    usize::try_from(RandomState::new().hash_one(0)).unwrap() % limit
}

fn holds(path: &Path, steps: std::ops::RangeInclusive<u32>) -> Option<u32> {
    let found = content(&open(path).unwrap());
    steps.into_iter().find(|steps| found == state(*steps))
}

/// Of what was not synced when the power goes, any sectors may be on disk. In a small log, so that it is often full.
#[test]
fn power_loss_at_any_operation_loses_nothing_acknowledged() {
    with_small_logs(u32::try_from(LOG).unwrap());
    let mut replayed = 0;
    for _ in 0..60 {
        let place = Place::new();
        drop(place.open());
        power::begin(&place.path, random(120));
        let store: Store = place.open();
        let mut acknowledged = 0;
        while !power::is_lost() && acknowledged < 60 {
            let before = acknowledged;
            store.commit(changes(&store, acknowledged)).unwrap();
            acknowledged += 1;
            if power::is_lost() {
                acknowledged = before;
            }
        }
        let images: Vec<_> = (0..8).map(|_| power::image(random)).collect();
        drop(store);
        power::end();
        for image in images {
            let path = place.folder.path().join("image.db");
            fs::write(&path, image).unwrap();
            let found = holds(&path, acknowledged..=acknowledged + 1);
            replayed += u32::from(found == Some(acknowledged + 1));
            assert!(found.is_some(), "after {acknowledged} steps");
        }
    }
    assert!(replayed > 0, "no image had a commit that was under way");
}
