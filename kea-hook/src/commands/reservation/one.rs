//! `reservation-add`, `-update`, `-get` and `-del`.

use kea_ffi::element::{Element, Kind, Reply, ResultCode};
use kea_ffi::host::{Family, Query};
use kea_ffi::hosts::{Host, Sources, Target};
use kea_ffi::server;

use super::{change, placement, validity};
use crate::commands::CommandError;
use crate::commands::arguments::{self, HostKey, SUBNET_ID_MAX};

/// Adds a reservation.
pub fn add(family: Family, arguments: Option<&Element>) -> Result<Reply, CommandError> {
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
    check(family, &given, &host, subnet)?;
    change::add(&sources, &host, family)?;
    Ok(Reply::new(
        ResultCode::Success,
        match subnet {
            Some(_) => "Host added.",
            None => "Host added. subnet-id not specified, assumed global (subnet-id 0).",
        },
    ))
}

/// Puts a reservation in the place of the one that the same client has in the same subnet.
pub fn update(family: Family, arguments: Option<&Element>) -> Result<Reply, CommandError> {
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
    check(family, &given, &host, Some(subnet))?;
    if change::update(&sources, &host, family)? {
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
pub fn del(family: Family, arguments: Option<&Element>) -> Result<Reply, CommandError> {
    let arguments = arguments::required(arguments)?;
    let (subnet, key) = arguments::subnet_and_key(arguments)?;
    let target = arguments::operation_target(arguments)?.unwrap_or(Target::Database);
    let none = "Unable to delete a host because there is no hosts-database configured.";
    let sources = sources(target, none)?;
    let removed = key.is_possible() && change::remove(&sources, &Query::in_subnet(family, subnet, key.by()))?;
    Ok(if removed {
        Reply::new(ResultCode::Success, "Host deleted.")
    } else {
        Reply::new(ResultCode::Empty, "Host not deleted (not found).")
    })
}

/// The sources to change; refused where only databases are meant and there is none, or where one is not open.
fn sources(target: Target, no_database: &str) -> Result<Sources, CommandError> {
    if target == Target::Database && !server::database_available()? {
        return Err(CommandError::new(no_database));
    }
    arguments::check_databases(target)?;
    Ok(Sources::of(target)?)
}

/// The reservation, as Kea's parser reads it.
fn read(family: Family, given: &Element, subnet: Option<u32>) -> Result<Host, CommandError> {
    match Host::parse(family, subnet.unwrap_or(0), &given.without("subnet-id")?) {
        Ok(host) => Ok(host),
        // Earlier versions say some things in other words.
        Err(error) => Err(validity::check_limits(given).err().unwrap_or_else(|| error.into())),
    }
}

/// Checks a reservation against its subnet, and for what Kea's parser lets pass. Last, so that clients of the stock hook
/// first get the errors that they know.
fn check(family: Family, given: &Element, host: &Host, subnet: Option<u32>) -> Result<(), CommandError> {
    let reservation = host.reservation()?;
    placement::check_inside(family, &reservation, subnet.unwrap_or(0))?;
    validity::check_parsed(family, given, &reservation.identifier)
}

fn expect_map(value: &Element, name: &str) -> Result<(), CommandError> {
    if value.kind() == Kind::Map {
        return Ok(());
    }
    let found = value.kind_name();
    Err(CommandError::new(format!("invalid command: expected '{name}' to be a map, got {found} instead")))
}

fn subnet_id(reservation: &Element) -> Result<Option<u32>, CommandError> {
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
