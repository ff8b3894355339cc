//! `ext-reservation-apply`: many reservations at once. What single items come to is told by the rows
//! `reservation-apply-…` of the table of behaviours.

mod support;

use std::thread;
use std::time::Duration;

use kea_lab::{Family, Kea};
use serde_json::{Value, json};
use support::site::{Site, with};
use support::{all_reservations, config_of, expect, expect_error, reservation_of};

/// A server of a family for commands only, with the hook and a store.
fn server(family: Family, parameters: Value) -> Kea {
    let builder = Kea::without_network("apply").unwrap().family(family);
    let store = builder.dir().join("hosts.db");
    builder.config(config_of(family, &store)).host_cmds(parameters).unwrap().start().unwrap()
}

fn reservation(family: Family, index: usize) -> Value {
    reservation_of(family, index)["reservation"].take()
}

fn apply(kea: &Kea, arguments: &Value) -> Value {
    kea.ask("ext-reservation-apply", arguments).unwrap()
}

/// Reservations of the most frequent kind are read by a way of their own.
#[test]
fn what_was_added_one_by_one_is_unchanged() {
    for family in Family::ALL {
        let kea = server(family, Value::Null);
        let contexts = [
            Value::Null,
            json!({}),
            json!({ "site": "Oslo", "a": [1, true, null, { "z": -2.5 }], "Zoë": "\"quoted\"\\\n" }),
            json!({ "comment": "remark", "rack": 7 }),
            json!({ "zz": 1, "ext-owner": "a" }),
        ];
        let mut listed = Vec::new();
        for (index, context) in (1..).zip(&contexts) {
            for (variant, hostname) in
                [None, Some("a.Example-1.org"), Some("Zoë"), Some("")].iter().enumerate()
            {
                let mut reservation = reservation(family, index * 16 + variant);
                let members = reservation.as_object_mut().unwrap();
                members.remove("hostname");
                members.extend(hostname.map(|name| ("hostname".to_owned(), json!(name))));
                if !context.is_null() {
                    members.insert("user-context".to_owned(), context.clone());
                }
                listed.push(reservation.clone());
                reservation["hw-address"] = json!(reservation["hw-address"].as_str().unwrap().to_uppercase());
                let mut marked = if context.is_null() { json!({}) } else { context.clone() };
                marked["ext-owner"] = json!("a");
                reservation["user-context"] = marked;
                kea.ask("ext-reservation-add", &json!({ "reservation": reservation })).unwrap();
            }
        }
        let before = all_reservations(&kea);
        assert_eq!(before.len(), listed.len());
        let done = apply(&kea, &json!({ "owner": "a", "prune": true, "reservations": listed }));
        assert_eq!(done["counts"], json!({ "unchanged": listed.len(), "pruned": 0 }), "{family}");

        // And the other way round: what was applied anew reads as what was added.
        let done = apply(&kea, &json!({ "owner": "a", "prune": true, "reservations": [] }));
        assert_eq!(done["counts"], json!({ "pruned": listed.len() }));
        apply(&kea, &json!({ "owner": "a", "reservations": listed }));
        assert_eq!(all_reservations(&kea), before, "{family}");
    }
}

/// Kea asks its configuration first: whoever has an address there, has it.
#[test]
fn an_address_of_the_configuration_is_nobody_elses() {
    for family in Family::ALL {
        let builder = Kea::without_network("apply").unwrap().family(family);
        let store = builder.dir().join("hosts.db");
        let mut config = config_of(family, &store);
        let mut by_hand = reservation(family, 1);
        by_hand.as_object_mut().unwrap().remove("subnet-id");
        let subnets = if family == Family::V4 { "subnet4" } else { "subnet6" };
        config[subnets][0]["reservations"] = json!([by_hand]);
        let kea = builder.config(config).host_cmds(Value::Null).unwrap().start().unwrap();

        let mut wants_it = reservation(family, 2);
        for address in ["ip-address", "ip-addresses"] {
            if let Some(of_first) = by_hand.get(address) {
                wants_it[address] = of_first.clone();
            }
        }
        let listed = json!([wants_it, reservation(family, 3)]);
        for (dry_run, third) in [(true, "added"), (false, "added"), (false, "unchanged")] {
            let answer = apply(&kea, &json!({ "owner": "a", "reservations": listed, "dry-run": dry_run }));
            let told = &answer["reservations"];
            assert_eq!(
                (&told[0]["status"], &told[1]["status"]),
                (&json!("conflict"), &json!(third)),
                "{answer}"
            );
            assert_eq!(told[0]["holder"]["source"], "memory", "{answer}");
        }
        // A client that the configuration knows may have the same in the database.
        let answer = apply(&kea, &json!({ "owner": "a", "reservations": [reservation(family, 1)] }));
        assert_eq!(answer["reservations"][0]["status"], "added", "{answer}");
    }
}

#[test]
fn ten_thousand_at_once_survive_a_kill() {
    for family in Family::ALL {
        let mut kea = server(family, Value::Null);
        let wanted: Vec<Value> = (0..10_000).map(|index| reservation(family, index)).collect();
        let wanted = json!({ "owner": "a", "reservations": wanted });
        assert_eq!(apply(&kea, &wanted)["counts"], json!({ "added": 10_000 }));
        kea.kill9().unwrap();
        kea.restart().unwrap();
        assert_eq!(apply(&kea, &wanted)["counts"], json!({ "unchanged": 10_000 }));
        assert_eq!(
            apply(&kea, &json!({ "owner": "a", "prune": true, "reservations": [] }))["counts"],
            json!({ "pruned": 10_000 })
        );
        assert!(all_reservations(&kea).is_empty());
    }
}

#[test]
fn the_number_of_items_has_a_limit_that_can_be_raised() {
    let kea = server(Family::V4, json!({ "max-apply-items": 3 }));
    let of = |count: usize| -> Value {
        let wanted: Vec<Value> = (0..count).map(|index| reservation(Family::V4, index)).collect();
        json!({ "owner": "a", "reservations": wanted, "remove": [{ "subnet-id": 1, "ip-address": "10.77.0.9" }] })
    };
    assert_eq!(apply(&kea, &of(2))["counts"], json!({ "added": 2, "unchanged": 1 }));
    let refused = kea.command("ext-reservation-apply", &of(3)).unwrap();
    expect_error(&refused, &["the command has 4 items, and at most 3 are allowed", "'max-apply-items'"]);
    assert_eq!(all_reservations(&kea).len(), 2);
}

/// A list that was cut off must not cost more than a command may do.
#[test]
fn what_would_be_pruned_counts_too() {
    let kea = server(Family::V4, json!({ "max-apply-items": 3 }));
    let of = |indexes: std::ops::Range<usize>, more: Value| {
        let wanted: Vec<Value> = indexes.map(|index| reservation(Family::V4, index)).collect();
        with(json!({ "owner": "a", "reservations": wanted }), &more)
    };
    apply(&kea, &of(0..3, json!({})));
    apply(&kea, &of(3..4, json!({})));
    for more in [json!({ "prune": true }), json!({ "prune": true, "dry-run": true })] {
        let refused = kea.command("ext-reservation-apply", &of(0..0, more.clone())).unwrap();
        let reason = "'prune' would remove 4 reservations, which makes 4 items with the 0 of the command, and at most 3";
        expect_error(&refused, &[reason, "'remove' of several commands", "'max-apply-items'"]);
    }
    expect_error(
        &kea.command("ext-reservation-apply", &of(0..1, json!({ "prune": true }))).unwrap(),
        &["'prune' would remove 3 reservations, which makes 4 items with the 1 of the command"],
    );
    assert_eq!(all_reservations(&kea).len(), 4);
    let done =
        apply(&kea, &of(0..2, json!({ "remove": [{ "subnet-id": 1, "ip-address": support::address(2) }] })));
    assert_eq!(done["counts"], json!({ "unchanged": 2, "removed": 1 }));
    assert_eq!(
        apply(&kea, &of(0..2, json!({ "prune": true })))["counts"],
        json!({ "unchanged": 2, "pruned": 1 })
    );
}

#[test]
fn a_device_gets_what_was_applied() {
    let site = Site::new(Family::V4, support::config_without_store());
    let device = site.device(7);
    let mut wanted = reservation(Family::V4, 7);
    wanted["option-data"] = json!([{ "name": "domain-name-servers", "data": "192.0.2.53" }]);
    apply(&site.kea, &json!({ "owner": "a", "reservations": [wanted] }));
    let lease = device.dhcp().unwrap();
    assert_eq!(lease.address.to_string(), support::address(7));

    wanted["ip-address"] = json!(support::address(8));
    apply(&site.kea, &json!({ "owner": "a", "prune": true, "reservations": [wanted] }));
    let lease = device.dhcp().unwrap();
    assert_eq!(lease.address.to_string(), support::address(8));
}

/// One after the other, each round lists the same clients with addresses of its own.
fn round(number: usize, atomic: bool) -> Value {
    let wanted: Vec<Value> = (0..CLIENTS)
        .map(|index| {
            let mut reservation = reservation(Family::V4, index);
            reservation["hostname"] = json!(format!("round-{number}"));
            reservation
        })
        .collect();
    json!({ "owner": "a", "atomic": atomic, "reservations": wanted })
}

/// The round that is there, whole; none where there is nothing.
fn whole_round(kea: &Kea) -> Option<usize> {
    let found = all_reservations(kea);
    let name = found.first()?["hostname"].as_str().unwrap();
    assert_eq!(found.len(), CLIENTS);
    assert!(found.iter().all(|host| host["hostname"] == name), "more than one round is there");
    Some(name.strip_prefix("round-").unwrap().parse().unwrap())
}

const CLIENTS: usize = 200;
const ROUNDS: usize = 200;

/// What was answered is there after a SIGKILL, and what was not is there as a whole or not at all.
#[test]
fn a_kill_leaves_no_half_command() {
    let mut kea = server(Family::V4, Value::Null);
    let (mut next, mut there) = (0, None);
    for kill in 0..ROUNDS {
        let socket = kea.socket().clone();
        let first = next;
        let client = thread::spawn(move || {
            let mut number = first;
            // Until the server is gone.
            while let Ok(reply) = socket.command("ext-reservation-apply", &round(number, number % 2 == 0)) {
                assert_eq!(reply.result, 0, "{}", reply.raw);
                number += 1;
            }
            number
        });
        // No two kills at the same moment of a command.
        thread::sleep(Duration::from_micros(5_000 + (kill as u64 * 7_919) % 40_000));
        kea.kill9().unwrap();
        let unanswered = client.join().unwrap();
        kea.restart().unwrap();

        let found = whole_round(&kea);
        let answered = if unanswered > first { Some(unanswered - 1) } else { there };
        assert!(
            found == answered || found == Some(unanswered),
            "kill {kill}: {found:?}, answered was {answered:?}"
        );
        (next, there) = (unanswered + 1, found);
    }
    assert!(next > ROUNDS, "hardly a command was answered between the kills");
    expect(
        &kea.command("ext-reservation-apply", &round(next, true)).unwrap(),
        0,
        &format!("{CLIENTS} updated."),
    );
}
