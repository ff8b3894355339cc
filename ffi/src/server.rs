//! The server that the hook is in: its subnets, its host databases, its log.

use std::net::IpAddr;

use crate::bridge::ffi;
use crate::element::KeaError;
use crate::host::Family;

pub use ffi::{Message, Subnet};

/// Writes a line to the server's log. Never fails.
pub fn log(message: Message, text: &str) {
    ffi::log(message, text);
}

/// Lets the main thread call [`crate::hook::Hook::woken`] soon, once for all calls until then. From any thread.
pub fn wake() {
    ffi::wake();
}

/// Gives the sockets of DHCP receive buffers of at least so many bytes, as far as the system allows it. Returns the
/// smallest there is then; `size` where none is smaller.
pub fn enlarge_receive_buffers(size: u32) -> Result<u32, KeaError> {
    Ok(ffi::enlarge_receive_buffers(size)?)
}

/// Lets so many packets at least wait for the threads that serve them; of more, Kea drops the oldest.
pub fn enlarge_packet_queue(packets: u32) -> Result<(), KeaError> {
    Ok(ffi::enlarge_packet_queue(packets)?)
}

/// Kea's version, such as `2.2.0`.
pub fn kea_version() -> Result<String, KeaError> {
    Ok(ffi::kea_version()?)
}

/// The daemon's name, such as `kea-dhcp4`.
pub fn process_name() -> Result<String, KeaError> {
    Ok(ffi::process_name()?)
}

/// The family that this server serves.
pub fn family() -> Result<Family, KeaError> {
    Ok(if process_name()? == "kea-dhcp6" { Family::V6 } else { Family::V4 })
}

/// The configured subnets of a family.
pub fn subnets(family: Family) -> Result<Vec<Subnet>, KeaError> {
    Ok(ffi::subnets(family.number())?)
}

/// The subnet of that id.
pub fn subnet(family: Family, id: u32) -> Result<Option<Subnet>, KeaError> {
    let mut found = Subnet::default();
    Ok(ffi::subnet_by_id(family.number(), id, &mut found)?.then_some(found))
}

/// Whether the subnet exists and the address belongs to its prefix.
pub fn subnet_contains(family: Family, id: u32, address: IpAddr) -> Result<bool, KeaError> {
    Ok(match address {
        IpAddr::V4(address) => ffi::subnet_contains(family.number(), id, &address.octets())?,
        IpAddr::V6(address) => ffi::subnet_contains(family.number(), id, &address.octets())?,
    })
}

/// Kea's `ip-reservations-unique`: whether an address may be reserved for one client only.
pub fn addresses_unique() -> Result<bool, KeaError> {
    Ok(ffi::addresses_unique()?)
}

/// Types of the configured host databases, in order.
pub fn database_types() -> Result<Vec<String>, KeaError> {
    Ok(ffi::database_types()?)
}

/// Whether any host database is configured.
pub fn database_available() -> Result<bool, KeaError> {
    Ok(ffi::database_available()?)
}

/// Throws a C++ exception inside Kea's half, for tests of the seam.
pub fn throw_exception(standard: bool) -> Result<(), KeaError> {
    Ok(ffi::throw_exception(standard)?)
}

/// Writes into memory that was given back, for the tests of the programs that look for such errors.
pub fn write_after_free() {
    ffi::write_after_free();
}

/// Writes behind the end of an array, for the same tests.
pub fn write_behind_end() {
    ffi::write_behind_end();
}

/// What is wrong with the host databases; with `of_lookups`, only what makes lookups incomplete.
pub fn database_problems(of_lookups: bool) -> Result<Vec<String>, KeaError> {
    Ok(ffi::database_problems(of_lookups)?)
}
