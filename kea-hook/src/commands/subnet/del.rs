//! `subnet4-del` and `subnet6-del`.

use kea_ffi::element::{Element, Reply, ResultCode};
use kea_ffi::subnets::Subnets;

use super::keeper::Keeper;
use super::reservations::Reservations;
use super::{arguments, nothing, subject};
use crate::commands::{CommandError, Commands};

/// Deletes a subnet, and the reservations of it that only this server has.
pub fn del(hook: &Commands, arguments: Option<&Element>) -> Result<Reply, CommandError> {
    let family = hook.family;
    let command = arguments::command("subnet", family, "del");
    let arguments = arguments::map(arguments, &command)?;
    if arguments.names()?.len() != 1 {
        return Err(CommandError::new(format!(
            "invalid number of arguments specified for the '{command} command. Expected subnet identifier"
        )));
    }
    let Some(id) = arguments.get("id")? else {
        return Err(CommandError::new(format!("subnet identifier is required for the '{command}' command")));
    };
    let Some(number) = id.as_integer() else {
        return Err(CommandError::new(format!(
            "subnet identifier specified for the '{command}' is not a number"
        )));
    };
    let subnets = Subnets::running(family);
    let existing = match u32::try_from(number) {
        Ok(id) => subnets.element(id)?.map(|_| id),
        Err(_) => None,
    };
    let Some(id) = existing else {
        return Ok(nothing(format!("no subnet with id {number} found")));
    };
    let change = subnets.plan_del(id)?;
    let subnet = format!("{family} subnet {} (id {id})", change.prefix()?);
    let mut answer = subject(&change)?;
    // Before the subnet goes: a failure to write must not leave reservations for a later subnet of this id.
    let mut keeper = Keeper::of(hook)?;
    keeper.remove_subnet(id);
    let reservations = Reservations::release(hook, &[id], keeper)?;
    answer.set("reservations", &reservations.element()?)?;
    change.apply()?;
    reservations.tell(hook, &subnet);
    Ok(Reply::new(ResultCode::Success, format!("{subnet} deleted")).with(answer))
}
