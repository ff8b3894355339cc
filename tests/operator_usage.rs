//! Counts of addresses in the status of NetworkNamespaces: what Kea counts, where nobody else says it.

mod support;

#[path = "support/cluster.rs"]
mod cluster;
#[path = "support/operator.rs"]
mod operator;

use cluster::{Cluster, NAMESPACE, PHONE};
use kea_lab::{KeaInstallation, Process, wait_for};
use operator::PATIENCE;
use serde_json::{Value, json};
use support::PREFIX;

const UPSTREAM: &str = "tests/support/upstream_crds";

/// Addresses in the pool of the subnet.
const POOL: u64 = 20;

fn namespace(cluster: &Cluster) -> Value {
    let arguments =
        ["-n", NAMESPACE, "get", "networknamespace", "lab", "-o", "json", "--show-managed-fields"];
    serde_json::from_str(&cluster.api.kubectl(&arguments).unwrap()).unwrap()
}

fn patch(cluster: &Cluster, subresource: &[&str], patch: &Value) {
    let patch = patch.to_string();
    let all =
        [&["-n", NAMESPACE, "patch", "networknamespace", "lab", "--type=merge", "-p", &patch], subresource];
    cluster.api.kubectl(&all.concat()).unwrap();
}

/// Gives an address of the pool to a device.
fn lease(cluster: &Cluster, number: u8) {
    let lease = json!({
        "ip-address": format!("10.77.100.{number}"), "hw-address": format!("02:00:00:00:02:{number:02x}"),
    });
    cluster.kea.ask("lease4-add", &lease).unwrap();
}

/// Waits until a NetworkNamespace is as wanted; longer than between two looks at the counts.
fn wait_until(cluster: &Cluster, operator: &Process, wanted: impl Fn(&Value) -> bool) -> Value {
    wait_for("the counts", PATIENCE * 2, || Some(namespace(cluster)).filter(&wanted))
        .unwrap_or_else(|error| panic!("{error:#}\n{:#}\n{}", namespace(cluster), operator.tail()))
}

/// Waits for that number of addresses in use, in the field of that name.
fn wait_for_count(cluster: &Cluster, operator: &Process, field: &str, allocated: u64) -> Value {
    let wanted = json!({
        "type": "dhcp", "provider": "kea",
        "allocatedCount": allocated, "availableCount": POOL - allocated, "totalCount": POOL,
    });
    wait_until(cluster, operator, |found| found["status"][field] == wanted)
}

fn owners(namespace: &Value) -> Vec<&str> {
    let entries = namespace["metadata"]["managedFields"].as_array().unwrap();
    let counts =
        |entry: &&Value| entry["fieldsV1"].pointer("/f:status/f:ipAllocationStatus/f:totalCount").is_some();
    entries.iter().filter(counts).map(|entry| entry["manager"].as_str().unwrap()).collect()
}

/// Waits until the operator has said something.
fn wait_for_log(operator: &Process, text: &str) {
    wait_for(format!("{text} in the log"), PATIENCE, || operator.log().contains(text).then_some(()))
        .unwrap_or_else(|error| panic!("{error:#}\n{}", operator.tail()));
}

#[test]
fn addresses_in_use_are_told_where_nobody_else_does() {
    let mut cluster = Cluster::new("usage");
    cluster.apply_network();
    let mut operator = cluster.start("a", &[]);
    let found = wait_for_count(&cluster, &operator, "ipAllocationStatus", 0);
    assert_eq!(owners(&found), ["kea-operator"]);
    lease(&cluster, 1);
    lease(&cluster, 2);
    let found = wait_for_count(&cluster, &operator, "ipAllocationStatus", 2);
    assert!(operator.terminate().unwrap().success());

    // Nothing is new: nothing is written.
    let looks = || cluster.kea.log().matches("'statistic-get-all'").count();
    let before = looks();
    let mut operator = cluster.start("b", &[]);
    wait_for("another look", PATIENCE, || (looks() > before).then_some(())).unwrap();
    cluster.apply("phone", &[PHONE]);
    cluster.wait_for_phase("phone", "Reconciling");
    assert_eq!(namespace(&cluster)["metadata"]["resourceVersion"], found["metadata"]["resourceVersion"]);
    assert!(operator.terminate().unwrap().success());

    // A hook that counts in the lease database is asked, where there is one.
    let hook = KeaInstallation::find().unwrap().hook("libdhcp_stat_cmds.so");
    cluster.kea.hooks_mut().push(json!({ "library": hook }));
    let store = cluster.lab.dir().join("hosts4.db");
    cluster.kea.write_config(&support::config(&store)).unwrap();
    cluster.kea.restart().unwrap();
    lease(&cluster, 3);
    let operator = cluster.start("c", &[]);
    wait_for_count(&cluster, &operator, "ipAllocationStatus", 3);
    assert!(cluster.kea.log().contains("'stat-lease4-get'"));

    // Another operator's namespace: what was said is taken back.
    patch(
        &cluster,
        &[],
        &json!({ "spec": { "ipAllocation": { "type": "static", "static": {
        "ipv4CIDR": PREFIX, "ipv4Gateway": "10.77.0.1",
    } } } }),
    );
    let found = wait_until(&cluster, &operator, |found| {
        found["status"]["ipAllocationStatus"]["totalCount"].is_null()
    });
    assert!(owners(&found).is_empty(), "{found:#}");
    assert_eq!(found["status"]["ipv4Prefix"], PREFIX);
}

#[test]
fn counts_of_others_are_left_to_them() {
    let cluster = Cluster::new("usageother");
    cluster.apply_network();
    let counts = json!({ "status": { "ipAllocationStatus": { "type": "dhcp", "totalCount": 5, "allocatedCount": 1 } } });
    patch(&cluster, &["--subresource=status", "--field-manager=another"], &counts);
    let before = namespace(&cluster);
    let operator = cluster.start("a", &[]);
    wait_for_log(&operator, "are reported by others");
    assert!(operator.log().contains("they are written by another"), "{}", operator.tail());
    let after = namespace(&cluster);
    assert_eq!(after["metadata"]["resourceVersion"], before["metadata"]["resourceVersion"]);
}

#[test]
fn the_newer_version_has_them_under_another_name() {
    let cluster = Cluster::with_definitions("usagenew", UPSTREAM);
    let network = json!({
        "apiVersion": "vitistack.io/v1alpha2", "kind": "NetworkNamespace",
        "metadata": { "name": "lab", "namespace": NAMESPACE },
    });
    cluster.api.apply(&network.to_string()).unwrap();
    patch(&cluster, &["--subresource=status"], &json!({ "status": { "ipv4Prefix": PREFIX } }));
    let operator = cluster.start("a", &[]);
    wait_for_count(&cluster, &operator, "ipAllocationSummary", 0);
    lease(&cluster, 1);
    wait_for_count(&cluster, &operator, "ipAllocationSummary", 1);
}

/// It is said once, and all else is done.
#[test]
fn a_definition_without_counts_is_served() {
    let cluster = Cluster::new("usageless");
    cluster.apply_network();
    let field = "/spec/versions/0/schema/openAPIV3Schema/properties/status/properties/ipAllocationStatus";
    let removal = json!([{ "op": "remove", "path": field }]).to_string();
    let arguments = ["patch", "crd", "networknamespaces.vitistack.io", "--type=json", "-p", &removal];
    cluster.api.kubectl(&arguments).unwrap();
    let operator = cluster.start("a", &[]);
    wait_for_log(&operator, "cannot be reported");
    assert_eq!(namespace(&cluster)["status"], json!({ "ipv4Prefix": PREFIX }));
    cluster.apply("phone", &[PHONE]);
    cluster.wait_for_phase("phone", "Reconciling");
}
