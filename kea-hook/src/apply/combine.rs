//! One order in several sources: each item is done in all of them, or in none.

use std::cmp::Reverse;
use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use kea_ffi::host::{Family, StoredReservation};

use super::order::{Item, Order};
use super::verdict::{Decided, Verdict};

/// What becomes of an order in all sources together.
#[derive(Debug, Clone, Default)]
pub struct Combined {
    /// In each source, in their order.
    pub sources: Vec<Decided>,
    /// What is done nowhere, and which source refused it first.
    pub refused: BTreeMap<Item, (usize, Verdict)>,
}

/// What earlier attempts at an order left behind.
#[derive(Debug, Clone, Default)]
pub struct Earlier {
    /// What was refused, and by which source.
    pub refused: BTreeMap<Item, (usize, Verdict)>,
    /// What is done already.
    pub done: BTreeSet<Item>,
}

/// Decides in every one of `sources` sources, and again without what one of them refuses, until nothing more is refused.
pub fn decide_everywhere<E>(
    order: &Order,
    sources: usize,
    earlier: &Earlier,
    mut decide: impl FnMut(usize, &Order, &BTreeSet<Item>) -> Result<Decided, E>,
) -> Result<Combined, E> {
    let mut combined = Combined { sources: Vec::new(), refused: earlier.refused.clone() };
    loop {
        let before = combined.refused.len();
        let left_out: BTreeSet<Item> = combined.refused.keys().chain(&earlier.done).copied().collect();
        combined.sources =
            (0..sources).map(|source| decide(source, order, &left_out)).collect::<Result<_, E>>()?;
        for (source, decided) in combined.sources.iter().enumerate() {
            for (item, verdict) in decided.items().filter(|(_, verdict)| verdict.is_refusal()) {
                combined.refused.entry(item).or_insert_with(|| (source, verdict.clone()));
            }
        }
        // What one source alone refuses, it has left out already.
        if sources == 1 || combined.refused.len() == before {
            return Ok(combined);
        }
    }
}

impl Combined {
    /// Why nothing was pruned in one of the sources.
    pub fn not_pruned(&self) -> Option<&str> {
        self.sources.iter().find_map(|decided| decided.not_pruned.as_deref())
    }

    /// What goes because it is not listed, once however many sources have it.
    pub fn pruned(&self, family: Family) -> Vec<&Arc<StoredReservation>> {
        let mut clients = BTreeMap::new();
        for stored in self.sources.iter().flat_map(|decided| &decided.pruned) {
            let reservation = &stored.reservation;
            let identifier = &reservation.identifier;
            clients.entry((reservation.subnet(family), identifier.kind, &identifier.value)).or_insert(stored);
        }
        clients.into_values().collect()
    }

    /// What to say about an item, and which source says so: why it was refused, or else what changed most.
    pub fn verdict(&self, item: Item) -> Option<(usize, &Verdict)> {
        if let Some((source, refusal)) = self.refused.get(&item) {
            return Some((*source, refusal));
        }
        let verdicts = self
            .sources
            .iter()
            .enumerate()
            .filter_map(|(source, decided)| decided.verdict(item).map(|verdict| (source, verdict)));
        verdicts.max_by_key(|(source, verdict)| (weight(verdict), Reverse(*source)))
    }
}

fn weight(verdict: &Verdict) -> u8 {
    match verdict {
        Verdict::LeftOut | Verdict::Conflict(_) | Verdict::Invalid(_) => 0,
        Verdict::Absent | Verdict::Unchanged => 1,
        Verdict::Added(_) => 2,
        Verdict::Adopted(_) => 3,
        Verdict::Updated(_) | Verdict::Removed(_) => 4,
    }
}
