//! Reading one wanted reservation.

use std::collections::BTreeMap;

use kea_ffi::client_leases::ClientLease;
use kea_ffi::element::{Element, Kind};
use kea_ffi::host::{Family, IdentifierType, Reservation};
use kea_ffi::hosts::{self, Host, Source, SourceKind};

use crate::commands::CommandError;
use crate::commands::reservation::{placement, read, validity};
use crate::{owner, wish};

/// A reservation that shall be there.
pub struct Wanted {
    /// None where no source needs it.
    pub host: Option<Host>,
    /// The same as plans take it.
    pub reservation: Reservation,
    /// Where its address is to come from a lease, what was given, to be read again with the address.
    pub wish: Option<Element>,
}

/// Reads reservations that shall be there, with the owner's mark.
pub struct Reader {
    family: Family,
    owner: Option<Vec<u8>>,
    /// A `user-context` with nothing but the owner.
    owner_alone: String,
    /// Whether a source of Kea's is to be changed, which takes hosts and no reservations.
    needs_hosts: bool,
    /// Whether the server's memory is to be changed.
    fills_memory: bool,
    /// Whether a database of Kea's is to be changed.
    fills_database: bool,
}

impl Reader {
    /// For an owner, and the sources that shall be changed.
    pub fn new(family: Family, owner: Option<Vec<u8>>, sources: &[Source<'_>]) -> Result<Self, CommandError> {
        let owner_alone = match &owner {
            None => String::new(),
            Some(owner) => {
                let mut context = Element::map()?;
                context.set(owner::MEMBER, &Element::bytes(owner)?)?;
                context.json()?
            }
        };
        let needs_hosts = sources.iter().any(|source| source.kind() != SourceKind::Store);
        let fills_memory = sources.iter().any(|source| source.kind() == SourceKind::Memory);
        let fills_database = sources.iter().any(|source| source.kind() == SourceKind::Other);
        Ok(Self { family, owner, owner_alone, needs_hosts, fills_memory, fills_database })
    }

    /// Reads one.
    pub fn read(&self, given: &Element) -> Result<Wanted, CommandError> {
        let owner = self.owner.as_deref();
        if !self.needs_hosts
            && let Some(reservation) =
                hosts::parse_plain(self.family, given, owner.unwrap_or_default(), &self.owner_alone)?
        {
            return Ok(Wanted { host: None, reservation, wish: None });
        }
        if given.kind() != Kind::Map {
            return Err(CommandError::new(format!(
                "expected a reservation, got {} instead",
                given.kind_name()
            )));
        }
        validity::check_types(self.family, given)?;
        let marked = mark(given, owner, address_is_from_lease(given)?)?;
        let (host, reservation) = reservation(self.family, &marked)?;
        if owner::of(&reservation.body).as_deref() != owner {
            return Err(CommandError::new("'user-context' is nested too deeply to be read again"));
        }
        if self.fills_database {
            host.check_readable()?;
        }
        let is_wish = wish::is_pending(&reservation);
        if is_wish {
            check_wish(self.family, &reservation)?;
        }
        if self.fills_memory && hosts::memory_needs_resources() && wish::reserves_nothing(&reservation) {
            return Err(CommandError::new(
                "this version of Kea takes no reservation into its memory that reserves nothing: give it an address, or a \
                 hostname for instance until it has one",
            ));
        }
        Ok(Wanted { host: Some(host), reservation, wish: is_wish.then_some(marked) })
    }
}

/// Reads a reservation with addresses that come from leases.
pub fn with_addresses(
    family: Family,
    given: &Element,
    addresses: &[String],
) -> Result<(Host, Reservation), CommandError> {
    let mut given = given.without("ip-address")?;
    let mut lists = BTreeMap::new();
    for address in addresses {
        match family {
            Family::V4 => given.set("ip-address", &Element::text(address)?)?,
            Family::V6 => {
                let name = if address.contains('/') { "prefixes" } else { "ip-addresses" };
                lists.entry(name).or_insert(Element::list()?).push(&Element::text(address)?)?;
            }
        }
    }
    for (name, list) in lists {
        given.set(name, &list)?;
    }
    reservation(family, &given)
}

/// The addresses of leases, as a reservation takes them: one in DHCPv4, all in DHCPv6.
pub fn addresses_of(family: Family, leases: &[ClientLease]) -> Vec<String> {
    let most = if family == Family::V4 { 1 } else { leases.len() };
    leases.iter().take(most).map(ToString::to_string).collect()
}

fn reservation(family: Family, given: &Element) -> Result<(Host, Reservation), CommandError> {
    let subnet = read::subnet_id(given)?;
    let host = read::read(family, given, subnet)?;
    let reservation = host.stored_form()?;
    if subnet.is_none() {
        placement::check_global(family, &reservation)?;
    }
    read::check(family, given, &reservation, subnet)?;
    Ok((host, reservation))
}

/// `"address": "lease"`.
fn address_is_from_lease(given: &Element) -> Result<bool, CommandError> {
    let Some(value) = given.get("address")? else { return Ok(false) };
    if value.as_text().as_deref() != Some(wish::LEASE) {
        return Err(CommandError::new(format!(
            "'address' can be nothing but \"lease\" ({}): an address goes into 'ip-address', or 'ip-addresses' in DHCPv6",
            value.position()?
        )));
    }
    for name in ["ip-address", "ip-addresses", "prefixes"] {
        if given.get(name)?.is_some() {
            return Err(CommandError::new(format!(
                "'address': \"lease\" and '{name}' exclude each other: give one of them"
            )));
        }
    }
    Ok(true)
}

/// Leases are of a subnet, and are found by what Kea keeps with them.
fn check_wish(family: Family, reservation: &Reservation) -> Result<(), CommandError> {
    if reservation.subnet(family).unwrap_or(0) == 0 {
        return Err(CommandError::new(
            "'address': \"lease\" needs a 'subnet-id' other than 0: a global reservation has no address",
        ));
    }
    let kinds = match family {
        Family::V4 => [IdentifierType::HwAddress, IdentifierType::ClientId],
        Family::V6 => [IdentifierType::Duid, IdentifierType::HwAddress],
    };
    let kind = reservation.identifier.kind;
    if !kinds.contains(&kind) {
        return Err(CommandError::new(format!(
            "leases are not known by {}: 'address': \"lease\" works with {}",
            kind.name(),
            kinds.map(IdentifierType::name).join(" and ")
        )));
    }
    Ok(())
}

/// The reservation with the marks in its `user-context`: that of the owner, and that of a wish.
fn mark(given: &Element, owner: Option<&[u8]>, from_lease: bool) -> Result<Element, CommandError> {
    let context = given.get("user-context")?;
    let named = context.as_ref().map(|context| context.get(owner::MEMBER)).transpose()?.flatten();
    if named.is_some_and(|named| named.as_bytes().as_deref() != owner) {
        return Err(CommandError::new(format!(
            "'{}' in 'user-context' is not the owner of this command: leave it out, and give 'owner'",
            owner::MEMBER
        )));
    }
    let mut marked = given.without("address")?;
    if owner.is_none() && !from_lease {
        return Ok(marked);
    }
    let mut context = match context.filter(|context| context.kind() == Kind::Map) {
        Some(context) => context.without(owner::MEMBER)?,
        None => Element::map()?,
    };
    if let Some(owner) = owner {
        context.set(owner::MEMBER, &Element::bytes(owner)?)?;
    }
    if from_lease {
        context.set(wish::MEMBER, &Element::text(wish::LEASE)?)?;
    }
    marked.set("user-context", &context)?;
    Ok(marked)
}
