//! The commands about reservations.
//!
//! - `one`: those about a single one, `reservation-add`, `-update`, `-get` and `-del`.
//! - `list` and `page`: those that show many.
//! - `validity` and `placement`: what is refused before any source is asked.
//! - `change`: how several sources are changed together.

mod change;
pub mod list;
pub mod one;
pub mod page;
mod placement;
mod validity;
