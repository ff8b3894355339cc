//! Leases of clients, as Kea's lease database has them.
//!
//! Kea finds them by hardware address and client identifier in DHCPv4, and by DUID in DHCPv6; by any other identifier
//! there are none.

use cxx::UniquePtr;

use crate::bridge::ffi;
use crate::element::{Element, KeaError};
use crate::host::{Family, IdentifierType, Ipv6Resource, Reservation};

/// Collects what there is of clients: an answer for each, in the order of the questions. Kea's half makes the answers,
/// because there are many.
pub struct Resolver {
    family: Family,
    made: UniquePtr<ffi::Resolver>,
}

impl Resolver {
    /// No answers yet.
    pub fn new(family: Family) -> Result<Self, KeaError> {
        Ok(Self { family, made: ffi::resolver(family.number())? })
    }

    /// Begins an answer with the valid leases of a client, only those in `subnet` where one is given.
    pub fn open(
        &mut self,
        kind: IdentifierType,
        identifier: &[u8],
        subnet: Option<u32>,
    ) -> Result<(), KeaError> {
        let (has_subnet, id) = (subnet.is_some(), subnet.unwrap_or_default());
        Ok(self.made.pin_mut().open(kind as u8, identifier, has_subnet, id)?)
    }

    /// Adds a reservation to the answer: its subnet, addresses and hostname, and whose it is. `source` is the name of
    /// where it is, in a JSON string.
    pub fn reserve(
        &mut self,
        reservation: &Reservation,
        owner: Option<&[u8]>,
        source: &Element,
    ) -> Result<(), KeaError> {
        let reserved = ffi::Reserved {
            subnet: reservation.subnet(self.family).unwrap_or_default(),
            ipv4: reservation.ipv4.map_or(0, u32::from),
            resources: reservation.ipv6.iter().map(from_resource).collect(),
            hostname: &reservation.hostname,
            owner: owner.unwrap_or_default(),
        };
        Ok(self.made.pin_mut().reserve(&reserved, source.shim())?)
    }

    /// Ends the answer.
    pub fn close(&mut self) -> Result<(), KeaError> {
        Ok(self.made.pin_mut().close()?)
    }

    /// Tells why there is no answer, in place of what was begun.
    pub fn refuse(&mut self, reason: &str) -> Result<(), KeaError> {
        Ok(self.made.pin_mut().refuse(reason)?)
    }

    /// How many leases there are in the answers.
    pub fn leases(&self) -> usize {
        self.made.leases()
    }

    /// How many reservations there are in the answers.
    pub fn reservations(&self) -> usize {
        self.made.reservations()
    }

    /// The answers so far, in a list.
    pub fn answers(&self) -> Result<Element, KeaError> {
        Element::from_shim(self.made.answers()?)
    }
}

fn from_resource(resource: &Ipv6Resource) -> ffi::Resource {
    let (address, prefix_length, is_prefix) = match resource {
        Ipv6Resource::Address(address) => (address, 128, false),
        Ipv6Resource::Prefix(prefix, length) => (prefix, *length, true),
    };
    ffi::Resource { address: address.octets(), prefix_length, is_prefix }
}
