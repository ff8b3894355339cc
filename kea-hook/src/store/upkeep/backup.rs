//! A backup: a copy of the store, whole from the moment that it has its name.

use std::fs;
use std::io;
use std::path::{Path, PathBuf};

use super::super::Store;
use super::super::twin::{self, folder_of, twin_of};
use super::copy::{Copy, Standstill};
use super::{UpkeepError, Watch};

/// Makes a backup, and returns what it takes of the disk.
pub fn run(store: &Store, path: &Path, watch: &Watch) -> Result<u64, UpkeepError> {
    let path = &check(store, path)?;
    let twin = twin_of(path);
    let file = twin::claim(&twin).map_err(|error| UpkeepError::claim(path, error))?;
    let made = || -> Result<u64, UpkeepError> {
        let mut copy = Copy::begin(store, watch, path, file)?;
        copy.copy_most()?;
        let rest = match Standstill::of(store) {
            Some(mut standstill) => copy.rest(&mut standstill),
            None => copy.rest_of_read_only(),
        };
        let mut made = copy.finish(rest)?;
        // Closing it writes as well.
        made.close().map_err(|error| UpkeepError::engine(path, error))?;
        let named = || -> io::Result<u64> {
            made.file().sync_all()?;
            let bytes = twin::disk_bytes(&made.file().metadata()?);
            twin::rename_without_replacing(&twin, path)?;
            twin::sync_folder(path)?;
            Ok(bytes)
        };
        named().map_err(|error| UpkeepError::io(path, error))
    };
    made().inspect_err(|_| drop(fs::remove_file(&twin)))
}

/// Refuses what could not become a backup, before anything is written; the path without ornaments.
fn check(store: &Store, path: &Path) -> Result<PathBuf, UpkeepError> {
    if !path.is_absolute() {
        return Err(UpkeepError::Relative(path.into()));
    }
    let name = path.file_name().ok_or_else(|| UpkeepError::NoName(path.into()))?;
    let folder = folder_of(path);
    let real_folder = folder.canonicalize().map_err(|error| UpkeepError::io(path, error))?;
    if !real_folder.is_dir() {
        return Err(UpkeepError::NoFolder(folder));
    }
    let path = folder.join(name);
    // A link that leads nowhere is something, too.
    if fs::symlink_metadata(&path).is_ok() {
        return Err(UpkeepError::Exists(path));
    }
    let store = store.path.canonicalize().unwrap_or_else(|_| store.path.clone());
    let real_path = real_folder.join(name);
    if [&real_path, &twin_of(&real_path)].iter().any(|path| **path == store || **path == twin_of(&store)) {
        return Err(UpkeepError::Reserved(path));
    }
    Ok(path)
}
