//! kea-dhcp6 in the lab, without a network.

#![allow(clippy::unwrap_used, reason = "tests say what they expect by unwrapping")]

use std::fs;

use kea_lab::{ControlAgent, Family, Kea, KeaInstallation};
use serde_json::{Value, json};

fn subnet() -> Value {
    json!({ "subnet6": [{ "id": 7, "subnet": "2001:db8:77::/64" }] })
}

fn lease() -> Value {
    json!({ "subnet-id": 7, "ip-address": "2001:db8:77::5", "duid": "00:03:00:01:02:00:00:00:0a:01", "iaid": 1 })
}

#[test]
fn a_server_keeps_its_leases_and_its_identifier_over_a_crash() {
    let mut kea =
        Kea::without_network("six").unwrap().dhcp6().config(subnet()).lease_cmds().unwrap().start().unwrap();
    assert_eq!(kea.family(), Family::V6);
    kea.ask("lease6-add", &lease()).unwrap();
    let identifier = kea.ask("config-get", &Value::Null).unwrap()["Dhcp6"]["server-id"].clone();

    kea.kill9().unwrap();
    kea.restart().unwrap();
    assert_eq!(kea.leases6().unwrap()[0]["ip-address"], "2001:db8:77::5");
    assert_eq!(kea.ask("config-get", &Value::Null).unwrap()["Dhcp6"]["server-id"], identifier);
    assert!(fs::read_to_string(kea.lease_file()).unwrap().contains("2001:db8:77::5"));
    assert!(kea.terminate().unwrap().success(), "{}", kea.tail());
}

#[test]
fn a_server_takes_new_configurations() {
    let mut kea = Kea::without_network("six").unwrap().dhcp6().lease_cmds().unwrap().start().unwrap();
    kea.config_set(&subnet()).unwrap().success().unwrap();
    assert_eq!(kea.ask("config-get", &Value::Null).unwrap()["Dhcp6"]["subnet6"][0]["id"], 7);
    kea.reload().unwrap().success().unwrap();
    assert_eq!(kea.ask("config-get", &Value::Null).unwrap()["Dhcp6"]["subnet6"], json!([]));

    kea.hooks_mut().clear();
    kea.write_config(&subnet()).unwrap();
    kea.reload().unwrap().success().unwrap();
    assert_eq!(kea.command("lease6-get-all", &Value::Null).unwrap().result, 2);
}

#[test]
fn a_server_that_cannot_start_says_why() {
    let config = json!({ "subnet6": [{ "id": 1, "subnet": "nonsense" }] });
    let broken = Kea::without_network("broken").unwrap().dhcp6().config(config);
    let log = broken.expect_start_failure().unwrap();
    assert!(log.contains("DHCP6_INIT_FAIL"), "{log}");

    let sound = Kea::without_network("sound").unwrap().dhcp6();
    let error = sound.expect_start_failure().unwrap_err().to_string();
    assert!(error.contains("came up"), "{error}");
}

#[test]
fn an_agent_forwards_commands_to_either_daemon() {
    for family in Family::ALL {
        let kea = Kea::without_network("agent").unwrap().family(family).start().unwrap();
        let agent = ControlAgent::for_server(&kea).unwrap();
        let pid = agent.command("status-get", &Value::Null).unwrap().success().unwrap()["pid"].clone();
        assert_eq!(pid, kea.pid().unwrap(), "{family}");
    }
}

#[test]
fn hooks_that_come_with_kea_load_by_their_name() {
    const STOCK: &str = "libdhcp_host_cmds.so";
    let there = KeaInstallation::find().unwrap().hook(STOCK).exists();
    for family in Family::ALL {
        let builder = Kea::without_network("stock").unwrap().family(family).stock_hook(STOCK, Value::Null);
        match builder {
            Ok(builder) => {
                let kea = builder.start().unwrap();
                let commands = kea.ask("list-commands", &Value::Null).unwrap();
                assert!(commands.as_array().unwrap().contains(&json!("reservation-add")), "{commands}");
                assert!(there);
            }
            Err(error) => {
                assert!(error.to_string().contains(STOCK), "{error:#}");
                assert!(!there);
            }
        }
    }
}
