//! What the lines about `ext-reservation-apply` share.

use std::time::Duration;

use anyhow::Result;
use kea_lab::HttpConnection;
use serde_json::{Value, json};

use crate::bench::rate;
use crate::clients::reservation_with_subnet;
use crate::servers::{Target, add_request, rate_of, request};

/// How many reservations there are in one command.
pub const ITEMS: u32 = 10_000;

/// The arguments that make these clients have their reservations.
pub fn arguments(clients: std::ops::Range<u32>) -> Value {
    let reservations: Vec<Value> = clients.map(reservation_with_subnet).collect();
    json!({ "owner": "bench", "reservations": reservations })
}

/// The command for the items of a run.
pub fn apply_request(run: usize) -> Vec<u8> {
    request("ext-reservation-apply", &arguments(super::of_run(run, ITEMS)))
}

/// Reservations in a second, where all items of a command took that long.
pub fn items_rate(time: Duration) -> f64 {
    rate(ITEMS as usize, time)
}

/// The peer: the same reservations one by one, into Kea's memory.
pub fn one_by_one(connection: &mut HttpConnection, run: usize) -> Result<f64> {
    let requests: Vec<_> = super::of_run(run, ITEMS)
        .map(|client| add_request("reservation-add", Target::Memory, &reservation_with_subnet(client)))
        .collect();
    rate_of(connection, &requests)
}
