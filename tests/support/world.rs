//! An API server, one or more Keas with the hook, and hundreds of objects: what faults are tried on. What there shall be in
//! the end is written down as it is asked for; [`crate::exact`] compares.

// Each test file is a program of its own and uses a part of this.
#![allow(dead_code)]

use std::collections::BTreeMap;
use std::fs;
use std::path::Path;
use std::process::Command;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;

use kea_lab::apiserver::ApiServer;
use kea_lab::{Kea, Process, wait_for};
use serde_json::{Value, json};

use crate::operator::{self, PATIENCE, network_configuration, network_namespace};
use crate::support::{PREFIX, SUBNET_ID, config, mac};

/// The Kubernetes namespace of everything.
pub const NAMESPACE: &str = "team-a";
/// Objects that are made or changed by one command.
const WAVE: usize = 20;
/// Devices from here on are those of people and other tools.
const OF_OTHERS: usize = 9000;

/// What shall become of an object.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Fate {
    /// Its devices are reserved for it, each with the address that it has leased.
    Reserved(Vec<usize>),
    /// Its device was reserved by somebody else, just so.
    Kept(usize),
    /// Its device has no valid lease.
    Waiting(usize),
    /// It is told that something of somebody else's is in the way.
    Refused(&'static str),
}

/// What there shall be: each object by its name.
pub type Wishes = BTreeMap<String, Fate>;

/// Everything that such a test needs, in the order in which it must be taken down.
pub struct World {
    pub api: ApiServer,
    pub servers: Vec<Kea>,
    /// What there shall be.
    pub wishes: Wishes,
    /// What others reserved on each server.
    pub of_others: Vec<Vec<Value>>,
    /// The identity of the cluster in the operator's mark.
    pub cluster_id: String,
}

impl World {
    /// With so many servers. What others reserved is there, and each of `devices` has its lease.
    pub fn new(name: &str, servers: usize, devices: usize) -> Self {
        Self::over((0..servers).map(|number| kea(&format!("{name}{number}"))).collect(), devices)
    }

    /// On those servers.
    pub fn over(servers: Vec<Kea>, devices: usize) -> Self {
        let api = ApiServer::start().unwrap();
        for file in fs::read_dir(Path::new(env!("CARGO_MANIFEST_DIR")).join("charts/kea-operator/files/crds"))
            .unwrap()
        {
            api.apply_crds(&fs::read_to_string(file.unwrap().path()).unwrap()).unwrap();
        }
        api.kubectl(&["create", "namespace", NAMESPACE]).unwrap();
        for server in &servers {
            (0..devices).chain(OF_OTHERS..OF_OTHERS + 4).for_each(|device| lease(server, device, 3600));
            reservations_of_others(server);
        }
        let of_others = servers.iter().map(all_reservations).collect();
        let identity = ["get", "namespace", "kube-system", "-o", "jsonpath={.metadata.uid}"];
        let cluster_id = api.kubectl(&identity).unwrap();
        let mut world = Self { api, servers, wishes: Wishes::new(), of_others, cluster_id };
        apply_network(&world.api, "lab", PREFIX);
        let contested = [
            ("kept", Fate::Kept(OF_OTHERS)),
            ("elsewhere", Fate::Refused("made by hand")),
            ("puppets", Fate::Refused("owned by puppet")),
            ("taken", Fate::Refused("is reserved for MAC")),
        ];
        for (device, (name, fate)) in (OF_OTHERS..).zip(contested) {
            apply(&world.api, [object(name, &[device])]);
            world.wishes.insert(name.into(), fate);
        }
        world
    }

    /// Arguments of an operator that serves this world.
    pub fn arguments(&self) -> Vec<String> {
        let urls = self.servers.iter().map(|kea| format!("unix:{}", kea.socket().path().display()));
        let flags = ["--kea-url", "--kea-secondary-url"].map(str::to_owned);
        let servers = flags.into_iter().zip(urls).flat_map(|(flag, url)| [flag, url]);
        ["--source", "kube"].map(str::to_owned).into_iter().chain(servers).collect()
    }

    /// An operator, not started yet.
    pub fn operator(&self, more: &[&str]) -> Command {
        let arguments = self.arguments();
        let arguments: Vec<&str> = arguments.iter().map(String::as_str).chain(more.iter().copied()).collect();
        operator::command(&arguments, &[("KUBECONFIG", self.api.kubeconfig())])
    }

    /// Starts an operator that logs into a file of that name.
    pub fn start(&self, name: &str, more: &[&str]) -> Process {
        self.launch(name, &self.operator(more))
    }

    /// Starts that operator.
    pub fn launch(&self, name: &str, command: &Command) -> Process {
        let log = self.servers[0].dir().join(format!("{name}.operator.log"));
        Process::spawn("kea-operator", command, log).unwrap()
    }
}

/// A server for commands only.
pub fn kea(name: &str) -> Kea {
    let builder = Kea::without_network(name).unwrap();
    let store = builder.dir().join("hosts4.db");
    let builder = builder.config(config(&store)).lease_cmds().unwrap();
    builder.host_cmds(Value::Null).unwrap().start().unwrap()
}

/// The address that a device has leased.
pub fn leased(device: usize) -> String {
    format!("10.77.{}.{}", 1 + device / 250, 1 + device % 250)
}

/// Gives a device its lease, for so many seconds.
pub fn lease(kea: &Kea, device: usize, seconds: u32) {
    let lease = json!({"ip-address": leased(device), "hw-address": mac(device), "subnet-id": SUBNET_ID,
        "valid-lft": seconds});
    kea.ask("lease4-add", &lease).unwrap();
}

/// Reservations of people, of another tool, and of another cluster's operator. Some are in the way of what is wished for.
fn reservations_of_others(kea: &Kea) {
    let by_hand = |device: usize, address: String| json!({"hw-address": mac(device), "ip-address": address, "hostname": format!("by-hand-{device}")});
    let mut of_puppet = by_hand(OF_OTHERS + 2, leased(OF_OTHERS + 2));
    of_puppet["user-context"] = json!({"ext-owner": "puppet"});
    let mut of_another_cluster = by_hand(OF_OTHERS + 20, leased(OF_OTHERS + 20));
    of_another_cluster["user-context"] = json!({"ext-owner": "kea-operator/another",
        "kea-operator": {"namespace": NAMESPACE, "name": "vm-1", "uid": "of-another-cluster"}});
    let mut with_options = by_hand(OF_OTHERS + 21, leased(OF_OTHERS + 21));
    with_options["option-data"] = json!([{"name": "domain-name-servers", "data": "192.0.2.1"}]);
    let by_client_id =
        json!({"client-id": "01:02:03:04", "ip-address": leased(OF_OTHERS + 22), "hostname": "by-client-id"});
    let all = [
        by_hand(OF_OTHERS, leased(OF_OTHERS)),
        by_hand(OF_OTHERS + 1, leased(OF_OTHERS + 30)),
        of_puppet,
        // The address that another device has leased.
        by_hand(OF_OTHERS + 23, leased(OF_OTHERS + 3)),
        of_another_cluster,
        with_options,
        by_client_id,
    ];
    for mut reservation in all {
        reservation["subnet-id"] = SUBNET_ID.into();
        kea.ask("reservation-add", &json!({"reservation": reservation})).unwrap();
    }
}

/// All reservations of a server, those in its memory too, in an order that is always the same.
pub fn all_reservations(kea: &Kea) -> Vec<Value> {
    let mut found = Vec::new();
    let mut from = json!({"source-index": 0, "from": 0});
    loop {
        let arguments = json!({"limit": 1000, "source-index": from["source-index"], "from": from["from"]});
        let page = kea.command("ext-reservation-get-page", &arguments).unwrap();
        if page.result == 3 {
            break;
        }
        let page = page.success().unwrap();
        found.extend(page["hosts"].as_array().unwrap().iter().cloned());
        from = page["next"].clone();
    }
    found.sort_by_key(|host| (host["hw-address"].to_string(), host.to_string()));
    found
}

/// Makes a NetworkNamespace whose prefix another controller has set.
pub fn apply_network(api: &ApiServer, name: &str, prefix: &str) {
    let mut network = network_namespace(NAMESPACE, prefix);
    network["metadata"]["name"] = name.into();
    api.apply(&network.to_string()).unwrap();
    let patch = json!({"status": network["status"]}).to_string();
    let arguments =
        ["-n", NAMESPACE, "patch", "networknamespace", name, "--subresource=status", "--type=merge"];
    api.kubectl(&[&arguments[..], &["-p", &patch]].concat()).unwrap();
}

/// An object that wishes for these devices.
pub fn object(name: &str, devices: &[usize]) -> Value {
    let macs: Vec<String> = devices.iter().map(|device| mac(*device)).collect();
    let macs: Vec<&str> = macs.iter().map(String::as_str).collect();
    network_configuration(NAMESPACE, name, &macs)
}

/// Makes or changes objects, with one command.
pub fn apply(api: &ApiServer, objects: impl IntoIterator<Item = Value>) {
    let all: Vec<String> = objects.into_iter().map(|object| object.to_string()).collect();
    let file = tempfile::Builder::new().suffix(".yaml").tempfile().unwrap();
    fs::write(file.path(), all.join("\n---\n")).unwrap();
    let path = file.path().to_str().unwrap();
    // The operator has the finalizers, and its writes are in nobody's way.
    insist(api, &["apply", "--server-side", "--field-manager=test", "--force-conflicts", "-f", path]);
}

/// Deletes objects, and does not wait for them to go.
pub fn delete(api: &ApiServer, names: &[String]) {
    let names: Vec<&str> = names.iter().map(String::as_str).collect();
    let delete = ["-n", NAMESPACE, "delete", "networkconfiguration", "--wait=false", "--ignore-not-found"];
    insist(api, &[&delete[..], &names].concat());
}

/// Runs `kubectl` until it succeeds: the API server may be away.
fn insist(api: &ApiServer, arguments: &[&str]) {
    let mut last = String::new();
    wait_for("the API server", 2 * PATIENCE, || match api.kubectl(arguments) {
        Ok(_) => Some(()),
        Err(error) => {
            last = error.to_string();
            None
        }
    })
    .unwrap_or_else(|error| panic!("{error:#}: {last}"));
}

/// The name of an object of [`storm`].
pub fn name(number: usize) -> String {
    format!("vm-{number}")
}

/// Makes objects with two devices each, in waves; every fifth is deleted soon after, and every seventh gives a device up. Goes
/// on with objects that give devices up and want them again, until `enough`. What shall be there in the end is returned.
pub fn storm(api: &ApiServer, objects: usize, enough: impl Fn() -> bool) -> Wishes {
    let mut wishes = Wishes::new();
    for round in 0.. {
        for begin in (0..objects).step_by(WAVE) {
            if enough() {
                return wishes;
            }
            let wave: Vec<usize> = (begin..objects.min(begin + WAVE)).collect();
            if round == 0 {
                change(api, &mut wishes, &wave, |number| vec![2 * number, 2 * number + 1]);
                let changed: Vec<usize> = wave.iter().copied().filter(|number| number % 7 == 3).collect();
                change(api, &mut wishes, &changed, |number| vec![2 * number + 1]);
                let gone: Vec<String> =
                    wave.iter().copied().filter(|number| number % 5 == 0).map(name).collect();
                delete(api, &gone);
                wishes.retain(|name, _| !gone.contains(name));
            } else {
                let changed: Vec<usize> = wave
                    .iter()
                    .copied()
                    .filter(|number| number % 5 != 0 && number % 3 == round % 3)
                    .collect();
                change(api, &mut wishes, &changed, |number| match round % 2 {
                    0 => vec![2 * number, 2 * number + 1],
                    _ => vec![2 * number],
                });
            }
        }
    }
    wishes
}

fn change(api: &ApiServer, wishes: &mut Wishes, numbers: &[usize], wished: impl Fn(usize) -> Vec<usize>) {
    if !numbers.is_empty() {
        apply(api, numbers.iter().map(|number| object(&name(*number), &wished(*number))));
        wishes.extend(numbers.iter().map(|number| (name(*number), Fate::Reserved(wished(*number)))));
    }
}

impl World {
    /// Does something to the servers or the API server while objects come, change and go.
    pub fn under_load(&mut self, objects: usize, fault: impl FnOnce(&ApiServer, &mut [Kea])) {
        let Self { api, servers, wishes, .. } = self;
        let over = Over::default();
        let flag = over.0.clone();
        thread::scope(|scope| {
            let load = scope.spawn(|| storm(api, objects, || flag.load(Ordering::Relaxed)));
            // Also where the fault panics: the load must end, or nobody would learn of it.
            let over = over;
            fault(api, servers);
            drop(over);
            wishes.extend(load.join().unwrap());
        });
    }
}

/// Says so when it is dropped.
#[derive(Default)]
struct Over(Arc<AtomicBool>);

impl Drop for Over {
    fn drop(&mut self) {
        self.0.store(true, Ordering::Relaxed);
    }
}

/// Waits until a server has carried out some more changes: it is in the middle of them.
pub fn in_the_middle(kea: &Kea) {
    let commits = || {
        let status = kea.ask("ext-status", &Value::Null).unwrap();
        status["stores"][0]["commits"].as_u64().unwrap_or_else(|| panic!("{status}"))
    };
    let before = commits();
    wait_for("changes", PATIENCE, || (commits() >= before + 3).then_some(()))
        .unwrap_or_else(|error| panic!("{error:#}\n{}", kea.tail()));
}
