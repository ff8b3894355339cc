//! Subnets that Kea lacks: made by the operator on every server, with one number, to last; or not made, and said why.

mod support;

#[path = "support/fleet.rs"]
mod fleet;
#[path = "support/operator.rs"]
mod operator;

use std::fs;

use fleet::{Hooks, Site};
use kea_lab::{Kea, wait_for};
use operator::PATIENCE;
use serde_json::{Value, json};
use support::PREFIX;

const CREATE: [&str; 2] = ["--kea-subnet-mode", "create"];

/// Servers with these subnets, and a network whose prefix is in none of them.
fn site(name: &str, hooks: Hooks, servers: usize, subnets: &Value, parameters: &Value) -> Site {
    let config = json!({ "subnet4": subnets });
    let server = |number| {
        let name = format!("{name}-{hooks:?}{number}").to_lowercase();
        hooks.start_with(&name, config.clone(), parameters.clone())
    };
    Site::over((0..servers).map(server).collect())
}

/// All subnets of a server, in full, but for reservations: those in the memory of a Kea with its own hooks are part of its
/// configuration, and are in its file if they came before it was written.
fn subnets(kea: &Kea) -> Vec<Value> {
    let config = kea.ask("config-get", &Value::Null).unwrap();
    let mut subnets = config["Dhcp4"]["subnet4"].as_array().unwrap().clone();
    for subnet in &mut subnets {
        subnet.as_object_mut().unwrap().remove("reservations");
    }
    subnets
}

/// Waits until every server has the subnet and nothing else, with the same number.
fn wait_for_subnet(site: &Site) -> Value {
    let found = wait_for("the subnet on every server", PATIENCE, || {
        let all: Vec<Vec<Value>> = site.servers.iter().map(subnets).collect();
        let first = all[0].first()?.clone();
        let same = |subnets: &Vec<Value>| match subnets.as_slice() {
            [only] => only["id"] == first["id"] && only["subnet"] == PREFIX,
            _ => false,
        };
        all.iter().all(same).then_some(first)
    });
    let found = found.unwrap_or_else(|error| panic!("{error:#}\n{}", site.log()));
    assert!(found["id"].as_u64().unwrap() > 0);
    found
}

fn wait_for_reason(site: &Site, kind: &str, reason: &str) -> String {
    site.wait_for_status("vm", |status| {
        let conditions = status["conditions"].as_array().cloned().unwrap_or_default();
        conditions.iter().any(|condition| condition["type"] == kind && condition["reason"] == reason)
    });
    site.condition("vm", kind)["message"].as_str().unwrap().to_owned()
}

#[test]
fn an_empty_kea_gets_the_subnet_on_every_server_and_a_restart_does_not_lose_it() {
    for hooks in Hooks::available() {
        let mut site = site("empty", hooks, 2, &json!([]), &Value::Null);
        site.wish("vm", &[1]);
        site.start_operator(&[&CREATE[..], &["--kea-subnet-dns", "10.9.9.9,10.9.9.8"]].concat());
        let made = wait_for_subnet(&site);
        let classes = json!(["biosclients", "ueficlients", "ipxeclients"]);
        let pool = &made["pools"][0];
        assert_eq!(pool["pool"], "10.77.0.4-10.77.255.254", "{made}");
        assert!(
            [&pool["require-client-classes"], &pool["evaluate-additional-classes"]].contains(&&classes),
            "{pool}"
        );
        let options: Vec<&Value> =
            made["option-data"].as_array().unwrap().iter().map(|option| &option["data"]).collect();
        assert_eq!(options, ["10.77.0.1", "10.9.9.9, 10.9.9.8"]);
        let context = &made["user-context"];
        assert!(context["ext-owner"].as_str().unwrap().starts_with("kea-operator/dir-"), "{context}");
        assert_eq!(context["kea-operator"], json!({"namespace": "demo", "name": "lab"}));

        site.subnet_id = u32::try_from(made["id"].as_u64().unwrap()).unwrap();
        site.lease(1);
        let status = site.wait_for_phase("vm", "Ready");
        assert_eq!(status["networkInterfaces"][0]["ipv4Gateway"], "10.77.0.1", "{status}");
        site.expect_on_all(&[1]);

        // It is in the file without anybody's doing.
        for server in &site.servers {
            wait_for("the subnet in the file", PATIENCE, || {
                fs::read_to_string(server.config_file()).unwrap().contains(PREFIX).then_some(())
            })
            .unwrap_or_else(|error| panic!("{error:#}\n{}", site.log()));
        }
        site.stop_operator();
        for server in &mut site.servers {
            server.kill9().unwrap();
            server.restart().unwrap();
            assert_eq!(subnets(server), std::slice::from_ref(&made));
        }
        site.start_operator(&CREATE);
        site.expect_on_all(&[1]);
    }
}

#[test]
fn a_hook_that_keeps_subnets_is_left_to_it() {
    let mut site = site("kept", Hooks::Ours, 1, &json!([]), &json!({ "persist-subnets": true }));
    let file = fs::read(site.servers[0].config_file()).unwrap();
    site.wish("vm", &[1]);
    site.start_operator(&CREATE);
    let made = wait_for_subnet(&site);
    // What is to be written is written before it stops.
    site.stop_operator();
    assert_eq!(fs::read(site.servers[0].config_file()).unwrap(), file);
    site.servers[0].kill9().unwrap();
    site.servers[0].restart().unwrap();
    assert_eq!(subnets(&site.servers[0])[0]["id"], made["id"]);
}

#[test]
fn a_subnet_that_was_lost_is_made_again_with_its_number() {
    for hooks in Hooks::available() {
        let mut site = site("lost", hooks, 2, &json!([]), &Value::Null);
        site.wish("vm", &[1]);
        site.start_operator(&[&CREATE[..], &["--kea-subnet-persist", "none"]].concat());
        let made = wait_for_subnet(&site);
        site.subnet_id = u32::try_from(made["id"].as_u64().unwrap()).unwrap();
        site.lease(1);
        site.wait_for_phase("vm", "Ready");
        site.servers[1].kill9().unwrap();
        site.servers[1].restart().unwrap();
        assert!(subnets(&site.servers[1]).is_empty());
        assert_eq!(wait_for_subnet(&site)["id"], made["id"]);
        site.expect_on_all(&[1]);
    }
}

#[test]
fn a_server_that_returns_with_another_number_is_told() {
    for hooks in Hooks::available() {
        let mut site = site("differs", hooks, 2, &json!([]), &Value::Null);
        site.servers[1].kill9().unwrap();
        site.wish("vm", &[1]);
        site.start_operator(&CREATE);
        let made = wait_for("the subnet", PATIENCE, || subnets(&site.servers[0]).first().cloned());
        let made = made.unwrap_or_else(|error| panic!("{error:#}\n{}", site.log()));
        let file = site.servers[1].config_file().to_owned();
        let mut config: Value = serde_json::from_slice(&fs::read(&file).unwrap()).unwrap();
        config["Dhcp4"]["subnet4"] = json!([{ "id": 7, "subnet": PREFIX }]);
        fs::write(&file, config.to_string()).unwrap();
        site.servers[1].restart().unwrap();
        let message = wait_for_reason(&site, "SubnetResolved", "NumbersDiffer");
        let each = format!("{} ({PREFIX}) on {}, 7 ({PREFIX}) on {}", made["id"], site.url(0), site.url(1));
        assert!(message.contains(&each), "{message}");
        // Each is served with its own.
        for (server, id) in [(0, &made["id"]), (1, &json!(7))] {
            let lease =
                json!({ "ip-address": fleet::address(1), "hw-address": fleet::mac(1), "subnet-id": id });
            site.servers[server].ask("lease4-add", &lease).unwrap();
        }
        site.wait_for_phase("vm", "Ready");
        for (server, id) in [(0, &made["id"]), (1, &json!(7))] {
            site.subnet_id = u32::try_from(id.as_u64().unwrap()).unwrap();
            site.expect_on(server, &[1]);
        }
    }
}

#[test]
fn what_would_overlap_is_not_made() {
    for hooks in Hooks::available() {
        let there = json!([{ "id": 7, "subnet": "10.77.9.0/24" }]);
        let mut site = site("overlap", hooks, 2, &there, &Value::Null);
        site.wish("vm", &[1]);
        site.start_operator(&CREATE);
        let message = wait_for_reason(&site, "SubnetResolved", "SubnetOverlaps");
        assert!(
            message.contains(&format!("overlaps Kea subnet 7 (10.77.9.0/24) of {}", site.url(0))),
            "{message}"
        );
        site.stop_operator();
        for server in &site.servers {
            assert_eq!(subnets(server).len(), 1);
        }
    }
}

#[test]
fn nothing_is_made_unless_it_is_asked_for() {
    let mut site = site("never", Hooks::Ours, 1, &json!([]), &Value::Null);
    site.wish("vm", &[1]);
    site.start_operator(&[]);
    wait_for_reason(&site, "SubnetResolved", "SubnetNotFound");
    site.stop_operator();
    assert!(subnets(&site.servers[0]).is_empty());
}

#[test]
fn a_file_that_cannot_be_written_is_told_and_holds_nothing_up() {
    let mut site = site("unwritten", Hooks::Ours, 1, &json!([]), &Value::Null);
    let file = site.servers[0].config_file().to_owned();
    fs::remove_file(&file).unwrap();
    fs::create_dir(&file).unwrap();
    site.wish("vm", &[1]);
    site.start_operator(&CREATE);
    let made = wait_for_subnet(&site);
    let message = wait_for_reason(&site, "SubnetResolved", "NotPersisted");
    assert!(message.contains("config-write"), "{message}");
    site.subnet_id = u32::try_from(made["id"].as_u64().unwrap()).unwrap();
    site.lease(1);
    site.wait_for_phase("vm", "Ready");
    site.expect_on_all(&[1]);
}

/// Only a Kea with its own hooks can be without such a command and be served all the same.
#[test]
fn a_kea_that_cannot_add_subnets_is_told_what_to_load() {
    if !Hooks::available().contains(&Hooks::Stock) {
        return;
    }
    let builder = Kea::without_network("unable").unwrap().config(json!({ "subnet4": [] }));
    let builder = builder.stock_hook("libdhcp_lease_cmds.so", Value::Null).unwrap();
    let kea = builder.stock_hook("libdhcp_host_cmds.so", Value::Null).unwrap().start().unwrap();
    let mut site = Site::over(vec![kea]);
    site.wish("vm", &[1]);
    site.start_operator(&CREATE);
    let message = wait_for_reason(&site, "SubnetResolved", "SubnetNotCreated");
    assert!(
        message.contains("does not support subnet4-add; load the hook libdhcp_host_cmds_rs.so"),
        "{message}"
    );
}
