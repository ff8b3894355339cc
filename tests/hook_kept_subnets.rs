//! `persist-subnets`: what commands did to subnets and shared networks outlives the configuration, and the configuration
//! wins.

mod support;

use std::fs;
use std::path::Path;

use kea_lab::{Kea, KeaBuilder, Lab};
use serde_json::{Value, json};
use support::{PREFIX, SUBNET_ID, config, config_without_store, expect, expect_error, mac, reservation};

const NOT_RESTORED: &str = "HOST_CMDS_RS_SUBNET_NOT_RESTORED";

fn persistent(builder: KeaBuilder) -> KeaBuilder {
    builder.host_cmds(json!({ "persist-subnets": true })).unwrap()
}

fn keeping_server(name: &str) -> Kea {
    let builder = Kea::without_network(name).unwrap();
    let config = config(&builder.dir().join("hosts4.db"));
    persistent(builder.config(config)).start().unwrap()
}

fn subnet(id: u32, rest: &Value) -> Value {
    let mut subnet = json!({ "id": id, "subnet": format!("10.88.{id}.0/24") });
    subnet.as_object_mut().unwrap().extend(rest.as_object().unwrap().clone());
    json!({ "subnet4": [subnet] })
}

/// All subnets and shared networks, in full.
fn state(kea: &Kea) -> Value {
    let config = kea.ask("config-get", &Value::Null).unwrap();
    json!([config["Dhcp4"]["subnet4"], config["Dhcp4"]["shared-networks"]])
}

fn config_with(store: &Path, subnets: Value, networks: Value) -> Value {
    let mut config = config(store);
    config["subnet4"].as_array_mut().unwrap().extend(subnets.as_array().unwrap().clone());
    config["shared-networks"] = networks;
    config
}

/// Fails unless everything is as it was after every way in which a configuration comes into use.
fn expect_kept(kea: &mut Kea, store: &Path) {
    let before = state(kea);
    kea.reload().unwrap().success().unwrap();
    assert_eq!(state(kea), before, "after config-reload\n{}", kea.tail());
    kea.config_set(&config(store)).unwrap().success().unwrap();
    assert_eq!(state(kea), before, "after config-set");
    kea.restart().unwrap();
    assert_eq!(state(kea), before, "after SIGTERM");
    kea.kill9().unwrap();
    kea.restart().unwrap();
    assert_eq!(state(kea), before, "after SIGKILL");
}

/// Kea itself writes such numbers and names in a way that it cannot read.
#[test]
fn a_user_context_that_kea_cannot_write_is_kept() {
    let mut kea = keeping_server("context");
    for (id, context) in
        [(12, json!({ "plain": 1 })), (13, json!({ "rate": 1_000_000.0, "a \"b\" \\": 0.000_01 }))]
    {
        kea.ask("ext-subnet4-add", &subnet(id, &json!({ "user-context": context }))).unwrap();
    }
    kea.restart().unwrap();
    let listed = kea.ask("ext-subnet4-list", &Value::Null).unwrap();
    let ids: Vec<_> =
        listed["subnets"].as_array().unwrap().iter().map(|subnet| subnet["id"].clone()).collect();
    assert_eq!(ids, [json!(SUBNET_ID), json!(12), json!(13)], "{}", kea.tail());
}

#[test]
fn what_commands_did_is_there_after_every_kind_of_restart() {
    let mut kea = keeping_server("kept");
    let store = kea.dir().join("hosts4.db");
    let untouched = state(&kea);
    let ask = |kea: &Kea, command: &str, arguments: &Value| {
        kea.ask(command, arguments).unwrap();
    };
    let pool = |from: &str| json!({ "pools": [{ "pool": from }], "user-context": { "name": "Zoë" } });
    ask(&kea, "subnet4-add", &subnet(5, &pool("10.88.5.0/25")));
    ask(&kea, "ext-subnet4-add", &subnet(6, &json!({ "valid-lifetime": 77 })));
    ask(&kea, "ext-subnet4-add", &subnet(7, &json!({})));
    let floor =
        json!({ "name": "floor", "renew-timer": 5, "subnet4": [{ "id": 8, "subnet": "10.88.8.0/24" }] });
    ask(&kea, "network4-add", &json!({ "shared-networks": [floor] }));
    expect_kept(&mut kea, &store);

    ask(&kea, "subnet4-update", &subnet(5, &pool("10.88.5.128/25")));
    ask(&kea, "subnet4-delta-add", &subnet(6, &json!({ "renew-timer": 9 })));
    ask(&kea, "subnet4-delta-del", &subnet(5, &json!({ "user-context": { "name": "" } })));
    ask(&kea, "subnet4-del", &json!({ "id": 7 }));
    ask(&kea, "network4-subnet-del", &json!({ "name": "floor", "id": 8 }));
    expect_kept(&mut kea, &store);

    ask(&kea, "network4-subnet-add", &json!({ "name": "floor", "id": 8 }));
    ask(&kea, "network4-del", &json!({ "name": "floor" }));
    ask(&kea, "subnet4-del", &json!({ "id": 5 }));
    expect_kept(&mut kea, &store);

    let roof = json!({ "name": "roof", "subnet4": [{ "id": 9, "subnet": "10.88.9.0/24" }] });
    ask(&kea, "network4-add", &json!({ "shared-networks": [roof] }));
    ask(&kea, "network4-del", &json!({ "name": "roof", "subnets-action": "delete" }));
    ask(&kea, "subnet4-del", &json!({ "id": 6 }));
    ask(&kea, "subnet4-del", &json!({ "id": 8 }));
    assert_eq!(state(&kea), untouched);
    expect_kept(&mut kea, &store);
}

#[test]
fn clients_are_served_from_a_restored_subnet() {
    let lab = Lab::new("restored").unwrap();
    let mut config = config(&lab.dir().join("hosts4.db"));
    let given = config["subnet4"].take();
    config["subnet4"] = json!([]);
    let mut kea = persistent(Kea::on(&lab).unwrap().config(config)).start().unwrap();
    kea.ask("subnet4-add", &json!({ "subnet4": given })).unwrap();
    kea.ask("reservation-add", &reservation(1)).unwrap();
    kea.kill9().unwrap();
    kea.restart().unwrap();
    let phone = lab.device("phone", &mac(1)).unwrap();
    assert_eq!(phone.dhcp().unwrap().address.to_string(), support::address(1));
    let assigned = kea.ask("statistic-get", &json!({ "name": "subnet[1].total-addresses" })).unwrap();
    assert_eq!(assigned["subnet[1].total-addresses"][0][0], 20);
}

#[test]
fn the_configuration_wins_over_what_is_kept() {
    let kea = keeping_server("wins");
    let store = kea.dir().join("hosts4.db");
    kea.ask("subnet4-add", &subnet(5, &json!({ "valid-lifetime": 77 }))).unwrap();
    kea.ask("subnet4-add", &subnet(6, &json!({ "valid-lifetime": 77 }))).unwrap();
    kea.ask("subnet4-add", &subnet(7, &json!({ "valid-lifetime": 77 }))).unwrap();
    kea.ask("network4-add", &json!({ "shared-networks": [{ "name": "floor", "valid-lifetime": 77 }] }))
        .unwrap();
    kea.ask("network4-subnet-add", &json!({ "name": "floor", "id": 7 })).unwrap();

    // The id of one, the prefix of another, and the name of the network.
    let subnets = json!([{ "id": 5, "subnet": "10.99.0.0/24" }, { "id": 99, "subnet": "10.88.6.0/24" }]);
    let networks = json!([{ "name": "floor", "valid-lifetime": 55 }]);
    kea.config_set(&config_with(&store, subnets, networks)).unwrap().success().unwrap();
    let listed = kea.ask("subnet4-list", &Value::Null).unwrap();
    assert_eq!(
        listed["subnets"],
        json!([
            { "id": SUBNET_ID, "subnet": PREFIX, "shared-network-name": null },
            { "id": 5, "subnet": "10.99.0.0/24", "shared-network-name": null },
            // It is in the network that now has the name.
            { "id": 7, "subnet": "10.88.7.0/24", "shared-network-name": "floor" },
            { "id": 99, "subnet": "10.88.6.0/24", "shared-network-name": null },
        ])
    );
    let floor = kea.ask("network4-get", &json!({ "name": "floor" })).unwrap();
    assert_eq!(floor["shared-networks"][0]["valid-lifetime"], 55);
    let log = kea.log();
    for what in ["subnet with id 5", "subnet with id 6", "shared network 'floor'"] {
        let line = format!("{NOT_RESTORED} the kept IPv4 {what} is forgotten: the configuration has it");
        assert!(log.contains(&line), "{line}\n{}", kea.tail());
    }

    // What was forgotten does not come back with the old configuration.
    kea.config_set(&config(&store)).unwrap().success().unwrap();
    let listed = kea.ask("subnet4-list", &Value::Null).unwrap();
    assert_eq!(listed["subnets"][1]["id"], 7, "{listed}");
    assert_eq!(listed["subnets"].as_array().unwrap().len(), 2, "{listed}");
    assert_eq!(kea.command("network4-list", &Value::Null).unwrap().result, 3);
}

#[test]
fn a_subnet_that_the_configuration_cannot_take_waits_for_one_that_can() {
    let kea = keeping_server("waits");
    let store = kea.dir().join("hosts4.db");
    let mut defined = config(&store);
    defined["option-def"] = json!([{ "name": "colour", "code": 222, "type": "string" }]);
    kea.config_set(&defined).unwrap().success().unwrap();
    let coloured = json!({ "option-data": [{ "name": "colour", "data": "blue" }] });
    kea.ask("subnet4-add", &subnet(5, &coloured)).unwrap();
    let before = state(&kea);

    kea.config_set(&config(&store)).unwrap().success().unwrap();
    assert_eq!(kea.command("subnet4-get", &json!({ "id": 5 })).unwrap().result, 3);
    let line = "the kept IPv4 subnet with id 5 cannot be restored with this configuration: definition for the option";
    assert!(kea.log().contains(line), "{}", kea.tail());
    kea.config_set(&defined).unwrap().success().unwrap();
    assert_eq!(state(&kea), before);
}

/// Of several, alone and in a shared network, the configuration cannot take one each.
#[test]
fn what_cannot_be_restored_does_not_keep_the_others_away() {
    let mut kea = keeping_server("others");
    let store = kea.dir().join("hosts4.db");
    let mut defined = config(&store);
    defined["option-def"] = json!([{ "name": "colour", "code": 222, "type": "string" }]);
    kea.config_set(&defined).unwrap().success().unwrap();
    let coloured = json!({ "option-data": [{ "name": "colour", "data": "blue" }] });
    let member = |id: u32, rest: &Value| subnet(id, rest)["subnet4"][0].take();
    for (id, rest) in [(5, json!({})), (6, coloured.clone()), (7, json!({}))] {
        kea.ask("subnet4-add", &subnet(id, &rest)).unwrap();
    }
    let members = [(8, json!({})), (9, coloured.clone()), (10, json!({}))];
    let members: Vec<Value> = members.iter().map(|(id, rest)| member(*id, rest)).collect();
    let mut roof = json!({ "name": "roof", "subnet4": [member(11, &json!({}))] });
    roof["option-data"] = coloured["option-data"].clone();
    let floor = json!({ "name": "floor", "valid-lifetime": 77, "subnet4": members });
    for network in [floor, roof] {
        kea.ask("network4-add", &json!({ "shared-networks": [network] })).unwrap();
    }
    let before = state(&kea);

    // The file does not define the option.
    kea.kill9().unwrap();
    kea.restart().unwrap();
    let listed = kea.ask("subnet4-list", &Value::Null).unwrap();
    let found: Vec<_> = listed["subnets"]
        .as_array()
        .unwrap()
        .iter()
        .map(|subnet| (subnet["id"].as_u64().unwrap(), subnet["shared-network-name"].as_str()))
        .collect();
    let floor = Some("floor");
    assert_eq!(
        found,
        [(1, None), (5, None), (7, None), (8, floor), (10, floor), (11, None)],
        "{}",
        kea.tail()
    );
    let shown = kea.ask("subnet4-get", &json!({ "id": 10 })).unwrap();
    assert_eq!(shown["subnet4"][0]["valid-lifetime"], 77);
    let log = kea.log();
    for what in ["subnet with id 6", "subnet with id 9", "shared network 'roof'"] {
        let line = format!("{NOT_RESTORED} the kept IPv4 {what} cannot be restored with this configuration");
        assert!(log.contains(&line), "{line}\n{}", kea.tail());
    }

    kea.config_set(&defined).unwrap().success().unwrap();
    assert_eq!(state(&kea), before);
}

#[test]
fn changes_to_what_the_configuration_has_last_until_the_next() {
    let kea = keeping_server("theirs");
    let before = state(&kea);
    let changed = json!({ "subnet4": [{ "id": SUBNET_ID, "subnet": PREFIX, "valid-lifetime": 77 }] });
    kea.ask("subnet4-update", &changed).unwrap();
    let line = "the IPv4 subnet with id 1 comes from the configuration: its change lasts until the next one";
    assert!(kea.log().contains(line), "{}", kea.tail());
    kea.reload().unwrap().success().unwrap();
    assert_eq!(state(&kea), before);
    kea.ask("subnet4-del", &json!({ "id": SUBNET_ID })).unwrap();
    kea.reload().unwrap().success().unwrap();
    assert_eq!(state(&kea), before);
}

#[test]
fn a_change_that_cannot_be_kept_is_refused() {
    let kea = keeping_server("full");
    let store = kea.dir().join("hosts4.db");
    kea.ask("subnet4-add", &subnet(5, &json!({}))).unwrap();
    kea.ask("network4-add", &json!({ "shared-networks": [{ "name": "floor" }] })).unwrap();
    let before = state(&kea);
    let away = kea.dir().join("away.db");
    fs::rename(&store, &away).unwrap();
    let floor = json!({ "name": "floor", "id": 5 });
    let changes = [
        ("subnet4-add", subnet(6, &json!({}))),
        ("subnet4-update", subnet(5, &json!({ "valid-lifetime": 77 }))),
        ("subnet4-delta-add", subnet(5, &json!({ "renew-timer": 9 }))),
        ("subnet4-del", json!({ "id": 5 })),
        ("network4-add", json!({ "shared-networks": [{ "name": "roof" }] })),
        ("network4-subnet-add", floor),
        ("network4-del", json!({ "name": "floor" })),
    ];
    for (command, arguments) in changes {
        let reply = kea.command(command, &arguments).unwrap();
        expect_error(&reply, &["was moved, removed or replaced while in use"]);
        assert_eq!(state(&kea), before, "after {command}");
    }
    fs::rename(&away, &store).unwrap();
    expect(
        &kea.command("subnet4-del", &json!({ "id": 5 })).unwrap(),
        0,
        "IPv4 subnet 10.88.5.0/24 (id 5) deleted",
    );
}

#[test]
fn without_a_store_it_is_an_error() {
    let reason = "'persist-subnets' needs a store: add an entry such as { \"type\": \"memfile\"";
    let builder = Kea::without_network("storeless").unwrap().config(config_without_store());
    let log = persistent(builder).expect_start_failure().unwrap();
    assert!(log.contains(reason), "{log}");

    // A running server keeps its configuration, and what commands do in it.
    let mut kea = support::command_server("running");
    kea.ask("subnet4-add", &subnet(5, &json!({}))).unwrap();
    let before = state(&kea);
    kea.hooks_mut().last_mut().unwrap()["parameters"] = json!({ "persist-subnets": true });
    expect_error(&kea.config_set(&config_without_store()).unwrap(), &[reason]);
    assert_eq!(state(&kea), before);
    kea.ask("subnet4-del", &json!({ "id": 5 })).unwrap();
}

#[test]
fn without_the_parameter_nothing_is_kept() {
    let kea = support::command_server("plain");
    let before = state(&kea);
    kea.ask("subnet4-add", &subnet(5, &json!({}))).unwrap();
    kea.ask("network4-add", &json!({ "shared-networks": [{ "name": "floor" }] })).unwrap();
    assert_eq!(kea.ask("ext-status", &Value::Null).unwrap()["stores"][0]["format"], 1);
    kea.reload().unwrap().success().unwrap();
    assert_eq!(state(&kea), before);
}

#[test]
fn subnets_of_kea_dhcp6_are_kept_too() {
    let builder = Kea::without_network("six").unwrap().dhcp6();
    let store = builder.dir().join("hosts6.db");
    let config = json!({
        "subnet6": [{ "id": 1, "subnet": "2001:db8:1::/64" }],
        "hosts-databases": [{ "type": "memfile", "name": store }],
    });
    let mut kea = persistent(builder.config(config)).start().unwrap();
    let floor = json!({ "name": "floor", "subnet6": [{
        "id": 5, "subnet": "2001:db8:5::/64",
        "pd-pools": [{ "prefix": "2001:db8:f000::", "prefix-len": 36, "delegated-len": 48 }],
    }]});
    kea.ask("network6-add", &json!({ "shared-networks": [floor] })).unwrap();
    let shown = kea.ask("network6-get", &json!({ "name": "floor" })).unwrap();
    kea.kill9().unwrap();
    kea.restart().unwrap();
    assert_eq!(kea.ask("network6-get", &json!({ "name": "floor" })).unwrap(), shown);
    kea.ask("network6-del", &json!({ "name": "floor", "subnets-action": "delete" })).unwrap();
    kea.reload().unwrap().success().unwrap();
    assert_eq!(kea.ask("subnet6-list", &Value::Null).unwrap()["subnets"].as_array().unwrap().len(), 1);
}
