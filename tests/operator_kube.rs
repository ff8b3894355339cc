//! The operator on a real API server, with a real Kea and real DHCP clients.

mod support;

#[path = "support/cluster.rs"]
mod cluster;
#[path = "support/operator.rs"]
mod operator;

use cluster::{Cluster, LAPTOP, NAMESPACE, PHONE};
use kea_lab::wait_for;
use operator::PATIENCE;
use serde_json::json;

#[test]
fn a_lease_becomes_a_reservation_and_a_person_can_see_it() {
    let mut cluster = Cluster::new("kubepath");
    let mut operator = cluster.start("a", &[]);
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
    let described = seen.unwrap_or_else(|error| panic!("{error:#}\n{}", operator.tail()));
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
    let status = operator.terminate().unwrap();
    assert!(status.success(), "{status}\n{}", operator.tail());
}

#[test]
fn macs_come_and_go_and_deletion_waits_for_kea() {
    let mut cluster = Cluster::new("kubemacs");
    let _operator = cluster.start("a", &[]);
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
    wait_for("the object to go", PATIENCE, || cluster.get("pair").is_none().then_some(())).unwrap();
    cluster.wait_for_reservations(0);
}

#[test]
fn an_operator_that_was_killed_goes_on_where_it_was() {
    let cluster = Cluster::new("kubekill");
    let mut operator = cluster.start("a", &[]);
    cluster.apply_network();
    let (_phone, leased) = cluster.switched_on("phone", PHONE);
    cluster.apply("phone", &[PHONE]);
    cluster.wait_for_phase("phone", "Ready");
    operator.kill().unwrap();
    cluster
        .api
        .kubectl(&["-n", NAMESPACE, "delete", "networkconfiguration", "phone", "--wait=false"])
        .unwrap();
    cluster.apply("again", &[LAPTOP]);
    assert_eq!(cluster.wait_for_reservations(1)[0]["ip-address"], json!(leased));

    let _operator = cluster.start("b", &[]);
    cluster.wait_for_reservations(0);
    let (_laptop, of_laptop) = cluster.switched_on("laptop", LAPTOP);
    cluster.wait_for_phase("again", "Ready");
    assert_eq!(cluster.wait_for_reservations(1)[0]["ip-address"], json!(of_laptop));
}

#[test]
fn a_watch_that_is_too_old_begins_anew() {
    let mut cluster = Cluster::new("kubeold");
    cluster.apply_network();
    let (_phone, _) = cluster.switched_on("phone", PHONE);
    let (_laptop, _) = cluster.switched_on("laptop", LAPTOP);
    let operator = cluster.start("a", &["--log-level", "info,kea_operator=debug"]);
    cluster.apply("phone", &[PHONE]);
    cluster.wait_for_phase("phone", "Ready");

    // The operator has no watch while this happens, and an API server that starts remembers nothing that was before.
    operator.freeze().unwrap();
    cluster.api.restart().unwrap();
    cluster.apply("laptop", &[LAPTOP]);
    cluster
        .api
        .kubectl(&["-n", NAMESPACE, "delete", "networkconfiguration", "phone", "--wait=false"])
        .unwrap();
    cluster.api.restart().unwrap();
    operator.thaw().unwrap();
    cluster.wait_for_phase("laptop", "Ready");
    wait_for("the object to go", PATIENCE, || cluster.get("phone").is_none().then_some(()))
        .unwrap_or_else(|error| panic!("{error:#}\n{}", operator.tail()));
    cluster.wait_for_reservations(1);
    assert!(operator.log().contains("too old resource version"), "{}", operator.log());
}

#[test]
fn an_api_server_that_hangs_holds_nobody_up() {
    let cluster = Cluster::new("kubehang");
    cluster.apply_network();
    let operator = cluster.start("a", &[]);
    cluster.apply("phone", &[PHONE]);
    cluster.wait_for_phase("phone", "Reconciling");
    cluster.api.freeze().unwrap();
    let (_phone, leased) = cluster.switched_on("phone", PHONE);
    Cluster::wait_for_log(&operator, "cannot write the status");
    cluster.api.thaw().unwrap();
    let object = cluster.wait_for_phase("phone", "Ready");
    assert_eq!(object["status"]["networkInterfaces"][0]["ipv4Addresses"], json!([leased]));
}
