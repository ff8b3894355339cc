//! The operator under load, on a real API server and a real Kea, while what is between the operator and Kea fails: pages of a
//! proxy, answers that are cut short, certificates and passwords that change.

mod support;

#[path = "support/certificates.rs"]
mod certificates;
#[path = "support/exact.rs"]
mod exact;
#[path = "support/operator.rs"]
mod operator;
#[path = "support/world.rs"]
mod world;

use std::fs;
use std::path::Path;
use std::process::Command;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use certificates::Certificates;
use kea_lab::proxy::Fate;
use kea_lab::{ControlAgent, Proxy, wait_for};
use operator::{PATIENCE, wait_for_log};
use serde_json::{Value, json};
use world::{World, in_the_middle};

/// Objects that come and go.
const OBJECTS: usize = 120;

/// An operator that reaches Kea at this address.
fn operator(world: &World, url: &str, more: &[&str]) -> Command {
    let arguments = [&["--source", "kube", "--kea-url", url][..], more].concat();
    operator::command(&arguments, &[("KUBECONFIG", world.api.kubeconfig())])
}

/// Commands that change reservations.
fn changes(command: &str) -> bool {
    let verbs = ["apply", "add", "del", "update"];
    verbs.iter().any(|verb| command.contains(&format!("reservation-{verb}\"")))
}

#[test]
fn pages_of_a_proxy_are_no_answers() {
    let mut world = World::new("faultpage", 1, 2 * OBJECTS);
    let agent = ControlAgent::for_server(&world.servers[0]).unwrap();
    let proxy = Proxy::before(agent.address()).unwrap();
    let operator = world.launch("a", &operator(&world, &proxy.url(), &[]));
    world.under_load(OBJECTS, |_, servers| {
        for (status, words) in [(200, "an HTML or XML page"), (502, "answered with HTTP status 502")] {
            in_the_middle(&servers[0]);
            proxy.rule(move |_| Fate::Page(status));
            wait_for_log(&operator, words);
            proxy.pass();
            // Only changes are answered so: what is read says that all is well.
            in_the_middle(&servers[0]);
            proxy.rule(move |command| if changes(command) { Fate::Page(status) } else { Fate::Pass });
            let told = || operator.log().matches(words).count();
            let before = told();
            wait_for("another such answer", PATIENCE, || (told() > before).then_some(()))
                .unwrap_or_else(|error| panic!("{error:#}\n{}", operator.tail()));
            proxy.pass();
        }
        in_the_middle(&servers[0]);
    });
    world.expect_exactly(&operator);
}

/// Cuts every third answer, and of changes every second, at another place each time: before its first byte, in its head, in its
/// body, one byte before its end.
fn cutting(cuts: Arc<AtomicUsize>) -> impl FnMut(&str) -> Fate + Send + 'static {
    const PLACES: [usize; 6] = [0, 10, 70, 100, 140, 1000];
    let mut number = 0;
    move |command| {
        number += 1;
        if number % (if changes(command) { 2 } else { 3 }) != 0 {
            return Fate::Pass;
        }
        let cut = if changes(command) { cuts.fetch_add(1, Ordering::Relaxed) } else { number };
        Fate::Cut(PLACES[cut % PLACES.len()])
    }
}

fn answers_are_cut_short(dialect: &str) {
    const CUTS: usize = 12;
    let mut world = World::new(&format!("faultcut{dialect}"), 1, 2 * OBJECTS);
    let agent = ControlAgent::for_server(&world.servers[0]).unwrap();
    let proxy = Proxy::before(agent.address()).unwrap();
    let operator = world.launch("a", &operator(&world, &proxy.url(), &["--kea-dialect", dialect]));
    let cuts = Arc::new(AtomicUsize::new(0));
    world.under_load(OBJECTS, |_, servers| {
        in_the_middle(&servers[0]);
        proxy.rule(cutting(cuts.clone()));
        // Kea has carried out each of these, and the operator has not learnt of it.
        wait_for("answers that are cut", 2 * PATIENCE, || {
            (cuts.load(Ordering::Relaxed) >= CUTS).then_some(())
        })
        .unwrap_or_else(|error| panic!("{error:#}\n{}", operator.tail()));
        proxy.pass();
        in_the_middle(&servers[0]);
    });
    world.expect_exactly(&operator);
}

#[test]
fn answers_to_bulk_writes_are_cut_short() {
    answers_are_cut_short("ext");
}

#[test]
fn answers_to_single_writes_are_cut_short() {
    answers_are_cut_short("stock");
}

/// Settings of a control agent that wants this password.
fn with_password(certificates: &Certificates, folder: &Path, password: &str) -> Value {
    let mut agent = certificates.for_agent(folder, false);
    let clients = json!([{ "user": "operator", "password": password }]);
    agent["authentication"] = json!({ "type": "basic", "realm": "kea", "clients": clients });
    agent
}

#[test]
fn certificates_and_then_a_password_change_in_the_middle_of_writes() {
    let mut world = World::new("faultcert", 1, 2 * OBJECTS);
    let dir = world.servers[0].dir().to_owned();
    let (old, new) = (Certificates::new(), Certificates::new());
    let (of_agent, of_operator) = (dir.join("agent"), dir.join("operator"));
    let agent =
        ControlAgent::with_config(&world.servers[0], &with_password(&old, &of_agent, "first")).unwrap();
    let address = agent.address();
    let [ca, ..] = old.for_client(&of_operator);
    let password = of_operator.join("password");
    fs::write(&password, "first").unwrap();
    let files = [("--kea-tls-ca-file", &ca), ("--kea-basic-auth-password-file", &password)];
    let files = files.iter().flat_map(|(flag, file)| [*flag, file.to_str().unwrap()]);
    let more: Vec<&str> = ["--kea-basic-auth-username", "operator"].into_iter().chain(files).collect();
    let operator = world.launch("a", &operator(&world, &format!("https://{address}"), &more));
    let mut last = None;
    world.under_load(OBJECTS, |_, servers| {
        // First the operator has the new ones, then Kea.
        in_the_middle(&servers[0]);
        drop(agent);
        new.for_client(&of_operator);
        let agent = ControlAgent::at(address, &servers[0], &with_password(&new, &of_agent, "first")).unwrap();
        in_the_middle(&servers[0]);
        drop(agent);
        let agent =
            ControlAgent::at(address, &servers[0], &with_password(&new, &of_agent, "second")).unwrap();
        wait_for_log(&operator, "does not accept the credentials");
        fs::write(&password, "second").unwrap();
        in_the_middle(&servers[0]);
        last = Some(agent);
    });
    world.expect_exactly(&operator);
    drop(last);
}
