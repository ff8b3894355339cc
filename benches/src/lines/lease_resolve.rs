//! Who many clients are: their leases and reservations.

use anyhow::Result;
use kea_lab::HttpConnection;
use serde_json::json;

use super::Line;
use crate::bench::{Bench, rate};
use crate::clients::{self, SUBNET_ID, address, mac};
use crate::figures::{Goal, Runs};
use crate::servers::{self, rate_of, request, serves, succeed, time};

pub const LINE: Line = Line {
    name: "lease-resolve",
    what: "ext-lease-resolve of 10,000 identifiers, against Kea's lease4-get-by-hw-address one by one",
    unit: "identifiers/s",
    goal: Goal::AtLeast(20.0),
    measure,
};

const COMMAND: &str = "ext-lease-resolve";
const CLIENTS: u32 = 10_000;

fn measure(bench: &Bench) -> Result<Runs> {
    let ours = servers::ours(bench, |store| clients::store(store, 0..CLIENTS))?;
    if !serves(&ours, COMMAND)? {
        bench.tell(format_args!("  skipped: the hook has no {COMMAND}"));
        return Ok(Runs::default());
    }
    let peer = servers::stock()?;
    let (mut to_ours, mut to_peer) = (ours.http()?, peer.http()?);
    for connection in [&mut to_ours, &mut to_peer] {
        give_leases(connection)?;
    }
    let all = resolve_request();
    let one_by_one: Vec<_> = (0..CLIENTS)
        .map(|client| request("lease4-get-by-hw-address", &json!({ "hw-address": mac(client) })))
        .collect();
    bench.in_turns(
        |_| Ok(rate(CLIENTS as usize, time(&mut to_ours, &all)?)),
        |_| rate_of(&mut to_peer, &one_by_one),
    )
}

fn resolve_request() -> Vec<u8> {
    let identifiers: Vec<String> = (0..CLIENTS).map(mac).collect();
    request(
        COMMAND,
        &json!({ "subnet-id": SUBNET_ID, "identifier-type": "hw-address", "identifiers": identifiers }),
    )
}

/// A lease for each client, of the address that is reserved for it.
fn give_leases(connection: &mut HttpConnection) -> Result<()> {
    for client in 0..CLIENTS {
        let lease =
            json!({ "subnet-id": SUBNET_ID, "ip-address": address(client), "hw-address": mac(client) });
        succeed(connection, &request("lease4-add", &lease))?;
    }
    Ok(())
}
