//! An API server, a Kea with the hook, and operators that serve the one with the other.

// Each test file is a program of its own and uses a part of this.
#![allow(dead_code)]

use std::fs;
use std::path::{Path, PathBuf};

use kea_lab::apiserver::ApiServer;
use kea_lab::{Device, Kea, Lab, Process, wait_for};
use serde_json::{Value, json};

use crate::operator::{self, PATIENCE, network_configuration, network_namespace};
use crate::support::{PREFIX, all_reservations, config};

/// The Kubernetes namespace of everything.
pub const NAMESPACE: &str = "team-a";
/// MAC address of a device.
pub const PHONE: &str = "02:00:00:00:00:0a";
/// MAC address of another.
pub const LAPTOP: &str = "02:00:00:00:00:0b";

/// Everything that such a test needs, in the order in which it must be taken down.
pub struct Cluster {
    pub api: ApiServer,
    pub kea: Kea,
    pub lab: Lab,
}

impl Cluster {
    /// With the definitions of the chart.
    pub fn new(name: &str) -> Self {
        Self::with_definitions(name, "charts/kea-operator/files/crds")
    }

    /// With the CustomResourceDefinitions in that folder of the project.
    pub fn with_definitions(name: &str, folder: &str) -> Self {
        let lab = Lab::new(name).unwrap();
        let store = lab.dir().join("hosts4.db");
        let builder = Kea::on(&lab).unwrap().config(config(&store)).lease_cmds().unwrap();
        let kea = builder.host_cmds(Value::Null).unwrap().start().unwrap();
        let api = ApiServer::start().unwrap();
        for file in fs::read_dir(Path::new(env!("CARGO_MANIFEST_DIR")).join(folder)).unwrap() {
            api.apply_crds(&fs::read_to_string(file.unwrap().path()).unwrap()).unwrap();
        }
        api.kubectl(&["create", "namespace", NAMESPACE]).unwrap();
        Self { api, kea, lab }
    }

    /// Starts an operator that logs into a file of that name.
    pub fn start(&self, name: &str, arguments: &[&str]) -> Process {
        let url = format!("unix:{}", self.kea.socket().path().display());
        let arguments = [&["--source", "kube", "--kea-url", &url][..], arguments].concat();
        let environment = [("KUBECONFIG", self.api.kubeconfig())];
        operator::start(&self.log_of(name), &arguments, &environment)
    }

    fn log_of(&self, name: &str) -> PathBuf {
        self.lab.dir().join(format!("{name}.operator.log"))
    }

    /// Waits until an operator has logged this.
    pub fn wait_for_log(operator: &Process, text: &str) {
        operator::wait_for_log(operator, text);
    }

    /// The ends of the logs of all operators.
    fn logs(&self) -> String {
        let mut files: Vec<PathBuf> =
            fs::read_dir(self.lab.dir()).unwrap().map(|entry| entry.unwrap().path()).collect();
        files.sort();
        files.retain(|file| file.to_string_lossy().ends_with(".operator.log"));
        let end = |file: &PathBuf| {
            let text = fs::read_to_string(file).unwrap_or_default();
            let lines: Vec<&str> = text.lines().collect();
            format!("--- {} ---\n{}\n", file.display(), lines[lines.len().saturating_sub(40)..].join("\n"))
        };
        files.iter().map(end).collect()
    }

    /// Plugs in a device and lets it ask for an address.
    pub fn switched_on(&self, name: &str, mac: &str) -> (Device, String) {
        let device = self.lab.device(name, mac).unwrap();
        let address = device.dhcp().unwrap().address.to_string();
        (device, address)
    }

    /// Makes a NetworkNamespace whose prefix another controller has set.
    pub fn apply_network(&self) {
        let network = network_namespace(NAMESPACE, PREFIX);
        self.api.apply(&network.to_string()).unwrap();
        let patch = json!({ "status": network["status"] }).to_string();
        let arguments =
            ["-n", NAMESPACE, "patch", "networknamespace", "lab", "--subresource=status", "--type=merge"];
        self.api.kubectl(&[&arguments[..], &["-p", &patch]].concat()).unwrap();
    }

    /// Makes or changes an object with these MAC addresses.
    pub fn apply(&self, name: &str, macs: &[&str]) {
        self.api.apply(&network_configuration(NAMESPACE, name, macs).to_string()).unwrap();
    }

    /// The object, if it is there.
    pub fn get(&self, name: &str) -> Option<Value> {
        let arguments =
            ["-n", NAMESPACE, "get", "networkconfiguration", name, "-o", "json", "--ignore-not-found"];
        serde_json::from_str(&self.api.kubectl(&arguments).unwrap()).ok()
    }

    /// Waits for a state of an object.
    pub fn wait_for(&self, name: &str, wanted: impl Fn(&Value) -> bool) -> Value {
        wait_for(format!("the status of {name}"), PATIENCE, || self.get(name).filter(&wanted))
            .unwrap_or_else(|error| panic!("{error:#}\nlast: {:?}\n{}", self.get(name), self.logs()))
    }

    /// Waits for a phase of an object.
    pub fn wait_for_phase(&self, name: &str, phase: &str) -> Value {
        self.wait_for(name, |object| object["status"]["phase"] == phase)
    }

    /// Waits until Kea has that many reservations.
    pub fn wait_for_reservations(&self, count: usize) -> Vec<Value> {
        wait_for(format!("{count} reservations"), PATIENCE, || {
            Some(all_reservations(&self.kea)).filter(|found| found.len() == count)
        })
        .unwrap_or_else(|error| panic!("{error:#}: {:?}\n{}", all_reservations(&self.kea), self.logs()))
    }
}
