//! `network4-add` and `network6-add`.

use kea_ffi::element::{Element, Reply, ResultCode};
use kea_ffi::server::{self, Message};
use kea_ffi::subnets::Subnets;

use super::subject;
use crate::commands::subnet::arguments::{command, map, one};
use crate::commands::subnet::keeper::Keeper;
use crate::commands::{CommandError, Commands};

/// Adds a shared network with its subnets, all or nothing.
pub fn add(hook: &Commands, arguments: Option<&Element>) -> Result<Reply, CommandError> {
    let family = hook.family;
    let command = command("network", family, "add");
    let given = one(map(arguments, &command)?, "shared-networks", &command, "network")?;
    let change = Subnets::running(family).plan_network_add(&given)?;
    let name = given.get("name")?.ok_or_else(|| CommandError::new("the network has no name"))?;
    let text = name.as_text().unwrap_or_default();
    let answer = subject(&name)?;
    let mut keeper = Keeper::of(hook)?;
    keeper.add_network(&name.as_bytes().unwrap_or_default(), &given)?;
    keeper.write()?;
    change.apply()?;
    server::log(Message::SubnetChanged, &format!("{family} shared network '{text}' added"));
    Ok(Reply::new(ResultCode::Success, format!("A new {family} shared network '{text}' added")).with(answer))
}
