//! Why the store refuses something. Texts name the cause and what to do, and go to clients as they are.

use std::fmt;
use std::path::PathBuf;
use std::sync::Arc;

use super::invalid::InvalidReservation;
use kea_ffi::host::{Colons, Family, Hex, Identifier, IdentifierType, StoredReservation};

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
         still served from memory: put the file back, or list them with reservation-get-page and restart the server",
        .0.display()
    )]
    Replaced(PathBuf),
    /// The file no longer holds what this process wrote to it.
    #[error(
        "the reservation store '{}' was damaged while in use: {detail}; nothing was changed, reservations are still \
         served from memory: list them with reservation-get-page, check the disk, and restart the server with a \
         restored file",
        .path.display()
    )]
    Damaged {
        /// The store file.
        path: PathBuf,
        /// What is wrong with it.
        detail: String,
    },
}

/// A reservation that is refused because another one holds what it wants.
#[derive(Debug, Clone)]
pub struct Conflict {
    /// What both want.
    pub wanted: Wanted,
    /// The family whose subnets this is about.
    pub family: Family,
    /// The subnet in that family.
    pub subnet: u32,
    /// Identifier of the refused reservation.
    pub requester: Identifier,
    /// The reservation that stays.
    pub holder: Arc<StoredReservation>,
}

/// What a [`Conflict`] is about.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Wanted {
    /// The identifier itself: the client has a reservation in that subnet already.
    Identifier,
    /// An IPv4 address.
    Ipv4(std::net::Ipv4Addr),
    /// An IPv6 address or prefix.
    Ipv6(kea_ffi::host::Ipv6Resource),
}

/// The texts are those of Kea's `CfgHosts::add`, word for word up to their unbalanced quotes, because clients of
/// the stock hook match on them; the holder is our addition.
impl fmt::Display for Conflict {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { wanted, family, subnet, requester, holder } = self;
        let hw_address = Named::of(requester, IdentifierType::HwAddress);
        let duid = Named::of(requester, IdentifierType::Duid);
        match wanted {
            Wanted::Identifier => {
                match requester.kind {
                    IdentifierType::HwAddress => {
                        write!(f, "failed to add new host using the HW address '{hw_address}'")?;
                    }
                    IdentifierType::Duid => write!(f, "failed to add new host using the DUID '{duid}'")?,
                    kind => {
                        let value = Hex(&requester.value);
                        return write!(
                            f,
                            "failed to add duplicate {family} host using identifier: {}={value}{}",
                            kind.name(),
                            HeldBy { holder, family: *family, with_address: true },
                        );
                    }
                }
                write!(f, " to the {family} subnet id '{subnet}' as this host has already been added")?;
                HeldBy { holder, family: *family, with_address: true }.fmt(f)
            }
            Wanted::Ipv4(address) => {
                write!(
                    f,
                    "failed to add new host using the HW address '{hw_address} and DUID '{duid}' to the IPv4 subnet \
                     id '{subnet}' for the address {address}: There's already a reservation for this address"
                )?;
                HeldBy { holder, family: *family, with_address: false }.fmt(f)
            }
            Wanted::Ipv6(resource) => {
                write!(
                    f,
                    "failed to add address reservation for host using the HW address '{hw_address} and DUID '{duid}' \
                     to the IPv6 subnet id '{subnet}' for address/prefix {resource}: There's already reservation for \
                     this address/prefix"
                )?;
                HeldBy { holder, family: *family, with_address: false }.fmt(f)
            }
        }
    }
}

impl std::error::Error for Conflict {}

impl From<Conflict> for StoreError {
    fn from(conflict: Conflict) -> Self {
        Self::Conflict(Box::new(conflict))
    }
}

/// An identifier where the text has a place for just one kind; Kea prints `(null)` for the other kinds.
struct Named<'a>(Option<&'a [u8]>);

impl<'a> Named<'a> {
    fn of(identifier: &'a Identifier, kind: IdentifierType) -> Self {
        Self((identifier.kind == kind).then_some(&identifier.value))
    }
}

impl fmt::Display for Named<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.0 {
            Some(value) => Colons(value).fmt(f),
            None => f.write_str("(null)"),
        }
    }
}

/// ` (reserved for hw-address=aa:bb:cc:dd:ee:01)`, or what a known client already has.
struct HeldBy<'a> {
    holder: &'a StoredReservation,
    family: Family,
    with_address: bool,
}

impl fmt::Display for HeldBy<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let reservation = &self.holder.reservation;
        if !self.with_address {
            return write!(f, " (reserved for {})", reservation.identifier);
        }
        let first = match self.family {
            Family::V4 => reservation.ipv4.map(|address| address.to_string()),
            Family::V6 => reservation.ipv6.first().map(ToString::to_string),
        };
        first.map_or(Ok(()), |address| write!(f, " (it has {address} reserved)"))
    }
}
