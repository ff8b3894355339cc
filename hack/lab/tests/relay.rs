//! A relay in the lab: devices in a network that the server is not in.

#![allow(clippy::unwrap_used, reason = "tests say what they expect by unwrapping")]

use std::net::Ipv4Addr;

use kea_lab::{Interface4, Kea, Lab, RELAY_INTERFACE, Relay};
use serde_json::json;

const BEHIND: Interface4 = Interface4 { address: Ipv4Addr::new(10, 88, 0, 1), prefix_length: 16 };
const UPLINK: Ipv4Addr = Ipv4Addr::new(10, 77, 0, 2);
const MAC: &str = "02:00:00:00:0a:01";

fn relay(lab: &Lab) -> Relay {
    lab.relay("site", BEHIND, UPLINK).unwrap()
}

#[test]
fn a_device_behind_a_relay_gets_an_address_of_its_own_network() {
    let lab = Lab::new("relay").unwrap();
    let relay = relay(&lab);
    let circuit: Vec<String> = RELAY_INTERFACE.bytes().map(|byte| format!("{byte:02x}")).collect();
    let kea = Kea::on(&lab)
        .unwrap()
        .config(json!({
            "host-reservation-identifiers": ["hw-address", "circuit-id"],
            "subnet4": [
                { "id": 1, "subnet": "10.77.0.0/16", "pools": [{ "pool": "10.77.1.1 - 10.77.1.3" }] },
                {
                    "id": 2,
                    "subnet": "10.88.0.0/16",
                    "reservations": [
                        { "hw-address": MAC, "ip-address": "10.88.1.5", "hostname": "behind" },
                        { "circuit-id": circuit.join(":"), "ip-address": "10.88.1.6" },
                    ],
                },
            ],
        }))
        .lease_cmds()
        .unwrap()
        .start()
        .unwrap();

    let device = relay.device("d", MAC).unwrap();
    let lease = device.dhcp().unwrap();
    assert_eq!(lease.address, Ipv4Addr::new(10, 88, 1, 5));
    assert_eq!(lease.subnet_mask, Some(Ipv4Addr::new(255, 255, 0, 0)));
    assert_eq!(lease.hostname.as_deref(), Some("behind"));
    assert_eq!(kea.lease4_by_mac(MAC).unwrap()[0]["subnet-id"], 2);

    let stranger = relay.device("stranger", "02:00:00:00:0a:02").unwrap();
    assert_eq!(stranger.dhcp().unwrap().address, Ipv4Addr::new(10, 88, 1, 6), "by the relay's circuit");
    let near = lab.device("near", "02:00:00:00:0a:03").unwrap();
    assert_eq!(near.dhcp().unwrap().address.octets()[..2], [10, 77]);
    assert_eq!(relay.interface(), BEHIND);
    assert!(relay.log().contains("Forwarded BOOTREQUEST"), "{}", relay.log());
}

#[test]
fn a_relay_outside_of_the_servers_network_is_refused() {
    let lab = Lab::new("relay").unwrap();
    let error = lab.relay("site", BEHIND, Ipv4Addr::new(192, 0, 2, 1)).unwrap_err();
    assert!(format!("{error:#}").contains("192.0.2.1 is no address in the network"), "{error:#}");
}
