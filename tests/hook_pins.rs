//! Reservations that take their address from a lease: `"address": "lease"` in `ext-reservation-apply`.

mod support;

use kea_lab::{Database, Family, Kea, Lab, SqlKind, wait_for};
use serde_json::{Value, json};
use support::site::{Site, add, config6, with};
use support::wishes::{
    PATIENCE, apply, apply_one, duid, pending, reserved, status_of, wait_for_wishes, wish, wish6,
};
use support::{SUBNET_ID, config_without_store, key, mac};

#[test]
fn a_wish_is_pinned_when_its_client_gets_a_lease() {
    let site = Site::new(Family::V4, config_without_store());
    let kea = &site.kea;
    let entry = apply_one(kea, &wish(1));
    assert_eq!(entry, json!({ "status": "pending", "text": "Host waits for a lease." }));
    wait_for_wishes(kea, 1);
    assert_eq!(
        pending(kea)["reservations"],
        json!([{ "subnet-id": SUBNET_ID, "hw-address": mac(1), "owner": "lab" }])
    );
    assert_eq!(kea.ask("ext-status", &json!({})).unwrap()["pending"], json!(1));

    let device = site.device(1);
    let lease = device.dhcp().unwrap();
    assert_eq!(lease.raw["hostname"], "h1", "the rest of the reservation counts at once");
    wait_for_wishes(kea, 0);
    let host = reserved(kea, &key(1));
    assert_eq!(host["ip-address"], json!(lease.address));
    assert_eq!(host["hostname"], json!("h1"));
    assert_eq!(host["user-context"], json!({ "ext-address": "lease", "ext-owner": "lab" }));
    let pins = kea.ask("statistic-get", &json!({ "name": "ext-pins" })).unwrap();
    assert_eq!(pins["ext-pins"][0][0], json!(1));

    // It keeps the address, whatever becomes of the lease.
    let entry = apply_one(kea, &wish(1));
    assert_eq!(status_of(&entry), "unchanged");
    assert_eq!(entry["ip-address"], json!(lease.address));
    kea.wipe_leases4().unwrap();
    assert_eq!(status_of(&apply_one(kea, &wish(1))), "unchanged");
    assert_eq!(device.dhcp().unwrap().address, lease.address);
}

#[test]
fn a_lease_that_is_there_is_pinned_at_once() {
    let site = Site::new(Family::V4, config_without_store());
    let kea = &site.kea;
    let lease = site.device(1).dhcp().unwrap();
    let entry = apply_one(kea, &wish(1));
    assert_eq!(entry, json!({ "status": "added", "text": "Host added.", "ip-address": lease.address }));
    assert_eq!(pending(kea)["total"], json!(0));
    assert_eq!(reserved(kea, &key(1))["ip-address"], json!(lease.address));

    // What was released is nobody's.
    let lease = site.device(2).request().then_release().run().unwrap();
    assert_eq!(status_of(&apply_one(kea, &wish(2))), "pending", "{lease:?}");
}

#[test]
fn wishes_survive_kills_and_new_configurations() {
    let mut site = Site::new(Family::V4, config_without_store());
    apply(&site.kea, &[wish(1), wish(2), wish(3)]);
    site.kea.kill9().unwrap();
    site.kea.restart().unwrap();
    wait_for_wishes(&site.kea, 3);
    let first = site.device(1).dhcp().unwrap();
    site.kea.reload().unwrap().success().unwrap();
    let second = site.device(2).dhcp().unwrap();
    wait_for_wishes(&site.kea, 1);
    assert_eq!(reserved(&site.kea, &key(1))["ip-address"], json!(first.address));
    assert_eq!(reserved(&site.kea, &key(2))["ip-address"], json!(second.address));
    site.kea.kill9().unwrap();
    site.kea.restart().unwrap();
    assert_eq!(reserved(&site.kea, &key(2))["ip-address"], json!(second.address));
}

#[test]
fn a_lease_that_was_committed_unseen_is_found_when_the_server_starts() {
    let mut site = Site::new(Family::V4, config_without_store());
    apply(&site.kea, &[wish(1)]);
    let lease = json!({ "subnet-id": SUBNET_ID, "ip-address": "10.77.100.50", "hw-address": mac(1) });
    wait_for_wishes(&site.kea, 1);
    // As a partner in high availability does it, which no callout hears of.
    site.kea.ask("lease4-add", &lease).unwrap();
    assert_eq!(pending(&site.kea)["total"], json!(1));
    site.kea.restart().unwrap();
    wait_for_wishes(&site.kea, 0);
    assert_eq!(reserved(&site.kea, &key(1))["ip-address"], json!("10.77.100.50"));
}

#[test]
fn an_address_that_another_client_has_reserved_stays_its() {
    let site = Site::new(Family::V4, config_without_store());
    let kea = &site.kea;
    let lease = site.device(1).dhcp().unwrap();
    let taken = json!({ "subnet-id": SUBNET_ID, "hw-address": mac(9), "ip-address": lease.address });
    add(kea, "database", &taken);
    // There is a lease, but its address cannot be had.
    assert_eq!(status_of(&apply_one(kea, &wish(1))), "conflict");

    apply(kea, &[wish(2)]);
    kea.ask("ext-reservation-del", &key(9)).unwrap();
    let pool: Vec<Value> = (1..=254)
        .map(|last| json!({ "subnet-id": SUBNET_ID, "flex-id": format!("'x{last}'"), "ip-address": format!("10.77.100.{last}") }))
        .collect();
    kea.ask("ext-reservation-apply", &json!({ "owner": "other", "reservations": pool })).unwrap();
    // The client leases an address just before another client is given it.
    kea.ask(
        "lease4-add",
        &json!({ "subnet-id": SUBNET_ID, "ip-address": "10.77.100.77", "hw-address": mac(2) }),
    )
    .unwrap();
    kea.reload().unwrap().success().unwrap();
    let problem = wait_for("the problem", PATIENCE, || {
        pending(kea)["reservations"][0]["problem"].as_str().map(ToOwned::to_owned)
    })
    .unwrap();
    assert!(problem.contains("There's already a reservation for this address"), "{problem}");
    assert!(problem.contains("it belongs to 'other'"), "{problem}");
    assert!(kea.log().contains("HOST_CMDS_RS_PIN_REFUSED"));
}

#[test]
fn wishes_that_make_no_sense_are_refused() {
    let site = Site::new(Family::V4, config_without_store());
    let with_address = with(wish(1), &json!({ "ip-address": "10.77.100.9" }));
    let rows = [
        (with_address, "exclude each other"),
        (with(wish(2), &json!({ "address": "pool" })), "can be nothing but \"lease\""),
        (with(wish(3), &json!({ "address": 5 })), "can be nothing but \"lease\""),
        (json!({ "hw-address": mac(4), "address": "lease" }), "needs a 'subnet-id'"),
        (
            json!({ "subnet-id": 0, "hw-address": mac(4), "address": "lease" }),
            "needs a 'subnet-id' other than 0",
        ),
        (
            json!({ "subnet-id": SUBNET_ID, "flex-id": "'a'", "address": "lease" }),
            "leases are not known by flex-id",
        ),
        (
            json!({ "subnet-id": SUBNET_ID, "duid": duid(5), "address": "lease" }),
            "leases are not known by duid",
        ),
    ];
    for (wanted, reason) in rows {
        let entry = apply_one(&site.kea, &wanted);
        assert_eq!(status_of(&entry), "invalid", "{entry}");
        assert!(entry["text"].as_str().unwrap().contains(reason), "{entry}");
    }
    assert_eq!(pending(&site.kea)["total"], json!(0));
}

#[test]
fn a_wish_ends_when_it_is_removed() {
    let site = Site::new(Family::V4, config_without_store());
    let kea = &site.kea;
    apply(kea, &[wish(1), wish(2), wish(3)]);
    kea.ask("ext-reservation-apply", &json!({ "owner": "lab", "remove": [key(1)] })).unwrap();
    let kept = json!({ "owner": "lab", "prune": true, "reservations": [wish(3)] });
    let done = kea.ask("ext-reservation-apply", &kept).unwrap();
    assert_eq!(done["counts"], json!({ "pending": 1, "pruned": 1 }));
    assert_eq!(pending(kea)["total"], json!(1));
    site.device(1).dhcp().unwrap();
    assert_eq!(kea.command("ext-reservation-get", &key(1)).unwrap().result, 3);
}

#[test]
fn the_list_of_wishes_is_shown_in_parts() {
    let site = Site::new(Family::V4, config_without_store());
    let wanted: Vec<Value> = (0..25).map(wish).collect();
    apply(&site.kea, &wanted);
    let ask = |arguments: Value| site.kea.command("ext-reservation-pending", &arguments).unwrap();
    let mut seen = Vec::new();
    for offset in [0, 10, 20, 30] {
        let part = ask(json!({ "limit": 10, "offset": offset })).success().unwrap();
        assert_eq!(part["total"], json!(25));
        seen.extend(part["reservations"].as_array().unwrap().iter().map(|wish| wish["hw-address"].clone()));
    }
    assert_eq!(seen, wanted.iter().map(|wish| wish["hw-address"].clone()).collect::<Vec<_>>());
    assert_eq!(ask(json!({ "owner": "nobody" })).result, 3);
    assert_eq!(ask(json!({ "subnet-id": SUBNET_ID, "owner": "lab" })).raw["arguments"]["total"], json!(25));
    assert_eq!(ask(json!({ "limits": 5 })).result, 1);
}

#[test]
fn dhcpv6_pins_addresses_and_prefixes() {
    let site = Site::new(Family::V6, config6());
    let kea = &site.kea;
    let done = apply(kea, &[wish6("duid", &duid(1)), wish6("hw-address", &mac(2))]);
    assert_eq!(done["counts"], json!({ "pending": 2 }));
    let keys = [
        json!({ "subnet-id": SUBNET_ID, "identifier-type": "duid", "identifier": duid(1) }),
        json!({ "subnet-id": SUBNET_ID, "identifier-type": "hw-address", "identifier": mac(2) }),
    ];
    for (index, key) in (1..).zip(&keys) {
        let device = site.device(index);
        let lease = device.request6().addresses(2).prefixes(1).run().unwrap();
        wait_for_wishes(kea, 2 - index);
        let host = reserved(kea, key);
        let mut pinned: Vec<String> = host["ip-addresses"]
            .as_array()
            .unwrap()
            .iter()
            .map(|text| text.as_str().unwrap().to_owned())
            .collect();
        let mut leased: Vec<String> = lease.addresses.iter().map(ToString::to_string).collect();
        pinned.sort();
        leased.sort();
        assert_eq!(pinned, leased, "{host}");
        assert_eq!(host["prefixes"], json!(lease.prefixes), "{host}");
    }
    assert_eq!(
        apply(kea, &[wish6("duid", &duid(1)), wish6("hw-address", &mac(2))])["counts"],
        json!({ "unchanged": 2 })
    );
}

#[test]
fn wishes_in_sql_databases_are_pinned() {
    for kind in SqlKind::ALL {
        let lab = Lab::new("sql").unwrap();
        let database = Database::new(kind).unwrap();
        let builder =
            Kea::on(&lab).unwrap().config(config_without_store()).hosts_database(&database).unwrap();
        let mut kea = builder.host_cmds(Value::Null).unwrap().start().unwrap();
        apply(&kea, &[wish(1), wish(2)]);
        let lease = lab.device("d1", &mac(1)).unwrap().dhcp().unwrap();
        wait_for_wishes(&kea, 1);
        assert_eq!(reserved(&kea, &key(1))["ip-address"], json!(lease.address), "{kind}");
        kea.restart().unwrap();
        wait_for_wishes(&kea, 1);
        let lease = lab.device("d2", &mac(2)).unwrap().dhcp().unwrap();
        wait_for_wishes(&kea, 0);
        assert_eq!(reserved(&kea, &key(2))["ip-address"], json!(lease.address), "{kind}");

        let removed = json!({ "owner": "lab", "reservations": [wish(1)], "prune": true });
        let done = kea.ask("ext-reservation-apply", &removed).unwrap();
        assert_eq!(done["counts"], json!({ "unchanged": 1, "pruned": 1 }), "{kind}");
        assert_eq!(kea.command("ext-reservation-get", &key(2)).unwrap().result, 3, "{kind}");
    }
}

#[test]
fn an_option_that_the_configuration_does_not_know_is_not_lost() {
    let definition = json!({
        "option-def": [{ "name": "lab-note", "code": 222, "type": "string", "space": "dhcp4" }],
    });
    let with_option = with(config_without_store(), &definition);
    let site = Site::new(Family::V4, with_option.clone());
    let kea = &site.kea;
    let options = json!({ "option-data": [{ "name": "lab-note", "data": "note" }] });
    apply(kea, &[with(wish(1), &options)]);

    site.reconfigure(config_without_store());
    let lease = site.device(1).dhcp().unwrap();
    let problem = wait_for("the problem", PATIENCE, || {
        pending(kea)["reservations"][0]["problem"].as_str().map(ToOwned::to_owned)
    });
    assert!(problem.unwrap().contains("lab-note"));

    site.reconfigure(with_option);
    wait_for_wishes(kea, 0);
    let host = reserved(kea, &key(1));
    assert_eq!(host["ip-address"], json!(lease.address));
    assert_eq!(host["option-data"][0]["name"], json!("lab-note"), "{host}");
}
