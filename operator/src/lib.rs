//! Kea operator: turns NetworkConfiguration objects into DHCP reservations in ISC Kea.
//!
//! Objects come from a [`source`], a cluster or a folder. For each, the [`controller`] reads what it refers to, checks it,
//! lets the [`domain`] plan, carries the plan out through the [`kea`] client, and reports.

pub mod cli;
pub mod config;
pub mod controller;
pub mod crd;
pub mod doctor;
pub mod domain;
pub mod dotenv;
pub mod kea;
pub mod leader;
pub mod permissions;
pub mod rehearsal;
pub mod source;
pub mod telemetry;
pub mod transfer;
