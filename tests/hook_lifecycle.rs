//! Loading and unloading: what stays behind, what a check of a configuration does, and where the library refuses.

mod support;

use std::collections::BTreeMap;
use std::fs;
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;
use std::time::Duration;

use kea_lab::{Family, Kea, KeaBuilder, Lab, start_failure_of, wait_for};
use serde_json::{Value, json};
use support::{config_of, expect, expect_error, key, mac, reservation_of};

/// How long Kea gets to close what a command or a configuration has left open.
const SETTLE: Duration = Duration::from_secs(20);

fn server(family: Family, builder: KeaBuilder) -> Kea {
    let store = builder.dir().join("hosts.db");
    let config = config_of(family, &store);
    builder.family(family).config(config).host_cmds(Value::Null).unwrap().start().unwrap()
}

/// What a process holds that it could forget to give back.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Holdings {
    /// What its file descriptors lead to.
    descriptors: Vec<PathBuf>,
    threads: usize,
    /// How often the library is mapped.
    copies: usize,
}

impl Holdings {
    fn of(kea: &Kea) -> Self {
        let process = Path::new("/proc").join(kea.pid().unwrap().to_string());
        let entries =
            |folder: &str| fs::read_dir(process.join(folder)).unwrap().map(|entry| entry.unwrap().path());
        // Each copy of a library has one part that starts where the file starts.
        let maps = fs::read_to_string(process.join("maps")).unwrap();
        let is_copy = |line: &&str| {
            line.contains("libdhcp_host_cmds_rs.so") && line.split_whitespace().nth(2) == Some("00000000")
        };
        Self {
            // One may be closed between the list and the look at it.
            descriptors: entries("fd").filter_map(|link| fs::read_link(link).ok()).collect(),
            threads: entries("task").count(),
            copies: maps.lines().filter(is_copy).count(),
        }
    }

    fn exceed(&self, other: &Self) -> bool {
        self.descriptors.len() > other.descriptors.len()
            || self.threads > other.threads
            || self.copies > other.copies
    }
}

#[test]
fn a_hundred_reloads_leave_nothing_behind() {
    for family in Family::ALL {
        let lab = Lab::new("reloads").unwrap();
        let mut kea = server(family, Kea::on(&lab).unwrap());
        let device = lab.device("phone", &mac(1)).unwrap();
        kea.ask("ext-reservation-add", &reservation_of(family, 1)).unwrap();
        let pid = kea.pid().unwrap();
        // Each logger of Kea keeps a file open from the first time that it has something to say: all say it now.
        kea.reload().unwrap().success().unwrap();
        expect(&kea.command("ext-reservation-get", &key(1)).unwrap(), 0, "Host found.");
        if family == Family::V4 {
            device.dhcp().unwrap();
        }
        let before = Holdings::of(&kea);
        assert_eq!(before.copies, 1, "{before:?}");

        let done = AtomicBool::new(false);
        let socket = kea.socket().clone();
        thread::scope(|scope| {
            let asking = scope.spawn(|| {
                let mut answers = 0;
                while !done.load(Ordering::Relaxed) {
                    let reply = socket.command("ext-reservation-get", &key(1)).unwrap();
                    expect(&reply, 0, "Host found.");
                    answers += 1;
                }
                answers
            });
            for round in 0..100 {
                // May be under way still when the library goes.
                kea.ask("ext-store-compact", &Value::Null).unwrap();
                let reply = kea.reload().unwrap();
                assert_eq!(reply.result, 0, "{family}, round {round}: {}\n{}", reply.raw, kea.tail());
                if family == Family::V4 && round % 10 == 0 {
                    assert_eq!(device.dhcp().unwrap().address.to_string(), support::address(1), "{round}");
                }
            }
            done.store(true, Ordering::Relaxed);
            let answers = asking.join().unwrap();
            assert!(answers >= 100, "{family}: only {answers} answers during 100 reloads");
        });

        assert_eq!(kea.pid().unwrap(), pid);
        assert!(kea.log().matches("HOST_CMDS_RS_UNLOADED").count() >= 101, "{}", kea.tail());
        wait_for(format!("{family}: no more than {before:?}"), SETTLE, || {
            (!Holdings::of(&kea).exceed(&before)).then_some(())
        })
        .unwrap_or_else(|error| panic!("{error:#}, but {:?}", Holdings::of(&kea)));
        assert!(kea.terminate().unwrap().success(), "{}", kea.tail());
    }
}

#[test]
fn it_can_be_taken_out_of_a_running_server_and_put_back() {
    for family in Family::ALL {
        let mut kea = server(family, Kea::without_network("removal").unwrap());
        let config = config_of(family, &kea.dir().join("hosts.db"));
        let mut without = config.clone();
        without.as_object_mut().unwrap().remove("hosts-databases");
        kea.ask("ext-reservation-add", &reservation_of(family, 1)).unwrap();

        let backup = json!({ "path": kea.dir().join("backup.db") });
        kea.ask("ext-store-backup", &backup).unwrap();
        let hooks = std::mem::take(kea.hooks_mut());
        kea.config_set(&without).unwrap().success().unwrap();
        let unknown = kea.command("ext-status", &Value::Null).unwrap();
        expect(&unknown, 2, "'ext-status' command not supported.");
        assert_eq!(Holdings::of(&kea).copies, 0, "the library is still mapped");
        // Without the library nobody serves the store: the configuration is refused, the server goes on.
        expect_error(&kea.config_set(&config).unwrap(), &["memfile"]);

        *kea.hooks_mut() = hooks;
        kea.config_set(&config).unwrap().success().unwrap();
        expect(&kea.command("reservation-get", &key(1)).unwrap(), 0, "Host found.");
        assert!(kea.terminate().unwrap().success(), "{}", kea.tail());
    }
}

/// What there is in a folder: content, inode and time of change of each file.
fn contents(folder: &Path) -> BTreeMap<String, (Vec<u8>, u64, i64, i64)> {
    let entries = fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path());
    entries
        .filter(|path| path.is_file())
        .map(|path| {
            let file = fs::metadata(&path).unwrap();
            let name = path.file_name().unwrap().to_string_lossy().into_owned();
            (name, (fs::read(&path).unwrap(), file.ino(), file.mtime(), file.mtime_nsec()))
        })
        .collect()
}

/// A server whose store has a folder of its own.
fn server_with_store_in(folder: &str, family: Family) -> Kea {
    let builder = Kea::without_network("check").unwrap();
    let stores = builder.dir().join(folder);
    fs::create_dir(&stores).unwrap();
    let config = config_of(family, &stores.join("hosts.db"));
    builder.family(family).config(config).host_cmds(Value::Null).unwrap().start().unwrap()
}

/// Checks the configuration file in every way that this Kea knows. Kea 2.2.0 has no `-T`; that of 2.6.3 loads no
/// library, and so knows no store.
fn check_in_every_way(kea: &Kea) {
    let version = kea.command("version-get", &Value::Null).unwrap().text;
    let (status, said) = kea.check("-t").unwrap();
    assert!(status.success(), "{said}");
    let (status, said) = kea.check("-T").unwrap();
    match &version[..3] {
        "2.2" => assert!(!status.success() && said.contains("invalid option"), "{said}"),
        "2.6" => assert!(!status.success() && said.contains("'memfile' is not supported"), "{said}"),
        _ => assert!(status.success() && said.contains("HOST_CMDS_RS_STORE_OPENED"), "{status}: {said}"),
    }
    let file: Value = serde_json::from_slice(&fs::read(kea.config_file()).unwrap()).unwrap();
    let tested = kea.command("config-test", &file).unwrap();
    assert_eq!(tested.result, 0, "{}", tested.raw);
}

#[test]
fn checking_a_configuration_touches_no_store() {
    for family in Family::ALL {
        let kea = server_with_store_in("stores", family);
        let stores = kea.dir().join("stores");
        kea.ask("ext-reservation-add", &reservation_of(family, 1)).unwrap();
        let before = contents(&stores);
        assert!(!before.is_empty());

        check_in_every_way(&kea);
        assert_eq!(contents(&stores), before);
        // Neither lock nor server has suffered.
        expect(&kea.command("ext-reservation-add", &reservation_of(family, 2)).unwrap(), 0, "Host added.");
        assert_eq!(kea.ask("ext-status", &Value::Null).unwrap()["stores"][0]["healthy"], true);
    }
}

#[test]
fn checking_a_configuration_creates_no_store() {
    for family in Family::ALL {
        let kea = server_with_store_in("stores", family);
        let folder = kea.dir().join("other");
        fs::create_dir(&folder).unwrap();
        kea.write_config(&config_of(family, &folder.join("hosts.db"))).unwrap();
        check_in_every_way(&kea);
        assert!(contents(&folder).is_empty());
    }
}

#[test]
fn other_daemons_refuse_it() {
    let ddns = json!({
        "ip-address": "127.0.0.1", "port": 53001, "tsig-keys": [], "forward-ddns": {}, "reverse-ddns": {},
    });
    let agent = json!({ "http-host": "127.0.0.1", "http-port": 8000 });
    for (daemon, section, config) in
        [("kea-ctrl-agent", "Control-agent", agent), ("kea-dhcp-ddns", "DhcpDdns", ddns)]
    {
        let log = start_failure_of(daemon, section, config).unwrap();
        for part in
            ["HOST_CMDS_RS_LOAD_FAILED", &format!("not in '{daemon}'"), "remove it from that daemon's"]
        {
            assert!(log.contains(part), "{daemon}: '{part}' is not in:\n{log}");
        }
        assert!(!log.contains("HOST_CMDS_RS_INTERNAL_ERROR"), "{daemon}: {log}");
    }
}
