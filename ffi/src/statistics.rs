//! The server's statistics (Kea ARM, section "Statistics in the DHCPv4 Server").

use crate::bridge::ffi;
use crate::element::KeaError;

/// Lets a statistic be there, from 0 unless it is there already. It goes on when this library is loaded again.
pub fn begin(name: &str) -> Result<(), KeaError> {
    Ok(ffi::begin_statistic(name)?)
}

/// Adds to a statistic.
pub fn count(name: &str, by: i64) -> Result<(), KeaError> {
    Ok(ffi::count(name, by)?)
}

/// Sets a statistic.
pub fn set_level(name: &str, level: i64) -> Result<(), KeaError> {
    Ok(ffi::set_level(name, level)?)
}
