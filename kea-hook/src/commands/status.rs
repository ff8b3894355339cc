//! `ext-status`.

use std::collections::BTreeSet;

use kea_ffi::element::{Element, Reply, ResultCode};
use kea_ffi::hosts::{SourceKind, Sources, Target};
use kea_ffi::server;

use super::{CommandError, Commands, store};
use crate::store::{Health, Status};

/// Shows versions, served names, and the health of each store.
pub fn status(hook: &Commands, _arguments: Option<&Element>) -> Result<Reply, CommandError> {
    let mut arguments = Element::map()?;
    arguments.set("hook-version", &Element::text(env!("CARGO_PKG_VERSION"))?)?;
    arguments.set("kea-version", &Element::text(&server::kea_version()?)?)?;
    arguments.set("claimed-names", &texts(&hook.names.claimed)?)?;
    arguments.set("unclaimed-names", &texts(&hook.names.left)?)?;
    arguments.set("hosts-databases", &texts(&server::database_types()?.into_iter().collect())?)?;
    let mut stores = Element::list()?;
    let mut healthy = true;
    for upkeep in hook.upkeeps() {
        let status = upkeep.store().status();
        healthy &= !matches!(status.health, Health::Failing(_));
        let mut map = describe(&status)?;
        if let Some(progress) = upkeep.progress() {
            map.set("upkeep", &store::describe(&progress)?)?;
        }
        stores.push(&map)?;
    }
    arguments.set("stores", &stores)?;
    arguments.set("reservations", &counts(hook)?)?;
    arguments.set("pending", &Element::integer(hook.pins.count())?)?;
    let mut limits = Element::map()?;
    limits.set("max-apply-items", &Element::integer(hook.max_apply_items)?)?;
    limits.set("max-resolve-identifiers", &Element::integer(hook.max_resolve_identifiers)?)?;
    limits.set("event-log-size", &Element::integer(hook.events.journal().size())?)?;
    arguments.set("limits", &limits)?;
    let mut events = Element::map()?;
    events.set("epoch", &Element::integer(hook.events.journal().epoch())?)?;
    events.set("head", &Element::integer(hook.events.journal().head())?)?;
    arguments.set("events", &events)?;
    let problems = server::database_problems(false)?;
    healthy &= problems.is_empty();
    arguments.set("problems", &texts(&problems.into_iter().collect())?)?;
    let text =
        if healthy { "Hook is healthy." } else { "A host store has a problem, see 'problems' and 'stores'." };
    Ok(Reply::new(ResultCode::Success, text).with(arguments))
}

fn describe(status: &Status) -> Result<Element, CommandError> {
    let mut map = Element::map()?;
    map.set("path", &Element::text(&status.path.to_string_lossy())?)?;
    map.set("format", &Element::integer(status.format)?)?;
    map.set("reservations", &Element::integer(status.reservations)?)?;
    if let Some(bytes) = status.file_bytes {
        map.set("file-bytes", &Element::integer(bytes)?)?;
    }
    if let Some(bytes) = status.disk_bytes {
        map.set("disk-bytes", &Element::integer(bytes)?)?;
    }
    if let Some(took) = status.last_commit {
        map.set("last-commit-microseconds", &Element::integer(took.as_micros())?)?;
    }
    map.set("commits", &Element::integer(status.commits)?)?;
    map.set("errors", &Element::integer(status.errors)?)?;
    map.set("read-only", &Element::boolean(matches!(status.health, Health::ReadOnly))?)?;
    map.set("healthy", &Element::boolean(!matches!(status.health, Health::Failing(_)))?)?;
    if let Health::Failing(problem) = &status.health {
        map.set("problem", &Element::text(&problem.to_string())?)?;
    }
    Ok(map)
}

/// How many reservations there are where they can be counted without reading them all: Kea's databases cannot.
fn counts(hook: &Commands) -> Result<Element, CommandError> {
    let mut counts = Element::map()?;
    for source in Sources::of(Target::All)?.iter() {
        let count = match source.kind() {
            SourceKind::Store => hook
                .open_stores()
                .first()
                .map(|store| Element::integer(store.status().reservations))
                .transpose()?,
            SourceKind::Memory => Some(Element::integer(source.count(hook.family)?)?),
            _ => None,
        };
        counts.set(&source.name()?, &count.map_or_else(Element::null, Ok)?)?;
    }
    Ok(counts)
}

fn texts(values: &BTreeSet<String>) -> Result<Element, CommandError> {
    let mut list = Element::list()?;
    for value in values {
        list.push(&Element::text(value)?)?;
    }
    Ok(list)
}
