//! Reservations as Kea's packet processing sees them, and the sources that they are in.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use cxx::{CxxVector, UniquePtr};

use crate::bridge::ffi;
use crate::element::{Element, KeaError};
use crate::host::{
    By, Family, Identifier, IdentifierType, Ipv6Resource, Query, Reservation, SUBNET_UNUSED, decode,
};

pub use ffi::{SourceKind, Target};

/// Bytes of an identifier given as `aa:bb`, `aabb` or `'text'`.
pub fn parse_identifier(text: &[u8]) -> Result<Vec<u8>, KeaError> {
    // Kea's own reader goes through streams, which counts where there are thousands.
    decode(text).map_or_else(|| Ok(ffi::parse_identifier(text)?), Ok)
}

/// The identifier type of that name.
pub fn identifier_type(name: &str) -> Result<IdentifierType, KeaError> {
    to_identifier_type(ffi::identifier_type(name)?)
}

/// Whether the server's memory refuses reservations that reserve nothing but their place (Kea before 2.6).
pub fn memory_needs_resources() -> bool {
    ffi::memory_needs_resources()
}

/// The address that Kea reads in a text. An error, in Kea's words, where it is none.
pub fn parse_address(text: &str) -> Result<IpAddr, KeaError> {
    let canonical = ffi::canonical_address(text)?;
    // Kea reads and then forgets the interface of a link-local address.
    let address = canonical.split('%').next().unwrap_or_default();
    address.parse().map_err(|_| KeaError(format!("'{canonical}' is no address")))
}

/// A reservation as Kea's packet processing sees it.
pub struct Host(UniquePtr<ffi::Host>);

impl Host {
    /// Reads a reservation with Kea's own parser. `subnet-id` must not be a member.
    pub fn parse(family: Family, subnet: u32, reservation: &Element) -> Result<Self, KeaError> {
        Ok(Self(ffi::parse_reservation(family.number(), subnet, reservation.shim())?))
    }

    /// Its number in its source, which pages go by.
    pub fn id(&self) -> u64 {
        self.0.id()
    }

    /// Whom it is for and what it reserves; without the rest (`body` is empty).
    pub fn reservation(&self) -> Result<Reservation, KeaError> {
        to_reservation(self.0.claim()?, Vec::new())
    }

    /// Refuses what Kea's SQL databases could not give back.
    pub fn check_readable(&self) -> Result<(), KeaError> {
        Ok(self.0.check_readable()?)
    }

    /// The whole of it, as the store keeps it.
    pub fn stored_form(&self) -> Result<Reservation, KeaError> {
        to_reservation(self.0.claim()?, self.0.body()?)
    }

    /// What its `user-context` has under the name of the owner; none where that is no text, or empty.
    pub fn owner(&self, member: &str) -> Result<Option<Vec<u8>>, KeaError> {
        Ok(Some(self.0.owner(member)?).filter(|owner| !owner.is_empty()))
    }

    /// In JSON, as `reservation-get` shows it.
    pub fn element(&self, family: Family) -> Result<Element, KeaError> {
        Element::from_shim(self.0.element(family.number())?)
    }
}

/// Reads a reservation that has nothing but a MAC address, one address of a configured subnet, a hostname and a
/// user-context, in the form in which the store keeps it; a fraction of the work of [`Host::parse`]. None where it has
/// more, or anything about it is unusual. `owner` is put into its user-context, under `ext-owner`; `owner_alone` is a
/// user-context in JSON with nothing else in it. Both are empty for no owner.
pub fn parse_plain(
    family: Family,
    given: &Element,
    owner: &[u8],
    owner_alone: &str,
) -> Result<Option<Reservation>, KeaError> {
    let (mut claim, mut body) = (ffi::Claim::default(), Vec::new());
    let is_plain =
        ffi::plain_reservation(family.number(), given.shim(), owner, owner_alone, &mut claim, &mut body)?;
    is_plain.then(|| to_reservation(claim, body)).transpose()
}

fn to_reservation(claim: ffi::Claim, body: Vec<u8>) -> Result<Reservation, KeaError> {
    let subnet = |id: u32| Some(id).filter(|id| *id != SUBNET_UNUSED);
    Ok(Reservation {
        identifier: Identifier {
            kind: to_identifier_type(claim.identifier_type)?,
            value: claim.identifier.into(),
        },
        subnet_v4: subnet(claim.subnet_v4),
        subnet_v6: subnet(claim.subnet_v6),
        ipv4: Some(Ipv4Addr::from(claim.ipv4)).filter(|address| !address.is_unspecified()),
        ipv6: claim.resources.iter().map(to_resource).collect(),
        hostname: claim.hostname.into(),
        body: body.into(),
    })
}

fn to_identifier_type(number: u8) -> Result<IdentifierType, KeaError> {
    IdentifierType::try_from(number).map_err(|unknown| KeaError(unknown.to_string()))
}

fn to_resource(resource: &ffi::Resource) -> Ipv6Resource {
    let address = Ipv6Addr::from(resource.address);
    if resource.is_prefix {
        Ipv6Resource::Prefix(address, resource.prefix_length)
    } else {
        Ipv6Resource::Address(address)
    }
}

/// The sources that a command is about.
pub struct Sources(UniquePtr<CxxVector<ffi::Source>>);

impl Sources {
    /// Those that an `operation-target` means.
    pub fn of(target: Target) -> Result<Self, KeaError> {
        Ok(Self(ffi::sources(target)?))
    }

    /// In the order in which Kea asks them.
    pub fn iter(&self) -> impl Iterator<Item = Source<'_>> {
        self.0.iter().map(Source)
    }

    /// How many there are.
    pub fn len(&self) -> usize {
        self.0.len()
    }

    /// Whether there is none.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }
}

/// One place where reservations are.
#[derive(Clone, Copy)]
pub struct Source<'a>(&'a ffi::Source);

impl Source<'_> {
    /// Who keeps it.
    pub fn kind(&self) -> SourceKind {
        self.0.kind()
    }

    /// `memory`, or the type of the `hosts-databases` entry.
    pub fn name(&self) -> Result<String, KeaError> {
        Ok(self.0.name()?)
    }

    /// The reservations that the query means. The query must have a family, and with [`By::Any`] a subnet.
    pub fn find(&self, query: &Query<'_>) -> Result<Vec<Host>, KeaError> {
        let found = ask(query, |question| self.0.find(question))?;
        found.iter().map(|host| Ok(Host(host.copy()?))).collect()
    }

    /// Adds it, wholly or not at all.
    pub fn add(&self, host: &Host) -> Result<(), KeaError> {
        Ok(self.0.add(&host.0)?)
    }

    /// Removes it; that it is gone already is no error.
    pub fn remove(&self, host: &Host) -> Result<(), KeaError> {
        Ok(self.0.remove(&host.0)?)
    }

    /// Removes what a query about an address or an identifier in a subnet means, without reading it: databases may have
    /// reservations that Kea cannot read. Whether there was anything.
    pub fn remove_unread(&self, query: &Query<'_>) -> Result<bool, KeaError> {
        Ok(ask(query, |question| self.0.remove_unread(question))?)
    }

    /// Puts a reservation in the place of that of the same client in the same subnet, without reading it. False where this
    /// version of Kea cannot do that in one step.
    pub fn replace_unread(&self, host: &Host) -> Result<bool, KeaError> {
        Ok(self.0.replace_unread(&host.0)?)
    }

    /// How many reservations the server's memory has, of configured subnets and global ones; 0 for other sources.
    pub fn count(&self, family: Family) -> Result<usize, KeaError> {
        Ok(self.0.count(family.number())?)
    }

    /// Many changes at once, where the source is the server's memory.
    pub fn exchange(&self) -> Result<Exchange, KeaError> {
        Ok(Exchange(self.0.exchange()?))
    }

    /// Puts `updated` in the place of `old`, which has the same identifier and subnet, and stays where `updated` is
    /// refused.
    pub fn replace(&self, old: &Host, updated: &Host) -> Result<(), KeaError> {
        Ok(self.0.replace(&old.0, &updated.0)?)
    }
}

/// Asks with a query that has a family.
fn ask<T>(query: &Query<'_>, ask: impl FnOnce(&ffi::Question<'_>) -> T) -> T {
    let (property, address, prefix_length) = match query.by {
        By::Any => (ffi::Property::Any, String::new(), 0),
        By::Identifier(..) => (ffi::Property::Identifier, String::new(), 0),
        By::Ipv4(address) => (ffi::Property::Address, address.to_string(), 0),
        By::Ipv6(address) => (ffi::Property::Address, address.to_string(), 0),
        By::Ipv6Prefix(prefix, length) => (ffi::Property::Prefix, prefix.to_string(), length),
        By::Hostname(_) => (ffi::Property::Hostname, String::new(), 0),
    };
    let (identifier_type, bytes) = match query.by {
        By::Identifier(kind, value) => (kind as u8, value),
        By::Hostname(name) => (0, name),
        _ => (0, [].as_slice()),
    };
    ask(&ffi::Question {
        family: query.family.map_or(4, Family::number),
        has_subnet: query.subnet.is_some(),
        subnet: query.subnet.unwrap_or_default(),
        property,
        identifier_type,
        prefix_length,
        address: &address,
        bytes,
    })
}

/// Reservations of one source.
pub struct Page {
    hosts: UniquePtr<CxxVector<ffi::Host>>,
    family: Family,
    /// Which source they are of: 0 is the configuration, the databases follow.
    pub source: usize,
}

impl Page {
    /// Reservations with ids above `after` from `source` or, where that has no more, from the next one.
    pub fn read(
        family: Family,
        subnet: Option<u32>,
        mut source: usize,
        after: u64,
        limit: usize,
    ) -> Result<Self, KeaError> {
        let (of_subnet, id) = (subnet.is_some(), subnet.unwrap_or_default());
        let hosts = ffi::host_page(family.number(), of_subnet, id, &mut source, after, limit)?;
        Ok(Self { hosts, family, source })
    }

    /// Id of the last one, from which the next page goes on.
    pub fn last_id(&self) -> Option<u64> {
        self.hosts.iter().last().map(ffi::Host::id)
    }

    /// The reservations of the family that have neither an address nor a prefix.
    pub fn without_address(&self) -> Result<Vec<Reservation>, KeaError> {
        let mut found = Vec::new();
        for host in self.of_family() {
            let claim = host.claim()?;
            if claim.ipv4 == 0 && claim.resources.is_empty() {
                found.push(to_reservation(claim, host.body()?)?);
            }
        }
        Ok(found)
    }

    /// The reservations that the family has, as `reservation-get` shows them.
    pub fn hosts(&self) -> impl Iterator<Item = Result<Element, KeaError>> {
        self.of_family().map(|host| Element::from_shim(host.element(self.family.number())?))
    }
}

impl Page {
    /// A database may be shared with the server of the other family.
    fn of_family(&self) -> impl Iterator<Item = &ffi::Host> {
        self.hosts.iter().filter(|host| host.subnet(self.family.number()) != SUBNET_UNUSED)
    }
}

/// Many changes at once to the server's memory, while packets wait. All that is to go goes before anything comes.
pub struct Exchange(UniquePtr<ffi::Exchange>);

impl Exchange {
    /// Lets a reservation go.
    pub fn take_out(&mut self, host: &Host) -> Result<(), KeaError> {
        Ok(self.0.pin_mut().take_out(&host.0)?)
    }

    /// Lets a reservation come.
    pub fn put_in(&mut self, host: &Host) -> Result<(), KeaError> {
        Ok(self.0.pin_mut().put_in(&host.0)?)
    }

    /// Makes the changes. After an error, everything is as it was.
    pub fn run(&mut self) -> Result<(), KeaError> {
        Ok(self.0.pin_mut().run()?)
    }

    /// Makes everything as it was before [`Self::run`].
    pub fn undo(&mut self) -> Result<(), KeaError> {
        Ok(self.0.pin_mut().undo()?)
    }
}
