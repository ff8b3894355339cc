//! A folder of objects, one or more servers, and an operator between them.

// Each test file is a program of its own and uses a part of this.
#![allow(dead_code)]

use std::collections::HashMap;
use std::fs;
use std::net::TcpListener;
use std::path::PathBuf;

use kea_lab::{Kea, KeaBuilder, Process, wait_for};
use serde_json::{Value, json};

use crate::operator::{self, PATIENCE, network_configuration, network_namespace};
use crate::support::{PREFIX, SUBNET_ID, config, config_without_store, mac as support_mac};

/// The Kubernetes namespace of everything.
pub const NAMESPACE: &str = "demo";

/// Which hooks the servers have.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Hooks {
    /// Ours, and nothing else.
    Ours,
    /// Kea's own, and nothing else; reservations are in the server's memory.
    Stock,
    /// Ours, on two servers that are a pair of Kea's high availability.
    Pair,
}

impl Hooks {
    /// Those that this Kea can have: its own are part of it since Kea 2.7.7.
    pub fn available() -> Vec<Self> {
        let builder = Kea::without_network("probe").unwrap().config(config_without_store());
        match builder.stock_hook("libdhcp_host_cmds.so", Value::Null) {
            Ok(_) => vec![Self::Ours, Self::Stock],
            Err(_) => vec![Self::Ours],
        }
    }

    fn start(self, name: &str) -> Kea {
        self.start_with(name, config_without_store(), Value::Null)
    }

    /// A server with that configuration, and with those parameters of our hook.
    pub fn start_with(self, name: &str, mut config: Value, parameters: Value) -> Kea {
        let builder = Kea::without_network(name).unwrap();
        match self {
            Self::Ours | Self::Pair => {
                let store = builder.dir().join("hosts4.db");
                config["hosts-databases"] = json!([{ "type": "memfile", "name": store }]);
                let builder = builder.config(config).lease_cmds().unwrap();
                builder.host_cmds(parameters).unwrap().start().unwrap()
            }
            Self::Stock => {
                let mut builder = builder.config(config);
                for hook in ["libdhcp_lease_cmds.so", "libdhcp_host_cmds.so", "libdhcp_subnet_cmds.so"] {
                    builder = builder.stock_hook(hook, Value::Null).unwrap();
                }
                builder.start().unwrap()
            }
        }
    }
}

/// Two servers with our hook that are a pair of Kea's high availability, hot standby: `of` makes the builder of each. They notice
/// within seconds that the other is away.
pub fn pair(of: impl Fn(usize) -> KeaBuilder) -> Vec<Kea> {
    // Held together, or the second could be the first.
    let listeners = [(); 2].map(|()| TcpListener::bind("127.0.0.1:0").unwrap());
    let urls = listeners.each_ref().map(|listener| format!("http://{}/", listener.local_addr().unwrap()));
    drop(listeners);
    let peers = json!([
        { "name": "a", "url": urls[0], "role": "primary", "auto-failover": true },
        { "name": "b", "url": urls[1], "role": "standby", "auto-failover": true },
    ]);
    let start = |(number, name): (usize, &str)| {
        let relationship = json!({
            "this-server-name": name, "mode": "hot-standby", "peers": peers,
            "heartbeat-delay": 500, "max-response-delay": 2000, "max-ack-delay": 1000, "max-unacked-clients": 0,
            "multi-threading": {
                "enable-multi-threading": true, "http-dedicated-listener": true,
                "http-listener-threads": 2, "http-client-threads": 2,
            },
        });
        let builder = of(number);
        let mut config = config(&builder.dir().join(format!("hosts4-{name}.db")));
        config["multi-threading"] =
            json!({ "enable-multi-threading": true, "thread-pool-size": 2, "packet-queue-size": 16 });
        if number > 0 {
            // Two servers of one machine cannot both have its port of DHCP.
            config["interfaces-config"] = json!({ "interfaces": [] });
        }
        let builder = builder.config(config).lease_cmds().unwrap().host_cmds(Value::Null).unwrap();
        let parameters = json!({ "high-availability": [relationship] });
        builder.stock_hook("libdhcp_ha.so", parameters).unwrap().start().unwrap()
    };
    ["a", "b"].into_iter().enumerate().map(start).collect()
}

/// The MAC address of a device.
pub fn mac(device: usize) -> String {
    format!("02:00:00:00:01:{device:02x}")
}

/// The address that a device leases.
pub fn address(device: usize) -> String {
    format!("10.77.100.{device}")
}

fn many_address(device: usize) -> String {
    format!("10.77.{}.{}", 1 + device / 250, 1 + device % 250)
}

/// Everything that such a test needs, in the order in which it must be taken down.
pub struct Site {
    pub operator: Option<Process>,
    pub servers: Vec<Kea>,
    /// Number of the subnet that devices lease from.
    pub subnet_id: u32,
    objects: PathBuf,
}

impl Site {
    /// Servers with those hooks, and a network.
    pub fn new(name: &str, hooks: Hooks, servers: usize) -> Self {
        let name = name.to_lowercase();
        if hooks == Hooks::Pair {
            return Self::over(pair(|number| Kea::without_network(&format!("{name}{number}")).unwrap()));
        }
        Self::over((0..servers).map(|number| hooks.start(&format!("{name}{number}"))).collect())
    }

    /// Those servers, and a network.
    pub fn over(servers: Vec<Kea>) -> Self {
        let objects = servers[0].dir().join("objects");
        fs::create_dir(&objects).unwrap();
        let site = Self { operator: None, servers, subnet_id: SUBNET_ID, objects };
        site.write("network", &network_namespace(NAMESPACE, PREFIX));
        site
    }

    /// What a server is called in messages.
    pub fn url(&self, server: usize) -> String {
        format!("unix:{}", self.servers[server].socket().path().display())
    }

    /// Starts the operator on all servers.
    pub fn start_operator(&mut self, arguments: &[&str]) {
        let urls: Vec<String> = (0..self.servers.len()).map(|server| self.url(server)).collect();
        self.start_operator_at(&urls, arguments);
    }

    /// Starts the operator on servers that it reaches at these addresses.
    pub fn start_operator_at(&mut self, urls: &[String], arguments: &[&str]) {
        let source = format!("dir:{}", self.objects.display());
        let mut all = vec!["--source", &source, "--kea-url", &urls[0]];
        if let Some(second) = urls.get(1) {
            all.extend(["--kea-secondary-url", second]);
        }
        all.extend(arguments);
        let log = self.servers[0].dir().join("operator.log");
        self.operator = Some(operator::start(&log, &all, &[]));
    }

    /// Stops the operator in good order.
    pub fn stop_operator(&mut self) {
        let status = self.operator.take().unwrap().terminate().unwrap();
        assert!(status.success(), "{status}");
    }

    /// Makes or changes an object, in a file of that name.
    pub fn write(&self, name: &str, object: &Value) {
        let file = self.objects.join(format!("{name}.yaml"));
        let new = self.objects.join(format!(".{name}.new"));
        fs::write(&new, object.to_string()).unwrap();
        fs::rename(&new, &file).unwrap();
    }

    /// Makes an object wish for these devices.
    pub fn wish(&self, name: &str, devices: &[usize]) {
        let macs: Vec<String> = devices.iter().map(|device| mac(*device)).collect();
        let macs: Vec<&str> = macs.iter().map(String::as_str).collect();
        self.write(name, &network_configuration(NAMESPACE, name, &macs));
    }

    /// Makes an object ask for an address.
    pub fn wish_for(&self, name: &str, device: usize, address: &str) {
        let mut object = network_configuration(NAMESPACE, name, &[&mac(device)]);
        object["spec"]["networkInterfaces"][0]["ipv4Addresses"] = json!([address]);
        self.write(name, &object);
    }

    /// Changes an object so that it is looked at.
    pub fn touch(&self, name: &str) {
        let file = self.objects.join(format!("{name}.yaml"));
        let mut object: Value = serde_json::from_str(&fs::read_to_string(file).unwrap()).unwrap();
        object["spec"]["description"] = "touched".into();
        self.write(name, &object);
    }

    /// Removes an object.
    pub fn unwish(&self, name: &str) {
        fs::remove_file(self.objects.join(format!("{name}.yaml"))).unwrap();
    }

    fn record(&self, name: &str) -> Option<Value> {
        let file = self.objects.join(format!("status/networkconfiguration.{NAMESPACE}.{name}.yaml"));
        serde_saphyr::from_str(&fs::read_to_string(file).ok()?).ok()
    }

    /// Waits for a status that the test wants to see.
    pub fn wait_for_status(&self, name: &str, wanted: impl Fn(&Value) -> bool) -> Value {
        wait_for(format!("the status of {name}"), PATIENCE, || {
            let status = self.record(name)?["status"].take();
            wanted(&status).then_some(status)
        })
        .unwrap_or_else(|error| panic!("{error:#}\nlast: {:#?}\n{}", self.record(name), self.log()))
    }

    /// Waits for a phase.
    pub fn wait_for_phase(&self, name: &str, phase: &str) -> Value {
        self.wait_for_status(name, |status| status["phase"] == phase)
    }

    /// Waits until a condition has this status.
    pub fn wait_for_condition(&self, name: &str, kind: &str, status: &str) {
        self.wait_for_status(name, |found| {
            conditions(found)
                .iter()
                .any(|condition| condition["type"] == kind && condition["status"] == status)
        });
    }

    /// A condition as it is now.
    pub fn condition(&self, name: &str, kind: &str) -> Value {
        let status = self.record(name).unwrap()["status"].take();
        conditions(&status).into_iter().find(|condition| condition["type"] == kind).unwrap()
    }

    /// Waits until an object is released.
    pub fn wait_until_gone(&self, name: &str) {
        wait_for(format!("{name} to go"), PATIENCE, || self.record(name).is_none().then_some(()))
            .unwrap_or_else(|error| panic!("{error:#}\n{}", self.log()));
    }

    /// What the operator said last.
    pub fn log(&self) -> String {
        self.operator.as_ref().map(Process::tail).unwrap_or_default()
    }

    /// Gives a device its lease on every server, as peers do.
    pub fn lease(&self, device: usize) {
        for server in &self.servers {
            let lease = json!({"ip-address": address(device), "hw-address": mac(device), "subnet-id": self.subnet_id});
            server.ask("lease4-add", &lease).unwrap();
        }
    }

    /// Gives many devices their leases on the first server.
    pub fn lease_many(&self, count: usize) {
        for device in 0..count {
            let lease = json!({"ip-address": many_address(device), "hw-address": support_mac(device),
                "subnet-id": SUBNET_ID});
            self.servers[0].ask("lease4-add", &lease).unwrap();
        }
    }

    /// Makes many objects, each with a device, all at once.
    pub fn wish_many(&self, count: usize) {
        let objects: Vec<String> = (0..count)
            .map(|device| {
                network_configuration(NAMESPACE, &format!("vm-{device}"), &[&support_mac(device)]).to_string()
            })
            .collect();
        for (number, some) in objects.chunks(1000).enumerate() {
            let new = self.objects.join(".many.new");
            fs::write(&new, some.join("\n---\n")).unwrap();
            fs::rename(&new, self.objects.join(format!("many-{number}.yaml"))).unwrap();
        }
    }

    /// Waits until the first server has the reservation of each of many devices, and nothing else, and the last status is written.
    pub fn wait_for_many(&self, count: usize) {
        // Files are looked at, and not Kea, whose commands are counted.
        wait_for("the status of many", PATIENCE * 5, || {
            let mut names = (0..count).map(|device| format!("vm-{device}"));
            names.all(|name| self.is_ready(&name)).then_some(())
        })
        .unwrap_or_else(|error| panic!("{error:#}\n{}", self.log()));
        let status = self.servers[0].ask("ext-status", &Value::Null).unwrap();
        assert_eq!(status["reservations"]["memfile"], json!(count), "{status}");
        let wanted: HashMap<String, String> =
            (0..count).map(|device| (support_mac(device), many_address(device))).collect();
        for host in self.reservations(0) {
            assert_eq!(host["ip-address"], wanted[host["hw-address"].as_str().unwrap()], "{host}");
        }
    }

    fn is_ready(&self, name: &str) -> bool {
        let file = self.objects.join(format!("status/networkconfiguration.{NAMESPACE}.{name}.yaml"));
        fs::read_to_string(file).is_ok_and(|text| text.contains("phase: Ready"))
    }

    /// How many commands of our hook the first server has answered.
    pub fn commands(&self) -> u64 {
        let statistics = self.servers[0].ask("statistic-get-all", &Value::Null).unwrap();
        let value = |name: &str| statistics[name][0][0].as_u64().unwrap_or_default();
        ["ext-commands-success", "ext-commands-empty", "ext-commands-error"].map(value).iter().sum()
    }

    /// Lets a device have another lease.
    pub fn move_lease(&self, device: usize, to: usize) {
        for server in &self.servers {
            server.ask("lease4-del", &json!({"ip-address": address(device)})).unwrap();
            let lease =
                json!({"ip-address": address(to), "hw-address": mac(device), "subnet-id": self.subnet_id});
            server.ask("lease4-add", &lease).unwrap();
        }
    }

    /// Makes a reservation on every server, as a person would.
    pub fn reserve_by_hand(&self, reservation: &Value) {
        for server in &self.servers {
            let mut arguments = json!({"reservation": reservation});
            if server.command("ext-status", &Value::Null).unwrap().result == 2 {
                arguments["operation-target"] = "memory".into();
            }
            server.ask("reservation-add", &arguments).unwrap();
        }
    }

    /// Removes a reservation on one server, as a person would.
    pub fn remove_by_hand(&self, server: usize, device: usize) {
        let server = &self.servers[server];
        let mut arguments =
            json!({"subnet-id": self.subnet_id, "identifier-type": "hw-address", "identifier": mac(device)});
        if server.command("ext-status", &Value::Null).unwrap().result == 2 {
            arguments["operation-target"] = "memory".into();
        }
        server.ask("reservation-del", &arguments).unwrap();
    }

    /// All reservations of a server, by MAC address.
    pub fn reservations(&self, server: usize) -> Vec<Value> {
        let arguments = json!({"subnet-id": self.subnet_id});
        let reply = self.servers[server].command("reservation-get-all", &arguments).unwrap();
        // Where there is none, the answer is 3.
        let found = if reply.result == 3 { json!({"hosts": []}) } else { reply.success().unwrap() };
        let mut found = found["hosts"].as_array().unwrap().clone();
        found.sort_by_key(|host| host["hw-address"].as_str().unwrap_or_default().to_owned());
        found
    }

    /// Waits until a server has reservations of exactly these devices, each with the address that it first leased.
    pub fn expect_on(&self, server: usize, devices: &[usize]) {
        let wanted: Vec<(String, String)> =
            devices.iter().map(|device| (mac(*device), address(*device))).collect();
        wait_for(format!("reservations {wanted:?}"), PATIENCE, || {
            let found = self.reservations(server);
            let found = found.iter().map(|host| {
                let text = |key: &str| host[key].as_str().unwrap_or_default().to_owned();
                (text("hw-address"), text("ip-address"))
            });
            (found.collect::<Vec<_>>() == wanted).then_some(())
        })
        .unwrap_or_else(|error| panic!("{error:#}\n{:#?}\n{}", self.reservations(server), self.log()));
    }

    /// As [`Self::expect_on`], for every server.
    pub fn expect_on_all(&self, devices: &[usize]) {
        for server in 0..self.servers.len() {
            self.expect_on(server, devices);
        }
    }
}

fn conditions(status: &Value) -> Vec<Value> {
    status["conditions"].as_array().cloned().unwrap_or_default()
}
