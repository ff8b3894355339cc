//! The names of commands: whoever else serves one keeps it, wherever it stands in the configuration.

mod support;

use std::collections::BTreeSet;

use kea_lab::{Family, Kea, KeaBuilder, Reply};
use serde_json::{Value, json};
use support::{SUBNET_ID, all_reservations, config_of, expect, key, reservation_of};

const HOST_CMDS: &str = "libdhcp_host_cmds.so";
const SUBNET_CMDS: &str = "libdhcp_subnet_cmds.so";

/// Where this library stands among others.
#[derive(Debug, Clone, Copy)]
enum Place {
    First,
    Last,
}

/// A server with these libraries of Kea's, and ours before or behind them.
fn server(family: Family, place: Place, others: &[&str]) -> Kea {
    let builder = Kea::without_network("names").unwrap();
    let config = config_of(family, &builder.dir().join("hosts.db"));
    let builder = builder.family(family).config(config);
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

/// Every combination of daemon, place and stock hooks.
fn combinations() -> Vec<(Family, Place, &'static [&'static str])> {
    let libraries: [&[&str]; 3] = [&[HOST_CMDS], &[SUBNET_CMDS], &[HOST_CMDS, SUBNET_CMDS]];
    let places = [Place::First, Place::Last];
    let daemons = Family::ALL.into_iter();
    daemons
        .flat_map(|family| places.map(|place| (family, place)))
        .flat_map(|(family, place)| libraries.map(|libraries| (family, place, libraries)))
        .collect()
}

#[test]
fn alone_it_claims_every_stock_name() {
    for family in Family::ALL {
        let kea = server(family, Place::Last, &[]);
        let claimed = names(&kea, "claimed-names");
        let list = format!("subnet{}-list", family.digit());
        assert!(claimed.contains("reservation-add") && claimed.contains(&list), "{claimed:?}");
        assert_eq!(names(&kea, "unclaimed-names"), BTreeSet::new());
        assert_eq!(served(&kea), claimed);
        assert_eq!(logged(&kea, "stock names claimed:"), claimed);
        assert_eq!(logged(&kea, "left to others:"), BTreeSet::new());
    }
}

#[test]
fn no_name_of_a_configured_stock_hook_is_claimed() {
    if !has_stock_hooks() {
        return;
    }
    for (family, place, libraries) in combinations() {
        let everything = names(&server(family, Place::Last, &[]), "claimed-names");
        let kea = server(family, place, libraries);
        let theirs = |name: &String| {
            libraries.contains(&if name.starts_with("reservation-") { HOST_CMDS } else { SUBNET_CMDS })
        };
        let (left, claimed): (BTreeSet<_>, BTreeSet<_>) = everything.into_iter().partition(theirs);
        let context = format!("{family}, {place:?} with {libraries:?}");
        assert!(!left.is_empty(), "{context}");
        assert_eq!(names(&kea, "claimed-names"), claimed, "{context}");
        assert_eq!(names(&kea, "unclaimed-names"), left, "{context}");
        assert_eq!(logged(&kea, "stock names claimed:"), claimed, "{context}");
        assert_eq!(logged(&kea, "left to others:"), left, "{context}");
        assert!(served(&kea).is_superset(&left), "{context}");
    }
}

/// Commands that change something, one after the other, each of which would fail or differ if it ran twice.
fn change(kea: &Kea) {
    let family = kea.family();
    let send = |name: &str, arguments: &Value| -> Reply { kea.command(name, arguments).unwrap() };
    expect(&send("reservation-add", &reservation_of(family, 1)), 0, "Host added.");
    expect(&send("reservation-get", &key(1)), 0, "Host found.");
    assert_eq!(all_reservations(kea).len(), 1);
    expect(&send("reservation-del", &key(1)), 0, "Host deleted.");
    expect(&send("reservation-get", &key(1)), 3, "Host not found.");

    let subnet = |what: &str| format!("subnet{}-{what}", family.digit());
    let list = send(&subnet("list"), &Value::Null);
    assert_eq!((list.result, &list.arguments["subnets"][0]["id"]), (0, &json!(SUBNET_ID)), "{}", list.raw);
    if served(kea).contains(&subnet("add")) {
        let prefix = if family == Family::V4 { "10.78.0.0/16" } else { "2001:db8:78::/48" };
        let arguments = json!({ format!("subnet{}", family.digit()): [{ "id": 2, "subnet": prefix }] });
        let added = send(&subnet("add"), &arguments);
        assert_eq!(added.result, 0, "{}", added.raw);
        let removed = send(&subnet("del"), &json!({ "id": 2 }));
        assert_eq!(removed.result, 0, "{}", removed.raw);
    }
}

#[test]
fn a_command_runs_once_whoever_serves_it() {
    for family in Family::ALL {
        change(&server(family, Place::Last, &[]));
    }
    if !has_stock_hooks() {
        return;
    }
    for (family, place, libraries) in combinations() {
        change(&server(family, place, libraries));
    }
}

#[test]
fn names_follow_the_configuration() {
    if !has_stock_hooks() {
        return;
    }
    for place in [Place::First, Place::Last] {
        let mut kea = server(Family::V4, place, &[HOST_CMDS]);
        let config = config_of(Family::V4, &kea.dir().join("hosts.db"));
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
