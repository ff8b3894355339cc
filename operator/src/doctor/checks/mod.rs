//! The checks, each a pure function of what was read.

mod access;
mod commands;
mod daemon;
mod flags;
mod ha;
mod hook;
mod objects;
mod peers;
mod sources;
mod time;

use k8s_openapi::jiff::Timestamp;

use super::config::Config;
use super::{Check, Facts, Finding};
use crate::kea::KeaError;

/// Everything about one server, at a time. `servers` is how many the operator writes to.
pub fn server(facts: &Facts, servers: usize, now: Timestamp) -> Vec<Finding> {
    let mut found = access::reachable(facts);
    found.extend(time::clock(&facts.glance));
    found.extend(time::certificates(&facts.glance, now));
    if facts.version.is_ok() {
        found.extend(facts.unread.iter().map(|error| of_error(Check::Answers, error)));
        found.extend(commands::commands(facts));
        found.extend(hook::hook(facts));
        if let Some(config) = facts.config.as_ref().map(Config) {
            found.extend(access::agent(facts, config));
            found.extend(sources::sources(facts, config));
            found.extend(flags::flags(config));
            found.extend(daemon::daemon(config));
            found.extend(ha::ha(facts, config, servers));
        }
    }
    found.into_iter().map(|finding| finding.of(&facts.name)).collect()
}

pub use objects::{Objects, objects};
pub use peers::peers;

/// An error of the client, which names its own fix.
fn of_error(check: Check, error: &KeaError) -> Finding {
    let text = error.to_string();
    match (error, text.rsplit_once("; ")) {
        (KeaError::Refused { .. }, _) | (_, None) => {
            Finding::error(check, text).fix("look into the log of kea-dhcp4 for the reason")
        }
        (_, Some((what, fix))) => Finding::error(check, what).fix(fix),
    }
}

/// Names with commas.
fn list<T: ToString>(items: impl IntoIterator<Item = T>) -> String {
    items.into_iter().map(|item| item.to_string()).collect::<Vec<_>>().join(", ")
}

/// What the tests look at: name of the check and severity of everything that is not well.
#[cfg(test)]
fn bad(found: &[Finding]) -> Vec<(Check, super::Severity)> {
    let bad = found.iter().filter(|finding| finding.severity > super::Severity::Info);
    bad.map(|finding| (finding.check, finding.severity)).collect()
}
