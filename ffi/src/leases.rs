//! Leases of clients, as Kea's lease database has them.

use cxx::UniquePtr;

use crate::bridge::ffi;
use crate::element::{Element, KeaError};
use crate::host::{Family, IdentifierType};
use crate::hosts::Target;

/// Collects what there is of clients: one answer for each identifier, in the order of the questions. An answer is made
/// by a single call into Kea's half, because there are many.
pub struct Resolver(UniquePtr<ffi::Resolver>);

impl Resolver {
    /// Looks for reservations where `target` says. `owner` is the member of a `user-context` that names an owner.
    pub fn new(family: Family, target: Target, owner: &str) -> Result<Self, KeaError> {
        Ok(Self(ffi::resolver(family.number(), target, owner)?))
    }

    /// Appends the valid leases and the reservations of an identifier, only those in `subnet` where one is given. After
    /// an error nothing was appended.
    pub fn resolve(
        &mut self,
        kind: IdentifierType,
        identifier: &[u8],
        subnet: Option<u32>,
    ) -> Result<(), KeaError> {
        let (has_subnet, id) = (subnet.is_some(), subnet.unwrap_or_default());
        Ok(self.0.pin_mut().resolve(kind as u8, identifier, has_subnet, id)?)
    }

    /// Appends the reason why there is no answer.
    pub fn refuse(&mut self, reason: &str) -> Result<(), KeaError> {
        Ok(self.0.pin_mut().refuse(reason)?)
    }

    /// How many leases there are in the answers.
    pub fn leases(&self) -> usize {
        self.0.leases()
    }

    /// How many reservations there are in the answers.
    pub fn reservations(&self) -> usize {
        self.0.reservations()
    }

    /// The answers so far, in a list.
    pub fn answers(&self) -> Result<Element, KeaError> {
        Element::from_shim(self.0.answers()?)
    }
}
