//! `ext-reservation-apply`.
//!
//! - `request`, `item` and `wishes`: what is given, and from which leases the addresses come.
//! - `places` and `source`: what is there; the decisions about it are made in [`crate::apply`].
//! - `bystander`: what the server's memory has, where only databases are changed.
//! - `attempts` and `execute`: how decisions are carried out, and how that is done in Kea's own sources.
//! - `reply`: what is answered.

pub mod attempts;
mod bystander;
mod execute;
pub mod item;
pub mod places;
mod reply;
mod request;
mod source;
mod wishes;

use kea_ffi::element::{Element, Reply};
use kea_ffi::hosts::Source;

use crate::commands::{CommandError, Commands};
use attempts::carry_out;
use bystander::Memory;
use request::Request;

/// Makes many reservations what a list says, and others go.
pub fn apply(hook: &Commands, arguments: Option<&Element>) -> Result<Reply, CommandError> {
    let request = Request::read(hook, arguments)?;
    let sources: Vec<Source<'_>> = request.sources.iter().collect();
    let mut names = sources.iter().map(Source::name).collect::<Result<Vec<_>, _>>()?;
    names.push(Memory::name().to_owned());
    let stores = hook.open_stores();
    let store = stores.first().map(AsRef::as_ref);
    let done = carry_out(hook, &sources, store, &request.batch, request.mode, |decided| {
        request.check_pruned(hook, decided)
    })?;
    reply::reply(&request, &done, &names)
}
