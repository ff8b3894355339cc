//! `reservation-add`, `reservation-get` and `reservation-del`.

use kea_ffi::element::{Element, Kind, Reply, ResultCode};
use kea_ffi::server::{self, Host, Subnet, Target};

use super::CommandError;
use super::arguments::{self, SUBNET_ID_MAX};

/// Adds a reservation to the host databases.
pub fn add(arguments: Option<&Element>) -> Result<Reply, CommandError> {
    let arguments = arguments.ok_or_else(|| CommandError::new("no parameters specified for the command"))?;
    if arguments.kind() != Kind::Map {
        return Err(CommandError::new("Parameters missing or are not a map."));
    }
    writable_target(arguments)?;
    let reservation =
        arguments.get("reservation")?.ok_or_else(|| CommandError::new("reservation must be specified"))?;
    check_user_context(&reservation)?;
    let given_subnet = subnet_of(&reservation)?;
    let subnet = given_subnet.map(arguments::configured_subnet4).transpose()?.flatten();

    let host = Host::parse4(given_subnet.unwrap_or(0), &reservation.without("subnet-id")?)?;
    match (host.address4()?, given_subnet, subnet) {
        (Some(address), None, _) => return Err(missing_subnet(&address)?),
        (Some(address), _, Some(subnet)) => check_address(&address, &subnet)?,
        _ => {}
    }
    if !server::database_available()? {
        return Err(CommandError::new("Host database not available, cannot add host."));
    }
    arguments::check_databases(Target::Database)?;
    host.add()?;
    Ok(Reply::new(
        ResultCode::Success,
        match given_subnet {
            Some(_) => "Host added.",
            None => "Host added. subnet-id not specified, assumed global (subnet-id 0).",
        },
    ))
}

/// Shows the reservation of an address or identifier in a subnet.
pub fn get(arguments: Option<&Element>) -> Result<Reply, CommandError> {
    let arguments = arguments::required(arguments)?;
    let target = arguments::operation_target(arguments)?.unwrap_or(Target::All);
    let (subnet, key) = arguments::subnet_and_key(arguments)?;
    arguments::check_databases(target)?;
    Ok(match server::find_host4(target, subnet, &key)? {
        Some(host) => Reply::new(ResultCode::Success, "Host found.").with(host),
        None => Reply::new(ResultCode::Empty, "Host not found."),
    })
}

/// Removes the reservation of an address or identifier in a subnet from the host databases.
pub fn del(arguments: Option<&Element>) -> Result<Reply, CommandError> {
    let arguments = arguments::required(arguments)?;
    writable_target(arguments)?;
    let (subnet, key) = arguments::subnet_and_key(arguments)?;
    if !server::database_available()? {
        return Err(CommandError::new(
            "Unable to delete a host because there is no hosts-database configured.",
        ));
    }
    arguments::check_databases(Target::Database)?;
    Ok(if server::delete_host4(subnet, &key)? {
        Reply::new(ResultCode::Success, "Host deleted.")
    } else {
        Reply::new(ResultCode::Empty, "Host not deleted (not found).")
    })
}

/// Changes go to the host databases. Kea's configuration in memory is no place for them yet: what is
/// written there is gone at the next reconfiguration, and Kea 2.2.0 cannot delete it.
fn writable_target(arguments: &Element) -> Result<(), CommandError> {
    match arguments::operation_target(arguments)? {
        None | Some(Target::Database) => Ok(()),
        Some(_) => Err(CommandError::new(
            "this version of the hook library changes the host databases only; leave 'operation-target' out or \
             set it to 'database'",
        )),
    }
}

/// Kea's parser takes any value here, and cannot read the reservation back afterwards.
fn check_user_context(reservation: &Element) -> Result<(), CommandError> {
    match reservation.get("user-context")? {
        Some(context) if context.kind() != Kind::Map => {
            let position = context.position()?;
            Err(CommandError::new(format!("'user-context' must be a map ({position})")))
        }
        _ => Ok(()),
    }
}

fn subnet_of(reservation: &Element) -> Result<Option<u32>, CommandError> {
    let Some(value) = reservation.get("subnet-id")? else {
        return Ok(None);
    };
    let id = value.as_integer().ok_or_else(|| CommandError::new("'subnet-id' parameter is not integer."))?;
    u32::try_from(id).ok().filter(|_| id <= SUBNET_ID_MAX).map(Some).ok_or_else(|| {
        CommandError::new(format!(
            "subnet-id: {id} is invalid, must be between 0 and {SUBNET_ID_MAX} (inclusive)."
        ))
    })
}

fn check_address(address: &str, subnet: &Subnet) -> Result<(), CommandError> {
    if server::subnet4_contains(subnet.id, address)? {
        return Ok(());
    }
    Err(CommandError::new(format!(
        "specified reservation '{address}' is not matching the IPv4 subnet prefix '{}'",
        subnet.prefix
    )))
}

/// An address without a subnet is refused, with the subnet that it probably belongs to.
fn missing_subnet(address: &str) -> Result<CommandError, CommandError> {
    let mut around = Vec::new();
    for subnet in server::subnets4()? {
        if server::subnet4_contains(subnet.id, address)? {
            around.push(subnet);
        }
    }
    let Some(likely) = around.iter().find(|subnet| !subnet.guarded).or(around.first()) else {
        return Ok(CommandError::new(format!(
            "Mandatory 'subnet-id' parameter missing. The address '{address}' belongs to no configured subnet."
        )));
    };
    Ok(CommandError::new(format!(
        "Mandatory 'subnet-id' parameter missing. The address '{address}' belongs to {}subnet '{}' id {}{}.",
        if likely.guarded { "guarded " } else { "" },
        likely.prefix,
        likely.id,
        if around.len() > 1 { " and others" } else { "" }
    )))
}
