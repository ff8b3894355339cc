//! The operator on a folder of objects, with a real Kea and real DHCP clients.

mod support;

#[path = "support/operator.rs"]
mod operator;

use std::fs;
use std::path::{Path, PathBuf};

use kea_lab::{ControlAgent, Kea, Lab, Process, wait_for};
use operator::{PATIENCE, network_configuration, network_namespace};
use serde_json::{Value, json};
use support::{PREFIX, SUBNET_ID, all_reservations, config};

const NAMESPACE: &str = "demo";
const PHONE: &str = "02:00:00:00:00:0a";
const LAPTOP: &str = "02:00:00:00:00:0b";

/// Everything that such a test needs, in the order in which it must be taken down.
struct Site {
    operator: Option<Process>,
    objects: PathBuf,
    kea: Kea,
    lab: Lab,
}

impl Site {
    fn new(name: &str) -> Self {
        let lab = Lab::new(name).unwrap();
        let store = lab.dir().join("hosts4.db");
        let builder = Kea::on(&lab).unwrap().config(config(&store)).lease_cmds().unwrap();
        let kea = builder.host_cmds(Value::Null).unwrap().start().unwrap();
        let objects = lab.dir().join("objects");
        fs::create_dir(&objects).unwrap();
        write_object(&objects, "network.yaml", &network_namespace(NAMESPACE, PREFIX));
        Self { operator: None, objects, kea, lab }
    }

    fn start_operator(&mut self) {
        let url = format!("unix:{}", self.kea.socket().path().display());
        self.start_operator_on(&url);
    }

    fn start_operator_on(&mut self, url: &str) {
        let source = format!("dir:{}", self.objects.display());
        let log = self.lab.dir().join("operator.log");
        self.operator = Some(operator::start(&log, &["--source", &source, "--kea-url", url], &[]));
    }

    fn write(&self, object: &Value) {
        let file = format!("{}.yaml", object["metadata"]["name"].as_str().unwrap());
        write_object(&self.objects, &file, object);
    }

    fn status_file(&self, name: &str) -> PathBuf {
        self.objects.join(format!("status/networkconfiguration.{NAMESPACE}.{name}.yaml"))
    }

    fn status(&self, name: &str) -> Option<Value> {
        read_status(&self.status_file(name))
    }

    /// Waits for a status that the test wants to see.
    fn wait_for_status(&self, name: &str, wanted: impl Fn(&Value) -> bool) -> Value {
        wait_for(format!("the status of {name}"), PATIENCE, || self.status(name).filter(&wanted))
            .unwrap_or_else(|error| {
                panic!("{error:#}\nlast: {:?}\n{}", self.status(name), self.operator_log())
            })
    }

    fn wait_for_phase(&self, name: &str, phase: &str) -> Value {
        self.wait_for_status(name, |status| status["phase"] == phase)
    }

    fn wait_for_reservations(&self, count: usize) -> Vec<Value> {
        wait_for(format!("{count} reservations"), PATIENCE, || {
            Some(all_reservations(&self.kea)).filter(|found| found.len() == count)
        })
        .unwrap_or_else(|error| {
            panic!("{error:#}: {:?}\n{}", all_reservations(&self.kea), self.operator_log())
        })
    }

    fn operator_log(&self) -> String {
        self.operator.as_ref().map(Process::tail).unwrap_or_default()
    }

    fn stop_operator(&mut self) {
        let status = self.operator.take().unwrap().terminate().unwrap();
        assert!(status.success(), "the operator ended with {status}");
    }
}

/// Puts an object into a folder at once, as careful writers do. JSON is YAML.
fn write_object(folder: &Path, file: &str, object: &Value) {
    let draft = folder.with_extension(file);
    fs::write(&draft, object.to_string()).unwrap();
    fs::rename(&draft, folder.join(file)).unwrap();
}

fn read_status(file: &Path) -> Option<Value> {
    let mut object: Value = serde_saphyr::from_str(&fs::read_to_string(file).ok()?).ok()?;
    Some(object["status"].take())
}

fn condition<'a>(status: &'a Value, kind: &str) -> &'a Value {
    let conditions = status["conditions"].as_array().unwrap();
    conditions.iter().find(|condition| condition["type"] == kind).unwrap_or(&Value::Null)
}

#[test]
fn a_lease_becomes_a_reservation_and_is_released_again() {
    let mut site = Site::new("path");
    let phone = site.lab.device("phone", PHONE).unwrap();
    let leased = phone.dhcp().unwrap().address.to_string();
    site.start_operator();

    // Upper case and dashes: echoed as written, reserved in Kea's form.
    site.write(&network_configuration(NAMESPACE, "phone", &["02-00-00-00-00-0A"]));
    let status = site.wait_for_phase("phone", "Ready");
    assert_eq!(status["status"], "Success");
    let interface = &status["networkInterfaces"][0];
    assert_eq!(interface["macAddress"], "02-00-00-00-00-0A");
    assert_eq!(interface["ipv4Addresses"], json!([leased]));
    assert_eq!(interface["dhcpReserved"], true);
    assert_eq!(condition(&status, "Ready")["status"], "True");

    let reserved = &site.wait_for_reservations(1)[0];
    assert_eq!((&reserved["hw-address"], &reserved["ip-address"]), (&json!(PHONE), &json!(leased)));
    let owner = reserved["user-context"]["ext-owner"].as_str().unwrap();
    assert!(owner.starts_with("kea-operator/dir-"), "{owner}");
    assert_eq!(reserved["user-context"]["kea-operator"]["name"], "phone");

    // Without the lease and with a new Kea, the reservation alone gives the address.
    site.kea.wipe_leases4().unwrap();
    site.kea.kill9().unwrap();
    site.kea.restart().unwrap();
    let other = site.lab.device("other", "02:00:00:00:00:0f").unwrap();
    let taken = other.request().asking_for(leased.parse().unwrap()).run().unwrap().address.to_string();
    assert_ne!(taken, leased);
    assert_eq!(phone.dhcp().unwrap().address.to_string(), leased);

    // A MAC that leaves the object leaves Kea; the other one stays.
    let laptop = site.lab.device("laptop", LAPTOP).unwrap();
    let leased_laptop = laptop.dhcp().unwrap().address.to_string();
    site.write(&network_configuration(NAMESPACE, "phone", &[PHONE, LAPTOP]));
    site.wait_for_reservations(2);
    site.write(&network_configuration(NAMESPACE, "phone", &[LAPTOP]));
    let left = site.wait_for_reservations(1);
    assert_eq!((&left[0]["hw-address"], &left[0]["ip-address"]), (&json!(LAPTOP), &json!(leased_laptop)));

    fs::remove_file(site.objects.join("phone.yaml")).unwrap();
    site.wait_for_reservations(0);
    wait_for("the status file to go", PATIENCE, || (!site.status_file("phone").exists()).then_some(()))
        .unwrap();
    site.stop_operator();
}

#[test]
fn no_lease_means_no_reservation_until_there_is_one() {
    let mut site = Site::new("nolease");
    site.start_operator();
    site.write(&network_configuration(NAMESPACE, "phone", &[PHONE]));
    let status = site.wait_for_status("phone", |status| status.to_string().contains("no lease found"));
    assert_ne!(status["phase"], "Ready");
    assert!(all_reservations(&site.kea).is_empty());

    let leased = site.lab.device("phone", PHONE).unwrap().dhcp().unwrap().address.to_string();
    let status = site.wait_for_phase("phone", "Ready");
    assert_eq!(status["networkInterfaces"][0]["ipv4Addresses"], json!([leased]));
    assert_eq!(site.wait_for_reservations(1)[0]["ip-address"], json!(leased));
}

#[test]
fn what_was_removed_while_the_operator_was_down_is_released() {
    let mut site = Site::new("down");
    site.lab.device("phone", PHONE).unwrap().dhcp().unwrap();
    site.lab.device("laptop", LAPTOP).unwrap().dhcp().unwrap();
    site.start_operator();
    site.write(&network_configuration(NAMESPACE, "phone", &[PHONE]));
    site.write(&network_configuration(NAMESPACE, "laptop", &[LAPTOP]));
    site.wait_for_phase("phone", "Ready");
    site.wait_for_phase("laptop", "Ready");

    site.operator.take().unwrap().kill().unwrap();
    fs::remove_file(site.objects.join("phone.yaml")).unwrap();
    // Broken is not removed.
    fs::write(site.objects.join("laptop.yaml"), "kind: [NetworkConfiguration\n").unwrap();
    site.start_operator();
    let left = site.wait_for_reservations(1);
    assert_eq!(left[0]["hw-address"], LAPTOP);
    wait_for("the status file to go", PATIENCE, || (!site.status_file("phone").exists()).then_some(()))
        .unwrap();
    assert!(site.status_file("laptop").exists());
}

#[test]
fn reservations_of_others_are_never_touched() {
    let mut site = Site::new("others");
    let leased = site.lab.device("phone", PHONE).unwrap().dhcp().unwrap().address.to_string();
    // By hand: another address for the phone, and the phone's address for nobody that exists.
    let by_hand = [
        json!({ "subnet-id": SUBNET_ID, "hw-address": LAPTOP, "ip-address": leased, "hostname": "printer" }),
        json!({ "subnet-id": 0, "hw-address": PHONE, "hostname": "phone" }),
    ];
    for reservation in &by_hand {
        site.kea.ask("ext-reservation-add", &json!({ "reservation": reservation })).unwrap();
    }
    let before = all_reservations(&site.kea);

    site.start_operator();
    site.write(&network_configuration(NAMESPACE, "phone", &[PHONE]));
    // The message says which address, and who has it.
    let status = site.wait_for_status("phone", |status| status.to_string().contains(LAPTOP));
    assert!(status.to_string().contains(&leased), "{status}");
    assert_eq!(condition(&status, "Ready")["status"], "False");
    fs::remove_file(site.objects.join("phone.yaml")).unwrap();
    wait_for("the status file to go", PATIENCE, || (!site.status_file("phone").exists()).then_some(()))
        .unwrap();
    assert_eq!(all_reservations(&site.kea), before);
}

#[test]
fn bad_objects_say_why_and_stop_no_other() {
    let mut site = Site::new("bad");
    site.lab.device("phone", PHONE).unwrap().dhcp().unwrap();
    site.start_operator();
    site.write(&network_configuration(NAMESPACE, "wrong", &["02:00:00:00:00", LAPTOP]));
    let status = site.wait_for_status("wrong", |status| status.to_string().contains("02:00:00:00:00"));
    assert_ne!(status["phase"], "Ready", "{status}");

    let mut elsewhere = network_configuration(NAMESPACE, "elsewhere", &[LAPTOP]);
    elsewhere["spec"]["networkNamespaceName"] = json!("nowhere");
    site.write(&elsewhere);
    site.wait_for_status("elsewhere", |status| status.to_string().contains("nowhere"));

    write_object(&site.objects, "foreign.yaml", &network_namespace("foreign", "192.0.2.0/24"));
    write_object(&site.objects, "unserved.yaml", &network_configuration("foreign", "unserved", &[LAPTOP]));
    let file = site.objects.join("status/networkconfiguration.foreign.unserved.yaml");
    let status = wait_for("the status of unserved", PATIENCE, || {
        read_status(&file).filter(|status| status.to_string().contains("subnet not found for prefix"))
    });
    let status =
        status.unwrap_or_else(|error| panic!("{error:#}\n{:?}\n{}", read_status(&file), site.operator_log()));
    assert!(status.to_string().contains(PREFIX), "the subnets that there are: {status}");

    fs::write(site.objects.join("broken.yaml"), "}{").unwrap();
    site.write(&network_configuration(NAMESPACE, "phone", &[PHONE]));
    site.wait_for_phase("phone", "Ready");
}

#[test]
fn it_waits_for_a_kea_that_is_down_and_keeps_what_it_knows() {
    let mut site = Site::new("keadown");
    let leased = site.lab.device("phone", PHONE).unwrap().dhcp().unwrap().address.to_string();
    site.kea.kill9().unwrap();
    site.start_operator();
    site.write(&network_configuration(NAMESPACE, "phone", &[PHONE]));
    let status = site.wait_for_phase("phone", "Error");
    assert_eq!(condition(&status, "Ready")["status"], "False");
    site.kea.restart().unwrap();
    let status = site.wait_for_phase("phone", "Ready");
    assert_eq!(status["networkInterfaces"][0]["ipv4Addresses"], json!([leased]));

    // Down again: an address that was reported is not taken back, and nothing is released unseen.
    site.kea.kill9().unwrap();
    site.write(&network_configuration(NAMESPACE, "phone", &[PHONE, LAPTOP]));
    let status = site.wait_for_phase("phone", "Error");
    assert_eq!(status["networkInterfaces"][0]["ipv4Addresses"], json!([leased]), "{status}");
    fs::remove_file(site.objects.join("phone.yaml")).unwrap();
    site.kea.restart().unwrap();
    site.wait_for_reservations(0);
}

#[test]
fn it_reaches_kea_through_a_control_agent() {
    let mut site = Site::new("agent");
    let leased = site.lab.device("phone", PHONE).unwrap().dhcp().unwrap().address.to_string();
    let agent = ControlAgent::for_server(&site.kea).unwrap();
    site.start_operator_on(&agent.url());
    site.write(&network_configuration(NAMESPACE, "phone", &[PHONE]));
    let status = site.wait_for_phase("phone", "Ready");
    assert_eq!(status["networkInterfaces"][0]["ipv4Addresses"], json!([leased]));
    fs::remove_file(site.objects.join("phone.yaml")).unwrap();
    site.wait_for_reservations(0);
    drop(site);
}
