//! Changes to several sources at once: in all of them, or in none.
//!
//! Kea itself writes to one source after the other, stops at the first refusal, and leaves what it did before; its
//! configuration in memory and its SQL backends can lose a host in an update that they refuse. So sources other than
//! our store are asked for conflicts first, and what was done is undone when a later source fails.

use std::sync::Arc;

use kea_ffi::element::KeaError;
use kea_ffi::host::{By, Family, HostId, Query, StoredReservation};
use kea_ffi::hosts::{Host, Source, SourceKind, Sources};
use kea_ffi::server::{self, Message};

use crate::commands::CommandError;
use crate::unique::{self, Conflict};

/// Adds a reservation to every source.
pub fn add(sources: &Sources, host: &Host, family: Family) -> Result<(), CommandError> {
    for source in sources.iter().filter(|source| must_ask_first(*source, sources, family)) {
        refuse_conflict(source, host, family, false)?;
    }
    let mut done = Done::default();
    for source in sources.iter() {
        match source.add(host) {
            Ok(()) => done.steps.push(Step::Added(source, host)),
            Err(error) => return Err(done.undo(explain(source, host, family, error))),
        }
    }
    Ok(())
}

/// Puts a reservation in the place of the one that the same client has in the same subnet, in every source. False where
/// a source has none.
pub fn update(sources: &Sources, host: &Host, family: Family) -> Result<bool, CommandError> {
    let reservation = host.reservation()?;
    let Some(subnet) = reservation.subnet(family) else { return Ok(false) };
    let by = By::Identifier(reservation.identifier.kind, &reservation.identifier.value);
    let mut old = Vec::with_capacity(sources.len());
    for source in sources.iter() {
        let Some(found) = source.find(&Query::in_subnet(family, subnet, by))?.into_iter().next() else {
            return Ok(false);
        };
        old.push((source, found));
    }
    for (source, _) in old.iter().filter(|(source, _)| source.kind() != SourceKind::Store || old.len() > 1) {
        refuse_conflict(*source, host, family, true)?;
    }
    let mut done = Done::default();
    for (source, old) in &old {
        match source.replace(old, host) {
            Ok(()) => done.steps.push(Step::Replaced(*source, old, host)),
            Err(error) => return Err(done.undo(error.into())),
        }
    }
    Ok(true)
}

/// Removes what a query means from every source. False where there was nothing.
pub fn remove(sources: &Sources, query: &Query<'_>) -> Result<bool, CommandError> {
    let mut gone = Vec::new();
    for source in sources.iter() {
        gone.extend(source.find(query)?.into_iter().map(|host| (source, host)));
    }
    let mut done = Done::default();
    for (source, host) in &gone {
        match source.remove(host) {
            Ok(()) => done.steps.push(Step::Removed(*source, host)),
            Err(error) => return Err(done.undo(error.into())),
        }
    }
    Ok(!gone.is_empty())
}

/// Our store decides in the same step in which it writes, one SQL database adds in one transaction, and Kea's memory
/// checks all rules before it takes a DHCPv4 reservation.
fn must_ask_first(source: Source<'_>, sources: &Sources, family: Family) -> bool {
    sources.len() > 1 || (source.kind() == SourceKind::Memory && family == Family::V6)
}

/// Refuses what the rules of uniqueness forbid in this source.
fn refuse_conflict(
    source: Source<'_>,
    host: &Host,
    family: Family,
    replacing: bool,
) -> Result<(), CommandError> {
    let Some(found) = find_conflict(source, host, family, replacing)? else { return Ok(()) };
    Err(CommandError::new(match source.kind() {
        SourceKind::Other => format!("{DUPLICATE}: {found}"),
        _ => found.to_string(),
    }))
}

/// How Kea's SQL databases refuse a duplicate. They do not tell what is wrong, so that is said after it.
const DUPLICATE: &str = "Database duplicate entry error";

/// A refusal of a source, with what the rules know about it.
fn explain(source: Source<'_>, host: &Host, family: Family, error: KeaError) -> CommandError {
    match find_conflict(source, host, family, false) {
        Ok(Some(found)) => match source.kind() {
            SourceKind::Other => CommandError::new(format!("{error}: {found}")),
            SourceKind::Memory => CommandError::new(found.to_string()),
            _ => error.into(),
        },
        _ => error.into(),
    }
}

fn find_conflict(
    source: Source<'_>,
    host: &Host,
    family: Family,
    replacing: bool,
) -> Result<Option<Conflict>, KeaError> {
    let reservation = host.reservation()?;
    let holder = |query: &Query<'_>| -> Result<_, KeaError> {
        for found in source.find(&Query { family: Some(family), ..*query })? {
            let held = found.reservation()?;
            if !(replacing && held.identifier == reservation.identifier) {
                let id = HostId::new(found.id()).unwrap_or(HostId::after(0));
                return Ok(Some(Arc::new(StoredReservation { id, revision: 0, reservation: held })));
            }
        }
        Ok(None)
    };
    unique::conflict(&reservation, server::addresses_unique()?, holder)
}

/// What a command did so far.
#[derive(Default)]
pub struct Done<'a> {
    /// One after the other.
    pub steps: Vec<Step<'a>>,
}

/// A change that was made in one source.
pub enum Step<'a> {
    /// Source, new.
    Added(Source<'a>, &'a Host),
    /// Source, old, new.
    Replaced(Source<'a>, &'a Host, &'a Host),
    /// Source, old.
    Removed(Source<'a>, &'a Host),
}

impl Step<'_> {
    fn undo(&self) -> Result<(), KeaError> {
        match *self {
            Self::Added(source, host) => source.remove(host),
            Self::Replaced(source, old, new) => source.replace(new, old),
            Self::Removed(source, host) => source.add(host),
        }
    }

    fn source(&self) -> String {
        let (Self::Added(source, _) | Self::Replaced(source, ..) | Self::Removed(source, _)) = *self;
        source.name().unwrap_or_default()
    }
}

impl Done<'_> {
    /// Takes back everything, the last first. The error says so where that failed too.
    pub fn undo(self, error: CommandError) -> CommandError {
        let mut error = error;
        for step in self.steps.iter().rev() {
            if let Err(problem) = step.undo() {
                error = CommandError::new(format!(
                    "{error}; what was done in the host source '{}' before could not be taken back: {problem}",
                    step.source()
                ));
                server::log(Message::CommandFailed, &error.to_string());
            }
        }
        error
    }
}
