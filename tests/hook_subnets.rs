//! Subnets and shared networks that commands change: clients notice, a refusal changes nothing, no reservation is
//! left behind.

mod support;

use std::sync::atomic::{AtomicBool, Ordering};
use std::{fs, thread};

use kea_lab::{Kea, Lab};
use serde_json::{Value, json};
use support::{
    PREFIX, SUBNET_ID, all_reservations, command_server, config, expect, expect_error, key, mac, reservation,
};

/// The subnet of the lab's network, with a pool of two addresses.
fn pool_of(first: u8) -> Value {
    json!({ "subnet4": [{
        "id": SUBNET_ID, "subnet": PREFIX, "pools": [{ "pool": format!("10.77.7.{first} - 10.77.7.{}", first + 1) }],
    }]})
}

fn serverless(lab: &Lab) -> Kea {
    let config = json!({ "subnet4": [], "multi-threading": { "enable-multi-threading": true } });
    Kea::on(lab).unwrap().config(config).host_cmds(Value::Null).unwrap().start().unwrap()
}

#[test]
fn clients_are_served_from_a_subnet_as_long_as_it_is_there() {
    let lab = Lab::new("served").unwrap();
    let kea = serverless(&lab);
    let phone = lab.device("phone", &mac(1)).unwrap();
    assert_eq!(phone.try_dhcp(1).unwrap(), None);

    expect(&kea.command("ext-subnet4-add", &pool_of(10)).unwrap(), 0, "IPv4 subnet added");
    assert_eq!(phone.dhcp().unwrap().address.octets()[3] / 2, 5);
    let assigned = kea.ask("statistic-get", &json!({ "name": "subnet[1].assigned-addresses" })).unwrap();
    assert_eq!(assigned["subnet[1].assigned-addresses"][0][0], 1);

    // The counters of a subnet go on when another one changes.
    let other = json!({ "subnet4": [{ "id": 2, "subnet": "192.0.2.0/24" }] });
    for command in ["ext-subnet4-add", "ext-subnet4-update", "ext-subnet4-delta-del"] {
        kea.ask(command, &other).unwrap();
    }
    kea.ask("ext-subnet4-del", &json!({ "id": 2 })).unwrap();
    let counter = "subnet[1].cumulative-assigned-addresses";
    assert_eq!(kea.ask("statistic-get", &json!({ "name": counter })).unwrap()[counter][0][0], 1);

    // The statistics of a subnet that is updated are counted anew from the leases.
    expect(&kea.command("ext-subnet4-update", &pool_of(20)).unwrap(), 0, "IPv4 subnet updated");
    let assigned = kea.ask("statistic-get", &json!({ "name": "subnet[1].assigned-addresses" })).unwrap();
    assert_eq!(assigned["subnet[1].assigned-addresses"][0][0], 1);
    let tablet = lab.device("tablet", &mac(2)).unwrap();
    assert_eq!(tablet.dhcp().unwrap().address.octets()[3] / 2, 10);

    let deleted = kea.command("ext-subnet4-del", &json!({ "id": SUBNET_ID })).unwrap();
    expect(&deleted, 0, &format!("IPv4 subnet {PREFIX} (id {SUBNET_ID}) deleted"));
    let laptop = lab.device("laptop", &mac(3)).unwrap();
    assert_eq!(laptop.try_dhcp(1).unwrap(), None);
}

#[test]
fn clients_are_served_from_all_subnets_of_a_shared_network() {
    let lab = Lab::new("network").unwrap();
    let kea = serverless(&lab);
    // The network of the server's address has no pool: addresses come from its neighbour.
    let floor = json!({ "shared-networks": [{ "name": "floor", "subnet4": [
        { "id": 1, "subnet": PREFIX },
        { "id": 2, "subnet": "192.0.2.0/24", "pools": [{ "pool": "192.0.2.10 - 192.0.2.19" }] },
    ]}]});
    expect(&kea.command("ext-network4-add", &floor).unwrap(), 0, "A new IPv4 shared network 'floor' added");
    let phone = lab.device("phone", &mac(1)).unwrap();
    assert_eq!(phone.dhcp().unwrap().address.octets()[..3], [192, 0, 2]);

    kea.ask("ext-network4-subnet-del", &json!({ "name": "floor", "id": 2 })).unwrap();
    let tablet = lab.device("tablet", &mac(2)).unwrap();
    assert_eq!(tablet.try_dhcp(1).unwrap(), None);
    kea.ask("ext-network4-subnet-add", &json!({ "name": "floor", "id": 2 })).unwrap();
    assert_eq!(tablet.dhcp().unwrap().address.octets()[..3], [192, 0, 2]);

    kea.ask("ext-network4-del", &json!({ "name": "floor", "subnets-action": "delete" })).unwrap();
    let laptop = lab.device("laptop", &mac(3)).unwrap();
    assert_eq!(laptop.try_dhcp(1).unwrap(), None);
}

#[test]
fn subnets_change_while_packets_are_served() {
    let lab = Lab::new("busy").unwrap();
    let kea = serverless(&lab);
    kea.ask("ext-subnet4-add", &pool_of(10)).unwrap();
    let phone = lab.device("phone", &mac(1)).unwrap();
    let done = AtomicBool::new(false);
    thread::scope(|scope| {
        let clients = scope.spawn(|| {
            let mut leases = 0;
            while !done.load(Ordering::Relaxed) || leases == 0 {
                phone.dhcp().unwrap();
                leases += 1;
            }
        });
        for round in 0..50 {
            let other = json!({ "id": 2, "subnet": "192.0.2.0/24", "valid-lifetime": 100 + round });
            kea.ask("ext-subnet4-add", &json!({ "subnet4": [other] })).unwrap();
            kea.ask("ext-subnet4-update", &pool_of(10)).unwrap();
            let floor = json!({ "shared-networks": [{ "name": "floor" }] });
            kea.ask("ext-network4-add", &floor).unwrap();
            kea.ask("ext-network4-subnet-add", &json!({ "name": "floor", "id": 1 })).unwrap();
            kea.ask("ext-network4-del", &json!({ "name": "floor" })).unwrap();
            kea.ask("ext-subnet4-del", &json!({ "id": 2 })).unwrap();
        }
        done.store(true, Ordering::Relaxed);
        clients.join().unwrap();
    });
}

#[test]
fn reservations_of_a_deleted_subnet_are_gone_for_good() {
    let mut kea = command_server("released");
    let subnet = kea.ask("ext-subnet4-get", &json!({ "id": SUBNET_ID })).unwrap();
    for index in 0..3 {
        kea.ask("ext-reservation-add", &reservation(index)).unwrap();
    }
    let global = json!({ "reservation": { "subnet-id": 0, "hw-address": mac(9), "hostname": "anywhere" } });
    kea.ask("ext-reservation-add", &global).unwrap();
    let mut in_memory = reservation(7);
    in_memory["operation-target"] = json!("memory");
    kea.ask("ext-reservation-add", &in_memory).unwrap();

    let answer = kea.ask("ext-subnet4-del", &json!({ "id": SUBNET_ID })).unwrap();
    assert_eq!(answer["reservations"], json!({ "removed": { "memory": 1, "memfile": 3 }, "kept": {} }));
    let line = format!(
        "IPv4 subnet {PREFIX} (id {SUBNET_ID}) deleted; reservations removed with it: 3 in memfile, 1 in memory; kept in databases that other servers may use: none"
    );
    assert!(kea.log().contains(&line), "{}", kea.tail());

    kea.kill9().unwrap();
    kea.restart().unwrap();
    // The subnet is back, from the configuration file, without them.
    assert_eq!(kea.ask("ext-subnet4-get", &json!({ "id": SUBNET_ID })).unwrap(), subnet);
    let left = all_reservations(&kea);
    assert_eq!((left.len(), &left[0]["hw-address"]), (1, &json!(mac(9))), "{left:?}");
}

#[test]
fn a_subnet_stays_when_its_reservations_cannot_be_removed() {
    let kea = command_server("stuck");
    let store = kea.dir().join("hosts4.db");
    kea.ask("ext-reservation-add", &reservation(1)).unwrap();
    let floor = json!({ "shared-networks": [{ "name": "floor" }] });
    kea.ask("ext-network4-add", &floor).unwrap();
    kea.ask("ext-network4-subnet-add", &json!({ "name": "floor", "id": SUBNET_ID })).unwrap();
    let refused = |reasons: &[&str]| {
        let before = kea.ask("ext-network4-get", &json!({ "name": "floor" })).unwrap();
        let deletions = [
            ("ext-subnet4-del", json!({ "id": SUBNET_ID })),
            ("ext-network4-del", json!({ "name": "floor", "subnets-action": "delete" })),
        ];
        for (command, arguments) in deletions {
            expect_error(&kea.command(command, &arguments).unwrap(), reasons);
            assert_eq!(kea.ask("ext-network4-get", &json!({ "name": "floor" })).unwrap(), before);
            expect(&kea.command("ext-reservation-get", &key(1)).unwrap(), 0, "Host found.");
        }
    };

    let away = kea.dir().join("away.db");
    fs::rename(&store, &away).unwrap();
    refused(&["was moved, removed or replaced while in use"]);
    fs::rename(&away, &store).unwrap();

    let mut read_only = config(&store);
    read_only["hosts-databases"][0]["readonly"] = json!(true);
    read_only["shared-networks"] = json!([{ "name": "floor", "subnet4": read_only["subnet4"] }]);
    read_only["subnet4"] = json!([]);
    kea.config_set(&read_only).unwrap().success().unwrap();
    refused(&["was opened read-only"]);
}

#[test]
fn a_refused_change_leaves_the_configuration_as_it_was() {
    let kea = command_server("refused");
    let floor = json!({ "shared-networks": [{ "name": "floor", "subnet4": [{ "id": 9, "subnet": "192.0.2.0/24" }] }] });
    kea.ask("ext-network4-add", &floor).unwrap();
    let state = || {
        let mut config = kea.ask("config-get", &Value::Null).unwrap();
        // Where a version tells when it was changed.
        config.as_object_mut().unwrap().remove("hash");
        let statistics = kea.ask("statistic-get-all", &Value::Null).unwrap();
        let names: Vec<String> = statistics.as_object().unwrap().keys().cloned().collect();
        (config, names)
    };
    let before = state();
    let subnet = |subnet: Value| json!({ "subnet4": [subnet] });
    let network = |network: Value| json!({ "shared-networks": [network] });
    let refused = [
        ("subnet4-add", subnet(json!({ "id": 1, "subnet": "10.88.0.0/16" }))),
        ("subnet4-add", subnet(json!({ "id": 8, "subnet": PREFIX }))),
        (
            "subnet4-add",
            subnet(json!({ "id": 8, "subnet": "10.88.0.0/16", "pools": [{ "pool": "10.1.0.0/16" }] })),
        ),
        ("subnet4-update", subnet(json!({ "id": 1, "subnet": "192.0.2.0/24" }))),
        ("subnet4-update", subnet(json!({ "id": 9, "subnet": "192.0.2.0/24", "valid-lifetime": "long" }))),
        ("subnet4-delta-add", subnet(json!({ "id": 9, "subnet": PREFIX }))),
        ("subnet4-delta-del", subnet(json!({ "id": 9, "subnet": "192.0.2.0/24", "nothing": 1 }))),
        (
            "network4-add",
            network(json!({ "name": "floor", "subnet4": [{ "id": 8, "subnet": "10.88.0.0/16" }] })),
        ),
        (
            "network4-add",
            network(json!({ "name": "roof", "subnet4": [
                { "id": 8, "subnet": "10.88.0.0/16" }, { "id": 1, "subnet": "10.89.0.0/16" },
            ]})),
        ),
        (
            "network4-add",
            network(json!({ "name": "roof", "subnet4": [
                { "id": 8, "subnet": "10.88.0.0/16" }, { "id": 7, "subnet": PREFIX },
            ]})),
        ),
        ("network4-subnet-add", json!({ "name": "floor", "id": 9 })),
        ("network4-del", json!({ "name": "floor", "subnets-action": "forget" })),
    ];
    for (command, arguments) in refused {
        let reply = kea.command(command, &arguments).unwrap();
        assert_eq!(reply.result, 1, "{command} {arguments}: {}", reply.raw);
        assert_eq!(state(), before, "after {command} {arguments}: {}", reply.text);
    }
}
