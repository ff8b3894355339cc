//! The operator under load, on a real API server and two real Keas, while a Kea or the API server fails.

mod support;

#[path = "support/exact.rs"]
mod exact;
#[path = "support/operator.rs"]
mod operator;
#[path = "support/world.rs"]
mod world;

use std::cell::Cell;

use kea_lab::apiserver::ApiServer;
use kea_lab::wait_for;
use operator::{PATIENCE, wait_for_log};
use world::{NAMESPACE, World, in_the_middle, storm};

/// Objects that come and go.
const OBJECTS: usize = 160;
/// A server that hangs is given up soon.
const IMPATIENT: [&str; 2] = ["--kea-timeout-seconds", "2"];

/// What all objects say.
fn told(api: &ApiServer) -> String {
    let messages =
        ["-n", NAMESPACE, "get", "networkconfigurations", "-o", "jsonpath={.items[*].status.message}"];
    api.kubectl(&messages).unwrap()
}

fn kea_fails_in_the_middle_of_writes(dialect: &str) {
    let mut world = World::new(&format!("fault{dialect}"), 2, 2 * OBJECTS);
    let operator = world.start("a", &[&IMPATIENT[..], &["--kea-dialect", dialect]].concat());
    world.under_load(OBJECTS, |api, servers| {
        for killed in [0, 1] {
            in_the_middle(&servers[killed]);
            servers[killed].kill9().unwrap();
            in_the_middle(&servers[1 - killed]);
            servers[killed].restart().unwrap();
        }
        for hangs in [1, 0] {
            in_the_middle(&servers[hangs]);
            servers[hangs].running().unwrap().freeze().unwrap();
            in_the_middle(&servers[1 - hangs]);
            servers[hangs].running().unwrap().thaw().unwrap();
        }
        in_the_middle(&servers[0]);
        for server in servers.iter_mut() {
            server.kill9().unwrap();
        }
        wait_for("an object that tells so", PATIENCE, || {
            told(api).contains("cannot reach Kea").then_some(())
        })
        .unwrap_or_else(|error| panic!("{error:#}\n{}", operator.tail()));
        servers.iter_mut().for_each(|server| server.restart().unwrap());
        in_the_middle(&servers[0]);
    });
    world.expect_exactly(&operator);
}

#[test]
fn kea_is_killed_and_hangs_in_the_middle_of_bulk_writes() {
    kea_fails_in_the_middle_of_writes("ext");
}

#[test]
fn kea_is_killed_and_hangs_in_the_middle_of_single_writes() {
    kea_fails_in_the_middle_of_writes("stock");
}

#[test]
fn the_api_server_hangs_in_the_middle_of_writes() {
    let mut world = World::new("faultapi", 2, 2 * OBJECTS);
    let operator = world.start("a", &[]);
    world.under_load(OBJECTS, |api, servers| {
        in_the_middle(&servers[0]);
        api.freeze().unwrap();
        wait_for_log(&operator, "cannot write the status");
        api.thaw().unwrap();
        in_the_middle(&servers[0]);
    });
    world.expect_exactly(&operator);
}

#[test]
fn a_watch_expires_in_the_middle_of_writes() {
    let mut world = World::new("faultold", 2, 2 * OBJECTS);
    let operator = world.start("a", &["--log-level", "info,kea_operator=debug"]);
    world.under_load(OBJECTS, |_, servers| {
        in_the_middle(&servers[0]);
        operator.freeze().unwrap();
    });
    // What it missed: an API server that starts remembers nothing that was before.
    world.api.restart().unwrap();
    let wishes = storm(&world.api, OBJECTS, {
        let waves = Cell::new(0);
        move || waves.replace(waves.get() + 1) == 12
    });
    world.wishes.extend(wishes);
    world.api.restart().unwrap();
    operator.thaw().unwrap();
    wait_for_log(&operator, "too old resource version");
    world.expect_exactly(&operator);
}
