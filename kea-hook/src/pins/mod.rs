//! Pins: a wish becomes a reservation of the address that its client leases.
//!
//! - `registry`: which clients wait, and which of them were seen with a lease. Packet threads ask it, and wake the main
//!   thread.
//! - `sweep`: finds the wishes that are there when a configuration comes into use.
//! - `pin`: reserves the addresses, on the main thread between packets.

#[cfg(feature = "kea")]
mod pin;
pub mod registry;
#[cfg(feature = "kea")]
mod sweep;

#[cfg(feature = "kea")]
mod work;
#[cfg(feature = "kea")]
pub use work::Pins;
