//! Fuzzes the arguments of the hook's commands: the hook as it is, loaded by Kea's hooks framework into a process with
//! Kea's libraries and a configuration.
//!
//! - `kea`: what stands in for the daemon, in C++.
//! - [`input`]: what is sent, made of the fuzzer's bytes.
//! - [`server`]: what must hold for every answer, and for the reservations afterwards.

pub mod input;
mod kea;
pub mod server;
