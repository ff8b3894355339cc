//! From a path to a store: creation, the checks before anything touches a file, and the errors with the path in them.

use std::fs::{self, File};
use std::io;
use std::path::Path;

use super::engine::{Engine, EngineError};
use super::layout::{FORMAT, Head};
use super::log;
use super::open_error::OpenError;
use super::snapshot::{self, Snapshot};
use super::twin::{self, ClaimError, folder_of, twin_of};
use super::volume::{Loaded, Volume};

/// How often a file may be replaced while it is being opened.
const OPENINGS: usize = 3;

/// Opens a store for writing, or creates it where no file is.
pub(super) fn writable(path: &Path) -> Result<(Volume, Loaded), OpenError> {
    for _ in 0..OPENINGS {
        if !exists(path)? {
            return create(path).map(|volume| (volume, Loaded::default()));
        }
        let file = File::options().read(true).write(true).open(path);
        if let Some(opened) = existing(path, file.map_err(|error| cannot_open(path, error))?)? {
            return Ok(opened);
        }
    }
    Err(OpenError::Locked(path.into()))
}

/// Whether there is a file. Anything but a file is an error; opening a pipe, say, would wait for its writer.
fn exists(path: &Path) -> Result<bool, OpenError> {
    match fs::metadata(path) {
        Ok(metadata) if metadata.is_dir() => Err(OpenError::Directory(path.into())),
        Ok(metadata) if metadata.is_file() => Ok(true),
        Ok(_) => Err(OpenError::NotAStore(path.into())),
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(false),
        Err(error) => Err(cannot_open(path, error)),
    }
}

/// The store in an open file. None where the path leads to another file by now: a compaction has put it there, and let go
/// of the lock of this one.
fn existing(path: &Path, file: File) -> Result<Option<(Volume, Loaded)>, OpenError> {
    refuse_empty(path, &file)?;
    let opened = Volume::open(file).map_err(|error| with_path(path, error))?;
    Ok(twin::is_at(path, opened.0.file()).then_some(opened))
}

fn refuse_empty(path: &Path, file: &File) -> Result<(), OpenError> {
    match file.metadata().map_err(|error| cannot_open(path, error))?.len() {
        0 => Err(OpenError::Empty(path.into())),
        _ => Ok(()),
    }
}

/// Makes the store under another name and moves it into place when it is whole and on disk. A creation that is
/// killed therefore leaves nothing under the path, and no damaged file there is ever taken for a new one.
fn create(path: &Path) -> Result<Volume, OpenError> {
    let folder = folder_of(path);
    if !folder.is_dir() {
        return Err(OpenError::ParentMissing(folder));
    }
    if fs::symlink_metadata(path).is_ok_and(|metadata| metadata.is_symlink()) {
        let detail =
            "it is a symbolic link to a file that does not exist: restore that file, or remove the link"
                .into();
        return Err(OpenError::Io { path: path.into(), detail });
    }
    let denied = |error: io::Error| match error.kind() {
        io::ErrorKind::PermissionDenied => {
            OpenError::CreationDenied { path: path.into(), folder: folder.clone() }
        }
        _ => cannot_open(path, error),
    };
    let twin = twin_of(path);
    // Of two creators at once, the lock on the twin lets one through; the other finds it taken, or, a moment later,
    // the file in place.
    let file = twin::claim(&twin).map_err(|error| match error {
        ClaimError::InTheWay => {
            let detail = format!("'{}' is in the way of creating it: move that away", twin.display());
            OpenError::Io { path: path.into(), detail }
        }
        ClaimError::Taken => OpenError::Locked(path.into()),
        ClaimError::Io(error) => denied(error),
    })?;
    let created = if path.exists() {
        Err(OpenError::Locked(path.into()))
    } else {
        Volume::create(file)
            .map_err(|error| with_path(path, error))
            .and_then(|volume| fs::rename(&twin, path).map(|()| volume).map_err(denied))
    };
    let volume = created.inspect_err(|_| drop(fs::remove_file(&twin)))?;
    twin::sync_folder(path).map_err(denied)?;
    Ok(volume)
}

/// What is in a store, without lock or change; `None` where there is no file yet, provided that its folder exists.
pub(super) fn read_only(path: &Path) -> Result<Option<Loaded>, OpenError> {
    if !exists(path)? {
        let folder = folder_of(path);
        return if folder.is_dir() { Ok(None) } else { Err(OpenError::ParentMissing(folder)) };
    }
    let file = File::open(path).map_err(|error| cannot_open(path, error))?;
    refuse_empty(path, &file)?;
    let read = || -> Result<Option<Loaded>, EngineError> {
        let head = Head::of(&file)?;
        let Some(Snapshot { database, logs }) = snapshot::copy(&file, head)? else { return Ok(None) };
        let mut loaded = Loaded::of(&Engine::open(database)?)?;
        let scan = |log: &Vec<u8>| log::scan(log, head.salt, loaded.counters.commits);
        let [first, second, third] = &logs;
        for commit in scan(first).or_else(|_| scan(second)).or_else(|_| scan(third))?.commits {
            loaded.apply(&commit)?;
        }
        Ok(Some(loaded))
    };
    let loaded = read().map_err(|error| with_path(path, error))?;
    loaded.map(Some).ok_or_else(|| OpenError::Busy(path.into()))
}

fn cannot_open(path: &Path, error: io::Error) -> OpenError {
    let path = path.to_path_buf();
    match error.kind() {
        io::ErrorKind::IsADirectory => OpenError::Directory(path),
        io::ErrorKind::NotADirectory => OpenError::ParentMissing(folder_of(&path)),
        io::ErrorKind::PermissionDenied => OpenError::PermissionDenied(path),
        _ => with_path(&path, error.into()),
    }
}

fn with_path(path: &Path, error: EngineError) -> OpenError {
    let path = path.to_path_buf();
    match error {
        EngineError::Locked => OpenError::Locked(path),
        EngineError::NotAStore => OpenError::NotAStore(path),
        EngineError::BareDatabase => OpenError::Unreleased(path),
        EngineError::NewerFormat(found) => OpenError::NewerFormat { path, found, supported: FORMAT },
        EngineError::NoSpace(detail) => OpenError::NoSpace { path, detail },
        EngineError::Corrupt(detail) => OpenError::Corrupt { path, detail },
        EngineError::Io(error) => OpenError::Io { path, detail: error.to_string() },
    }
}
