//! `subnet4-get` and `subnet6-get`.

use kea_ffi::element::{Element, Kind, Reply, ResultCode};
use kea_ffi::host::Family;
use kea_ffi::subnets::Subnets;

use super::{arguments, nothing};
use crate::commands::CommandError;

/// Shows a subnet.
pub fn get(family: Family, arguments: Option<&Element>) -> Result<Reply, CommandError> {
    let command = arguments::command("subnet", family, "get");
    let arguments = arguments::map(arguments, &command)?;
    let count = arguments.names()?.len();
    if count != 1 {
        return Err(CommandError::new(format!(
            "invalid number of arguments {count} for the '{command}' command. Expecting 'id' or 'subnet'"
        )));
    }
    let subnets = Subnets::running(family);
    let (id, what) = if let Some(prefix) = arguments.get("subnet")? {
        let prefix =
            prefix.as_bytes().ok_or_else(|| CommandError::new("'subnet' parameter must be a string"))?;
        (subnets.by_prefix(&prefix)?, format!("{} subnet", String::from_utf8_lossy(&prefix)))
    } else if let Some(id) = arguments.get("id")? {
        let id = id.as_integer().ok_or_else(|| CommandError::new("'id' parameter must be an integer"))?;
        (u32::try_from(id).ok(), format!("subnet with id {id}"))
    } else {
        return Err(CommandError::new("'id' or 'subnet' parameter required"));
    };
    let subnet = id.map(|id| subnets.element(id)).transpose()?.flatten();
    match (id, subnet) {
        (Some(id), Some(subnet)) => show(family, id, &subnet),
        _ => Ok(nothing(format!("No {what} found"))),
    }
}

fn show(family: Family, id: u32, subnet: &Element) -> Result<Reply, CommandError> {
    let prefix = subnet.get("subnet")?.filter(|prefix| prefix.kind() == Kind::Text);
    let prefix = prefix.and_then(|prefix| prefix.as_text()).unwrap_or_default();
    let mut list = Element::list()?;
    list.push(subnet)?;
    let mut arguments = Element::map()?;
    arguments.set(&format!("subnet{}", family.number()), &list)?;
    let text = format!("Info about {family} subnet {prefix} (id {id}) returned");
    Ok(Reply::new(ResultCode::Success, text).with(arguments))
}
