//! Many reservations at once, of one owner: what each of them comes to. Pure: decides on a [`Plan`](crate::store::Plan),
//! and leaves reading requests and writing to others.
//!
//! An order is carried out in three steps: what is to be removed, then what the owner no longer lists, then what is to be
//! there. So that an address which one client gives up can go to another in the same command, a reservation that is in
//! the way of one that comes earlier in the list is dealt with first, and two clients may exchange their addresses.

mod combine;
mod decide;
mod order;
#[cfg(test)]
mod tests;
mod verdict;

pub use combine::{Combined, Earlier, decide_everywhere};
pub use decide::decide;
pub use order::{HostKey, Item, Order, Removal};
pub use verdict::{Decided, Refusal, Verdict};
