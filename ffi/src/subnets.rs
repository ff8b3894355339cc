//! The subnets and shared networks of a configuration, and changes to them.

use cxx::UniquePtr;

use crate::bridge::ffi;
use crate::element::{Element, KeaError};
use crate::host::Family;

pub use ffi::{Configuration, Subnet};

/// The subnets and shared networks of one family. Names and prefixes are bytes: Kea does not demand UTF-8.
#[derive(Debug, Clone, Copy)]
pub struct Subnets {
    of: Configuration,
    family: u8,
}

impl Subnets {
    /// Those in use.
    pub fn running(family: Family) -> Self {
        Self { of: Configuration::Running, family: family.number() }
    }

    /// Those of the configuration that is about to come into use, while Kea tells that it does.
    pub fn of_new_configuration(family: Family) -> Self {
        Self { of: Configuration::New, family: family.number() }
    }

    /// The subnet as `config-get` shows it, without its reservations.
    pub fn element(self, id: u32) -> Result<Option<Element>, KeaError> {
        Ok(Element::some(ffi::subnet_element(self.of, self.family, id)?))
    }

    /// The ids of all subnets.
    pub fn ids(self) -> Result<Vec<u32>, KeaError> {
        Ok(ffi::subnet_ids(self.of, self.family)?)
    }

    /// The id of the subnet that has exactly this prefix.
    pub fn by_prefix(self, prefix: &[u8]) -> Result<Option<u32>, KeaError> {
        let mut found = Subnet::default();
        let exists = ffi::subnet_by_prefix(self.of, self.family, prefix, &mut found)?;
        Ok(exists.then_some(found.id))
    }

    /// A description of a subnet as Kea writes it, without the default values. An error where Kea cannot read it.
    pub fn canonical(self, given: &Element) -> Result<Element, KeaError> {
        Element::from_shim(ffi::canonical_subnet(self.family, given.shim())?)
    }

    /// The names of the shared networks, in a list.
    pub fn network_names(self) -> Result<Element, KeaError> {
        Element::from_shim(ffi::network_names(self.of, self.family)?)
    }

    /// Whether there is a shared network of that name.
    pub fn has_network(self, name: &[u8]) -> Result<bool, KeaError> {
        Ok(ffi::has_network(self.of, self.family, name)?)
    }

    /// The shared network as `config-get` shows it, without reservations.
    pub fn network_element(self, name: &[u8]) -> Result<Option<Element>, KeaError> {
        Ok(Element::some(ffi::network_element(self.of, self.family, name)?))
    }

    /// The subnets in a shared network; none where there is no such network.
    pub fn of_network(self, name: &[u8]) -> Result<Vec<Subnet>, KeaError> {
        Ok(ffi::subnets_of_network(self.of, self.family, name)?)
    }

    /// A new subnet, completed with the global parameters and Kea's default values.
    pub fn plan_add(self, given: &Element) -> Result<Change, KeaError> {
        Ok(Change(ffi::plan_subnet_add(self.of, self.family, given.shim())?))
    }

    /// Another description of a subnet. It stays in its shared network, and keeps its reservations.
    pub fn plan_update(self, id: u32, given: &Element) -> Result<Change, KeaError> {
        Ok(Change(ffi::plan_subnet_update(self.of, self.family, id, given.shim())?))
    }

    /// Takes a subnet out, with the reservations in the server's memory.
    pub fn plan_del(self, id: u32) -> Result<Change, KeaError> {
        Ok(Change(ffi::plan_subnet_del(self.of, self.family, id)?))
    }

    /// A new shared network with the subnets in its description.
    pub fn plan_network_add(self, given: &Element) -> Result<Change, KeaError> {
        Ok(Change(ffi::plan_network_add(self.of, self.family, given.shim())?))
    }

    /// Takes a shared network out. Its subnets go too, as in [`Self::plan_del`], or stay without a network.
    pub fn plan_network_del(self, name: &[u8], with_subnets: bool) -> Result<Change, KeaError> {
        Ok(Change(ffi::plan_network_del(self.of, self.family, name, with_subnets)?))
    }

    /// Puts a subnet into a shared network.
    pub fn plan_network_subnet_add(self, name: &[u8], id: u32) -> Result<Change, KeaError> {
        Ok(Change(ffi::plan_network_subnet_add(self.of, self.family, name, id)?))
    }

    /// Takes a subnet out of its shared network.
    pub fn plan_network_subnet_del(self, name: &[u8], id: u32) -> Result<Change, KeaError> {
        Ok(Change(ffi::plan_network_subnet_del(self.of, self.family, name, id)?))
    }
}

/// A change that is possible, and not made yet. Between the two, nothing else may change the configuration.
pub struct Change(UniquePtr<ffi::SubnetChange>);

impl Change {
    /// The id of the subnet that it is about; 0 where it is about a network.
    pub fn id(&self) -> u32 {
        self.0.id()
    }

    /// The prefix of that subnet.
    pub fn prefix(&self) -> Result<String, KeaError> {
        Ok(self.0.prefix()?)
    }

    /// Makes it, while no packet is served. A failure leaves everything as it was.
    pub fn apply(self) -> Result<(), KeaError> {
        Ok(self.0.apply()?)
    }
}
