//! Where the addresses of wishes come from.

use kea_ffi::client_leases::{self, ClientLease};
use kea_ffi::host::{By, Family, Identifier, Ipv6Resource, Query, Reservation};
use kea_ffi::hosts::{Host, Source};

use super::item;
use crate::apply::Order;
use crate::commands::CommandError;
use crate::owner;

/// What is known about the address of a wish.
pub struct Wish {
    /// The addresses and prefixes that it gets; none while it waits.
    pub addresses: Vec<String>,
    /// While it waits: leases of the client in other subnets.
    pub elsewhere: Vec<ClientLease>,
}

impl Wish {
    /// Looks for the addresses of a reservation: those that the client has reserved already, and keeps; or else those of
    /// its leases in the subnet.
    pub fn find(
        order: &Order,
        sources: &[Source<'_>],
        reservation: &Reservation,
    ) -> Result<Self, CommandError> {
        let family = order.family;
        let Some(subnet) = reservation.subnet(family) else {
            return Ok(Self { addresses: Vec::new(), elsewhere: Vec::new() });
        };
        let kept = kept(order, sources, &reservation.identifier, subnet)?;
        if !kept.is_empty() {
            return Ok(Self { addresses: kept, elsewhere: Vec::new() });
        }
        let leases = client_leases::of_client(family, &reservation.identifier)?;
        let (here, elsewhere): (Vec<_>, Vec<_>) =
            leases.into_iter().partition(|lease| lease.subnet == subnet);
        Ok(Self {
            addresses: item::addresses_of(family, &here),
            elsewhere: if here.is_empty() { elsewhere } else { Vec::new() },
        })
    }
}

/// What this client has reserved in this subnet where the order may change it.
fn kept(
    order: &Order,
    sources: &[Source<'_>],
    identifier: &Identifier,
    subnet: u32,
) -> Result<Vec<String>, CommandError> {
    let query = Query::in_subnet(order.family, subnet, By::Identifier(identifier.kind, &identifier.value));
    for source in sources {
        for host in source.find(&query)? {
            if is_within_reach(order, &host)? {
                let addresses = addresses(order.family, &host.reservation()?);
                if !addresses.is_empty() {
                    return Ok(addresses);
                }
            }
        }
    }
    Ok(Vec::new())
}

fn is_within_reach(order: &Order, host: &Host) -> Result<bool, CommandError> {
    let owner = owner::of(&host.stored_form()?.body);
    Ok(owner == order.owner || (order.adopt && owner.is_none()))
}

fn addresses(family: Family, reservation: &Reservation) -> Vec<String> {
    match family {
        Family::V4 => reservation.ipv4.iter().map(ToString::to_string).collect(),
        Family::V6 => reservation.ipv6.iter().map(Ipv6Resource::to_string).collect(),
    }
}
