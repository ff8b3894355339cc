//! The server that the hook is in: its subnets, its reservations, its log.

use cxx::{CxxVector, UniquePtr};

use crate::bridge::ffi;
use crate::element::{Element, KeaError};
use crate::host::IdentifierType;

pub use ffi::{Message, Subnet, Target};

/// Writes a line to the server's log. Never fails.
pub fn log(message: Message, text: &str) {
    ffi::log(message, text);
}

/// Kea's version, such as `2.2.0`.
pub fn kea_version() -> Result<String, KeaError> {
    Ok(ffi::kea_version()?)
}

/// The daemon's name, such as `kea-dhcp4`.
pub fn process_name() -> Result<String, KeaError> {
    Ok(ffi::process_name()?)
}

/// The configured DHCPv4 subnets.
pub fn subnets4() -> Result<Vec<Subnet>, KeaError> {
    Ok(ffi::subnets4()?)
}

/// The DHCPv4 subnet of that id.
pub fn subnet4(id: u32) -> Result<Option<Subnet>, KeaError> {
    let mut found = Subnet::default();
    Ok(ffi::subnet4_by_id(id, &mut found)?.then_some(found))
}

/// Whether the subnet exists and the address belongs to its prefix.
pub fn subnet4_contains(id: u32, address: &str) -> Result<bool, KeaError> {
    Ok(ffi::subnet4_contains(id, address)?)
}

/// The IPv4 address in Kea's own form. An error where it is none.
pub fn canonical_address4(address: &str) -> Result<String, KeaError> {
    Ok(ffi::canonical_address4(address)?)
}

/// Bytes of an identifier given as `aa:bb`, `aabb` or `'text'`.
pub fn parse_identifier(text: &[u8]) -> Result<Vec<u8>, KeaError> {
    Ok(ffi::parse_identifier(text)?)
}

/// The identifier type of that name.
pub fn identifier_type(name: &str) -> Result<IdentifierType, KeaError> {
    let number = ffi::identifier_type(name)?;
    IdentifierType::try_from(number).map_err(|unknown| KeaError(unknown.to_string()))
}

/// A reservation as Kea's packet processing sees it.
pub struct Host(UniquePtr<ffi::Host>);

impl Host {
    /// Reads a reservation with Kea's own parser. `subnet-id` must not be a member.
    pub fn parse4(subnet: u32, reservation: &Element) -> Result<Self, KeaError> {
        Ok(Self(ffi::parse_reservation4(subnet, reservation.shim())?))
    }

    /// The reserved IPv4 address.
    pub fn address4(&self) -> Result<Option<String>, KeaError> {
        Ok(Some(self.0.address4()?).filter(|address| address != "0.0.0.0"))
    }

    /// Adds it to every configured host database, in their order.
    pub fn add(&self) -> Result<(), KeaError> {
        Ok(ffi::add_host(&self.0)?)
    }
}

/// What names one reservation of a subnet.
pub enum HostKey {
    /// The reserved address.
    Address(String),
    /// Type and value of the client's identifier.
    Identifier(IdentifierType, Vec<u8>),
}

/// The reservation in JSON as `reservation-get` shows it.
pub fn find_host4(target: Target, subnet: u32, key: &HostKey) -> Result<Option<Element>, KeaError> {
    let hosts = match key {
        HostKey::Address(address) => ffi::host4_by_address(target, subnet, address)?,
        HostKey::Identifier(kind, value) => ffi::host4_by_identifier(target, subnet, *kind as u8, value)?,
    };
    hosts.iter().next().map(|host| Element::from_shim(host.element()?)).transpose()
}

/// Removes a reservation from the host databases; false where there was none.
pub fn delete_host4(subnet: u32, key: &HostKey) -> Result<bool, KeaError> {
    Ok(match key {
        HostKey::Address(address) => ffi::delete_host4_by_address(subnet, address)?,
        HostKey::Identifier(kind, value) => ffi::delete_host4_by_identifier(subnet, *kind as u8, value)?,
    })
}

/// What several reservations may have in common.
pub enum HostFilter<'a> {
    /// Their subnet.
    Subnet(u32),
    /// Their identifier, in any subnet.
    Identifier(IdentifierType, &'a [u8]),
    /// Their hostname in any case, in any subnet or in one.
    Hostname(&'a str, Option<u32>),
    /// Their address, in any subnet or in one.
    Address(&'a str, Option<u32>),
}

/// The reservations in JSON as `reservation-get` shows them, in the order of the sources.
pub fn find_hosts4(target: Target, filter: &HostFilter<'_>) -> Result<Vec<Element>, KeaError> {
    let of = |subnet: &Option<u32>| (subnet.is_some(), subnet.unwrap_or_default());
    let hosts = match filter {
        HostFilter::Subnet(subnet) => ffi::hosts4_of_subnet(target, *subnet)?,
        HostFilter::Identifier(kind, value) => ffi::hosts4_by_identifier(target, *kind as u8, value)?,
        HostFilter::Hostname(name, subnet) => {
            ffi::hosts4_by_hostname(target, of(subnet).0, of(subnet).1, name.as_bytes())?
        }
        HostFilter::Address(address, subnet) => {
            ffi::hosts4_by_address(target, of(subnet).0, of(subnet).1, address)?
        }
    };
    hosts.iter().map(|host| Element::from_shim(host.element()?)).collect()
}

/// Reservations of one source.
pub struct Page {
    hosts: UniquePtr<CxxVector<ffi::Host>>,
    /// Which source they are of: 0 is the configuration, the databases follow.
    pub source: usize,
}

impl Page {
    /// Id of the last one, from which the next page goes on.
    pub fn last_id(&self) -> Option<u64> {
        self.hosts.iter().last().map(ffi::Host::id)
    }

    /// The reservations as `reservation-get` shows them, with the subnet of each.
    pub fn hosts(&self) -> impl Iterator<Item = Result<(u32, Element), KeaError>> {
        self.hosts.iter().map(|host| Ok((host.subnet4(), Element::from_shim(host.element()?)?)))
    }
}

/// Reservations with ids above `after` from `source` or, where that has no more, from the next one.
pub fn host4_page(
    subnet: Option<u32>,
    mut source: usize,
    after: u64,
    limit: usize,
) -> Result<Page, KeaError> {
    let hosts = ffi::host4_page(subnet.is_some(), subnet.unwrap_or_default(), &mut source, after, limit)?;
    Ok(Page { hosts, source })
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

/// What is wrong with the host databases; with `of_lookups`, only what makes lookups incomplete.
pub fn database_problems(of_lookups: bool) -> Result<Vec<String>, KeaError> {
    Ok(ffi::database_problems(of_lookups)?)
}
