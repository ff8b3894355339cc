use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use super::*;
use crate::domain::Usage;
use crate::kea::{Availability, Circuit};

/// A value for everything that can have one.
fn everything() -> Metrics {
    let metrics = Metrics::default();
    let second = Duration::from_secs(1);
    metrics.kea_command_ended("http://kea:8000", "reservation-add", CommandResult::Success, second);
    metrics.kea_command_retried("http://kea:8000", "reservation-get");
    metrics.kea_batch_sent("http://kea:8000", "ext-reservation-apply", 100);
    metrics.server_is_healthy("http://kea:8000", ServerType::Primary, true);
    metrics.breaker_is("http://kea:8000", Circuit::HalfOpen);
    metrics.dialect_is("http://kea:8000", Some("stock"));
    let part = Availability { state: "hot-standby".into(), scopes: vec!["a".into()] };
    metrics.availability_is("http://kea:8000", &[], &[part]);
    let usage = Usage { total: 20, assigned: 3, declined: 1 };
    metrics.addresses_are("http://kea:8000", &[(7, usage)].into());
    metrics.credentials_reloaded(Outcome::Success);
    metrics.reservation_operation(ReservationOperation::Add, OperationStatus::Success, 7);
    metrics.object_reserved_after(second);
    metrics.lease_reserved("02:00:00:00:00:0a", 10);
    metrics.drift_found("http://kea:8000");
    metrics.drift_repaired("http://kea:8000");
    metrics.server_is_level("http://kea:8000", true);
    metrics.orphans_found("http://kea:8000", 5);
    metrics.orphans_removed("http://kea:8000", 2);
    metrics.orphan_sweep_ended("http://kea:8000", SweepResult::Done);
    metrics.reconciliation_error(ErrorType::Network);
    metrics.reconciliation_began(&object_key(Some("a"), "b")).ended(Outcome::Success);
    metrics.status_written(Outcome::Error);
    metrics.leader_is_me(true);
    metrics
}

fn value(metrics: &Metrics, sample: &str) -> Option<String> {
    let text = metrics.encode(Format::Prometheus);
    text.lines().find_map(|line| line.strip_prefix(sample)?.strip_prefix(' ').map(str::to_owned))
}

#[test]
fn the_families_of_the_documents_have_their_names_and_labels() {
    let metrics = everything();
    for sample in [
        r#"kea_operator_dhcp_reservations_total{operation="add",status="success",subnet_id="7"}"#,
        r#"kea_operator_dhcp_operation_duration_seconds_count{operation="reservation-add",server="http://kea:8000"}"#,
        r#"kea_operator_server_health{server="http://kea:8000",type="primary"}"#,
        r#"kea_operator_reconciliation_errors_total{error_type="network",controller="networkconfiguration"}"#,
    ] {
        assert_eq!(value(&metrics, sample).as_deref(), Some("1"), "{sample}");
    }
    assert_eq!(value(&metrics, "kea_operator_active_network_configurations").as_deref(), Some("0"));
}

/// Names, kinds and labels as a scraper sees them.
fn scraped(text: &str) -> Vec<Description> {
    let kinds: BTreeMap<&str, &str> =
        text.lines().filter_map(|line| line.strip_prefix("# TYPE ")?.split_once(' ')).collect();
    let mut labels: BTreeMap<&str, BTreeSet<&str>> = BTreeMap::new();
    for line in text.lines().filter(|line| !line.starts_with('#')) {
        let (sample, labelled) = line.split_once('{').unwrap_or((line.split(' ').next().unwrap(), ""));
        let histogram = ["_bucket", "_sum", "_count"].iter().find_map(|part| sample.strip_suffix(part));
        let name = histogram.filter(|name| kinds.contains_key(name)).unwrap_or(sample);
        assert!(kinds.contains_key(name), "{line} has no TYPE");
        let names = labelled.split(',').filter_map(|label| label.split_once('=').map(|(name, _)| name));
        labels.entry(name).or_default().extend(names.filter(|name| *name != "le"));
    }
    let known = |kind: &str| ["counter", "gauge", "histogram"].into_iter().find(|known| *known == kind);
    labels
        .into_iter()
        .map(|(name, labels)| Description {
            name: name.into(),
            kind: known(kinds[name]).unwrap(),
            labels: Vec::from_iter(labels).into_iter().map(|label| &*label.to_owned().leak()).collect(),
        })
        .collect()
}

#[test]
fn what_is_described_is_what_is_scraped() {
    let metrics = everything();
    let mut described = metrics.descriptions().to_vec();
    for description in &mut described {
        description.labels.sort_unstable();
    }
    described.sort_by(|a, b| a.name.cmp(&b.name));
    assert_eq!(scraped(&metrics.encode(Format::Prometheus)), described);
}

#[test]
fn each_format_has_its_own_marks() {
    let metrics = everything();
    let open_metrics = metrics.encode(Format::OpenMetrics);
    assert!(open_metrics.contains("# TYPE kea_operator_kea_commands counter\n"), "{open_metrics}");
    assert!(open_metrics.contains("# UNIT kea_operator_queue_wait_seconds seconds\n"), "{open_metrics}");
    assert!(open_metrics.ends_with("# EOF\n"), "{open_metrics}");
    let prometheus = metrics.encode(Format::Prometheus);
    assert!(prometheus.contains("# TYPE kea_operator_kea_commands_total counter\n"), "{prometheus}");
    assert!(!prometheus.contains("# UNIT") && !prometheus.contains("# EOF"), "{prometheus}");
    assert_eq!(Format::accepted("text/plain"), Format::Prometheus);
    assert_eq!(Format::accepted("application/openmetrics-text;version=1.0.0,*/*;q=0.1"), Format::OpenMetrics);
}

#[test]
fn objects_are_counted_as_they_stand_now() {
    let metrics = Metrics::default();
    let (a, b, c) = (object_key(Some("n"), "a"), object_key(Some("n"), "b"), object_key(None, "c"));
    metrics.object_is(a.clone(), Phase::Reconciling);
    metrics.object_is(a.clone(), Phase::Ready);
    metrics.object_is_served(a.clone(), Phase::Error);
    metrics.object_is(b.clone(), Phase::Error);
    metrics.object_is_served(c.clone(), Phase::Ready);
    metrics.object_is_skipped(c.clone(), SkipReason::Provider);
    metrics.object_queued(a.clone());
    metrics.object_queued(a.clone());
    let read = |sample: &str| value(&metrics, sample).unwrap();
    assert_eq!(read("kea_operator_active_network_configurations"), "2");
    assert_eq!(read(r#"kea_operator_objects{phase="Ready"}"#), "1");
    assert_eq!(read(r#"kea_operator_objects{phase="Reconciling"}"#), "0");
    assert_eq!(read(r#"kea_operator_skipped_objects{reason="provider"}"#), "1");
    assert_eq!(read("kea_operator_queue_depth"), "1");

    let work = metrics.reconciliation_began(&a);
    assert_eq!(read("kea_operator_queue_depth"), "0");
    assert_eq!(read("kea_operator_reconciles_in_progress"), "1");
    drop(work);
    assert_eq!(read("kea_operator_reconciles_in_progress"), "0");
    let failed =
        r#"kea_operator_reconcile_duration_seconds_count{controller="networkconfiguration",result="error"}"#;
    assert_eq!(read(failed), "1");

    // Objects that went unseen are not counted for ever.
    metrics.census(|namespace, name| namespace == "n" && name == "a");
    assert_eq!(read("kea_operator_active_network_configurations"), "1");
    assert_eq!(read(r#"kea_operator_skipped_objects{reason="provider"}"#), "0");
}

#[test]
fn a_server_has_one_dialect_and_its_breaker_one_state() {
    let metrics = Metrics::default();
    metrics.dialect_is("s", Some("stock"));
    metrics.dialect_is("s", Some("ext"));
    metrics.dialect_is("s", Some("ext"));
    let text = metrics.encode(Format::Prometheus);
    let shown: Vec<&str> =
        text.lines().filter(|line| line.starts_with("kea_operator_server_dialect")).collect();
    assert_eq!(shown, [r#"kea_operator_server_dialect{server="s",dialect="ext"} 1"#]);
    metrics.dialect_is("s", None);
    assert!(!metrics.encode(Format::Prometheus).contains("kea_operator_server_dialect{"));

    metrics.breaker_is("s", Circuit::Open);
    metrics.breaker_is("s", Circuit::Closed);
    assert_eq!(value(&metrics, r#"kea_operator_breaker_state{server="s",state="open"}"#).unwrap(), "0");
    assert_eq!(value(&metrics, r#"kea_operator_breaker_state{server="s",state="closed"}"#).unwrap(), "1");
}

#[test]
fn a_lease_is_waited_for_from_its_first_sight() {
    let metrics = Metrics::default();
    metrics.lease_seen("a", 10_000);
    metrics.lease_seen("a", 12_000);
    metrics.lease_reserved("a", 13_500);
    metrics.lease_reserved("b", 13_500);
    assert_eq!(value(&metrics, "kea_operator_lease_to_pin_seconds_sum").unwrap(), "3.5");
    assert_eq!(value(&metrics, "kea_operator_lease_to_pin_seconds_count").unwrap(), "2");
}

#[test]
fn addresses_of_a_subnet_that_is_gone_are_forgotten() {
    let metrics = Metrics::default();
    let usage = Usage { total: 20, assigned: 3, declined: 1 };
    let shown = || {
        let text = metrics.encode(Format::Prometheus);
        let mut lines: Vec<String> = text
            .lines()
            .filter_map(|line| line.strip_prefix("kea_operator_subnet_addresses{server=\"s\",subnet_id="))
            .map(str::to_owned)
            .collect();
        lines.sort();
        lines
    };
    metrics.addresses_are("s", &[(7, usage), (8, usage)].into());
    assert_eq!(shown().len(), 6);
    metrics.addresses_are("s", &[(7, usage)].into());
    let wanted = [r#""7",state="assigned"} 3"#, r#""7",state="declined"} 1"#, r#""7",state="total"} 20"#];
    assert_eq!(shown(), wanted);
}
