//! Kea operator: turns NetworkConfiguration objects into DHCP reservations in ISC Kea.

pub mod crd;
pub mod domain;
pub mod kea;
