//! The lab itself: real Kea, real DHCP clients, and nothing left behind.

#![allow(clippy::unwrap_used, reason = "tests say what they expect by unwrapping")]

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Duration;

use kea_lab::{ControlAgent, Kea, Lab, Process, try_wait_for, wait_for};
use serde_json::{Value, json};

const SOON: Duration = Duration::from_secs(30);
const MAC: &str = "02:00:00:00:0a:01";

/// A subnet with a pool of three addresses.
fn subnet() -> Value {
    json!({
        "subnet4": [{
            "id": 1,
            "subnet": "10.77.0.0/16",
            "pools": [{ "pool": "10.77.1.1 - 10.77.1.3" }],
            "option-data": [
                { "name": "routers", "data": "10.77.0.1" },
                { "name": "domain-name-servers", "data": "10.77.0.2, 10.77.0.3" },
                { "name": "domain-name", "data": "lab.example" },
            ],
        }],
    })
}

fn server(lab: &Lab) -> Kea {
    Kea::on(lab).unwrap().config(subnet()).lease_cmds().unwrap().start().unwrap()
}

#[test]
fn a_device_gets_an_address_and_keeps_it_over_a_crash() {
    let lab = Lab::new("keep").unwrap();
    let mut kea = server(&lab);
    let device = lab.device("a-device-with-a-long-name", MAC).unwrap();

    let first = device.dhcp().unwrap();
    assert_eq!(first.address.octets()[..3], [10, 77, 1]);
    assert_eq!(first.subnet_mask, Some("255.255.0.0".parse().unwrap()));
    assert_eq!(first.server_id, Some(lab.interface().address));
    assert_eq!(first.lease_time, Some(3600));
    assert_eq!(first.routers, ["10.77.0.1".parse::<std::net::Ipv4Addr>().unwrap()]);
    assert_eq!(first.dns.len(), 2);
    assert_eq!(first.domain.as_deref(), Some("lab.example"));
    let card = device.namespace().ip(&["-4", "-oneline", "address", "show", "dev", "eth0"]).unwrap();
    assert!(card.contains(&format!("{}/16", first.address)), "{card}");

    assert_eq!(device.dhcp().unwrap().address, first.address, "the same device asks again");
    let lease = kea.ask("lease4-get-by-hw-address", &json!({ "hw-address": MAC })).unwrap();
    assert_eq!(lease["leases"][0]["ip-address"], first.address.to_string());

    let pid = kea.pid().unwrap();
    kea.kill9().unwrap();
    assert!(kea.pid().is_err());
    assert!(kea.command("version-get", &Value::Null).is_err());
    kea.restart().unwrap();
    assert_ne!(kea.pid().unwrap(), pid);
    assert_eq!(kea.lease4_by_mac(MAC).unwrap()[0]["ip-address"], first.address.to_string());
    assert_eq!(device.dhcp().unwrap().address, first.address);

    // A restart in order ends with success, and keeps the leases as well.
    assert!(kea.terminate().unwrap().success(), "{}", kea.tail());
    kea.restart().unwrap();
    assert_eq!(kea.leases4().unwrap().len(), 1);
}

#[test]
fn wiped_leases_stay_away_after_a_crash() {
    let lab = Lab::new("wipe").unwrap();
    let mut kea = server(&lab);
    for number in 1..=2 {
        lab.device(&format!("d{number}"), &format!("02:00:00:00:0b:{number:02x}")).unwrap().dhcp().unwrap();
    }
    assert_eq!(kea.leases4().unwrap().len(), 2);
    kea.wipe_leases4().unwrap();
    kea.wipe_leases4().unwrap();
    assert!(kea.leases4().unwrap().is_empty());
    kea.kill9().unwrap();
    kea.restart().unwrap();
    assert!(kea.leases4().unwrap().is_empty());
}

#[test]
fn clients_say_what_they_are_told_to_say() {
    let lab = Lab::new("client").unwrap();
    let kea = server(&lab);
    let device = lab.device("talker", MAC).unwrap();

    let wanted = "10.77.1.3".parse().unwrap();
    let lease = device.request().asking_for(wanted).hostname("talker-1").option("121").run().unwrap();
    assert_eq!(lease.address, wanted);
    let stored = kea.lease4_by_mac(MAC).unwrap();
    assert_eq!(stored[0]["hostname"], "talker-1");
    assert_eq!(stored[0]["client-id"], "01:02:00:00:00:0a:01");

    let renamed = device.request().client_id(&[0xff, 1, 2, 3]).run().unwrap();
    assert_ne!(renamed.address, wanted, "another client identifier is another client");
    let ids: Vec<_> = kea.leases4().unwrap().iter().map(|lease| lease["client-id"].clone()).collect();
    assert!(ids.contains(&json!("ff:01:02:03")), "{ids:?}");

    device.request().then_release().run().unwrap();
    wait_for("the released lease to go", SOON, || {
        (kea.leases4().unwrap().iter().filter(|lease| lease["state"] == 0).count() == 1).then_some(())
    })
    .unwrap();
}

#[test]
fn a_device_that_gets_nothing_says_why() {
    let lab = Lab::new("refuse").unwrap();
    let mut config = subnet();
    config["subnet4"][0]["pools"] = json!([]);
    let kea = Kea::on(&lab).unwrap().config(config).start().unwrap();
    let device = lab.device("unlucky", MAC).unwrap();

    assert_eq!(device.try_dhcp(1).unwrap(), None);
    let error = device.request().attempts(1).run().unwrap_err().to_string();
    assert!(error.contains("no lease"), "the client's words are missing: {error}");
    assert!(error.contains("DHCP4_STARTED"), "the server's words are missing: {error}");
    drop(kea);
}

#[test]
fn labs_with_the_same_addresses_do_not_meet() {
    let labs = ["left", "right"].map(|name| Lab::new(name).unwrap());
    let servers = labs.each_ref().map(server);
    let devices = labs.each_ref().map(|lab| lab.device("same", MAC).unwrap());
    for device in &devices {
        device.request().asking_for("10.77.1.2".parse().unwrap()).run().unwrap();
    }
    for kea in &servers {
        assert_eq!(kea.leases4().unwrap().len(), 1);
    }
}

#[test]
fn a_server_without_network_takes_commands_and_new_configurations() {
    let mut kea = Kea::without_network("commands").unwrap().lease_cmds().unwrap().start().unwrap();
    assert!(kea.leases4().unwrap().is_empty());
    assert_eq!(kea.command("subnet99-list", &Value::Null).unwrap().result, 2);
    assert_eq!(kea.command("config-get", &Value::Null).unwrap().arguments["Dhcp4"]["subnet4"], json!([]));
    let answer = kea.command_raw(b"nonsense").unwrap();
    assert!(String::from_utf8_lossy(&answer).contains("invalid first character"), "{answer:?}");

    kea.config_set(&subnet()).unwrap().success().unwrap();
    assert_eq!(kea.ask("config-get", &Value::Null).unwrap()["Dhcp4"]["subnet4"][0]["id"], 1);
    kea.reload().unwrap().success().unwrap();
    assert_eq!(kea.ask("config-get", &Value::Null).unwrap()["Dhcp4"]["subnet4"], json!([]));

    kea.hooks_mut().clear();
    kea.write_config(&json!({})).unwrap();
    kea.reload().unwrap().success().unwrap();
    assert_eq!(kea.command("lease4-get-all", &Value::Null).unwrap().result, 2);
}

#[test]
fn a_server_that_cannot_start_says_why() {
    let config = json!({ "subnet4": [{ "id": 1, "subnet": "nonsense" }] });
    let log = Kea::without_network("broken").unwrap().config(config.clone()).expect_start_failure().unwrap();
    assert!(log.contains("DHCP4_INIT_FAIL"), "{log}");

    let error = Kea::without_network("broken").unwrap().config(config).start().unwrap_err().to_string();
    assert!(error.contains("DHCP4_INIT_FAIL"), "{error}");

    let error = Kea::without_network("sound").unwrap().expect_start_failure().unwrap_err().to_string();
    assert!(error.contains("came up"), "{error}");
}

#[test]
fn an_agent_forwards_commands() {
    let kea = Kea::without_network("agent").unwrap().lease_cmds().unwrap().start().unwrap();
    let agent = ControlAgent::for_server(&kea).unwrap();
    assert_eq!(agent.command("lease4-get-all", &Value::Null).unwrap().result, 3);
    let pid = agent.command("status-get", &Value::Null).unwrap().success().unwrap()["pid"].clone();
    assert_eq!(pid, kea.pid().unwrap());
}

#[test]
fn a_frozen_server_answers_again_after_the_thaw() {
    let mut kea = Kea::without_network("frozen").unwrap().start().unwrap();
    kea.running().unwrap().freeze().unwrap();
    let socket = kea.socket().clone();
    let waiting = std::thread::spawn(move || socket.command("version-get", &Value::Null));
    let state = format!("/proc/{}/stat", kea.pid().unwrap());
    wait_for("the server to stand still", SOON, || {
        fs::read_to_string(&state).unwrap().contains(") T ").then_some(())
    })
    .unwrap();
    kea.running().unwrap().thaw().unwrap();
    assert_eq!(waiting.join().unwrap().unwrap().result, 0);
}

/// Namespaces (their numbers) that at least one process is in.
fn namespaces_in_use() -> BTreeSet<PathBuf> {
    processes().filter_map(|process| fs::read_link(process.join("ns/net")).ok()).collect()
}

/// Processes that mention `dir` on their command line.
fn processes_about(dir: &Path) -> Vec<String> {
    let dir = dir.to_str().unwrap();
    processes()
        .filter_map(|process| fs::read(process.join("cmdline")).ok())
        .map(|line| String::from_utf8_lossy(&line).replace('\0', " "))
        .filter(|line| line.contains(dir))
        .collect()
}

fn processes() -> impl Iterator<Item = PathBuf> {
    let all = fs::read_dir("/proc").unwrap().flatten().map(|entry| entry.path());
    all.filter(|path| path.file_name().unwrap().to_str().unwrap().parse::<u32>().is_ok())
}

#[test]
fn nothing_is_left_after_a_panic() {
    let (sender, receiver) = std::sync::mpsc::channel();
    let outcome = std::thread::spawn(move || {
        let lab = Lab::new("panic").unwrap();
        let kea = server(&lab);
        let device = lab.device("d", MAC).unwrap();
        device.dhcp().unwrap();
        let namespaces =
            [lab.server().path(), device.namespace().path()].map(|path| fs::read_link(path).unwrap());
        sender.send((lab.dir().to_owned(), namespaces, kea.pid().unwrap())).unwrap();
        panic!("as planned");
    })
    .join();
    assert!(outcome.is_err());
    let (dir, namespaces, pid) = receiver.recv().unwrap();
    let in_use = namespaces_in_use();
    assert!(namespaces.iter().all(|namespace| !in_use.contains(namespace)));
    assert!(!Path::new(&format!("/proc/{pid}")).exists());
    assert_eq!(processes_about(&dir), Vec::<String>::new());
    assert!(!dir.exists());
}

/// Run by the next test in a process of its own, which is killed in the middle.
#[test]
#[ignore = "a part of nothing_but_a_folder_is_left_after_sigkill"]
fn victim() {
    let lab = Lab::new("victim").unwrap();
    let kea = server(&lab);
    let device = lab.device("d", MAC).unwrap();
    device.dhcp().unwrap();
    println!("\nup {} {}", lab.dir().display(), kea.pid().unwrap());
    std::thread::sleep(Duration::MAX);
}

#[test]
fn nothing_but_a_folder_is_left_after_sigkill() {
    let scratch = tempfile::tempdir().unwrap();
    let log = scratch.path().join("victim.log");
    let mut command = Command::new(std::env::current_exe().unwrap());
    command.args(["--exact", "victim", "--ignored", "--nocapture"]).env("TMPDIR", scratch.path());
    let mut victim = Process::spawn("the victim", &command, &log).unwrap();
    let (dir, pid) = try_wait_for("the victim to be up", SOON * 2, || {
        victim.expect_running()?;
        let text = fs::read_to_string(&log)?;
        let line = text.lines().find_map(|line| line.strip_prefix("up "));
        let parts = line.and_then(|line| line.split_once(' '));
        Ok(parts.map(|(dir, pid)| (PathBuf::from(dir), pid.to_owned())))
    })
    .unwrap();
    let before = processes_about(&dir);
    assert!(before.iter().any(|line| line.contains("kea-dhcp4")), "{before:?}");
    let namespace = fs::read_link(format!("/proc/{pid}/ns/net")).unwrap();

    victim.kill().unwrap();
    wait_for("every process of the victim to die", SOON, || processes_about(&dir).is_empty().then_some(()))
        .unwrap();
    wait_for("its namespace to go", SOON, || (!namespaces_in_use().contains(&namespace)).then_some(()))
        .unwrap();
    assert!(dir.exists(), "nobody could remove it");
}
