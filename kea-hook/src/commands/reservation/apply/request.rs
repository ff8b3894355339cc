//! What `ext-reservation-apply` is given.

use std::collections::HashMap;

use kea_ffi::element::{Element, Kind};
use kea_ffi::host::{Family, HostId, Reservation};
use kea_ffi::hosts::{self, Host, SourceKind, Sources, Target};

use crate::apply::{Decided, Order, Removal, Verdict};
use crate::commands::arguments::{self, is_possible, subnet_and_key};
use crate::commands::reservation::{one, placement, read};
use crate::commands::{CommandError, Commands};
use crate::owner;

/// The arguments.
pub struct Request {
    /// What there shall be, and what not.
    pub order: Order,
    /// The wanted reservations as Kea's own sources take them. The embedded store alone needs none.
    hosts: Vec<Option<Host>>,
    /// Only say what would be done.
    pub dry_run: bool,
    /// All or nothing.
    pub atomic: bool,
    /// Where.
    pub sources: Sources,
}

const KNOWN: [&str; 8] =
    ["reservations", "remove", "owner", "prune", "adopt", "dry-run", "atomic", "operation-target"];

impl Request {
    /// Reads them. What is wrong with single items is left for the answer.
    pub fn read(hook: &Commands, arguments: Option<&Element>) -> Result<Self, CommandError> {
        let arguments = arguments::required(arguments)?;
        // A misspelled 'dry-run' must not change anything.
        if let Some(unknown) = arguments.names()?.iter().find(|name| !KNOWN.contains(&name.as_str())) {
            return Err(CommandError::new(format!(
                "unknown argument '{unknown}'; known are: {}",
                KNOWN.join(", ")
            )));
        }
        let (wanted, unwanted) = (list(arguments, "reservations")?, list(arguments, "remove")?);
        let owner = owner(arguments)?;
        let (prune, adopt) = (flag(arguments, "prune")?, flag(arguments, "adopt")?);
        if owner.is_none() && (prune || adopt) {
            let name = if prune { "prune" } else { "adopt" };
            return Err(CommandError::new(format!("'{name}' needs 'owner'")));
        }
        if prune && wanted.is_none() {
            return Err(CommandError::new(
                "'prune' needs 'reservations', the list of everything that the owner shall have: it may be empty",
            ));
        }
        if wanted.is_none() && unwanted.is_none() {
            return Err(CommandError::new("nothing to do: give 'reservations', 'remove' or both"));
        }
        let (dry_run, atomic) = (flag(arguments, "dry-run")?, flag(arguments, "atomic")?);
        let target = arguments::operation_target(arguments)?.unwrap_or(Target::Database);
        let (wanted, unwanted) = (wanted.unwrap_or_default(), unwanted.unwrap_or_default());
        check_count(hook, wanted.len() + unwanted.len())?;

        let mut order = Order {
            family: hook.family,
            owner,
            adopt,
            prune,
            wanted: Vec::with_capacity(wanted.len()),
            unwanted: unwanted
                .iter()
                .map(|given| removal(given).map_err(|error| error.to_string()))
                .collect(),
        };
        let sources = one::sources(target, "Host database not available, cannot apply reservations.")?;
        let reader = Reader::new(hook.family, order.owner.clone(), &sources)?;
        let mut hosts = Vec::with_capacity(wanted.len());
        for given in &wanted {
            let (host, wanted) = match reader.read(given) {
                Ok((host, reservation)) => (host, Ok(reservation)),
                Err(error) => (None, Err(error.to_string())),
            };
            hosts.push(host);
            order.wanted.push(wanted);
        }
        order.refuse_repeated();
        Ok(Self { order, hosts, dry_run, atomic, sources })
    }

    /// The hosts for what was decided to be put into a source, by the number that they get there.
    pub fn hosts_of(&self, decided: &Decided) -> HashMap<HostId, &Host> {
        let put = self.hosts.iter().zip(&decided.wanted).filter_map(|(host, verdict)| match verdict {
            Verdict::Added(id) | Verdict::Updated(id) | Verdict::Adopted(id) => Some((*id, host.as_ref()?)),
            _ => None,
        });
        put.collect()
    }
}

/// Reads reservations that shall be there, with the owner's mark.
struct Reader {
    family: Family,
    owner: Option<Vec<u8>>,
    /// A `user-context` with nothing but the owner.
    owner_alone: String,
    /// Whether a source of Kea's is to be changed, which takes hosts and no reservations.
    needs_hosts: bool,
}

impl Reader {
    fn new(family: Family, owner: Option<Vec<u8>>, sources: &Sources) -> Result<Self, CommandError> {
        let owner_alone = match &owner {
            None => String::new(),
            Some(owner) => {
                let mut context = Element::map()?;
                context.set(owner::MEMBER, &Element::bytes(owner)?)?;
                context.json()?
            }
        };
        let needs_hosts = sources.iter().any(|source| source.kind() != SourceKind::Store);
        Ok(Self { family, owner, owner_alone, needs_hosts })
    }

    fn read(&self, given: &Element) -> Result<(Option<Host>, Reservation), CommandError> {
        let owner = self.owner.as_deref();
        if !self.needs_hosts
            && let Some(plain) =
                hosts::parse_plain(self.family, given, owner.unwrap_or_default(), &self.owner_alone)?
        {
            return Ok((None, plain));
        }
        let (host, reservation) = reservation(self.family, given, owner)?;
        Ok((Some(host), reservation))
    }
}

fn reservation(
    family: Family,
    given: &Element,
    owner: Option<&[u8]>,
) -> Result<(Host, Reservation), CommandError> {
    if given.kind() != Kind::Map {
        return Err(CommandError::new(format!("expected a reservation, got {} instead", given.kind_name())));
    }
    let subnet = read::subnet_id(given)?;
    let marked = mark(given, owner)?;
    let host = read::read(family, &marked, subnet)?;
    let reservation = host.stored_form()?;
    if subnet.is_none() {
        placement::check_global(family, &reservation)?;
    }
    read::check(family, given, &reservation, subnet)?;
    if owner::of(&reservation.body).as_deref() != owner {
        return Err(CommandError::new("'user-context' is nested too deeply to be read again"));
    }
    Ok((host, reservation))
}

/// The reservation with the owner in its `user-context`.
fn mark(given: &Element, owner: Option<&[u8]>) -> Result<Element, CommandError> {
    let context = given.get("user-context")?;
    let named = context.as_ref().map(|context| context.get(owner::MEMBER)).transpose()?.flatten();
    if named.is_some_and(|named| named.as_bytes().as_deref() != owner) {
        return Err(CommandError::new(format!(
            "'{}' in 'user-context' is not the owner of this command: leave it out, and give 'owner'",
            owner::MEMBER
        )));
    }
    let mut marked = given.without("subnet-id")?;
    let Some(owner) = owner else { return Ok(marked) };
    let mut context = match context.filter(|context| context.kind() == Kind::Map) {
        Some(context) => context.without(owner::MEMBER)?,
        None => Element::map()?,
    };
    context.set(owner::MEMBER, &Element::bytes(owner)?)?;
    marked.set("user-context", &context)?;
    Ok(marked)
}

fn removal(given: &Element) -> Result<Removal, CommandError> {
    if given.kind() != Kind::Map {
        return Err(CommandError::new(format!(
            "expected 'subnet-id' and what names a reservation, got {} instead",
            given.kind_name()
        )));
    }
    let (subnet, key) = subnet_and_key(given)?;
    if !is_possible(&key) {
        return Err(CommandError::new("no hardware address has more than 20 bytes"));
    }
    Ok(Removal { subnet, key })
}

fn list(arguments: &Element, name: &str) -> Result<Option<Vec<Element>>, CommandError> {
    match arguments.get(name)? {
        None => Ok(None),
        Some(list) if list.kind() == Kind::List => Ok(Some(list.items()?)),
        Some(other) => Err(CommandError::new(format!(
            "'{name}' must be a list, not {} ({})",
            other.kind_name(),
            other.position()?
        ))),
    }
}

fn flag(arguments: &Element, name: &str) -> Result<bool, CommandError> {
    match arguments.get(name)? {
        None => Ok(false),
        Some(value) => match value.as_boolean() {
            Some(flag) => Ok(flag),
            None => Err(CommandError::new(format!("'{name}' must be true or false ({})", value.position()?))),
        },
    }
}

fn owner(arguments: &Element) -> Result<Option<Vec<u8>>, CommandError> {
    let Some(value) = arguments.get("owner")? else { return Ok(None) };
    match value.as_bytes().filter(|owner| (1..=owner::MAX_BYTES).contains(&owner.len())) {
        Some(owner) => Ok(Some(owner)),
        None => Err(CommandError::new(format!(
            "'owner' must be a string of 1 to {} bytes ({})",
            owner::MAX_BYTES,
            value.position()?
        ))),
    }
}

fn check_count(hook: &Commands, count: usize) -> Result<(), CommandError> {
    if count <= hook.max_apply_items {
        return Ok(());
    }
    Err(CommandError::new(format!(
        "the command has {count} items, and at most {} are allowed because DHCP waits while it runs: send several \
         commands, or raise 'max-apply-items' in the parameters of libdhcp_host_cmds_rs.so",
        hook.max_apply_items
    )))
}
