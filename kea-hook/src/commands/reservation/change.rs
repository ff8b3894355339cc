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

use crate::commands::event::{Events, reserved};
use crate::commands::{CommandError, Commands};
use crate::journal::{ReservationChange, ReservationEvent};
use crate::unique::{self, Conflict};

/// Adds a reservation to every source.
pub fn add(hook: &Commands, sources: &Sources, host: &Host) -> Result<(), CommandError> {
    let family = hook.family;
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
    done.tell(&hook.events);
    Ok(())
}

/// Puts a reservation in the place of the one that the same client has in the same subnet, in every source. False where
/// a source has none.
pub fn update(hook: &Commands, sources: &Sources, host: &Host) -> Result<bool, CommandError> {
    let family = hook.family;
    let reservation = host.reservation()?;
    let Some(subnet) = reservation.subnet(family) else { return Ok(false) };
    let by = By::Identifier(reservation.identifier.kind, &reservation.identifier.value);
    let mut old = Vec::with_capacity(sources.len());
    for source in sources.iter() {
        match source.find(&Query::in_subnet(family, subnet, by)) {
            Ok(found) => match found.into_iter().next() {
                Some(found) => old.push((source, found)),
                None => return Ok(false),
            },
            Err(error) if source.kind() == SourceKind::Other && sources.len() == 1 => {
                return update_unread(hook, source, host, &error);
            }
            Err(error) => return Err(error.into()),
        }
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
    done.tell(&hook.events);
    Ok(true)
}

/// Replaces a reservation that the only database has and cannot read, where Kea can do that in one step.
fn update_unread(
    hook: &Commands,
    source: Source<'_>,
    host: &Host,
    unread: &KeaError,
) -> Result<bool, CommandError> {
    if !source.replace_unread(host)? {
        return Err(CommandError::new(unread.to_string()));
    }
    let source = Arc::from(source.name()?);
    let event = reserved(host).map(|reserved| ReservationEvent {
        change: ReservationChange::Updated,
        source,
        reserved,
        before: None,
    });
    hook.events.reservations(event.into_iter());
    Ok(true)
}

/// Removes what a query means from every source. False where there was nothing.
pub fn remove(hook: &Commands, sources: &Sources, query: &Query<'_>) -> Result<bool, CommandError> {
    let mut gone = Vec::new();
    let mut unreadable = Vec::new();
    for source in sources.iter() {
        match source.find(query) {
            Ok(found) => gone.extend(found.into_iter().map(|host| (source, host))),
            // What a database cannot read can still go.
            Err(_) if source.kind() == SourceKind::Other => unreadable.push(source),
            Err(error) => return Err(error.into()),
        }
    }
    let mut done = Done::default();
    for (source, host) in &gone {
        match source.remove(host) {
            Ok(()) => done.steps.push(Step::Removed(*source, host)),
            Err(error) => return Err(done.undo(error.into())),
        }
    }
    let mut removed = !gone.is_empty();
    // Last, because it cannot be taken back.
    for source in unreadable {
        match source.remove_unread(query) {
            Ok(found) => removed |= found,
            Err(error) => return Err(done.undo(error.into())),
        }
    }
    done.tell(&hook.events);
    Ok(removed)
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

    fn source(&self) -> Source<'_> {
        let (Self::Added(source, _) | Self::Replaced(source, ..) | Self::Removed(source, _)) = *self;
        source
    }

    fn event(&self) -> Option<ReservationEvent> {
        let (before, after) = match *self {
            Self::Added(_, host) => (None, reserved(host)),
            Self::Replaced(_, old, new) => (reserved(old), reserved(new)),
            Self::Removed(_, host) => (reserved(host), None),
        };
        ReservationEvent::new(&Arc::from(self.source().name().unwrap_or_default()), before, after)
    }
}

impl Done<'_> {
    /// Tells what was done, now that nothing takes it back. The embedded store tells what it does itself.
    pub fn tell(&self, events: &Events) {
        let of_kea = self.steps.iter().filter(|step| step.source().kind() != SourceKind::Store);
        events.reservations(of_kea.filter_map(Step::event));
    }

    /// Takes back everything, the last first. The error says so where that failed too.
    pub fn undo(mut self, error: CommandError) -> CommandError {
        self.undo_back_to(0, error).unwrap_or_else(|error| error)
    }

    /// Takes back what came after the first steps, the last first, because of an error: which comes back, as `Err` where
    /// something could not be taken back, and says so.
    pub fn undo_back_to(&mut self, steps: usize, error: CommandError) -> Result<CommandError, CommandError> {
        let mut error = Ok(error);
        for step in self.steps.drain(steps..).rev() {
            if let Err(problem) = step.undo() {
                let (Ok(before) | Err(before)) = error;
                let told = CommandError::new(format!(
                    "{before}; what was done in the host source '{}' before could not be taken back: {problem}",
                    step.source().name().unwrap_or_default()
                ));
                server::log(Message::CommandFailed, &told.to_string());
                error = Err(told);
            }
        }
        error
    }
}
