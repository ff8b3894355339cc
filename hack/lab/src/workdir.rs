//! A folder for the files of one lab: removed at the end, and by the next run when its own was killed.

use std::fs::{self, File, OpenOptions};
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context, Result};

const PREFIX: &str = "kea-lab.";
/// Held with `flock` by the process that owns the folder: the kernel drops the lock when that process dies.
const LOCK: &str = "owner.lock";

/// When set, folders stay for a look at the logs in them.
const KEEP: &str = "KEA_LAB_KEEP";

/// A temporary folder, removed on drop unless `KEA_LAB_KEEP` is set.
#[derive(Debug)]
pub struct Workdir {
    path: PathBuf,
    _owner: File,
}

impl Workdir {
    /// Makes a folder below the system's temporary folder, and removes those of runs that died.
    ///
    /// The path is short, since those of unix sockets end at 107 bytes; the mode is 0750, since Kea 2.6.3 and
    /// later refuse a socket in a folder that is more open.
    pub fn new(name: &str) -> Result<Self> {
        let parent = std::env::temp_dir();
        sweep(&parent);
        // Under another prefix until it is locked: a sweep elsewhere must not take it for an abandoned one.
        let unlocked = tempfile::Builder::new()
            .prefix(".new-kea-lab.")
            .permissions(fs::Permissions::from_mode(0o750))
            .tempdir_in(&parent)
            .with_context(|| format!("cannot make a folder in {}", parent.display()))?;
        let owner = OpenOptions::new().create(true).append(true).open(unlocked.path().join(LOCK))?;
        owner.lock()?;

        let suffix = unlocked.path().extension().unwrap_or_default().to_string_lossy().into_owned();
        let path = parent.join(format!("{PREFIX}{name}.{suffix}"));
        fs::rename(unlocked.keep(), &path)?;
        Ok(Self { path, _owner: owner })
    }

    /// The folder.
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// A file in the folder.
    pub fn join(&self, name: impl AsRef<Path>) -> PathBuf {
        self.path().join(name)
    }
}

impl Drop for Workdir {
    fn drop(&mut self) {
        if std::env::var_os(KEEP).is_none() {
            // Best effort: the next run sweeps what stays.
            let _ = fs::remove_dir_all(&self.path);
        }
    }
}

fn sweep(parent: &Path) {
    let Ok(entries) = fs::read_dir(parent) else { return };
    for entry in entries.flatten() {
        if entry.file_name().to_string_lossy().starts_with(PREFIX) && is_abandoned(&entry.path()) {
            // Best effort: what cannot be removed belongs to another user, and is in nobody's way.
            unmount_below(&entry.path());
            let _ = fs::remove_dir_all(entry.path());
        }
    }
}

/// Takes away what a killed test had mounted in its folder.
fn unmount_below(dir: &Path) {
    let mounts = fs::read_to_string("/proc/self/mounts").unwrap_or_default();
    let places = mounts.lines().filter_map(|line| line.split(' ').nth(1)).map(Path::new);
    for place in places.filter(|place| place.starts_with(dir)) {
        let _ = Command::new("umount").arg("--lazy").arg(place).status();
    }
}

fn is_abandoned(dir: &Path) -> bool {
    File::open(dir.join(LOCK)).is_ok_and(|owner| owner.try_lock().is_ok())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn is_private_locked_and_removed() {
        let dir = Workdir::new("unit").unwrap();
        let path = dir.path().to_owned();
        assert_eq!(fs::metadata(&path).unwrap().permissions().mode() & 0o777, 0o750);
        assert!(!is_abandoned(&path));
        drop(dir);
        assert!(!path.exists());
    }

    #[test]
    fn sweeps_what_a_dead_owner_left_and_nothing_else() {
        let parent = tempfile::tempdir().unwrap();
        let abandoned = parent.path().join("kea-lab.dead.abc");
        let foreign = parent.path().join("something-else");
        for dir in [&abandoned, &foreign] {
            fs::create_dir(dir).unwrap();
            fs::write(dir.join(LOCK), "").unwrap();
        }
        let alive = parent.path().join("kea-lab.alive.abc");
        fs::create_dir(&alive).unwrap();
        let owner = File::create(alive.join(LOCK)).unwrap();
        owner.lock().unwrap();

        sweep(parent.path());
        assert!(!abandoned.exists());
        assert!(foreign.exists());
        assert!(alive.exists());
    }
}
