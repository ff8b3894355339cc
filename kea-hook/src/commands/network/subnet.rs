//! `network4-subnet-add`, `network4-subnet-del` and the same for IPv6.

use kea_ffi::element::{Element, Reply, ResultCode};
use kea_ffi::server::{self, Message};
use kea_ffi::subnets::Subnets;

use super::arguments::Member;
use crate::commands::subnet::keeper::Keeper;
use crate::commands::subnet::nothing;
use crate::commands::{CommandError, Commands};

/// Puts a subnet into a shared network.
pub fn subnet_add(hook: &Commands, arguments: Option<&Element>) -> Result<Reply, CommandError> {
    let family = hook.family;
    let member = Member::read(family, "subnet-add", arguments)?;
    let subnets = Subnets::running(family);
    if !subnets.has_network(&member.name)? {
        return Ok(nothing(format!("no {family} shared network with name '{}' found", member.name())));
    }
    let id = u32::try_from(member.id).ok();
    let Some(id) = id.filter(|id| subnets.element(*id).is_ok_and(|found| found.is_some())) else {
        return Ok(nothing(format!("no {family} subnet with id '{}' found", member.id)));
    };
    let change = subnets.plan_network_subnet_add(&member.name, id)?;
    let text = format!(
        "{family} subnet {} (id {id}) is now part of shared network '{}'",
        change.prefix()?,
        member.name()
    );
    let mut keeper = Keeper::of(hook)?;
    keeper.move_subnet(id, Some(&member.name))?;
    keeper.write()?;
    change.apply()?;
    server::log(Message::SubnetChanged, &text);
    Ok(Reply::new(ResultCode::Success, text))
}

/// Takes a subnet out of its shared network.
pub fn subnet_del(hook: &Commands, arguments: Option<&Element>) -> Result<Reply, CommandError> {
    let family = hook.family;
    let member = Member::read(family, "subnet-del", arguments)?;
    let subnets = Subnets::running(family);
    if !subnets.has_network(&member.name)? {
        return Ok(nothing(format!("no {family} shared network with name '{}' found", member.name())));
    }
    let members = subnets.of_network(&member.name)?;
    let Some(subnet) = members.iter().find(|subnet| i64::from(subnet.id) == member.id) else {
        return Ok(nothing(format!(
            "The {family} subnet with id {} is not part of the shared network with name '{}' found",
            member.id,
            member.name()
        )));
    };
    let change = subnets.plan_network_subnet_del(&member.name, subnet.id)?;
    let text = format!(
        "{family} subnet {} (id {}) is now removed from shared network '{}'",
        change.prefix()?,
        subnet.id,
        member.name()
    );
    let mut keeper = Keeper::of(hook)?;
    keeper.move_subnet(subnet.id, None)?;
    keeper.write()?;
    change.apply()?;
    server::log(Message::SubnetChanged, &text);
    Ok(Reply::new(ResultCode::Success, text))
}
