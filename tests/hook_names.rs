//! The names of commands: whoever else serves one keeps it, wherever it stands in the configuration.

mod support;

use std::collections::BTreeSet;

use kea_lab::{Kea, KeaBuilder, Reply};
use serde_json::{Value, json};
use support::{SUBNET_ID, all_reservations, config, expect, key, reservation};

const HOST_CMDS: &str = "libdhcp_host_cmds.so";
const SUBNET_CMDS: &str = "libdhcp_subnet_cmds.so";

/// Where this library stands among others.
#[derive(Debug, Clone, Copy)]
enum Place {
    First,
    Last,
}

/// A server with these libraries of Kea's, and ours before or behind them.
fn server(place: Place, others: &[&str]) -> Kea {
    let builder = Kea::without_network("names").unwrap();
    let config = config(&builder.dir().join("hosts4.db"));
    let builder = builder.config(config);
    let ours = |builder: KeaBuilder| builder.host_cmds(Value::Null).unwrap();
    let theirs = |builder: KeaBuilder| {
        others.iter().fold(builder, |builder, library| builder.stock_hook(library, Value::Null).unwrap())
    };
    let builder = match place {
        Place::First => theirs(ours(builder)),
        Place::Last => ours(theirs(builder)),
    };
    builder.start().unwrap()
}

/// Whether this Kea comes with the stock hooks at all: they are part of Kea since 2.7.7.
fn has_stock_hooks() -> bool {
    let kea = Kea::without_network("version").unwrap().start().unwrap();
    let version = kea.command("version-get", &Value::Null).unwrap().text;
    !version.starts_with("2.")
}

fn names(kea: &Kea, of: &str) -> BTreeSet<String> {
    let names = kea.ask("ext-status", &Value::Null).unwrap()[of].clone();
    serde_json::from_value(names).unwrap()
}

/// The names of commands that libraries serve, without those of Kea itself and our own.
fn served(kea: &Kea) -> BTreeSet<String> {
    let all: BTreeSet<String> =
        serde_json::from_value(kea.ask("list-commands", &Value::Null).unwrap()).unwrap();
    all.into_iter().filter(|name| name.starts_with("reservation-") || is_of_subnets(name)).collect()
}

fn is_of_subnets(name: &str) -> bool {
    let network = ["network4-", "network6-", "subnet4-", "subnet6-"];
    network.iter().any(|start| name.starts_with(start)) && !name.contains("-select-test")
}

/// What the last load has put into the log after `label`.
fn logged(kea: &Kea, label: &str) -> BTreeSet<String> {
    let log = kea.log();
    let line = log.lines().rfind(|line| line.contains("HOST_CMDS_RS_LOADED")).unwrap();
    let list = line.split(label).nth(1).unwrap().split(';').next().unwrap().trim();
    list.split(' ').filter(|name| *name != "none").map(str::to_owned).collect()
}

#[test]
fn alone_it_claims_every_stock_name() {
    let kea = server(Place::Last, &[]);
    let claimed = names(&kea, "claimed-names");
    assert!(claimed.contains("reservation-add") && claimed.contains("subnet4-list"), "{claimed:?}");
    assert_eq!(names(&kea, "unclaimed-names"), BTreeSet::new());
    assert_eq!(served(&kea), claimed);
    assert_eq!(logged(&kea, "stock names claimed:"), claimed);
    assert_eq!(logged(&kea, "left to others:"), BTreeSet::new());
}

#[test]
fn no_name_of_a_configured_stock_hook_is_claimed() {
    if !has_stock_hooks() {
        return;
    }
    let everything = names(&server(Place::Last, &[]), "claimed-names");
    for place in [Place::First, Place::Last] {
        for libraries in [&[HOST_CMDS][..], &[SUBNET_CMDS], &[HOST_CMDS, SUBNET_CMDS]] {
            let kea = server(place, libraries);
            let theirs = |name: &String| {
                libraries.contains(&if name.starts_with("reservation-") { HOST_CMDS } else { SUBNET_CMDS })
            };
            let (left, claimed): (BTreeSet<_>, BTreeSet<_>) = everything.iter().cloned().partition(theirs);
            let context = format!("{place:?} with {libraries:?}");
            assert!(!left.is_empty(), "{context}");
            assert_eq!(names(&kea, "claimed-names"), claimed, "{context}");
            assert_eq!(names(&kea, "unclaimed-names"), left, "{context}");
            assert_eq!(logged(&kea, "stock names claimed:"), claimed, "{context}");
            assert_eq!(logged(&kea, "left to others:"), left, "{context}");
        }
    }
}

/// Commands that change something, one after the other, each of which would fail or differ if it ran twice.
fn change(kea: &Kea) {
    let send = |name: &str, arguments: &Value| -> Reply { kea.command(name, arguments).unwrap() };
    expect(&send("reservation-add", &reservation(1)), 0, "Host added.");
    expect(&send("reservation-get", &key(1)), 0, "Host found.");
    assert_eq!(all_reservations(kea).len(), 1);
    expect(&send("reservation-del", &key(1)), 0, "Host deleted.");
    expect(&send("reservation-get", &key(1)), 3, "Host not found.");

    let list = send("subnet4-list", &Value::Null);
    assert_eq!((list.result, &list.arguments["subnets"][0]["id"]), (0, &json!(SUBNET_ID)), "{}", list.raw);
    let listed = send("list-commands", &Value::Null).success().unwrap();
    if listed.as_array().unwrap().contains(&json!("subnet4-add")) {
        let subnet = json!({ "subnet4": [{ "id": 2, "subnet": "10.78.0.0/16" }] });
        let added = send("subnet4-add", &subnet);
        assert_eq!(added.result, 0, "{}", added.raw);
        let removed = send("subnet4-del", &json!({ "id": 2 }));
        assert_eq!(removed.result, 0, "{}", removed.raw);
    }
}

#[test]
fn a_command_runs_once_whoever_serves_it() {
    change(&server(Place::Last, &[]));
    if !has_stock_hooks() {
        return;
    }
    for place in [Place::First, Place::Last] {
        for libraries in [&[HOST_CMDS][..], &[SUBNET_CMDS], &[HOST_CMDS, SUBNET_CMDS]] {
            change(&server(place, libraries));
        }
    }
}

#[test]
fn names_follow_the_configuration() {
    if !has_stock_hooks() {
        return;
    }
    for place in [Place::First, Place::Last] {
        let mut kea = server(place, &[HOST_CMDS]);
        let config = config(&kea.dir().join("hosts4.db"));
        let with_stock = kea.hooks_mut().clone();
        let is_stock = |hook: &Value| hook["library"].as_str().unwrap().ends_with(&format!("/{HOST_CMDS}"));
        let alone: Vec<Value> = with_stock.iter().filter(|hook| !is_stock(hook)).cloned().collect();
        assert_eq!(alone.len(), 1);
        for _ in 0..3 {
            for (hooks, claimed) in [(&alone, true), (&with_stock, false)] {
                kea.hooks_mut().clone_from(hooks);
                kea.config_set(&config).unwrap().success().unwrap();
                assert_eq!(names(&kea, "claimed-names").contains("reservation-add"), claimed, "{place:?}");
                change(&kea);
            }
        }
    }
}
