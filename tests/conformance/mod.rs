//! The conformance suite: a table of rows (`*.yaml`, explained in README.md), each run against a real server.

pub mod bench;
mod compare;
#[allow(dead_code, reason = "tests/generated.rs uses it")]
pub mod document;
pub mod place;
mod resolve;
pub mod row;
pub mod run;
