//! Reading of what the commands about subnets and shared networks are given, with the texts of Kea's own hook.

use kea_ffi::element::{Element, Kind};
use kea_ffi::host::Family;

use crate::commands::CommandError;

/// The name of a command in Kea's own hook, such as `subnet4-add`.
pub fn command(what: &str, family: Family, action: &str) -> String {
    format!("{what}{}-{action}", family.number())
}

/// The arguments, which must be a map.
pub fn map<'a>(arguments: Option<&'a Element>, command: &str) -> Result<&'a Element, CommandError> {
    let arguments = arguments
        .ok_or_else(|| CommandError::new(format!("no arguments specified for the '{command}' command")))?;
    if arguments.kind() != Kind::Map {
        return Err(CommandError::new(format!(
            "arguments specified for the '{command}' command are not a map"
        )));
    }
    Ok(arguments)
}

/// The one subnet that `subnet4` or `subnet6` has.
pub fn one_subnet(
    arguments: Option<&Element>,
    family: Family,
    command: &str,
) -> Result<Element, CommandError> {
    let arguments = map(arguments, command)?;
    let list = format!("subnet{}", family.number());
    let count = arguments.names()?.len();
    if count != 1 {
        return Err(CommandError::new(format!(
            "invalid number of arguments {count} for the '{command}' command. Expecting '{list}' list"
        )));
    }
    one(arguments, &list, command, "subnet")
}

/// The one map that the list of that name has.
pub fn one(arguments: &Element, name: &str, command: &str, what: &str) -> Result<Element, CommandError> {
    let Some(list) = arguments.get(name)? else {
        return Err(CommandError::new(format!("missing '{name}' argument for the '{command}' command")));
    };
    if list.kind() != Kind::List {
        return Err(CommandError::new(format!(
            "'{name}' argument specified for the '{command}' command is not a list"
        )));
    }
    let mut items = list.items()?;
    let (Some(item), true) = (items.pop(), items.is_empty()) else {
        return Err(CommandError::new(format!(
            "invalid number of {what}s specified for the '{command}' command. Expected one {what}"
        )));
    };
    if item.kind() != Kind::Map {
        return Err(CommandError::new(format!(
            "invalid {what} information specified for the'{command}' command. Expected a map"
        )));
    }
    Ok(item)
}
