//! docs/hook.md: its examples run, and its lists are complete.

mod support;

use std::fs;
use std::path::Path;

use kea_lab::Kea;
use serde_json::{Value, json};
use support::command_server;

fn document() -> String {
    fs::read_to_string(Path::new(env!("CARGO_MANIFEST_DIR")).join("docs/hook.md")).unwrap()
}

/// The JSON blocks of the document that are whole values.
fn examples(document: &str) -> Vec<Value> {
    let blocks = document.split("```json\n").skip(1).map(|rest| rest.split("```").next().unwrap());
    blocks.filter_map(|block| serde_json::from_str(block).ok()).collect()
}

/// What comes under this heading is for kea-dhcp6, the rest for kea-dhcp4.
const V6_HEADING: &str = "### Commands in kea-dhcp6\n";

#[test]
fn examples_do_what_they_show() {
    let document = document();
    let (before, rest) = document.split_once(V6_HEADING).unwrap();
    let (of_v6, after) = rest.split_once("\n### ").unwrap();
    let builder = Kea::without_network("docs4").unwrap();
    let store = builder.dir().join("hosts4.db");
    let builder = builder.config(support::config(&store)).lease_cmds().unwrap();
    let kea4 = builder.host_cmds(Value::Null).unwrap().start().unwrap();
    let shown4 = run(&kea4, &[examples(before), examples(after)].concat());
    assert!(shown4 >= 20, "only {shown4} examples for kea-dhcp4 found");

    let builder = Kea::without_network("docs6").unwrap().dhcp6();
    let config = json!({
        "subnet6": [{ "id": 1, "subnet": "2001:db8:77::/64" }],
        "hosts-databases": [{ "type": "memfile", "name": builder.dir().join("hosts6.db") }],
    });
    let kea6 = builder.config(config).host_cmds(Value::Null).unwrap().start().unwrap();
    let shown6 = run(&kea6, &examples(of_v6));
    assert!(shown6 >= 5, "only {shown6} examples for kea-dhcp6 found");
}

/// Sends the requests, and compares with the replies that are shown. Returns how many requests there were.
fn run(kea: &Kea, examples: &[Value]) -> usize {
    let mut requests = 0;
    // Files that the document names go into the folder of this server.
    let here = |example: &Value| -> Value {
        let folder = kea.dir().to_str().unwrap();
        serde_json::from_str(&example.to_string().replace("/var/lib/kea/backups", folder)).unwrap()
    };
    let examples: Vec<Value> = examples.iter().map(here).collect();
    for (position, request) in examples.iter().enumerate() {
        let Some(command) = request["command"].as_str() else { continue };
        requests += 1;
        if command == "ext-status" {
            // The document shows it while there is a reservation.
            kea.ask("ext-reservation-add", &support::reservation(1)).unwrap();
        }
        if command == "ext-lease-resolve" {
            // The document shows it while a client has a lease.
            let lease = json!({
                "ip-address": "10.77.150.11", "hw-address": "02:77:00:00:00:11", "subnet-id": 1,
                "hostname": "node-1", "valid-lft": 3600, "expire": 4_102_444_800_u32,
            });
            kea.ask("lease4-add", &lease).unwrap();
        }
        let reply = kea.command(command, &request["arguments"]).unwrap();
        assert!(matches!(reply.result, 0 | 3), "{request}: {}", reply.raw);
        if command.starts_with("ext-store-") {
            support::upkeep_ended(kea);
        }
        let Some(shown) = examples.get(position + 1).filter(|next| next.get("result").is_some()) else {
            continue;
        };
        assert_eq!(
            (&shown["result"], &shown["text"]),
            (&reply.raw["result"], &reply.raw["text"]),
            "{request}"
        );
        let (mut shown, mut found) = (shown["arguments"].clone(), reply.arguments);
        for arguments in [&mut shown, &mut found] {
            for pointer in [
                "/kea-version",
                "/stores/0/path",
                "/stores/0/file-bytes",
                "/stores/0/disk-bytes",
                "/stores/0/last-commit-microseconds",
                "/epoch",
                "/head",
                "/events/0/time",
                "/events/epoch",
                "/events/head",
                "/stores/0/commits",
            ] {
                if let Some(member) = arguments.pointer_mut(pointer) {
                    *member = Value::Null;
                }
            }
        }
        assert_eq!(shown, found, "{request}");
    }
    requests
}

#[test]
fn every_command_and_message_is_documented() {
    let document = document();
    let kea = command_server("lists");
    let commands = kea.ask("list-commands", &Value::Null).unwrap();
    let ours: Vec<&str> = commands.as_array().unwrap().iter().filter_map(Value::as_str).collect();
    for command in ours.iter().filter(|name| name.starts_with("ext-") && !name.starts_with("ext-test-")) {
        assert!(document.contains(&format!("### {command}\n")), "{command} is not in docs/hook.md");
    }
    let messages = fs::read_to_string(Path::new(env!("CARGO_MANIFEST_DIR")).join("ffi/cpp/log.cc")).unwrap();
    let ids = messages.lines().filter_map(|line| line.strip_prefix("    \"HOST_CMDS_RS_")?.split('"').next());
    let ids: Vec<_> = ids.collect();
    assert!(ids.len() > 5);
    for id in ids {
        assert!(
            document.contains(&format!("`HOST_CMDS_RS_{id}`")),
            "HOST_CMDS_RS_{id} is not in docs/hook.md"
        );
    }
}
