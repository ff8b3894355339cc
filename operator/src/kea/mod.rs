//! Client of Kea's control channel: transports, strict reading of replies, and the commands that the operator uses.

mod breaker;
mod commands;
mod dialect;
mod endpoint;
mod error;
mod fleet;
mod health;
mod joiner;
mod limits;
mod pages;
mod reply;
mod server;
mod sharing;
mod state;
mod text;
mod transport;
mod wire;
mod wire_options;

pub use breaker::Circuit;
pub use commands::{Availability, Bookmark, Change, Changed, Happening, Life, News, What};
pub use dialect::{Dialect, ReservationDialect, SubnetDialect};
pub use endpoint::{Endpoint, EndpointError};
pub use error::{ErrorClass, KeaError};
pub use fleet::{Fleet, Member, Standing};
pub use health::watch_over;
pub use joiner::Presence;
pub use limits::{Limits, Repeat};
pub use pages::Listed;
pub use server::Server;
pub use sharing::{SharedDatabase, Sharing, databases_of};
pub use state::{Reach, ServerState};
pub use transport::{
    Credentials, Glance, HttpSettings, SecretKeys, SecretReceiver, SetupError, Text, TlsSecret, TlsSettings,
    Transport, glance, open,
};
