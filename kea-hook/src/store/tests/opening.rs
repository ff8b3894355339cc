//! Files that do not open, and why; files that do after all.

use std::fs::{self, Permissions};
use std::io;
use std::os::unix::fs::{PermissionsExt, symlink};
use std::os::unix::process::CommandExt;
use std::path::Path;

use redb::Database;

use super::support::{Place, content, helper, open, open_read_only, refusal, v4, with_body, with_small_logs};
use crate::store::{Change, Health, OpenError, Reservation};

/// A store that was closed cleanly, and what it holds.
fn filled(place: &Place) -> Vec<Reservation> {
    let store = place.open();
    let changes = (0..300).map(|device| Change::Add(v4(device, device % 3)));
    store.commit(changes.collect()).unwrap();
    for device in 0..20 {
        store.update(with_body(v4(device, device % 3), "{}")).unwrap();
    }
    content(&store)
}

#[test]
fn a_new_store_is_private_and_leaves_no_twin() {
    let place = Place::new();
    let status = place.open().status();
    assert_eq!((status.reservations, status.format), (0, 1));
    assert!(matches!(status.health, Health::Healthy));
    assert_eq!(fs::metadata(&place.path).unwrap().permissions().mode() & 0o777 & !0o640, 0);
    let names: Vec<_> =
        fs::read_dir(place.folder.path()).unwrap().map(|entry| entry.unwrap().file_name()).collect();
    assert_eq!(names, ["hosts.db"]);
}

#[test]
fn what_a_killed_creation_left_is_no_obstacle() {
    let place = Place::new();
    place.open();
    let whole = fs::read(&place.path).unwrap();
    for length in [0, 9, 400, whole.len() / 2, whole.len()] {
        fs::remove_file(&place.path).unwrap();
        fs::write(place.folder.path().join("hosts.db.new"), &whole[..length]).unwrap();
        assert_eq!(place.open().status().reservations, 0);
        assert_eq!(fs::read_dir(place.folder.path()).unwrap().count(), 1);
    }
}

#[test]
fn of_many_creators_one_gets_the_store() {
    for _ in 0..30 {
        let place = Place::new();
        let barrier = std::sync::Barrier::new(6);
        let attempt = || {
            barrier.wait();
            let opened = open(&place.path);
            barrier.wait();
            opened.map(|store| store.add(v4(1, 1)).unwrap())
        };
        let results: Vec<_> = std::thread::scope(|scope| {
            let threads: Vec<_> = (0..6).map(|_| scope.spawn(attempt)).collect();
            threads.into_iter().map(|thread| thread.join().unwrap()).collect()
        });
        assert_eq!(results.iter().filter(|result| result.is_ok()).count(), 1);
        assert!(
            results
                .iter()
                .filter_map(|result| result.as_ref().err())
                .all(|e| matches!(e, OpenError::Locked(_)))
        );
        assert_eq!(content(&place.open()), [v4(1, 1)]);
        assert_eq!(fs::read_dir(place.folder.path()).unwrap().count(), 1);
    }
}

#[test]
fn wrong_paths_are_named() {
    let place = Place::new();
    assert!(matches!(refusal(place.folder.path()), OpenError::Directory(_)));
    let orphan = place.folder.path().join("missing/hosts.db");
    assert!(matches!(refusal(&orphan), OpenError::ParentMissing(folder) if folder.ends_with("missing")));
    assert!(matches!(open_read_only(&orphan).err(), Some(OpenError::ParentMissing(_))));
    place.open();
    assert!(matches!(refusal(&place.path.join("hosts.db")), OpenError::ParentMissing(_)));
    let link = place.folder.path().join("link.db");
    symlink(place.folder.path().join("nowhere.db"), &link).unwrap();
    assert!(refusal(&link).to_string().contains("symbolic link to a file that does not exist"));
    assert!(matches!(refusal(Path::new("/dev/null")), OpenError::NotAStore(_)));
    assert!(matches!(open_read_only(Path::new("/dev/null")).err(), Some(OpenError::NotAStore(_))));
}

#[test]
fn other_files_are_left_alone() {
    let place = Place::new();
    for bytes in [b"x".as_slice(), b"{\"Dhcp4\":{}}", &[0; 8192], b"redb\x1a\x0a"] {
        fs::write(&place.path, bytes).unwrap();
        assert!(matches!(place.refusal(), OpenError::NotAStore(_)));
        assert_eq!(fs::read(&place.path).unwrap(), bytes);
    }
    fs::write(&place.path, b"").unwrap();
    assert!(matches!(place.refusal(), OpenError::Empty(_)));
    assert_eq!(fs::metadata(&place.path).unwrap().len(), 0);
}

#[test]
fn a_database_without_head_is_left_alone() {
    let place = Place::new();
    drop(Database::create(&place.path).unwrap());
    let bytes = fs::read(&place.path).unwrap();
    for error in [place.refusal(), open_read_only(&place.path).err().unwrap()] {
        assert!(matches!(error, OpenError::Unreleased(_)));
        let text = error.to_string();
        assert!(text.contains("another program") && text.contains("kea-operator export"), "{text}");
    }
    assert!(fs::read(&place.path).unwrap() == bytes);
}

#[test]
fn a_newer_format_names_both_numbers_and_survives() {
    let place = Place::new();
    filled(&place);
    let whole = fs::read(&place.path).unwrap();
    let mut newer = whole.clone();
    newer[8] = 7;
    let checksum = crc32fast::hash(&newer[..24]);
    newer[24..28].copy_from_slice(&checksum.to_le_bytes());
    fs::write(&place.path, &newer).unwrap();
    for error in [place.refusal(), open_read_only(&place.path).err().unwrap()] {
        assert!(matches!(error, OpenError::NewerFormat { found: 7, supported: 1, .. }));
        let text = error.to_string();
        assert!(
            text.contains("format 7") && text.contains("up to 1") && text.contains("upgrade the hook"),
            "{text}"
        );
    }
    assert!(fs::read(&place.path).unwrap() == newer);
    fs::write(&place.path, &whole).unwrap();
    assert_eq!(place.open().status().reservations, 300);
}

#[test]
fn a_second_opening_is_refused_and_a_read_only_one_is_not() {
    let place = Place::new();
    let store = place.open();
    store.add(v4(1, 1)).unwrap();
    let error = place.refusal();
    assert!(matches!(error, OpenError::Locked(_)));
    assert!(error.to_string().contains("open already"));

    // Beside the writer, whose file is unclean while it is open.
    let bytes = fs::read(&place.path).unwrap();
    let check = open_read_only(&place.path).unwrap();
    assert_eq!(content(&check), [v4(1, 1)]);
    assert!(matches!(check.status().health, Health::ReadOnly));
    assert!(fs::read(&place.path).unwrap() == bytes, "a read-only open changed the file");
    store.add(v4(2, 1)).unwrap();
    assert_eq!(content(&check), [v4(1, 1)]);
    drop(store);
    assert_eq!(content(&place.open()).len(), 2);
}

#[test]
fn reading_beside_a_busy_writer_sees_whole_commits() {
    let place = Place::new();
    let store = place.open();
    let stop = std::sync::atomic::AtomicBool::new(false);
    std::thread::scope(|scope| {
        scope.spawn(|| {
            let mut round = 0;
            while !stop.load(std::sync::atomic::Ordering::Relaxed) {
                let pair = [v4(2 * round, 1), v4(2 * round + 1, 1)];
                store.commit(pair.into_iter().map(Change::Add).collect()).unwrap();
                round += 1;
            }
        });
        let mut seen = 0;
        for _ in 0..30 {
            match open_read_only(&place.path) {
                Ok(check) => {
                    let count = content(&check).len();
                    assert!(count.is_multiple_of(2) && count >= seen, "{count} after {seen}");
                    seen = count;
                }
                Err(error) => assert!(matches!(error, OpenError::Busy(_)), "{error}"),
            }
        }
        stop.store(true, std::sync::atomic::Ordering::Relaxed);
    });
}

#[test]
fn a_read_only_open_creates_nothing() {
    let place = Place::new();
    assert_eq!(open_read_only(&place.path).unwrap().status().reservations, 0);
    assert_eq!(fs::read_dir(place.folder.path()).unwrap().count(), 0);
}

#[test]
fn a_truncated_file_does_not_open_as_less() {
    let place = Place::new();
    filled(&place);
    let whole = fs::read(&place.path).unwrap();
    let lengths = [1, 8, 9, 100, 320, 4096, 8192, whole.len() / 2, whole.len() - 4096, whole.len() - 1];
    for length in lengths {
        fs::write(&place.path, &whole[..length]).unwrap();
        let error = place.refusal();
        let expected =
            matches!(error, OpenError::Corrupt { .. } | OpenError::NotAStore(_) | OpenError::Io { .. });
        assert!(expected, "{length}: {error}");
    }
    fs::write(&place.path, &whole).unwrap();
    assert_eq!(place.open().status().reservations, 300);
}

#[test]
fn damage_is_an_error_or_harmless_but_never_other_content() {
    const LOG: u32 = 4096;
    const FRONT: usize = 4096 + LOG as usize;
    with_small_logs(LOG);
    let place = Place::new();
    let expected = filled(&place);
    let whole = fs::read(&place.path).unwrap();
    let used = |position: &usize| {
        let page = position / 4096 * 4096;
        whole[page..page + 4096].iter().any(|byte| *byte != 0)
    };
    let mut refused = 0;
    let positions: Vec<_> = (0..40)
        .chain(FRONT..FRONT + 320)
        .chain((FRONT + 320..whole.len()).step_by(151).filter(used))
        .collect();
    for &position in &positions {
        let mut damaged = whole.clone();
        damaged[position] ^= 0x55;
        fs::write(&place.path, damaged).unwrap();
        let read = open_read_only(&place.path).map(|store| content(&store));
        let written = open(&place.path).map(|store| {
            let before = content(&store);
            // Damage that went unnoticed must not spread either.
            store.commit((1_000..1_040).map(|device| Change::Add(v4(device, 9))).collect()).unwrap();
            drop(store);
            let after = content(&place.open());
            assert!(after.starts_with(&before) && after.len() == before.len() + 40, "byte {position}");
            before
        });
        for opened in [read, written] {
            match opened {
                Ok(content) => assert!(content == expected, "byte {position}"),
                Err(OpenError::Corrupt { .. } | OpenError::NotAStore(_)) => refused += 1,
                Err(error) => panic!("byte {position}: {error}"),
            }
        }
    }
    assert!(refused > positions.len() / 2, "only {refused} of {} noticed", positions.len());
}

#[test]
fn permission_errors_say_whose_permission() {
    let place = Place::new();
    place.open();
    fs::set_permissions(&place.path, Permissions::from_mode(0o600)).unwrap();
    fs::set_permissions(place.folder.path(), Permissions::from_mode(0o755)).unwrap();
    let root = fs::metadata("/proc/self").is_ok_and(|me| std::os::unix::fs::MetadataExt::uid(&me) == 0);
    let mut command = helper("opening::open_and_tell");
    command.env("STORE", &place.path);
    if root {
        command.uid(65_534).gid(65_534);
    } else {
        fs::set_permissions(&place.path, Permissions::from_mode(0o0)).unwrap();
        fs::set_permissions(place.folder.path(), Permissions::from_mode(0o555)).unwrap();
    }
    let ran = command.output();
    // The folder must be removable at the end.
    fs::set_permissions(place.folder.path(), Permissions::from_mode(0o755)).unwrap();
    let output = match ran {
        Ok(output) => String::from_utf8_lossy(&output.stdout).into_owned(),
        Err(error) if error.kind() == io::ErrorKind::PermissionDenied => {
            println!("skipped: this test program cannot be run by an unprivileged user");
            return;
        }
        Err(error) => panic!("{error}"),
    };
    let expected = format!("no permission to open the reservation store '{}'", place.path.display());
    assert!(output.contains(&expected) && output.contains("chown it to that user"), "{output}");
    assert!(output.contains("no permission to create the reservation store"), "{output}");
}

#[test]
#[ignore = "helper of permission_errors_say_whose_permission"]
fn open_and_tell() {
    let Some(path) = std::env::var_os("STORE").map(std::path::PathBuf::from) else {
        return;
    };
    println!("{}", refusal(&path));
    println!("{}", refusal(&path.with_extension("other")));
}
