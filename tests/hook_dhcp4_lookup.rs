//! Which of the reservations that commands make counts for a DHCPv4 client: by subnet, by the ways that Kea can be
//! told to look for them, and by identifier.

mod support;

use std::net::Ipv4Addr;

use kea_lab::{Device, DhcpLease, Family, KeaInstallation, RELAY_INTERFACE};
use serde_json::{Value, json};
use support::site::{Site, TARGETS, add, delete, update, with};
use support::{PREFIX, SUBNET_ID, key, mac};

/// The subnet behind the relay.
const SUBNET_BEHIND: u32 = 2;
/// A DUID, and a client identifier that has it in it (RFC 4361).
const DUID: &str = "00:02:aa:bb:01:02";
const CLIENT_ID: [u8; 11] = [0xff, 0, 0, 0, 1, 0, 2, 0xaa, 0xbb, 1, 2];

/// The subnets of the server and behind the relay, each with a small pool. `changes` are to the first one.
fn config(changes: &Value) -> Value {
    let near =
        json!({ "id": SUBNET_ID, "subnet": PREFIX, "pools": [{ "pool": "10.77.100.1 - 10.77.100.20" }] });
    let behind = json!({ "id": SUBNET_BEHIND, "subnet": "10.88.0.0/16", "pools": [{ "pool": "10.88.100.1 - 10.88.100.20" }] });
    json!({ "subnet4": [with(near, changes), behind] })
}

/// A reservation of client number `index`.
fn reserved(subnet: u32, index: usize, more: &Value) -> Value {
    with(json!({ "subnet-id": subnet, "hw-address": mac(index) }), more)
}

fn key_in(subnet: u32, index: usize) -> Value {
    with(key(index), &json!({ "subnet-id": subnet }))
}

fn ip(text: &str) -> Ipv4Addr {
    text.parse().unwrap()
}

fn hostname(lease: &DhcpLease) -> &str {
    lease.hostname.as_deref().unwrap_or_default()
}

fn gets_from_the_pool(device: &Device) -> bool {
    device.dhcp().unwrap().address.octets()[2] == 100
}

#[test]
fn the_reservation_of_the_subnet_that_the_client_is_in_counts() {
    let site = Site::new(Family::V4, config(&json!({})));
    let relay = site.relay();
    for (index, target) in (1..).zip(TARGETS) {
        let [near, behind] = [format!("10.77.1.{index}"), format!("10.88.1.{index}")];
        add(&site.kea, target, &reserved(1, index, &json!({ "ip-address": near, "hostname": "near" })));
        add(&site.kea, target, &reserved(2, index, &json!({ "ip-address": behind, "hostname": "behind" })));
        let at_home = site.device(index);
        let away = relay.device(&format!("away{index}"), &mac(index)).unwrap();

        let lease = away.dhcp().unwrap();
        assert_eq!((lease.address, hostname(&lease)), (ip(&behind), "behind"), "{target}");
        let lease = at_home.dhcp().unwrap();
        assert_eq!((lease.address, hostname(&lease)), (ip(&near), "near"), "{target}");

        update(
            &site.kea,
            target,
            &reserved(2, index, &json!({ "ip-address": behind, "hostname": "renamed" })),
        );
        assert_eq!(hostname(&away.dhcp().unwrap()), "renamed", "{target}");
        assert_eq!(hostname(&at_home.dhcp().unwrap()), "near", "{target}");

        delete(&site.kea, target, &key_in(1, index));
        assert!(gets_from_the_pool(&at_home), "{target}");
        assert_eq!(away.dhcp().unwrap().address, ip(&behind), "{target}");
    }
}

#[test]
fn global_reservations_count_in_subnets_that_look_for_them() {
    let looks = json!({ "reservations-global": true });
    let site = Site::new(Family::V4, config(&looks));
    let relay = site.relay();
    for (index, target) in (1..).zip(TARGETS) {
        let dns = json!([{ "name": "domain-name-servers", "data": "10.77.0.53" }]);
        let global = json!({ "hostname": "anywhere", "option-data": dns });
        add(&site.kea, target, &reserved(0, index, &global));
        let [near, away] = [site.device(index), relay.device(&format!("away{index}"), &mac(index)).unwrap()];

        let lease = near.dhcp().unwrap();
        assert_eq!((hostname(&lease), &lease.dns[..]), ("anywhere", &[ip("10.77.0.53")][..]), "{target}");
        assert_eq!(lease.address.octets()[..3], [10, 77, 100], "{target}: the subnet's own");
        let lease = away.dhcp().unwrap();
        assert_eq!((hostname(&lease), lease.dns.len()), ("", 0), "{target}");
        assert_eq!(lease.address.octets()[..3], [10, 88, 100], "{target}");

        // One of the subnet itself takes its place, and what it lacks is not looked for.
        add(&site.kea, target, &reserved(1, index, &json!({ "hostname": "here" })));
        let lease = near.dhcp().unwrap();
        assert_eq!((hostname(&lease), lease.dns.len()), ("here", 0), "{target}");
        delete(&site.kea, target, &key_in(1, index));

        // An address is reserved globally, too, as long as it is one of the subnet.
        let address = format!("10.77.1.{index}");
        update(&site.kea, target, &reserved(0, index, &with(global, &json!({ "ip-address": address }))));
        assert_eq!(near.dhcp().unwrap().address, ip(&address), "{target}");

        delete(&site.kea, target, &key_in(0, index));
        assert_eq!(hostname(&near.dhcp().unwrap()), "", "{target}");
    }

    add(&site.kea, "database", &reserved(0, 3, &json!({ "hostname": "stored" })));
    let third = site.device(3);
    assert_eq!(hostname(&third.dhcp().unwrap()), "stored");
    site.reconfigure(config(&json!({ "reservations-global": false })));
    assert_eq!(hostname(&third.dhcp().unwrap()), "");
}

#[test]
fn out_of_pool_reservations_leave_the_pool_alone() {
    let pool = json!({ "pools": [{ "pool": "10.77.100.1 - 10.77.100.2" }] });
    let modes = json!({ "reservations-in-subnet": true, "reservations-out-of-pool": true });
    let site = Site::new(Family::V4, config(&with(pool.clone(), &modes)));
    for (index, target) in (1..).zip(TARGETS) {
        let outside = format!("10.77.1.{index}");
        add(&site.kea, target, &reserved(1, index, &json!({ "ip-address": outside, "hostname": "outside" })));
        let lease = site.device(index).dhcp().unwrap();
        assert_eq!((lease.address, hostname(&lease)), (ip(&outside), "outside"), "{target}");

        // Kea trusts that no address of the pool is reserved, and gives it to anybody.
        let inside = format!("10.77.100.{index}");
        add(&site.kea, target, &reserved(1, 10 + index, &json!({ "ip-address": inside })));
        let stranger = site.device(20 + index);
        assert_eq!(
            stranger.request().asking_for(ip(&inside)).run().unwrap().address,
            ip(&inside),
            "{target}"
        );
    }

    // As soon as Kea looks for them in the pool, too, it is for its owner alone.
    site.kea.ask("lease4-del", &json!({ "ip-address": "10.77.100.2" })).unwrap();
    site.reconfigure(config(&pool));
    assert_eq!(site.device(22).try_dhcp(1).unwrap(), None);
    assert_eq!(site.device(12).dhcp().unwrap().address, ip("10.77.100.2"), "the one in the store");
}

#[test]
fn a_subnet_can_be_told_not_to_look() {
    let site = Site::new(Family::V4, config(&json!({ "reservations-in-subnet": false })));
    for (index, target) in (1..).zip(TARGETS) {
        let address = format!("10.77.1.{index}");
        add(&site.kea, target, &reserved(1, index, &json!({ "ip-address": address, "hostname": "unseen" })));
        let lease = site.device(index).dhcp().unwrap();
        assert_eq!((lease.address.octets()[2], hostname(&lease)), (100, ""), "{target}");
    }
    site.reconfigure(config(&json!({ "reservations-in-subnet": true })));
    let lease = site.device(2).dhcp().unwrap();
    assert_eq!((lease.address, hostname(&lease)), (ip("10.77.1.2"), "unseen"), "the one in the store");
}

#[test]
fn identifiers_count_in_the_order_that_is_configured_and_no_others() {
    // Kea has this hook from 3.0 on.
    let flex_id = "libdhcp_flex_id.so";
    let has_flex_id = KeaInstallation::find().unwrap().hook(flex_id).exists();
    let parameters = json!({ "identifier-expression": "hexstring(pkt4.mac, ':')" });
    let hooks = [(flex_id, parameters)];
    let order = |types: &[&str]| with(config(&json!({})), &json!({ "host-reservation-identifiers": types }));
    let site = Site::with_hooks(Family::V4, order(&["duid"]), if has_flex_id { &hooks } else { &[] });
    let relay = site.relay();
    let device = relay.device("d", &mac(1)).unwrap();

    let colons = |bytes: &[u8]| bytes.iter().map(|byte| format!("{byte:02x}")).collect::<Vec<_>>().join(":");
    let identifiers = [
        ("hw-address", mac(1)),
        ("client-id", colons(&CLIENT_ID)),
        ("circuit-id", colons(RELAY_INTERFACE.as_bytes())),
        ("duid", DUID.to_owned()),
        ("flex-id", format!("'{}'", mac(1))),
    ];
    let with_flex_id = if has_flex_id { "flex-id" } else { "circuit-id" };
    let rows: [(&[&str], &str); 7] = [
        (&["hw-address", "duid", "circuit-id", "client-id"], "hw-address"),
        (&["client-id", "hw-address", "circuit-id", "duid"], "client-id"),
        (&["circuit-id", "hw-address"], "circuit-id"),
        (&["duid", "client-id"], "duid"),
        (&["flex-id", "circuit-id"], with_flex_id),
        (&["circuit-id", "flex-id"], "circuit-id"),
        (&["flex-id", "duid", "client-id"], if has_flex_id { "flex-id" } else { "duid" }),
    ];
    let reserved = |number: usize, place: usize| json!({ "ip-address": format!("10.88.{number}.{place}") });
    let asks = || json!({ "ip-address": device.request().client_id(&CLIENT_ID).run().unwrap().address });
    site.expect_winners(&rows, &identifiers, order, SUBNET_BEHIND, reserved, asks);

    // A client that is known by identifiers that are not listed is not known.
    let stranger = relay.device("stranger", &mac(1)).unwrap();
    site.reconfigure(order(&["hw-address"]));
    assert_eq!(stranger.dhcp().unwrap().address, ip("10.88.2.1"));
    site.reconfigure(order(&["duid"]));
    assert!(gets_from_the_pool(&stranger));
}

/// What Kea asks the store for again and again is kept for a while, and makes room for others.
#[test]
fn thousands_of_clients_in_turn_get_what_is_theirs() {
    /// As many numbers apart, reservations take each other's place.
    const APART: usize = 8192;
    let kinds = [
        json!({}),
        json!({ "hostname": "a" }),
        json!({ "hostname": "bb", "user-context": { "site": "Oslo" } }),
        json!({ "user-context": { "site": "Bergen" } }),
        json!({ "hostname": "c", "boot-file-name": "boot", "option-data": [{ "name": "log-servers", "data": "10.77.0.9" }] }),
    ];
    let site = Site::new(Family::V4, config(&json!({})));
    let item = |index: usize| {
        let address = format!("10.77.{}.{}", index / 250, 1 + index % 250);
        reserved(SUBNET_ID, index, &with(json!({ "ip-address": address }), &kinds[index % kinds.len()]))
    };
    let items: Vec<Value> = (1..=2 * APART + 50).map(item).collect();
    for items in items.chunks(9000) {
        site.kea.ask("ext-reservation-apply", &json!({ "owner": "o", "reservations": items })).unwrap();
    }

    for index in (1..=50).flat_map(|index| [index, index + APART, index + 2 * APART, index]) {
        let found = site.kea.ask("ext-reservation-get", &key(index)).unwrap();
        let wanted = with(json!({ "boot-file-name": "", "hostname": "", "option-data": [] }), &item(index));
        for (name, value) in wanted.as_object().unwrap() {
            let found = &found[name];
            match name.as_str() {
                "user-context" => assert_eq!(found["site"], value["site"], "{index}"),
                "option-data" => assert_eq!(found.as_array().unwrap().len(), value.as_array().unwrap().len()),
                _ => assert_eq!(found, value, "{name} of {index}"),
            }
        }
        assert_eq!(found["user-context"]["ext-owner"], "o");
    }
    for index in [1, 1 + APART, 1 + 2 * APART] {
        let lease = site.device(index).dhcp().unwrap();
        assert_eq!(json!(lease.address.to_string()), item(index)["ip-address"]);
        assert_eq!(json!(hostname(&lease)), with(json!({ "hostname": "" }), &item(index))["hostname"]);
    }
}
