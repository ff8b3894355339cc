//! The operator on a real API server, with a real Kea and real DHCP clients.

mod support;

#[path = "support/operator.rs"]
mod operator;

use std::fs;
use std::path::Path;

use kea_lab::apiserver::ApiServer;
use kea_lab::{Device, Kea, Lab, Process, wait_for};
use operator::{PATIENCE, network_configuration, network_namespace};
use serde_json::{Value, json};
use support::{PREFIX, all_reservations, config};

const NAMESPACE: &str = "team-a";
const PHONE: &str = "02:00:00:00:00:0a";
const LAPTOP: &str = "02:00:00:00:00:0b";

struct Cluster {
    operator: Process,
    api: ApiServer,
    kea: Kea,
    lab: Lab,
}

impl Cluster {
    fn new(name: &str) -> Self {
        let lab = Lab::new(name).unwrap();
        let store = lab.dir().join("hosts4.db");
        let builder = Kea::on(&lab).unwrap().config(config(&store)).lease_cmds().unwrap();
        let kea = builder.host_cmds(Value::Null).unwrap().start().unwrap();
        let api = ApiServer::start().unwrap();
        let crds = Path::new(env!("CARGO_MANIFEST_DIR")).join("charts/kea-operator/crds");
        for file in fs::read_dir(crds).unwrap() {
            api.apply_crds(&fs::read_to_string(file.unwrap().path()).unwrap()).unwrap();
        }
        api.kubectl(&["create", "namespace", NAMESPACE]).unwrap();
        let operator = Self::start_operator(&lab, &kea, &api);
        Self { operator, api, kea, lab }
    }

    fn start_operator(lab: &Lab, kea: &Kea, api: &ApiServer) -> Process {
        let url = format!("unix:{}", kea.socket().path().display());
        let environment = [("KUBECONFIG", api.kubeconfig())];
        operator::start(
            &lab.dir().join("operator.log"),
            &["--source", "kube", "--kea-url", &url],
            &environment,
        )
    }

    fn switched_on(&self, name: &str, mac: &str) -> (Device, String) {
        let device = self.lab.device(name, mac).unwrap();
        let address = device.dhcp().unwrap().address.to_string();
        (device, address)
    }

    /// Makes a NetworkNamespace whose prefix another controller has set.
    fn apply_network(&self) {
        let network = network_namespace(NAMESPACE, PREFIX);
        self.api.apply(&network.to_string()).unwrap();
        let patch = json!({ "status": network["status"] }).to_string();
        let arguments =
            ["-n", NAMESPACE, "patch", "networknamespace", "lab", "--subresource=status", "--type=merge"];
        self.api.kubectl(&[&arguments[..], &["-p", &patch]].concat()).unwrap();
    }

    fn apply(&self, name: &str, macs: &[&str]) {
        self.api.apply(&network_configuration(NAMESPACE, name, macs).to_string()).unwrap();
    }

    fn get(&self, name: &str) -> Option<Value> {
        let arguments =
            ["-n", NAMESPACE, "get", "networkconfiguration", name, "-o", "json", "--ignore-not-found"];
        serde_json::from_str(&self.api.kubectl(&arguments).unwrap()).ok()
    }

    fn wait_for(&self, name: &str, wanted: impl Fn(&Value) -> bool) -> Value {
        wait_for(format!("the status of {name}"), PATIENCE, || self.get(name).filter(&wanted))
            .unwrap_or_else(|error| panic!("{error:#}\nlast: {:?}\n{}", self.get(name), self.operator.tail()))
    }

    fn wait_for_phase(&self, name: &str, phase: &str) -> Value {
        self.wait_for(name, |object| object["status"]["phase"] == phase)
    }

    fn wait_for_reservations(&self, count: usize) -> Vec<Value> {
        wait_for(format!("{count} reservations"), PATIENCE, || {
            Some(all_reservations(&self.kea)).filter(|found| found.len() == count)
        })
        .unwrap_or_else(|error| {
            panic!("{error:#}: {:?}\n{}", all_reservations(&self.kea), self.operator.tail())
        })
    }
}

#[test]
fn a_lease_becomes_a_reservation_and_a_person_can_see_it() {
    let mut cluster = Cluster::new("kubepath");
    let (phone, leased) = cluster.switched_on("phone", PHONE);
    // The prefix comes last: the watch on the NetworkNamespace must bring its users back.
    cluster.apply("phone", &[PHONE]);
    cluster.wait_for("phone", |object| object["status"].to_string().contains("lab"));
    cluster.apply_network();

    let object = cluster.wait_for_phase("phone", "Ready");
    assert_eq!(object["status"]["status"], "Success");
    assert_eq!(object["status"]["networkInterfaces"][0]["ipv4Addresses"], json!([leased]));
    assert_eq!(object["metadata"]["finalizers"], json!(["vitistack.io/networkconfiguration-finalizer"]));
    let reserved = &cluster.wait_for_reservations(1)[0];
    assert_eq!((&reserved["hw-address"], &reserved["ip-address"]), (&json!(PHONE), &json!(leased)));
    assert_eq!(reserved["user-context"]["kea-operator"]["uid"], object["metadata"]["uid"]);

    let table = cluster.api.kubectl(&["-n", NAMESPACE, "get", "networkconfigurations"]).unwrap();
    let (header, row) = table.trim().split_once('\n').unwrap();
    for column in ["NAME", "PHASE", "ADDRESSES", "AGE"] {
        assert!(header.contains(column), "{table}");
    }
    for value in ["phone", "Ready", leased.as_str()] {
        assert!(row.contains(value), "{table}");
    }
    let seen = wait_for("the event", PATIENCE, || {
        let text =
            cluster.api.kubectl(&["-n", NAMESPACE, "describe", "networkconfiguration", "phone"]).unwrap();
        text.split_once("Events:").is_some_and(|(_, events)| events.contains(&leased)).then_some(text)
    });
    let described = seen.unwrap_or_else(|error| panic!("{error:#}\n{}", cluster.operator.tail()));
    for part in ["Conditions:", "Ready", "Configured", PHONE] {
        assert!(described.contains(part), "'{part}' is not in:\n{described}");
    }

    // Once it is as it should be, nothing is written any more.
    let settled = cluster.get("phone").unwrap()["metadata"]["resourceVersion"].clone();
    cluster.api.kubectl(&["-n", NAMESPACE, "annotate", "networknamespace", "lab", "touched=yes"]).unwrap();

    cluster.kea.wipe_leases4().unwrap();
    cluster.kea.kill9().unwrap();
    cluster.kea.restart().unwrap();
    assert_eq!(phone.dhcp().unwrap().address.to_string(), leased);
    assert_eq!(cluster.get("phone").unwrap()["metadata"]["resourceVersion"], settled);

    cluster
        .api
        .kubectl(&["-n", NAMESPACE, "delete", "networkconfiguration", "phone", "--timeout=60s"])
        .unwrap();
    assert!(cluster.get("phone").is_none());
    cluster.wait_for_reservations(0);
    let status = cluster.operator.terminate().unwrap();
    assert!(status.success(), "{status}\n{}", cluster.operator.tail());
}

#[test]
fn macs_come_and_go_and_deletion_waits_for_kea() {
    let mut cluster = Cluster::new("kubemacs");
    cluster.apply_network();
    let (_phone, _) = cluster.switched_on("phone", PHONE);
    let (_laptop, of_laptop) = cluster.switched_on("laptop", LAPTOP);
    cluster.apply("pair", &[PHONE, LAPTOP]);
    cluster.wait_for_phase("pair", "Ready");
    cluster.wait_for_reservations(2);
    cluster.apply("pair", &[LAPTOP]);
    assert_eq!(cluster.wait_for_reservations(1)[0]["ip-address"], json!(of_laptop));
    cluster.wait_for("pair", |object| {
        object["status"]["networkInterfaces"].as_array().is_some_and(|interfaces| interfaces.len() == 1)
    });

    cluster.kea.kill9().unwrap();
    cluster
        .api
        .kubectl(&["-n", NAMESPACE, "delete", "networkconfiguration", "pair", "--wait=false"])
        .unwrap();
    cluster.wait_for_phase("pair", "Deleting");
    cluster.kea.restart().unwrap();
    wait_for("the object to go", PATIENCE, || cluster.get("pair").is_none().then_some(()))
        .unwrap_or_else(|error| panic!("{error:#}\n{}", cluster.operator.tail()));
    cluster.wait_for_reservations(0);
}

#[test]
fn an_operator_that_was_killed_goes_on_where_it_was() {
    let mut cluster = Cluster::new("kubekill");
    cluster.apply_network();
    let (_phone, leased) = cluster.switched_on("phone", PHONE);
    cluster.apply("phone", &[PHONE]);
    cluster.wait_for_phase("phone", "Ready");
    cluster.operator.kill().unwrap();
    cluster
        .api
        .kubectl(&["-n", NAMESPACE, "delete", "networkconfiguration", "phone", "--wait=false"])
        .unwrap();
    cluster.apply("again", &[LAPTOP]);
    assert_eq!(cluster.wait_for_reservations(1)[0]["ip-address"], json!(leased));

    cluster.operator = Cluster::start_operator(&cluster.lab, &cluster.kea, &cluster.api);
    cluster.wait_for_reservations(0);
    let (_laptop, of_laptop) = cluster.switched_on("laptop", LAPTOP);
    cluster.wait_for_phase("again", "Ready");
    assert_eq!(cluster.wait_for_reservations(1)[0]["ip-address"], json!(of_laptop));
}
