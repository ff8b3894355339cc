//! The subnets that a server has: where a reservation without one belongs, and whether one with it can be.

use std::net::IpAddr;

use dhcp_host_cmds_rs::store::{Family, Ipv6Resource, Reservation};
use ipnet::IpNet;

/// A subnet of a configuration.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Subnet {
    /// Its DHCP.
    pub family: Family,
    /// Its id.
    pub id: u32,
    /// Its prefix.
    pub prefix: IpNet,
}

/// What a configuration says that concerns reservations.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Subnets {
    /// All subnets.
    pub all: Vec<Subnet>,
    /// What the server serves.
    pub families: Vec<Family>,
    /// `ip-reservations-unique`.
    pub addresses_unique: bool,
}

impl Default for Subnets {
    fn default() -> Self {
        Self { all: Vec::new(), families: Vec::new(), addresses_unique: true }
    }
}

impl Subnets {
    /// The id of the subnet that an address belongs to.
    pub fn find(&self, address: IpAddr) -> Option<u32> {
        self.all.iter().find(|subnet| subnet.prefix.contains(&address)).map(|subnet| subnet.id)
    }

    /// Refuses a reservation that the server would refuse: in a subnet that it lacks, or with an address beyond it.
    pub fn check(&self, family: Family, id: u32, reservation: &Reservation) -> Result<(), String> {
        if !self.families.contains(&family) {
            return Err(format!("the configuration is not for {family}"));
        }
        if id == 0 {
            return Ok(());
        }
        let subnet = self.all.iter().find(|subnet| subnet.family == family && subnet.id == id);
        let missing = || format!("the configuration has no {family} subnet with the id {id}");
        subnet.ok_or_else(missing)?.check(reservation)
    }
}

impl Subnet {
    /// Refuses a reservation with an address beyond this subnet, as the server would. Prefixes may be from anywhere.
    pub fn check(&self, reservation: &Reservation) -> Result<(), String> {
        let Self { id, prefix, .. } = self;
        let v4 = reservation.ipv4.map(IpAddr::V4);
        let v6 = reservation.ipv6.iter().filter_map(|resource| match resource {
            Ipv6Resource::Address(address) => Some(IpAddr::V6(*address)),
            Ipv6Resource::Prefix(..) => None,
        });
        match v4.into_iter().chain(v6).find(|address| !prefix.contains(address)) {
            Some(address) => Err(format!("the address {address} is not in the subnet {prefix} (id {id})")),
            None => Ok(()),
        }
    }
}
