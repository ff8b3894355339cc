//! Carrying a batch out: as often as it takes, because a database may refuse what nothing is known to be in the way of.

use kea_ffi::host::HostId;
use kea_ffi::hosts::Source;

use super::bystander::Memory;
use super::places::{Batch, Places};
use crate::apply::{Combined, Decided, Earlier, Item, Verdict};
use crate::commands::{CommandError, Commands};
use crate::store::Store;

/// What is to be done when something is refused.
#[derive(Clone, Copy, PartialEq, Eq)]
pub enum Mode {
    /// The rest is done.
    ItemByItem,
    /// Nothing is done.
    Atomic,
    /// Nothing is done in any case.
    DryRun,
}

/// What became of a batch.
pub struct Attempt {
    /// Of each item.
    pub combined: Combined,
    /// Whether it was done; else it would have been.
    pub applied: bool,
}

/// Decides and does it, each item in all sources or in none. `check` may refuse all of what was decided.
pub fn carry_out(
    hook: &Commands,
    sources: &[Source<'_>],
    store: Option<&Store>,
    batch: &Batch,
    mode: Mode,
    check: impl Fn(&Combined) -> Result<(), CommandError>,
) -> Result<Attempt, CommandError> {
    // What one database took can stay when it refuses something else. With several sources everything is taken back and
    // done anew, because each item is to be in all of them.
    let keeps = sources.len() == 1 && mode == Mode::ItemByItem;
    let memory = Memory::open()?;
    let mut earlier = Earlier::default();
    let mut before: Option<Decided> = None;
    loop {
        let mut places = Places::new(hook.family, sources, store)?;
        let mut combined = places.decide(&batch.order, &earlier)?;
        let in_memory = memory.refuses(hook.family, sources, &batch.order, &combined)?;
        if !in_memory.is_empty() {
            earlier.refused.extend(in_memory);
            continue;
        }
        check(&combined)?;
        if let (Mode::Atomic, Some(reason)) = (mode, combined.not_pruned()) {
            return Err(CommandError::new(format!(
                "Nothing was changed, because nothing can be pruned: {reason}"
            )));
        }
        if mode == Mode::DryRun || (mode == Mode::Atomic && !combined.refused.is_empty()) {
            return Ok(Attempt { combined, applied: false });
        }
        let not_done = places.execute(&hook.events, batch, &combined, keeps)?;
        for (source, id, reason) in &not_done.refused {
            if let Some(item) = combined.sources.get(*source).and_then(|decided| item_of(decided, *id)) {
                combined.refused.entry(item).or_insert_with(|| (*source, Verdict::Invalid(reason.clone())));
            }
        }
        if mode == Mode::Atomic || not_done.refused.is_empty() {
            if let (Some(decided), Some(before)) = (combined.sources.first_mut(), &before) {
                decided.keep(before, &earlier.done);
            }
            return Ok(Attempt { combined, applied: not_done.refused.is_empty() });
        }
        earlier.refused = combined.refused;
        if let (true, Some(mut decided)) = (keeps, combined.sources.pop()) {
            let done: Vec<Item> = decided.done(&not_done.open).collect();
            if let Some(before) = &before {
                decided.keep(before, &earlier.done);
            }
            earlier.done.extend(done);
            before = Some(decided);
        }
    }
}

fn item_of(decided: &Decided, id: HostId) -> Option<Item> {
    decided.items().find(|(_, verdict)| verdict.puts() == Some(id)).map(|(item, _)| item)
}
