//! DHCPv6 on the wire: a real client, and kea-dhcp6 without any hook of ours.

#![allow(clippy::unwrap_used, reason = "tests say what they expect by unwrapping")]

use std::net::Ipv6Addr;
use std::time::Duration;

use kea_lab::{Kea, Lab, SERVER_INTERFACE, wait_for};
use serde_json::{Value, json};

const SOON: Duration = Duration::from_secs(30);
const MAC: &str = "02:00:00:00:0a:01";
const DUID: [u8; 6] = [0, 2, 0xaa, 0xbb, 1, 2];

/// A subnet with an address and a prefix in pools, and more of both reserved.
fn subnet() -> Value {
    json!({
        "subnet6": [{
            "id": 1,
            "subnet": "2001:db8:77::/64",
            "interface": SERVER_INTERFACE,
            "pools": [{ "pool": "2001:db8:77::100 - 2001:db8:77::103" }],
            "pd-pools": [{ "prefix": "2001:db8:8000::", "prefix-len": 48, "delegated-len": 56 }],
            "reservations": [{
                "duid": "00:02:aa:bb:01:02",
                "ip-addresses": ["2001:db8:77::5", "2001:db8:77::6"],
                "prefixes": ["2001:db8:9000::/56"],
                "hostname": "reserved.lab.example",
                "option-data": [{ "name": "dns-servers", "data": "2001:db8::9" }],
            }],
        }],
        "option-data": [
            { "name": "dns-servers", "data": "2001:db8::1, 2001:db8::2" },
            { "name": "domain-search", "data": "lab.example, example" },
        ],
        "ddns-send-updates": false,
    })
}

fn server(lab: &Lab) -> Kea {
    Kea::on(lab).unwrap().dhcp6().config(subnet()).lease_cmds().unwrap().start().unwrap()
}

fn address(text: &str) -> Ipv6Addr {
    text.parse().unwrap()
}

#[test]
fn a_device_gets_an_address_and_keeps_it_over_a_crash() {
    let lab = Lab::new("six").unwrap();
    let mut kea = server(&lab);
    let device = lab.device("d", MAC).unwrap();

    let first = device.dhcp6().unwrap();
    assert_eq!(first.addresses.len(), 1);
    assert_eq!(first.addresses[0].segments()[..7], [0x2001, 0xdb8, 0x77, 0, 0, 0, 0]);
    assert_eq!(first.prefixes, Vec::<String>::new());
    assert_eq!(first.valid_lifetime, Some(3600));
    assert_eq!(first.dns, [address("2001:db8::1"), address("2001:db8::2")]);
    assert_eq!(first.domain_search, ["lab.example.", "example."]);
    let card = device.namespace().ip(&["-6", "-oneline", "address", "show", "dev", "eth0"]).unwrap();
    assert!(card.contains(&first.addresses[0].to_string()), "{card}");
    assert!(!card.contains("tentative"), "{card}");
    assert_eq!(kea.leases6().unwrap()[0]["duid"], "00:03:00:01:02:00:00:00:0a:01");

    kea.kill9().unwrap();
    kea.restart().unwrap();
    assert_eq!(device.dhcp6().unwrap().addresses, first.addresses);
    assert_eq!(kea.leases6().unwrap().len(), 1);
}

#[test]
fn clients_ask_for_what_they_are_told_to_ask_for() {
    let lab = Lab::new("six").unwrap();
    let kea = server(&lab);
    let device = lab.device("d", MAC).unwrap();

    let lease = device.request6().duid(&DUID).addresses(2).prefixes(1).fqdn("wish.example.").run().unwrap();
    assert_eq!(lease.addresses, [address("2001:db8:77::5"), address("2001:db8:77::6")]);
    assert_eq!(lease.prefixes, ["2001:db8:9000::/56"]);
    assert_eq!(lease.dns, [address("2001:db8::9")]);
    assert_eq!(lease.fqdn.as_deref(), Some("reserved.lab.example"));
    assert_eq!(kea.leases6().unwrap().len(), 3);

    let other = device.request6().prefixes(2).addresses(0).run().unwrap();
    assert_eq!(other.addresses, Vec::<Ipv6Addr>::new());
    assert_eq!(other.prefixes.len(), 2, "{other:?}");
    assert!(other.prefixes.iter().all(|prefix| prefix.starts_with("2001:db8:8000:")), "{other:?}");
    assert_eq!(other.fqdn, None);
}

#[test]
fn a_lease_can_be_given_back() {
    let lab = Lab::new("six").unwrap();
    let kea = server(&lab);
    let device = lab.device("d", MAC).unwrap();
    let lease = device.request6().prefixes(1).then_release().run().unwrap();
    assert_eq!((lease.addresses.len(), lease.prefixes.len()), (1, 1));
    wait_for("the released leases to go", SOON, || {
        // Kea 2.6 keeps them, with no time left.
        let left = kea.leases6().unwrap();
        left.iter().all(|lease| lease["state"] != 0 || lease["valid-lft"] == 0).then_some(())
    })
    .map_err(|e| format!("{e:#}\n{}", kea.tail()))
    .unwrap();
    let card = device.namespace().ip(&["-6", "-oneline", "address", "show", "dev", "eth0"]).unwrap();
    assert!(!card.contains(&lease.addresses[0].to_string()), "{card}");
}

#[test]
fn a_device_that_gets_nothing_says_why() {
    let lab = Lab::new("six").unwrap();
    let mut config = subnet();
    config["subnet6"][0]["pools"] = json!([]);
    let kea = Kea::on(&lab).unwrap().dhcp6().config(config).start().unwrap();
    let device = lab.device("unlucky", MAC).unwrap();

    assert_eq!(device.request6().patience(2).try_run().unwrap(), None);
    let error = device.request6().patience(2).run().unwrap_err().to_string();
    assert!(error.contains("Solicit"), "the client's words are missing: {error}");
    assert!(error.contains("DHCP6_STARTED"), "the server's words are missing: {error}");
    drop(kea);
}

#[test]
fn one_lab_has_both_protocols() {
    let lab = Lab::new("both").unwrap();
    let six = Kea::on(&lab).unwrap().name("six").dhcp6().config(subnet()).start().unwrap();
    let pool = json!({ "id": 1, "subnet": "10.77.0.0/16", "pools": [{ "pool": "10.77.1.1 - 10.77.1.3" }] });
    let four = Kea::on(&lab).unwrap().name("four").config(json!({ "subnet4": [pool] })).start().unwrap();
    let device = lab.device("d", MAC).unwrap();
    assert_eq!(device.dhcp().unwrap().address.octets()[..3], [10, 77, 1]);
    assert_eq!(device.dhcp6().unwrap().addresses.len(), 1);
    drop((four, six));
}
