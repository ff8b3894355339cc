//! Reservations and questions about them, as they cross the seam in both directions. Kea's internal word for a
//! reservation is host.

#[cfg(feature = "kea")]
mod hex;
mod query;
mod reservation;

#[cfg(feature = "kea")]
pub(crate) use hex::decode;
pub use query::{By, Query};
#[cfg(feature = "kea")]
pub(crate) use reservation::SUBNET_UNUSED;
pub use reservation::{
    Colons, Family, Hex, HostId, Identifier, IdentifierType, Ipv6Resource, Reservation, StoredReservation,
    UnknownIdentifierType,
};
