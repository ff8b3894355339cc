//! What DHCPv4 clients get of reservations that commands make, change and remove.

mod support;

use std::net::Ipv4Addr;

use kea_lab::{Database, Device, DhcpLease, Family, Kea, Lab, SqlKind};
use serde_json::{Value, json};
use support::site::{Site, TARGETS, add, delete, update, with};
use support::{PREFIX, SUBNET_ID, address, config_without_store, key, mac};

/// The options that only those get who are told to in a reservation, by the names that udhcpc gives them: one of a
/// class, one that the configuration defines, one that nobody defines.
const OPTIONS: [&str; 3] = ["ntpsrv", "222", "224"];

/// A small pool, a class that comes with an option, and an option of our own.
fn config() -> Value {
    with(
        config_without_store(),
        &json!({
            "option-def": [{ "name": "lab-note", "code": 222, "type": "string", "space": "dhcp4" }],
            "client-classes": [
                { "name": "blue", "option-data": [{ "name": "ntp-servers", "data": "10.77.0.123" }] },
            ],
        }),
    )
}

/// A pool of these addresses of 10.77.1.0 and nothing else.
fn pool(first: u8, last: u8) -> Value {
    let pool = format!("10.77.1.{first} - 10.77.1.{last}");
    json!({ "subnet4": [{ "id": SUBNET_ID, "subnet": PREFIX, "pools": [{ "pool": pool }] }] })
}

/// The reservation of client number `index`, with an address and nothing else.
fn reserved(index: usize, address: &str) -> Value {
    json!({ "subnet-id": SUBNET_ID, "hw-address": mac(index), "ip-address": address })
}

/// As much as a reservation can have that a client sees.
fn full(index: usize) -> Value {
    with(
        reserved(index, &address(index)),
        &json!({
            "hostname": "first",
            "next-server": "10.77.0.7",
            "server-hostname": "boot.example",
            "boot-file-name": "/pxe/loader.0",
            "client-classes": ["blue"],
            "option-data": [
                { "name": "domain-name-servers", "data": "10.77.0.53, 10.77.0.54" },
                { "name": "lab-note", "data": "note" },
                { "code": 224, "csv-format": false, "data": "C0FFEE" },
            ],
        }),
    )
}

fn ip(text: &str) -> Ipv4Addr {
    text.parse().unwrap()
}

fn ask(device: &Device) -> DhcpLease {
    OPTIONS.iter().fold(device.request(), |request, option| request.option(option)).run().unwrap()
}

/// What the lease has of the fields that [`full`] sets.
fn fields(lease: &DhcpLease) -> Vec<Option<&str>> {
    let names = ["hostname", "siaddr", "sname", "boot_file", "dns", "ntpsrv", "opt222", "opt224"];
    names.iter().map(|name| lease.raw.get(*name).map(String::as_str)).collect()
}

fn is_of_the_pool(address: Ipv4Addr) -> bool {
    address.octets()[..3] == [10, 77, 100]
}

/// A reservation is added, updated and deleted, and its client asks after each step.
fn follow(kea: &Kea, device: &Device, index: usize, target: &str) {
    assert!(is_of_the_pool(ask(device).address), "{target}: there is no reservation yet");

    add(kea, target, &full(index));
    let lease = ask(device);
    assert_eq!(lease.address.to_string(), address(index), "{target}");
    let expected = [
        "first",
        "10.77.0.7",
        "boot.example",
        "/pxe/loader.0",
        "10.77.0.53 10.77.0.54",
        "10.77.0.123",
        "6e6f7465",
        "c0ffee",
    ];
    assert_eq!(fields(&lease), expected.map(Some), "{target}");

    // What the new one does not mention is gone.
    update(kea, target, &with(reserved(index, &address(index + 1)), &json!({ "hostname": "second" })));
    let lease = ask(device);
    assert_eq!(lease.address.to_string(), address(index + 1), "{target}");
    assert_eq!(fields(&lease), [Some("second"), None, None, None, None, None, None, None], "{target}");

    delete(kea, target, &key(index));
    let lease = ask(device);
    assert!(is_of_the_pool(lease.address), "{target}: {}", lease.address);
    assert_eq!(fields(&lease), [None; 8], "{target}");
}

#[test]
fn a_client_follows_its_reservation() {
    let site = Site::new(Family::V4, config());
    for (target, index) in TARGETS.into_iter().zip([10, 20]) {
        follow(&site.kea, &site.device(index), index, target);
    }
}

#[test]
fn a_client_follows_its_reservation_in_postgresql() {
    let lab = Lab::new("sql").unwrap();
    let database = Database::new(SqlKind::PostgreSql).unwrap();
    let builder = Kea::on(&lab).unwrap().config(config()).hosts_database(&database).unwrap();
    let kea = builder.host_cmds(Value::Null).unwrap().start().unwrap();
    follow(&kea, &lab.device("d", &mac(30)).unwrap(), 30, "database");
}

#[test]
fn a_reserved_address_is_for_nobody_else() {
    // As large as what is reserved.
    let site = Site::new(Family::V4, pool(1, 2));
    let addresses = ["10.77.1.1", "10.77.1.2"];
    for ((target, address), index) in TARGETS.into_iter().zip(addresses).zip([1, 2]) {
        add(&site.kea, target, &reserved(index, address));
    }
    let stranger = site.device(3);
    assert_eq!(stranger.try_dhcp(1).unwrap(), None);
    assert_eq!(stranger.request().asking_for(ip(addresses[1])).attempts(1).try_run().unwrap(), None);
    assert_eq!(site.device(1).dhcp().unwrap().address, ip(addresses[0]));

    // Free again with the reservation of the second, whose client has never asked.
    delete(&site.kea, "database", &key(2));
    assert_eq!(stranger.dhcp().unwrap().address, ip(addresses[1]));
    assert_eq!(site.device(4).try_dhcp(1).unwrap(), None);
}

#[test]
fn a_reserved_address_that_somebody_has_is_waited_for() {
    let site = Site::new(Family::V4, pool(1, 9));
    let owner_by = |target, index, address: &str| {
        add(&site.kea, target, &reserved(index, address));
        let owner = site.device(index);
        let meanwhile = owner.dhcp().unwrap().address;
        assert_eq!(meanwhile.octets()[..3], [10, 77, 1]);
        assert_ne!(meanwhile, ip(address), "{target}: somebody has it");
        owner
    };
    for (target, base) in TARGETS.into_iter().zip([10, 20]) {
        let wanted = format!("10.77.1.{}", base / 10);
        let holder = site.device(base);
        assert_eq!(holder.request().asking_for(ip(&wanted)).run().unwrap().address, ip(&wanted));
        let owner = owner_by(target, base + 1, &wanted);
        site.kea.ask("lease4-del", &json!({ "ip-address": wanted })).unwrap();
        assert_eq!(owner.dhcp().unwrap().address, ip(&wanted), "{target}: the lease was deleted");

        let wanted = format!("10.77.1.{}", base / 10 + 5);
        let holder = site.device(base + 2);
        assert_eq!(holder.request().asking_for(ip(&wanted)).run().unwrap().address, ip(&wanted));
        let owner = owner_by(target, base + 3, &wanted);
        assert_ne!(holder.dhcp().unwrap().address, ip(&wanted), "{target}: it is reserved now");
        assert_eq!(owner.dhcp().unwrap().address, ip(&wanted), "{target}: the holder had to move");
    }
}

#[test]
fn memory_comes_first_and_only_the_store_lasts() {
    let site = Site::new(Family::V4, config());
    add(&site.kea, "database", &reserved(1, "10.77.2.1"));
    add(&site.kea, "memory", &reserved(1, "10.77.2.2"));
    add(&site.kea, "memory", &reserved(2, "10.77.2.3"));
    let (both, memory) = (site.device(1), site.device(2));
    assert_eq!(both.dhcp().unwrap().address, ip("10.77.2.2"));
    assert_eq!(memory.dhcp().unwrap().address, ip("10.77.2.3"));

    delete(&site.kea, "memory", &key(1));
    assert_eq!(both.dhcp().unwrap().address, ip("10.77.2.1"));

    add(&site.kea, "memory", &reserved(1, "10.77.2.4"));
    assert_eq!(both.dhcp().unwrap().address, ip("10.77.2.4"));
    site.kea.reload().unwrap().success().unwrap();
    assert_eq!(both.dhcp().unwrap().address, ip("10.77.2.1"));
    assert!(is_of_the_pool(memory.dhcp().unwrap().address));
}
