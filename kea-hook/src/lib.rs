//! `libdhcp_host_cmds_rs.so`: a hook library for ISC Kea that adds reservation commands, and a durable
//! host backend that needs no SQL server.
//!
//! - `abi`: the four entry points that Kea looks up by name.
//! - `lifecycle`: what loading and unloading do.
//! - `commands`: one file per family; parse, act, reply.
//! - `backend`: stands between Kea's host manager and the [`store`].
//! - [`store`]: the reservations, in memory and on disk. Plain Rust.
//! - [`apply`]: what many reservations at once, of one owner, come to.
//! - [`journal`]: what happened lately.
//! - [`unique`]: what must be unique among them.
//! - [`pins`]: how they get the addresses that their clients lease.
//! - [`owner`]: who they belong to.
//! - `marks`: how both are kept with a reservation.
//! - [`wish`]: those that wait for a lease.
//!
//! What needs Kea exists with the feature `kea` only.

pub mod apply;
pub mod journal;
mod marks;
pub mod owner;
pub mod pins;
pub mod store;
pub mod unique;
pub mod wish;

#[cfg(feature = "kea")]
mod abi;
#[cfg(feature = "kea")]
mod backend;
#[cfg(feature = "kea")]
mod commands;
#[cfg(feature = "kea")]
mod config;
#[cfg(feature = "kea")]
mod lifecycle;
#[cfg(feature = "kea")]
mod statistics;
