//! What `kea-operator doctor` looks for: settings of Kea, and of the cluster, with which the operator cannot do its
//! work, or with which a reservation does not have the effect that one expects.
//!
//! [`ask`] reads what a server says of itself, [`cluster`] what a cluster has, [`checks`] judge it without I/O, and a
//! [`Finding`] says what is so, why it matters, and what to do about it.

pub mod ask;
pub mod checks;
pub mod cluster;
mod config;
mod finding;

pub use ask::Facts;
pub use finding::{Check, Finding, Severity};
