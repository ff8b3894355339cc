//! The operator on one Kea and on two, with our hook and with Kea's own hooks alone. Leases are made by command: what is tested is
//! what becomes of them.

mod support;

#[path = "support/fleet.rs"]
mod fleet;
#[path = "support/operator.rs"]
mod operator;

use std::collections::HashSet;

use fleet::{Hooks, NAMESPACE, Site, address, mac};
use operator::{network_configuration, network_namespace};
use serde_json::{Value, json};

/// Runs a test with each kind of hooks that this Kea can have; two servers also as a pair of Kea's high availability.
fn with_each(name: &str, servers: usize, test: impl Fn(Site)) {
    let pair = (servers == 2).then_some(Hooks::Pair);
    for hooks in Hooks::available().into_iter().chain(pair) {
        eprintln!("--- {name}, {hooks:?} ---");
        test(Site::new(&format!("{name}-{hooks:?}"), hooks, servers));
    }
}

#[test]
fn every_server_gets_what_is_wished_for_and_is_brought_level_when_it_returns() {
    with_each("level", 2, |mut site| {
        site.lease(1);
        site.lease(2);
        site.wish("one", &[1]);
        site.start_operator(&[]);
        site.wait_for_phase("one", "Ready");
        site.expect_on_all(&[1]);
        let agree = site.condition("one", "ServersAgree");
        assert_eq!((agree["status"].as_str(), agree["reason"].as_str()), (Some("True"), Some("InSync")));

        site.servers[1].kill9().unwrap();
        site.wish("two", &[2]);
        let status = site.wait_for_phase("two", "Ready");
        assert_eq!(status["networkInterfaces"][0]["ipv4Addresses"], json!([address(2)]));
        let agree = site.condition("two", "ServersAgree");
        assert_eq!(
            (agree["status"].as_str(), agree["reason"].as_str()),
            (Some("False"), Some("KeaUnreachable"))
        );
        let name = site.url(1);
        assert!(agree["message"].as_str().unwrap().starts_with(&format!("{name}: ")), "{agree}");

        site.servers[1].restart().unwrap();
        site.wait_for_condition("two", "ServersAgree", "True");
        site.expect_on_all(&[1, 2]);

        // The primary is away: reads go to the other one.
        site.servers[0].kill9().unwrap();
        site.wish("one", &[]);
        site.wait_for_phase("one", "Ready");
        site.expect_on(1, &[2]);
        site.servers[0].restart().unwrap();
        site.expect_on_all(&[2]);
    });
}

#[test]
fn a_server_that_hangs_holds_up_nothing_but_itself() {
    with_each("hangs", 2, |mut site| {
        site.lease(1);
        site.start_operator(&["--kea-timeout-seconds", "2"]);
        site.servers[0].running().unwrap().freeze().unwrap();
        site.wish("one", &[1]);
        site.wait_for_phase("one", "Ready");
        site.expect_on(1, &[1]);
        site.servers[0].running().unwrap().thaw().unwrap();
        site.wait_for_condition("one", "ServersAgree", "True");
        site.expect_on_all(&[1]);
    });
}

#[test]
fn the_operator_starts_without_kea_and_serves_when_it_comes() {
    with_each("nobody", 2, |mut site| {
        site.lease(1);
        for server in &mut site.servers {
            server.kill9().unwrap();
        }
        site.wish("one", &[1]);
        site.start_operator(&[]);
        let status = site.wait_for_phase("one", "Error");
        assert!(status["message"].as_str().unwrap().contains("cannot reach Kea"), "{status}");
        site.servers[1].restart().unwrap();
        site.wait_for_phase("one", "Ready");
        site.expect_on(1, &[1]);
        site.servers[0].restart().unwrap();
        site.wait_for_condition("one", "ServersAgree", "True");
        site.expect_on_all(&[1]);
    });
}

#[test]
fn one_of_several_objects_has_a_device_and_the_next_gets_it_when_that_goes() {
    with_each("contest", 1, |mut site| {
        site.lease(1);
        site.wish("first", &[1]);
        site.start_operator(&[]);
        site.wait_for_phase("first", "Ready");
        site.wish("second", &[1]);
        let status = site.wait_for_phase("second", "Error");
        assert!(status["message"].as_str().unwrap().contains("is that of NetworkConfiguration"), "{status}");
        site.expect_on_all(&[1]);
        site.unwish("first");
        site.wait_for_phase("second", "Ready");
        site.expect_on_all(&[1]);
        assert_eq!(site.reservations(0)[0]["user-context"]["kea-operator"]["name"], "second");
    });
}

#[test]
fn one_of_two_networks_in_one_subnet_has_a_device_and_the_next_gets_it_when_that_goes() {
    // So many that they share commands.
    const DEVICES: usize = 40;
    let name = |network: usize, device: usize| format!("vm-{network}-{device}");
    let asked = |network: usize, device: usize| format!("10.77.{network}.{device}");
    with_each("together", 2, |mut site| {
        for network in [1, 2] {
            let in_network = format!("network{network}");
            let mut object = network_namespace(NAMESPACE, &format!("10.77.{network}.0/24"));
            object["metadata"]["name"] = in_network.as_str().into();
            site.write(&in_network, &object);
        }
        for device in 1..=DEVICES {
            for network in [1, 2] {
                let mut object = network_configuration(NAMESPACE, &name(network, device), &[&mac(device)]);
                object["spec"]["networkNamespaceName"] = format!("network{network}").into();
                object["spec"]["networkInterfaces"][0]["ipv4Addresses"] = json!([asked(network, device)]);
                site.write(&name(network, device), &object);
            }
        }
        let expect = |site: &Site, has: &[usize]| {
            for server in 0..2 {
                let found = site.reservations(server);
                let found = found.iter().map(|host| json!([host["hw-address"], host["ip-address"]]));
                let wanted =
                    (1..).zip(has).map(|(device, network)| json!([mac(device), asked(*network, device)]));
                assert_eq!(found.collect::<Vec<_>>(), wanted.collect::<Vec<_>>());
            }
        };
        site.start_operator(&[]);
        let mut has = Vec::new();
        for device in 1..=DEVICES {
            let decided = |status: &Value| status["phase"] == "Ready" || status["phase"] == "Error";
            let first = site.wait_for_status(&name(1, device), decided);
            let (winner, loser) = if first["phase"] == "Ready" { (1, 2) } else { (2, 1) };
            site.wait_for_phase(&name(winner, device), "Ready");
            let status = site.wait_for_phase(&name(loser, device), "Error");
            let told = format!("NetworkConfiguration {NAMESPACE}/{}", name(winner, device));
            assert!(status["message"].as_str().unwrap().contains(&told), "{status}");
            has.push(winner);
        }
        expect(&site, &has);
        for (device, network) in (1..).zip(&mut has) {
            site.unwish(&name(*network, device));
            *network = 3 - *network;
        }
        for (device, network) in (1..).zip(&has) {
            site.wait_for_phase(&name(*network, device), "Ready");
        }
        expect(&site, &has);
    });
}

#[test]
fn an_address_that_is_asked_for_is_reserved_without_a_lease_and_can_be_changed() {
    with_each("asked", 1, |mut site| {
        site.wish_for("one", 1, &address(7));
        site.start_operator(&[]);
        site.wait_for_phase("one", "Ready");
        assert_eq!(site.reservations(0)[0]["ip-address"], address(7));
        site.wish_for("one", 1, &address(8));
        site.wait_for_status("one", |status| {
            status["networkInterfaces"][0]["ipv4Addresses"] == json!([address(8)])
        });
        assert_eq!(site.reservations(0)[0]["ip-address"], address(8));
        site.wish_for("one", 1, "192.0.2.1");
        let status = site.wait_for_phase("one", "Error");
        assert!(status["message"].as_str().unwrap().contains("outside the prefix"), "{status}");
    });
}

#[test]
fn a_mistake_in_a_spec_costs_a_device_nothing() {
    with_each("mistake", 1, |mut site| {
        site.lease(1);
        site.lease(2);
        site.wish("one", &[1, 2]);
        site.start_operator(&[]);
        let good = site.wait_for_phase("one", "Ready");
        let before = site.reservations(0);
        let with = |change: fn(&mut Value)| {
            let macs = [mac(1), mac(2)];
            let macs: Vec<&str> = macs.iter().map(String::as_str).collect();
            let mut object = network_configuration("demo", "one", &macs);
            change(&mut object["spec"]["networkInterfaces"][0]);
            object
        };
        let mistakes = [
            (with(|eth0| eth0["ipv4Addresses"] = json!(["10.77.100.1/16"])), "is no IPv4 address"),
            (with(|eth0| eth0["ipv4Addresses"] = json!(["192.0.2.1"])), "outside the prefix"),
            (with(|eth0| eth0["macAddress"] = json!("02:00:00:00:01:0l")), "'l'"),
        ];
        for (mistake, says) in mistakes {
            site.write("one", &mistake);
            let status = site.wait_for_status("one", |status| {
                status["message"].as_str().is_some_and(|text| text.contains(says))
            });
            assert_eq!(status["phase"], "Error");
            let known: HashSet<&Value> = status["networkInterfaces"]
                .as_array()
                .unwrap()
                .iter()
                .filter_map(|interface| interface["ipv4Addresses"].get(0))
                .collect();
            assert_eq!(known, HashSet::from([&json!(address(1)), &json!(address(2))]), "{status}");
            assert_eq!(site.reservations(0), before, "{says}");
        }
        site.wish("one", &[1, 2]);
        let status = site.wait_for_phase("one", "Ready");
        assert_eq!(status["networkInterfaces"], good["networkInterfaces"]);
        assert_eq!(site.reservations(0), before);
    });
}

#[test]
fn an_address_that_cannot_be_had_costs_a_device_nothing() {
    with_each("taken", 1, |mut site| {
        site.lease(1);
        let in_the_way = json!({"subnet-id": 1, "hw-address": mac(40), "ip-address": address(7)});
        site.reserve_by_hand(&in_the_way);
        site.wish("one", &[1]);
        site.start_operator(&[]);
        site.wait_for_phase("one", "Ready");
        let before = site.reservations(0);
        site.wish_for("one", 1, &address(7));
        let status = site.wait_for_phase("one", "Error");
        let message = status["message"].as_str().unwrap();
        assert!(message.contains(&mac(40)) && message.contains("ask for another address"), "{message}");
        assert_eq!(status["networkInterfaces"][0]["ipv4Addresses"], json!([address(1)]));
        assert_eq!(site.reservations(0), before);
    });
}

#[test]
fn a_subnet_that_has_another_number_is_followed() {
    with_each("renumbered", 1, |mut site| {
        site.lease(1);
        site.wish("one", &[1]);
        site.start_operator(&[]);
        site.wait_for_phase("one", "Ready");
        let mut config = site.servers[0].ask("config-get", &Value::Null).unwrap();
        config.as_object_mut().unwrap().remove("hash");
        config["Dhcp4"]["subnet4"][0]["id"] = json!(7);
        site.servers[0].ask("config-set", &config).unwrap();
        site.subnet_id = 7;
        site.expect_on_all(&[1]);
    });
}

#[test]
fn what_others_made_is_left_alone_and_named() {
    with_each("others", 1, |mut site| {
        for device in 1..=4 {
            site.lease(device);
        }
        let by_hand =
            json!({"subnet-id": 1, "hw-address": mac(1), "ip-address": address(9), "hostname": "printer"});
        let same =
            json!({"subnet-id": 1, "hw-address": mac(2), "ip-address": address(2), "hostname": "same"});
        let puppets = json!({"subnet-id": 1, "hw-address": mac(3), "user-context": {"ext-owner": "puppet"},
            "ip-address": address(3)});
        let in_the_way = json!({"subnet-id": 1, "hw-address": mac(40), "ip-address": address(4)});
        for reservation in [&by_hand, &same, &puppets, &in_the_way] {
            site.reserve_by_hand(reservation);
        }
        let before = site.reservations(0);
        site.wish("all", &[1, 2, 3, 4]);
        site.start_operator(&[]);
        let status = site.wait_for_phase("all", "Error");
        let message = status["message"].as_str().unwrap();
        for part in ["1 of 4 interfaces reserved", "made by hand", "owned by puppet", &mac(40)] {
            assert!(message.contains(part), "'{part}' is not in: {message}");
        }
        assert_eq!(site.reservations(0), before);
        site.unwish("all");
        site.wait_until_gone("all");
        assert_eq!(site.reservations(0), before);
    });
}

#[test]
fn what_was_removed_or_changed_by_hand_is_made_right_again() {
    with_each("drift", 2, |mut site| {
        site.lease(1);
        site.lease(2);
        site.wish("one", &[1, 2]);
        site.start_operator(&[]);
        site.wait_for_phase("one", "Ready");
        site.expect_on_all(&[1, 2]);
        site.remove_by_hand(0, 1);
        site.remove_by_hand(1, 2);
        // The lease is another one meanwhile; what was promised stays.
        site.move_lease(1, 11);
        site.touch("one");
        site.expect_on_all(&[1, 2]);
    });
}

#[test]
fn our_hook_tells_at_once_what_somebody_removed() {
    // Without the hook's events, only the next look would find it, in five minutes.
    let mut site = Site::new("told", Hooks::Ours, 2);
    site.lease(1);
    site.wish("one", &[1]);
    site.start_operator(&[]);
    site.wait_for_phase("one", "Ready");
    site.expect_on_all(&[1]);
    for server in 0..2 {
        site.remove_by_hand(server, 1);
        site.expect_on_all(&[1]);
    }
}

#[test]
fn a_server_that_was_restarted_unseen_has_everything_again() {
    with_each("restarted", 1, |mut site| {
        site.lease(1);
        site.wish("one", &[1]);
        site.start_operator(&[]);
        site.wait_for_phase("one", "Ready");
        site.servers[0].kill9().unwrap();
        site.servers[0].restart().unwrap();
        // With Kea's own hooks, it was in memory only. Objects are looked at every five minutes.
        site.expect_on_all(&[1]);
    });
}

#[test]
fn a_reservation_without_an_address_is_pinned_when_its_device_has_a_lease() {
    with_each("maconly", 1, |mut site| {
        // As the Go operator made them: by nobody.
        site.reserve_by_hand(&json!({"subnet-id": 1, "hw-address": mac(2), "hostname": "keeps-it"}));
        site.wish("one", &[1]);
        site.start_operator(&["--kea-address-policy", "mac-only"]);
        site.wait_for_status("one", |status| {
            status["message"].as_str().is_some_and(|text| text.contains("it is reserved without an address"))
        });
        assert_eq!(site.reservations(0).len(), 2);
        site.lease(1);
        site.wait_for_phase("one", "Ready");
        let found = site.reservations(0);
        let pinned = found.iter().find(|found| found["hw-address"] == mac(1)).unwrap();
        assert_eq!(pinned["ip-address"], address(1));
    });
}

#[test]
fn what_a_killed_operator_left_is_found() {
    with_each("left", 1, |mut site| {
        site.lease(1);
        site.wish("one", &[1]);
        site.start_operator(&[]);
        site.wait_for_phase("one", "Ready");
        let mark = site.reservations(0)[0]["user-context"].clone();
        site.stop_operator();
        // Made for this object, and not in its status; and for an object that is no more.
        let mut of_nobody = mark.clone();
        of_nobody["kea-operator"]["uid"] = "gone".into();
        for (device, mark) in [(2, mark), (3, of_nobody)] {
            site.reserve_by_hand(
                &json!({"subnet-id": 1, "hw-address": mac(device), "ip-address": address(device),
                "user-context": mark}),
            );
        }
        site.start_operator(&["--kea-orphan-interval", "1s", "--kea-orphan-grace", "2s"]);
        site.expect_on_all(&[1]);
    });
}

#[test]
fn ten_thousand_objects_at_once_share_their_commands() {
    const OBJECTS: usize = 10_000;
    let mut site = Site::new("many", Hooks::Ours, 1);
    site.lease_many(OBJECTS);
    site.wish_many(OBJECTS);
    let before = site.commands();
    site.start_operator(&[]);
    site.wait_for_many(OBJECTS);
    let commands = site.commands() - before;
    // Each object needs two; how many share one depends on how fast the folder takes writes.
    assert!(commands <= OBJECTS as u64 / 5, "{commands} commands");
}
