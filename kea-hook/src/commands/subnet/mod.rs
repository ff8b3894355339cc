//! The commands about subnets, `subnet4-*` and `subnet6-*`.
//!
//! All of them mean the running configuration. What they change is gone with the next configuration, as with Kea's own
//! hook, unless `persist-subnets` is on.

mod add;
pub mod arguments;
mod del;
mod delta;
mod get;
pub mod keeper;
mod list;
pub mod reservations;
mod restore;
mod update;

pub use add::add;
pub use del::del;
pub use get::get;
pub use list::list;
pub use restore::restore;
pub use update::{delta_add, delta_del, update};

use kea_ffi::element::{Element, KeaError, Reply, ResultCode};
use kea_ffi::subnets::Change;

/// The subnet of a change, as the answers show it: in a list of one.
fn subject(change: &Change) -> Result<Element, KeaError> {
    let mut subnet = Element::map()?;
    subnet.set("id", &Element::integer(change.id())?)?;
    subnet.set("subnet", &Element::text(&change.prefix()?)?)?;
    let mut list = Element::list()?;
    list.push(&subnet)?;
    let mut arguments = Element::map()?;
    arguments.set("subnets", &list)?;
    Ok(arguments)
}

/// An answer about something that was not there.
pub fn nothing(text: impl Into<String>) -> Reply {
    Reply::new(ResultCode::Empty, text)
}
