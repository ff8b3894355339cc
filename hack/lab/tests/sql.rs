//! SQL servers in the lab, and Kea with its reservations in them.

#![allow(clippy::unwrap_used, reason = "tests say what they expect by unwrapping")]

use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::PathBuf;
use std::process::Command;
use std::time::Duration;

use kea_lab::{Database, Family, Kea, KeaInstallation, Process, SqlKind, SqlServer, try_wait_for, wait_for};
use serde_json::{Value, json};

const SOON: Duration = Duration::from_mins(1);
const HOST_CMDS: &str = "libdhcp_host_cmds.so";

fn subnet(family: Family) -> Value {
    match family {
        Family::V4 => json!({ "subnet4": [{ "id": 7, "subnet": "10.77.0.0/16" }] }),
        Family::V6 => json!({ "subnet6": [{ "id": 7, "subnet": "2001:db8:77::/64" }] }),
    }
}

fn reservation(family: Family) -> Value {
    match family {
        Family::V4 => json!({ "subnet-id": 7, "hw-address": "02:00:00:00:0a:01", "ip-address": "10.77.1.1" }),
        Family::V6 => json!({ "subnet-id": 7, "duid": "01:02:03:04", "ip-addresses": ["2001:db8:77::1"] }),
    }
}

#[test]
fn both_daemons_use_both_servers() {
    for kind in SqlKind::ALL {
        for family in Family::ALL {
            let database = Database::new(kind).unwrap();
            let builder = Kea::without_network("sql").unwrap().family(family).config(subnet(family));
            let kea = builder.hosts_database(&database).unwrap().start().unwrap();
            let config = kea.ask("config-get", &Value::Null).unwrap();
            assert_eq!(config[family.root()]["hosts-databases"][0]["type"], kind.kea_type());
            assert!(kea.log().contains("hosts database"), "{kind}, {family}:\n{}", kea.log());
        }
    }
}

#[test]
fn one_daemon_uses_both_servers_and_others_of_its_configuration() {
    let [first, second, third] =
        [SqlKind::PostgreSql, SqlKind::MariaDb, SqlKind::PostgreSql].map(|kind| Database::new(kind).unwrap());
    let mut config = subnet(Family::V4);
    config["hosts-databases"] = json!([third.entry()]);
    let builder = Kea::without_network("sql").unwrap().config(config);
    let builder = builder.hosts_database(&first).unwrap().hosts_database(&second).unwrap();
    let kea = builder.start().unwrap();
    let config = kea.ask("config-get", &Value::Null).unwrap();
    let names = [third, first, second].map(|database| database.entry()["name"].clone());
    for (number, name) in names.into_iter().enumerate() {
        assert_eq!(config["Dhcp4"]["hosts-databases"][number]["name"], name);
    }
}

/// Only Kea 3.0 has commands of its own for it.
#[test]
fn reservations_outlive_a_restart() {
    if !KeaInstallation::find().unwrap().hook(HOST_CMDS).exists() {
        return;
    }
    for kind in SqlKind::ALL {
        for family in Family::ALL {
            let database = Database::new(kind).unwrap();
            let builder = Kea::without_network("sql").unwrap().family(family).config(subnet(family));
            let builder =
                builder.stock_hook(HOST_CMDS, Value::Null).unwrap().hosts_database(&database).unwrap();
            let mut kea = builder.start().unwrap();
            let reservation = reservation(family);
            kea.ask("reservation-add", &json!({ "reservation": reservation })).unwrap();
            assert_eq!(database.query("SELECT count(*) FROM hosts").unwrap(), "1\n");

            kea.restart().unwrap();
            let all = kea.ask("reservation-get-all", &json!({ "subnet-id": 7 })).unwrap();
            let found = &all["hosts"][0];
            for name in ["ip-address", "ip-addresses", "hw-address", "duid"] {
                assert_eq!(found[name], reservation[name], "{kind}, {family}: {found}");
            }
        }
    }
}

#[test]
fn databases_of_one_server_are_apart() {
    for kind in SqlKind::ALL {
        let [left, right] = [(); 2].map(|()| Database::new(kind).unwrap());
        assert_ne!(left.entry()["name"], right.entry()["name"]);
        left.query("DELETE FROM host_identifier_type").unwrap();
        let types = "SELECT count(*) FROM host_identifier_type";
        assert_eq!(left.query(types).unwrap(), "0\n");
        assert_eq!(right.query(types).unwrap(), "5\n");
        let error = format!("{:#}", left.query("SELECT nonsense").unwrap_err());
        assert!(error.contains("nonsense"), "{error}");
    }
}

/// A process and its children, as folders of /proc.
fn family_of(pid: u32) -> Vec<PathBuf> {
    let parent = format!("\nPPid:\t{pid}\n");
    let all = fs::read_dir("/proc").unwrap().flatten().map(|entry| entry.path());
    let children = all
        .filter(|path| fs::read_to_string(path.join("status")).is_ok_and(|status| status.contains(&parent)));
    children.chain([PathBuf::from(format!("/proc/{pid}"))]).collect()
}

fn wait_until_gone(processes: &[PathBuf]) {
    wait_for(format!("the end of {processes:?}"), SOON, || {
        processes.iter().all(|process| !process.exists()).then_some(())
    })
    .unwrap();
}

#[test]
fn a_server_is_gone_with_the_last_that_uses_it() {
    for kind in SqlKind::ALL {
        let server = std::sync::Arc::new(SqlServer::start(kind).unwrap());
        let database = server.database().unwrap();
        let processes = family_of(server.process().pid());
        let socket = database.entry()["host"].clone();
        drop(server);
        assert_eq!(database.query("SELECT 1").unwrap(), "1\n");
        drop(database);
        wait_until_gone(&processes);
        assert!(!PathBuf::from(socket.as_str().unwrap()).exists());
    }
}

/// Run by the next test in a process of its own, which is killed in the middle.
#[test]
#[ignore = "a part of no_server_is_left_after_sigkill"]
fn victim() {
    let servers = SqlKind::ALL.map(|kind| SqlServer::start(kind).unwrap());
    println!("\nup {} {}", servers[0].process().pid(), servers[1].process().pid());
    std::thread::sleep(Duration::MAX);
}

#[test]
fn no_server_is_left_after_sigkill() {
    let scratch = tempfile::tempdir().unwrap();
    // The servers are not root, and the folder that the victim leaves is in here.
    fs::set_permissions(scratch.path(), fs::Permissions::from_mode(0o755)).unwrap();
    let log = scratch.path().join("victim.log");
    let mut command = Command::new(std::env::current_exe().unwrap());
    command.args(["--exact", "victim", "--ignored", "--nocapture"]).env("TMPDIR", scratch.path());
    let mut victim = Process::spawn("the victim", &command, &log).unwrap();
    let servers = try_wait_for("the victim to be up", SOON, || {
        victim.expect_running()?;
        let text = fs::read_to_string(&log)?;
        let line = text.lines().find_map(|line| line.strip_prefix("up "));
        Ok(line.map(|line| line.split(' ').map(|pid| pid.parse().unwrap()).collect::<Vec<u32>>()))
    })
    .unwrap();
    let processes: Vec<PathBuf> = servers.into_iter().flat_map(family_of).collect();
    assert!(processes.len() > 3, "PostgreSQL has children: {processes:?}");
    victim.kill().unwrap();
    wait_until_gone(&processes);
}
