//! What must be unique among reservations, wherever they are kept: the rules of Kea's `CfgHosts`, for every identifier
//! type in both families.

use std::fmt;
use std::sync::Arc;

use kea_ffi::host::{
    By, Colons, Family, Hex, Identifier, IdentifierType, Ipv6Resource, Query, Reservation, StoredReservation,
};

/// The first reservation that keeps another one out: a client has one reservation in a subnet, and, with
/// `addresses_unique`, an address or prefix one client.
///
/// `holder` tells who answers a query, leaving out the reservation that is being replaced.
pub fn conflict<E>(
    reservation: &Reservation,
    addresses_unique: bool,
    mut holder: impl FnMut(&Query<'_>) -> Result<Option<Arc<StoredReservation>>, E>,
) -> Result<Option<Conflict>, E> {
    let identifier = &reservation.identifier;
    let by_identifier = By::Identifier(identifier.kind, &identifier.value);
    let mut claims: Vec<_> = reservation
        .subnets()
        .map(|(family, subnet)| (family, subnet, by_identifier, Wanted::Identifier))
        .collect();
    if addresses_unique {
        if let (Some(subnet), Some(address)) = (reservation.subnet_v4, reservation.ipv4) {
            claims.push((Family::V4, subnet, By::Ipv4(address), Wanted::Ipv4(address)));
        }
        if let Some(subnet) = reservation.subnet_v6 {
            claims.extend(
                reservation.ipv6.iter().map(|&resource| {
                    (Family::V6, subnet, By::Ipv6(resource.address()), Wanted::Ipv6(resource))
                }),
            );
        }
    }
    for (family, subnet, by, wanted) in claims {
        if let Some(holder) = holder(&Query::in_subnet(family, subnet, by))? {
            let requester = identifier.clone();
            return Ok(Some(Conflict { wanted, family, subnet, requester, holder }));
        }
    }
    Ok(None)
}

/// A reservation that is refused because another one holds what it wants.
#[derive(Debug, Clone)]
pub struct Conflict {
    /// What both want.
    pub wanted: Wanted,
    /// The family whose subnets this is about.
    pub family: Family,
    /// The subnet in that family.
    pub subnet: u32,
    /// Identifier of the refused reservation.
    pub requester: Identifier,
    /// The reservation that stays.
    pub holder: Arc<StoredReservation>,
}

/// What a [`Conflict`] is about.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Wanted {
    /// The identifier itself: the client has a reservation in that subnet already.
    Identifier,
    /// An IPv4 address.
    Ipv4(std::net::Ipv4Addr),
    /// An IPv6 address or prefix.
    Ipv6(Ipv6Resource),
}

/// The texts are those of Kea's `CfgHosts::add`, word for word up to their unbalanced quotes, because clients of
/// the stock hook match on them; the holder is our addition.
impl fmt::Display for Conflict {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { wanted, family, subnet, requester, holder } = self;
        let hw_address = Named::of(requester, IdentifierType::HwAddress);
        let duid = Named::of(requester, IdentifierType::Duid);
        match wanted {
            Wanted::Identifier => {
                match requester.kind {
                    IdentifierType::HwAddress => {
                        write!(f, "failed to add new host using the HW address '{hw_address}'")?;
                    }
                    IdentifierType::Duid => write!(f, "failed to add new host using the DUID '{duid}'")?,
                    kind => {
                        let value = Hex(&requester.value);
                        return write!(
                            f,
                            "failed to add duplicate {family} host using identifier: {}={value}{}",
                            kind.name(),
                            HeldBy { holder, family: *family, with_address: true },
                        );
                    }
                }
                write!(f, " to the {family} subnet id '{subnet}' as this host has already been added")?;
                HeldBy { holder, family: *family, with_address: true }.fmt(f)
            }
            Wanted::Ipv4(address) => {
                write!(
                    f,
                    "failed to add new host using the HW address '{hw_address} and DUID '{duid}' to the IPv4 subnet \
                     id '{subnet}' for the address {address}: There's already a reservation for this address"
                )?;
                HeldBy { holder, family: *family, with_address: false }.fmt(f)
            }
            Wanted::Ipv6(resource) => {
                write!(
                    f,
                    "failed to add address reservation for host using the HW address '{hw_address} and DUID '{duid}' \
                     to the IPv6 subnet id '{subnet}' for address/prefix {resource}: There's already reservation for \
                     this address/prefix"
                )?;
                HeldBy { holder, family: *family, with_address: false }.fmt(f)
            }
        }
    }
}

impl std::error::Error for Conflict {}

/// An identifier where the text has a place for just one kind; Kea prints `(null)` for the other kinds.
struct Named<'a>(Option<&'a [u8]>);

impl<'a> Named<'a> {
    fn of(identifier: &'a Identifier, kind: IdentifierType) -> Self {
        Self((identifier.kind == kind).then_some(&identifier.value))
    }
}

impl fmt::Display for Named<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.0 {
            Some(value) => Colons(value).fmt(f),
            None => f.write_str("(null)"),
        }
    }
}

/// ` (reserved for hw-address=aa:bb:cc:dd:ee:01)`, or what a known client already has.
struct HeldBy<'a> {
    holder: &'a StoredReservation,
    family: Family,
    with_address: bool,
}

impl fmt::Display for HeldBy<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let reservation = &self.holder.reservation;
        if !self.with_address {
            return write!(f, " (reserved for {})", reservation.identifier);
        }
        let first = match self.family {
            Family::V4 => reservation.ipv4.map(|address| address.to_string()),
            Family::V6 => reservation.ipv6.first().map(ToString::to_string),
        };
        first.map_or(Ok(()), |address| write!(f, " (it has {address} reserved)"))
    }
}
