//! Client of Kea's control channel: transports, strict reading of replies, and the commands that the operator uses.

mod commands;
mod dialect;
mod endpoint;
mod error;
mod pages;
mod reply;
mod server;
mod text;
mod transport;
mod wire;

pub use commands::Addition;
pub use dialect::{Dialect, ReservationDialect, SubnetDialect};
pub use endpoint::{Endpoint, EndpointError};
pub use error::{ErrorClass, KeaError};
pub use pages::Listed;
pub use server::Server;
pub use transport::{Credentials, HttpSettings, SetupError, TlsSettings, Transport, open};
