//! The library itself: entry points, what it links, its parameters, and failures inside of it.

mod support;

use std::process::Command;

use kea_lab::{Kea, Lab};
use serde_json::{Value, json};
use support::{config, expect, expect_error, key, mac, reservation};

fn output(program: &str, arguments: &[&str]) -> String {
    let output = Command::new(program).args(arguments).output().unwrap();
    assert!(output.status.success(), "{program}: {}", String::from_utf8_lossy(&output.stderr));
    String::from_utf8(output.stdout).unwrap()
}

#[test]
fn entry_points_are_exported() {
    let library = kea_lab::hook_path().unwrap();
    let symbols = output("nm", &["-D", "--defined-only", library.to_str().unwrap()]);
    for entry in ["version", "load", "unload", "multi_threading_compatible"] {
        assert!(
            symbols.lines().any(|line| line.ends_with(&format!(" T {entry}"))),
            "no {entry} in {symbols}"
        );
    }
}

#[test]
fn only_kea_c_and_cxx_libraries_are_linked() {
    let library = kea_lab::hook_path().unwrap();
    let dynamic = output("readelf", &["-d", library.to_str().unwrap()]);
    let needed: Vec<&str> = dynamic
        .lines()
        .filter(|line| line.contains("(NEEDED)"))
        .map(|line| line.split(['[', ']']).nth(1).unwrap())
        .collect();
    assert!(!needed.is_empty(), "{dynamic}");
    for name in needed {
        let system = ["libc.so.6", "libm.so.6", "libgcc_s.so.1", "libstdc++.so.6", "ld-linux-x86-64.so.2"];
        assert!(name.starts_with("libkea-") || system.contains(&name), "the library needs {name}");
    }
}

#[test]
fn right_parameters_are_taken() {
    let rows = [
        (json!({}), true),
        (json!({ "claim-stock-names": "auto" }), true),
        (json!({ "claim-stock-names": "never" }), false),
        (json!({ "comment": "ours", "user-context": { "ticket": 7 }, "claim-stock-names": "never" }), false),
    ];
    for (parameters, claims) in rows {
        let builder = Kea::without_network("parameters").unwrap();
        let config = config(&builder.dir().join("hosts4.db"));
        let mut kea = builder.config(config).host_cmds(parameters.clone()).unwrap().start().unwrap();
        let expected = if claims { 3 } else { 2 };
        assert_eq!(kea.command("reservation-get", &key(1)).unwrap().result, expected, "{parameters}");
        assert_eq!(kea.command("ext-reservation-get", &key(1)).unwrap().result, 3, "{parameters}");
        assert!(kea.terminate().unwrap().success(), "{}", kea.tail());
    }
}

#[test]
fn wrong_parameters_are_named() {
    let rows = [
        (
            json!({ "claim": "auto" }),
            "unknown parameter 'claim'; known are: claim-stock-names, persist-subnets",
        ),
        (json!({ "claim-stock-names": "always" }), "must be \"auto\" or \"never\", not \"always\""),
        (json!({ "persist-subnets": "yes" }), "'persist-subnets' must be true or false, not \"yes\""),
        (
            json!({ "max-resolve-identifiers": 0 }),
            "'max-resolve-identifiers' must be a number from 1 to 1000000, not 0",
        ),
        (json!({ "event-log-size": -1 }), "'event-log-size' must be a number from 0 to 1000000, not -1"),
        (
            json!({ "event-leases": "mine" }),
            "'event-leases' must be \"reserved\", \"all\" or \"none\", not \"mine\"",
        ),
        (json!({ "claim-stock-names": true }), "must be \"auto\" or \"never\", not true"),
    ];
    for (parameters, text) in rows {
        let builder = Kea::without_network("parameters").unwrap();
        let config = config(&builder.dir().join("hosts4.db"));
        let log = builder.config(config).host_cmds(parameters).unwrap().expect_start_failure().unwrap();
        assert!(log.contains("HOST_CMDS_RS_LOAD_FAILED") && log.contains(text), "{text} is not in:\n{log}");
    }
}

#[test]
fn panics_and_exceptions_stay_inside() {
    let lab = Lab::new("faults").unwrap();
    let store = lab.dir().join("hosts4.db");
    let kea = Kea::on(&lab).unwrap().config(config(&store)).host_cmds(Value::Null).unwrap().start().unwrap();
    kea.ask("ext-reservation-add", &reservation(1)).unwrap();
    let device = lab.device("phone", &mac(1)).unwrap();
    let pid = kea.pid().unwrap();

    for _ in 0..20 {
        let panicked = kea.command("ext-test-panic", &Value::Null).unwrap();
        expect_error(&panicked, &["internal error", "on purpose"]);
        let thrown = kea.command("ext-test-throw", &json!({ "standard": true })).unwrap();
        expect_error(&thrown, &["thrown on purpose"]);
        let foreign = kea.command("ext-test-throw", &json!({ "standard": false })).unwrap();
        expect_error(&foreign, &["exception of unknown type"]);
    }
    assert!(kea.log().contains("HOST_CMDS_RS_INTERNAL_ERROR"), "{}", kea.tail());
    assert_eq!(kea.pid().unwrap(), pid);
    assert_eq!(device.dhcp().unwrap().address.to_string(), support::address(1));
    expect(&kea.command("ext-reservation-get", &key(1)).unwrap(), 0, "Host found.");
}

#[test]
fn wrong_parameters_do_not_stop_a_running_server() {
    let lab = Lab::new("params").unwrap();
    let store = lab.dir().join("hosts4.db");
    let builder = Kea::on(&lab).unwrap().config(config(&store));
    let mut kea = builder.host_cmds(Value::Null).unwrap().start().unwrap();
    kea.ask("ext-reservation-add", &reservation(1)).unwrap();
    let device = lab.device("phone", &mac(1)).unwrap();
    let good = kea.hooks_mut().clone();

    let mut wrong = good.clone();
    wrong[0]["parameters"] = json!({ "claim": "auto" });
    let mut list = good.clone();
    list[0]["parameters"] = json!([]);
    let twice = [good.clone(), good.clone()].concat();
    for (hooks, text) in [
        (wrong, "unknown parameter 'claim'"),
        (list, "'parameters' must be a map"),
        (twice, "has registered the host backend"),
    ] {
        *kea.hooks_mut() = hooks;
        expect_error(&kea.config_set(&config(&store)).unwrap(), &[text]);
        assert_eq!(device.dhcp().unwrap().address.to_string(), support::address(1), "{}", kea.tail());
        expect(&kea.command("ext-reservation-get", &key(1)).unwrap(), 0, "Host found.");
    }
    *kea.hooks_mut() = good;
    kea.config_set(&config(&store)).unwrap().success().unwrap();
    expect(&kea.command("ext-reservation-add", &reservation(2)).unwrap(), 0, "Host added.");
}
