//! Commands that fail on purpose, for the tests of the entry points. Built with `fault-injection` only.

use kea_ffi::element::{Element, Reply, ResultCode};
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

/// Misuses memory, for whoever looks for that: reads and writes what was given back, writes behind the end of what there
/// is, or never gives it back.
pub fn misuses_memory(arguments: Option<&Element>) -> Result<Reply, CommandError> {
    let how = arguments.map(|given| given.get("how")).transpose()?.flatten();
    let how = how.and_then(|how| how.as_text()).unwrap_or_default();
    match how.as_str() {
        "leak" => std::mem::forget(vec![0_u8; 1000]),
        "use-after-free" => server::write_after_free(),
        "overflow" => server::write_behind_end(),
        _ => return Err(CommandError::new("'how' is leak, use-after-free or overflow")),
    }
    Ok(Reply::new(ResultCode::Success, "Done."))
}
