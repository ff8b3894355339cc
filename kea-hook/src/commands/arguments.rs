//! Reading of command arguments, with the texts of Kea's own parsers.

use std::ops::RangeInclusive;

use kea_ffi::element::{Element, Kind};
use kea_ffi::host::{Family, IdentifierType};
use kea_ffi::hosts::{self, Target};
use kea_ffi::server::{self, Subnet};

use super::CommandError;
pub use crate::apply::HostKey;

/// Largest id that a subnet can have; the one above means "none" (`SUBNET_ID_MAX` of Kea).
pub const SUBNET_ID_MAX: i64 = 4_294_967_294;

/// The arguments, which must be a map.
pub fn required(arguments: Option<&Element>) -> Result<&Element, CommandError> {
    arguments
        .filter(|given| given.kind() == Kind::Map)
        .ok_or_else(|| CommandError::new("Parameters missing or are not a map."))
}

/// A number, where it is given.
pub fn optional_integer(
    arguments: &Element,
    name: &str,
    range: RangeInclusive<i64>,
) -> Result<Option<i64>, CommandError> {
    let Some(value) = arguments.get(name)? else {
        return Ok(None);
    };
    let Some(number) = value.as_integer() else {
        let position = value.position()?;
        return Err(CommandError::new(format!("invalid type specified for parameter '{name}' ({position})")));
    };
    if !range.contains(&number) {
        let (low, high) = range.into_inner();
        return Err(CommandError::new(format!(
            "The '{name}' value ({number}) is not within expected range: ({low} - {high})"
        )));
    }
    Ok(Some(number))
}

/// Refuses the lack of a parameter.
pub fn missing(arguments: &Element, name: &str) -> Result<CommandError, CommandError> {
    Ok(CommandError::new(format!("missing parameter '{name}' ({})", arguments.position()?)))
}

/// A subnet id, where it is given.
pub fn optional_subnet_id(arguments: &Element) -> Result<Option<u32>, CommandError> {
    Ok(optional_integer(arguments, "subnet-id", 0..=SUBNET_ID_MAX)?.and_then(|id| u32::try_from(id).ok()))
}

/// The subnet of that id. None for the global id 0, an error where the configuration lacks it.
pub fn configured_subnet(family: Family, id: u32) -> Result<Option<Subnet>, CommandError> {
    if id == 0 {
        return Ok(None);
    }
    let subnet = server::subnet(family, id)?;
    subnet
        .map(Some)
        .ok_or_else(|| CommandError::new(format!("{family} subnet with ID of '{id}' is not configured")))
}

/// `operation-target`. None stands for a command's own default.
pub fn operation_target(arguments: &Element) -> Result<Option<Target>, CommandError> {
    let Some(value) = arguments.get("operation-target")? else {
        return Ok(None);
    };
    let Some(name) = value.as_text() else {
        let position = value.position()?;
        return Err(CommandError::new(format!(
            "invalid type specified for parameter 'operation-target' ({position})"
        )));
    };
    match name.as_str() {
        "memory" => Ok(Some(Target::Memory)),
        "database" => Ok(Some(Target::Database)),
        "all" => Ok(Some(Target::All)),
        "default" => Ok(None),
        _ => Err(CommandError::new(format!(
            "The 'operation-target' value ({name}) is not within expected set: (memory, database, all, default)"
        ))),
    }
}

/// Whether any reservation can have such a key. Kea throws when it is asked for a hardware address that is too long.
pub fn is_possible(key: &HostKey) -> bool {
    !matches!(key, HostKey::Identifier(IdentifierType::HwAddress, value) if value.len() > HW_ADDRESS_MAX)
}

/// Longest hardware address in bytes (`HWAddr::MAX_HWADDR_LEN` of Kea).
pub const HW_ADDRESS_MAX: usize = 20;

/// What names one reservation in `reservation-get` and `reservation-del`: its subnet, and either its address
/// or its identifier.
pub fn subnet_and_key(arguments: &Element) -> Result<(u32, HostKey), CommandError> {
    if let Some(subnet) = optional_subnet_id(arguments)? {
        return Ok((subnet, key(arguments)?));
    }
    for name in ["ip-address", "identifier-type", "identifier"] {
        if arguments.get(name)?.is_some() {
            // What is wrong with it comes first, as in the stock hook.
            key(arguments)?;
        }
    }
    Err(missing_subnet_hint(arguments)?)
}

fn key(arguments: &Element) -> Result<HostKey, CommandError> {
    if let Some(address) = arguments.get("ip-address")? {
        let address = address.as_text().ok_or_else(|| CommandError::new("'ip-address' is not a string."))?;
        return Ok(HostKey::Address(hosts::parse_address(&address)?));
    }
    let (kind, identifier) = identifier(arguments, "No 'ip-address' provided and ")?;
    Ok(HostKey::Identifier(kind, identifier))
}

/// `identifier-type` and `identifier`. What is missing is told after `prefix`.
pub fn identifier(arguments: &Element, prefix: &str) -> Result<(IdentifierType, Vec<u8>), CommandError> {
    let bytes = |name: &str| -> Result<Vec<u8>, CommandError> {
        arguments
            .get(name)?
            .and_then(|value| value.as_bytes())
            .ok_or_else(|| CommandError::new(format!("{prefix}'{name}' is either missing or not a string.")))
    };
    let (kind, identifier) = (bytes("identifier-type")?, bytes("identifier")?);
    let empty = || CommandError::new("Unable to query for empty 'identifier'.");
    if identifier.is_empty() {
        return Err(empty());
    }
    let identifier = hosts::parse_identifier(&identifier)
        .map_err(|_| CommandError::new("Unable to parse 'identifier' value."))?;
    if identifier.is_empty() {
        return Err(empty());
    }
    let kind = hosts::identifier_type(&String::from_utf8_lossy(&kind))
        .map_err(|_| CommandError::new("Value of 'identifier-type' was not recognized."))?;
    Ok((kind, identifier))
}

/// Refuses a command that would miss reservations because a host database is not open: "not found" would be a lie.
pub fn check_databases(target: Target) -> Result<(), CommandError> {
    if target == Target::Memory {
        return Ok(());
    }
    match server::database_problems(true)?.first() {
        Some(problem) => Err(CommandError::new(format!("a host database is not available: {problem}"))),
        None => Ok(()),
    }
}

/// A string that must be there.
pub fn required_text(arguments: &Element, name: &str) -> Result<String, CommandError> {
    let Some(value) = arguments.get(name)? else { return Err(missing(arguments, name)?) };
    let Some(text) = value.as_text() else {
        let position = value.position()?;
        return Err(CommandError::new(format!("invalid type specified for parameter '{name}' ({position})")));
    };
    Ok(text)
}

/// Without a subnet only other commands can help; says which, with what was given.
fn missing_subnet_hint(arguments: &Element) -> Result<CommandError, CommandError> {
    let text = |name: &str| -> Result<Option<String>, CommandError> {
        Ok(arguments.get(name)?.and_then(|value| value.as_text()))
    };
    if let Some(address) = text("ip-address")? {
        return Ok(CommandError::new(format!(
            "missing parameter 'subnet-id', use 'reservation-get-by-address' with 'ip-address' set to \
             \"{address}\" to get the list of reservations with this address"
        )));
    }
    if let (Some(kind), Some(identifier)) = (text("identifier-type")?, text("identifier")?) {
        return Ok(CommandError::new(format!(
            "missing parameter 'subnet-id', use 'reservation-get-by-id' with 'identifier-type' set to \"{kind}\" \
             and 'identifier' to \"{identifier}\" to get the list of reservations with this identifier"
        )));
    }
    missing(arguments, "subnet-id")
}
