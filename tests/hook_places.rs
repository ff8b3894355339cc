//! Changes to several places at once, and places that several servers share.

mod support;

use std::collections::BTreeSet;
use std::net::Ipv4Addr;

use kea_lab::{Database, Family, Kea, SqlKind};
use serde_json::{Value, json};
use support::site::{add, delete, with};
use support::{
    SUBNET_ID, address, all_reservations, config, config_of, config_without_store, expect, expect_error, key,
    mac, reservation, reservation_of,
};

/// The reservation of a client in one place; null where there is none.
fn found(kea: &Kea, target: &str, index: usize) -> Value {
    kea.command("ext-reservation-get", &with(key(index), &json!({ "operation-target": target })))
        .unwrap()
        .arguments
}

/// The server's memory comes first, and takes everything; then the store refuses, because it can only be read.
#[test]
fn what_the_last_place_refuses_is_undone_in_the_others() {
    let builder = Kea::without_network("undo").unwrap();
    let store = builder.dir().join("hosts4.db");
    let kea = builder.config(config(&store)).host_cmds(Value::Null).unwrap().start().unwrap();
    kea.ask("ext-reservation-add", &reservation(1)).unwrap();
    let mut read_only = config(&store);
    read_only["hosts-databases"][0]["readonly"] = json!(true);
    kea.config_set(&read_only).unwrap().success().unwrap();
    add(&kea, "memory", &reservation(1)["reservation"]);
    let before = found(&kea, "memory", 1);
    assert_eq!(before["hw-address"], json!(mac(1)));

    let change = |command: &str, arguments: Value| {
        let arguments = with(arguments, &json!({ "operation-target": "all" }));
        expect_error(&kea.command(command, &arguments).unwrap(), &["read-only"]);
    };
    change("ext-reservation-add", reservation(2));
    assert_eq!(found(&kea, "memory", 2), Value::Null);
    let moved = with(reservation(1)["reservation"].clone(), &json!({ "ip-address": address(9) }));
    change("ext-reservation-update", json!({ "reservation": moved }));
    assert_eq!(found(&kea, "memory", 1), before);
    change("ext-reservation-del", key(1));
    assert_eq!(found(&kea, "memory", 1), before);
    change("ext-reservation-apply", json!({ "reservations": [reservation(3)["reservation"], moved] }));
    assert_eq!(found(&kea, "memory", 1), before);
    assert_eq!(found(&kea, "memory", 3), Value::Null);
}

/// Every page of the one server has nothing but reservations of the other between those of its own.
#[test]
fn servers_of_both_families_share_a_database() {
    let database = Database::new(SqlKind::PostgreSql).unwrap();
    let servers = Family::ALL.map(|family| {
        let builder = Kea::without_network("shared").unwrap().family(family);
        let mut config = config_of(family, builder.dir());
        config.as_object_mut().unwrap().remove("hosts-databases");
        builder
            .config(config)
            .hosts_database(&database)
            .unwrap()
            .host_cmds(Value::Null)
            .unwrap()
            .start()
            .unwrap()
    });
    for index in 1..=6 {
        for (kea, family) in servers.iter().zip(Family::ALL) {
            add(kea, "database", &reservation_of(family, index)["reservation"]);
        }
    }
    for (kea, family) in servers.iter().zip(Family::ALL) {
        let mut macs = BTreeSet::new();
        let mut next = json!({ "limit": 1, "source-index": 1, "from": 0 });
        loop {
            let page = kea.command("ext-reservation-get-page", &next).unwrap();
            if page.result == 3 {
                break;
            }
            let page = page.success().unwrap();
            assert_eq!(page["hosts"][0]["subnet-id"], json!(SUBNET_ID));
            assert!(macs.insert(page["hosts"][0]["hw-address"].to_string()), "{family}: twice: {page}");
            next = with(page["next"].clone(), &json!({ "limit": 1 }));
        }
        assert_eq!(macs.len(), 6, "{family}");
    }
}

/// Values that databases take and Kea cannot read back: bytes of an option in PostgreSQL, texts in MariaDB.
#[test]
fn nothing_is_left_in_a_database_that_kea_could_not_read() {
    for kind in SqlKind::ALL {
        let database = Database::new(kind).unwrap();
        let family = Family::V6;
        let builder = Kea::without_network("large").unwrap().family(family);
        let mut config = config_of(family, builder.dir());
        config.as_object_mut().unwrap().remove("hosts-databases");
        let builder = builder.config(config).hosts_database(&database).unwrap();
        let kea = builder.host_cmds(Value::Null).unwrap().start().unwrap();
        let plain = |index| reservation_of(family, index)["reservation"].take();
        let of_bytes = |bytes: usize| {
            with(
                plain(1),
                &json!({ "option-data": [{ "code": 224, "csv-format": false, "data": "AB".repeat(bytes) }] }),
            )
        };
        let readable = of_bytes(4096);
        let unreadable = of_bytes(4097);
        let reasons = ["could not read it again", "shorter"];

        let add =
            |given: &Value| kea.command("ext-reservation-add", &json!({ "reservation": given })).unwrap();
        expect_error(&add(&unreadable), &reasons);
        assert!(all_reservations(&kea).is_empty());
        expect(&add(&readable), 0, "Host added.");
        let before = all_reservations(&kea);
        let update = json!({ "reservation": unreadable });
        expect_error(&kea.command("ext-reservation-update", &update).unwrap(), &reasons);
        assert_eq!(all_reservations(&kea), before);

        let wanted = json!({ "reservations": [unreadable, plain(2)] });
        let done = kea.command("ext-reservation-apply", &wanted).unwrap();
        expect(&done, 0, "1 added, 1 invalid.");
        assert_eq!(all_reservations(&kea).len(), 2);
        let atomic = json!({ "atomic": true, "reservations": [plain(3), unreadable] });
        let done = kea.command("ext-reservation-apply", &atomic).unwrap();
        expect_error(&done, &["Nothing was changed", "1 added, 1 invalid"]);
        assert_eq!(all_reservations(&kea).len(), 2);
    }
}

/// Another hook, or a program, may have put into a database what Kea cannot read.
#[test]
fn a_row_that_kea_cannot_read_can_go() {
    let database = Database::new(SqlKind::PostgreSql).unwrap();
    let builder = Kea::without_network("unreadable").unwrap().config(config_without_store());
    let kea = builder.hosts_database(&database).unwrap().host_cmds(Value::Null).unwrap().start().unwrap();
    let keys = [key(1), json!({ "subnet-id": SUBNET_ID, "ip-address": address(2) })];
    for index in 1..=2 {
        add(&kea, "database", &reservation(index)["reservation"]);
    }
    database.query("UPDATE hosts SET user_context = 'null'").unwrap();
    // Kea 2.2.0 cannot update in one step.
    let moved = with(reservation(1)["reservation"].clone(), &json!({ "hostname": "anew" }));
    let updated = kea.command("ext-reservation-update", &json!({ "reservation": moved })).unwrap();
    if kea.command("version-get", &Value::Null).unwrap().text.starts_with("2.2") {
        expect_error(&updated, &["user context"]);
    } else {
        expect(&updated, 0, "Host updated.");
        assert_eq!(found(&kea, "database", 1)["hostname"], json!("anew"));
        database.query("UPDATE hosts SET user_context = 'null'").unwrap();
    }
    for key in &keys {
        expect_error(&kea.command("ext-reservation-get", key).unwrap(), &["user context"]);
        delete(&kea, "database", key);
        assert_eq!(kea.command("ext-reservation-get", key).unwrap().result, 3);
    }
    for index in 1..=2 {
        add(&kea, "database", &reservation(index)["reservation"]);
    }
    let ruin = format!(
        "UPDATE hosts SET user_context = 'null' WHERE ipv4_address = {}",
        u32::from(address(1).parse::<Ipv4Addr>().unwrap())
    );
    database.query(&ruin).unwrap();
    // Neither what it is nor whose is known, but of the others.
    let list =
        json!([reservation(1)["reservation"], reservation(2)["reservation"], reservation(3)["reservation"]]);
    let wanted = json!({ "reservations": list, "remove": [key(1), key(4)] });
    let done = kea.command("ext-reservation-apply", &wanted).unwrap();
    expect(&done, 0, "1 added, 2 unchanged, 2 invalid.");
    for refused in [&done.arguments["reservations"][0], &done.arguments["remove"][0]] {
        assert_eq!(refused["status"], "invalid");
        let text = refused["text"].as_str().unwrap();
        assert!(text.contains("Kea cannot read") && text.contains("ext-reservation-del"), "{text}");
    }
    let wanted = json!({ "owner": "a", "prune": true, "reservations": [reservation(4)["reservation"]] });
    let done = kea.command("ext-reservation-apply", &wanted).unwrap();
    assert!(
        done.text.starts_with("1 added, nothing pruned, because the database 'postgresql' has"),
        "{}",
        done.raw
    );
    let atomic = with(wanted, &json!({ "atomic": true }));
    expect_error(
        &kea.command("ext-reservation-apply", &atomic).unwrap(),
        &["Nothing was changed", "cannot read"],
    );

    database.query("UPDATE hosts SET user_context = 'null'").unwrap();
    let deleted = kea.ask("ext-subnet4-del", &json!({ "id": SUBNET_ID })).unwrap();
    assert_eq!(deleted["reservations"]["kept"], json!({ "postgresql": null }));
}
