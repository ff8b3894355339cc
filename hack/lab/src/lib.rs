//! Real parts in network namespaces, for the integration tests and the demo: Kea daemons, DHCP clients on
//! cables of their own, SQL servers, and what keeps them in order. Linux, root.
//!
//! Nothing outlives its owner: every child process is killed by the kernel when the process that started it
//! dies, and a namespace is gone with the last process in it, so that even SIGKILL leaves no more than a
//! temporary folder, which the next run removes.

pub mod agent;
pub mod apiserver;
pub mod clock;
mod config;
pub mod control;
pub mod device;
pub mod dhcp;
pub mod dhcp6;
mod family;
mod http;
pub mod kea;
pub mod lab;
pub mod load;
pub mod namespace;
mod other;
pub mod places;
pub mod process;
pub mod proxy;
pub mod relay;
pub mod sql;
mod switch;
pub mod wait;
pub mod workdir;

pub use agent::ControlAgent;
pub use clock::Clock;
pub use control::{ControlSocket, Reply};
pub use device::Device;
pub use dhcp::{DhcpLease, DhcpRequest};
pub use dhcp6::{Dhcp6Lease, Dhcp6Request};
pub use family::Family;
pub use http::HttpConnection;
pub use kea::{Kea, KeaBuilder};
pub use lab::{Interface4, Lab, SERVER_ADDRESS6, SERVER_INTERFACE};
pub use load::{Load, LoadReport};
pub use namespace::Namespace;
pub use other::start_failure_of;
pub use places::{KeaInstallation, hook_path, operator_path};
pub use process::Process;
pub use proxy::Proxy;
pub use relay::{RELAY_INTERFACE, Relay};
pub use sql::{Database, SqlKind, SqlServer};
pub use wait::{interrupt, is_interrupted, try_wait_for, wait_for};
pub use workdir::Workdir;
