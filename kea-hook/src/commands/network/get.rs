//! `network4-get` and `network6-get`.

use kea_ffi::element::{Element, Reply, ResultCode};
use kea_ffi::host::Family;
use kea_ffi::subnets::Subnets;

use super::of_networks;
use crate::commands::CommandError;
use crate::commands::subnet::arguments::{command, map};
use crate::commands::subnet::nothing;

/// Shows a shared network and the subnets in it.
pub fn get(family: Family, arguments: Option<&Element>) -> Result<Reply, CommandError> {
    let command = command("network", family, "get");
    let arguments = map(arguments, &command)?;
    let Some(name) = arguments.get("name")? else {
        return Err(CommandError::new(format!("invalid '{command}': missing mandatory 'name' parameter")));
    };
    let name = name.as_bytes().ok_or_else(|| CommandError::new("'name' parameter must be a string"))?;
    let text = String::from_utf8_lossy(&name);
    match Subnets::running(family).network_element(&name)? {
        Some(network) => {
            let text = format!("Info about {family} shared network '{text}' returned");
            Ok(Reply::new(ResultCode::Success, text).with(of_networks(&network)?))
        }
        None => Ok(nothing(format!("No '{text}' shared network found"))),
    }
}
