//! The operator under load, on a real API server and real Keas, while the operator itself fails: it is killed, stopped, has
//! another beside it, or a clock that jumps.

mod support;

#[path = "support/exact.rs"]
mod exact;
#[path = "support/operator.rs"]
mod operator;
#[path = "support/world.rs"]
mod world;

use std::collections::HashSet;

use kea_lab::{Clock, wait_for};
use operator::{PATIENCE, wait_for_log};
use serde_json::Value;
use support::mac;
use world::{Fate, NAMESPACE, World, all_reservations, apply, delete, in_the_middle, lease, name, object};

/// Objects that come and go.
const OBJECTS: usize = 160;
const ELECT: [&str; 3] = ["--leader-elect", "--leader-election-namespace", NAMESPACE];
const LEADS: &str = "this process leads";

#[test]
fn the_leader_is_stopped_and_the_next_is_killed_in_the_middle_of_writes() {
    let mut world = World::new("faultlead", 2, 2 * OBJECTS);
    let mut first = world.start("first", &ELECT);
    wait_for_log(&first, LEADS);
    let second = world.start("second", &ELECT);
    let third = world.start("third", &ELECT);
    let mut last = None;
    world.under_load(OBJECTS, |_, servers| {
        in_the_middle(&servers[0]);
        first.freeze().unwrap();
        let leads = || [&second, &third].iter().position(|operator| operator.log().contains(LEADS));
        let next = wait_for("the next leader", PATIENCE, leads).unwrap();
        in_the_middle(&servers[0]);
        // It believes to lead, and finds out before it writes.
        first.thaw().unwrap();
        assert_eq!(first.wait(PATIENCE).unwrap().code(), Some(1), "{}", first.tail());
        let (mut next, waits) = if next == 0 { (second, third) } else { (third, second) };
        in_the_middle(&servers[0]);
        next.kill().unwrap();
        wait_for_log(&waits, LEADS);
        in_the_middle(&servers[0]);
        last = Some(waits);
    });
    world.expect_exactly(&last.unwrap());
}

/// Those of the objects that the first server has a reservation for.
fn reserved(world: &World, wave: &[usize]) -> Vec<usize> {
    let there: HashSet<String> = all_reservations(&world.servers[0])
        .iter()
        .map(|host| host["hw-address"].as_str().unwrap_or_default().to_owned())
        .collect();
    let has = |number: &usize| there.contains(&mac(2 * number)) || there.contains(&mac(2 * number + 1));
    wave.iter().copied().filter(has).collect()
}

/// How many objects have reservations in Kea that their status does not tell of.
fn untold(world: &World, wave: &[usize]) -> usize {
    let list = world.api.kubectl(&["-n", NAMESPACE, "get", "networkconfigurations", "-o", "json"]).unwrap();
    let list: Value = serde_json::from_str(&list).unwrap();
    let told = |number: usize| {
        let mut objects = list["items"].as_array().unwrap().iter();
        let object = objects.find(|object| object["metadata"]["name"] == name(number));
        object.is_some_and(|object| object["status"].to_string().contains(&mac(2 * number)))
    };
    reserved(world, wave).into_iter().filter(|number| !told(*number)).count()
}

#[test]
fn a_killed_operator_has_reserved_what_it_has_told_nobody_of() {
    const WAVE: usize = 60;
    const ROUNDS: usize = 5;
    let mut world = World::new("faultkill", 2, 2 * WAVE * ROUNDS);
    let mut between = 0;
    for round in 0..ROUNDS {
        let wave: Vec<usize> = (round * WAVE..(round + 1) * WAVE).collect();
        apply(&world.api, wave.iter().map(|number| object(&name(*number), &[2 * number, 2 * number + 1])));
        let mut operator = world.start(&format!("round{round}"), &[]);
        // Sooner and later, in what one command does and in what several do.
        let some = 1 + round * WAVE / ROUNDS;
        wait_for("reservations", PATIENCE, || (reserved(&world, &wave).len() >= some).then_some(()))
            .unwrap_or_else(|error| panic!("{error:#}\n{}", operator.tail()));
        operator.kill().unwrap();
        between += untold(&world, &wave);
        // Nobody looks while two thirds give a device up, and half of them go after that.
        let smaller = wave.iter().filter(|number| **number % 3 != 2);
        apply(&world.api, smaller.map(|number| object(&name(*number), &[2 * number + 1])));
        let gone: Vec<String> = wave.iter().copied().filter(|number| number % 3 == 0).map(name).collect();
        delete(&world.api, &gone);
        let changed = wave.iter().copied().filter(|number| number % 3 == 1);
        world.wishes.extend(changed.map(|number| (name(number), Fate::Reserved(vec![2 * number + 1]))));
        let stay = wave.iter().copied().filter(|number| number % 3 == 2);
        world
            .wishes
            .extend(stay.map(|number| (name(number), Fate::Reserved(vec![2 * number, 2 * number + 1]))));
    }
    assert!(between > 0, "it was never killed between its write to Kea and that to the cluster");
    let operator = world.start("last", &[]);
    world.expect_exactly(&operator);
}

#[test]
fn a_clock_that_jumps_changes_neither_the_leader_nor_what_is_leased() {
    const EXPIRED: usize = 7000;
    let mut world = World::new("faultclock", 2, 2 * OBJECTS);
    let clock = Clock::new(world.servers[0].dir()).unwrap();
    let mut command = world.operator(&ELECT);
    clock.give_to(&mut command);
    let mut first = world.launch("first", &command);
    wait_for_log(&first, LEADS);
    let second = world.start("second", &ELECT);
    wait_for_log(&second, "holds the lease");
    world.servers.iter().for_each(|server| lease(server, EXPIRED, 1));
    world.under_load(OBJECTS, |api, servers| {
        in_the_middle(&servers[0]);
        // Back to a time at which the lease of this device was valid, and on to one at which none is. (The certificate of
        // the API server begins an hour before its start.)
        for offset in ["-50m", "+20d", "-50m"] {
            clock.set(offset).unwrap();
            in_the_middle(&servers[0]);
        }
        apply(api, [object("expired", &[EXPIRED])]);
        clock.set("+20d").unwrap();
        in_the_middle(&servers[0]);
    });
    world.wishes.insert("expired".into(), Fate::Waiting(EXPIRED));
    world.expect_exactly(&first);
    first.expect_running().unwrap();
    assert!(!second.log().contains(LEADS), "{}", second.tail());
}
