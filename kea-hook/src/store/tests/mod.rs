//! Tests of the store as a whole. What one file does is tested in that file.

mod crash;
mod damage;
mod failing;
pub(super) mod faults;
mod full_disk;
mod kept;
mod log;
mod measure;
mod model;
mod observing;
mod opening;
mod power;
mod rules;
pub(super) mod support;
mod upkeep;
