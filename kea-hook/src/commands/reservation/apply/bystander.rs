//! What Kea's configuration has, where a batch is for databases: Kea asks the configuration first, so that an address that it
//! holds for a client cannot be another client's. Kea itself does not look there when it adds to a database.

use std::collections::BTreeMap;

use kea_ffi::element::KeaError;
use kea_ffi::host::{By, Family};
use kea_ffi::hosts::{Source, SourceKind, Sources, Target};
use kea_ffi::server;

use super::source::KeaSource;
use crate::apply::{Combined, Item, Order, Refusal, Verdict};
use crate::store::Base;
use crate::unique;

/// The server's memory.
pub struct Memory(Sources);

impl Memory {
    /// As it is now.
    pub fn open() -> Result<Self, KeaError> {
        Ok(Self(Sources::of(Target::Memory)?))
    }

    /// The name of the source.
    pub fn name() -> &'static str {
        "memory"
    }

    /// What of a batch for `sources` it keeps from being done, by items; as if it came after all of them.
    pub fn refuses(
        &self,
        family: Family,
        sources: &[Source<'_>],
        order: &Order,
        combined: &Combined,
    ) -> Result<BTreeMap<Item, (usize, Verdict)>, KeaError> {
        let mut refused = BTreeMap::new();
        let is_changed = sources.iter().any(|source| source.kind() == SourceKind::Memory);
        let Some(memory) = self.0.iter().next().filter(|_| !is_changed) else { return Ok(refused) };
        if !server::addresses_unique()? {
            return Ok(refused);
        }
        let memory = KeaSource::new(memory, family);
        for (place, wanted) in order.wanted.iter().enumerate() {
            let item = Item::Wanted(place);
            let Ok(wanted) = wanted else { continue };
            if combined.verdict(item).is_none_or(|(_, verdict)| verdict.puts().is_none()) {
                continue;
            }
            let conflict = unique::conflict(wanted, true, |query| {
                // One for the same client says the same, or comes before this one: that is the administrator's will.
                if matches!(query.by, By::Identifier(..)) {
                    return Ok::<_, KeaError>(None);
                }
                let found = memory.answers(query)?;
                Ok(found.into_iter().find(|stored| stored.reservation.identifier != wanted.identifier))
            })?;
            if let Some(conflict) = conflict {
                refused.insert(item, (sources.len(), Verdict::Conflict(Box::new(Refusal::of(conflict)))));
            }
        }
        Ok(refused)
    }
}
