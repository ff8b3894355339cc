//! The clients of the measurements: each has a number, from which all else follows.

use std::net::Ipv4Addr;
use std::path::Path;

use anyhow::Result;
use dhcp_host_cmds_rs::store::{Change, Identifier, IdentifierType, OpenOptions, Reservation, Store};
use kea_lab::Interface4;
use serde_json::{Value, json};

/// The subnet of all clients.
pub const SUBNET_ID: u32 = 1;
/// Its prefix.
pub const SUBNET: &str = "10.64.0.0/10";
/// Where a server stands in it.
pub const SERVER: Interface4 = Interface4 { address: Ipv4Addr::new(10, 64, 0, 1), prefix_length: 10 };
/// Where those stand that send for many clients.
pub const RELAY: Ipv4Addr = Ipv4Addr::new(10, 64, 0, 2);

/// Addresses before this one are not reserved.
const FIRST: u32 = u32::from_be_bytes([10, 65, 0, 0]);
/// A store takes that many in one transaction.
const BATCH: u32 = 10_000;

fn hw_address(client: u32) -> [u8; 6] {
    let [a, b, c, d] = client.to_be_bytes();
    [2, 0, a, b, c, d]
}

/// Client 0 has 02:00:00:00:00:00, and each following one the next address.
pub fn mac(client: u32) -> String {
    hw_address(client).map(|byte| format!("{byte:02x}")).join(":")
}

/// What is reserved for it.
pub fn address(client: u32) -> Ipv4Addr {
    Ipv4Addr::from(FIRST + client)
}

/// Its reservation, as in the `reservations` of a subnet.
pub fn reservation(client: u32) -> Value {
    json!({
        "hw-address": mac(client),
        "ip-address": address(client),
        "hostname": format!("host-{client}"),
    })
}

/// The same as an argument of a command.
pub fn reservation_with_subnet(client: u32) -> Value {
    let mut reservation = reservation(client);
    reservation["subnet-id"] = json!(SUBNET_ID);
    reservation
}

/// Writes the reservations of clients into a store that no server uses, and makes it where there is none.
pub fn store(path: &Path, clients: std::ops::Range<u32>) -> Result<()> {
    let store = Store::open(path, &OpenOptions::default())?;
    for start in clients.clone().step_by(BATCH as usize) {
        let batch = start..clients.end.min(start + BATCH);
        store.commit(batch.map(|client| Change::Add(stored(client))).collect())?;
    }
    Ok(())
}

/// As the hook makes it of [`reservation`].
fn stored(client: u32) -> Reservation {
    let (mac, address, hostname) = (mac(client), address(client), format!("host-{client}"));
    let body = format!(
        "{{ \"hostname\": \"{hostname}\", \"hw-address\": \"{mac}\", \"ip-address\": \"{address}\" }}"
    );
    Reservation {
        identifier: Identifier { kind: IdentifierType::HwAddress, value: hw_address(client).into() },
        subnet_v4: Some(SUBNET_ID),
        subnet_v6: None,
        ipv4: Some(address),
        ipv6: Box::default(),
        hostname: hostname.into_bytes().into(),
        body: body.into_bytes().into(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_become_clients() {
        assert_eq!(mac(0), "02:00:00:00:00:00");
        assert_eq!(mac(0x0102_03ff), "02:00:01:02:03:ff");
        assert_eq!(address(0x1_0203).to_string(), "10.66.2.3");
    }
}
