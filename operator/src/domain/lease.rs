//! Leases, and which of a device's leases tells its address.

use std::fmt;
use std::net::IpAddr;

use ipnet::IpNet;

use super::Subnet;

/// State of a lease, as Kea numbers them (Kea ARM, "lease_cmds").
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum LeaseState {
    /// 0: assigned to the device.
    Assigned,
    /// 1: the device refused the address.
    Declined,
    /// 2: expired, and taken back.
    Reclaimed,
    /// Any later state, such as 3, released.
    Other(i64),
}

impl From<i64> for LeaseState {
    fn from(number: i64) -> Self {
        match number {
            0 => Self::Assigned,
            1 => Self::Declined,
            2 => Self::Reclaimed,
            other => Self::Other(other),
        }
    }
}

/// A lease of one device.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Lease {
    /// The address.
    pub address: IpAddr,
    /// Number of the subnet it is from.
    pub subnet_id: u32,
    /// When the client was last heard of: larger is later. Only for comparing leases of one device.
    pub heard: i64,
    /// When it ends, in seconds since 1970 by Kea's clock; none where it never does.
    pub expires: Option<i64>,
    /// Its state.
    pub state: LeaseState,
    /// Whether Kea itself found it valid when it was asked: its clock counts then, and not ours.
    pub vouched: bool,
}

impl Lease {
    /// Whether the device holds the address at `now` (seconds since 1970).
    pub fn is_valid(&self, now: i64) -> bool {
        self.vouched || self.state == LeaseState::Assigned && self.expires.is_none_or(|expires| now < expires)
    }
}

/// Why no lease tells the address of a device.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Absence {
    /// Kea has no lease of the device at all, or none that is still valid.
    NoLease,
    /// The device has a lease, in another subnet.
    OtherSubnet {
        /// The leased address.
        address: IpAddr,
        /// Number of its subnet.
        subnet_id: u32,
    },
    /// The device has a lease in the subnet, outside the NetworkNamespace's prefix.
    OutsidePrefix {
        /// The leased address.
        address: IpAddr,
        /// The prefix.
        prefix: IpNet,
    },
}

impl fmt::Display for Absence {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::NoLease => write!(f, "no valid lease"),
            Self::OtherSubnet { address, subnet_id } => {
                write!(f, "its only valid lease, {address}, is in Kea subnet {subnet_id}")
            }
            Self::OutsidePrefix { address, prefix } => {
                write!(f, "its lease {address} is outside the prefix {prefix}")
            }
        }
    }
}

/// The newest valid lease in `subnet` and `prefix`, or why there is none.
pub fn pick<'a>(leases: &'a [Lease], subnet: &Subnet, prefix: IpNet, now: i64) -> Result<&'a Lease, Absence> {
    let newest = |wanted: &dyn Fn(&Lease) -> bool| {
        leases
            .iter()
            .filter(|lease| lease.is_valid(now) && wanted(lease))
            // The address breaks a tie, so that the choice does not depend on Kea's order.
            .max_by_key(|lease| (lease.heard, lease.address))
    };
    let here = |lease: &Lease| lease.subnet_id == subnet.id;
    if let Some(lease) = newest(&|lease| here(lease) && prefix.contains(&lease.address)) {
        return Ok(lease);
    }
    if let Some(Lease { address, .. }) = newest(&here) {
        return Err(Absence::OutsidePrefix { address: *address, prefix });
    }
    Err(newest(&|_| true).map_or(Absence::NoLease, |lease| Absence::OtherSubnet {
        address: lease.address,
        subnet_id: lease.subnet_id,
    }))
}

#[cfg(test)]
mod tests {
    use super::*;

    const NOW: i64 = 1_000_000;

    fn lease(address: &str, subnet_id: u32, age: i64) -> Lease {
        Lease {
            address: address.parse().unwrap(),
            subnet_id,
            heard: NOW - age,
            expires: Some(NOW - age + 3600),
            state: LeaseState::Assigned,
            vouched: false,
        }
    }

    fn prefix(text: &str) -> IpNet {
        text.parse().unwrap()
    }

    fn picked(leases: &[Lease]) -> Result<String, Absence> {
        let subnet = Subnet { id: 1, prefix: prefix("10.0.0.0/16") };
        pick(leases, &subnet, prefix("10.0.1.0/24"), NOW).map(|l| l.address.to_string())
    }

    #[test]
    fn the_newest_valid_one_in_the_subnet_wins() {
        let leases = [lease("10.0.1.5", 1, 100), lease("10.0.1.6", 1, 10), lease("10.0.1.7", 2, 1)];
        assert_eq!(picked(&leases).unwrap(), "10.0.1.6");
        let reversed: Vec<Lease> = leases.into_iter().rev().collect();
        assert_eq!(picked(&reversed).unwrap(), "10.0.1.6");
    }

    #[test]
    fn expired_declined_reclaimed_and_released_ones_do_not_count() {
        let mut leases = vec![lease("10.0.1.5", 1, 3600)];
        for state in [1, 2, 3] {
            leases.push(Lease { state: state.into(), ..lease("10.0.1.6", 1, 0) });
        }
        assert_eq!(picked(&leases), Err(Absence::NoLease));
    }

    #[test]
    fn what_kea_vouches_for_does_not_depend_on_our_clock() {
        let late = Lease { vouched: true, ..lease("10.0.1.5", 1, 3600) };
        assert_eq!(picked(&[late]).unwrap(), "10.0.1.5");
    }

    #[test]
    fn an_infinite_lease_never_expires() {
        let old = Lease { expires: None, ..lease("10.0.1.5", 1, NOW) };
        assert_eq!(picked(&[old]).unwrap(), "10.0.1.5");
    }

    #[test]
    fn a_lease_elsewhere_is_named() {
        assert_eq!(
            picked(&[lease("10.9.0.5", 2, 0)]),
            Err(Absence::OtherSubnet { address: "10.9.0.5".parse().unwrap(), subnet_id: 2 })
        );
        assert_eq!(
            picked(&[lease("10.0.7.5", 1, 0)]),
            Err(Absence::OutsidePrefix {
                address: "10.0.7.5".parse().unwrap(),
                prefix: "10.0.1.0/24".parse().unwrap()
            })
        );
    }
}
