//! Which objects the operator serves, and how it comes to them and leaves them, on a real API server.

mod support;

#[path = "support/cluster.rs"]
mod cluster;
#[path = "support/operator.rs"]
mod operator;

use cluster::{Cluster, LAPTOP, NAMESPACE, PHONE};
use kea_lab::wait_for;
use operator::PATIENCE;
use serde_json::{Value, json};

const FINALIZER: &str = "vitistack.io/networkconfiguration-finalizer";
const LEGACY: &str = "networkconfiguration.finalizers.vitistack.io";
const SKIP_CLEANUP: &str = "vitistack.io/kea-skip-cleanup";

fn patch(cluster: &Cluster, kind: &str, name: &str, patch: &Value) {
    let patch = patch.to_string();
    cluster.api.kubectl(&["-n", NAMESPACE, "patch", kind, name, "--type=merge", "-p", &patch]).unwrap();
}

fn allocate(cluster: &Cluster, allocation: &Value) {
    patch(cluster, "networknamespace", "lab", &json!({ "spec": { "ipAllocation": allocation } }));
}

fn delete(cluster: &Cluster, name: &str) {
    let delete = ["-n", NAMESPACE, "delete", "networkconfiguration", name, "--wait=false"];
    cluster.api.kubectl(&delete).unwrap();
}

fn wait_until_gone(cluster: &Cluster, name: &str) {
    let gone = wait_for("the object to go", PATIENCE, || cluster.get(name).is_none().then_some(()));
    gone.unwrap_or_else(|error| panic!("{error:#}: {:?}", cluster.get(name)));
}

fn resolved(object: &Value) -> (Value, String) {
    let conditions = object["status"]["conditions"].as_array().cloned().unwrap_or_default();
    let found = conditions.into_iter().find(|condition| condition["type"] == "SubnetResolved");
    let found = found.unwrap_or_default();
    (found["reason"].clone(), found["message"].as_str().unwrap_or_default().to_owned())
}

#[test]
fn others_objects_are_left_alone_until_they_are_ours() {
    let cluster = Cluster::new("triage");
    cluster.apply_network();
    let (_phone, _) = cluster.switched_on("phone", PHONE);
    let (_laptop, _) = cluster.switched_on("laptop", LAPTOP);
    let mut operator = cluster.start("a", &["--log-level", "info,kea_operator=debug"]);
    cluster.apply("phone", &[PHONE]);
    cluster.wait_for_phase("phone", "Ready");

    // Another provider allocates in the network now: what was ours is released, and left.
    allocate(&cluster, &json!({ "type": "dhcp", "provider": "other-dhcp" }));
    cluster.wait_for_reservations(0);
    let left = cluster.wait_for("phone", |object| object["metadata"].get("finalizers").is_none());
    assert_eq!(left["status"].get("phase"), None, "{left:#}");
    cluster.apply("laptop", &[LAPTOP]);
    Cluster::wait_for_log(&operator, "left alone");
    assert!(operator.log().contains(r#"reason="allocation""#), "{}", operator.tail());
    assert_eq!(cluster.get("laptop").unwrap().get("status"), None);

    // The object's own word counts more.
    patch(&cluster, "networkconfiguration", "laptop", &json!({ "spec": { "provider": "KEA" } }));
    cluster.wait_for_phase("laptop", "Ready");
    cluster.wait_for_reservations(1);

    // Deletion comes first, whoever serves the object now.
    operator.terminate().unwrap();
    patch(&cluster, "networkconfiguration", "laptop", &json!({ "spec": { "provider": "other" } }));
    delete(&cluster, "laptop");
    let _operator = cluster.start("b", &[]);
    wait_until_gone(&cluster, "laptop");
    cluster.wait_for_reservations(0);
}

#[test]
fn strict_settings_want_everything_named() {
    let cluster = Cluster::new("strict");
    cluster.apply_network();
    let (_phone, _) = cluster.switched_on("phone", PHONE);
    let _operator = cluster.start("a", &["--kea-strict-defaults"]);
    cluster.apply("phone", &[PHONE]);
    let refused = |part: &str| {
        let object = cluster.wait_for("phone", |object| {
            let (reason, message) = resolved(object);
            reason == "DefaultsRefused" && message.contains(part)
        });
        assert_eq!(object["status"]["phase"], "Error");
        assert_eq!(object["metadata"].get("finalizers"), None);
    };
    refused("spec.provider is not set");
    patch(&cluster, "networkconfiguration", "phone", &json!({ "spec": { "provider": "kea" } }));
    refused("has no spec.ipAllocation");
    allocate(&cluster, &json!({ "type": "dhcp" }));
    cluster.wait_for_phase("phone", "Ready");
}

#[test]
fn what_others_change_of_an_object_is_made_good() {
    let cluster = Cluster::new("disturbed");
    cluster.apply_network();
    let (_phone, leased) = cluster.switched_on("phone", PHONE);
    cluster.apply("phone", &[PHONE]);
    let _operator = cluster.start("a", &[]);
    let before = cluster.wait_for_phase("phone", "Ready");

    let wiped = json!({ "status": { "phase": null, "networkInterfaces": null } }).to_string();
    let status = ["-n", NAMESPACE, "patch", "networkconfiguration", "phone", "--subresource=status"];
    cluster.api.kubectl(&[&status[..], &["--type=merge", "-p", &wiped]].concat()).unwrap();
    let after = cluster.wait_for_phase("phone", "Ready");
    assert_eq!(after["status"]["networkInterfaces"], before["status"]["networkInterfaces"]);

    for finalizers in [json!([]), json!([LEGACY, FINALIZER])] {
        patch(
            &cluster,
            "networkconfiguration",
            "phone",
            &json!({ "metadata": { "finalizers": finalizers } }),
        );
        cluster.wait_for("phone", |object| object["metadata"]["finalizers"] == json!([FINALIZER]));
    }
    assert_eq!(cluster.wait_for_reservations(1)[0]["ip-address"], json!(leased));
}

#[test]
fn finalizers_are_migrated_and_reservations_stay_where_that_is_asked() {
    let cluster = Cluster::new("finalizers");
    cluster.apply_network();
    let (_phone, leased) = cluster.switched_on("phone", PHONE);
    cluster.apply("phone", &[PHONE]);
    let before = json!({ "metadata": { "finalizers": [LEGACY, "example.org/other"] } });
    patch(&cluster, "networkconfiguration", "phone", &before);
    let _operator = cluster.start("a", &[]);
    let object = cluster.wait_for_phase("phone", "Ready");
    assert_eq!(object["metadata"]["finalizers"], json!(["example.org/other", FINALIZER]));

    let keep = json!({ "metadata": { "annotations": { SKIP_CLEANUP: "true" } } });
    patch(&cluster, "networkconfiguration", "phone", &keep);
    delete(&cluster, "phone");
    let only_other = json!(["example.org/other"]);
    cluster.wait_for("phone", |object| object["metadata"]["finalizers"] == only_other);
    patch(&cluster, "networkconfiguration", "phone", &json!({ "metadata": { "finalizers": [] } }));
    wait_until_gone(&cluster, "phone");
    assert_eq!(cluster.wait_for_reservations(1)[0]["ip-address"], json!(leased));
}
