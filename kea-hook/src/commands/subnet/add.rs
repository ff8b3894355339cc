//! `subnet4-add` and `subnet6-add`.

use kea_ffi::element::{Element, Reply, ResultCode};
use kea_ffi::server::{self, Message};
use kea_ffi::subnets::Subnets;

use super::keeper::Keeper;
use super::{arguments, subject};
use crate::commands::{CommandError, Commands};

/// Adds a subnet.
pub fn add(hook: &Commands, arguments: Option<&Element>) -> Result<Reply, CommandError> {
    let family = hook.family;
    let command = arguments::command("subnet", family, "add");
    let given = arguments::one_subnet(arguments, family, &command)?;
    if given.get("reservations")?.is_some() {
        return Err(CommandError::new(format!(
            "must not specify host reservations with '{command}'. Use 'reservation-add' to add a reservation to a \
             subnet"
        )));
    }
    let change = Subnets::running(family).plan_add(&given)?;
    let (id, prefix) = (change.id(), change.prefix()?);
    let arguments = subject(&change)?;
    let mut keeper = Keeper::of(hook)?;
    keeper.add_subnet(id, None, &given)?;
    keeper.write()?;
    change.apply()?;
    server::log(Message::SubnetChanged, &format!("{family} subnet {prefix} (id {id}) added"));
    Ok(Reply::new(ResultCode::Success, format!("{family} subnet added")).with(arguments))
}
