//! Client of Kea's control channel: transports, strict reading of replies, and the commands that the operator uses.

mod commands;
mod dialect;
mod endpoint;
mod error;
mod fleet;
mod joiner;
mod reply;
mod server;
mod text;
mod transport;
mod wire;

pub use commands::{Change, Changed};
pub use dialect::{Dialect, ReservationDialect, SubnetDialect};
pub use endpoint::{Endpoint, EndpointError};
pub use error::{ErrorClass, KeaError};
pub use fleet::{Fleet, Member, Standing};
pub use server::Server;
pub use transport::{Credentials, HttpSettings, SetupError, TlsSettings, Transport, open};
