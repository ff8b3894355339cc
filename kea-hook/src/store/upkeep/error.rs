//! Why a backup or a compaction was not made. Texts name the cause and what to do, and go to clients as they are.

use std::fmt;
use std::io;
use std::path::{Path, PathBuf};

use super::super::engine::EngineError;
use super::super::error::WriteError;
use super::super::twin::{ClaimError, folder_of, twin_of};
use super::Task;

/// Why a task was not done. The store, and whatever is at the path of a backup, are as they were.
#[derive(Debug, Clone, thiserror::Error)]
pub enum UpkeepError {
    /// One task at a time.
    #[error("{0} is under way: wait for its end, which ext-status shows, then repeat the command")]
    Busy(Task),
    /// Where it would go depends on where the server was started.
    #[error(
        "'{}' is not an absolute path: write the path of a new file on the server, from '/' on, such as \
         '/var/lib/kea/backup/kea-hosts.db'",
        .0.display()
    )]
    Relative(PathBuf),
    /// It is a folder in any case.
    #[error("'{}' names no file: write the path of a new file, such as '{}'", .0.display(), .0.join("kea-hosts.db").display())]
    NoName(PathBuf),
    /// No file can have that name, or not with what is behind it until the file is whole.
    #[error(
        "'{}' with '.new' behind it, which a backup has until it is whole, cannot be the name of a file ({detail}): name \
         another file",
        .path.display()
    )]
    BadName {
        /// The file to be made.
        path: PathBuf,
        /// The system's words.
        detail: String,
    },
    /// The folder of a backup does not exist.
    #[error("the folder '{}' does not exist: create it for the user that runs the Kea server", .0.display())]
    NoFolder(PathBuf),
    /// As in `/proc`.
    #[error("the folder '{}' takes no new files: name a file in another one", .0.display())]
    NoNewFiles(PathBuf),
    /// There is something at that path.
    #[error("'{}' exists already, and a backup replaces nothing: name a new file, or move that one away", .0.display())]
    Exists(PathBuf),
    /// The store makes its own new files there.
    #[error("'{}' is a name that the reservation store itself needs: name another file", .0.display())]
    Reserved(PathBuf),
    /// This user may not make the file.
    #[error(
        "no permission to write '{}': the folder '{}' must be writable for the user that runs the Kea server, and \
         the file and its '.new' twin allowed by the server's AppArmor or SELinux profile",
        .0.display(), folder_of(.0).display()
    )]
    Denied(PathBuf),
    /// The name that the file has until it is whole is taken.
    #[error("'{}' is in the way: move that file away, then repeat the command", .0.display())]
    InTheWay(PathBuf),
    /// The disk is full.
    #[error("no space left to write '{}' ({detail}): make room on that file system, then repeat the command", .path.display())]
    NoSpace {
        /// The file to be made.
        path: PathBuf,
        /// The system's words.
        detail: String,
    },
    /// Any other failure of the disk or of the file system.
    #[error("cannot write '{}': {detail}; check the disk and the mount, then repeat the command", .path.display())]
    Io {
        /// The file to be made.
        path: PathBuf,
        /// The system's words.
        detail: String,
    },
    /// A read-only store is not compacted.
    #[error(
        "the reservation store '{}' was opened read-only, and so is not compacted: take 'readonly' out of the \
         hosts-databases entry",
        .0.display()
    )]
    ReadOnly(PathBuf),
    /// The store itself is in trouble.
    #[error(transparent)]
    Store(WriteError),
    /// The store was closed meanwhile.
    #[error("given up, because the store was closed: repeat the command when the configuration is applied")]
    GivenUp,
    /// A defect of this library.
    #[error("internal error, see the log; please report it")]
    Internal,
    /// The system has no thread to spare.
    #[error("the system refuses a thread for it ({0}): repeat the command later")]
    NoThread(String),
}

impl fmt::Display for Task {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Backup(path) => write!(f, "a backup to '{}'", path.display()),
            Self::Compaction => f.write_str("a compaction"),
        }
    }
}

impl UpkeepError {
    /// What went wrong with a file that is being made.
    pub(super) fn io(path: &Path, error: io::Error) -> Self {
        match error.kind() {
            io::ErrorKind::PermissionDenied | io::ErrorKind::ReadOnlyFilesystem => Self::Denied(path.into()),
            io::ErrorKind::NotFound if folder_of(path).is_dir() => Self::NoNewFiles(folder_of(path)),
            io::ErrorKind::NotFound | io::ErrorKind::NotADirectory => Self::NoFolder(folder_of(path)),
            // The system itself names nothing so; it is what `std` says of a zero byte.
            io::ErrorKind::InvalidInput if error.raw_os_error().is_none() => Self::bad_name(path, &error),
            io::ErrorKind::InvalidFilename => Self::bad_name(path, &error),
            io::ErrorKind::AlreadyExists => Self::Exists(path.into()),
            _ => Self::engine(path, error.into()),
        }
    }

    fn bad_name(path: &Path, error: &io::Error) -> Self {
        Self::BadName { path: path.into(), detail: error.to_string() }
    }

    /// What went wrong with the content of a file that is being made.
    pub(super) fn engine(path: &Path, error: EngineError) -> Self {
        let path = path.to_path_buf();
        match error {
            EngineError::NoSpace(detail) => Self::NoSpace { path, detail },
            EngineError::Io(error) => Self::Io { path, detail: error.to_string() },
            EngineError::Corrupt(detail) => Self::Io { path, detail },
            EngineError::Locked
            | EngineError::NotAStore
            | EngineError::BareDatabase
            | EngineError::NewerFormat(_) => {
                Self::Io { path, detail: "another process has changed it meanwhile".into() }
            }
        }
    }

    /// Why the twin of a path cannot be had.
    pub(super) fn claim(path: &Path, error: ClaimError) -> Self {
        match error {
            ClaimError::InTheWay | ClaimError::Taken => Self::InTheWay(twin_of(path)),
            ClaimError::Io(error) => Self::io(path, error),
        }
    }
}
