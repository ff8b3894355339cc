//! `ext-event-get`.

use kea_ffi::element::{Element, Kind, Reply, ResultCode};

use super::describe::describe;
use crate::commands::arguments::{self, optional_integer};
use crate::commands::{CommandError, Commands};

/// How many events a reply has unless told otherwise.
const LIMIT: i64 = 1000;
/// DHCP waits for a command, so that a client should not be able to ask for everything.
const MOST: i64 = 10_000;

/// Shows what happened after an event.
pub fn get(hook: &Commands, arguments: Option<&Element>) -> Result<Reply, CommandError> {
    let (since, epoch, limit) = match arguments.filter(|given| given.kind() != Kind::Null) {
        None => (None, None, LIMIT),
        given => {
            let arguments = arguments::required(given)?;
            (
                optional_integer(arguments, "since", 0..=i64::MAX)?,
                optional_integer(arguments, "epoch", i64::MIN..=i64::MAX)?,
                optional_integer(arguments, "limit", 1..=MOST)?.unwrap_or(LIMIT),
            )
        }
    };
    let journal = hook.events.journal();
    if journal.size() == 0 {
        return Err(CommandError::new(
            "no events are kept, because 'event-log-size' in the parameters of libdhcp_host_cmds_rs.so is 0",
        ));
    }
    // Who does not say where to begin is told where the end is.
    let since = since.map_or_else(|| journal.head(), i64::unsigned_abs);
    let page = journal.after(since, epoch, usize::try_from(limit).unwrap_or(usize::MAX));

    let mut events = Element::list()?;
    for entry in &page.entries {
        events.push(&describe(hook.family, entry)?)?;
    }
    let text = format!("{} event(s).", page.entries.len());
    let mut found = Element::map()?;
    found.set("epoch", &Element::integer(journal.epoch())?)?;
    found.set("events", &events)?;
    found.set("head", &Element::integer(page.head)?)?;
    found.set("lost", &Element::boolean(page.lost)?)?;
    Ok(Reply::new(ResultCode::Success, text).with(found))
}
