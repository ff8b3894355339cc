//! A real file system without space, in a mount namespace of its own that vanishes with its process.

use std::fs;
use std::io::Write;
use std::path::{Path, PathBuf};
use std::process::Command;

use super::support::{Place, content, helper_arguments, open, v4, with_body};
use crate::store::{Health, State, StoreError, Task, Upkeep, UpkeepError, WriteError};

#[test]
fn a_full_disk_refuses_changes_and_recovers_by_itself() {
    let place = Place::new();
    let root = fs::metadata("/proc/self").is_ok_and(|me| std::os::unix::fs::MetadataExt::uid(&me) == 0);
    let output = Command::new("unshare")
        .args(if root { &["--mount"][..] } else { &["--map-root-user", "--mount"] })
        .args(["sh", "-c", r#"mount -t tmpfs -o size=8m tmpfs "$STORE" && echo mounted && exec "$0" "$@""#])
        .arg(std::env::current_exe().unwrap())
        .args(helper_arguments("full_disk::on_a_small_disk"))
        .env("STORE", place.folder.path())
        .output();
    let output = match output {
        Ok(output) if output.stdout.starts_with(b"mounted") => output,
        other => return println!("skipped: no mount namespace with a tmpfs here ({other:?})"),
    };
    let text = String::from_utf8_lossy(&output.stdout);
    assert!(
        output.status.success() && text.contains("1 passed"),
        "{text}{}",
        String::from_utf8_lossy(&output.stderr)
    );
}

/// Takes all the space that is left.
fn fill(ballast: &Path) {
    let mut file = fs::File::create(ballast).unwrap();
    while file.write_all(&[1; 4096]).is_ok() {}
    while file.write_all(&[1]).is_ok() {}
}

#[test]
#[ignore = "helper of a_full_disk_refuses_changes_and_recovers_by_itself"]
fn on_a_small_disk() {
    let Some(folder) = std::env::var_os("STORE").map(PathBuf::from) else {
        return;
    };
    let path = folder.join("hosts.db");
    let upkeep = Upkeep::of(open(&path).unwrap());
    let store = upkeep.store();
    let ballast = folder.join("ballast");
    for round in 0..5 {
        fill(&ballast);

        let mut device = round * 1_000_000;
        let error = loop {
            match store.add(with_body(v4(device, 1), &"x".repeat(30_000))) {
                Ok(_) => device += 1,
                Err(error) => break error,
            }
        };
        assert!(matches!(error, StoreError::Write(WriteError::NoSpace { .. })), "{error}");
        assert!(matches!(store.status().health, Health::Failing(_)));
        assert!(store.add(v4(device, 1)).is_err() || !matches!(store.status().health, Health::Failing(_)));
        let acknowledged = content(store);
        for task in [Task::Backup(folder.join("backup.db")), Task::Compaction] {
            let state = upkeep.run_here(task).unwrap();
            assert!(matches!(state, State::Failed(UpkeepError::NoSpace { .. })), "{state:?}");
        }

        fs::remove_file(&ballast).unwrap();
        store.add(v4(round * 1_000_000 + 500_000, 2)).unwrap();
        assert_eq!(content(store).len(), acknowledged.len() + 1);
        let copy = folder.join("copy.db");
        fs::copy(&path, &copy).unwrap();
        assert!(content(&open(&copy).unwrap()) == content(store));
        fs::remove_file(&copy).unwrap();
        println!(
            "{}",
            String::from_utf8_lossy(
                &Command::new("sh").args(["-c", "ls -ls $STORE; df -k $STORE"]).output().unwrap().stdout
            )
        );
        store.remove(&crate::store::Query::anywhere(crate::store::By::Any)).unwrap();
    }
    drop(upkeep);
    assert_eq!(open(&path).unwrap().status().reservations, 0);
}
