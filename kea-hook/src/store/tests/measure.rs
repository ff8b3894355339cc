//! Prints rates and sizes; asserts nothing about them.

use std::time::Instant;

use super::support::{Place, v4, v4_client, with_body};
use crate::store::{By, Change, Family, Query, State, Store, Task, Upkeep};

fn resident_bytes() -> usize {
    let statm = std::fs::read_to_string("/proc/self/statm").unwrap();
    statm.split(' ').nth(1).unwrap().parse::<usize>().unwrap() * 4096
}

fn add_in_batches(store: &Store, count: u32, batch: u32) {
    for start in (0..count).step_by(batch as usize) {
        let changes = (start..start + batch).map(|device| Change::Add(v4(device, device / 65_536)));
        store.commit(changes.collect()).unwrap();
    }
}

/// The worst is one that finds the log full.
fn timed(what: &str, mut change: impl FnMut(u32)) {
    let mut times: Vec<_> = (0..8_000)
        .map(|step| {
            let start = Instant::now();
            change(step);
            start.elapsed()
        })
        .collect();
    times.sort();
    let all: std::time::Duration = times.iter().sum();
    println!(
        "  one {what}: mean {:?}, median {:?}, p99 {:?}, worst {:?}",
        all / 8_000,
        times[4_000],
        times[7_920],
        &times[7_990..]
    );
}

#[test]
#[ignore = "a measurement: cargo test --release -p dhcp_host_cmds_rs measure -- --ignored --nocapture"]
fn rates_and_sizes() {
    let place = Place::new();
    let store = place.open();
    let start = Instant::now();
    for device in 0..2_000 {
        store.add(v4(10_000_000 + device, 1)).unwrap();
    }
    println!("single durable adds: {:.0}/s", 2_000.0 / start.elapsed().as_secs_f64());
    let start = Instant::now();
    for device in 0..2_000 {
        store.update(with_body(v4(10_000_000 + device, 1), "{}")).unwrap();
    }
    println!("single durable updates: {:.0}/s", 2_000.0 / start.elapsed().as_secs_f64());
    drop(store);

    for count in [100_000, 1_000_000] {
        let place = Place::new();
        let before = resident_bytes();
        let store = place.open();
        let start = Instant::now();
        add_in_batches(&store, count, 100_000);
        println!("{count} in commits of 100,000: {:?}", start.elapsed());
        let bytes = store.status().file_bytes.unwrap();
        println!("  file: {} bytes a reservation", bytes / u64::from(count));
        drop(store);
        println!("  resident after closing: {} MiB", resident_bytes() >> 20);

        let before = before.max(resident_bytes());
        let start = Instant::now();
        let store = place.open();
        println!("  opening: {:?}", start.elapsed());
        let resident = resident_bytes() - before.min(resident_bytes());
        println!(
            "  memory (above what the allocator kept): {} bytes a reservation",
            resident / count as usize
        );

        let queries: Vec<_> =
            (0..100_000).map(|step| v4(step * 7919 % count, (step * 7919 % count) / 65_536)).collect();
        let start = Instant::now();
        let found = queries.iter().filter(|wanted| store.find(&v4_client(wanted)).len() == 1).count();
        println!("  {found} lookups by identifier: {:?} each", start.elapsed() / 100_000);

        timed("add", |device| {
            store.add(v4(20_000_000 + device, 900)).unwrap();
        });
        // These are everywhere in the database.
        timed("update", |step| {
            let device = step * 7919 % count;
            store.update(with_body(v4(device, device / 65_536), "{}")).unwrap();
        });
    }
}

#[test]
#[ignore = "a measurement, in a process of its own: memory of a freshly opened store of 1,000,000"]
fn memory_of_a_million() {
    let place = Place::new();
    let store = place.open();
    add_in_batches(&store, 1_000_000, 10_000);
    drop(store);
    let output = super::support::helper("measure::open_and_tell").env("STORE", &place.path).output().unwrap();
    println!("{}", String::from_utf8_lossy(&output.stdout));
}

#[test]
#[ignore = "helper of memory_of_a_million"]
fn open_and_tell() {
    let Some(path) = std::env::var_os("STORE") else {
        return;
    };
    let before = resident_bytes();
    let start = Instant::now();
    let store = super::support::open(path.as_ref()).unwrap();
    let elapsed = start.elapsed();
    let count = store.status().reservations;
    println!("opening {count}: {elapsed:?}, {} bytes resident each", (resident_bytes() - before) / count);
}

#[test]
#[ignore = "a measurement: how long backups and compactions take, and what changes and lookups notice of them"]
fn upkeep() {
    for count in [100_000, 1_000_000] {
        let place = Place::new();
        let upkeep = Upkeep::of(place.open());
        let store = upkeep.store();
        add_in_batches(store, count, 10_000);
        store.remove(&Query::in_subnet(Family::V4, 0, By::Any)).unwrap();
        for task in [Task::Backup(place.folder.path().join("backup.db")), Task::Compaction, Task::Compaction]
        {
            upkeep.start(task, |_| {}).unwrap();
            let mut changes = Vec::new();
            let mut lookups = Vec::new();
            while upkeep.progress().is_some_and(|progress| matches!(progress.state, State::Running)) {
                let device = 30_000_000 + u32::try_from(changes.len()).unwrap();
                let start = Instant::now();
                store.add(v4(device, 900)).unwrap();
                changes.push(start.elapsed());
                let wanted = v4(device, 900);
                let start = Instant::now();
                assert_eq!(store.find(&v4_client(&wanted)).len(), 1);
                lookups.push(start.elapsed());
                store.remove(&v4_client(&wanted)).unwrap();
            }
            println!("{:?}", upkeep.progress().unwrap());
            for (what, mut times) in [("adds", changes), ("lookups", lookups)] {
                times.sort();
                let worst = times.last();
                println!("  {} {what}: median {:?}, worst {worst:?}", times.len(), times[times.len() / 2]);
            }
        }
    }
}
