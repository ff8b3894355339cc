//! The commands about shared networks, `network4-*` and `network6-*`.

mod add;
mod arguments;
mod del;
mod get;
mod list;
mod subnet;

pub use add::add;
pub use del::del;
pub use get::get;
pub use list::list;
pub use subnet::{subnet_add, subnet_del};

use kea_ffi::element::{Element, KeaError};

/// A name as the answers show it: in a list of one.
fn subject(name: &Element) -> Result<Element, KeaError> {
    let mut network = Element::map()?;
    network.set("name", name)?;
    of_networks(&network)
}

/// One network under `shared-networks`.
fn of_networks(network: &Element) -> Result<Element, KeaError> {
    let mut list = Element::list()?;
    list.push(network)?;
    let mut arguments = Element::map()?;
    arguments.set("shared-networks", &list)?;
    Ok(arguments)
}
