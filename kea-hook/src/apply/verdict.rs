//! What becomes of an order.

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
        Self { conflict: None, holder, owner }
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
}

impl Decided {
    /// What becomes of an item.
    pub fn verdict(&self, item: Item) -> Option<&Verdict> {
        match item {
            Item::Wanted(place) => self.wanted.get(place),
            Item::Unwanted(place) => self.unwanted.get(place),
        }
    }

    /// All items.
    pub fn items(&self) -> impl Iterator<Item = (Item, &Verdict)> {
        let wanted = self.wanted.iter().enumerate().map(|(place, verdict)| (Item::Wanted(place), verdict));
        let unwanted =
            self.unwanted.iter().enumerate().map(|(place, verdict)| (Item::Unwanted(place), verdict));
        wanted.chain(unwanted)
    }
}
