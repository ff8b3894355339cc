//! The commands about leases.

mod resolve;

pub use resolve::resolve;
