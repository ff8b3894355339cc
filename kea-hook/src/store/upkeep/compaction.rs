//! A compaction: the store goes on in a new file, which has no holes.
//!
//! Until the new file has the name of the old one, every change goes to the old one. It gets the name while nobody may
//! change anything, and when all of it is on disk: at any time there is a whole store under the name.

use std::fs::{self, File};
use std::os::unix::fs::{MetadataExt, fchown};
use std::path::Path;
use std::sync::PoisonError;

use super::super::twin::{self, twin_of};
use super::super::{Health, Store};
use super::copy::{Copy, Standstill};
use super::{UpkeepError, Watch};

/// Compacts a store, and returns what its new file takes of the disk.
pub fn run(store: &Store, watch: &Watch) -> Result<u64, UpkeepError> {
    let read_only = || UpkeepError::ReadOnly(store.path.clone());
    store.writer().ok_or_else(read_only)?.check_place().map_err(UpkeepError::Store)?;
    // Behind a symbolic link there is the file, not the link, to be replaced.
    let path = &store.path.canonicalize().map_err(|error| UpkeepError::io(&store.path, error))?;
    let twin = twin_of(path);
    let file = twin::claim(&twin).map_err(|error| UpkeepError::claim(path, error))?;
    let made = || -> Result<u64, UpkeepError> {
        adopt_owner(path, &file).map_err(|error| UpkeepError::io(&twin, error))?;
        let mut copy = Copy::begin(store, watch, &twin, file)?;
        copy.copy_most()?;
        let mut standstill = Standstill::of(store).ok_or_else(read_only)?;
        let rest = copy.rest(&mut standstill);
        let made = copy.finish(rest)?;
        let metadata = made.file().metadata().map_err(|error| UpkeepError::io(&twin, error))?;
        standstill.writer.check_place().map_err(UpkeepError::Store)?;
        fs::rename(&twin, path).map_err(|error| UpkeepError::io(&twin, error))?;
        let old = standstill.writer.go_on_with(made);
        let mut vitals = store.vitals.lock().unwrap_or_else(PoisonError::into_inner);
        vitals.commits = standstill.writer.commits();
        // Memory and disk agree again, whatever was wrong with the old file.
        vitals.health = Health::Healthy;
        drop(vitals);
        // Should this fail, no change is made until it is done.
        let settled = standstill.writer.check_place();
        drop(standstill);
        drop(old);
        settled.map(|()| twin::disk_bytes(&metadata)).map_err(UpkeepError::Store)
    };
    made().inspect_err(|_| drop(fs::remove_file(&twin)))
}

/// Gives the new file the mode of the old one, and where that is allowed, its owner.
fn adopt_owner(path: &Path, file: &File) -> std::io::Result<()> {
    let old = fs::metadata(path)?;
    // A server that is not root makes files of its own, which is what it needs.
    let _ = fchown(file, Some(old.uid()), Some(old.gid()));
    file.set_permissions(old.permissions())
}
