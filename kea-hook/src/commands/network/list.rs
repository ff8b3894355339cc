//! `network4-list` and `network6-list`.

use kea_ffi::element::{Element, Reply, ResultCode};
use kea_ffi::host::Family;
use kea_ffi::subnets::Subnets;

use crate::commands::CommandError;

/// Lists the shared networks. Arguments are not looked at, as in Kea's own hook.
pub fn list(family: Family, _arguments: Option<&Element>) -> Result<Reply, CommandError> {
    let names = Subnets::running(family).network_names()?.items()?;
    let mut list = Element::list()?;
    for name in &names {
        let mut network = Element::map()?;
        network.set("name", name)?;
        list.push(&network)?;
    }
    let mut arguments = Element::map()?;
    arguments.set("shared-networks", &list)?;
    let result = if names.is_empty() { ResultCode::Empty } else { ResultCode::Success };
    let noun = if names.len() == 1 { "network" } else { "networks" };
    Ok(Reply::new(result, format!("{} {family} {noun} found", names.len())).with(arguments))
}
