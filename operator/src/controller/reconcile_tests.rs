//! The order of what is read and written.

use super::*;
use crate::controller::scripted::Fixture;
use crate::controller::{FINALIZER, LEGACY_FINALIZER, SKIP_CLEANUP};
use crate::domain::ObjectName;
use crate::kea::Standing;
use serde_json::json;
use tokio_util::sync::CancellationToken;

const MAC: &str = "52:54:00:00:00:01";
const OTHER: &str = "52:54:00:00:00:02";

#[tokio::test]
async fn what_is_leased_is_reserved_with_one_status_write() {
    let fixture = Fixture::new(&[MAC]);
    fixture.world().leases.push((MAC, "10.0.0.5"));
    let claim = format!("finalizers {FINALIZER}");
    let done = format!("status Ready {MAC}");
    assert_eq!(fixture.reconcile().await, [&claim, "add \"10.0.0.5\"", "event Reserved", &done]);
    assert_eq!(fixture.reconcile().await, [""; 0]);
}

#[tokio::test]
async fn what_waited_for_its_lease_needs_one_write() {
    let fixture = Fixture::new(&[MAC]);
    let first = fixture.reconcile().await;
    assert_eq!(first[1..], [format!("status Reconciling {MAC}"), "event NoLease".into()]);
    assert_eq!(fixture.reconcile().await, [""; 0]);
    fixture.world().leases.push((MAC, "10.0.0.5"));
    assert_eq!(
        fixture.reconcile().await,
        ["add \"10.0.0.5\"", "event Reserved", &format!("status Ready {MAC}")]
    );
}

#[tokio::test]
async fn a_changed_mac_releases_the_old_one() {
    let fixture = Fixture::new(&[MAC]);
    fixture.world().leases.extend([(MAC, "10.0.0.5"), (OTHER, "10.0.0.6")]);
    fixture.reconcile().await;
    fixture.wish(&[OTHER]);
    let written = fixture.reconcile().await;
    let release = format!("del \"{MAC}\"");
    let done = format!("status Ready {OTHER}");
    assert_eq!(written, [&release, "add \"10.0.0.6\"", "event Released", "event Reserved", &done]);
}

#[tokio::test]
async fn what_no_status_tells_of_is_released_all_the_same() {
    for deleted in [false, true] {
        let fixture = Fixture::new(&[MAC]);
        fixture.world().leases.push((MAC, "10.0.0.5"));
        fixture.world().refuses_status = true;
        assert!(fixture.reconcile().await.contains(&"add \"10.0.0.5\"".into()));
        fixture.world().refuses_status = false;
        fixture.wish(&[]);
        if deleted {
            fixture.delete();
        }
        // Kea is away at first: that it may have been reserved is not forgotten.
        fixture.world().down = Some("all");
        fixture.reconcile().await;
        fixture.world().down = None;
        let written = fixture.reconcile().await;
        assert_eq!(written[0], format!("del \"{MAC}\""), "{written:?}");
        assert!(fixture.context.leftovers.of(&fixture.world().object).is_empty());
    }
}

#[tokio::test]
async fn nothing_is_given_up_before_the_marks_in_kea_were_read() {
    let mut fixture = Fixture::new(&[]);
    Arc::get_mut(&mut fixture.context).unwrap().swept = CancellationToken::new();
    fixture.reconcile().await;
    fixture.delete();
    assert_eq!(fixture.reconcile().await, [""; 0]);
    fixture.context.swept.cancel();
    assert_eq!(fixture.reconcile().await, ["finalizers "]);
}

#[tokio::test]
async fn a_release_that_fails_is_not_forgotten() {
    let fixture = Fixture::new(&[MAC]);
    fixture.world().leases.push((MAC, "10.0.0.5"));
    fixture.reconcile().await;
    fixture.wish(&[]);
    fixture.world().down = Some("ext-reservation-apply");
    assert_eq!(fixture.reconcile().await, [format!("status Error {MAC}"), "event KeaUnreachable".into()]);
    fixture.world().down = None;
    let written = fixture.reconcile().await;
    assert_eq!(written, [&format!("del \"{MAC}\""), "event Released", "status Ready ", "event KeaReachable"]);
}

#[tokio::test]
async fn a_refused_release_is_not_forgotten_and_no_absence() {
    let fixture = Fixture::new(&[MAC]);
    fixture.world().leases.push((MAC, "10.0.0.5"));
    fixture.reconcile().await;
    fixture.world().refuses_removals = true;
    fixture.wish(&[]);
    let written = fixture.reconcile().await;
    assert_eq!(written, [format!("status Error {MAC}"), "event CommandRefused".into()]);
    assert_eq!(fixture.context.fleet.members()[0].standing(), Standing::Level);
    fixture.delete();
    let written = fixture.reconcile().await;
    assert_eq!(written, [format!("status Deleting {MAC}")]);
    fixture.world().refuses_removals = false;
    assert_eq!(fixture.reconcile().await, [&format!("del \"{MAC}\""), "event Released", "finalizers "]);
}

#[tokio::test]
async fn a_lost_answer_to_an_addition_is_found_out() {
    let fixture = Fixture::new(&[MAC]);
    fixture.world().leases.push((MAC, "10.0.0.5"));
    fixture.world().down = Some("ext-reservation-apply");
    fixture.reconcile().await;
    assert!(fixture.message().contains("cannot reach Kea"), "{}", fixture.message());
    // It was done, and the operator did not hear of it.
    let context = fixture.context.policy.owner(&fixture.world().object.clone()).user_context();
    let host = json!({"subnet-id": 1, "hw-address": MAC, "ip-address": "10.0.0.5", "user-context": context});
    fixture.world().hosts.push(host);
    fixture.world().down = None;
    assert_eq!(fixture.reconcile().await, [format!("status Ready {MAC}"), "event KeaReachable".into()]);
}

#[tokio::test]
async fn deletion_releases_and_then_lets_go() {
    let fixture = Fixture::new(&[MAC]);
    fixture.world().leases.push((MAC, "10.0.0.5"));
    fixture.reconcile().await;
    fixture.delete();
    fixture.world().down = Some("all");
    let stuck = fixture.reconcile().await;
    assert_eq!(stuck, [format!("status Deleting {MAC}"), "event KeaUnreachable".into()]);
    assert_eq!(fixture.reconcile().await, [""; 0]);
    fixture.world().down = None;
    assert_eq!(fixture.reconcile().await, [&format!("del \"{MAC}\""), "event Released", "finalizers "]);
}

#[tokio::test]
async fn deletion_does_not_wait_for_ever() {
    let fixture = Fixture::new(&[MAC]);
    fixture.world().leases.push((MAC, "10.0.0.5"));
    fixture.reconcile().await;
    fixture.deleted_long_ago();
    fixture.world().down = Some("all");
    assert_eq!(fixture.reconcile().await, ["event CleanupTimedOut", "finalizers "]);
}

#[tokio::test]
async fn a_reservation_that_was_made_and_not_reported_goes_with_the_object() {
    let fixture = Fixture::new(&[MAC]);
    fixture.world().leases.push((MAC, "10.0.0.5"));
    fixture.reconcile().await;
    fixture.change(|object| object.status = None);
    fixture.delete();
    assert_eq!(fixture.reconcile().await, [&format!("del \"{MAC}\""), "event Released", "finalizers "]);
}

#[tokio::test]
async fn a_device_of_an_older_object_is_not_touched_until_it_is_free() {
    let mut fixture = Fixture::new(&[MAC]);
    fixture.world().leases.push((MAC, "10.0.0.5"));
    let older = ObjectName { namespace: "a".into(), name: "older".into(), uid: "u0".into() };
    let prefix = "10.0.0.0/24".parse().unwrap();
    fixture.context.claims.lock().update(&older, -1, prefix, &BTreeSet::from([MAC.parse().unwrap()]));
    let written = fixture.reconcile().await;
    assert_eq!(written[1..], [format!("status Error {MAC}"), "event Conflict".into()]);
    assert!(fixture.message().contains("is that of NetworkConfiguration a/older"), "{}", fixture.message());
    let freed = fixture.context.claims.lock().remove("u0");
    fixture.context.bring_back(freed);
    while fixture.brought_back.try_recv().is_ok_and(|object| object.name != "vm") {}
    let written = fixture.reconcile().await;
    assert_eq!(written, ["add \"10.0.0.5\"", "event Reserved", &format!("status Ready {MAC}")]);
}

#[tokio::test]
async fn deletion_leaves_what_others_own() {
    let fixture = Fixture::new(&[MAC]);
    fixture.world().leases.push((MAC, "10.0.0.5"));
    let by_hand = json!({"subnet-id": 1, "hw-address": MAC, "ip-address": "10.0.0.5"});
    fixture.world().hosts.push(by_hand);
    let written = fixture.reconcile().await;
    assert_eq!(written.last(), Some(&format!("status Ready {MAC}")));
    fixture.delete();
    assert_eq!(fixture.reconcile().await, ["finalizers "]);
    assert_eq!(fixture.world().hosts.len(), 1);
}

#[tokio::test]
async fn deletion_can_leave_reservations() {
    let fixture = Fixture::new(&[MAC]);
    fixture.world().leases.push((MAC, "10.0.0.5"));
    fixture.reconcile().await;
    fixture.delete();
    fixture.change(|object| {
        object.annotations_mut().insert(SKIP_CLEANUP.into(), "true".into());
    });
    fixture.world().down = Some("all");
    assert_eq!(fixture.reconcile().await, ["event CleanupSkipped", "finalizers "]);
}

#[tokio::test]
async fn an_object_that_stops_being_ours_is_released_and_its_status_given_up() {
    let fixture = Fixture::new(&[MAC]);
    fixture.world().leases.push((MAC, "10.0.0.5"));
    fixture.reconcile().await;
    fixture.change(|object| object.spec.provider = Some("static-ip-operator".into()));
    let written = fixture.reconcile().await;
    assert_eq!(written, [&format!("del \"{MAC}\""), "event Released", "status - ", "finalizers "]);
    assert_eq!(fixture.reconcile().await, [""; 0]);
}

#[tokio::test]
async fn the_legacy_finalizer_is_migrated() {
    let fixture = Fixture::new(&[]);
    fixture.change(|object| object.metadata.finalizers = Some(vec!["a/b".into(), LEGACY_FINALIZER.into()]));
    assert_eq!(fixture.reconcile().await, [format!("finalizers a/b,{FINALIZER}"), "status Ready ".into()]);
}

#[tokio::test]
async fn an_object_without_a_namespace_is_not_claimed() {
    let fixture = Fixture::new(&[MAC]);
    fixture.change(|object| object.spec.network_namespace_name = Some("nowhere".into()));
    assert_eq!(fixture.reconcile().await, [format!("status Error {MAC}"), "event NamespaceMissing".into()]);
    assert!(fixture.message().contains("NetworkNamespace \"nowhere\" does not exist in namespace a"));
}

#[tokio::test]
async fn a_cached_copy_older_than_the_last_write_is_left_alone() {
    let fixture = Fixture::new(&[MAC]);
    let old = fixture.world().object.clone();
    fixture.reconcile().await;
    let action = reconcile(&Ok(old), &fixture.context).await.unwrap();
    assert_eq!(action, Action::requeue(CATCH_UP));
    assert_eq!(fixture.world().log, [""; 0]);
}
