//! Leases that clients may use now, as Kea's lease database has them.

use std::fmt;
use std::net::IpAddr;

#[cfg(feature = "kea")]
use crate::bridge::ffi;
#[cfg(feature = "kea")]
use crate::element::KeaError;
#[cfg(feature = "kea")]
use crate::host::{Family, Identifier};

/// A lease that is valid: neither declined nor released nor expired.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ClientLease {
    /// The subnet that it is from.
    pub subnet: u32,
    /// The address, or the prefix.
    pub address: IpAddr,
    /// The length of a delegated prefix; none for an address.
    pub prefix_length: Option<u8>,
}

/// As a reservation names it: `192.0.2.1`, `2001:db8:1::/56`.
impl fmt::Display for ClientLease {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.address.fmt(f)?;
        self.prefix_length.map_or(Ok(()), |length| write!(f, "/{length}"))
    }
}

/// The valid leases of a client in all subnets. None for identifiers by which Kea finds no leases: hardware addresses in
/// DHCPv6, circuit ids and flex-ids.
#[cfg(feature = "kea")]
pub fn of_client(family: Family, identifier: &Identifier) -> Result<Vec<ClientLease>, KeaError> {
    convert(ffi::leases_of_client(family.number(), identifier.kind as u8, &identifier.value)?)
}

/// The valid DHCPv6 leases of the client that was seen with some leases, where one of these is still of its hardware address.
/// Those that were seen tell the client's DUID, by which Kea finds all of them.
#[cfg(feature = "kea")]
pub fn of_mac(seen: &[ClientLease], mac: &[u8]) -> Result<Vec<ClientLease>, KeaError> {
    for lease in seen {
        let is_prefix = lease.prefix_length.is_some();
        let found = ffi::leases6_of_mac(is_prefix, &lease.address.to_string(), mac)?;
        if !found.is_empty() {
            return convert(found);
        }
    }
    Ok(Vec::new())
}

#[cfg(feature = "kea")]
fn convert(found: Vec<ffi::ClientLease>) -> Result<Vec<ClientLease>, KeaError> {
    let convert = |lease: ffi::ClientLease| {
        let address = lease.address.parse();
        Ok(ClientLease {
            subnet: lease.subnet,
            address: address.map_err(|_| KeaError(format!("'{}' is no address", lease.address)))?,
            prefix_length: Some(lease.prefix_length).filter(|length| *length != 0),
        })
    };
    found.into_iter().map(convert).collect()
}
