//! `kea-operator export` and `import`, with stores of a real Kea.

mod support;

use std::env;
use std::ffi::OsStr;
use std::fs::{self, File};
use std::io::{Read, Seek};
use std::path::Path;
use std::process::{Command, Stdio};

use kea_lab::{Kea, Lab, Workdir, operator_path};
use serde_json::{Value, json};
use support::{SUBNET_ID, all_reservations, config, key, reservation};

/// Runs `kea-operator` in a folder. Returns whether it succeeded, and all that it said, in that order.
fn operator<I: AsRef<OsStr>>(folder: &Path, arguments: impl IntoIterator<Item = I>) -> (bool, String) {
    let mut command = Command::new(operator_path().unwrap());
    for (name, _) in env::vars_os().filter(|(name, _)| name.as_encoded_bytes().starts_with(b"KEA_")) {
        command.env_remove(name);
    }
    let mut said =
        File::options().read(true).write(true).create(true).truncate(true).open(folder.join("said")).unwrap();
    command.args(arguments).current_dir(folder).stdin(Stdio::null());
    command.stdout(said.try_clone().unwrap()).stderr(said.try_clone().unwrap());
    let succeeded = command.status().unwrap().success();
    let mut text = String::new();
    said.rewind().unwrap();
    said.read_to_string(&mut text).unwrap();
    (succeeded, text)
}

fn succeed(folder: &Path, arguments: &[&str]) -> String {
    let (succeeded, said) = operator(folder, arguments);
    assert!(succeeded, "{arguments:?}: {said}");
    said
}

const DHCPD: &str = r#"
group {
  option domain-name-servers 192.0.2.53, 192.0.2.54;
  host phone { hardware ethernet 02:77:00:00:00:01; fixed-address 10.77.160.1; option host-name "phone"; }
  host scanner {
    option dhcp-client-identifier "port 7"; fixed-address 10.77.160.2;
    next-server 192.0.2.9; filename "boot";
  }
}
"#;

#[test]
fn hosts_of_dhcpd_are_served_and_exported_again() {
    let lab = Lab::new("transfer").unwrap();
    let (folder, store) = (lab.dir(), lab.dir().join("hosts4.db"));
    fs::write(folder.join("dhcpd.conf"), DHCPD).unwrap();
    fs::write(folder.join("kea.conf.json"), json!({ "Dhcp4": config(&store) }).to_string()).unwrap();
    let import = ["import", "--store", "hosts4.db", "--kea-config", "kea.conf.json"];
    let said = succeed(folder, &[&import[..], &["--create", "dhcpd.conf"]].concat());
    assert!(said.starts_with("hosts4.db: 2 added, "), "{said}");

    let start = |name: &str, store: &Path| {
        Kea::on(&lab)
            .unwrap()
            .name(name)
            .config(config(store))
            .host_cmds(Value::Null)
            .unwrap()
            .start()
            .unwrap()
    };
    let mut kea = start("first", &store);
    let found = kea.ask("ext-reservation-get", &key(1)).unwrap();
    assert_eq!((&found["ip-address"], &found["hostname"]), (&json!("10.77.160.1"), &json!("phone")));
    let by_client =
        json!({ "subnet-id": SUBNET_ID, "identifier-type": "client-id", "identifier": "'port 7'" });
    let found = kea.ask("ext-reservation-get", &by_client).unwrap();
    assert_eq!((&found["next-server"], &found["boot-file-name"]), (&json!("192.0.2.9"), &json!("boot")));
    let lease = lab.device("phone", "02:77:00:00:00:01").unwrap().dhcp().unwrap();
    assert_eq!(lease.address.to_string(), "10.77.160.1");
    assert_eq!(lease.dns.iter().map(ToString::to_string).collect::<Vec<_>>(), ["192.0.2.53", "192.0.2.54"]);

    // Written by the hook, with Kea's notion of options and of text.
    let mut arguments = reservation(60);
    arguments["reservation"]["option-data"] =
        json!([{ "name": "routers", "data": "10.77.0.1", "always-send": true }]);
    arguments["reservation"]["user-context"] = json!({ "ext-owner": "me", "site": "Zoë", "number": 1 });
    kea.ask("ext-reservation-add", &arguments).unwrap();

    // The server goes on.
    succeed(folder, &["export", "--store", "hosts4.db", "--output", "first.json"]);
    succeed(folder, &["export", "--store", "hosts4.db", "--format", "csv", "-o", "first.csv"]);
    let said = succeed(folder, &[&import[..], &["--dry-run", "first.json"]].concat());
    assert!(
        said.starts_with("hosts4.db: 0 added, 0 updated, 0 adopted, 3 unchanged, 0 refused (dry run"),
        "{said}"
    );
    let (succeeded, said) = operator(folder, [&import[..], &["first.json"]].concat());
    assert!(!succeeded && said.contains("is in use") && said.contains("ext-reservation-apply"), "{said}");
    let mut served = all_reservations(&kea);
    kea.terminate().unwrap();
    let said = succeed(folder, &[&import[..], &["first.json"]].concat());
    assert!(said.contains("3 unchanged"), "{said}");

    for (file, store) in [("first.json", "from-json.db"), ("first.csv", "from-csv.db")] {
        succeed(folder, &["import", "--store", store, "--create", file]);
        succeed(folder, &["export", "--store", store, "--output", "second.json"]);
        assert_eq!(lines(&folder.join("second.json")), lines(&folder.join("first.json")), "{file}");
        let kea = start(store, &folder.join(store));
        let mut again = all_reservations(&kea);
        for list in [&mut served, &mut again] {
            list.sort_by_key(ToString::to_string);
        }
        assert_eq!(again, served);
    }
}

/// Kea's own printer would make something of them that is no JSON.
#[test]
fn whatever_is_in_a_user_context_comes_back() {
    let lab = Lab::new("transfer-context").unwrap();
    let (folder, store) = (lab.dir(), lab.dir().join("hosts4.db"));
    let kea = Kea::on(&lab).unwrap().config(config(&store)).host_cmds(Value::Null).unwrap().start().unwrap();
    for (device, context) in [
        (1, json!({ "a": "before" })),
        (2, json!({ "C:\\dir": 1, "a \"Zoë\"": { "\n\t\u{1}": "\u{7f}" } })),
        (3, json!({ "Zoë": [1e9, 100_000.0, 10_000.0, 0.1, 1.5e-7, -0.0, 9_007_199_254_740_993.0, 1] })),
    ] {
        let mut arguments = reservation(device);
        arguments["reservation"]["user-context"] = context;
        kea.ask("ext-reservation-add", &arguments).unwrap();
    }
    for format in ["json", "csv"] {
        let (file, copy) = (format!("first.{format}"), format!("{format}.db"));
        succeed(folder, &["export", "--store", "hosts4.db", "--format", format, "-o", &file]);
        // Byte by byte what the hook has written.
        let said = succeed(folder, &["import", "--store", "hosts4.db", "--dry-run", &file]);
        assert!(said.contains(" 0 updated, 0 adopted, 3 unchanged, 0 refused"), "{said}");
        succeed(folder, &["import", "--store", &copy, "--create", &file]);
        succeed(folder, &["export", "--store", &copy, "--output", "second.json"]);
        assert_eq!(lines(&folder.join("second.json")), lines(&folder.join("first.json")), "{format}");
    }
}

/// Of several owners, one after the other is imported.
fn lines(path: &Path) -> Vec<String> {
    let text = fs::read_to_string(path).unwrap();
    let mut lines: Vec<_> = text.lines().map(|line| line.trim_end_matches(',').to_owned()).collect();
    lines.sort();
    lines
}

#[test]
fn nothing_is_half_done() {
    let folder = Workdir::new("transfer-refusals").unwrap();
    let folder = folder.path();
    let file = r#"{ "kea-reservations": 1, "reservations": [
        { "family": 4, "subnet-id": 1, "hw-address": "02:01", "ip-address": "10.0.0.1" },
        { "family": 4, "subnet-id": 1, "hw-address": "02:02", "ip-address": "10.0.0.1" } ] }"#;
    fs::write(folder.join("two.json"), file).unwrap();
    let import = ["import", "--store", "hosts.db", "two.json"];
    let refused = |arguments: &[&str], text: &str| {
        let (succeeded, said) = operator(folder, arguments);
        assert!(!succeeded && said.contains(text), "{arguments:?}: {said}");
    };
    refused(&import, "there is no store 'hosts.db'");
    refused(&[&import[..], &["--create"]].concat(), "two.json:3:9: failed to add new host");
    assert!(!folder.join("hosts.db").exists());
    refused(
        &[&import[..], &["--create", "--dry-run"]].concat(),
        "1 problem, so that nothing would be stored",
    );
    assert!(!folder.join("hosts.db").exists());
    refused(&[&import[..], &["--create", "--keep-going"]].concat(), "1 problem, the rest is stored");
    let export = ["export", "--store", "hosts.db"];
    assert_eq!(succeed(folder, &export).matches("hw-address").count(), 1);
    refused(&[&export[..], &["--output", "hosts.db"]].concat(), "is the store itself");
    refused(&["export", "--store", "none.db"], "cannot read the store 'none.db'");
    assert_eq!(succeed(folder, &export).matches("hw-address").count(), 1);
}

#[test]
fn examples_of_the_document_run() {
    let folder = Workdir::new("transfer-docs").unwrap();
    let folder = folder.path();
    let document = Path::new(env!("CARGO_MANIFEST_DIR")).join("docs/transfer.md");
    let document = fs::read_to_string(document).unwrap();
    let mut commands = 0;
    let mut before = "";
    for (position, part) in document.split("```").enumerate() {
        if position % 2 == 0 {
            before = part.trim_end().lines().last().unwrap_or_default();
            continue;
        }
        let (language, block) = part.split_once('\n').unwrap();
        if let Some(name) = before.strip_prefix('`').and_then(|name| name.strip_suffix("`:")) {
            fs::write(folder.join(name), block).unwrap();
        }
        for example in block.split("$ kea-operator ").skip(1).filter(|_| language == "console") {
            let (command, shown) = example.split_once('\n').unwrap();
            let (_, said) = operator(folder, command.split(' '));
            assert_eq!(said, shown, "{command}");
            commands += 1;
        }
    }
    assert!(commands >= 6, "only {commands} examples found");
}
