//! What one server holds, as far as an object is concerned.

use std::collections::BTreeMap;
use std::sync::Arc;

use super::{Lease, Mac, Reservation, Subnet};

/// What a server knows of one device, in all its subnets.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Known {
    /// Its leases, valid or not.
    pub leases: Vec<Lease>,
    /// Its reservations by MAC address, at most one a subnet.
    pub reservations: Vec<Reservation>,
}

/// What one server holds of some devices, in all its subnets.
#[derive(Clone, Debug, Default)]
pub struct Holdings {
    /// All its subnets.
    pub subnets: Arc<Vec<Subnet>>,
    /// The devices.
    pub known: BTreeMap<Mac, Known>,
}

/// What one server holds, seen from an object.
#[derive(Clone, Debug)]
pub struct View {
    /// What the server is called in messages.
    pub server: String,
    /// Its subnet for the object's prefix.
    pub subnet: Subnet,
    /// The object's devices.
    pub holdings: Holdings,
}

impl Holdings {
    /// The subnet of a number; none where it is global or not configured any more.
    pub fn subnet(&self, id: u32) -> Option<&Subnet> {
        self.subnets.iter().find(|subnet| subnet.id == id)
    }
}

impl View {
    /// The leases of a device.
    pub fn leases(&self, mac: Mac) -> &[Lease] {
        self.holdings.known.get(&mac).map_or(&[], |known| &known.leases)
    }

    /// The reservation of a device in the object's subnet.
    pub fn reservation(&self, mac: Mac) -> Option<&Reservation> {
        let known = self.holdings.known.get(&mac)?;
        known.reservations.iter().find(|found| found.subnet_id == self.subnet.id)
    }
}
