//! SIGKILL at random moments.

use std::collections::BTreeSet;
use std::fs;
use std::hash::{BuildHasher, RandomState};
use std::io::{BufRead, BufReader, Write};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};

use super::support::{Place, client, content, helper, open, v4, with_body, with_small_logs};
use crate::store::{Change, Family, Query, Reservation, Store, Task, Upkeep};

const BATCH: u32 = 3;

/// What step number `step` changes: it brings three devices, changes those of the step before, and takes away those
/// of the fourth step back.
pub fn changes(store: &Store, step: u32) -> Vec<Change> {
    let mut changes: Vec<_> = devices(step).map(|device| Change::Add(v4(device, 1))).collect();
    if step >= 1 {
        changes.extend(devices(step - 1).map(|device| Change::Update(changed(device))));
    }
    if step >= 4 {
        for device in devices(step - 4) {
            let old = changed(device);
            let found = store.find(&Query::in_subnet(Family::V4, 1, client(&old)));
            changes.push(Change::Remove(found[0].id));
        }
    }
    changes
}

fn devices(step: u32) -> std::ops::Range<u32> {
    step * BATCH..(step + 1) * BATCH
}

fn changed(device: u32) -> Reservation {
    with_body(v4(device, 1), &format!("{{\"changed\":{device}}}"))
}

/// The content after `steps` steps, in page order.
pub fn state(steps: u32) -> Vec<Reservation> {
    let kept = steps.saturating_sub(4)..steps;
    let reservation = |step, device| {
        if step + 1 < steps { changed(device) } else { v4(device, 1) }
    };
    kept.flat_map(|step| devices(step).map(move |device| reservation(step, device))).collect()
}

#[test]
#[ignore = "helper of acknowledged_changes_survive_sigkill"]
fn work_until_killed() {
    let Some(path) = std::env::var_os("STORE").map(PathBuf::from) else {
        return;
    };
    let first: u32 = std::env::var("FIRST").unwrap().parse().unwrap();
    let with_upkeep = std::env::var_os("UPKEEP").is_some();
    // Full after a few steps.
    with_small_logs(16 << 10);
    let upkeep = Upkeep::of(open(&path).unwrap());
    let store = upkeep.store();
    let mut out = std::io::stdout().lock();
    writeln!(out, "\nopen").unwrap();
    for step in first.. {
        if with_upkeep {
            let backup = Task::Backup(path.with_file_name(format!("backup{step}.db")));
            // Where one is under way it is refused, and goes on.
            let _ = upkeep.start(if step % 2 == 0 { backup } else { Task::Compaction }, |_| {});
        }
        store.commit(changes(store, step)).unwrap();
        // A refused one, which must never be found.
        assert!(
            store
                .commit(vec![Change::Add(v4(900_000_000 + step, 1)), Change::Add(v4(step * BATCH, 1))])
                .is_err()
        );
        writeln!(out, "done {step}").unwrap();
    }
}

fn worker(path: &Path, first: u32, with_upkeep: bool) -> Child {
    let mut command: Command = helper("crash::work_until_killed");
    command.env("STORE", path).env("FIRST", first.to_string());
    if with_upkeep {
        command.env("UPKEEP", "");
    }
    command.stdout(Stdio::piped()).spawn().unwrap()
}

/// A number below `limit`.
fn random(limit: u64) -> u64 {
    RandomState::new().hash_one(0) % limit
}

#[test]
fn acknowledged_changes_survive_sigkill() {
    survive_sigkill(&Place::new(), false);
}

/// A killed compaction leaves the old file or the new one, a killed backup a whole file or none.
#[test]
fn a_killed_compaction_or_backup_loses_nothing() {
    let place = Place::new();
    let done = survive_sigkill(&place, true);
    let mut backups = 0;
    for entry in fs::read_dir(place.folder.path()).unwrap() {
        let path = entry.unwrap().path();
        if path.extension().unwrap() == "db" && path != place.path {
            let found = content(&open(&path).unwrap());
            assert!((0..=done).any(|steps| found == state(steps)), "{}", path.display());
            backups += 1;
        }
    }
    assert!(backups > 0, "no backup was made");
}

/// Returns how many steps were done.
fn survive_sigkill(place: &Place, with_upkeep: bool) -> u32 {
    let mut done = 0;
    let mut lengths = BTreeSet::new();
    for round in 0..20 {
        let mut child = worker(&place.path, done, with_upkeep);
        let mut lines = BufReader::new(child.stdout.take().unwrap()).lines();
        let enough = done + u32::try_from(random(200)).unwrap();
        let mut acknowledged = done;
        let note = |line: &str, acknowledged: &mut u32| {
            if let Some(step) = line.strip_prefix("done ") {
                *acknowledged = step.parse::<u32>().unwrap() + 1;
            }
        };
        while acknowledged < enough {
            note(&lines.next().expect("the worker goes on until killed").unwrap(), &mut acknowledged);
        }
        // No wait for anything: this only spreads the moments of the kills.
        std::thread::sleep(std::time::Duration::from_micros(random(3_000)));
        child.kill().unwrap();
        child.wait().unwrap();
        // What it said before it died counts.
        lines.map_while(Result::ok).for_each(|line| note(&line, &mut acknowledged));

        let found = if place.path.exists() { content(&place.open()) } else { Vec::new() };
        lengths.insert(acknowledged);
        // The step that was under way is there or not, but not half.
        let under_way = found == state(acknowledged + 1);
        assert!(
            under_way || found == state(acknowledged),
            "round {round}, {acknowledged} steps acknowledged"
        );
        done = if under_way { acknowledged + 1 } else { acknowledged };
    }
    assert!(lengths.len() > 10, "the worker hardly worked: {lengths:?}");
    done
}

#[test]
fn a_creation_that_is_killed_can_be_repeated() {
    for _ in 0..20 {
        let place = Place::new();
        let mut child = worker(&place.path, 0, false);
        let mut lines = BufReader::new(child.stdout.take().unwrap()).lines();
        // The test harness announces itself shortly before the store is created.
        while !lines.next().unwrap().unwrap().starts_with("running") {}
        std::thread::sleep(std::time::Duration::from_micros(random(5_000)));
        child.kill().unwrap();
        child.wait().unwrap();
        place.open().add(v4(800_000_000, 2)).unwrap();
    }
}
