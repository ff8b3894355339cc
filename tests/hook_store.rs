//! The embedded store under a real kea-dhcp4: it keeps what was acknowledged, and says clearly why it cannot.

mod support;

use std::collections::HashSet;
use std::fs;
use std::os::unix::fs::FileExt;
use std::path::Path;
use std::process::Command;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::thread;

use kea_lab::{Kea, Lab, Process, wait_for};
use serde_json::{Value, json};
use std::time::Duration;
use support::{
    address, all_reservations, command_server, config, expect, expect_error, key, mac, reservation,
};

#[test]
fn reservations_survive_every_kind_of_restart() {
    let lab = Lab::new("survival").unwrap();
    let store = lab.dir().join("hosts4.db");
    let mut kea =
        Kea::on(&lab).unwrap().config(config(&store)).host_cmds(Value::Null).unwrap().start().unwrap();
    let device = lab.device("phone", &mac(1)).unwrap();
    kea.ask("ext-reservation-add", &reservation(1)).unwrap();
    let check = |kea: &Kea, after: &str| {
        let found = all_reservations(kea);
        assert_eq!(found.len(), 1, "after {after}: {found:?}\n{}", kea.tail());
        assert_eq!(found[0]["ip-address"], address(1), "after {after}");
        let lease = device.dhcp().unwrap();
        assert_eq!(lease.address.to_string(), address(1), "after {after}");
        assert_eq!(lease.hostname.as_deref(), Some("host-1"), "after {after}");
    };

    check(&kea, "the start");
    kea.reload().unwrap().success().unwrap();
    check(&kea, "config-reload");
    kea.config_set(&config(&store)).unwrap().success().unwrap();
    check(&kea, "config-set");
    assert!(kea.terminate().unwrap().success(), "{}", kea.tail());
    kea.restart().unwrap();
    check(&kea, "SIGTERM");
    kea.kill9().unwrap();
    kea.restart().unwrap();
    check(&kea, "SIGKILL");

    expect(&kea.command("ext-reservation-del", &key(1)).unwrap(), 0, "Host deleted.");
    kea.kill9().unwrap();
    kea.restart().unwrap();
    assert!(all_reservations(&kea).is_empty());
}

#[test]
fn nothing_acknowledged_is_lost_when_kea_is_killed_in_the_middle() {
    const CLIENTS: usize = 4;
    const ADDS: usize = 2000;
    let mut kea = command_server("killed");
    // Clients beyond these are refused: their addresses are taken.
    for index in 0..50 {
        kea.ask("ext-reservation-add", &reservation(index)).unwrap();
    }

    for (round, kill_after) in [150, 700, 1600].into_iter().enumerate() {
        let base = 1000 + round * ADDS;
        let next = AtomicUsize::new(0);
        let acknowledged = AtomicUsize::new(0);
        let dead = AtomicBool::new(false);
        let socket = kea.socket().clone();
        let client = || {
            let mut added = Vec::new();
            let mut refused = Vec::new();
            while !dead.load(Ordering::Relaxed) {
                let index = next.fetch_add(1, Ordering::Relaxed);
                if index >= ADDS {
                    break;
                }
                let mut arguments = reservation(base + index);
                let taken = index % 10 == 9;
                arguments["reservation"]["ip-address"] =
                    if taken { json!(address(index % 50)) } else { json!(wide_address(base + index)) };
                let Ok(reply) = socket.command("ext-reservation-add", &arguments) else { break };
                match (reply.result, taken) {
                    (0, false) => added.push(base + index),
                    (1, true) => refused.push(base + index),
                    _ => panic!("unexpected reply: {}", reply.raw),
                }
                acknowledged.fetch_add(1, Ordering::Relaxed);
            }
            (added, refused)
        };
        let (added, refused) = thread::scope(|scope| {
            let clients: Vec<_> = (0..CLIENTS).map(|_| scope.spawn(client)).collect();
            wait_for("enough replies", Duration::from_secs(60), || {
                (acknowledged.load(Ordering::Relaxed) >= kill_after).then_some(())
            })
            .unwrap();
            kea.kill9().unwrap();
            dead.store(true, Ordering::Relaxed);
            let results: Vec<_> = clients.into_iter().map(|client| client.join().unwrap()).collect();
            let (added, refused): (Vec<_>, Vec<_>) = results.into_iter().unzip();
            (added.concat(), refused.concat())
        });
        assert!(next.load(Ordering::Relaxed) < ADDS, "Kea was killed too late to prove anything");
        assert!(added.len() + refused.len() >= kill_after);
        assert!(!refused.is_empty());

        kea.restart().unwrap();
        let found: HashSet<String> = all_reservations(&kea)
            .iter()
            .map(|host| host["hw-address"].as_str().unwrap().to_owned())
            .collect();
        let lost: Vec<_> = added.iter().filter(|index| !found.contains(&mac(**index))).collect();
        assert!(lost.is_empty(), "acknowledged, but gone: {lost:?}");
        let wrong: Vec<_> = refused.iter().filter(|index| found.contains(&mac(**index))).collect();
        assert!(wrong.is_empty(), "refused, but there: {wrong:?}");
    }
}

/// More addresses than [`address`] has, for thousands of clients.
fn wide_address(index: usize) -> String {
    format!("10.77.{}.{}", index / 250, 1 + index % 250)
}

/// A full small disk for the store; unmounted on drop.
struct SmallDisk(std::path::PathBuf);

impl SmallDisk {
    fn mount(path: &Path) -> Self {
        fs::create_dir_all(path).unwrap();
        let mount = ["-t", "tmpfs", "-o", "size=2m", "tmpfs", path.to_str().unwrap()];
        assert!(Command::new("mount").args(mount).status().unwrap().success());
        Self(path.into())
    }

    fn fill(&self) {
        let rest = vec![0_u8; 4 << 20];
        fs::File::create(self.0.join("rest"))
            .unwrap()
            .write_all_at(&rest, 0)
            .expect_err("the disk is too large");
    }

    fn free(&self) {
        fs::remove_file(self.0.join("rest")).unwrap();
    }
}

impl Drop for SmallDisk {
    fn drop(&mut self) {
        let unmounted = Command::new("umount").arg("--lazy").arg(&self.0).status();
        assert!(unmounted.is_ok_and(|status| status.success()) || thread::panicking());
    }
}

#[test]
fn a_full_disk_refuses_changes_and_nothing_else() {
    let lab = Lab::new("full").unwrap();
    let disk = SmallDisk::mount(&lab.dir().join("disk"));
    let store = disk.0.join("hosts4.db");
    let mut kea =
        Kea::on(&lab).unwrap().config(config(&store)).host_cmds(Value::Null).unwrap().start().unwrap();
    let device = lab.device("phone", &mac(0)).unwrap();
    kea.ask("ext-reservation-add", &reservation(0)).unwrap();

    disk.fill();
    // The file has room inside that was allocated before, so some changes still fit.
    let mut added = vec![0];
    let refused = (1..5000).find_map(|index| {
        let mut arguments = reservation(index);
        arguments["reservation"]["ip-address"] = json!(wide_address(40_000 - index));
        arguments["reservation"]["user-context"] = json!({ "ballast": "x".repeat(4000) });
        let reply = kea.command("ext-reservation-add", &arguments).unwrap();
        if reply.result == 0 {
            added.push(index);
            return None;
        }
        Some((index, reply))
    });
    let (index, reply) = refused.expect("the disk never filled up");
    expect_error(&reply, &["no space left", "make room", "nothing was changed"]);
    expect(&kea.command("ext-reservation-get", &key(index)).unwrap(), 3, "Host not found.");
    assert_eq!(all_reservations(&kea).len(), added.len());
    assert_eq!(device.dhcp().unwrap().address.to_string(), address(0));
    let status = kea.ask("ext-status", &Value::Null).unwrap();
    assert_eq!(status["stores"][0]["healthy"], false, "{status}");

    // With room again it works, without a restart; and the refused one is not there after a crash.
    disk.free();
    kea.ask("ext-reservation-add", &reservation(9000)).unwrap();
    kea.kill9().unwrap();
    kea.restart().unwrap();
    expect(&kea.command("ext-reservation-get", &key(index)).unwrap(), 3, "Host not found.");
    expect(&kea.command("ext-reservation-get", &key(9000)).unwrap(), 0, "Host found.");
    assert_eq!(all_reservations(&kea).len(), added.len() + 1);
    drop(kea);
}

/// Makes a store with one reservation, and returns the stopped server.
fn stopped_server_with_store(name: &str) -> Kea {
    let mut kea = command_server(name);
    kea.ask("ext-reservation-add", &reservation(1)).unwrap();
    assert!(kea.terminate().unwrap().success());
    kea
}

/// The text with which a server refuses to start on that store.
#[track_caller]
fn start_failure(store: &Path) -> String {
    let builder = Kea::without_network("refused").unwrap();
    let log = builder.config(config(store)).host_cmds(Value::Null).unwrap().expect_start_failure().unwrap();
    let line = log
        .lines()
        .find(|line| line.contains("DHCP4_PARSER_FAIL") || line.contains("DHCP4_CONFIG_LOAD_FAIL"));
    line.unwrap_or_else(|| panic!("no reason in:\n{log}")).to_owned()
}

#[track_caller]
fn assert_parts(text: &str, parts: &[&str]) {
    for part in parts {
        assert!(text.contains(part), "'{part}' is not in: {text}");
    }
}

#[test]
fn an_unusable_store_stops_the_start_with_the_way_out() {
    let kea = stopped_server_with_store("unusable");
    let good = kea.dir().join("hosts4.db");
    let dir = kea.dir();

    assert_parts(&start_failure(dir), &[dir.to_str().unwrap(), "director"]);

    let nowhere = dir.join("missing/hosts4.db");
    assert_parts(&start_failure(&nowhere), &[dir.join("missing").to_str().unwrap(), "create it"]);

    let text = dir.join("notes.txt");
    fs::write(&text, "not a store\n".repeat(1000)).unwrap();
    assert_parts(&start_failure(&text), &[text.to_str().unwrap(), "not"]);
    assert_eq!(fs::read_to_string(&text).unwrap(), "not a store\n".repeat(1000), "the file was touched");

    let damaged = dir.join("damaged.db");
    let mut bytes = fs::read(&good).unwrap();
    bytes.truncate(bytes.len() / 2);
    fs::write(&damaged, &bytes).unwrap();
    assert_parts(&start_failure(&damaged), &[damaged.to_str().unwrap(), "backup"]);
    assert_eq!(fs::read(&damaged).unwrap(), bytes, "the file was touched");
}

#[test]
fn a_store_in_use_by_another_server_is_refused() {
    let kea = command_server("owner");
    kea.ask("ext-reservation-add", &reservation(1)).unwrap();
    let store = kea.dir().join("hosts4.db");
    assert_parts(
        &start_failure(&store),
        &[store.to_str().unwrap(), "open already", "stop the other Kea server"],
    );
    expect(&kea.command("ext-reservation-get", &key(1)).unwrap(), 0, "Host found.");
}

#[test]
fn an_entry_without_a_file_name_is_refused() {
    let builder = Kea::without_network("noname").unwrap();
    let mut config = support::config_without_store();
    config["hosts-databases"] = json!([{ "type": "memfile" }]);
    let log = builder.config(config).host_cmds(Value::Null).unwrap().expect_start_failure().unwrap();
    assert_parts(&log, &["needs a \"name\"", "/var/lib/kea/kea-hosts4.db"]);
}

#[test]
fn a_refused_configuration_leaves_the_running_store_in_use() {
    let lab = Lab::new("kept").unwrap();
    let store = lab.dir().join("hosts4.db");
    let kea = Kea::on(&lab).unwrap().config(config(&store)).host_cmds(Value::Null).unwrap().start().unwrap();
    kea.ask("ext-reservation-add", &reservation(1)).unwrap();
    let device = lab.device("phone", &mac(1)).unwrap();

    for _ in 0..3 {
        let refused = kea.config_set(&config(&lab.dir().join("missing/hosts4.db"))).unwrap();
        expect_error(&refused, &["/missing'", "create it"]);
        expect(&kea.command("ext-reservation-get", &key(1)).unwrap(), 0, "Host found.");
        assert_eq!(device.dhcp().unwrap().address.to_string(), address(1));
    }
    kea.ask("ext-reservation-add", &reservation(2)).unwrap();
    kea.config_set(&config(&store)).unwrap().success().unwrap();
    assert_eq!(all_reservations(&kea).len(), 2);
}

#[test]
fn a_store_that_somebody_else_locks_is_served_read_only() {
    let lab = Lab::new("readonly").unwrap();
    let store = lab.dir().join("hosts4.db");
    let builder = Kea::on(&lab).unwrap().config(config(&store));
    let kea = builder.host_cmds(Value::Null).unwrap().start().unwrap();
    kea.ask("ext-reservation-add", &reservation(1)).unwrap();
    let device = lab.device("phone", &mac(1)).unwrap();

    // It waits for the lock, and takes it when a reload lets it go.
    let mut thief = Command::new("flock");
    thief.arg("--no-fork").arg(&store).args(["sleep", "1000"]);
    let mut thief = Process::spawn("flock", &thief, lab.dir().join("flock.log")).unwrap();
    wait_for("flock to wait", Duration::from_secs(10), || {
        let waiting = fs::read_to_string("/proc/locks").unwrap();
        waiting
            .lines()
            .any(|line| line.contains("->") && line.contains(&format!(" {} ", thief.pid())))
            .then_some(())
    })
    .unwrap();
    // Kea may be quicker once or twice.
    let refused = wait_for("flock to have the lock", Duration::from_secs(60), || {
        Some(kea.reload().unwrap()).filter(|reply| reply.result != 0)
    });
    expect_error(&refused.unwrap(), &["open already"]);

    expect(&kea.command("ext-reservation-get", &key(1)).unwrap(), 0, "Host found.");
    assert_eq!(device.dhcp().unwrap().address.to_string(), address(1));
    expect_error(&kea.command("ext-reservation-add", &reservation(2)).unwrap(), &["read-only"]);
    let status = kea.command("ext-status", &Value::Null).unwrap();
    assert!(status.text.contains("problem"), "{}", status.raw);
    assert!(status.arguments["problems"][0].as_str().unwrap().contains("open already"), "{}", status.raw);

    thief.kill().unwrap();
    kea.reload().unwrap().success().unwrap();
    kea.ask("ext-reservation-add", &reservation(2)).unwrap();
    assert_eq!(kea.ask("ext-status", &Value::Null).unwrap()["problems"], json!([]));
}

#[test]
fn a_store_that_is_gone_is_no_empty_store() {
    let lab = Lab::new("gone").unwrap();
    let store = lab.dir().join("hosts4.db");
    let aside = lab.dir().join("aside.db");
    let builder = Kea::on(&lab).unwrap().config(config(&store));
    let kea = builder.host_cmds(Value::Null).unwrap().start().unwrap();
    kea.ask("ext-reservation-add", &reservation(1)).unwrap();
    let device = lab.device("laptop", &mac(5)).unwrap();

    fs::rename(&store, &aside).unwrap();
    let moved = kea.command("ext-reservation-add", &reservation(2)).unwrap();
    expect_error(&moved, &["was moved, removed or replaced", "put the file back"]);
    expect(&kea.command("ext-reservation-get", &key(1)).unwrap(), 0, "Host found.");

    // Something else is in its place now: it cannot even be read, and "not found" would be a lie.
    fs::create_dir(&store).unwrap();
    expect_error(&kea.reload().unwrap(), &["is a directory"]);
    for (command, arguments) in [
        ("ext-reservation-get", key(1)),
        ("ext-reservation-del", key(1)),
        ("ext-reservation-add", reservation(3)),
        ("ext-reservation-get-all", json!({ "subnet-id": 1 })),
        ("ext-reservation-get-page", json!({ "limit": 10 })),
    ] {
        expect_error(&kea.command(command, &arguments).unwrap(), &["is a directory"]);
    }
    assert!(kea.command("ext-status", &Value::Null).unwrap().text.contains("problem"));
    device.dhcp().unwrap();

    fs::remove_dir(&store).unwrap();
    fs::rename(&aside, &store).unwrap();
    kea.reload().unwrap().success().unwrap();
    assert_eq!(all_reservations(&kea).len(), 1);
}

#[test]
fn a_database_that_a_failed_configuration_closed_is_not_forgotten() {
    let kea = command_server("closed");
    kea.ask("ext-reservation-add", &reservation(1)).unwrap();
    let mut broken = config(&kea.dir().join("hosts4.db"));
    broken["lease-database"] =
        json!({ "type": "memfile", "name": "/nonexistent/leases.csv", "persist": true });
    assert_eq!(kea.config_set(&broken).unwrap().result, 1);
    let reply = kea.command("ext-reservation-get", &key(1)).unwrap();
    assert!(reply.result == 0 || reply.text.contains("apply one that works"), "{}", reply.raw);
    kea.reload().unwrap().success().unwrap();
    expect(&kea.command("ext-reservation-get", &key(1)).unwrap(), 0, "Host found.");
}

#[test]
fn a_second_store_is_refused() {
    let builder = Kea::without_network("second").unwrap();
    let (one, two) = (builder.dir().join("one.db"), builder.dir().join("two.db"));
    let mut both = config(&one);
    both["hosts-databases"].as_array_mut().unwrap().push(json!({ "type": "memfile", "name": two }));
    let kea = builder.config(config(&one)).host_cmds(Value::Null).unwrap().start().unwrap();
    kea.ask("ext-reservation-add", &reservation(1)).unwrap();
    expect_error(&kea.config_set(&both).unwrap(), &["one entry of type \"memfile\"", one.to_str().unwrap()]);
    expect(&kea.command("ext-reservation-get", &key(1)).unwrap(), 0, "Host found.");
    kea.ask("ext-reservation-add", &reservation(2)).unwrap();
}

#[test]
fn what_stands_in_the_way_of_a_new_store_is_left_alone() {
    let kea = command_server("twin");
    let store = kea.dir().join("other.db");
    let precious = kea.dir().join("precious");
    fs::write(&precious, "precious").unwrap();
    std::os::unix::fs::symlink(&precious, kea.dir().join("other.db.new")).unwrap();
    assert_parts(&start_failure(&store), &["other.db.new' is in the way"]);
    assert_eq!(fs::read_to_string(&precious).unwrap(), "precious");
}

#[test]
fn an_option_without_definition_is_left_out_alone() {
    let lab = Lab::new("options").unwrap();
    let store = lab.dir().join("hosts4.db");
    let mut defined = config(&store);
    defined["option-def"] = json!([{ "name": "badge", "code": 231, "type": "string", "space": "dhcp4" }]);
    let builder = Kea::on(&lab).unwrap().config(defined);
    let kea = builder.host_cmds(Value::Null).unwrap().start().unwrap();
    let mut with_options = reservation(1);
    with_options["reservation"]["option-data"] = json!([
        { "name": "badge", "data": "blue" },
        { "name": "domain-name-servers", "data": "192.0.2.53" },
    ]);
    kea.ask("ext-reservation-add", &with_options).unwrap();
    kea.config_set(&config(&store)).unwrap().success().unwrap();
    let lease = lab.device("phone", &mac(1)).unwrap().dhcp().unwrap();
    assert_eq!(lease.address.to_string(), address(1));
    assert_eq!(
        lease.dns.iter().map(ToString::to_string).collect::<Vec<_>>(),
        ["192.0.2.53"],
        "{}",
        kea.tail()
    );
}
