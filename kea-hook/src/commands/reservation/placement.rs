//! Whether a reservation's addresses fit its subnet, and where they would.

use std::net::IpAddr;

use kea_ffi::element::KeaError;
use kea_ffi::host::{Family, Ipv6Resource, Reservation};
use kea_ffi::server::{self, Subnet};

use crate::commands::CommandError;
use crate::commands::arguments::configured_subnet;

/// The addresses that must be inside a subnet; delegated prefixes need not.
fn addresses(reservation: &Reservation) -> impl Iterator<Item = IpAddr> {
    let v6 = reservation.ipv6.iter().filter_map(|resource| match *resource {
        Ipv6Resource::Address(address) => Some(IpAddr::V6(address)),
        Ipv6Resource::Prefix(..) => None,
    });
    reservation.ipv4.map(IpAddr::V4).into_iter().chain(v6)
}

/// Refuses a subnet that is not configured, and an address outside it. Anything may be global (0).
pub fn check_inside(family: Family, reservation: &Reservation, subnet: u32) -> Result<(), CommandError> {
    if subnet == 0 {
        return Ok(());
    }
    let all: Vec<IpAddr> = addresses(reservation).collect();
    let mut outside = None;
    for address in &all {
        if !server::subnet_contains(family, subnet, *address)? {
            outside = Some(address);
            break;
        }
    }
    // An address that is inside proves that there is a subnet.
    if outside.is_none() && !all.is_empty() {
        return Ok(());
    }
    match (configured_subnet(family, subnet)?, outside) {
        (Some(subnet), Some(address)) => Err(CommandError::new(format!(
            "specified reservation '{address}' is not matching the {family} subnet prefix '{}'",
            subnet.prefix
        ))),
        _ => Ok(()),
    }
}

/// A reservation without a subnet is global, which one with addresses hardly means: refused, with the subnet that
/// they probably belong to.
pub fn check_global(family: Family, reservation: &Reservation) -> Result<(), CommandError> {
    let addresses: Vec<IpAddr> = addresses(reservation).collect();
    let what = match (family, addresses.first()) {
        (_, None) if reservation.ipv6.is_empty() => return Ok(()),
        (_, None) => {
            return Err(missing("Prefixes are not attached to subnets so no hint is available."));
        }
        (Family::V4, Some(address)) => format!("The address '{address}' belongs"),
        (Family::V6, Some(_)) => "Reserved IPv6 addresses belong".to_owned(),
    };
    let around = subnets_around(family, &addresses)?;
    let Some(likely) = around.iter().find(|subnet| !subnet.guarded).or(around.first()) else {
        return Err(missing(&match family {
            Family::V4 => format!("{what} to no configured subnet."),
            Family::V6 => "Reserved IPv6 addresses do not belong to a common configured subnet.".to_owned(),
        }));
    };
    Err(missing(&format!(
        "{what} to {}subnet '{}' id {}{}.",
        if likely.guarded { "guarded " } else { "" },
        likely.prefix,
        likely.id,
        if around.len() > 1 { " and others" } else { "" }
    )))
}

/// The subnets that have all of the addresses.
fn subnets_around(family: Family, addresses: &[IpAddr]) -> Result<Vec<Subnet>, KeaError> {
    let mut around = Vec::new();
    for subnet in server::subnets(family)? {
        let mut all = true;
        for address in addresses {
            all = all && server::subnet_contains(family, subnet.id, *address)?;
        }
        if all {
            around.push(subnet);
        }
    }
    Ok(around)
}

fn missing(hint: &str) -> CommandError {
    CommandError::new(format!("Mandatory 'subnet-id' parameter missing. {hint}"))
}
