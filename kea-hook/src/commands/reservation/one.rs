//! `reservation-add`, `-update`, `-get` and `-del`.

use kea_ffi::element::{Element, Kind, Reply, ResultCode};
use kea_ffi::host::{Family, Query};
use kea_ffi::hosts::{Sources, Target};
use kea_ffi::server;

use super::read::{check, read, subnet_id};
use super::{change, placement};
use crate::commands::arguments::{self, HostKey};
use crate::commands::{CommandError, Commands};

/// Adds a reservation.
pub fn add(hook: &Commands, arguments: Option<&Element>) -> Result<Reply, CommandError> {
    let family = hook.family;
    let arguments = arguments.ok_or_else(|| CommandError::new("no parameters specified for the command"))?;
    if arguments.kind() != Kind::Map {
        let position = arguments.position()?;
        return Err(CommandError::new(format!("get(string) called on a non-map Element in ({position})")));
    }
    let target = arguments::operation_target(arguments)?.unwrap_or(Target::Database);
    let given =
        arguments.get("reservation")?.ok_or_else(|| CommandError::new("reservation must be specified"))?;
    let subnet = subnet_id(&given)?;
    let host = read(family, &given, subnet)?;
    if subnet.is_none() {
        placement::check_global(family, &host.reservation()?)?;
    }
    let sources = sources(target, "Host database not available, cannot add host.")?;
    check(family, &given, &host.reservation()?, subnet)?;
    change::add(hook, &sources, &host)?;
    Ok(Reply::new(
        ResultCode::Success,
        match subnet {
            Some(_) => "Host added.",
            None => "Host added. subnet-id not specified, assumed global (subnet-id 0).",
        },
    ))
}

/// Puts a reservation in the place of the one that the same client has in the same subnet.
pub fn update(hook: &Commands, arguments: Option<&Element>) -> Result<Reply, CommandError> {
    let family = hook.family;
    let arguments = arguments
        .ok_or_else(|| CommandError::new("invalid command: does not contain mandatory 'arguments'"))?;
    expect_map(arguments, "arguments")?;
    let target = arguments::operation_target(arguments)?.unwrap_or(Target::Database);
    let given = arguments.get("reservation")?.ok_or_else(|| {
        CommandError::new(
            "invalid command: expected 'reservation' as the sole parameter inside the 'arguments' map, didn't get \
             it instead",
        )
    })?;
    expect_map(&given, "reservation")?;
    let subnet = subnet_id(&given)?.ok_or_else(|| {
        CommandError::new(
            "Mandatory 'subnet-id' parameter missing. Use `reservation-get-by-id' or 'reservation-get-by-address' to \
             get the list of reservations with given identifier or address.",
        )
    })?;
    let host = read(family, &given, Some(subnet))?;
    let sources = sources(target, "host database not available, cannot update host")?;
    check(family, &given, &host.reservation()?, Some(subnet))?;
    if change::update(hook, &sources, &host)? {
        Ok(Reply::new(ResultCode::Success, "Host updated."))
    } else {
        Err(CommandError::new("Host not updated (not found)."))
    }
}

/// Shows the reservation of an address or identifier in a subnet.
pub fn get(family: Family, arguments: Option<&Element>) -> Result<Reply, CommandError> {
    let arguments = arguments::required(arguments)?;
    let (subnet, key) = arguments::subnet_and_key(arguments)?;
    let target = arguments::operation_target(arguments)?.unwrap_or(Target::All);
    arguments::check_databases(target)?;
    let query = Query::in_subnet(family, subnet, key.by());
    for source in Sources::of(target)?.iter() {
        let found = source.find(&query)?;
        if let (Family::V6, HostKey::Address(address), 2..) = (family, &key, found.len()) {
            return Err(CommandError::new(format!(
                "more than one reservation found for the host belonging to the subnet with id '{subnet}' and using \
                 the address '{address}': use 'reservation-get-by-address' to see them"
            )));
        }
        if let Some(host) = found.first() {
            return Ok(Reply::new(ResultCode::Success, "Host found.").with(host.element(family)?));
        }
    }
    Ok(Reply::new(ResultCode::Empty, "Host not found."))
}

/// Removes the reservation of an address or identifier in a subnet.
pub fn del(hook: &Commands, arguments: Option<&Element>) -> Result<Reply, CommandError> {
    let family = hook.family;
    let arguments = arguments::required(arguments)?;
    let (subnet, key) = arguments::subnet_and_key(arguments)?;
    let target = arguments::operation_target(arguments)?.unwrap_or(Target::Database);
    let none = "Unable to delete a host because there is no hosts-database configured.";
    let sources = sources(target, none)?;
    let removed = arguments::is_possible(&key)
        && change::remove(hook, &sources, &Query::in_subnet(family, subnet, key.by()))?;
    Ok(if removed {
        Reply::new(ResultCode::Success, "Host deleted.")
    } else {
        Reply::new(ResultCode::Empty, "Host not deleted (not found).")
    })
}

/// The sources to change; refused where only databases are meant and there is none, or where one is not open.
pub fn sources(target: Target, no_database: &str) -> Result<Sources, CommandError> {
    if target == Target::Database && !server::database_available()? {
        return Err(CommandError::new(no_database));
    }
    arguments::check_databases(target)?;
    Ok(Sources::of(target)?)
}

fn expect_map(value: &Element, name: &str) -> Result<(), CommandError> {
    if value.kind() == Kind::Map {
        return Ok(());
    }
    let found = value.kind_name();
    Err(CommandError::new(format!("invalid command: expected '{name}' to be a map, got {found} instead")))
}
