//! `ext-lease-resolve`.

use std::sync::Arc;

use kea_ffi::element::{Element, Kind, Reply, ResultCode};
use kea_ffi::host::{By, Family, IdentifierType, Query};
use kea_ffi::hosts::{Source, SourceKind, Sources, Target};
use kea_ffi::leases::Resolver;

use crate::commands::arguments::{self, HW_ADDRESS_MAX};
use crate::commands::{CommandError, Commands};
use crate::owner;
use crate::store::Store;

/// Shows the leases and the reservations of many clients.
pub fn resolve(hook: &Commands, arguments: Option<&Element>) -> Result<Reply, CommandError> {
    let arguments = arguments::required(arguments)?;
    let entries = entries(hook, arguments)?;
    let common = Common::read(arguments)?;
    let sources = sources(arguments)?;
    let places = sources.iter().flat_map(Sources::iter).map(|source| Place::new(hook, source));
    let places = places.collect::<Result<Vec<_>, _>>()?;

    let mut resolver = Resolver::new(hook.family)?;
    let mut refused = 0;
    for index in 0..entries.len() {
        let client = common.client(&entries.item(index)?);
        if let Err(error) = client.and_then(|client| answer(&mut resolver, hook.family, &client, &places)) {
            resolver.refuse(&error.to_string())?;
            refused += 1;
        }
    }
    let text = format!(
        "{} identifier(s): {} lease(s), {} reservation(s), {refused} invalid.",
        entries.len(),
        resolver.leases(),
        resolver.reservations()
    );
    let mut found = Element::map()?;
    found.set("identifiers", &resolver.answers()?)?;
    Ok(Reply::new(ResultCode::Success, text).with(found))
}

/// The list, where it is no longer than allowed.
fn entries(hook: &Commands, arguments: &Element) -> Result<Element, CommandError> {
    let Some(entries) = arguments.get("identifiers")? else {
        return Err(arguments::missing(arguments, "identifiers")?);
    };
    if entries.kind() != Kind::List {
        let found = entries.kind_name();
        return Err(CommandError::new(format!("'identifiers' must be a list, not {found}")));
    }
    let (count, most) = (entries.len(), hook.max_resolve_identifiers);
    if count > most {
        return Err(CommandError::new(format!(
            "the command has {count} identifiers, and at most {most} are allowed, because DHCP waits for a command: \
             send several, or raise 'max-resolve-identifiers' in the parameters of libdhcp_host_cmds_rs.so"
        )));
    }
    Ok(entries)
}

/// Where to look for reservations; none where nobody wants to know.
fn sources(arguments: &Element) -> Result<Option<Sources>, CommandError> {
    let target = arguments::operation_target(arguments)?.unwrap_or(Target::All);
    let wanted = match arguments.get("reservations")? {
        None => true,
        Some(value) => {
            let wrong = || CommandError::new("'reservations' must be true or false");
            value.as_boolean().ok_or_else(wrong)?
        }
    };
    if !wanted {
        return Ok(None);
    }
    arguments::check_databases(target)?;
    Ok(Some(Sources::of(target)?))
}

/// Whom an entry asks for.
struct Client {
    kind: IdentifierType,
    identifier: Vec<u8>,
    subnet: Option<u32>,
}

/// What holds for the entries that do not say otherwise.
struct Common {
    kind: Option<IdentifierType>,
    subnet: Option<u32>,
}

impl Common {
    fn read(arguments: &Element) -> Result<Self, CommandError> {
        let kind = match arguments.get("identifier-type")? {
            Some(_) => Some(arguments::identifier_type(arguments)?),
            None => None,
        };
        Ok(Self { kind, subnet: arguments::optional_subnet_id(arguments)? })
    }

    fn client(&self, entry: &Element) -> Result<Client, CommandError> {
        let client = match entry.kind() {
            Kind::Text => {
                let kind = self.kind.ok_or_else(|| {
                    CommandError::new(
                        "an identifier without a type needs 'identifier-type' beside 'identifiers'",
                    )
                })?;
                let identifier = arguments::identifier_bytes(&entry.as_bytes().unwrap_or_default())?;
                Client { kind, identifier, subnet: self.subnet }
            }
            Kind::Map => {
                let (kind, identifier) = arguments::identifier(entry, "")?;
                let subnet = arguments::optional_subnet_id(entry)?.or(self.subnet);
                Client { kind, identifier, subnet }
            }
            _ => {
                let found = entry.kind_name();
                return Err(CommandError::new(format!(
                    "an identifier must be a string or a map, not {found}"
                )));
            }
        };
        if client.kind == IdentifierType::HwAddress && client.identifier.len() > HW_ADDRESS_MAX {
            return Err(CommandError::new(format!("a hw-address has at most {HW_ADDRESS_MAX} bytes")));
        }
        Ok(client)
    }
}

/// Where reservations are looked for, and its name in a reply.
struct Place<'a> {
    source: Source<'a>,
    /// Asked without making Kea's hosts of what it has, which takes long when there are many.
    store: Option<Arc<Store>>,
    name: Element,
}

impl<'a> Place<'a> {
    fn new(hook: &Commands, source: Source<'a>) -> Result<Self, CommandError> {
        let store = match source.kind() {
            SourceKind::Store => hook.open_stores().pop(),
            _ => None,
        };
        Ok(Self { source, store, name: Element::text(&source.name()?)? })
    }
}

/// Looks a client up in the lease database and in all places.
fn answer(
    resolver: &mut Resolver,
    family: Family,
    client: &Client,
    places: &[Place<'_>],
) -> Result<(), CommandError> {
    resolver.open(client.kind, &client.identifier, client.subnet)?;
    let by = By::Identifier(client.kind, &client.identifier);
    let query = Query { family: Some(family), subnet: client.subnet, by };
    for place in places {
        if let Some(store) = &place.store {
            for stored in store.find(&query) {
                let reservation = &stored.reservation;
                resolver.reserve(reservation, owner::of(&reservation.body).as_deref(), &place.name)?;
            }
        } else {
            for host in place.source.find(&query)? {
                let owner = host.owner(owner::MEMBER)?;
                resolver.reserve(&host.reservation()?, owner.as_deref(), &place.name)?;
            }
        }
    }
    Ok(resolver.close()?)
}
