//! What DHCPv6 clients get of reservations that commands make, change and remove.

mod support;

use std::net::Ipv6Addr;

use kea_lab::{Database, Device, Dhcp6Lease, Family, Kea, KeaInstallation, Lab, SERVER_INTERFACE, SqlKind};
use serde_json::{Value, json};
use support::site::{Site, TARGETS, add, delete, update, with};
use support::{SUBNET_ID, mac};

/// The options that only those get who are told to in a reservation, by the numbers that dhclient calls them: one
/// that the configuration defines, one that nobody defines, one of a class.
const OPTIONS: [&str; 3] = ["222", "224", "226"];

/// Small pools of addresses (`:100`) and prefixes (`8000`), a class that comes with an option, and two options
/// of our own.
fn config(changes: &Value) -> Value {
    let subnet = json!({
        "id": SUBNET_ID,
        "subnet": "2001:db8:77::/64",
        "interface": SERVER_INTERFACE,
        "pools": [{ "pool": "2001:db8:77::100 - 2001:db8:77::11f" }],
        "pd-pools": [{ "prefix": "2001:db8:8000::", "prefix-len": 48, "delegated-len": 56 }],
    });
    json!({
        "subnet6": [with(subnet, changes)],
        "option-def": [
            { "name": "lab-note", "code": 222, "type": "string", "space": "dhcp6" },
            { "name": "class-note", "code": 226, "type": "uint8", "space": "dhcp6" },
        ],
        "client-classes": [
            { "name": "blue", "option-data": [{ "name": "class-note", "data": "7" }] },
        ],
        "ddns-send-updates": false,
    })
}

/// The DUID that the lab's clients make of the MAC address of client number `index`.
fn duid(index: usize) -> String {
    format!("00:03:00:01:{}", mac(index))
}

fn key(index: usize) -> Value {
    json!({ "subnet-id": SUBNET_ID, "identifier-type": "duid", "identifier": duid(index) })
}

/// A reservation of client number `index`.
fn reserved(index: usize, more: &Value) -> Value {
    with(json!({ "subnet-id": SUBNET_ID, "duid": duid(index) }), more)
}

/// As much as a reservation can have that a client sees.
fn full(index: usize) -> Value {
    reserved(
        index,
        &json!({
            "ip-addresses": [ip(index, 1), ip(index, 2)],
            "prefixes": [prefix(index)],
            "hostname": "first.example",
            "client-classes": ["blue"],
            "option-data": [
                { "name": "dns-servers", "data": "2001:db8::53, 2001:db8::54" },
                { "name": "lab-note", "data": "note" },
                { "code": 224, "csv-format": false, "data": "C0FFEE" },
            ],
        }),
    )
}

/// Address number `number` for client number `index`, outside the pool.
fn ip(index: usize, number: usize) -> Ipv6Addr {
    format!("2001:db8:77::{index:x}:{number:x}").parse().unwrap()
}

/// The prefix for client number `index`, outside the pool.
fn prefix(index: usize) -> String {
    format!("2001:db8:9000:{index:x}00::/56")
}

fn is_of_the_pools(lease: &Dhcp6Lease) -> bool {
    let pool = ip(0, 0x100)..=ip(0, 0x11f);
    lease.addresses.iter().all(|address| pool.contains(address))
        && lease.prefixes.iter().all(|prefix| prefix.starts_with("2001:db8:8000:"))
}

/// Asks for two addresses, a prefix, a name and all [`OPTIONS`].
fn ask(device: &Device) -> Dhcp6Lease {
    let request = device.request6().addresses(2).prefixes(1).fqdn("wish.example.");
    OPTIONS
        .iter()
        .fold(request, |request, option| request.option(&format!("dhcp6.unknown-{option}")))
        .run()
        .unwrap()
}

/// What the lease has of the options that [`full`] sets.
fn options(lease: &Dhcp6Lease) -> Vec<Option<&str>> {
    let names = OPTIONS.iter().map(|option| format!("dhcp6_unknown_{option}"));
    let names = ["dhcp6_name_servers".to_owned()].into_iter().chain(names);
    names.map(|name| lease.raw.get(&name).map(String::as_str)).collect()
}

/// A reservation is added, updated and deleted, and its client asks after each step.
fn follow(kea: &Kea, device: &Device, index: usize, target: &str) {
    let lease = ask(device);
    assert!(is_of_the_pools(&lease), "{target}: there is no reservation yet, and {lease:?}");

    add(kea, target, &full(index));
    let lease = ask(device);
    assert_eq!(lease.addresses, [ip(index, 1), ip(index, 2)], "{target}");
    assert_eq!(lease.prefixes, [prefix(index)], "{target}");
    assert_eq!(lease.fqdn.as_deref(), Some("first.example"), "{target}");
    let expected = ["2001:db8::53 2001:db8::54", "\"note\"", "c0:ff:ee", "7"];
    assert_eq!(options(&lease), expected.map(Some), "{target}");

    // What the new one does not mention is gone.
    let changes = json!({ "ip-addresses": [ip(index, 2), ip(index, 3)], "hostname": "second.example" });
    update(kea, target, &reserved(index, &changes));
    let lease = ask(device);
    assert_eq!(lease.addresses, [ip(index, 2), ip(index, 3)], "{target}");
    assert!(lease.prefixes[0].starts_with("2001:db8:8000:"), "{target}: {:?}", lease.prefixes);
    assert_eq!(lease.fqdn.as_deref(), Some("second.example"), "{target}");
    assert_eq!(options(&lease), [None; 4], "{target}");

    update(kea, target, &full(index));
    assert_eq!(ask(device).prefixes, [prefix(index)], "{target}");

    // By one of its addresses, and all of it is gone.
    delete(kea, target, &json!({ "subnet-id": SUBNET_ID, "ip-address": ip(index, 2) }));
    let lease = ask(device);
    assert!(is_of_the_pools(&lease), "{target}: {lease:?}");
    assert_eq!(options(&lease), [None; 4], "{target}");
    assert_ne!(lease.fqdn.as_deref(), Some("first.example"), "{target}");
}

#[test]
fn a_client_follows_its_reservation() {
    let site = Site::new(Family::V6, config(&json!({})));
    for (target, index) in TARGETS.into_iter().zip([1, 2]) {
        follow(&site.kea, &site.device(index), index, target);
    }
}

#[test]
fn a_client_follows_its_reservation_in_postgresql() {
    let lab = Lab::new("sql").unwrap();
    let database = Database::new(SqlKind::PostgreSql).unwrap();
    let builder =
        Kea::on(&lab).unwrap().dhcp6().config(config(&json!({}))).hosts_database(&database).unwrap();
    let kea = builder.host_cmds(Value::Null).unwrap().start().unwrap();
    follow(&kea, &lab.device("d", &mac(3)).unwrap(), 3, "database");
}

#[test]
fn exploration() {
    let site = Site::new(Family::V6, config(&json!({})));
    let device = site.device(1);
    add(&site.kea, "memory", &full(1));
    eprintln!("{:#?}", ask(&device));
    eprintln!("{:#?}", std::fs::read_to_string(site.lab.dir().join("dhclient-d1.log")));
    update(
        &site.kea,
        "memory",
        &reserved(1, &json!({"prefixes": [prefix(1)], "excluded-prefixes": ["2001:db8:9000:101::/64"]})),
    );
    eprintln!("{:#?}", device.request6().prefixes(1).option("dhcp6.unknown-67").run());
}
