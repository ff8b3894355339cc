//! The commands about reservations.
//!
//! - `one`: those about a single one, `reservation-add`, `-update`, `-get` and `-del`.
//! - `list` and `page`: those that show many.
//! - `apply`: the one that changes many.
//! - `pending`: the one that shows which of these wait for leases.
//! - `read`, `validity` and `placement`: what is refused before any source is asked.
//! - `summary`: how replies name one in short.
//! - `change`: how several sources are changed together.

pub mod apply;
mod change;
pub mod list;
pub mod one;
pub mod page;
pub mod pending;
mod placement;
mod read;
pub mod summary;
mod validity;

pub use summary::summary;
