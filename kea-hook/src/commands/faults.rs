//! Commands that fail on purpose, for the tests of the entry points. Built with `fault-injection` only.

use kea_ffi::element::{Element, Reply};
use kea_ffi::server;

use super::CommandError;

/// Panics.
#[allow(clippy::panic, reason = "this is what it is for")]
pub fn panics() -> Result<Reply, CommandError> {
    panic!("on purpose")
}

/// Throws a C++ exception; with `"standard": false` one that is no `std::exception`.
pub fn throws(arguments: Option<&Element>) -> Result<Reply, CommandError> {
    let standard = arguments.map(|given| given.get("standard")).transpose()?.flatten();
    server::throw_exception(standard.and_then(|value| value.as_boolean()).unwrap_or(true))?;
    Err(CommandError::new("the exception got lost"))
}
