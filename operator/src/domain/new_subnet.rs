//! A subnet that Kea lacks: what it is made of, its number, and where it may not be made.

use std::net::Ipv4Addr;

use ipnet::{IpNet, Ipv4Net};

use super::Subnet;

/// Settings of subnets that the operator makes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NewSubnets {
    /// The router, where the NetworkNamespace does not name one.
    pub gateway: GatewayRule,
    /// How many addresses at the beginning stay out of the pool, that of the network among them; at least 1.
    pub skip_first: u32,
    /// How many addresses at the end stay out of the pool, that for broadcasts among them; at least 1.
    pub skip_last: u32,
    /// DNS servers; where there are none, Kea's global options count.
    pub dns: Vec<Ipv4Addr>,
    /// Classes that are evaluated for the pool, where the NetworkNamespace names none.
    pub classes: Vec<String>,
    /// Times of leases.
    pub lifetimes: Lifetimes,
}

/// Which address is the router's.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum GatewayRule {
    /// The first one.
    First,
    /// The last one.
    Last,
    /// None is told to devices.
    None,
}

/// Times of leases in seconds; where one is not set, Kea's global parameter counts.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Lifetimes {
    /// How long a lease is valid.
    pub valid: Option<u32>,
    /// When a device asks its server again.
    pub renew: Option<u32>,
    /// When it asks any server.
    pub rebind: Option<u32>,
}

impl Lifetimes {
    /// Whether those that are set follow on each other, as RFC 2131, section 4.4.5, has it.
    pub fn are_in_order(&self) -> bool {
        let set: Vec<u32> = [self.renew, self.rebind, self.valid].into_iter().flatten().collect();
        set.windows(2).all(|pair| pair[0] < pair[1])
    }
}

/// What a NetworkNamespace says about its subnet.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Request {
    /// Kubernetes namespace of the NetworkNamespace.
    pub namespace: String,
    /// Its name.
    pub name: String,
    /// The router.
    pub gateway: Option<Ipv4Addr>,
    /// Classes that are evaluated for the pool.
    pub classes: Vec<String>,
}

/// A subnet to be made. Its number depends on the servers.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NewSubnet {
    /// The prefix.
    pub prefix: Ipv4Net,
    /// The router.
    pub gateway: Option<Ipv4Addr>,
    /// Ranges that addresses are leased from, first and last.
    pub pools: Vec<(Ipv4Addr, Ipv4Addr)>,
    /// DNS servers.
    pub dns: Vec<Ipv4Addr>,
    /// Classes that are evaluated for the pools.
    pub classes: Vec<String>,
    /// Times of leases.
    pub lifetimes: Lifetimes,
    /// The NetworkNamespace that it is made for.
    pub request: Request,
}

/// Why a subnet is not made.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum NewSubnetError {
    /// Another subnet has some of its addresses.
    #[error(
        "a subnet for prefix {prefix} is not created, since it overlaps Kea subnet {subnet} of {server}; correct the \
         NetworkNamespace's prefix, or remove that subnet"
    )]
    Overlaps {
        /// The prefix.
        prefix: IpNet,
        /// The server that has the other.
        server: String,
        /// The other.
        subnet: Subnet,
    },
    /// It is there on one server, and on another its number is another subnet's.
    #[error(
        "a subnet for prefix {prefix} is not created, since Kea subnet {subnet} of {server} has the number that it has elsewhere; \
         give one of the two another number"
    )]
    NumberTaken {
        /// The prefix.
        prefix: IpNet,
        /// The server where the number is taken.
        server: String,
        /// The subnet that has it.
        subnet: Subnet,
    },
    /// No network of devices has such a prefix.
    #[error(
        "a subnet for prefix {prefix} is not created: it is no network of devices; correct the NetworkNamespace's prefix, or add \
         the subnet by hand"
    )]
    Unsuitable {
        /// The prefix.
        prefix: Ipv4Net,
    },
    /// The gateway is no address for a device there.
    #[error(
        "a subnet for prefix {prefix} is not created, since the gateway {gateway} of the NetworkNamespace is no address of a \
         device in it; correct one of the two"
    )]
    Gateway {
        /// The prefix.
        prefix: Ipv4Net,
        /// The gateway.
        gateway: Ipv4Addr,
    },
}

impl NewSubnets {
    /// The subnet that a NetworkNamespace asks for. Prefixes with less than two addresses for devices get no router, and those
    /// that are too small no pool: addresses are then reserved in it, and not leased to others.
    pub fn design(&self, prefix: Ipv4Net, request: Request) -> Result<NewSubnet, NewSubnetError> {
        let (network, broadcast) = (prefix.network(), prefix.broadcast());
        if !is_of_devices(prefix) {
            return Err(NewSubnetError::Unsuitable { prefix });
        }
        let has_devices = prefix.prefix_len() <= 30;
        let gateway = match request.gateway {
            Some(gateway)
                if !prefix.contains(&gateway) || has_devices && [network, broadcast].contains(&gateway) =>
            {
                return Err(NewSubnetError::Gateway { prefix, gateway });
            }
            Some(gateway) => Some(gateway),
            None if !has_devices => None,
            None => match self.gateway {
                GatewayRule::First => Some(Ipv4Addr::from(u32::from(network) + 1)),
                GatewayRule::Last => Some(Ipv4Addr::from(u32::from(broadcast) - 1)),
                GatewayRule::None => None,
            },
        };
        let classes = if request.classes.is_empty() { self.classes.clone() } else { request.classes.clone() };
        Ok(NewSubnet {
            prefix,
            gateway,
            pools: self.pools(prefix, gateway),
            dns: self.dns.clone(),
            classes,
            lifetimes: self.lifetimes,
            request,
        })
    }

    /// The addresses to lease, without the router's.
    fn pools(&self, prefix: Ipv4Net, gateway: Option<Ipv4Addr>) -> Vec<(Ipv4Addr, Ipv4Addr)> {
        let first = u32::from(prefix.network()).checked_add(self.skip_first.max(1));
        let last = u32::from(prefix.broadcast()).checked_sub(self.skip_last.max(1));
        let (Some(first), Some(last)) = (first, last) else {
            return vec![];
        };
        let ranges = match gateway.map(u32::from).filter(|gateway| (first..=last).contains(gateway)) {
            None => vec![(first, last)],
            // Neither end is at the limit of addresses: first is above the network, and last below the broadcast address.
            Some(gateway) => vec![(first, gateway - 1), (gateway + 1, last)],
        };
        let filled = ranges.into_iter().filter(|(first, last)| first <= last);
        filled.map(|(first, last)| (first.into(), last.into())).collect()
    }
}

/// Whether devices can have addresses of a prefix (RFC 6890, section 2.2.2), and it is not larger than the largest private
/// network: what a mistyped prefix would contain stays as it is.
fn is_of_devices(prefix: Ipv4Net) -> bool {
    let network = prefix.network();
    prefix.prefix_len() >= 8
        && !(network.is_loopback()
            || network.is_multicast()
            || network.octets()[0] == 0
            || network.octets()[0] >= 240)
}

/// Highest number of a subnet in Kea.
const LAST_ID: u32 = u32::MAX - 1;

/// The number that a prefix has of its own, the same on every server and at any time: from the CRC-32 of its text. `attempt` counts
/// from 0, for the rare case that another subnet has that number.
fn number(prefix: IpNet, attempt: u32) -> u32 {
    let text = if attempt == 0 { prefix.to_string() } else { format!("{prefix} {attempt}") };
    crc32fast::hash(text.as_bytes()) % LAST_ID + 1
}

/// The number for a subnet that at least one of `servers` (each with its subnets) lacks: that which it has on the first server where
/// it is, else the first of its own that no server uses.
pub fn place(prefix: IpNet, servers: &[(&str, &[Subnet])]) -> Result<u32, NewSubnetError> {
    let all =
        || servers.iter().flat_map(|(server, subnets)| subnets.iter().map(move |subnet| (*server, subnet)));
    let is_same = |subnet: &Subnet| subnet.prefix == prefix;
    let overlaps = |subnet: &Subnet| subnet.prefix.contains(&prefix) || prefix.contains(&subnet.prefix);
    if let Some((server, subnet)) = all().find(|(_, subnet)| !is_same(subnet) && overlaps(subnet)) {
        return Err(NewSubnetError::Overlaps { prefix, server: server.into(), subnet: subnet.clone() });
    }
    let holder = |id: u32| all().find(|(_, subnet)| subnet.id == id && !is_same(subnet));
    if let Some(id) = all().find(|(_, subnet)| is_same(subnet)).map(|(_, subnet)| subnet.id) {
        return match holder(id) {
            None => Ok(id),
            Some((server, subnet)) => {
                Err(NewSubnetError::NumberTaken { prefix, server: server.into(), subnet: subnet.clone() })
            }
        };
    }
    let free = (0..=u32::MAX).map(|attempt| number(prefix, attempt)).find(|id| holder(*id).is_none());
    // Of the numbers, far fewer are taken than there are.
    Ok(free.unwrap_or(LAST_ID))
}

#[cfg(test)]
#[path = "new_subnet_tests.rs"]
mod tests;
