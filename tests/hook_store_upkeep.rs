//! `ext-store-backup` and `ext-store-compact` in a server that goes on.

mod support;

use std::fs;
use std::path::Path;

use kea_lab::{Kea, Lab, Reply};
use serde_json::{Value, json};
use support::{
    address, all_reservations, command_server, config, config_without_store, expect, expect_error, key, mac,
    reservation, upkeep_ended,
};

fn backup(kea: &Kea, path: &Path) -> Reply {
    kea.command("ext-store-backup", &json!({ "path": path })).unwrap()
}

/// The subnets of the running configuration, in full.
fn subnets(kea: &Kea) -> Value {
    kea.ask("config-get", &Value::Null).unwrap()["Dhcp4"]["subnet4"].clone()
}

#[test]
fn a_server_with_the_backup_serves_the_same() {
    let lab = Lab::new("backup").unwrap();
    let keep = json!({ "persist-subnets": true });
    let store = lab.dir().join("hosts4.db");
    let builder = Kea::on(&lab).unwrap().config(config(&store));
    let mut kea = builder.host_cmds(keep.clone()).unwrap().start().unwrap();
    for index in 0..50 {
        let mut arguments = reservation(index);
        arguments["reservation"]["option-data"] =
            json!([{ "name": "domain-name-servers", "data": "192.0.2.53" }]);
        arguments["reservation"]["user-context"] = json!({ "site": "Zoë", "number": index });
        kea.ask("ext-reservation-add", &arguments).unwrap();
    }
    let subnet = json!({ "subnet4": [{ "id": 5, "subnet": "10.88.5.0/24" }] });
    kea.ask("ext-subnet4-add", &subnet).unwrap();

    let path = lab.dir().join("backup4.db");
    let text = format!("Backup to '{}' begun. Its end is told by ext-status and in the log.", path.display());
    expect(&backup(&kea, &path), 0, &text);
    let upkeep = upkeep_ended(&kea);
    assert_eq!(upkeep["state"], "done", "{upkeep}");
    assert_eq!(
        (&upkeep["task"], &upkeep["copied"], &upkeep["reservations"]),
        (&json!("backup"), &json!(50), &json!(50))
    );
    assert_eq!(upkeep["path"], json!(path));
    assert!(upkeep["disk-bytes"].as_u64().unwrap() > 0, "{upkeep}");
    assert!(kea.log().contains("HOST_CMDS_RS_STORE_UPKEEP_DONE"), "{}", kea.tail());
    let (reservations, all_subnets) = (all_reservations(&kea), subnets(&kea));
    // Later than the backup.
    kea.ask("ext-reservation-add", &reservation(60)).unwrap();
    kea.terminate().unwrap();

    let restored = Kea::on(&lab).unwrap().name("restored").config(config(&path));
    let restored = restored.host_cmds(keep).unwrap().start().unwrap();
    assert_eq!(all_reservations(&restored), reservations);
    assert_eq!(subnets(&restored), all_subnets);
    let lease = lab.device("phone", &mac(7)).unwrap().dhcp().unwrap();
    assert_eq!(lease.address.to_string(), address(7));
    expect(&restored.command("ext-reservation-add", &reservation(61)).unwrap(), 0, "Host added.");
}

#[test]
fn a_compacted_store_is_smaller_and_loses_nothing() {
    let lab = Lab::new("compaction").unwrap();
    let store = lab.dir().join("hosts4.db");
    let builder = Kea::on(&lab).unwrap().config(config(&store));
    let mut kea = builder.host_cmds(Value::Null).unwrap().start().unwrap();
    for index in 0..600 {
        let mut arguments = reservation(index);
        arguments["reservation"]["user-context"] = json!({ "ballast": "x".repeat(2_000) });
        kea.ask("ext-reservation-add", &arguments).unwrap();
    }
    for index in 100..600 {
        kea.ask("ext-reservation-del", &key(index)).unwrap();
    }
    let device = lab.device("phone", &mac(7)).unwrap();

    let begun = kea.command("ext-store-compact", &Value::Null).unwrap();
    expect(&begun, 0, "Compaction begun. Its end is told by ext-status and in the log.");
    // While it goes on, or just after.
    kea.ask("ext-reservation-add", &reservation(900)).unwrap();
    assert_eq!(device.dhcp().unwrap().address.to_string(), address(7));
    let upkeep = upkeep_ended(&kea);
    assert_eq!((&upkeep["task"], &upkeep["state"]), (&json!("compaction"), &json!("done")), "{upkeep}");
    assert!(upkeep["disk-bytes"].as_u64() < upkeep["disk-bytes-before"].as_u64(), "{upkeep}");
    assert!(!lab.dir().join("hosts4.db.new").exists());
    kea.ask("ext-reservation-add", &reservation(901)).unwrap();

    let reservations = all_reservations(&kea);
    assert_eq!(reservations.len(), 102);
    kea.kill9().unwrap();
    kea.restart().unwrap();
    assert_eq!(all_reservations(&kea), reservations);
    assert_eq!(device.dhcp().unwrap().address.to_string(), address(7));
}

#[test]
fn what_cannot_be_written_is_refused_with_the_way_out() {
    let kea = command_server("refusals");
    let here = |name: &str| kea.dir().join(name);
    fs::write(here("taken.db"), "precious").unwrap();
    fs::write(here("way.db.new"), "precious").unwrap();
    for (path, parts) in [
        (Path::new("backup.db").into(), ["is not an absolute path", "from '/' on"]),
        (here("no/backup.db"), ["does not exist", "create it for the user"]),
        (here("taken.db"), ["exists already", "name a new file"]),
        (here("hosts4.db"), ["exists already", "name a new file"]),
        (here("hosts4.db.new"), ["the reservation store itself needs", "another file"]),
        (here("way.db"), ["way.db.new' is in the way", "move that file away"]),
    ] {
        expect_error(&backup(&kea, &path), &parts);
        let upkeep = upkeep_ended(&kea);
        assert_eq!(upkeep["state"], "failed", "{upkeep}");
        assert!(upkeep["problem"].as_str().unwrap().contains(parts[0]), "{upkeep}");
    }
    assert!(kea.log().contains("HOST_CMDS_RS_STORE_UPKEEP_FAILED"), "{}", kea.tail());
    assert_eq!(fs::read_to_string(here("taken.db")).unwrap(), "precious");
    assert_eq!(fs::read_to_string(here("way.db.new")).unwrap(), "precious");
    expect_error(&kea.command("ext-store-backup", &json!({})).unwrap(), &["missing parameter 'path'"]);
    expect_error(
        &kea.command("ext-store-backup", &json!({ "path": 5 })).unwrap(),
        &["invalid type specified for parameter 'path'"],
    );
    expect_error(&kea.command("ext-store-backup", &Value::Null).unwrap(), &["Parameters missing"]);
    kea.ask("ext-reservation-add", &reservation(1)).unwrap();

    let without = Kea::without_network("storeless").unwrap().config(config_without_store());
    let without = without.host_cmds(Value::Null).unwrap().start().unwrap();
    for (command, arguments) in
        [("ext-store-backup", json!({ "path": here("backup.db") })), ("ext-store-compact", Value::Null)]
    {
        expect_error(&without.command(command, &arguments).unwrap(), &["no embedded host store is open"]);
    }
}
