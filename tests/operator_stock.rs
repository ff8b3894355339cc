//! The operator with Kea's own commands only, where those are not enough: changes in two steps, and removals that ask nobody. What
//! others have must be as it was.

mod support;

#[path = "support/fleet.rs"]
mod fleet;
#[path = "support/operator.rs"]
mod operator;

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use fleet::{Hooks, Site, address, mac};
use kea_lab::proxy::{Fate, Proxy};
use kea_lab::{ControlAgent, wait_for};
use operator::PATIENCE;
use serde_json::{Value, json};

/// Runs a test with each kind of hooks, always in the dialect of Kea's own, through a proxy.
fn with_each(name: &str, test: impl Fn(Site, Proxy)) {
    for hooks in Hooks::available() {
        eprintln!("--- {name}, {hooks:?} ---");
        let site = Site::new(&format!("{name}{hooks:?}"), hooks, 1);
        let agent = ControlAgent::for_server(&site.servers[0]).unwrap();
        test(site, Proxy::before(agent.address()).unwrap());
        drop(agent);
    }
}

fn start(site: &mut Site, proxy: &Proxy) {
    site.start_operator_at(&[proxy.url()], &["--kea-dialect", "stock"]);
}

/// Without `reservation-update`, as before Kea 2.4.
fn without_update(command: &str) -> Fate {
    if command.contains("list-commands") { Fate::Without("\"reservation-update\", ") } else { Fate::Pass }
}

#[test]
fn what_was_there_comes_back_as_it_was_when_another_address_is_refused() {
    with_each("replace", |mut site, proxy| {
        proxy.rule(without_update);
        site.lease(1);
        // By nobody, and without an address, as the Go operator made them; and the address is somebody else's.
        site.reserve_by_hand(&json!({"subnet-id": 1, "hw-address": mac(1)}));
        site.reserve_by_hand(
            &json!({"subnet-id": 1, "hw-address": mac(40), "ip-address": address(1), "hostname": "printer"}),
        );
        let before = site.reservations(0);
        site.wish("one", &[1]);
        start(&mut site, &proxy);
        let status = site.wait_for_phase("one", "Error");
        assert!(status["message"].as_str().unwrap().contains(&mac(40)), "{status}");
        assert_eq!(site.reservations(0), before);
        site.unwish("one");
        site.wait_until_gone("one");
        assert_eq!(site.reservations(0), before);
    });
}

#[test]
fn a_reservation_is_changed_where_no_command_does_it() {
    with_each("change", |mut site, proxy| {
        proxy.rule(without_update);
        site.lease(1);
        site.reserve_by_hand(&json!({"subnet-id": 1, "hw-address": mac(1)}));
        site.wish("one", &[1]);
        start(&mut site, &proxy);
        site.wait_for_phase("one", "Ready");
        site.expect_on_all(&[1]);
        assert_eq!(site.reservations(0)[0]["user-context"]["kea-operator"]["name"], "one");
    });
}

#[test]
fn a_removal_whose_answer_is_lost_takes_nothing_that_came_after_it() {
    with_each("remove", |mut site, proxy| {
        site.lease(1);
        site.wish("one", &[1]);
        start(&mut site, &proxy);
        site.wait_for_phase("one", "Ready");
        let by_hand =
            json!({"subnet-id": 1, "hw-address": mac(1), "ip-address": address(9), "hostname": "mine"});
        let database = site.servers[0].command("ext-status", &Value::Null).unwrap().result == 0;
        let target = if database { "database" } else { "memory" };
        let arguments = json!({"reservation": by_hand, "operation-target": target});
        let socket = site.servers[0].socket().clone();
        let made = Arc::new(AtomicBool::new(false));
        let (mut removed, told) = (false, made.clone());
        proxy.rule(move |command| {
            if command.contains("reservation-del") && !removed {
                removed = true;
                return Fate::Cut(0);
            }
            // Kea has removed it, and nobody has learnt of it; somebody else is faster than whatever comes next.
            if removed && !told.swap(true, Ordering::Relaxed) {
                socket.command("reservation-add", &arguments).unwrap().success().unwrap();
            }
            Fate::Pass
        });
        site.unwish("one");
        wait_for("the reservation by hand", PATIENCE, || made.load(Ordering::Relaxed).then_some(()))
            .unwrap_or_else(|error| panic!("{error:#}\n{}", site.log()));
        site.wait_until_gone("one");
        let [found] = &site.reservations(0)[..] else { panic!("{:?}", site.reservations(0)) };
        assert_eq!(
            (&found["hostname"], &found["ip-address"]),
            (&by_hand["hostname"], &by_hand["ip-address"])
        );
    });
}
