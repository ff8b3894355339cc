//! Safe Rust types over ISC Kea's hook interface.
//!
//! - [`host`]: reservations and queries, as they cross the seam in both directions.
//! - [`lease`]: leases, as they cross the seam.
//! - `inward`: what Kea calls, a C ABI with a generated header (`include/keahook/abi.h`). It hands over
//!   to the [`hook::Hook`] that the hook library installed.
//! - `bridge`: what Rust calls, through `cxx`; wrapped by `element`, `hosts`, `leases`, `library`, `server`,
//!   `statistics` and `subnets`.
//!
//! The parts that need Kea exist with the feature `kea` only. Policy and the meaning of commands live in
//! the hook library, not here.

// The one crate that may: each unsafe block says why it is sound.
#![allow(unsafe_code)]

pub mod host;
pub mod lease;
pub mod source;

#[cfg(feature = "kea")]
mod bridge;
#[cfg(feature = "kea")]
pub mod element;
#[cfg(feature = "kea")]
pub mod hook;
#[cfg(feature = "kea")]
pub mod hosts;
#[cfg(feature = "kea")]
mod inward;
#[cfg(feature = "kea")]
pub mod leases;
#[cfg(feature = "kea")]
pub mod library;
#[cfg(feature = "kea")]
pub mod server;
#[cfg(feature = "kea")]
pub mod statistics;
#[cfg(feature = "kea")]
pub mod subnets;
