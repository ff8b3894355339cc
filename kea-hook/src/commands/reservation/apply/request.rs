//! What `ext-reservation-apply` is given.

use std::collections::BTreeMap;

use kea_ffi::element::{Element, Kind};
use kea_ffi::hosts::{Source, Sources, Target};

use super::attempts::Mode;
use super::item::{self, Reader};
use super::places::Batch;
use super::wishes::Wish;
use crate::apply::{Combined, Order, Removal};
use crate::commands::arguments::{self, is_possible, subnet_and_key};
use crate::commands::reservation::one;
use crate::commands::{CommandError, Commands};

/// The arguments.
pub struct Request {
    /// What there shall be, and what not.
    pub batch: Batch,
    /// What is known about the addresses of wanted reservations that take them from leases, by their place in the list.
    pub wishes: BTreeMap<usize, Wish>,
    /// What is to be done when something is refused.
    pub mode: Mode,
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
        arguments::only_known(arguments, &KNOWN)?;
        let (wanted, unwanted) = (list(arguments, "reservations")?, list(arguments, "remove")?);
        let owner = arguments::owner(arguments)?;
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
        let mode = match (flag(arguments, "dry-run")?, flag(arguments, "atomic")?) {
            (true, _) => Mode::DryRun,
            (false, true) => Mode::Atomic,
            (false, false) => Mode::ItemByItem,
        };
        let target = arguments::operation_target(arguments)?.unwrap_or(Target::Database);
        let (wanted, unwanted) = (wanted.unwrap_or_default(), unwanted.unwrap_or_default());
        check_count(hook, wanted.len() + unwanted.len())?;

        let order = Order {
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
        let mut request = Self { batch: Batch::new(order), wishes: BTreeMap::new(), mode, sources };
        request.read_all(&wanted)?;
        Ok(request)
    }

    /// Refuses to prune more than one command may do.
    pub fn check_pruned(&self, hook: &Commands, combined: &Combined) -> Result<(), CommandError> {
        let order = &self.batch.order;
        let items = order.wanted.len() + order.unwanted.len();
        let pruned = combined.pruned(order.family).len();
        if pruned == 0 || items + pruned <= hook.max_apply_items {
            return Ok(());
        }
        Err(CommandError::new(format!(
            "'prune' would remove {pruned} reservations, which makes {} items with the {items} of the command, and at \
             most {} are allowed because DHCP waits while it runs: if the list is what it should be, name what shall go \
             in 'remove' of several commands, or raise 'max-apply-items' in the parameters of libdhcp_host_cmds_rs.so",
            items + pruned,
            hook.max_apply_items
        )))
    }

    fn read_all(&mut self, wanted: &[Element]) -> Result<(), CommandError> {
        let sources: Vec<Source<'_>> = self.sources.iter().collect();
        let order = &self.batch.order;
        let reader = Reader::new(order.family, order.owner.clone(), &sources)?;
        for (place, given) in wanted.iter().enumerate() {
            let order = &self.batch.order;
            let item = reader.read(given).and_then(|wanted| {
                let Some(marked) = wanted.wish else { return Ok((wanted.host, wanted.reservation)) };
                let wish = Wish::find(order, &sources, &wanted.reservation)?;
                let found = match wish.addresses.as_slice() {
                    [] => (wanted.host, wanted.reservation),
                    addresses => {
                        let (host, reservation) = item::with_addresses(order.family, &marked, addresses)?;
                        (Some(host), reservation)
                    }
                };
                self.wishes.insert(place, wish);
                Ok(found)
            });
            self.batch.push(item.map_err(|error| error.to_string()));
        }
        self.batch.order.refuse_repeated();
        Ok(())
    }
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
