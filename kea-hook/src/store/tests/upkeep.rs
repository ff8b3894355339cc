//! Backups and compactions, of a store that is in use.

use std::fs;
use std::os::unix::fs::{PermissionsExt, symlink};
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU32, Ordering};
use std::sync::mpsc;

use kea_ffi::host::Family;

use super::crash::{changes, state};
use super::faults::{Fault, cease, inject};
use super::support::{
    Place, content, open, open_read_only, refusal, v4, v4_client, with_body, with_small_logs,
};
use crate::store::{
    By, Change, Health, Kept, KeptChanges, KeptKey, OpenError, Query, State, StoreError, StoredReservation,
    Task, Upkeep, UpkeepError, WriteError,
};

/// A store with holes, that keeps a subnet.
fn filled(place: &Place) -> Upkeep {
    filled_with(place, 3_000)
}

fn filled_with(place: &Place, devices: u32) -> Upkeep {
    let store = place.open();
    store.commit((0..devices).map(|device| Change::Add(v4(device, device % 3))).collect()).unwrap();
    store.remove(&Query::in_subnet(Family::V4, 2, By::Any)).unwrap();
    store.update(with_body(v4(0, 0), "{\"changed\":true}")).unwrap();
    let kept = Kept { network: None, description: b"{}".into() };
    store
        .commit_with_kept(vec![], KeptChanges::from([(KeptKey::subnet(Family::V4, 7), Some(kept))]))
        .unwrap();
    Upkeep::of(store)
}

fn backup_of(place: &Place) -> PathBuf {
    place.folder.path().join("backup.db")
}

fn names(place: &Place) -> Vec<String> {
    let entries = fs::read_dir(place.folder.path()).unwrap();
    let mut names: Vec<_> = entries.map(|entry| entry.unwrap().file_name().into_string().unwrap()).collect();
    names.sort();
    names
}

/// Everything, with numbers.
fn all(path: &Path) -> Vec<StoredReservation> {
    let all = open_read_only(path).unwrap().find(&Query::anywhere(By::Any));
    all.iter().map(|stored| (**stored).clone()).collect()
}

#[test]
fn a_backup_is_the_store_again() {
    let place = Place::new();
    let upkeep = filled(&place);
    let path = backup_of(&place);
    let (ended, end) = mpsc::channel();
    upkeep.start(Task::Backup(path.clone()), move |progress| ended.send(progress.clone()).unwrap()).unwrap();
    let progress = end.recv().unwrap();
    assert!(matches!(progress.state, State::Done), "{progress:?}");
    assert_eq!((progress.copied, progress.reservations), (2_000, 2_000));
    assert!(progress.bytes.unwrap() > 0 && progress.bytes_before.is_none(), "{progress:?}");
    assert_eq!(names(&place), ["backup.db", "hosts.db"]);
    assert_eq!(fs::metadata(&path).unwrap().permissions().mode() & 0o777 & !0o640, 0);
    assert_eq!(all(&path), all(&place.path));

    let restored = open(&path).unwrap();
    assert_eq!(restored.kept(), upkeep.store().kept());
    // Numbers go on where those of the store stand.
    assert_eq!(restored.add(v4(9_000, 1)).unwrap(), upkeep.store().add(v4(9_000, 1)).unwrap());
}

#[test]
fn a_compacted_store_is_smaller_and_goes_on() {
    with_small_logs(4096);
    let place = Place::new();
    let upkeep = filled(&place);
    fs::set_permissions(&place.path, fs::Permissions::from_mode(0o600)).unwrap();
    let before = all(&place.path);
    assert!(matches!(upkeep.run_here(Task::Compaction).unwrap(), State::Done));
    let progress = upkeep.progress().unwrap();
    assert!(progress.bytes.unwrap() < progress.bytes_before.unwrap() / 2, "{progress:?}");
    assert_eq!(names(&place), ["hosts.db"]);
    assert_eq!(fs::metadata(&place.path).unwrap().permissions().mode() & 0o777, 0o600);
    assert_eq!(all(&place.path), before);
    assert!(matches!(refusal(&place.path), OpenError::Locked(_)));

    upkeep.store().add(v4(9_000, 1)).unwrap();
    assert!(matches!(upkeep.store().status().health, Health::Healthy));
    let memory = content(upkeep.store());
    drop(upkeep);
    let store = place.open();
    assert_eq!(content(&store), memory);
    assert_eq!(store.kept().len(), 1);
}

/// Each backup is the store as it was between two commits, and a compaction loses none.
#[test]
fn changes_go_on_meanwhile() {
    let place = Place::new();
    let upkeep = Upkeep::of(place.open());
    let store = upkeep.store();
    // Something to copy for a while.
    store.commit((0..20_000).map(|device| Change::Add(v4(500_000_000 + device, 77))).collect()).unwrap();
    let ballast: Vec<_> = content(store);
    let steps = AtomicU32::new(0);
    let tasks = std::thread::scope(|scope| {
        let worker = scope.spawn(|| {
            let mut done = Vec::new();
            for round in 0..6 {
                let path = place.folder.path().join(format!("backup{round}.db"));
                let task = if round % 2 == 0 { Task::Backup(path) } else { Task::Compaction };
                let before = steps.load(Ordering::Acquire);
                assert!(
                    matches!(upkeep.run_here(task.clone()).unwrap(), State::Done),
                    "{:?}",
                    upkeep.progress()
                );
                done.push((task, before, steps.load(Ordering::Acquire)));
            }
            done
        });
        while !worker.is_finished() {
            let step = steps.load(Ordering::Acquire);
            store.commit(changes(store, step)).unwrap();
            steps.store(step + 1, Ordering::Release);
        }
        worker.join().unwrap()
    });
    let steps = steps.into_inner();
    assert!(
        tasks.iter().any(|(_, before, after)| before < after),
        "nothing was changed meanwhile: {tasks:?}"
    );
    for (task, before, after) in tasks {
        let Task::Backup(path) = task else { continue };
        let found = content(&open(&path).unwrap());
        assert_eq!(found[..ballast.len()], ballast);
        // The last step may have been on disk before it was counted.
        let matching = (before..=after + 1).any(|steps| found[ballast.len()..] == state(steps));
        assert!(matching, "no state from {before} to {after}");
    }
    drop(upkeep);
    let found = content(&place.open());
    assert_eq!(found[..ballast.len()], ballast);
    assert!(found[ballast.len()..] == state(steps));
}

#[test]
fn what_fails_leaves_nothing_behind_and_the_store_as_it_was() {
    for task in ["backup", "compaction"] {
        for fault in [Fault::Full, Fault::Late, Fault::Panic] {
            for after in 0.. {
                let place = Place::new();
                let upkeep = filled_with(&place, 60);
                let before = content(upkeep.store());
                let path = backup_of(&place);
                let backup = || Task::Backup(path.clone());
                inject(fault, after, 1);
                let state =
                    upkeep.run_here(if task == "backup" { backup() } else { Task::Compaction }).unwrap();
                let happened = cease();
                let failed = matches!(state, State::Failed(_));
                assert!(happened || !failed, "{state:?}");
                assert!(!place.folder.path().join("hosts.db.new").exists());
                assert!(!place.folder.path().join("backup.db.new").exists());
                assert_eq!(path.exists(), task == "backup" && !failed, "{state:?}");
                if path.exists() {
                    assert_eq!(all(&path).len(), before.len());
                }

                upkeep.store().add(v4(9_000, 1)).unwrap();
                let memory = content(upkeep.store());
                assert_eq!(memory.len(), before.len() + 1);
                drop(upkeep);
                assert!(content(&place.open()) == memory, "{task}: {fault:?} after {after}");
                if !happened {
                    assert!(after > 5, "{task}: {fault:?} was injected {after} times only");
                    break;
                }
            }
        }
    }
}

#[test]
fn a_file_that_was_damaged_while_in_use_is_made_anew() {
    let place = Place::new();
    let upkeep = filled(&place);
    let before = content(upkeep.store());
    let length = fs::metadata(&place.path).unwrap().len();
    let damaged = vec![0x55; usize::try_from(length).unwrap()];
    fs::write(&place.path, damaged).unwrap();
    // Where neither log nor database can be written, the store reads its file again.
    inject(Fault::Full, 0, 2);
    upkeep.store().add(v4(9_000, 1)).unwrap_err();
    assert!(cease());
    let refused = upkeep.store().add(v4(9_000, 1)).unwrap_err();
    assert!(matches!(refused, StoreError::Write(WriteError::Damaged { .. })), "{refused}");
    assert!(matches!(upkeep.run_here(Task::Backup(backup_of(&place))).unwrap(), State::Done));
    assert!(content(&open(&backup_of(&place)).unwrap()) == before);

    assert!(matches!(upkeep.run_here(Task::Compaction).unwrap(), State::Done));
    upkeep.store().add(v4(9_900, 1)).unwrap();
    let memory = content(upkeep.store());
    drop(upkeep);
    assert!(content(&place.open()) == memory);
}

#[test]
fn where_a_backup_may_not_go() {
    let place = Place::new();
    let upkeep = filled(&place);
    let folder = place.folder.path();
    let refused = |path: &Path| match upkeep.start(Task::Backup(path.into()), |_| {}) {
        Err(error) => error,
        Ok(()) => panic!("{} was taken", path.display()),
    };
    assert!(matches!(refused(Path::new("backup.db")), UpkeepError::Relative(_)));
    assert!(matches!(refused(Path::new("/")), UpkeepError::NoName(_)));
    assert!(matches!(refused(&folder.join("..")), UpkeepError::NoName(_)));
    for name in ["a\0b".to_owned(), "n".repeat(252), "n".repeat(300)] {
        assert!(matches!(refused(&folder.join(&name)), UpkeepError::BadName { .. }), "{name:?}");
        assert!(matches!(
            refused(&folder.join(&name).join("x")),
            UpkeepError::BadName { .. } | UpkeepError::NoFolder(_)
        ));
    }
    assert!(
        matches!(refused(&folder.join("no/backup.db")), UpkeepError::NoFolder(path) if path.ends_with("no"))
    );
    assert!(matches!(refused(&place.path.join("backup.db")), UpkeepError::NoFolder(_)));
    assert!(matches!(refused(&place.path), UpkeepError::Exists(_)));
    assert!(matches!(refused(folder), UpkeepError::Exists(_)));
    symlink(folder.join("nowhere"), folder.join("link")).unwrap();
    assert!(matches!(refused(&folder.join("link")), UpkeepError::Exists(_)));
    symlink(folder, folder.join("here")).unwrap();
    assert!(matches!(refused(&folder.join("here/hosts.db.new")), UpkeepError::Reserved(_)));
    assert!(matches!(
        refused(Path::new("/proc/backup.db")),
        UpkeepError::Denied(_) | UpkeepError::NoNewFiles(_)
    ));
    fs::write(folder.join("precious.new"), "precious").unwrap();
    assert!(matches!(refused(&folder.join("precious")), UpkeepError::InTheWay(_)));
    assert_eq!(fs::read_to_string(folder.join("precious.new")).unwrap(), "precious");
    // What a killed server left is no obstacle.
    fs::write(folder.join("killed.new"), &fs::read(&place.path).unwrap()[..5_000]).unwrap();
    assert!(matches!(upkeep.run_here(Task::Backup(folder.join("killed"))).unwrap(), State::Done));
    assert_eq!(all(&folder.join("killed")), all(&place.path));
}

#[test]
fn a_read_only_store_is_backed_up_and_not_compacted() {
    let place = Place::new();
    let writing = filled(&place);
    let reading = Upkeep::of(open_read_only(&place.path).unwrap());
    assert!(matches!(reading.run_here(Task::Backup(backup_of(&place))).unwrap(), State::Done));
    assert!(matches!(reading.run_here(Task::Compaction).unwrap(), State::Failed(UpkeepError::ReadOnly(_))));
    assert_eq!(all(&backup_of(&place)), all(&place.path));
    assert_eq!(open(&backup_of(&place)).unwrap().kept(), writing.store().kept());
    open(&backup_of(&place)).unwrap().add(v4(9_000, 1)).unwrap();
}

#[test]
fn a_store_that_was_moved_is_not_compacted() {
    let place = Place::new();
    let upkeep = filled(&place);
    let aside = place.folder.path().join("aside.db");
    fs::rename(&place.path, &aside).unwrap();
    fs::write(&place.path, "another").unwrap();
    let state = upkeep.run_here(Task::Compaction).unwrap();
    assert!(matches!(state, State::Failed(UpkeepError::Store(WriteError::Replaced(_)))), "{state:?}");
    assert_eq!(fs::read_to_string(&place.path).unwrap(), "another");
    assert_eq!(names(&place), ["aside.db", "hosts.db"]);
}

#[test]
fn a_link_to_a_store_stays_a_link() {
    let place = Place::new();
    drop(filled(&place));
    let real = place.folder.path().join("real.db");
    fs::rename(&place.path, &real).unwrap();
    symlink("real.db", &place.path).unwrap();
    let upkeep = Upkeep::of(place.open());
    assert!(matches!(upkeep.run_here(Task::Compaction).unwrap(), State::Done));
    assert_eq!(names(&place), ["hosts.db", "real.db"]);
    assert!(fs::symlink_metadata(&place.path).unwrap().is_symlink());
    upkeep.store().add(v4(9_000, 1)).unwrap();
    let memory = content(upkeep.store());
    drop(upkeep);
    assert_eq!(content(&open(&real).unwrap()), memory);
}

#[test]
fn one_task_at_a_time_and_none_outlives_the_store() {
    let place = Place::new();
    let store = place.open();
    store.commit((0..100_000).map(|device| Change::Add(v4(device, 1))).collect()).unwrap();
    let upkeep = Upkeep::of(store);
    let path = backup_of(&place);
    let (ended, end) = mpsc::channel();
    upkeep.start(Task::Backup(path.clone()), move |progress| ended.send(progress.clone()).unwrap()).unwrap();
    let second = upkeep.start(Task::Compaction, |_| {});
    // Asked and answered while a hundred thousand are copied.
    assert!(matches!(&second, Err(UpkeepError::Busy(Task::Backup(_)))), "{second:?}");
    drop(upkeep);
    let progress = end.try_recv().expect("it has ended with the store");
    assert!(matches!(progress.state, State::Failed(UpkeepError::GivenUp)), "{progress:?}");
    assert_eq!(names(&place), ["hosts.db"]);
    assert_eq!(place.open().find(&v4_client(&v4(5, 1))).len(), 1);
}
