//! The operator beside what the vitistack project runs: its CustomResourceDefinitions, its Go operator, its other writers.

mod support;

#[path = "support/cluster.rs"]
mod cluster;
#[path = "support/operator.rs"]
mod operator;

use std::net::TcpListener;

use cluster::{Cluster, LAPTOP, NAMESPACE, PHONE};
use kea_lab::wait_for;
use operator::PATIENCE;
use serde_json::{Value, json};
use support::PREFIX;

const UPSTREAM: &str = "tests/support/upstream_crds";
const FINALIZER: &str = "vitistack.io/networkconfiguration-finalizer";

fn patch(cluster: &Cluster, arguments: &[&str], patch: &Value) {
    let patch = patch.to_string();
    let all = [&["-n", NAMESPACE, "patch"], arguments, &["--type=merge", "-p", &patch]].concat();
    cluster.api.kubectl(&all).unwrap();
}

fn patch_definition(cluster: &Cluster, definition: &str, patch: &Value) {
    let arguments = ["patch", "crd", definition, "--type=json", "-p", &patch.to_string()];
    cluster.api.kubectl(&arguments).unwrap();
}

/// A NetworkNamespace of the newer version.
fn apply_network(cluster: &Cluster, name: &str, phase: &str) {
    let network = json!({
        "apiVersion": "vitistack.io/v1alpha2", "kind": "NetworkNamespace",
        "metadata": { "name": name, "namespace": NAMESPACE },
        "spec": { "networkProvisioning": {
            "provider": "manual", "manual": { "ipv4CIDR": PREFIX, "ipv4Gateway": "10.77.0.9" },
        } },
    });
    cluster.api.apply(&network.to_string()).unwrap();
    set_phase(cluster, name, phase);
}

fn set_phase(cluster: &Cluster, name: &str, phase: &str) {
    let status = json!({ "status": { "ipv4Prefix": PREFIX, "provisioningPhase": phase } });
    patch(cluster, &["networknamespaces.v1alpha2.vitistack.io", name, "--subresource=status"], &status);
}

/// Writes a status the way the Go operator does: by merge patch, in the name of its program.
fn write_as_go(cluster: &Cluster, name: &str, status: &Value) {
    let arguments = ["networkconfiguration", name, "--subresource=status", "--field-manager=manager"];
    patch(cluster, &arguments, &json!({ "status": status }));
}

fn condition(kind: &str, reason: &str) -> Value {
    json!({
        "type": kind, "status": "True", "reason": reason, "message": "", "observedGeneration": 1,
        "lastTransitionTime": "2026-01-01T00:00:00Z",
    })
}

fn reason(object: &Value, kind: &str) -> Value {
    let conditions = object["status"]["conditions"].as_array().cloned().unwrap_or_default();
    conditions.into_iter().find(|c| c["type"] == kind).map_or(Value::Null, |mut c| c["reason"].take())
}

/// The field managers that own the field at `path` of the status.
fn owners(cluster: &Cluster, name: &str, path: &str) -> Vec<String> {
    let arguments =
        ["-n", NAMESPACE, "get", "networkconfiguration", name, "-o", "json", "--show-managed-fields"];
    let object: Value = serde_json::from_str(&cluster.api.kubectl(&arguments).unwrap()).unwrap();
    let entries = object["metadata"]["managedFields"].as_array().unwrap();
    let mine = entries.iter().filter(|entry| entry["fieldsV1"]["f:status"].pointer(path).is_some());
    mine.map(|entry| entry["manager"].as_str().unwrap().to_owned()).collect()
}

#[test]
fn the_main_job_is_done_with_the_projects_definitions() {
    let cluster = Cluster::with_definitions("upmain", UPSTREAM);
    let operator = cluster.start("a", &[]);
    let (_phone, leased) = cluster.switched_on("phone", PHONE);
    apply_network(&cluster, "lab", "Pending");
    cluster.apply("phone", &[PHONE]);
    let waiting = cluster.wait_for("phone", |object| reason(object, "SubnetResolved") == "NamespaceNotReady");
    assert_eq!(waiting["status"]["phase"], "Reconciling");
    cluster.wait_for_reservations(0);

    set_phase(&cluster, "lab", "Ready");
    let object = cluster.wait_for_phase("phone", "Ready");
    assert_eq!(object["status"]["networkInterfaces"][0]["ipv4Addresses"], json!([leased]));

    // Another writes into the same list of conditions, which has one owner: what it says stays, and so does ours.
    let mut conditions = object["status"]["conditions"].as_array().unwrap().clone();
    conditions.push(condition("Attached", "Plugged"));
    let status = json!({ "status": { "conditions": conditions } });
    patch(
        &cluster,
        &["networkconfiguration", "phone", "--subresource=status", "--field-manager=other"],
        &status,
    );
    cluster.apply("phone", &[PHONE, LAPTOP]);
    let object = cluster.wait_for_phase("phone", "Reconciling");
    assert_eq!(reason(&object, "Attached"), "Plugged", "{object:#}\n{}", operator.tail());
    assert_eq!(reason(&object, "LeasesObserved"), "NoLease");

    cluster
        .api
        .kubectl(&["-n", NAMESPACE, "delete", "networkconfiguration", "phone", "--timeout=60s"])
        .unwrap();
    cluster.wait_for_reservations(0);
}

#[test]
fn the_go_operators_objects_are_taken_over() {
    for (name, definitions) in [("upgo", UPSTREAM), ("chartgo", "charts/kea-operator/files/crds")] {
        let cluster = Cluster::with_definitions(name, definitions);
        let has_keys = definitions != UPSTREAM;
        if has_keys {
            cluster.apply_network()
        } else {
            apply_network(&cluster, "lab", "Ready")
        }
        let (_phone, leased) = cluster.switched_on("phone", PHONE);
        cluster.apply("phone", &[PHONE]);
        let finalizers = json!({ "metadata": { "finalizers": [FINALIZER] } });
        patch(&cluster, &["networkconfiguration", "phone", "--field-manager=manager"], &finalizers);
        let written = json!({
            "phase": "Ready", "status": "Success", "created": "2026-01-01T00:00:00Z",
            "message": "All 1 MAC reservations configured with assigned IPs",
            "conditions": [condition("Ready", "Configured"), condition("StaticIPReady", "Allocated")],
            "networkInterfaces": [{
                "name": "eth0", "macAddress": PHONE, "dhcpReserved": true,
                "ipv4Addresses": [leased], "ipv4Subnet": PREFIX, "ipv4Gateway": "10.77.0.1",
            }],
        });
        write_as_go(&cluster, "phone", &written);

        let operator = cluster.start("a", &[]);
        let object = cluster.wait_for("phone", |object| reason(object, "Reserved") == "AllReserved");
        let status = &object["status"];
        assert_eq!(
            (&status["phase"], &status["message"]),
            (&json!("Ready"), &json!("1 of 1 interfaces reserved"))
        );
        assert_eq!(status["created"], "2026-01-01T00:00:00Z");
        // The newer version tells the gateway where Kea does not.
        let gateway = if has_keys { Value::Null } else { json!("10.77.0.9") };
        assert_eq!(status["networkInterfaces"][0]["ipv4Gateway"], gateway);
        assert!(operator.log().contains("taken over"), "{}", operator.tail());
        assert_eq!(owners(&cluster, "phone", "/f:phase"), ["kea-operator"]);
        assert_eq!(owners(&cluster, "phone", "/f:networkInterfaces"), ["kea-operator"]);

        // What others report stays, and stays theirs where the list has keys.
        assert_eq!(reason(&object, "StaticIPReady"), "Allocated");
        if has_keys {
            let of_other = r#"/f:conditions/k:{"type":"StaticIPReady"}"#;
            assert_eq!(owners(&cluster, "phone", of_other), ["manager"]);
        }
        cluster
            .api
            .kubectl(&["-n", NAMESPACE, "delete", "networkconfiguration", "phone", "--timeout=60s"])
            .unwrap();
        cluster.wait_for_reservations(0);
    }
}

#[test]
fn what_another_applies_is_left_to_it() {
    let cluster = Cluster::new("upapply");
    cluster.apply_network();
    let (_phone, _) = cluster.switched_on("phone", PHONE);
    cluster.apply("phone", &[PHONE]);
    let applied = json!({
        "apiVersion": "vitistack.io/v1alpha1", "kind": "NetworkConfiguration",
        "metadata": { "name": "phone", "namespace": NAMESPACE },
        "status": { "phase": "Allocated" },
    });
    let file = cluster.lab.dir().join("applied.json");
    std::fs::write(&file, applied.to_string()).unwrap();
    let apply =
        ["apply", "--server-side", "--subresource=status", "--field-manager=static-ip-operator", "-f"];
    cluster.api.kubectl(&[&apply[..], &[file.to_str().unwrap()]].concat()).unwrap();

    let _operator = cluster.start("a", &[]);
    let events = ["-n", NAMESPACE, "get", "events", "-o", "json"];
    let event = wait_for("the event", PATIENCE, || {
        let events: Value = serde_json::from_str(&cluster.api.kubectl(&events).unwrap()).unwrap();
        events["items"].as_array().unwrap().iter().find(|event| event["reason"] == "StatusConflict").cloned()
    });
    let note = event.unwrap().to_string();
    assert!(note.contains("static-ip-operator") && note.contains(".status.phase"), "{note}");
    assert_eq!(cluster.get("phone").unwrap()["status"], applied["status"]);
}

#[test]
fn a_malformed_object_stops_no_other() {
    let cluster = Cluster::with_definitions("upbad", UPSTREAM);
    apply_network(&cluster, "lab", "Ready");
    let (_phone, _) = cluster.switched_on("phone", PHONE);
    let open = json!({ "type": "object", "x-kubernetes-preserve-unknown-fields": true });
    let path = "/spec/versions/0/schema/openAPIV3Schema/properties/spec";
    let change = json!([{ "op": "replace", "path": path, "value": open }]);
    patch_definition(&cluster, "networkconfigurations.vitistack.io", &change);
    let malformed = json!({
        "apiVersion": "vitistack.io/v1alpha1", "kind": "NetworkConfiguration",
        "metadata": { "name": "bad", "namespace": NAMESPACE },
        "spec": { "name": "bad", "networkInterfaces": "eth0" },
    });
    wait_for("the open schema", PATIENCE, || cluster.api.apply(&malformed.to_string()).ok()).unwrap();

    let operator = cluster.start("a", &[]);
    cluster.apply("phone", &[PHONE]);
    cluster.wait_for_phase("phone", "Ready");
    Cluster::wait_for_log(&operator, "ValidationFailed");
    assert_eq!(cluster.get("bad").unwrap().get("status"), None);
    // Mended, it is served.
    cluster.apply("bad", &[LAPTOP]);
    cluster.wait_for_phase("bad", "Reconciling");

    // What is served and becomes malformed keeps what it has, and can be deleted with it.
    cluster.wait_for_reservations(1);
    let broken = json!({ "spec": { "networkInterfaces": "eth0" } });
    patch(&cluster, &["networkconfiguration", "phone"], &broken);
    wait_for("a malformed phone", PATIENCE, || {
        operator.log().lines().any(|line| line.contains("phone") && line.contains("malformed")).then_some(())
    })
    .unwrap_or_else(|error| panic!("{error:#}\n{}", operator.tail()));
    cluster.wait_for_reservations(1);
    let delete = ["-n", NAMESPACE, "delete", "networkconfiguration", "phone", "--timeout=60s"];
    cluster.api.kubectl(&delete).unwrap();
    cluster.wait_for_reservations(0);
}

/// The Go operator called any reservation and any lease a reserved address.
#[test]
fn what_the_go_operator_said_is_not_taken_for_true() {
    let cluster = Cluster::with_definitions("upsaid", UPSTREAM);
    apply_network(&cluster, "lab", "Ready");
    let (_phone, leased) = cluster.switched_on("phone", PHONE);
    for (name, mac, said) in [("phone", PHONE, "10.77.0.77"), ("laptop", LAPTOP, "10.77.0.78")] {
        cluster.apply(name, &[mac]);
        let written = json!({
            "phase": "Ready", "status": "Success",
            "networkInterfaces": [{
                "name": "eth0", "macAddress": mac, "dhcpReserved": true, "ipv4Addresses": [said],
                "ipv4Subnet": PREFIX,
            }],
        });
        write_as_go(&cluster, name, &written);
    }
    let _operator = cluster.start("a", &[]);
    let phone = cluster.wait_for("phone", |object| reason(object, "Reserved") == "AllReserved");
    assert_eq!(phone["status"]["networkInterfaces"][0]["ipv4Addresses"], json!([leased]));
    cluster.wait_for("laptop", |object| reason(object, "Reserved") == "Waiting");
    cluster.wait_for_reservations(1);
}

/// Makes the conversion of NetworkNamespaces hang: whoever connects to this listener waits for ever.
fn hang_conversion(cluster: &Cluster) -> TcpListener {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let url = format!("https://{}/convert", listener.local_addr().unwrap());
    let webhook = json!({ "clientConfig": { "url": url }, "conversionReviewVersions": ["v1"] });
    let conversion = json!({ "strategy": "Webhook", "webhook": webhook });
    let change = json!([{ "op": "replace", "path": "/spec/conversion", "value": conversion }]);
    patch_definition(cluster, "networknamespaces.vitistack.io", &change);
    listener
}

/// Has new NetworkNamespaces stored in the version of that place in the definition.
fn store_version(cluster: &Cluster, place: usize) {
    let flag = |index: usize| json!({ "op": "replace", "path": format!("/spec/versions/{index}/storage"), "value": index == place });
    patch_definition(cluster, "networknamespaces.vitistack.io", &json!([flag(0), flag(1)]));
}

/// Waits until reading NetworkNamespaces in that version fails.
fn wait_for_hang(cluster: &Cluster, version: &str) {
    let read = ["get", &format!("networknamespaces.{version}.vitistack.io"), "-A", "--request-timeout=1s"];
    wait_for("the hanging conversion", PATIENCE, || cluster.api.kubectl(&read).is_err().then_some(()))
        .unwrap();
}

#[test]
fn a_hanging_conversion_stalls_nobody_whose_namespace_is_known() {
    let cluster = Cluster::with_definitions("uphang", UPSTREAM);
    store_version(&cluster, 0);
    apply_network(&cluster, "lab", "Ready");
    let (_phone, _) = cluster.switched_on("phone", PHONE);
    let (_laptop, _) = cluster.switched_on("laptop", LAPTOP);
    let mut running = cluster.start("running", &[]);
    cluster.apply("phone", &[PHONE]);
    cluster.wait_for_phase("phone", "Ready");

    let _hangs = hang_conversion(&cluster);
    wait_for_hang(&cluster, "v1alpha2");
    cluster.apply("laptop", &[LAPTOP]);
    cluster.wait_for_phase("laptop", "Ready");
    running.terminate().unwrap();

    // A new one, too: the other version needs no conversion.
    let starting = cluster.start("starting", &[]);
    cluster.apply("laptop", &["02:00:00:00:00:0c"]);
    cluster.wait_for_phase("laptop", "Reconciling");
    assert!(starting.log().contains("cannot read NetworkNamespaces"), "{}", starting.tail());
}

#[test]
fn deletions_need_no_namespace() {
    let cluster = Cluster::with_definitions("uplate", UPSTREAM);
    store_version(&cluster, 0);
    apply_network(&cluster, "lab", "Ready");
    let (_phone, leased) = cluster.switched_on("phone", PHONE);
    let mut operator = cluster.start("a", &[]);
    for name in ["phone", "laptop"] {
        cluster.apply(name, &[if name == "phone" { PHONE } else { LAPTOP }]);
    }
    cluster.wait_for_phase("phone", "Ready");
    operator.terminate().unwrap();

    // Neither version can be read: each has an object that is stored in the other.
    store_version(&cluster, 1);
    wait_for("the other storage version", PATIENCE, || {
        apply_network(&cluster, "other", "Ready");
        let stored =
            ["get", "crd", "networknamespaces.vitistack.io", "-o", "jsonpath={.status.storedVersions}"];
        cluster.api.kubectl(&stored).unwrap().contains("v1alpha2").then_some(())
    })
    .unwrap();
    let _hangs = hang_conversion(&cluster);
    wait_for_hang(&cluster, "v1alpha1");
    wait_for_hang(&cluster, "v1alpha2");
    let delete = ["-n", NAMESPACE, "delete", "networkconfiguration", "laptop", "--wait=false"];
    cluster.api.kubectl(&delete).unwrap();

    let operator = cluster.start("b", &[]);
    Cluster::wait_for_log(&operator, "NetworkNamespaces could not be read for 45 s");
    wait_for("the object to go", PATIENCE, || cluster.get("laptop").is_none().then_some(())).unwrap();
    let phone = cluster.wait_for("phone", |object| reason(object, "SubnetResolved") == "NamespaceUnreadable");
    assert_eq!(phone["status"]["networkInterfaces"][0]["ipv4Addresses"], json!([leased]));
    cluster.wait_for_reservations(1);
}
