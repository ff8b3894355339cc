//! From a path to an engine: creation, the checks before redb touches a file, and the errors with the path in them.

use std::fs::{self, File};
use std::io;
use std::os::unix::fs::FileExt;
use std::path::Path;

use super::engine::{Engine, EngineError, FORMAT, file_backend};
use super::open_error::OpenError;
use super::snapshot;
use super::twin::{self, ClaimError, MAGIC, folder_of, twin_of};

/// How often a file may be replaced while it is being opened.
const OPENINGS: usize = 3;

/// An open store file.
pub(super) struct Opened {
    pub engine: Engine,
    /// The same open file, from which the engine can be opened anew after a failure.
    pub file: File,
}

/// Opens a store for writing, or creates it where no file is.
pub(super) fn writable(path: &Path) -> Result<Opened, OpenError> {
    for _ in 0..OPENINGS {
        if !exists(path)? {
            return create(path);
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
fn existing(path: &Path, file: File) -> Result<Option<Opened>, OpenError> {
    preflight(path, &file)?;
    let engine = reopen(&file).map_err(|error| with_path(path, error))?;
    Ok(twin::is_at(path, &file).then_some(Opened { engine, file }))
}

/// The engine on an open store file.
pub(super) fn reopen(file: &File) -> Result<Engine, EngineError> {
    Engine::open(file_backend(file.try_clone()?)?)
}

/// Refuses what is no store before redb sees it, because redb takes an empty file for a new database.
fn preflight(path: &Path, file: &File) -> Result<(), OpenError> {
    if file.metadata().map_err(|error| cannot_open(path, error))?.len() == 0 {
        return Err(OpenError::Empty(path.into()));
    }
    let mut start = [0; MAGIC.len()];
    match file.read_exact_at(&mut start, 0) {
        Ok(()) if start == MAGIC => Ok(()),
        Err(error) if error.kind() != io::ErrorKind::UnexpectedEof => Err(cannot_open(path, error)),
        _ => Err(OpenError::NotAStore(path.into())),
    }
}

/// Makes the store under another name and moves it into place when it is whole and on disk. A creation that is
/// killed therefore leaves nothing under the path, and no damaged file there is ever taken for a new one.
fn create(path: &Path) -> Result<Opened, OpenError> {
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
        fill(&file)
            .map_err(|error| with_path(path, error))
            .and_then(|engine| fs::rename(&twin, path).map(|()| engine).map_err(denied))
    };
    let engine = created.inspect_err(|_| drop(fs::remove_file(&twin)))?;
    twin::sync_folder(path).map_err(denied)?;
    Ok(Opened { engine, file })
}

/// Makes an empty store of a file, whatever a killed creation has left in it.
pub(super) fn fill(file: &File) -> Result<Engine, EngineError> {
    file.set_len(0)?;
    Engine::create(file_backend(file.try_clone()?)?)
}

/// The engine on a copy of a store, without lock or change; `None` where there is no file yet, provided that its
/// folder exists.
pub(super) fn read_only(path: &Path) -> Result<Option<Engine>, OpenError> {
    if !exists(path)? {
        let folder = folder_of(path);
        return if folder.is_dir() { Ok(None) } else { Err(OpenError::ParentMissing(folder)) };
    }
    let file = File::open(path).map_err(|error| cannot_open(path, error))?;
    preflight(path, &file)?;
    let copy = snapshot::copy(&file).map_err(|error| cannot_open(path, error))?;
    let copy = copy.ok_or_else(|| OpenError::Busy(path.into()))?;
    Engine::open(copy).map(Some).map_err(|error| with_path(path, error))
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

pub(super) fn with_path(path: &Path, error: EngineError) -> OpenError {
    let path = path.to_path_buf();
    match error {
        EngineError::Locked => OpenError::Locked(path),
        EngineError::NotAStore => OpenError::NotAStore(path),
        EngineError::NewerFormat(found) => OpenError::NewerFormat { path, found, supported: FORMAT },
        EngineError::NoSpace(detail) => OpenError::NoSpace { path, detail },
        EngineError::Corrupt(detail) => OpenError::Corrupt { path, detail },
        EngineError::Io(error) => OpenError::Io { path, detail: error.to_string() },
    }
}
