//! The server's statistics (Kea ARM, section "Statistics in the DHCPv4 Server").

use crate::bridge::ffi;
use crate::element::KeaError;

/// Adds to a statistic. It begins at 0, and goes on when this library is loaded again.
pub fn count(name: &str, by: i64) -> Result<(), KeaError> {
    Ok(ffi::count(name, by)?)
}

/// Sets a statistic.
pub fn set_level(name: &str, level: i64) -> Result<(), KeaError> {
    Ok(ffi::set_level(name, level)?)
}
