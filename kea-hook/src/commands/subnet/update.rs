//! `subnet4-update`, `subnet4-delta-add`, `subnet4-delta-del` and the same for IPv6.

use kea_ffi::element::{Element, Kind, Reply, ResultCode};
use kea_ffi::host::Family;
use kea_ffi::server::{self, Message};
use kea_ffi::subnets::Subnets;

use super::keeper::Keeper;
use super::{arguments, delta, subject};
use crate::commands::arguments::{SUBNET_ID_MAX, optional_integer};
use crate::commands::{CommandError, Commands};

/// Gives a subnet another description.
pub fn update(hook: &Commands, arguments: Option<&Element>) -> Result<Reply, CommandError> {
    change(hook, arguments, "update", Ok)
}

/// Adds to the description of a subnet.
pub fn delta_add(hook: &Commands, arguments: Option<&Element>) -> Result<Reply, CommandError> {
    change(hook, arguments, "delta-add", |given| {
        let current = current(hook.family, &given)?;
        delta::add(&current, &as_kea_writes(hook.family, &given)?, hook.family)
    })
}

/// Takes something out of the description of a subnet.
pub fn delta_del(hook: &Commands, arguments: Option<&Element>) -> Result<Reply, CommandError> {
    change(hook, arguments, "delta-del", |given| {
        let current = current(hook.family, &given)?;
        let given = delta::complete_options(&given, &current, hook.family)?;
        delta::del(&current, &as_kea_writes(hook.family, &given)?, hook.family)
    })
}

/// Replaces the subnet that the arguments name by what `describe` makes of them.
fn change(
    hook: &Commands,
    arguments: Option<&Element>,
    action: &str,
    describe: impl FnOnce(Element) -> Result<Element, CommandError>,
) -> Result<Reply, CommandError> {
    let family = hook.family;
    let command = arguments::command("subnet", family, action);
    let given = arguments::one_subnet(arguments, family, &command)?;
    if given.get("reservations")?.is_some() {
        return Err(CommandError::new(format!("must not specify host reservations with '{command}'.")));
    }
    if given.get("id")?.is_none() {
        return Err(CommandError::new(format!("must specify subnet id with '{command}' command.")));
    }
    let id = id_of(&given)?;
    if Subnets::running(family).element(id)?.is_none() {
        return Err(CommandError::new(format!("Can't find subnet '{id}' to update")));
    }
    let described = describe(given)?;
    let change = Subnets::running(family).plan_update(id, &described)?;
    let prefix = change.prefix()?;
    let arguments = subject(&change)?;
    let mut keeper = Keeper::of(hook)?;
    keeper.update_subnet(id, &described)?;
    keeper.write()?;
    change.apply()?;
    server::log(Message::SubnetChanged, &format!("{family} subnet {prefix} (id {id}) updated"));
    Ok(Reply::new(ResultCode::Success, format!("{family} subnet updated")).with(arguments))
}

fn id_of(given: &Element) -> Result<u32, CommandError> {
    let id = optional_integer(given, "id", 1..=SUBNET_ID_MAX)?.unwrap_or_default();
    Ok(u32::try_from(id).unwrap_or_default())
}

fn current(family: Family, given: &Element) -> Result<Element, CommandError> {
    let current = Subnets::running(family).element(id_of(given)?)?;
    current.ok_or_else(|| CommandError::new("the subnet is gone"))
}

/// What is given, in the form in which Kea writes it: pools and options of the current description look the same.
/// Kea adds parameters of its own; only those that are given count.
fn as_kea_writes(family: Family, given: &Element) -> Result<Element, CommandError> {
    let canonical = Subnets::running(family).canonical(given)?;
    let mut kept = Element::map()?;
    for name in canonical.names()? {
        if let (Some(_), Some(value)) = (given.get(&name)?, canonical.get(&name)?)
            && value.kind() != Kind::Null
        {
            kept.set(&name, &value)?;
        }
    }
    Ok(kept)
}
