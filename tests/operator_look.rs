//! `plan`, `diff`, `explain`, `orphans` and `adopt`, with a real Kea and the objects of a folder.

mod support;

#[path = "support/operator.rs"]
mod operator;

use std::fs;
use std::path::PathBuf;

use kea_lab::{Database, Kea, KeaInstallation, SqlKind};
use operator::{Said, network_configuration, network_namespace, run};
use serde_json::{Value, json};
use support::site::with;
use support::{PREFIX, SUBNET_ID, config, config_without_store, expect, key, mac, reservation};

const OBJECT: &str = "default/vm1";
const LEASED: &str = "10.77.100.3";

/// A server, and a folder that wishes for the device of client number 1.
struct Place {
    kea: Kea,
    folder: PathBuf,
}

/// One with our hook, and one with Kea's own alone where Kea has them.
fn places() -> Vec<Place> {
    let has_stock = KeaInstallation::find().unwrap().hook("libdhcp_host_cmds.so").exists();
    [Some(ours()), has_stock.then(stock)].into_iter().flatten().map(Place::new).collect()
}

fn ours() -> Kea {
    let builder = Kea::without_network("look").unwrap();
    let config = config(&builder.dir().join("hosts4.db"));
    builder.config(config).lease_cmds().unwrap().host_cmds(Value::Null).unwrap().start().unwrap()
}

fn stock() -> Kea {
    let database = Database::new(SqlKind::PostgreSql).unwrap();
    let builder = Kea::without_network("look").unwrap().config(config_without_store());
    let builder = builder.lease_cmds().unwrap().stock_hook("libdhcp_host_cmds.so", Value::Null).unwrap();
    builder.hosts_database(&database).unwrap().start().unwrap()
}

impl Place {
    fn new(kea: Kea) -> Self {
        let folder = kea.dir().join("objects");
        fs::create_dir(&folder).unwrap();
        let place = Self { kea, folder };
        place.write("lab", &network_namespace("default", PREFIX));
        place.write("vm1", &network_configuration("default", "vm1", &[&mac(1)]));
        place
    }

    fn write(&self, name: &str, object: &Value) {
        fs::write(self.folder.join(format!("{name}.json")), object.to_string()).unwrap();
    }

    fn lease(&self) {
        let lease = json!({ "subnet-id": SUBNET_ID, "ip-address": LEASED, "hw-address": mac(1) });
        self.kea.ask("lease4-add", &lease).unwrap();
    }

    /// Makes a reservation by hand.
    fn reserve(&self, reservation: &Value) {
        let added = self.kea.command("reservation-add", &json!({ "reservation": reservation })).unwrap();
        expect(&added, 0, "Host added.");
    }

    fn run(&self, arguments: &[&str]) -> Said {
        let (source, url) = (
            format!("dir:{}", self.folder.display()),
            format!("unix:{}", self.kea.socket().path().display()),
        );
        let was_there = self.folder.join("status").exists();
        let said = run(&[arguments, &["--source", &source, "--kea-url", &url]].concat(), &[]);
        // What is marked as the operator's needs the folder's identity; nothing else is ever written.
        let written = fs::read_dir(self.folder.join("status")).into_iter().flatten();
        let written: Vec<_> = written.map(|entry| entry.unwrap().file_name()).collect();
        assert!(written.iter().all(|name| name == "cluster-id"), "{arguments:?}: {written:?}");
        assert!(was_there || written.is_empty() || arguments.contains(&"adopt"), "{arguments:?}");
        said
    }

    fn succeed(&self, arguments: &[&str]) -> String {
        let said = self.run(arguments);
        assert_eq!(said.code, 0, "{arguments:?}: {said:?}\n{}", self.kea.tail());
        said.out
    }

    fn held(&self) -> Vec<Value> {
        let all = self.kea.command("reservation-get-all", &json!({ "subnet-id": SUBNET_ID })).unwrap();
        all.arguments["hosts"].as_array().cloned().unwrap_or_default()
    }

    /// Sends what `plan` prints.
    fn carry_out(&self) {
        self.carry_out_with(&[]);
    }

    fn carry_out_with(&self, more: &[&str]) {
        let planned = self.succeed(&[&["plan", "-o", "json"], more].concat());
        let planned: Value = serde_json::from_str(&planned).unwrap();
        for planned in planned.as_array().unwrap() {
            let command = planned["request"]["command"].as_str().unwrap();
            self.kea.ask(command, &planned["request"]["arguments"]).unwrap();
        }
    }
}

#[test]
fn a_plan_is_what_is_to_be_sent_and_sends_nothing() {
    for place in places() {
        assert_eq!(place.succeed(&["plan"]), "");
        assert_eq!(place.run(&["diff"]).code, 0);
        place.lease();
        let held = place.held();
        let shown = place.succeed(&["plan", OBJECT]);
        let (head, line) = shown.split_once('\n').unwrap();
        assert!(head.starts_with("# default/vm1 on unix:"), "{shown}");
        let request: Value = serde_json::from_str(line.trim()).unwrap();
        assert!(request.to_string().contains(LEASED), "{request}");

        let said = place.run(&["diff"]);
        assert_eq!(said.code, 1, "{said:?}");
        let expected = format!("+ {LEASED} for {} in subnet {SUBNET_ID} on unix:", mac(1));
        assert!(said.out.contains(&expected), "{}", said.out);
        assert_eq!(place.held(), held);

        place.carry_out();
        let held = place.held();
        assert_eq!((held.len(), &held[0]["ip-address"]), (1, &json!(LEASED)));
        assert_eq!(held[0]["user-context"]["kea-operator"]["uid"], json!(OBJECT));
        assert_eq!(place.succeed(&["diff", "-o", "json"]).trim(), "[]");
        assert_eq!(place.run(&["plan", "default/nobody"]).code, 1);
    }
}

#[test]
fn everything_about_an_object_is_on_one_page() {
    for mut place in places() {
        place.lease();
        for subject in [OBJECT, &mac(1).replace(':', "-").to_uppercase(), LEASED] {
            let page = place.succeed(&["explain", subject]);
            for part in [
                "NetworkConfiguration default/vm1",
                &format!("lab, {PREFIX}"),
                &format!("eth0, {}", mac(1)),
                &format!("{LEASED} in subnet {SUBNET_ID}, valid"),
                "reservation  none",
                &format!("+ {LEASED}"),
            ] {
                assert!(page.contains(part), "{subject}: '{part}' is not in\n{page}");
            }
        }
        place.carry_out();
        let page = place.succeed(&["explain", LEASED]);
        for part in
            ["owned by NetworkConfiguration default/vm1 of kea-operator/dir", "nothing: no reservation"]
        {
            assert!(page.contains(part), "'{part}' is not in\n{page}");
        }
        let mut others = network_configuration("default", "vm3", &[&mac(3)]);
        others["spec"]["provider"] = json!("other");
        place.write("vm3", &others);
        let page = place.succeed(&["explain", "vm3"]);
        assert!(page.contains("not served  spec.provider is \"other\""), "{page}");

        let other = place.succeed(&["explain", &mac(9)]);
        assert!(other.starts_with("No NetworkConfiguration wishes for it."), "{other}");

        fs::write(place.folder.join("broken.yaml"), "kind: [").unwrap();
        assert!(place.run(&["diff"]).err.contains("broken.yaml cannot be read as YAML"));

        place.kea.kill9().unwrap();
        for command in ["plan", "diff"] {
            let said = place.run(&[command]);
            assert_eq!(said.code, 1, "{said:?}");
            assert!(format!("{}{}", said.out, said.err).contains("cannot reach Kea"), "{said:?}");
        }
        let page = place.succeed(&["explain", OBJECT]);
        assert!(page.contains("KeaUnreachable") && page.contains("cannot reach Kea"), "{page}");
    }
}

#[test]
fn orphans_are_listed_and_removed_and_nothing_else() {
    for place in places() {
        place.lease();
        place.reserve(&reservation(2)["reservation"]);
        place.carry_out();
        assert_eq!(place.succeed(&["orphans"]), "none\n");
        fs::remove_file(place.folder.join("vm1.json")).unwrap();
        let listed = place.succeed(&["orphans"]);
        for part in [&mac(1), LEASED, OBJECT, "its object is gone"] {
            assert!(listed.contains(part), "'{part}' is not in\n{listed}");
        }
        assert!(!listed.contains(&mac(2)), "{listed}");

        let said = place.run(&["orphans", "--remove", "--force"]);
        assert_eq!(said.code, 1);
        assert!(said.err.contains("give --yes"), "{}", said.err);
        assert_eq!(place.held().len(), 2);
        // No object is left.
        let refused = place.run(&["orphans", "--remove", "--yes"]);
        assert!(refused.code != 0 && refused.err.contains("--force"), "{refused:?}");
        place.succeed(&["orphans", "--remove", "--yes", "--force"]);
        let left = place.held();
        assert_eq!((left.len(), &left[0]["hw-address"]), (1, &json!(mac(2))));
        assert_eq!(place.succeed(&["orphans", "-o", "json"]).trim(), "[]");
    }
}

#[test]
fn what_was_made_by_hand_is_taken_over_when_that_is_asked_for() {
    for place in places() {
        place.write("vm2", &network_configuration("default", "vm2", &[&mac(2)]));
        place.lease();
        place.reserve(&json!({ "subnet-id": SUBNET_ID, "hw-address": mac(1), "ip-address": LEASED }));
        // It has a hostname: somebody has an interest in it.
        place.reserve(&reservation(2)["reservation"]);
        let held = place.held();
        let listed = place.succeed(&["adopt"]);
        assert!(listed.contains(&mac(1)) && !listed.contains(&mac(2)), "{listed}");
        assert_eq!(place.held(), held);

        place.succeed(&["adopt", "--yes"]);
        let owner =
            |index: usize| place.kea.ask("reservation-get", &key(index)).unwrap()["user-context"].clone();
        assert_eq!(owner(1)["kea-operator"]["uid"], json!(OBJECT));
        assert!(owner(2).get("kea-operator").is_none());
        assert_eq!(place.succeed(&["adopt"]), "none\n");
    }
}

#[test]
fn a_device_that_waits_for_its_address_is_shown() {
    for place in places() {
        let policy = ["--kea-address-policy", "mac-only"];
        let said = place.run(&[&["diff"], &policy[..]].concat());
        assert!(said.out.contains(&format!("for {} in subnet", mac(1))), "{said:?}");
        place.carry_out_with(&policy);
        let page = place.succeed(&[&["explain", "vm1"], &policy[..]].concat());
        for part in [
            "no address yet in subnet",
            "owned by NetworkConfiguration default/vm1",
            "nothing: no reservation",
        ] {
            assert!(page.contains(part), "'{part}' is not in\n{page}");
        }
    }
}

/// Servers of which each keeps its own reservations.
#[test]
fn every_server_is_planned_for_and_looked_at() {
    let (place, second) = (Place::new(ours()), ours());
    let url = format!("unix:{}", second.socket().path().display());
    let both = |arguments: &[&str]| place.run(&[arguments, &["--kea-secondary-urls", &url]].concat());
    place.lease();
    let said = both(&["diff"]);
    let expected = |kea: &Kea| {
        format!("+ {LEASED} for {} in subnet {SUBNET_ID} on unix:{}", mac(1), kea.socket().path().display())
    };
    for kea in [&place.kea, &second] {
        assert!(said.out.contains(&expected(kea)), "{said:?}");
    }
    place.carry_out();
    let said = both(&["diff"]);
    assert!(!said.out.contains(&expected(&place.kea)) && said.out.contains(&expected(&second)), "{said:?}");
    fs::remove_file(place.folder.join("vm1.json")).unwrap();
    assert!(both(&["orphans"]).out.contains(LEASED));
    assert_eq!(both(&["orphans", "--remove", "--yes", "--force"]).code, 0);
    assert!(place.held().is_empty());

    let other = json!({ "subnet4": [{ "id": 2, "subnet": PREFIX }] });
    second.config_set(&with(config(&second.dir().join("hosts4.db")), &other)).unwrap().success().unwrap();
    let said = both(&["doctor"]);
    assert_eq!(said.code, 2);
    let differ = format!("only there {SUBNET_ID} ({PREFIX}), only here 2 ({PREFIX})");
    assert!(said.out.contains(&differ), "{}", said.out);
    let said = both(&["doctor", "--server", second.socket().path().to_str().unwrap()]);
    assert!(!said.out.contains(place.kea.socket().path().to_str().unwrap()), "{}", said.out);
}
