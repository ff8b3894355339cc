//! Why a store cannot be opened. Each case has its own way out, and the text names it.

use std::path::PathBuf;

/// Why a store cannot be opened. Whatever is in the file stays there in every case.
#[derive(Debug, thiserror::Error)]
pub enum OpenError {
    /// The path names a folder.
    #[error(
        "the reservation store '{}' is a directory: name a file in it, such as '{}'",
        .0.display(), .0.join("kea-hosts.db").display()
    )]
    Directory(PathBuf),
    /// The file exists, but not for this user.
    #[error(
        "no permission to open the reservation store '{}': it must be readable and writable for the user that runs \
         the Kea server (chown it to that user), and allowed by the server's AppArmor or SELinux profile",
        .0.display()
    )]
    PermissionDenied(PathBuf),
    /// The file does not exist, and this user may not create it.
    #[error(
        "no permission to create the reservation store '{}': the directory '{}' must be writable for the user that \
         runs the Kea server, and the file and its '.new' twin allowed by the server's AppArmor or SELinux profile",
        .path.display(), .folder.display()
    )]
    CreationDenied {
        /// The store file.
        path: PathBuf,
        /// Its folder.
        folder: PathBuf,
    },
    /// The folder of the file does not exist.
    #[error(
        "the directory '{}' of the reservation store does not exist: create it, owned by the user that runs the Kea \
         server, or correct the path",
        .0.display()
    )]
    ParentMissing(PathBuf),
    /// The store is open already.
    #[error(
        "the reservation store '{}' is open already, here or in another process: stop the other Kea server, or give \
         each server (kea-dhcp4, kea-dhcp6, another instance) a store file of its own",
        .0.display()
    )]
    Locked(PathBuf),
    /// The file is something else; its content is never overwritten.
    #[error(
        "'{}' is not a reservation store: it was left untouched; correct the path, or move that file away",
        .0.display()
    )]
    NotAStore(PathBuf),
    /// The file begins with a database, before which a store has more.
    #[error(
        "'{}' is the database of another program, or a reservation store of an unreleased version of this library: \
         correct \"name\", or bring its reservations here with 'kea-operator export' of that version and 'kea-operator \
         import' of this one, to another file; it was left untouched: move that file away",
        .0.display()
    )]
    Unreleased(PathBuf),
    /// The file has no content, which a store never has.
    #[error(
        "the reservation store '{}' is empty (0 bytes), so its content is lost or was never there: restore a backup \
         that ext-store-backup made, or remove the file to start with no reservations",
        .0.display()
    )]
    Empty(PathBuf),
    /// The file is damaged.
    #[error(
        "the reservation store '{}' is damaged: {detail}; restore a backup that ext-store-backup made, or move the file away \
         to start with no reservations",
        .path.display()
    )]
    Corrupt {
        /// The store file.
        path: PathBuf,
        /// What is wrong with it.
        detail: String,
    },
    /// A newer hook wrote the file.
    #[error(
        "the reservation store '{}' has format {found}, and this version knows formats up to {supported}: upgrade it, or \
         restore a backup made before the upgrade",
        .path.display()
    )]
    NewerFormat {
        /// The store file.
        path: PathBuf,
        /// The format of the file.
        found: u32,
        /// The newest format that is known here.
        supported: u32,
    },
    /// No room to create or to recover the file.
    #[error(
        "no space left to open the reservation store '{}' ({detail}): make room on that file system",
        .path.display()
    )]
    NoSpace {
        /// The store file.
        path: PathBuf,
        /// The system's words.
        detail: String,
    },
    /// A read-only open met so many changes that no moment of rest was found. Harmless for a configuration check.
    #[error(
        "the reservation store '{}' is being changed by a running server, no consistent view of it was found: try again",
        .0.display()
    )]
    Busy(PathBuf),
    /// Anything else that the system reports.
    #[error("cannot open the reservation store '{}': {detail}", .path.display())]
    Io {
        /// The store file.
        path: PathBuf,
        /// The system's words.
        detail: String,
    },
}
