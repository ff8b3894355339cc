//! `ext-lease-resolve` where there are leases.

mod support;

use std::time::Duration;

use kea_lab::{Family, Kea, wait_for};
use serde_json::{Value, json};
use support::site::{Site, add, config6, with};
use support::{SUBNET_ID, address, config_without_store, expect_error, mac, reservation};

/// What the command answers for these identifiers, which must all be right.
#[track_caller]
fn resolve(kea: &Kea, identifiers: &Value) -> Vec<Value> {
    let answers = kea.ask("ext-lease-resolve", &json!({ "identifiers": identifiers })).unwrap();
    answers["identifiers"].as_array().unwrap().clone()
}

fn hw_address(index: usize) -> Value {
    json!({ "identifier-type": "hw-address", "identifier": mac(index) })
}

#[test]
fn a_client_is_found_by_what_it_sends() {
    let site = Site::new(Family::V4, config_without_store());
    let lease = site.device(1).request().client_id(&[1, 2, 3, 4]).hostname("phone").run().unwrap();
    let stored = &site.kea.lease4_by_mac(&mac(1)).unwrap()[0];
    let expected = json!({
        "ip-address": lease.address, "subnet-id": SUBNET_ID, "state": 0, "hostname": stored["hostname"],
        "expire": stored["cltt"].as_i64().unwrap() + stored["valid-lft"].as_i64().unwrap(),
    });
    let client_id = json!({ "identifier-type": "client-id", "identifier": "01020304" });
    let answers = resolve(
        &site.kea,
        &json!([hw_address(1), client_id, with(hw_address(1), &json!({ "subnet-id": 9 })), hw_address(2)]),
    );
    let leases: Vec<&Value> = answers.iter().map(|answer| &answer["leases"]).collect();
    assert_eq!(leases, [&json!([expected]), &json!([expected]), &json!([]), &json!([])]);
}

#[test]
fn a_lease_stands_beside_the_reservation() {
    let site = Site::new(Family::V4, config_without_store());
    let lease = site.device(1).dhcp().unwrap();
    add(&site.kea, "database", &reservation(1)["reservation"]);
    let answers = resolve(&site.kea, &json!([hw_address(1)]));
    assert_eq!(answers[0]["leases"][0]["ip-address"], json!(lease.address));
    let reserved = json!({
        "subnet-id": SUBNET_ID, "ip-address": address(1), "hostname": "host-1", "source": "memfile",
    });
    assert_eq!(answers[0]["reservations"], json!([reserved]));
}

#[test]
fn only_valid_leases_count() {
    let site = Site::new(Family::V4, config_without_store());
    let give = |index: usize, more: Value| {
        let lease = json!({ "subnet-id": SUBNET_ID, "hw-address": mac(index), "ip-address": address(index) });
        site.kea.ask("lease4-add", &with(lease, &more)).unwrap();
    };
    give(1, json!({ "valid-lft": 4_294_967_295_u32 }));
    give(2, json!({ "valid-lft": 60, "expire": 1_700_000_000 }));
    give(3, json!({ "state": 1 }));
    give(4, json!({ "state": 2 }));
    let answers = resolve(&site.kea, &json!((1..=5).map(hw_address).collect::<Vec<_>>()));
    let forever = json!({ "ip-address": address(1), "subnet-id": SUBNET_ID, "state": 0 });
    assert_eq!(answers[0]["leases"], json!([forever]), "it never ends");
    for answer in &answers[1..] {
        assert_eq!(answer["leases"], json!([]));
    }

    let device = site.device(5);
    device.request().then_release().run().unwrap();
    let gone = || resolve(&site.kea, &json!([hw_address(5)]))[0]["leases"] == json!([]);
    wait_for("the release", Duration::from_secs(20), || gone().then_some(())).unwrap();
}

#[test]
fn a_dhcpv6_client_is_found_by_its_duid_alone() {
    let site = Site::new(Family::V6, config6());
    let got = site.device(1).request6().addresses(2).prefixes(1).run().unwrap();
    let duid = format!("00:03:00:01:{}", mac(1));
    let answers =
        resolve(&site.kea, &json!([{ "identifier-type": "duid", "identifier": duid }, hw_address(1)]));

    let mut expected = Vec::new();
    for stored in site.kea.leases6().unwrap() {
        let mut lease = json!({
            "ip-address": stored["ip-address"], "subnet-id": SUBNET_ID, "state": 0, "duid": duid,
            "iaid": stored["iaid"], "type": stored["type"],
            "expire": stored["cltt"].as_i64().unwrap() + stored["valid-lft"].as_i64().unwrap(),
        });
        if stored["type"] == "IA_PD" {
            lease["prefix-len"] = json!(56);
        }
        expected.push(lease);
    }
    assert_eq!(expected.len(), got.addresses.len() + got.prefixes.len());
    let by_address = |lease: &Value| lease["ip-address"].to_string();
    let mut found = answers[0]["leases"].as_array().unwrap().clone();
    found.sort_by_key(by_address);
    expected.sort_by_key(by_address);
    assert_eq!(found, expected);
    assert_eq!(answers[1]["leases"], json!([]), "Kea looks no DHCPv6 lease up by hardware address");
}

#[test]
fn the_number_of_identifiers_has_a_limit_that_can_be_raised() {
    let builder = Kea::without_network("limit").unwrap();
    let config = support::config(&builder.dir().join("hosts.db"));
    let parameters = json!({ "max-resolve-identifiers": 2 });
    let kea = builder.config(config).host_cmds(parameters).unwrap().start().unwrap();
    let of = |count| json!({ "identifiers": (0..count).map(hw_address).collect::<Vec<_>>() });
    assert_eq!(kea.command("ext-lease-resolve", &of(2)).unwrap().result, 0);
    let refused = kea.command("ext-lease-resolve", &of(3)).unwrap();
    let parts = ["the command has 3 identifiers, and at most 2 are allowed", "'max-resolve-identifiers'"];
    expect_error(&refused, &parts);
}
