//! The one check after every fault: Kea has exactly what is wished for, on each server; what others reserved is as it was; and
//! each object's status tells so.

// Each test file is a program of its own and uses a part of this.
#![allow(dead_code)]

use std::collections::BTreeMap;
use std::fmt::Write;

use kea_lab::{Process, wait_for};
use serde_json::{Value, json};

use crate::operator::PATIENCE;
use crate::support::{SUBNET_ID, mac};
use crate::world::{Fate, NAMESPACE, World, all_reservations, apply, lease, leased, object};

/// How many differences a message lists.
const LISTED: usize = 8;
/// Devices of the objects that come last, one for each check.
const LAST: usize = 8000;

impl World {
    /// Waits until all is exactly as it shall be, and then until something that was wished for after that is so, too: a late
    /// effect of what was before would be seen.
    pub fn expect_exactly(&mut self, operator: &Process) {
        self.wait_until_exact(operator);
        let number = self.wishes.keys().filter(|name| name.starts_with("last-")).count();
        let (name, device) = (format!("last-{number}"), LAST + number);
        for server in &self.servers {
            lease(server, device, 3600);
        }
        apply(&self.api, [object(&name, &[device])]);
        self.wishes.insert(name, Fate::Reserved(vec![device]));
        self.wait_until_exact(operator);
    }

    fn wait_until_exact(&self, operator: &Process) {
        let mut last = String::new();
        let what = "exactly what is wished for";
        wait_for(what, 2 * PATIENCE, || {
            last = self.differences();
            last.is_empty().then_some(())
        })
        .unwrap_or_else(|error| panic!("{error:#}\n{last}\n{}", operator.tail()));
    }

    /// What is not as it shall be, in Kea and in the objects; nothing where all is.
    fn differences(&self) -> String {
        let objects = self.objects();
        let mut found: Vec<String> = Vec::new();
        for (number, server) in self.servers.iter().enumerate() {
            let wanted = self.wanted(number, &objects);
            let there = all_reservations(server);
            let missing = wanted.iter().filter(|host| !there.contains(host));
            found.extend(missing.map(|host| format!("server {number} lacks {host}")));
            let surplus = there.iter().filter(|host| !wanted.contains(host));
            found.extend(surplus.map(|host| format!("server {number} has {host}")));
            if there.len() != wanted.len() {
                found.push(format!("server {number} has {} instead of {}", there.len(), wanted.len()));
            }
        }
        for (name, object) in &objects {
            match self.wishes.get(name) {
                None => found.push(format!("{name} is still there: {}", object["status"]["message"])),
                Some(fate) => found.extend(untrue(object, fate).map(|what| format!("{name}: {what}"))),
            }
        }
        let absent = self.wishes.keys().filter(|name| !objects.contains_key(*name));
        found.extend(absent.map(|name| format!("there is no {name}")));
        shown(&found)
    }

    /// All objects by name.
    fn objects(&self) -> BTreeMap<String, Value> {
        let list =
            self.api.kubectl(&["-n", NAMESPACE, "get", "networkconfigurations", "-o", "json"]).unwrap();
        let mut list: Value = serde_json::from_str(&list).unwrap();
        let items = list["items"].as_array_mut().unwrap().drain(..);
        items.map(|object| (object["metadata"]["name"].as_str().unwrap().to_owned(), object)).collect()
    }

    /// All reservations that a server shall have, as it lists them.
    fn wanted(&self, server: usize, objects: &BTreeMap<String, Value>) -> Vec<Value> {
        let mut wanted = self.of_others[server].clone();
        let template = self.plain_host(server);
        for (name, fate) in &self.wishes {
            let (Fate::Reserved(devices), Some(object)) = (fate, objects.get(name)) else { continue };
            for device in devices {
                let mut host = template.clone();
                host["hw-address"] = mac(*device).into();
                host["ip-address"] = leased(*device).into();
                host["user-context"] = json!({
                    "ext-owner": format!("kea-operator/{}", self.cluster_id),
                    "kea-operator": {"namespace": NAMESPACE, "name": name, "uid": object["metadata"]["uid"]},
                });
                wanted.push(host);
            }
        }
        wanted
    }

    /// A reservation of a device and an address and nothing else, as the server lists it.
    fn plain_host(&self, server: usize) -> Value {
        let mut host = self.of_others[server]
            .iter()
            .find(|host| {
                host["option-data"] == json!([])
                    && host.get("user-context").is_none()
                    && host.get("hw-address").is_some()
            })
            .unwrap()
            .clone();
        assert_eq!(host["subnet-id"], SUBNET_ID);
        host["hostname"] = "".into();
        host
    }
}

/// What an object's status does not tell as it is.
fn untrue(object: &Value, fate: &Fate) -> Option<String> {
    let status = &object["status"];
    let ready = condition(status, "Ready");
    let agree = condition(status, "ServersAgree");
    let untrue = |what: &str| Some(format!("{what}: {status}"));
    if object["metadata"].get("deletionTimestamp").is_some() {
        return untrue("is being deleted");
    }
    if ready["observedGeneration"] != object["metadata"]["generation"] {
        return untrue("an older generation is told of");
    }
    if agree["status"] != "True" {
        return untrue("the servers are said to disagree");
    }
    let (phase, truth, devices) = match fate {
        Fate::Reserved(devices) => ("Ready", "True", devices.clone()),
        Fate::Kept(device) => ("Ready", "True", vec![*device]),
        Fate::Waiting(_) | Fate::Refused(_) => {
            let (phase, part) = match fate {
                Fate::Refused(part) => ("Error", *part),
                _ => ("Reconciling", "no lease found for MAC"),
            };
            let told = ready["message"].as_str().is_some_and(|message| message.contains(part));
            let so = status["phase"] == phase && ready["status"] == "False" && told;
            return if so { None } else { untrue("it is not told what is in the way") };
        }
    };
    if status["phase"] != phase || ready["status"] != truth {
        return untrue("not ready");
    }
    let told: Vec<Value> = status["networkInterfaces"]
        .as_array()
        .into_iter()
        .flatten()
        .map(|interface| {
            json!([interface["macAddress"], interface["ipv4Addresses"], interface["dhcpReserved"]])
        })
        .collect();
    let wanted: Vec<Value> =
        devices.iter().map(|device| json!([mac(*device), [leased(*device)], true])).collect();
    if told != wanted {
        return untrue("other interfaces");
    }
    None
}

fn condition(status: &Value, kind: &str) -> Value {
    let conditions = status["conditions"].as_array().cloned().unwrap_or_default();
    conditions.into_iter().find(|condition| condition["type"] == kind).unwrap_or_default()
}

fn shown(found: &[String]) -> String {
    let mut text = String::new();
    for line in found.iter().take(LISTED) {
        writeln!(text, "{line}").unwrap();
    }
    if found.len() > LISTED {
        writeln!(text, "and {} more", found.len() - LISTED).unwrap();
    }
    text
}
