//! Several operators in one cluster: one works, the others wait.

mod support;

#[path = "support/cluster.rs"]
mod cluster;
#[path = "support/operator.rs"]
mod operator;

use std::thread;
use std::time::Duration;

use cluster::{Cluster, LAPTOP, NAMESPACE, PHONE};
use kea_lab::{Process, wait_for};
use operator::PATIENCE;
use serde_json::{Value, json};
use support::all_reservations;

const LEASE: &str = "2eca3363.vitistack.io";
const ELECT: [&str; 3] = ["--leader-elect", "--leader-election-namespace", NAMESPACE];
const LEADS: &str = "this process leads";
const WAITS: &str = "holds the lease";

fn lease(cluster: &Cluster) -> Value {
    let arguments = ["-n", NAMESPACE, "get", "lease", LEASE, "-o", "json"];
    serde_json::from_str(&cluster.api.kubectl(&arguments).unwrap()).unwrap()
}

fn holder(cluster: &Cluster) -> String {
    lease(cluster)["spec"]["holderIdentity"].as_str().unwrap_or_default().to_owned()
}

/// The exit code of an operator that ends by itself.
fn code(operator: &mut Process) -> Option<i32> {
    operator.wait(PATIENCE).unwrap().code()
}

#[test]
fn one_works_and_the_next_takes_over() {
    let cluster = Cluster::new("leadnext");
    cluster.apply_network();
    let (_phone, _) = cluster.switched_on("phone", PHONE);
    let (_laptop, _) = cluster.switched_on("laptop", LAPTOP);
    let mut first = cluster.start("first", &ELECT);
    Cluster::wait_for_log(&first, LEADS);
    let of_first = holder(&cluster);
    let mut second = cluster.start("second", &ELECT);
    Cluster::wait_for_log(&second, &format!("waiting: {of_first} {WAITS} {LEASE}"));
    cluster.apply("phone", &[PHONE]);
    cluster.wait_for_phase("phone", "Ready");

    // Given back: the other starts at once, and serves what came before it and what comes after.
    cluster.apply("laptop", &["02:00:00:00:00:0c"]);
    cluster.wait_for_phase("laptop", "Reconciling");
    assert!(!second.log().contains(LEADS), "{}", second.tail());
    let status = first.terminate().unwrap();
    assert!(status.success(), "{status}\n{}", first.tail());
    assert!(first.log().contains("given back"), "{}", first.tail());
    Cluster::wait_for_log(&second, LEADS);
    cluster.apply("laptop", &[LAPTOP]);
    cluster.wait_for_phase("laptop", "Ready");
    assert_eq!(lease(&cluster)["spec"]["leaseTransitions"], json!(1));

    // Killed: the next one waits until the lease has expired.
    let third = cluster.start("third", &ELECT);
    Cluster::wait_for_log(&third, WAITS);
    second.kill().unwrap();
    cluster
        .api
        .kubectl(&["-n", NAMESPACE, "delete", "networkconfiguration", "laptop", "--wait=false"])
        .unwrap();
    wait_for("the object to go", PATIENCE, || cluster.get("laptop").is_none().then_some(())).unwrap();
    cluster.wait_for_reservations(1);
    assert!(third.log().contains(LEADS), "{}", third.tail());
}

#[test]
fn a_leader_that_stood_still_ends_and_writes_nothing() {
    let cluster = Cluster::new("leadstop");
    cluster.apply_network();
    let mut first = cluster.start("first", &ELECT);
    Cluster::wait_for_log(&first, LEADS);
    let mut second = cluster.start("second", &ELECT);
    cluster.apply("phone", &[PHONE]);
    cluster.wait_for("phone", |object| object["status"]["phase"] == "Reconciling");

    first.freeze().unwrap();
    Cluster::wait_for_log(&second, LEADS);
    second.kill().unwrap();
    // Now the first has something to do, and nobody is there to do it in its stead.
    let (_phone, _) = cluster.switched_on("phone", PHONE);
    cluster.apply("laptop", &[LAPTOP]);
    let before = cluster.get("phone").unwrap();
    first.thaw().unwrap();
    assert_eq!(code(&mut first), Some(1), "{}", first.tail());
    assert!(first.log().contains("this process ends"), "{}", first.tail());
    assert_eq!(all_reservations(&cluster.kea), [Value::Null; 0]);
    assert_eq!(cluster.get("phone").unwrap(), before);
    assert_eq!(cluster.get("laptop").unwrap().get("status"), None);

    let _third = cluster.start("third", &ELECT);
    cluster.wait_for_phase("phone", "Ready");
}

#[test]
fn a_leader_without_an_api_server_ends_and_comes_back() {
    let cluster = Cluster::new("leadapi");
    cluster.apply_network();
    let mut operator = cluster.start("first", &ELECT);
    Cluster::wait_for_log(&operator, LEADS);
    cluster.api.freeze().unwrap();
    assert_eq!(code(&mut operator), Some(1), "{}", operator.tail());
    assert!(operator.log().contains("could not be renewed for 10 s"), "{}", operator.tail());

    // What runs pods starts it again, whether the API server is back or not.
    let operator = cluster.start("second", &ELECT);
    cluster.api.thaw().unwrap();
    Cluster::wait_for_log(&operator, LEADS);
    let (_phone, _) = cluster.switched_on("phone", PHONE);
    cluster.apply("phone", &[PHONE]);
    cluster.wait_for_phase("phone", "Ready");
}

#[test]
fn the_go_operator_is_waited_for() {
    let cluster = Cluster::new("leadgo");
    cluster.apply_network();
    let (_phone, _) = cluster.switched_on("phone", PHONE);
    let renew = |second: u32| {
        let lease = json!({
            "apiVersion": "coordination.k8s.io/v1", "kind": "Lease",
            "metadata": { "name": LEASE, "namespace": NAMESPACE },
            "spec": {
                "holderIdentity": "kea-operator-7d9f_0b5e", "leaseDurationSeconds": 15,
                // Times of a clock that is far behind: they count for nothing.
                "renewTime": format!("2001-01-01T00:00:{second:02}.000000Z"), "leaseTransitions": 3,
            },
        });
        cluster.api.apply(&lease.to_string()).unwrap();
    };
    renew(0);
    let operator = cluster.start("first", &ELECT);
    cluster.apply("phone", &[PHONE]);
    Cluster::wait_for_log(&operator, "waiting: kea-operator-7d9f_0b5e holds the lease 2eca3363.vitistack.io");
    for second in 1..=20 {
        thread::sleep(Duration::from_secs(1));
        renew(second);
    }
    assert!(!operator.log().contains(LEADS), "{}", operator.tail());
    assert_eq!(cluster.get("phone").unwrap()["metadata"].get("finalizers"), None);

    // It renews no more.
    cluster.wait_for_phase("phone", "Ready");
    assert_eq!(lease(&cluster)["spec"]["leaseTransitions"], json!(4));
}
