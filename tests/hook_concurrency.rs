//! Commands and packets at the same time, with several threads that serve packets: no reply is wrong, no client is
//! overlooked, nothing is lost and nothing crashes.

mod support;

use std::collections::BTreeMap;
use std::ops::Range;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;
use std::time::Duration;

use kea_lab::{Device, Family, Kea, Lab, Load, Process, SERVER_INTERFACE, wait_for};
use serde_json::{Value, json};
use support::site::{Site, TARGETS, add, config6, delete, update};
use support::{PREFIX, SUBNET_ID, config_without_store, expect, expect_error, key, mac, reservation_of};

/// Clients that ask again and again. Those with an even number are reserved in memory, by the configuration file;
/// the others in the store. (From a number whose last byte is 0: perfdhcp counts wrongly where a byte overflows.)
const CLIENTS: Range<usize> = 0x1000..0x1000 + 1000;
/// Numbers from here on are of reservations whose clients are never seen; those of the two targets differ.
const OTHERS: [usize; 2] = [10_000, 20_000];
/// How often every reservation is changed at least.
const ROUNDS: usize = 60;
/// Long enough for the slowest machine.
const PATIENCE: Duration = Duration::from_secs(120);

/// What is to be found in one place: the hostname of each client's reservation.
type Expected = BTreeMap<usize, String>;

fn clients_of(target: &str) -> impl Iterator<Item = usize> {
    CLIENTS.skip(usize::from(target != TARGETS[0])).step_by(2)
}

/// The reservation of client number `index` with that hostname.
fn named(family: Family, index: usize, hostname: &str) -> Value {
    let mut reservation = reservation_of(family, index)["reservation"].take();
    reservation["hostname"] = json!(hostname);
    reservation
}

fn address_of(family: Family, index: usize) -> String {
    let reservation = named(family, index, "");
    let address =
        if family == Family::V4 { &reservation["ip-address"] } else { &reservation["ip-addresses"][0] };
    address.as_str().unwrap().to_owned()
}

/// How Kea's log begins to speak of a lease from the pool, and of a lease of the reserved address.
fn logged(family: Family) -> (String, String) {
    let (prefix, pool) = match family {
        Family::V4 => ("lease ", "10.77.100."),
        Family::V6 => ("lease for address ", "2001:db8:77::dddd:"),
    };
    (format!("{prefix}{pool}"), format!("{prefix}{} ", address_of(family, CLIENTS.start)))
}

/// A subnet whose pool is there for those whose reservation is overlooked.
fn config(family: Family) -> Value {
    let reservations: Vec<Value> = clients_of("memory")
        .map(|index| {
            let mut reservation = named(family, index, "file");
            reservation.as_object_mut().unwrap().remove("subnet-id");
            reservation
        })
        .collect();
    let subnet = match family {
        Family::V4 => json!({ "subnet": PREFIX, "pools": [{ "pool": "10.77.100.0/22" }] }),
        Family::V6 => json!({
            "subnet": "2001:db8:77::/48",
            "interface": SERVER_INTERFACE,
            "pools": [{ "pool": "2001:db8:77::dddd:0/112" }],
        }),
    };
    let subnet = support::site::with(subnet, &json!({ "id": SUBNET_ID, "reservations": reservations }));
    json!({
        format!("subnet{}", family.digit()): [subnet],
        "multi-threading": { "enable-multi-threading": true, "thread-pool-size": 4 },
    })
}

fn start(site: &Site, clients: &Device, exchanges: usize) -> Process {
    let load = Load { clients: CLIENTS.len(), exchanges, rate: 1000 };
    match site.kea.family() {
        Family::V4 => load.start_dhcp4(clients, "10.77.0.9", site.lab.interface().address),
        Family::V6 => load.start_dhcp6(clients),
    }
    .unwrap()
}

/// Changes reservations of one target until `done`, and checks every reply.
fn administer(kea: &Kea, target: &str, others: usize, mut expected: Expected, done: &AtomicBool) -> Expected {
    let family = kea.family();
    let clients: Vec<usize> = expected.keys().copied().collect();
    let from_file = expected.clone();
    for round in 0.. {
        if round >= ROUNDS && done.load(Ordering::Relaxed) {
            break;
        }
        let other = others + round;
        let of_other = |command: &str| {
            let mut arguments = key(other);
            arguments["operation-target"] = json!(target);
            kea.command(command, &arguments).unwrap()
        };
        add(kea, target, &named(family, other, "new"));
        update(kea, target, &named(family, other, "other"));
        let found = of_other("ext-reservation-get");
        expect(&found, 0, "Host found.");
        assert_eq!(found.arguments["hostname"], "other");
        if round % 3 == 0 {
            delete(kea, target, &key(other));
            expect(&of_other("ext-reservation-get"), 3, "Host not found.");
        } else {
            expected.insert(other, "other".to_owned());
        }

        // A client that is being served.
        let client = clients[round * 37 % clients.len()];
        let hostname = format!("renamed-{round}");
        update(kea, target, &named(family, client, &hostname));
        expected.insert(client, hostname);

        let mut taken = named(family, others - 1, "taken");
        let field = if family == Family::V4 { "ip-address" } else { "ip-addresses" };
        taken[field] = named(family, client, "")[field].take();
        let taken = json!({ "reservation": taken, "operation-target": target });
        let refused = kea.command("ext-reservation-add", &taken).unwrap();
        expect_error(&refused, &["There's already", &format!("reserved for hw-address={}", mac(client))]);

        if round % 10 == 9 {
            assert_eq!(listed(kea, target), shown(family, &expected), "{target}, round {round}");
        }
        if target == "memory" && round % 20 == 19 {
            kea.reload().unwrap().success().unwrap();
            expected.clone_from(&from_file);
        }
    }
    expected
}

/// MAC address, address and hostname of all reservations of a target, in order.
fn listed(kea: &Kea, target: &str) -> Vec<[String; 3]> {
    let arguments = json!({ "subnet-id": SUBNET_ID, "operation-target": target });
    let all = kea.ask("ext-reservation-get-all", &arguments).unwrap();
    let text = |value: &Value| value.as_str().unwrap().to_owned();
    let hosts = all["hosts"].as_array().unwrap().iter().map(|host| {
        let address = host.get("ip-address").unwrap_or(&host["ip-addresses"][0]);
        [text(&host["hw-address"]), text(address), text(&host["hostname"])]
    });
    let mut hosts: Vec<_> = hosts.collect();
    hosts.sort_unstable();
    hosts
}

/// The same, of what is expected.
fn shown(family: Family, expected: &Expected) -> Vec<[String; 3]> {
    expected
        .iter()
        .map(|(index, hostname)| [mac(*index), address_of(family, *index), hostname.clone()])
        .collect()
}

/// Fails when a client has a lease of another address than its own; returns how many have one.
fn check_leases(kea: &Kea) -> usize {
    let leases = if kea.family() == Family::V4 { kea.leases4() } else { kea.leases6() }.unwrap();
    let macs: BTreeMap<String, usize> = CLIENTS.map(|index| (mac(index), index)).collect();
    for lease in &leases {
        let client = *macs.get(lease["hw-address"].as_str().unwrap()).unwrap_or_else(|| panic!("{lease}"));
        assert_eq!(lease["ip-address"], address_of(kea.family(), client), "{lease}");
    }
    leases.len()
}

/// How many packets have come so far.
fn received(kea: &Kea) -> u64 {
    let name = format!("pkt{}-received", kea.family().digit());
    kea.ask("statistic-get", &json!({ "name": name })).unwrap()[&name][0][0].as_u64().unwrap()
}

fn commands_and_packets_at_the_same_time(family: Family) {
    let mut site = Site::new(family, config(family));
    for index in clients_of("database") {
        add(&site.kea, "database", &named(family, index, "stored"));
    }
    let start_with =
        |target: &str, hostname: &str| clients_of(target).map(|n| (n, hostname.to_owned())).collect();
    let device = site.device(CLIENTS.start);
    device.namespace().ip(&["address", "add", "10.77.0.9/16", "dev", "eth0"]).unwrap();

    let done = AtomicBool::new(false);
    let kea = &site.kea;
    let mut load = start(&site, &device, 5 * CLIENTS.len());
    let [memory, stored] = thread::scope(|scope| {
        let administrators = [("memory", "file", OTHERS[0]), ("database", "stored", OTHERS[1])].map(
            |(target, hostname, others)| {
                let (expected, done) = (start_with(target, hostname), &done);
                scope.spawn(move || administer(kea, target, others, expected, done))
            },
        );
        let ended = load.wait(PATIENCE);
        done.store(true, Ordering::Relaxed);
        ended.unwrap();
        administrators.map(|administrator| administrator.join().unwrap())
    });
    assert_ne!(check_leases(kea), 0, "{}", load.log());

    // Undisturbed, everybody comes to a lease.
    for _ in 0..5 {
        start(&site, &device, CLIENTS.len()).wait(PATIENCE).unwrap();
        if check_leases(kea) == CLIENTS.len() {
            break;
        }
    }
    assert_eq!(check_leases(kea), CLIENTS.len());
    let log = kea.log();
    let (from_pool, reserved) = logged(family);
    assert!(log.contains(&reserved), "the log speaks of leases in other words than '{reserved}'");
    let overlooked: Vec<&str> = log.lines().filter(|line| line.contains(&from_pool)).collect();
    assert_eq!(overlooked, [""; 0]);
    let errors: Vec<&str> =
        log.lines().filter(|line| line.contains(" ERROR ") || line.contains(" FATAL ")).collect();
    assert_eq!(errors, [""; 0]);

    assert_eq!(listed(kea, "memory"), shown(family, &memory));
    assert_eq!(listed(kea, "database"), shown(family, &stored));

    // Told to end in the middle of the traffic.
    let before = received(kea);
    let _load = start(&site, &device, CLIENTS.len());
    wait_for("new packets", PATIENCE, || (received(kea) > before + 100).then_some(())).unwrap();
    assert!(site.kea.terminate().unwrap().success(), "{}", site.kea.tail());
    site.kea.restart().unwrap();
    assert_eq!(listed(&site.kea, "database"), shown(family, &stored), "after a restart");
}

#[test]
fn commands_and_packets_of_dhcpv4_at_the_same_time() {
    commands_and_packets_at_the_same_time(Family::V4);
}

#[test]
fn commands_and_packets_of_dhcpv6_at_the_same_time() {
    commands_and_packets_at_the_same_time(Family::V6);
}

/// The server receives nothing while a command runs: what comes then has to wait in its sockets.
#[test]
fn sockets_have_room_for_what_comes_during_a_command() {
    for (family, config) in [(Family::V4, config_without_store()), (Family::V6, config6())] {
        let lab = Lab::new("room").unwrap();
        let start = |parameters| {
            let builder = Kea::on(&lab).unwrap().family(family).config(config.clone());
            builder.host_cmds(parameters).unwrap().start().unwrap()
        };
        // The kernel counts twice what it is asked for.
        let rows = [(Value::Null, 8 << 20), (json!({ "receive-buffer-size": 8 << 20 }), 16 << 20)];
        for (parameters, wanted) in rows {
            let kea = start(parameters);
            kea.reload().unwrap().success().unwrap();
            let of_all = || receive_buffers(&lab, family).iter().all(|size| *size == wanted).then_some(());
            wait_for("larger buffers", PATIENCE, of_all).unwrap();
            assert!(!kea.log().contains("HOST_CMDS_RS_SMALL_RECEIVE_BUFFERS"), "{}", kea.tail());
        }
        let _kea = start(json!({ "receive-buffer-size": 0 }));
        let untouched = receive_buffers(&lab, family);
        assert!(untouched.iter().all(|size| *size < 2 << 20), "{untouched:?}");
    }
}

/// Of the sockets that packets of DHCP come through.
fn receive_buffers(lab: &Lab, family: Family) -> Vec<usize> {
    let (kind, port) = if family == Family::V4 { ("--packet", ":srv0") } else { ("-6", ":547") };
    let options = [kind, "--all", "--numeric", "--oneline", "--memory"];
    let shown = lab.server().command("ss").args(options).output().unwrap();
    let shown = String::from_utf8(shown.stdout).unwrap();
    let size = |line: &str| line.split_once(",rb")?.1.split_once(',')?.0.parse().ok();
    let sizes: Vec<usize> =
        shown.lines().filter(|line| line.contains(port)).map(|line| size(line).unwrap()).collect();
    assert!(!sizes.is_empty(), "{shown}");
    sizes
}
