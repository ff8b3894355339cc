//! Why the store refuses something. Texts name the cause and what to do, and go to clients as they are.

use std::convert::Infallible;
use std::path::PathBuf;

use super::invalid::InvalidReservation;
use super::plan::Refusal;
use crate::unique::Conflict;

/// Why a change was not made. After any of these, the store is as it was before.
#[derive(Debug, thiserror::Error)]
pub enum StoreError {
    /// The reservation makes no sense by itself.
    #[error(transparent)]
    Invalid(#[from] InvalidReservation),
    /// Another reservation has the identifier or the address.
    #[error(transparent)]
    Conflict(Box<Conflict>),
    /// An update of a reservation that does not exist. The text is that of Kea's host_cmds hook.
    #[error("Host not updated (not found).")]
    NotFound,
    /// A change to a store that was opened for reading.
    #[error("the reservation store '{}' was opened read-only", .0.display())]
    ReadOnly(PathBuf),
    /// The change did not reach the disk.
    #[error(transparent)]
    Write(#[from] WriteError),
}

/// Why a change did not reach the disk. The store keeps answering lookups, and tries again with the next change:
/// once the cause is gone, nothing needs to be restarted.
#[derive(Debug, Clone, thiserror::Error)]
pub enum WriteError {
    /// The disk, the quota or the file size limit is exhausted.
    #[error(
        "no space left to write the reservation store '{}' ({detail}); nothing was changed: make room on that file \
         system, then repeat the command",
        .path.display()
    )]
    NoSpace {
        /// The store file.
        path: PathBuf,
        /// The system's words.
        detail: String,
    },
    /// Any other failure of the disk or of the file system.
    #[error(
        "cannot write the reservation store '{}': {detail}; nothing was changed: check the disk and the mount \
         (read-only after an error?), then repeat the command",
        .path.display()
    )]
    Io {
        /// The store file.
        path: PathBuf,
        /// The system's words.
        detail: String,
    },
    /// The file was moved or removed, or another one was put in its place.
    #[error(
        "the reservation store '{}' was moved, removed or replaced while in use; nothing was changed, reservations are \
         still served from memory: put the file back, or save them with ext-store-backup and restart the server with that \
         file",
        .0.display()
    )]
    Replaced(PathBuf),
    /// The file no longer holds what this process wrote to it.
    #[error(
        "the reservation store '{}' was damaged while in use: {detail}; nothing was changed, reservations are still \
         served from memory: save them with ext-store-backup, check the disk, and write the file anew with \
         ext-store-compact",
        .path.display()
    )]
    Damaged {
        /// The store file.
        path: PathBuf,
        /// What is wrong with it.
        detail: String,
    },
}

impl From<Refusal<Infallible>> for StoreError {
    fn from(refusal: Refusal<Infallible>) -> Self {
        match refusal {
            Refusal::Invalid(invalid) => Self::Invalid(invalid),
            Refusal::Conflict(conflict) => Self::Conflict(conflict),
            Refusal::NotFound => Self::NotFound,
            Refusal::Base(never) => match never {},
        }
    }
}
