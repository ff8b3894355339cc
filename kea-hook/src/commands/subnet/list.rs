//! `subnet4-list` and `subnet6-list`.

use kea_ffi::element::{Element, Reply, ResultCode};
use kea_ffi::host::Family;
use kea_ffi::server;

use crate::commands::CommandError;

/// Lists the configured subnets. Arguments are not looked at, as in Kea's own hook.
pub fn list(family: Family, _arguments: Option<&Element>) -> Result<Reply, CommandError> {
    let subnets = server::subnets(family)?;
    let mut list = Element::list()?;
    for subnet in &subnets {
        let mut entry = Element::map()?;
        entry.set("id", &Element::integer(subnet.id)?)?;
        entry.set("subnet", &Element::text(&subnet.prefix)?)?;
        let network = match subnet.shared_network.as_slice() {
            [] => Element::null()?,
            name => Element::bytes(name)?,
        };
        entry.set("shared-network-name", &network)?;
        list.push(&entry)?;
    }
    let mut arguments = Element::map()?;
    arguments.set("subnets", &list)?;
    let result = if subnets.is_empty() { ResultCode::Empty } else { ResultCode::Success };
    let noun = if subnets.len() == 1 { "subnet" } else { "subnets" };
    Ok(Reply::new(result, format!("{} {family} {noun} found", subnets.len())).with(arguments))
}
