//! Files that get their name when they are whole: until then they are under another one, with `.new` at its end.

use std::fs::{self, File, Metadata, TryLockError};
use std::io;
use std::os::fd::AsFd;
use std::os::unix::fs::{FileExt, MetadataExt, OpenOptionsExt};
use std::path::{Path, PathBuf};

use rustix::fs::{AtFlags, CWD, RenameFlags, StatxFlags, renameat_with, statx};
use rustix::io::Errno;

use super::layout::MAGIC;

/// Owner writes, group reads: reservations name people's devices.
const MODE: u32 = 0o640;

/// Why a twin cannot be had.
#[derive(Debug)]
pub enum ClaimError {
    /// Something else has its name.
    InTheWay,
    /// Another process or thread is at work on it.
    Taken,
    Io(io::Error),
}

/// The name of a file that is being made for a path.
pub fn twin_of(path: &Path) -> PathBuf {
    let mut name = path.as_os_str().to_owned();
    name.push(".new");
    name.into()
}

pub fn folder_of(path: &Path) -> PathBuf {
    match path.parent() {
        Some(folder) if !folder.as_os_str().is_empty() => folder.into(),
        _ => PathBuf::from("."),
    }
}

/// A twin, open and locked, with whatever a killed maker has left in it.
pub fn claim(twin: &Path) -> Result<File, ClaimError> {
    if !is_free(twin) {
        return Err(ClaimError::InTheWay);
    }
    let mut options = File::options();
    options.read(true).write(true).create(true).truncate(false).mode(MODE);
    let file = options.open(twin).map_err(ClaimError::Io)?;
    match file.try_lock() {
        Ok(()) if is_at(twin, &file) => Ok(file),
        // Its maker has just finished with it.
        Ok(()) | Err(TryLockError::WouldBlock) => Err(ClaimError::Taken),
        Err(TryLockError::Error(error)) => Err(ClaimError::Io(error)),
    }
}

/// What a killed maker left may be overwritten; nothing else.
fn is_free(twin: &Path) -> bool {
    let Ok(metadata) = fs::symlink_metadata(twin) else { return true };
    let mut start = [0; MAGIC.len()];
    metadata.is_file()
        && match File::open(twin).and_then(|file| file.read_exact_at(&mut start, 0)) {
            Ok(()) => start == *MAGIC || start == [0; MAGIC.len()],
            Err(_) => metadata.len() == 0,
        }
}

/// Gives a twin its name, unless something has that name.
pub fn rename_without_replacing(twin: &Path, path: &Path) -> io::Result<()> {
    match renameat_with(CWD, twin, CWD, path, RenameFlags::NOREPLACE) {
        // Some file systems (NFS) cannot, but all of these refuse a second file of a name.
        Err(Errno::INVAL | Errno::NOSYS) => fs::hard_link(twin, path).and_then(|()| fs::remove_file(twin)),
        renamed => Ok(renamed?),
    }
}

/// Makes the name of a file last.
pub fn sync_folder(path: &Path) -> io::Result<()> {
    File::open(folder_of(path))?.sync_all()
}

/// What a file takes of the disk, in bytes. That is less than its length, as redb makes room ahead without filling it.
pub fn disk_bytes(metadata: &Metadata) -> u64 {
    metadata.blocks() * 512
}

/// Whether a path leads to an open file.
pub fn is_at(path: &Path, file: &File) -> bool {
    match (place(CWD, path, AtFlags::empty()), place(file, Path::new(""), AtFlags::EMPTY_PATH)) {
        (Ok(there), Ok(open)) => there == open,
        // Some sandboxes do not know this call.
        (Err(Errno::NOSYS | Errno::PERM), _) => is_at_by_metadata(path, file),
        _ => false,
    }
}

fn is_at_by_metadata(path: &Path, file: &File) -> bool {
    let place = |metadata: Metadata| (metadata.dev(), metadata.ino());
    let there = fs::metadata(path).map(place).ok();
    there.is_some() && there == file.metadata().map(place).ok()
}

/// Device and number of a file. Its times are not asked for: Linux then notes the time of the next write more finely, and
/// that write takes a third longer.
fn place(folder: impl AsFd, path: &Path, flags: AtFlags) -> Result<(u32, u32, u64), Errno> {
    let found = statx(folder, path, flags, StatxFlags::INO)?;
    Ok((found.stx_dev_major, found.stx_dev_minor, found.stx_ino))
}
