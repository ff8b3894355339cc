//! `ext-event-get`: what real clients do to their leases is told, and so is what commands do to reservations.

mod support;

use std::time::Duration;

use kea_lab::{Family, Kea, KeaInstallation, Lab, wait_for};
use serde_json::{Value, json};
use support::site::{Site, config6, with};
use support::wishes::duid;
use support::{SUBNET_ID, address, config_without_store, expect_error, key, mac, reservation};

/// Long enough for the slowest machine.
const PATIENCE: Duration = Duration::from_secs(60);

/// A lab with a server that has these parameters of the hook, a store and `lease_cmds`.
fn site(family: Family, config: Value, parameters: Value) -> Site {
    let lab = Lab::new("events").unwrap();
    let config = with(
        config,
        &json!({ "hosts-databases": [{ "type": "memfile", "name": lab.dir().join("hosts.db") }] }),
    );
    let builder = Kea::on(&lab).unwrap().family(family).config(config).lease_cmds().unwrap();
    Site { kea: builder.host_cmds(parameters).unwrap().start().unwrap(), lab }
}

fn events_after(kea: &Kea, since: u64) -> Vec<Value> {
    let found = kea.ask("ext-event-get", &json!({ "since": since })).unwrap();
    assert_eq!(found["lost"], json!(false), "{found}");
    found["events"].as_array().unwrap().clone()
}

/// The events about leases after `since`, as soon as there are this many.
fn lease_events(kea: &Kea, since: u64, count: usize) -> Vec<Value> {
    wait_for(format!("{count} events of leases"), PATIENCE, || {
        let events = events_after(kea, since).into_iter();
        let events: Vec<Value> = events.filter(|event| name(event).starts_with("lease-")).collect();
        (events.len() >= count).then_some(events)
    })
    .unwrap()
}

/// The events of a lease up to its end. A client that is slow renews it before it goes away.
fn until_it_runs_out(kea: &Kea, since: u64) -> Vec<Value> {
    let mut events = lease_events(kea, since, 2);
    while events.last().is_some_and(|event| name(event) != "lease-expired") {
        events = lease_events(kea, since, events.len() + 1);
    }
    let (last, others) = events.split_last().unwrap();
    assert!(
        name(last) == "lease-expired" && others.iter().all(|event| name(event) == "lease-committed"),
        "{events:?}"
    );
    events
}

fn name(event: &Value) -> &str {
    event["event"].as_str().unwrap()
}

fn names(events: &[Value]) -> Vec<&str> {
    events.iter().map(name).collect()
}

fn head(kea: &Kea) -> u64 {
    kea.ask("ext-event-get", &Value::Null).unwrap()["head"].as_u64().unwrap()
}

/// Reserves for client number `index`, for owner `a`.
fn reserve(kea: &Kea, index: usize) {
    let arguments = json!({ "owner": "a", "reservations": [reservation(index)["reservation"]] });
    kea.ask("ext-reservation-apply", &arguments).unwrap();
}

/// Reserves an address for client number `index` of DHCPv6, for owner `a`, in the server's memory.
fn reserve6(kea: &Kea, index: usize) {
    let reserved = json!({
        "subnet-id": SUBNET_ID, "duid": duid(index), "ip-addresses": ["2001:db8:77::5"],
        "user-context": { "ext-owner": "a" },
    });
    support::site::add(kea, "memory", &reserved);
}

/// What makes leases run out at once, and be reclaimed.
fn soon_over() -> Value {
    json!({ "valid-lifetime": 2, "expired-leases-processing": { "reclaim-timer-wait-time": 1 } })
}

#[test]
fn a_clients_lease_is_told_from_beginning_to_end() {
    let site = site(Family::V4, config_without_store(), Value::Null);
    reserve(&site.kea, 1);
    let begin = head(&site.kea);
    let device = site.device(1);
    // Nobody waits for this one.
    site.device(2).dhcp().unwrap();
    let lease = device.request().hostname("phone").then_release().run().unwrap();
    assert_eq!(lease.address.to_string(), address(1));

    let events = lease_events(&site.kea, begin, 2);
    assert_eq!(names(&events), ["lease-committed", "lease-released"]);
    for (event, number) in events.iter().zip(begin + 1..) {
        assert_eq!(event["number"], number);
        assert_eq!(event["ip-address"], address(1));
        assert_eq!(event["subnet-id"], SUBNET_ID);
        assert_eq!(event["hw-address"], mac(1));
        assert_eq!(event["client-id"], format!("01:{}", mac(1)));
        assert_eq!(event["owner"], "a");
        assert!(event["time"].as_i64().unwrap() > 0, "{event}");
    }
    assert!(events[0]["expire"].as_i64() > events[0]["time"].as_i64(), "{}", events[0]);
    assert_eq!(events[1].get("expire"), None);

    // So is the way back.
    let begin = head(&site.kea);
    device.dhcp().unwrap();
    assert_eq!(names(&lease_events(&site.kea, begin, 1)), ["lease-committed"]);
}

#[test]
fn a_lease_that_runs_out_is_told() {
    let site = site(Family::V4, with(config_without_store(), &soon_over()), Value::Null);
    reserve(&site.kea, 1);
    let begin = head(&site.kea);
    site.device(1).dhcp().unwrap();
    for event in until_it_runs_out(&site.kea, begin) {
        assert_eq!((&event["ip-address"], &event["hw-address"]), (&json!(address(1)), &json!(mac(1))));
    }
}

/// Expects that client number 1 of owner `a` was told to decline that address, and leased `got` then.
#[track_caller]
fn expect_declined(site: &Site, begin: u64, identifier: (&str, &str), declined: &str, got: &str) {
    let events = lease_events(&site.kea, begin, 3);
    assert_eq!(names(&events), ["lease-committed", "lease-declined", "lease-committed"]);
    for (event, address) in events.iter().zip([declined, declined, got]) {
        assert_eq!(event["ip-address"], address, "{event}");
        assert_eq!(event[identifier.0], identifier.1, "{event}");
        assert_eq!(event["owner"], "a", "{event}");
    }
    assert_ne!(declined, got);
}

#[test]
fn an_address_that_is_in_use_is_told_as_declined() {
    let site = site(Family::V4, config_without_store(), Value::Null);
    reserve(&site.kea, 1);
    // Somebody has set the reserved address by hand.
    let intruder = site.device(2);
    intruder.namespace().ip(&["address", "add", &format!("{}/16", address(1)), "dev", "eth0"]).unwrap();
    let begin = head(&site.kea);
    let lease = site.device(1).request().checking().run().unwrap();
    expect_declined(&site, begin, ("hw-address", &mac(1)), &address(1), &lease.address.to_string());
}

#[test]
fn an_address_that_is_in_use_is_told_as_declined_in_dhcpv6() {
    let site = site(Family::V6, config6(), Value::Null);
    reserve6(&site.kea, 1);
    let intruder = site.device(2);
    intruder.namespace().ip(&["address", "add", "2001:db8:77::5/64", "dev", "eth0", "nodad"]).unwrap();
    let begin = head(&site.kea);
    let lease = site.device(1).request6().checking().run().unwrap();
    let got = lease.addresses[0].to_string();
    expect_declined(&site, begin, ("duid", &duid(1)), "2001:db8:77::5", &got);
}

#[test]
fn a_lease_that_runs_out_is_told_in_dhcpv6() {
    let config = with(with(config6(), &soon_over()), &json!({ "preferred-lifetime": 1 }));
    let site = site(Family::V6, config, Value::Null);
    reserve6(&site.kea, 1);
    let begin = head(&site.kea);
    site.device(1).dhcp6().unwrap();
    for event in until_it_runs_out(&site.kea, begin) {
        assert_eq!((&event["ip-address"], &event["duid"]), (&json!("2001:db8:77::5"), &json!(duid(1))));
        assert_eq!(event["owner"], "a", "{event}");
    }
}

#[test]
fn leases_of_dhcpv6_are_told_one_by_one() {
    let site = site(Family::V6, config6(), Value::Null);
    reserve6(&site.kea, 1);
    let begin = head(&site.kea);
    let got = site.device(1).request6().prefixes(1).then_release().run().unwrap();
    let events = lease_events(&site.kea, begin, 4);
    let mut committed: Vec<&Value> = events.iter().filter(|event| name(event) == "lease-committed").collect();
    let mut released: Vec<&Value> = events.iter().filter(|event| name(event) == "lease-released").collect();
    for told in [&mut committed, &mut released] {
        told.sort_by_key(|event| event["type"].to_string());
        assert_eq!(told.len(), 2, "{events:?}");
        assert_eq!((&told[0]["type"], &told[1]["type"]), (&json!("IA_NA"), &json!("IA_PD")));
        assert_eq!(told[0]["ip-address"], json!(got.addresses[0]));
        assert_eq!(told[0].get("prefix-len"), None);
        let prefix = format!("{}/{}", told[1]["ip-address"].as_str().unwrap(), told[1]["prefix-len"]);
        assert_eq!(prefix, got.prefixes[0]);
        for event in told {
            assert_eq!((&event["duid"], &event["owner"]), (&json!(duid(1)), &json!("a")), "{event}");
            assert!(event["iaid"].is_u64(), "{event}");
        }
    }
}

#[test]
fn whose_leases_are_told_is_a_parameter() {
    for (leases, expected) in [("all", vec!["lease-committed"]), ("none", vec![]), ("reserved", vec![])] {
        let site = site(Family::V4, config_without_store(), json!({ "event-leases": leases }));
        site.device(1).dhcp().unwrap();
        // A reservation of somebody else.
        reserve(&site.kea, 2);
        let told = events_after(&site.kea, 0);
        assert_eq!(names(&told), [expected, vec!["reservation-added"]].concat(), "{leases}");
    }
}

fn command_server(parameters: Value) -> Kea {
    let builder = Kea::without_network("events").unwrap();
    let store = builder.dir().join("hosts4.db");
    builder.config(support::config(&store)).host_cmds(parameters).unwrap().start().unwrap()
}

#[test]
fn of_more_events_than_are_kept_the_last_ones_stay() {
    let kea = command_server(json!({ "event-log-size": 3 }));
    for index in 1..=5 {
        reserve(&kea, index);
    }
    let found = kea.ask("ext-event-get", &json!({ "since": 1 })).unwrap();
    let numbers: Vec<&Value> =
        found["events"].as_array().unwrap().iter().map(|event| &event["number"]).collect();
    assert_eq!(numbers, [3, 4, 5]);
    assert_eq!((&found["lost"], &found["head"]), (&json!(true), &json!(5)));
    assert_eq!(events_after(&kea, 2).len(), 3);
    let status = kea.ask("ext-status", &Value::Null).unwrap();
    assert_eq!(status["events"], json!({ "epoch": found["epoch"], "head": 5 }));
    assert_eq!(status["limits"]["event-log-size"], 3);
}

#[test]
fn events_can_be_off() {
    let kea = command_server(json!({ "event-log-size": 0 }));
    reserve(&kea, 1);
    let refused = kea.command("ext-event-get", &json!({ "since": 0 })).unwrap();
    expect_error(&refused, &["no events are kept", "'event-log-size'"]);
}

#[test]
fn each_configuration_begins_another_epoch() {
    let kea = command_server(Value::Null);
    reserve(&kea, 1);
    reserve(&kea, 2);
    let before = kea.ask("ext-event-get", &json!({ "since": 0 })).unwrap();
    assert_eq!(before["head"], 2);
    kea.reload().unwrap().success().unwrap();
    reserve(&kea, 3);
    let after = kea.ask("ext-event-get", &json!({ "since": 1, "epoch": before["epoch"] })).unwrap();
    assert_ne!(before["epoch"], after["epoch"]);
    assert_eq!((&after["lost"], &after["head"]), (&json!(true), &json!(1)));
    assert_eq!(after["events"][0]["hw-address"], mac(3));
}

/// Kea's own hook, where there is one (Kea 3.0), writes to the embedded store too.
#[test]
fn what_another_library_does_in_the_store_is_told() {
    const HOST_CMDS: &str = "libdhcp_host_cmds.so";
    let builder = Kea::without_network("events").unwrap();
    let store = builder.dir().join("hosts4.db");
    let builder = builder.config(support::config(&store));
    let has_stock = KeaInstallation::find().unwrap().hook(HOST_CMDS).exists();
    let builder = if has_stock { builder.stock_hook(HOST_CMDS, Value::Null).unwrap() } else { builder };
    let kea = builder.host_cmds(Value::Null).unwrap().start().unwrap();
    kea.ask("reservation-add", &reservation(1)).unwrap();
    kea.ask("reservation-del", &key(1)).unwrap();
    let events = events_after(&kea, 0);
    assert_eq!(names(&events), ["reservation-added", "reservation-removed"]);
    assert_eq!((&events[0]["source"], &events[0]["hw-address"]), (&json!("memfile"), &json!(mac(1))));
}

#[test]
fn the_servers_statistics_count_changes_of_reservations() {
    let kea = command_server(Value::Null);
    let counts = || {
        let all = kea.ask("statistic-get-all", &Value::Null).unwrap();
        ["added", "updated", "removed"]
            .map(|what| all[format!("ext-reservations-{what}")][0][0].as_i64().unwrap())
    };
    assert_eq!(counts(), [0, 0, 0]);
    for index in 1..=3 {
        reserve(&kea, index);
    }
    reserve(&kea, 3);
    kea.ask("ext-reservation-update", &with(reservation(1), &json!({ "operation-target": "database" })))
        .unwrap();
    kea.ask("ext-reservation-del", &key(2)).unwrap();
    let memory = with(reservation(4), &json!({ "operation-target": "memory" }));
    kea.ask("ext-reservation-add", &memory).unwrap();
    assert_eq!(counts(), [4, 1, 1]);
}
