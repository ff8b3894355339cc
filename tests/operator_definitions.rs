//! The CustomResourceDefinitions on a real API server: what they refuse, what they must not refuse, what they show.

use std::fs;
use std::path::Path;

use kea_lab::apiserver::ApiServer;
use serde_json::{Value, json};

fn server() -> ApiServer {
    let api = ApiServer::start().unwrap();
    let crds = Path::new(env!("CARGO_MANIFEST_DIR")).join("charts/kea-operator/files/crds");
    for file in fs::read_dir(crds).unwrap() {
        api.apply_crds(&fs::read_to_string(file.unwrap().path()).unwrap()).unwrap();
    }
    api
}

fn configuration(interfaces: &Value) -> String {
    let object = json!({
        "apiVersion": "vitistack.io/v1alpha1", "kind": "NetworkConfiguration",
        "metadata": { "name": "vm", "namespace": "default" },
        "spec": { "name": "vm", "networkInterfaces": interfaces },
    });
    object.to_string()
}

fn with_macs(macs: &[&str]) -> Value {
    let interface = |mac: &&str| json!({ "name": "eth", "macAddress": mac });
    macs.iter().map(interface).collect()
}

fn with_address(address: &str) -> Value {
    json!([{ "macAddress": "52:54:00:00:00:01", "ipv4Addresses": [address] }])
}

#[test]
fn what_nobody_can_mean_is_refused_and_all_else_is_not() {
    let api = server();
    let mac = "MAC address has 6 octets";
    let refused = [
        (with_macs(&["nonsense"]), mac),
        (with_macs(&["52:54:00:00:00"]), mac),
        (with_macs(&["52:54:00:ff:fe:00:00:01"]), mac),
        (with_macs(&["52:54-00:00:00:01"]), mac),
        (with_macs(&["52540000001"]), mac),
        (with_macs(&["52:54:00:00:00:0a", "52-54-00-00-00-0A"]), "a MAC address of its own"),
        (with_address("10.0.0"), "IPv4 addresses"),
        (with_address("10.0.0.256"), "IPv4 addresses"),
        (with_address("fe80::1"), "IPv4 addresses"),
    ];
    for (interfaces, part) in &refused {
        let refusal = api.apply(&configuration(interfaces)).unwrap_err().to_string();
        assert!(refusal.contains(part), "{interfaces}: {refusal}");
    }
    let accepted = [
        json!([]),
        with_macs(&["52:54:00:00:00:0a", "52:54:00:00:00:0B", " 525400-000000".replace('-', "").as_str()]),
        with_macs(&["5254.0000.0001", "52-54-00-00-00-02"]),
        // Not known yet.
        with_macs(&["", ""]),
        json!([{ "name": "eth0" }, { "name": "eth1" }]),
        json!([{ "macAddress": null, "ipv4Addresses": null }]),
        with_address("10.0.0.20"),
        with_address(" 10.0.0.20 "),
        with_address("10.0.0.20/24"),
        // As kubevirt-operator writes it, and proxmox-operator.
        json!([{ "name": "vlan1234", "macAddress": "00:1a:4a:16:01:51", "vlan": "1234" }]),
        json!([{ "macAddress": "BC:24:11:2E:C5:01", "vlan": "0" }]),
    ];
    for interfaces in &accepted {
        api.apply(&configuration(interfaces)).unwrap_or_else(|error| panic!("{interfaces}: {error:#}"));
    }
}

#[test]
fn what_is_wrong_already_can_still_be_mended_and_let_go() {
    let api = server();
    let definition = ["patch", "crd", "networkconfigurations.vitistack.io", "--type=json", "-p"];
    let interfaces = "/spec/versions/0/schema/openAPIV3Schema/properties/spec/properties/networkInterfaces";
    let rules = format!("{interfaces}/x-kubernetes-validations");
    let get = ["get", "crd", "networkconfigurations.vitistack.io", "-o", "json"];
    let before: Value = serde_json::from_str(&api.kubectl(&get).unwrap()).unwrap();
    let without = json!([{ "op": "remove", "path": rules }]).to_string();
    api.kubectl(&[&definition[..], &[&without]].concat()).unwrap();
    // Made before there were rules, as with the definitions of the vitistack project.
    kea_lab::wait_for("a definition without rules", std::time::Duration::from_secs(60), || {
        api.apply(&configuration(&with_macs(&["nonsense"]))).ok()
    })
    .unwrap();
    let value = before.pointer(&rules).unwrap();
    let with = json!([{ "op": "add", "path": rules, "value": value }]).to_string();
    api.kubectl(&[&definition[..], &[&with]].concat()).unwrap();
    let other = configuration(&with_macs(&["nonsense too"])).replace("\"name\":\"vm\"", "\"name\":\"other\"");
    kea_lab::wait_for("the rules", std::time::Duration::from_secs(60), || {
        api.apply(&other).is_err().then_some(())
    })
    .unwrap();

    let patch = |arguments: &[&str], patch: Value| {
        let patch = patch.to_string();
        let all =
            [&["patch", "networkconfiguration", "vm", "--type=merge", "-p", &patch], arguments].concat();
        api.kubectl(&all).unwrap()
    };
    patch(&[], json!({ "metadata": { "finalizers": ["vitistack.io/networkconfiguration-finalizer"] } }));
    patch(&["--subresource=status"], json!({ "status": { "phase": "Error" } }));
    patch(&[], json!({ "metadata": { "finalizers": [] } }));
    api.kubectl(&["delete", "networkconfiguration", "vm", "--timeout=60s"]).unwrap();
}

#[test]
fn columns_show_what_a_person_looks_for() {
    let api = server();
    api.apply(&configuration(&with_macs(&["52:54:00:00:00:01"]))).unwrap();
    let status = json!({ "status": { "phase": "Ready", "status": "Success", "message": "all is well", "conditions": [{
        "type": "Reserved", "status": "True", "reason": "AllReserved", "message": "10.0.0.20",
        "lastTransitionTime": "2026-01-01T00:00:00Z",
    }] } });
    let patch = ["patch", "networkconfiguration", "vm", "--subresource=status", "--type=merge", "-p"];
    api.kubectl(&[&patch[..], &[&status.to_string()]].concat()).unwrap();
    let table = api.kubectl(&["get", "nc", "-o", "wide"]).unwrap();
    let (header, row) = table.trim().split_once('\n').unwrap();
    assert_eq!(
        header.split_whitespace().collect::<Vec<_>>(),
        ["NAME", "PHASE", "STATUS", "ADDRESSES", "MESSAGE", "AGE"]
    );
    for value in ["Ready", "Success", "10.0.0.20", "all is well"] {
        assert!(row.contains(value), "{table}");
    }
}
