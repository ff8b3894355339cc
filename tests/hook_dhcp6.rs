//! What DHCPv6 clients get of reservations that commands make, change and remove.

mod support;

use std::net::Ipv6Addr;

use kea_lab::{Database, Device, Dhcp6Lease, Family, Kea, KeaInstallation, Lab, SERVER_INTERFACE, SqlKind};
use serde_json::{Value, json};
use support::site::{Site, TARGETS, add, delete, update, with};
use support::{SUBNET_ID, expect_error, mac};

/// The options that only those get who are told to in a reservation, with names for the client: one that the
/// configuration defines, one that nobody defines, one of a class.
const OPTIONS: [(&str, u16); 3] = [("defined", 222), ("raw", 224), ("of_class", 226)];

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
        // Lets clients take the first offer: else each waits a second for a better one.
        "option-data": [{ "name": "preference", "data": "255", "always-send": true }],
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

/// Fails unless all addresses and prefixes, and as many as these, are of the pools.
#[track_caller]
fn expect_from_pools(lease: &Dhcp6Lease, addresses: usize, prefixes: usize) {
    assert_eq!((lease.addresses.len(), lease.prefixes.len()), (addresses, prefixes), "{lease:?}");
    let pool = ip(0, 0x100)..=ip(0, 0x11f);
    assert!(lease.addresses.iter().all(|address| pool.contains(address)), "{lease:?}");
    assert!(lease.prefixes.iter().all(|prefix| prefix.starts_with("2001:db8:8000:")), "{lease:?}");
}

/// Asks for two addresses, a prefix, a name and all [`OPTIONS`].
fn ask(device: &Device) -> Dhcp6Lease {
    let request = device.request6().addresses(2).prefixes(1).fqdn("wish.example.");
    let bytes = "array of unsigned integer 8";
    OPTIONS
        .iter()
        .fold(request, |request, (name, code)| request.option_of_code(name, *code, bytes))
        .run()
        .unwrap()
}

/// What the lease has of the options that [`full`] sets.
fn options(lease: &Dhcp6Lease) -> Vec<Option<&str>> {
    let names = OPTIONS.iter().map(|(name, _)| format!("dhcp6_{name}"));
    let names = ["dhcp6_name_servers".to_owned()].into_iter().chain(names);
    names.map(|name| lease.raw.get(&name).map(String::as_str)).collect()
}

/// A reservation is added, updated and deleted, and its client asks after each step.
fn follow(kea: &Kea, device: &Device, index: usize, target: &str) {
    expect_from_pools(&ask(device), 2, 1);

    add(kea, target, &full(index));
    let lease = ask(device);
    assert_eq!(lease.addresses, [ip(index, 1), ip(index, 2)], "{target}");
    assert_eq!(lease.prefixes, [prefix(index)], "{target}");
    assert_eq!(lease.fqdn.as_deref(), Some("first.example"), "{target}");
    let expected = ["2001:db8::53 2001:db8::54", "110 111 116 101", "192 255 238", "7"];
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
    expect_from_pools(&lease, 2, 1);
    assert_eq!(options(&lease), [None; 4], "{target}");
    assert_eq!(lease.fqdn.as_deref(), Some("wish.example"), "{target}");
    let other = with(full(index), &json!({ "duid": duid(index + 0x10), "hostname": "other.example" }));
    add(kea, target, &other);
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
fn what_is_reserved_is_for_nobody_else() {
    // As large as what is reserved.
    let site = Site::new(
        Family::V6,
        config(&json!({
            "pools": [{ "pool": "2001:db8:77::100 - 2001:db8:77::101" }],
            "pd-pools": [{ "prefix": "2001:db8:8000::", "prefix-len": 55, "delegated-len": 56 }],
        })),
    );
    let owned = [
        ("memory", 1, "2001:db8:77::100", "2001:db8:8000::/56"),
        ("database", 2, "2001:db8:77::101", "2001:db8:8000:100::/56"),
    ];
    for (target, index, address, prefix) in owned {
        add(&site.kea, target, &reserved(index, &json!({ "ip-addresses": [address], "prefixes": [prefix] })));
    }
    let stranger = site.device(3);
    assert_eq!(stranger.request6().prefixes(1).patience(3).try_run().unwrap(), None);
    let lease = site.device(1).request6().prefixes(1).run().unwrap();
    assert_eq!((lease.addresses, lease.prefixes), (vec![ip(0, 0x100)], vec![owned[0].3.to_owned()]));

    // Free again with the reservation of the second, whose client has never asked.
    delete(&site.kea, "database", &key(2));
    let lease = stranger.request6().prefixes(1).run().unwrap();
    assert_eq!((lease.addresses, lease.prefixes), (vec![ip(0, 0x101)], vec![owned[1].3.to_owned()]));
}

#[test]
fn a_reserved_address_that_somebody_has_is_waited_for() {
    let site = Site::new(Family::V6, config(&json!({})));
    for (target, base) in TARGETS.into_iter().zip([0x10, 0x20]) {
        let wanted = site.device(base).dhcp6().unwrap().addresses[0];
        add(&site.kea, target, &reserved(base + 1, &json!({ "ip-addresses": [wanted] })));
        let owner = site.device(base + 1);
        let meanwhile = owner.dhcp6().unwrap();
        expect_from_pools(&meanwhile, 1, 0);
        assert_ne!(meanwhile.addresses, [wanted], "{target}: somebody has it");
        site.kea.ask("lease6-del", &json!({ "ip-address": wanted })).unwrap();
        assert_eq!(owner.dhcp6().unwrap().addresses, [wanted], "{target}: the lease was deleted");
    }
}

#[test]
fn memory_comes_first_and_only_the_store_lasts() {
    let site = Site::new(Family::V6, config(&json!({})));
    let of = |number| reserved(1, &json!({ "ip-addresses": [ip(1, number)] }));
    add(&site.kea, "database", &of(1));
    add(&site.kea, "memory", &of(2));
    let device = site.device(1);
    assert_eq!(device.dhcp6().unwrap().addresses, [ip(1, 2)]);
    delete(&site.kea, "memory", &key(1));
    assert_eq!(device.dhcp6().unwrap().addresses, [ip(1, 1)]);
    add(&site.kea, "memory", &of(3));
    assert_eq!(device.dhcp6().unwrap().addresses, [ip(1, 3)]);
    site.kea.reload().unwrap().success().unwrap();
    assert_eq!(device.dhcp6().unwrap().addresses, [ip(1, 1)]);
}

#[test]
fn global_reservations_count_where_the_subnet_looks_for_them() {
    let looks = |yes: bool| config(&json!({ "reservations-global": yes }));
    let site = Site::new(Family::V6, looks(true));
    let asks = |device: &Device| {
        let lease = device.request6().fqdn("wish.example.").run().unwrap();
        (lease.addresses[0], lease.fqdn.unwrap_or_default(), lease.dns)
    };
    let dns = json!([{ "name": "dns-servers", "data": "2001:db8::53" }]);
    let given: Vec<Ipv6Addr> = vec!["2001:db8::53".parse().unwrap()];
    for (target, index) in TARGETS.into_iter().zip([1, 2]) {
        let global = json!({ "subnet-id": 0, "hostname": "anywhere.example", "option-data": dns });
        add(&site.kea, target, &reserved(index, &global));
        let device = site.device(index);
        let (address, hostname, options) = asks(&device);
        assert_eq!((hostname.as_str(), &options), ("anywhere.example", &given), "{target}");
        assert!((ip(0, 0x100)..=ip(0, 0x11f)).contains(&address), "{target}: {address}");

        // An address is reserved globally, too, as long as it is one of the subnet.
        update(
            &site.kea,
            target,
            &reserved(index, &with(global, &json!({ "ip-addresses": [ip(index, 1)] }))),
        );
        assert_eq!(asks(&device).0, ip(index, 1), "{target}");
    }
    site.reconfigure(looks(false));
    let (address, hostname, options) = asks(&site.device(2));
    assert!((ip(0, 0x100)..=ip(0, 0x11f)).contains(&address), "{address}");
    assert_eq!((hostname.as_str(), options), ("wish.example", Vec::new()), "the one in the store");
}

#[test]
fn identifiers_count_in_the_order_that_is_configured_and_no_others() {
    // Kea has this hook from 3.0 on.
    let flex_id = "libdhcp_flex_id.so";
    let has_flex_id = KeaInstallation::find().unwrap().hook(flex_id).exists();
    let hooks = [(flex_id, json!({ "identifier-expression": "hexstring(option[1].hex, '')" }))];
    let order = |types: &[&str]| with(config(&json!({})), &json!({ "host-reservation-identifiers": types }));
    let site = Site::with_hooks(Family::V6, order(&["duid"]), if has_flex_id { &hooks } else { &[] });
    let device = site.device(1);

    let flexible = format!("'{}'", duid(1).replace(':', ""));
    let identifiers = [("duid", duid(1)), ("hw-address", mac(1)), ("flex-id", flexible)];
    let rows: [(&[&str], &str); 4] = [
        (&["duid", "hw-address"], "duid"),
        (&["hw-address", "duid"], "hw-address"),
        (&["flex-id", "hw-address"], if has_flex_id { "flex-id" } else { "hw-address" }),
        (&["duid", "flex-id"], "duid"),
    ];
    let reserved = |index, place| json!({ "ip-addresses": [ip(index, place)] });
    let asks = || json!({ "ip-addresses": device.dhcp6().unwrap().addresses });
    site.expect_winners(&rows, &identifiers, order, SUBNET_ID, reserved, asks);

    // A client that is known by identifiers that are not listed is not known.
    delete(&site.kea, "database", &key(1));
    site.reconfigure(order(&["hw-address"]));
    assert_eq!(device.dhcp6().unwrap().addresses, [ip(2, 2)]);
    site.reconfigure(order(&["duid"]));
    expect_from_pools(&device.dhcp6().unwrap(), 1, 0);
}

#[test]
fn a_prefix_can_come_without_a_part() {
    let site = Site::new(Family::V6, config(&json!({})));
    let device = site.device(1);
    let asks = || {
        let request = device.request6().addresses(0).prefixes(1);
        request.option_of_code("excluded", 67, "array of unsigned integer 8").run().unwrap()
    };
    for target in TARGETS {
        let excluded = json!({ "prefixes": [prefix(1)], "excluded-prefixes": ["2001:db8:9000:107::/64"] });
        if site.kea.command("version-get", &Value::Null).unwrap().text.starts_with('2') {
            let arguments = json!({ "reservation": reserved(1, &excluded), "operation-target": target });
            let refused = site.kea.command("ext-reservation-add", &arguments).unwrap();
            expect_error(&refused, &["unsupported configuration parameter 'excluded-prefixes'"]);
            continue;
        }
        add(&site.kea, target, &reserved(1, &excluded));
        let lease = asks();
        assert_eq!(lease.prefixes, [prefix(1)], "{target}");
        // The length of the excluded prefix, and what it has after the 56 bits of the other.
        assert_eq!(lease.raw.get("dhcp6_excluded").map(String::as_str), Some("64 7"), "{target}");

        update(&site.kea, target, &reserved(1, &json!({ "prefixes": [prefix(1)] })));
        let lease = asks();
        assert_eq!(
            (&lease.prefixes[..], lease.raw.get("dhcp6_excluded")),
            (&[prefix(1)][..], None),
            "{target}"
        );
        delete(&site.kea, target, &key(1));
    }
}
