//! The conformance suite: a table of rows (`*.yaml`, explained in README.md), each run against a real server.

pub mod bench;
mod compare;
pub mod place;
mod resolve;
pub mod row;
pub mod run;
