//! Makes a server with the hook do all that the hook can, with real clients, for tests that look for what nobody sees.

use std::collections::BTreeSet;
use std::path::Path;
use std::thread;
use std::time::Duration;

use kea_lab::{Device, Family, Kea, Lab, wait_for};
use serde_json::{Value, json};

use super::mutations::{mutations, well_formed, well_formed_own};
use super::site::{config6, with};
use super::wishes::duid;
use super::{SUBNET_ID, address, config_without_store, expect, key, mac, reservation_of, upkeep_ended};

/// A server that is looked at from inside is some fifty times slower.
const PATIENCE: Duration = Duration::from_mins(3);

/// A configuration with this store, packet threads, and leases that are soon reclaimed when they have run out.
pub fn config(family: Family, store: &Path) -> Value {
    let config = match family {
        Family::V4 => config_without_store(),
        Family::V6 => config6(),
    };
    let more = json!({
        "hosts-databases": [{ "type": "memfile", "name": store }],
        "expired-leases-processing": { "reclaim-timer-wait-time": 1 },
        "multi-threading": { "enable-multi-threading": true, "thread-pool-size": 2, "packet-queue-size": 16 },
    });
    with(config, &more)
}

/// The hook's parameters that go with it.
pub fn parameters() -> Value {
    json!({ "persist-subnets": true, "event-leases": "all" })
}

/// Commands right and wrong, leases, pins, events, backups, configurations good and bad; leaves the server without the hook.
/// It has [`config`] with the store `hosts.db`, [`parameters`], and `lease_cmds` before the hook.
pub fn everything(kea: &mut Kea, lab: &Lab) {
    let family = kea.family();
    let good = config(family, &lab.dir().join("hosts.db"));
    let phone = device(lab, 1);
    for index in 1..=3 {
        let added = kea.command("ext-reservation-add", &reservation_of(family, index)).unwrap();
        expect(&added, 0, "Host added.");
    }
    get_reserved(family, &phone);
    send_wrong_arguments(kea);
    apply(kea);
    pin(kea, lab);
    end_leases(kea, lab);
    resolve(kea);
    keep_store(kea, lab);

    for _ in 0..2 {
        kea.reload().unwrap().success().unwrap();
    }
    let with_hook = kea.hooks_mut().clone();
    kea.hooks_mut().last_mut().unwrap()["parameters"] = json!({ "unknown": 1 });
    assert_eq!(kea.config_set(&good).unwrap().result, 1);
    kea.hooks_mut().clone_from(&with_hook);
    assert_eq!(kea.config_set(&config(family, &lab.dir().join("missing/hosts.db"))).unwrap().result, 1);

    // A client that somebody waits for gets its lease while the hook is away.
    wish(kea, 14);
    unload(kea, &good);
    let leased = lease(family, &device(lab, 14));
    *kea.hooks_mut() = with_hook;
    kea.config_set(&good).unwrap().success().unwrap();
    get_reserved(family, &phone);
    expect(&kea.command("ext-reservation-get", &key(1)).unwrap(), 0, "Host found.");
    wait_for_pin(kea, 14, &leased);
    unload(kea, &good);
}

fn unload(kea: &mut Kea, good: &Value) {
    kea.hooks_mut().pop();
    kea.config_set(&with(good.clone(), &json!({ "hosts-databases": null }))).unwrap().success().unwrap();
}

/// The device of client number `index`.
fn device(lab: &Lab, index: usize) -> Device {
    lab.device(&format!("d{index}"), &mac(index)).unwrap()
}

/// Asks for an address as a client, and takes it.
fn lease(family: Family, device: &Device) -> String {
    match family {
        Family::V4 => device.dhcp().unwrap().address.to_string(),
        Family::V6 => device.dhcp6().unwrap().addresses[0].to_string(),
    }
}

/// Client number 1 gets what is reserved for it.
fn get_reserved(family: Family, device: &Device) {
    let reserved = match family {
        Family::V4 => address(1),
        Family::V6 => "2001:db8:77::1".to_owned(),
    };
    assert_eq!(lease(family, device), reserved);
}

fn send_wrong_arguments(kea: &Kea) {
    for (command, arguments) in well_formed().into_iter().chain(well_formed_own()) {
        for wrong in [Value::Null, json!(-1), json!("é\u{0}"), json!([1, "two"]), json!({ "a": {} })] {
            for mutated in mutations(&arguments, &wrong) {
                kea.command(&format!("ext-{command}"), &mutated).unwrap();
            }
        }
    }
    for standard in [true, false] {
        kea.command("ext-test-throw", &json!({ "standard": standard })).unwrap();
    }
    kea.command("ext-test-panic", &Value::Null).unwrap();
    upkeep_ended(kea);
    // What was right all the same.
    kea.command("ext-reservation-del", &key(9)).unwrap();
    kea.ask("ext-reservation-apply", &json!({ "owner": "a", "reservations": [], "prune": true })).unwrap();
}

/// Items of every kind, and what becomes of them.
fn apply(kea: &Kea) {
    let reservation = |index: usize| reservation_of(kea.family(), index)["reservation"].take();
    let send = |more: Value| {
        let arguments = with(json!({ "owner": "a" }), &more);
        kea.ask("ext-reservation-apply", &arguments).unwrap()["counts"].clone()
    };
    // Numbers 1 to 3 are there, and nobody owns them.
    let wanted: Vec<Value> = (1..=300).map(reservation).collect();
    assert_eq!(
        send(json!({ "reservations": wanted, "dry-run": true })),
        json!({ "conflict": 3, "added": 297 })
    );
    assert_eq!(send(json!({ "reservations": wanted, "adopt": true })), json!({ "adopted": 3, "added": 297 }));
    let refused = json!({
        "owner": "b", "atomic": true, "reservations": [with(reservation(5), &json!({ "hw-address": mac(400) }))],
    });
    assert_eq!(kea.command("ext-reservation-apply", &refused).unwrap().result, 1);
    let changed = with(reservation(2), &json!({ "hostname": "other", "user-context": { "site": "Oslo" } }));
    let kept = json!({ "reservations": [reservation(1), changed, { "bogus": 1 }], "remove": [key(3)] });
    assert_eq!(send(kept.clone()), json!({ "unchanged": 1, "updated": 1, "invalid": 1, "removed": 1 }));
    let kept = json!({ "reservations": [reservation(1)], "prune": true });
    assert_eq!(send(kept), json!({ "unchanged": 1, "pruned": 298 }));
    let in_memory = json!({ "reservations": [reservation(6)], "operation-target": "memory", "atomic": true });
    assert_eq!(send(in_memory), json!({ "added": 1 }));
}

/// How client number `index` is known, in the words of a command about one reservation.
fn client(family: Family, index: usize) -> Value {
    match family {
        Family::V4 => key(index),
        Family::V6 => json!({
            "subnet-id": SUBNET_ID, "identifier-type": "duid", "identifier": duid(index),
        }),
    }
}

/// Wishes that what client number `index` leases be reserved for it; it has no lease yet.
fn wish(kea: &Kea, index: usize) {
    let client = client(kea.family(), index);
    let kind = client["identifier-type"].as_str().unwrap();
    let wish = json!({ "subnet-id": SUBNET_ID, "address": "lease", kind: client["identifier"] });
    let applied = kea.ask("ext-reservation-apply", &json!({ "owner": "b", "reservations": [wish] })).unwrap();
    assert_eq!(applied["counts"], json!({ "pending": 1 }), "{applied}");
}

fn wait_for_pin(kea: &Kea, index: usize, leased: &str) {
    let client = client(kea.family(), index);
    wait_for(format!("the pin of {leased}"), PATIENCE, || {
        let host = kea.ask("ext-reservation-get", &client).unwrap();
        let reserved = host.get("ip-address").or_else(|| host["ip-addresses"].get(0));
        (reserved == Some(&json!(leased))).then_some(())
    })
    .unwrap_or_else(|error| panic!("{error:#}\n{}", kea.tail()));
}

/// Pins by leases of real clients: with the hook at rest, and amid configurations, so that it goes with work to be done.
fn pin(kea: &Kea, lab: &Lab) {
    let family = kea.family();
    for index in [11, 12, 13] {
        wish(kea, index);
    }
    let pending = kea.ask("ext-reservation-pending", &json!({ "owner": "b", "limit": 1 })).unwrap();
    assert_eq!((&pending["total"], &pending["count"]), (&json!(3), &json!(1)));
    wait_for_pin(kea, 11, &lease(family, &device(lab, 11)));

    let devices = [12, 13].map(|index| device(lab, index));
    let line = format!("DHCP{}_LEASE_ALLOC", family.digit());
    let leases = || kea.log().matches(&line).count();
    let before = leases();
    thread::scope(|scope| {
        let clients = devices.each_ref().map(|device| scope.spawn(|| lease(family, device)));
        for count in 1..=clients.len() {
            wait_for("a lease", PATIENCE, || (leases() >= before + count).then_some(())).unwrap();
            kea.reload().unwrap().success().unwrap();
        }
        for (index, client) in [12, 13].into_iter().zip(clients) {
            wait_for_pin(kea, index, &client.join().unwrap());
        }
    });
}

/// Leases that are released, declined, or run out, and the events that tell.
fn end_leases(kea: &Kea, lab: &Lab) {
    let family = kea.family();
    let events =
        |since: &Value| kea.ask("ext-event-get", &json!({ "since": since, "limit": 10_000 })).unwrap();
    let begin = kea.ask("ext-event-get", &Value::Null).unwrap();
    assert_eq!(
        kea.ask("ext-event-get", &json!({ "since": 0, "limit": 1, "epoch": 1 })).unwrap()["lost"],
        json!(true)
    );
    // Somebody has set an address by hand that is reserved for another.
    const DECLINING: usize = 24;
    let reserved = reservation_of(family, DECLINING);
    kea.ask("ext-reservation-add", &reserved).unwrap();
    let (bits, taken, flags): (_, _, &[&str]) = match family {
        Family::V4 => (16, &reserved["reservation"]["ip-address"], &[]),
        Family::V6 => (64, &reserved["reservation"]["ip-addresses"][0], &["nodad"]),
    };
    let taken = format!("{}/{bits}", taken.as_str().unwrap());
    let intruder = device(lab, 21);
    intruder.namespace().ip(&[&["address", "add", &taken, "dev", "eth0"], flags].concat()).unwrap();
    let (releasing, declining) = (device(lab, 22), device(lab, DECLINING));
    let expired = json!({ "subnet-id": SUBNET_ID, "expire": 1_600_000_000, "valid-lft": 60 });
    match family {
        Family::V4 => {
            releasing.request().then_release().run().unwrap();
            declining.request().checking().run().unwrap();
            let lease = json!({ "ip-address": "10.77.100.19", "hw-address": mac(23) });
            kea.ask("lease4-add", &with(expired, &lease)).unwrap();
        }
        Family::V6 => {
            releasing.request6().prefixes(1).then_release().run().unwrap();
            declining.request6().checking().run().unwrap();
            let lease = json!({ "ip-address": "2001:db8:77::11f", "duid": "00:03:00:01", "iaid": 7 });
            kea.ask("lease6-add", &with(expired, &lease)).unwrap();
        }
    }
    wait_for("events of all kinds", PATIENCE, || {
        let told = events(&begin["head"]);
        let kinds = told["events"].as_array().unwrap().iter().map(|event| event["event"].as_str().unwrap());
        let kinds: BTreeSet<&str> = kinds.collect();
        ["committed", "released", "declined", "expired"]
            .iter()
            .all(|kind| kinds.contains(format!("lease-{kind}").as_str()))
            .then_some(())
    })
    .unwrap_or_else(|error| panic!("{error:#}: {}\n{}", events(&begin["head"]), kea.tail()));
}

fn resolve(kea: &Kea) {
    let mut identifiers: Vec<Value> =
        (0..500).map(|index| with(client(kea.family(), index), &json!({ "subnet-id": null }))).collect();
    identifiers.extend([json!("red"), json!(7), client(kea.family(), 11)]);
    let found = kea.ask("ext-lease-resolve", &json!({ "identifiers": identifiers })).unwrap();
    let found = found["identifiers"].as_array().unwrap();
    assert_eq!(found[500]["status"], json!("invalid"));
    assert_eq!(found[502]["leases"].as_array().unwrap().len(), 1, "{}", found[502]);
    assert_eq!(found[502]["reservations"][0]["owner"], json!("b"), "{}", found[502]);
}

/// Copies of the store: whole ones, and one that a configuration breaks off. And kept subnets.
fn keep_store(kea: &Kea, lab: &Lab) {
    let wanted: Vec<Value> =
        (1000..4000).map(|index| reservation_of(kea.family(), index)["reservation"].take()).collect();
    kea.ask("ext-reservation-apply", &json!({ "owner": "c", "reservations": wanted })).unwrap();
    let backup = |name: &str| {
        kea.ask("ext-store-backup", &json!({ "path": lab.dir().join(name) })).unwrap();
    };
    backup("backup.db");
    kea.ask("ext-reservation-apply", &json!({ "owner": "c", "reservations": [], "prune": true })).unwrap();
    assert_eq!(upkeep_ended(kea)["state"], json!("done"));
    kea.ask("ext-store-compact", &Value::Null).unwrap();
    assert_eq!(upkeep_ended(kea)["state"], json!("done"));
    for name in ["broken-off.db", "again.db"] {
        backup(name);
        kea.reload().unwrap().success().unwrap();
    }

    let (digit, prefix) = match kea.family() {
        Family::V4 => (4, "10.88.5.0/24"),
        Family::V6 => (6, "2001:db8:5::/64"),
    };
    let subnet = json!({ format!("subnet{digit}"): [{ "id": 5, "subnet": prefix }] });
    kea.ask(&format!("ext-subnet{digit}-add"), &subnet).unwrap();
    kea.reload().unwrap().success().unwrap();
    kea.ask(&format!("ext-subnet{digit}-get"), &json!({ "id": 5 })).unwrap();
    for command in ["ext-status", "statistic-get-all"] {
        kea.ask(command, &Value::Null).unwrap();
    }
}
