//! The commands of the hook in a real kea-dhcp4: results, texts and effects.

mod support;

use kea_lab::Kea;
use serde_json::{Value, json};
use support::{SUBNET_ID, reservation};
use support::{
    address, all_reservations, command_server, config_without_store, expect, expect_error, key, mac,
};

/// Commands that Kea's own hooks do not have, without `ext-`.
const OURS_ALONE: [&str; 7] = [
    "event-get",
    "lease-resolve",
    "reservation-apply",
    "reservation-pending",
    "status",
    "store-backup",
    "store-compact",
];

#[test]
fn a_reservation_is_added_shown_listed_and_removed() {
    let kea = command_server("life");
    for prefix in ["ext-", ""] {
        let command =
            |name: &str, arguments: &Value| kea.command(&format!("{prefix}{name}"), arguments).unwrap();

        expect(&command("reservation-get", &key(1)), 3, "Host not found.");
        expect(&command("reservation-add", &reservation(1)), 0, "Host added.");

        let shown = command("reservation-get", &key(1));
        expect(&shown, 0, "Host found.");
        assert_eq!(shown.arguments["ip-address"], address(1));
        assert_eq!(shown.arguments["hw-address"], mac(1));
        assert_eq!(shown.arguments["hostname"], "host-1");
        assert_eq!(shown.arguments["subnet-id"], SUBNET_ID);
        let by_address = json!({ "subnet-id": SUBNET_ID, "ip-address": address(1) });
        assert_eq!(command("reservation-get", &by_address).raw, shown.raw);

        let page = command("reservation-get-page", &json!({ "limit": 10, "subnet-id": SUBNET_ID }));
        expect(&page, 0, "1 IPv4 host(s) found.");
        assert_eq!(page.arguments["hosts"], json!([shown.arguments]));
        assert_eq!(page.arguments["count"], 1);
        assert_eq!(page.arguments["next"]["source-index"], 1);

        expect(&command("reservation-del", &key(1)), 0, "Host deleted.");
        expect(&command("reservation-del", &key(1)), 3, "Host not deleted (not found).");
        expect(&command("reservation-get", &by_address), 3, "Host not found.");
        let empty = command("reservation-get-page", &json!({ "limit": 10 }));
        expect(&empty, 3, "0 IPv4 host(s) found.");
        assert_eq!(empty.arguments, json!({ "count": 0, "hosts": [] }));
    }
}

#[test]
fn everything_that_a_reservation_can_have_survives() {
    let mut kea = command_server("fields");
    let full = json!({
        "subnet-id": SUBNET_ID,
        "circuit-id": "'port 7'",
        "ip-address": "10.77.9.9",
        "hostname": "Straße.example",
        "next-server": "192.0.2.7",
        "server-hostname": "boot.example",
        "boot-file-name": "/pxe/é.0",
        "client-classes": ["blue", "green"],
        "option-data": [{ "name": "domain-name-servers", "data": "192.0.2.1, 192.0.2.2" }],
        "user-context": { "owner": "Zoë", "nested": { "list": [1, true, null, 2.5] } },
    });
    kea.ask("ext-reservation-add", &json!({ "reservation": full })).unwrap();
    let by_circuit =
        json!({ "subnet-id": SUBNET_ID, "identifier-type": "circuit-id", "identifier": "'port 7'" });
    let before = kea.ask("ext-reservation-get", &by_circuit).unwrap();
    assert_eq!(before["circuit-id"], "706F72742037");
    assert_eq!(before["next-server"], "192.0.2.7");
    assert_eq!(before["server-hostname"], "boot.example");
    assert_eq!(before["client-classes"], json!(["blue", "green"]));
    assert_eq!(before["option-data"][0]["data"], "192.0.2.1, 192.0.2.2");
    assert_eq!(before["user-context"]["nested"], json!({ "list": [1, true, null, 2.5] }));
    // Kea writes each byte of UTF-8 as an escape of its own (docs/hook.md, "Text").
    assert_eq!(before["hostname"], "Stra\u{c3}\u{9f}e.example");

    kea.kill9().unwrap();
    kea.restart().unwrap();
    assert_eq!(kea.ask("ext-reservation-get", &by_circuit).unwrap(), before);
}

#[test]
fn every_identifier_type_is_told_apart() {
    let kea = command_server("identifiers");
    let types = ["hw-address", "duid", "circuit-id", "client-id", "flex-id"];
    for kind in types {
        let reservation = json!({ "subnet-id": SUBNET_ID, kind: "01:02:03:04:05:06", "hostname": kind });
        kea.ask("ext-reservation-add", &json!({ "reservation": reservation })).unwrap();
    }
    for kind in types {
        for form in ["01:02:03:04:05:06", "010203040506"] {
            let wanted = json!({ "subnet-id": SUBNET_ID, "identifier-type": kind, "identifier": form });
            assert_eq!(kea.ask("ext-reservation-get", &wanted).unwrap()["hostname"], kind);
        }
    }
}

#[test]
fn conflicts_name_who_holds_what() {
    let kea = command_server("conflicts");
    kea.ask("ext-reservation-add", &reservation(1)).unwrap();

    let same_client = kea.command("ext-reservation-add", &reservation(1)).unwrap();
    expect_error(&same_client, &["as this host has already been added", &mac(1), &address(1)]);

    let mut same_address = reservation(2);
    same_address["reservation"]["ip-address"] = json!(address(1));
    let refused = kea.command("ext-reservation-add", &same_address).unwrap();
    expect_error(&refused, &["There's already a reservation for this address", &mac(1)]);
    assert_eq!(all_reservations(&kea).len(), 1);

    // The same client in another subnet (here the global one) is another reservation.
    let global = json!({ "reservation": { "subnet-id": 0, "hw-address": mac(1), "hostname": "anywhere" }});
    expect(&kea.command("ext-reservation-add", &global).unwrap(), 0, "Host added.");
}

#[test]
fn pages_are_complete_and_ordered() {
    let kea = command_server("pages");
    for index in 0..25 {
        kea.ask("ext-reservation-add", &reservation(index)).unwrap();
    }
    let mut from = json!(0);
    for expected in [10, 10, 5] {
        let arguments = json!({ "subnet-id": SUBNET_ID, "limit": 10, "source-index": 1, "from": from });
        let page = kea.command("ext-reservation-get-page", &arguments).unwrap();
        expect(&page, 0, &format!("{expected} IPv4 host(s) found."));
        from = page.arguments["next"]["from"].clone();
    }
    let macs: Vec<Value> = all_reservations(&kea).iter().map(|host| host["hw-address"].clone()).collect();
    assert_eq!(macs, (0..25).map(|index| json!(mac(index))).collect::<Vec<_>>());
}

#[test]
fn pages_start_with_the_configuration_file() {
    let builder = Kea::without_network("sources").unwrap();
    let mut config = support::config(&builder.dir().join("hosts4.db"));
    config["subnet4"][0]["reservations"] = json!([{ "hw-address": mac(7), "ip-address": address(7) }]);
    let kea = builder.config(config).host_cmds(Value::Null).unwrap().start().unwrap();
    kea.ask("ext-reservation-add", &reservation(8)).unwrap();

    let first = kea.ask("ext-reservation-get-page", &json!({ "limit": 10 })).unwrap();
    assert_eq!(
        (&first["hosts"][0]["hw-address"], &first["next"]["source-index"]),
        (&json!(mac(7)), &json!(0))
    );
    let next = json!({ "limit": 10, "source-index": 0, "from": first["next"]["from"] });
    let second = kea.ask("ext-reservation-get-page", &next).unwrap();
    assert_eq!(
        (&second["hosts"][0]["hw-address"], &second["next"]["source-index"]),
        (&json!(mac(8)), &json!(1))
    );

    let targets = [("memory", 0, 3), ("database", 3, 0), ("all", 0, 0), ("default", 0, 0)];
    for (target, of_file, of_store) in targets {
        let result = |index: usize| {
            let mut wanted = key(index);
            wanted["operation-target"] = json!(target);
            kea.command("ext-reservation-get", &wanted).unwrap().result
        };
        assert_eq!((result(7), result(8)), (of_file, of_store), "operation-target {target}");
    }
}

#[test]
fn subnets_are_listed() {
    let kea = command_server("subnets");
    for name in ["subnet4-list", "ext-subnet4-list"] {
        let list = kea.command(name, &Value::Null).unwrap();
        expect(&list, 0, "1 IPv4 subnet found");
        let subnet = json!({ "id": SUBNET_ID, "subnet": support::PREFIX, "shared-network-name": null });
        assert_eq!(list.arguments, json!({ "subnets": [subnet] }));
    }

    let networks = json!({
        "subnet4": [],
        "shared-networks": [{ "name": "office", "subnet4": [
            { "id": 4, "subnet": "192.0.2.0/25" }, { "id": 9, "subnet": "192.0.2.128/25" },
        ]}],
    });
    kea.config_set(&networks).unwrap().success().unwrap();
    let list = kea.command("subnet4-list", &Value::Null).unwrap();
    expect(&list, 0, "2 IPv4 subnets found");
    assert_eq!(list.arguments["subnets"][1]["shared-network-name"], "office");

    kea.config_set(&json!({ "subnet4": [] })).unwrap().success().unwrap();
    let list = kea.command("subnet4-list", &Value::Null).unwrap();
    expect(&list, 3, "0 IPv4 subnets found");
    assert_eq!(list.arguments, json!({ "subnets": [] }));
}

#[test]
fn status_tells_what_runs() {
    let kea = command_server("status");
    kea.ask("ext-reservation-add", &reservation(1)).unwrap();
    let status = kea.ask("ext-status", &Value::Null).unwrap();
    assert_eq!(status["kea-version"], kea.command("version-get", &Value::Null).unwrap().text);
    assert_eq!(status["hook-version"], env!("CARGO_PKG_VERSION"));
    assert_eq!(status["hosts-databases"], json!(["memfile"]));
    assert_eq!(status["stores"][0]["reservations"], 1);
    assert_eq!(status["stores"][0]["healthy"], true);
    assert_eq!(status["reservations"], json!({ "memory": 0, "memfile": 1 }));
    let limits = ["max-apply-items", "max-resolve-identifiers", "event-log-size"];
    assert_eq!(status["limits"].as_object().unwrap().len(), limits.len());
    for limit in limits {
        assert_eq!(status["limits"][limit], 10_000, "{limit}");
    }
    assert_eq!(status["stores"][0]["path"], json!(kea.dir().join("hosts4.db")));
    // Without libraries of Kea's own, every command but ours alone has its stock name too.
    let served = kea.ask("list-commands", &Value::Null).unwrap();
    let served: Vec<&str> = served.as_array().unwrap().iter().filter_map(Value::as_str).collect();
    let stock: Vec<&str> = served
        .iter()
        .filter_map(|name| name.strip_prefix("ext-"))
        .filter(|name| !OURS_ALONE.contains(name) && !name.starts_with("test-"))
        .collect();
    assert!(stock.len() > 20 && stock.iter().all(|name| served.contains(name)), "{stock:?}");
    assert_eq!(status["claimed-names"], json!(stock));
    assert_eq!(status["unclaimed-names"], json!([]));
}

#[test]
fn stock_names_can_be_left_alone() {
    let builder = Kea::without_network("unclaimed").unwrap();
    let store = builder.dir().join("hosts4.db");
    let parameters = json!({ "claim-stock-names": "never" });
    let kea = builder.config(support::config(&store)).host_cmds(parameters).unwrap().start().unwrap();
    expect(&kea.command("reservation-get", &key(1)).unwrap(), 2, "'reservation-get' command not supported.");
    expect(&kea.command("ext-reservation-get", &key(1)).unwrap(), 3, "Host not found.");
    assert_eq!(kea.ask("ext-status", &Value::Null).unwrap()["claimed-names"], json!([]));
}

#[test]
fn without_a_host_database_changes_are_refused() {
    let builder = Kea::without_network("nodb").unwrap();
    let kea = builder.config(config_without_store()).host_cmds(Value::Null).unwrap().start().unwrap();
    let added = kea.command("ext-reservation-add", &reservation(1)).unwrap();
    expect(&added, 1, "Host database not available, cannot add host.");
    let removed = kea.command("ext-reservation-del", &key(1)).unwrap();
    expect(&removed, 1, "Unable to delete a host because there is no hosts-database configured.");
    expect(&kea.command("ext-reservation-get", &key(1)).unwrap(), 3, "Host not found.");
}

#[test]
fn reservations_are_listed_by_what_they_have_in_common() {
    let builder = Kea::without_network("lists").unwrap();
    let mut config = support::config(&builder.dir().join("hosts4.db"));
    config["subnet4"].as_array_mut().unwrap().push(json!({ "id": 2, "subnet": "10.78.0.0/16" }));
    config["subnet4"][0]["reservations"] =
        json!([{ "hw-address": mac(1), "ip-address": "10.77.1.1", "hostname": "Printer.example" }]);
    let kea = builder.config(config).host_cmds(Value::Null).unwrap().start().unwrap();
    for (subnet, client, address, hostname) in
        [(2, 1, "10.78.1.1", "printer.EXAMPLE"), (1, 2, "10.77.1.2", "other"), (0, 1, "10.77.1.1", "global")]
    {
        let reservation = json!({
            "subnet-id": subnet, "hw-address": mac(client), "ip-address": address, "hostname": hostname,
        });
        kea.ask("ext-reservation-add", &json!({ "reservation": reservation })).unwrap();
    }

    let rows = [
        ("get-all", json!({ "subnet-id": 1 }), vec!["10.77.1.1", "10.77.1.2"]),
        ("get-all", json!({ "subnet-id": 1, "operation-target": "memory" }), vec!["10.77.1.1"]),
        ("get-all", json!({ "subnet-id": 1, "operation-target": "database" }), vec!["10.77.1.2"]),
        ("get-all", json!({ "subnet-id": 0 }), vec!["10.77.1.1"]),
        (
            "get-by-id",
            json!({ "identifier-type": "hw-address", "identifier": mac(1) }),
            vec!["10.77.1.1", "10.78.1.1", "10.77.1.1"],
        ),
        ("get-by-id", json!({ "identifier-type": "duid", "identifier": mac(1) }), vec![]),
        ("get-by-hostname", json!({ "hostname": "PRINTER.example" }), vec!["10.77.1.1", "10.78.1.1"]),
        ("get-by-hostname", json!({ "hostname": "printer.example", "subnet-id": 2 }), vec!["10.78.1.1"]),
        ("get-by-hostname", json!({ "hostname": "nobody" }), vec![]),
        ("get-by-address", json!({ "ip-address": "10.77.1.1" }), vec!["10.77.1.1", "10.77.1.1"]),
        ("get-by-address", json!({ "ip-address": "10.77.1.1", "subnet-id": 1 }), vec!["10.77.1.1"]),
        ("get-by-address", json!({ "ip-address": "10.77.1.9" }), vec![]),
    ];
    for (command, arguments, addresses) in rows {
        for prefix in ["ext-", ""] {
            let reply = kea.command(&format!("{prefix}reservation-{command}"), &arguments).unwrap();
            let result = if addresses.is_empty() { 3 } else { 0 };
            expect(&reply, result, &format!("{} IPv4 host(s) found.", addresses.len()));
            let hosts = reply.arguments["hosts"].as_array().unwrap();
            let found: Vec<&str> = hosts.iter().map(|host| host["ip-address"].as_str().unwrap()).collect();
            assert_eq!(found, addresses, "{command} {arguments}");
        }
    }
}

#[test]
fn the_servers_statistics_count_commands_and_writes() {
    let kea = command_server("statistics");
    let statistic = |name: &str| -> i64 {
        let all = kea.ask("statistic-get-all", &Value::Null).unwrap();
        all[name][0][0].as_i64().unwrap_or_else(|| panic!("no {name} in {all}"))
    };
    let of_commands =
        || ["success", "empty", "error"].map(|result| statistic(&format!("ext-commands-{result}")));
    assert_eq!(of_commands(), [0, 0, 0]);
    let before = statistic("ext-store-commits");

    kea.ask("ext-reservation-add", &reservation(1)).unwrap();
    kea.command("reservation-add", &reservation(1)).unwrap();
    kea.command("ext-reservation-get", &key(2)).unwrap();
    let memory = json!({ "reservation": reservation(3)["reservation"], "operation-target": "memory" });
    kea.ask("ext-reservation-add", &memory).unwrap();
    assert_eq!(of_commands(), [2, 1, 1]);
    assert_eq!(statistic("ext-store-reservations"), 1);
    assert_eq!(statistic("ext-store-commits"), before + 1);
    assert_eq!(
        kea.ask("ext-status", &Value::Null).unwrap()["reservations"],
        json!({ "memory": 1, "memfile": 1 })
    );

    // Counters only grow, whatever is loaded again.
    kea.reload().unwrap().success().unwrap();
    assert_eq!(of_commands(), [3, 1, 1]);
    assert_eq!(statistic("ext-store-commits"), before + 1);
    assert_eq!(statistic("ext-store-errors"), 0);

    // What they tell of the store is no count, which could begin anew.
    for forgotten in ["statistic-reset-all", "statistic-remove-all"] {
        kea.command(forgotten, &Value::Null).unwrap().success().unwrap();
        assert_eq!(of_commands(), [0, 0, 0], "{forgotten}");
        assert_eq!(statistic("ext-store-reservations"), 1, "{forgotten}");
        assert_eq!(statistic("ext-store-commits"), before + 1, "{forgotten}");
    }
    let one = json!({ "name": "ext-store-reservations" });
    kea.command("statistic-reset", &one).unwrap().success().unwrap();
    assert_eq!(statistic("ext-store-reservations"), 1);
}

/// Kea's strings are bytes: an escape below `\u0100` stands for one, whether that makes UTF-8 or not.
#[test]
fn names_that_are_no_utf_8_are_found_and_shown() {
    let kea = command_server("latin");
    let ask = |request: &str| -> Value {
        // Kea writes such bytes as escapes, so that its replies are ASCII.
        serde_json::from_slice(&kea.command_raw(request.as_bytes()).unwrap()).unwrap()
    };
    let added = ask(r#"{ "command": "ext-reservation-add", "arguments": { "reservation":
            { "subnet-id": 1, "hw-address": "02:77:00:00:00:01", "hostname": "Zo\u00eb" } } }"#);
    assert_eq!(added["result"], json!(0), "{added}");
    let found =
        ask(r#"{ "command": "ext-reservation-get-by-hostname", "arguments": { "hostname": "ZO\u00eb" } }"#);
    assert_eq!(found["arguments"]["hosts"][0]["hw-address"], json!("02:77:00:00:00:01"), "{found}");

    let added = ask(r#"{ "command": "ext-network4-add", "arguments": { "shared-networks":
            [{ "name": "Zo\u00eb", "subnet4": [{ "id": 9, "subnet": "10.99.0.0/24" }] }] } }"#);
    assert_eq!(added["result"], json!(0), "{added}");
    let listed = ask(r#"{ "command": "ext-subnet4-list" }"#);
    assert_eq!(listed["arguments"]["subnets"][1]["shared-network-name"], json!("Zo\u{eb}"), "{listed}");
}
