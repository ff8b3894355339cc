//! Client of Kea's control channel: transports, strict reading of replies, and the commands that the operator uses.

mod client;
mod dialect;
mod endpoint;
mod error;
mod reply;
mod text;
mod transport;
mod wire;

pub use client::{Addition, Kea};
pub use dialect::{Dialect, ReservationDialect, SubnetDialect};
pub use endpoint::{Endpoint, EndpointError};
pub use error::{ErrorClass, KeaError};
pub use transport::{Credentials, HttpSettings, SetupError, TlsSettings, Transport, open};
