//! `network4-del` and `network6-del`.

use kea_ffi::element::{Element, Reply, ResultCode};
use kea_ffi::server::{self, Message};
use kea_ffi::subnets::Subnets;

use super::subject;
use crate::commands::subnet::arguments::{command, map};
use crate::commands::subnet::keeper::Keeper;
use crate::commands::subnet::nothing;
use crate::commands::subnet::reservations::Reservations;
use crate::commands::{CommandError, Commands};

/// Deletes a shared network. Its subnets stay, or go with the reservations of them that only this server has.
pub fn del(hook: &Commands, arguments: Option<&Element>) -> Result<Reply, CommandError> {
    let family = hook.family;
    let command = command("network", family, "del");
    let arguments = map(arguments, &command)?;
    let Some(name) = arguments.get("name")? else {
        return Err(CommandError::new(format!(
            "network name ('name') is required for the '{command}' command"
        )));
    };
    let Some(bytes) = name.as_bytes() else {
        return Err(CommandError::new(format!(
            "network name ('name') specified for the '{command}' is not a string"
        )));
    };
    let with_subnets = with_subnets(arguments, &command)?;
    let subnets = Subnets::running(family);
    let text = String::from_utf8_lossy(&bytes).into_owned();
    if !subnets.has_network(&bytes)? {
        return Ok(nothing(format!("no shared network with name '{text}' found")));
    }
    let members: Vec<u32> = subnets.of_network(&bytes)?.iter().map(|subnet| subnet.id).collect();
    let change = subnets.plan_network_del(&bytes, with_subnets)?;
    let network = format!("{family} shared network '{text}'");
    let mut answer = subject(&name)?;
    let mut keeper = Keeper::of(hook)?;
    keeper.remove_network(&bytes);
    if with_subnets {
        for id in &members {
            keeper.remove_subnet(*id);
        }
        let reservations = Reservations::release(hook, &members, keeper)?;
        answer.set("reservations", &reservations.element()?)?;
        change.apply()?;
        reservations.tell(hook, &format!("{network} with {} subnet(s)", members.len()));
    } else {
        for id in &members {
            keeper.move_subnet(*id, None)?;
        }
        keeper.write()?;
        change.apply()?;
        server::log(Message::SubnetChanged, &format!("{network} deleted, {} subnet(s) kept", members.len()));
    }
    Ok(Reply::new(ResultCode::Success, format!("{network} deleted")).with(answer))
}

fn with_subnets(arguments: &Element, command: &str) -> Result<bool, CommandError> {
    let Some(action) = arguments.get("subnets-action")? else { return Ok(false) };
    let Some(action) = action.as_text() else {
        return Err(CommandError::new(format!(
            "subnets-action parameter for {command} command must be a string. Supported values are: 'keep' and \
             'delete'."
        )));
    };
    match action.as_str() {
        "keep" => Ok(false),
        "delete" => Ok(true),
        _ => Err(CommandError::new(format!(
            "Invalid value for subnets-action parameter: {action}, Supported values: 'keep' and 'delete'."
        ))),
    }
}
