//! What becomes of an order.

use std::collections::BTreeSet;
use std::fmt;
use std::sync::Arc;

use kea_ffi::host::{HostId, StoredReservation};

use super::order::Item;
use crate::owner;
use crate::unique::Conflict;

/// What becomes of one item of an order.
#[derive(Debug, Clone)]
pub enum Verdict {
    /// It is new.
    Added(HostId),
    /// It takes the place of another state of itself.
    Updated(HostId),
    /// Nobody owned it, and now the owner does.
    Adopted(HostId),
    /// It is there already.
    Unchanged,
    /// These go.
    Removed(Vec<Arc<StoredReservation>>),
    /// There is nothing to remove.
    Absent,
    /// Somebody else is in the way.
    Conflict(Box<Refusal>),
    /// It makes no sense, and why.
    Invalid(String),
    /// It was refused in another source, and is left out here.
    LeftOut,
}

impl Verdict {
    /// The number of what it puts into a source.
    pub fn puts(&self) -> Option<HostId> {
        match self {
            Self::Added(id) | Self::Updated(id) | Self::Adopted(id) => Some(*id),
            _ => None,
        }
    }

    /// Whether it is not done.
    pub fn is_refusal(&self) -> bool {
        matches!(self, Self::Conflict(_) | Self::Invalid(_))
    }
}

/// Who is in the way of an item, and where.
#[derive(Debug, Clone)]
pub struct Refusal {
    /// What both want. None where the item is to be removed.
    pub conflict: Option<Conflict>,
    /// The reservation that stays.
    pub holder: Arc<StoredReservation>,
    /// Its owner.
    pub owner: Option<Vec<u8>>,
    /// Whether it would be the owner's now if it were what is wanted.
    pub differs: bool,
}

impl Refusal {
    /// A refusal because of a conflict.
    pub fn of(conflict: Conflict) -> Self {
        let holder = Arc::clone(&conflict.holder);
        Self { conflict: Some(conflict), ..Self::to_remove(holder) }
    }

    /// A refusal to remove what belongs to somebody else.
    pub fn to_remove(holder: Arc<StoredReservation>) -> Self {
        let owner = owner::of(&holder.reservation.body);
        Self { conflict: None, holder, owner, differs: false }
    }
}

impl fmt::Display for Refusal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.conflict {
            Some(conflict) => conflict.fmt(f)?,
            None => write!(f, "Host not deleted (reserved for {})", self.holder.reservation.identifier)?,
        }
        match &self.owner {
            Some(owner) => write!(f, "; it belongs to '{}'", String::from_utf8_lossy(owner)),
            None if self.differs => {
                f.write_str("; it has no owner, and 'adopt' leaves it alone because it is not what is listed")
            }
            None => f.write_str("; it has no owner"),
        }
    }
}

/// What becomes of a whole order in one source.
#[derive(Debug, Clone, Default)]
pub struct Decided {
    /// As the order lists them.
    pub wanted: Vec<Verdict>,
    /// As the order lists them.
    pub unwanted: Vec<Verdict>,
    /// What goes because the owner does not list it.
    pub pruned: Vec<Arc<StoredReservation>>,
    /// Why nobody knows what should go for that reason.
    pub not_pruned: Option<String>,
}

impl Decided {
    /// What becomes of an item.
    pub fn verdict(&self, item: Item) -> Option<&Verdict> {
        match item {
            Item::Wanted(place) => self.wanted.get(place),
            Item::Unwanted(place) => self.unwanted.get(place),
        }
    }

    /// What is done once this was carried out but for what was to get the numbers in `open`.
    pub fn done(&self, open: &BTreeSet<HostId>) -> impl Iterator<Item = Item> {
        self.items().filter_map(move |(item, verdict)| {
            let done = match verdict {
                Verdict::Removed(_) => true,
                verdict => verdict.puts().is_some_and(|id| !open.contains(&id)),
            };
            done.then_some(item)
        })
    }

    /// Says about what was done before what was said then.
    pub fn keep(&mut self, before: &Self, done: &BTreeSet<Item>) {
        for (place, (now, then)) in self.wanted.iter_mut().zip(&before.wanted).enumerate() {
            if done.contains(&Item::Wanted(place)) {
                now.clone_from(then);
            }
        }
        for (place, (now, then)) in self.unwanted.iter_mut().zip(&before.unwanted).enumerate() {
            if done.contains(&Item::Unwanted(place)) {
                now.clone_from(then);
            }
        }
        self.pruned.extend(before.pruned.iter().cloned());
    }

    /// All items.
    pub fn items(&self) -> impl Iterator<Item = (Item, &Verdict)> {
        let wanted = self.wanted.iter().enumerate().map(|(place, verdict)| (Item::Wanted(place), verdict));
        let unwanted =
            self.unwanted.iter().enumerate().map(|(place, verdict)| (Item::Unwanted(place), verdict));
        wanted.chain(unwanted)
    }
}
