//! What a running operator tells about itself: metrics, probes, and settings that it reads from files.

mod support;

#[path = "support/operator.rs"]
mod operator;

use std::collections::BTreeSet;
use std::fs;
use std::io::{Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::path::PathBuf;

use kea_lab::{Kea, Lab, Process, wait_for};
use operator::{PATIENCE, network_configuration, network_namespace};
use serde_json::{Value, json};
use support::{PREFIX, SUBNET_ID, config};

const NAMESPACE: &str = "demo";
const PHONE: &str = "02:00:00:00:00:0a";
const LAPTOP: &str = "02:00:00:00:00:0b";
const PROMETHEUS: &str = "text/plain; version=0.0.4; charset=utf-8";
const OPEN_METRICS: &str = "application/openmetrics-text; version=1.0.0; charset=utf-8";

/// Everything that such a test needs, in the order in which it must be taken down.
struct Site {
    operator: Process,
    address: SocketAddr,
    objects: PathBuf,
    kea: Kea,
    lab: Lab,
}

impl Site {
    /// The server is known to the operator by a file in its working directory alone.
    fn new(name: &str) -> Self {
        let lab = Lab::new(name).unwrap();
        let store = lab.dir().join("hosts4.db");
        let builder = Kea::on(&lab).unwrap().config(config(&store)).lease_cmds().unwrap();
        let kea = builder.host_cmds(Value::Null).unwrap().start().unwrap();
        let objects = lab.dir().join("objects");
        let home = lab.dir().join("home/of/operator");
        fs::create_dir_all(&objects).unwrap();
        fs::create_dir_all(&home).unwrap();
        fs::write(
            lab.dir().join("home/.env"),
            format!("KEA_URL='unix:{}'\nLOG_LEVEL=error\n", kea.socket().path().display()),
        )
        .unwrap();
        fs::write(lab.dir().join("home/of/.env-test"), "LOG_LEVEL=info\nMAX_CONCURRENT_RECONCILES=many\n")
            .unwrap();
        fs::write(objects.join("network.yaml"), network_namespace(NAMESPACE, PREFIX).to_string()).unwrap();

        let source = format!("dir:{}", objects.display());
        let arguments = ["--source", &source, "--health-probe-bind-address", "127.0.0.1:0"];
        let mut command = operator::command(&arguments, &[]);
        // The environment wins over what makes no sense in the file.
        command.current_dir(home).env("ENV", "test").env("MAX_CONCURRENT_RECONCILES", "5");
        let operator = Process::spawn("kea-operator", &command, lab.dir().join("operator.log")).unwrap();
        let address = wait_for("the address of metrics", PATIENCE, || {
            let text = operator.tail();
            let line = text.lines().find(|line| line.contains("probes or metrics are answered"))?;
            line.split_once("address=")?.1.split_whitespace().next()?.parse().ok()
        });
        let address = address.unwrap_or_else(|error| panic!("{error:#}\n{}", operator.tail()));
        Self { operator, address, objects, kea, lab }
    }

    /// Status, type and text of an answer.
    fn get(&self, path: &str, accept: &str) -> (u16, String, String) {
        let mut stream = TcpStream::connect(self.address).unwrap();
        stream.set_read_timeout(Some(PATIENCE)).unwrap();
        write!(
            stream,
            "GET {path} HTTP/1.1\r\nHost: operator\r\nAccept: {accept}\r\nConnection: close\r\n\r\n"
        )
        .unwrap();
        let mut answer = String::new();
        stream.read_to_string(&mut answer).unwrap();
        let (head, body) = answer.split_once("\r\n\r\n").unwrap();
        let kind = head.lines().find_map(|line| {
            let (name, value) = line.split_once(':')?;
            name.eq_ignore_ascii_case("content-type").then(|| value.trim().to_owned())
        });
        (head.split(' ').nth(1).unwrap().parse().unwrap(), kind.unwrap_or_default(), body.to_owned())
    }

    fn scrape(&self) -> Vec<Sample> {
        let (status, kind, text) = self.get("/metrics", "text/plain");
        assert_eq!((status, kind.as_str()), (200, PROMETHEUS));
        samples(&text)
    }

    /// Waits until a metric with these labels has a value that is wanted.
    fn wait_for(&self, name: &str, labels: &[(&str, &str)], wanted: impl Fn(f64) -> bool) -> f64 {
        let seen = wait_for(format!("{name} {labels:?}"), PATIENCE, || {
            value(&self.scrape(), name, labels).filter(|value| wanted(*value))
        });
        seen.unwrap_or_else(|error| {
            let (_, _, text) = self.get("/metrics", "");
            panic!("{error:#}\n{text}\n{}", self.operator.tail())
        })
    }

    fn wait_until(&self, name: &str, labels: &[(&str, &str)], wanted: f64) {
        self.wait_for(name, labels, |value| (value - wanted).abs() < 0.1);
    }

    fn write(&self, object: &Value) {
        let name = object["metadata"]["name"].as_str().unwrap();
        let draft = self.objects.with_extension("draft");
        fs::write(&draft, object.to_string()).unwrap();
        fs::rename(&draft, self.objects.join(format!("{name}.yaml"))).unwrap();
    }
}

struct Sample {
    name: String,
    labels: Vec<(String, String)>,
    value: f64,
}

/// Reads what was scraped. No label value of these tests has a comma, a quote or a backslash.
fn samples(text: &str) -> Vec<Sample> {
    let lines = text.lines().filter(|line| !line.starts_with('#'));
    lines
        .map(|line| {
            let (series, value) = line.rsplit_once(' ').unwrap();
            let (name, labels) = series.split_once('{').unwrap_or((series, ""));
            let labels =
                labels.trim_end_matches('}').split(',').filter(|label| !label.is_empty()).map(|label| {
                    let (name, value) = label.split_once('=').unwrap();
                    (name.to_owned(), value.trim_matches('"').to_owned())
                });
            Sample { name: name.into(), labels: labels.collect(), value: value.parse().unwrap() }
        })
        .collect()
}

/// The sum of the samples that have these labels, and maybe others.
fn value(samples: &[Sample], name: &str, labels: &[(&str, &str)]) -> Option<f64> {
    let has = |sample: &Sample, (name, value): &(&str, &str)| {
        sample.labels.iter().any(|(known, its)| known == name && its == value)
    };
    let chosen: Vec<f64> = samples
        .iter()
        .filter(|sample| sample.name == name && labels.iter().all(|label| has(sample, label)))
        .map(|sample| sample.value)
        .collect();
    (!chosen.is_empty()).then(|| chosen.iter().sum())
}

/// What a linter of metrics looks at, and that no label tells a MAC address or an IP address.
fn assert_well_formed(text: &str) {
    let mut helped = BTreeSet::new();
    let mut types = std::collections::BTreeMap::new();
    for line in text.lines().filter(|line| line.starts_with('#')) {
        let words: Vec<&str> = line.splitn(4, ' ').collect();
        match words.as_slice() {
            ["#", "HELP", name, help] => {
                assert!(help.len() > 10, "{line}");
                assert!(helped.insert((*name).to_owned()), "twice: {line}");
            }
            ["#", "TYPE", name, kind] => {
                assert!(types.insert((*name).to_owned(), (*kind).to_owned()).is_none())
            }
            _ => panic!("{line}"),
        }
    }
    let mut series = BTreeSet::new();
    let all = samples(text);
    for Sample { name, labels, value } in &all {
        assert!(series.insert((name, labels)), "twice: {name} {labels:?}");
        let family = ["_bucket", "_sum", "_count"].iter().find_map(|part| name.strip_suffix(part));
        let family = family.filter(|family| types.contains_key(*family)).unwrap_or(name);
        let kind = types.get(family).unwrap_or_else(|| panic!("{name} has no TYPE"));
        assert!(helped.contains(family), "{name} has no HELP");
        assert_eq!(kind == "counter", name.ends_with("_total"), "{name}");
        assert!(kind == "gauge" || *value >= 0.0, "{name} {value}");
        for (label, value) in labels {
            let hexadecimal = |part: &str| part.len() == 2 && part.chars().all(|c| c.is_ascii_hexdigit());
            let mac = value.split([':', '-']).filter(|part| hexadecimal(part)).count() >= 6;
            let ip = value.split(['/', ' ', '@']).any(|part| part.parse::<std::net::IpAddr>().is_ok());
            assert!(!mac && !ip, "{name} {label}={value}");
            assert!(!value.contains("phone") && !value.contains(NAMESPACE), "{name} {label}={value}");
        }
        if name.ends_with("_bucket") && labels.iter().any(|(label, value)| label == "le" && value == "+Inf") {
            let others: Vec<(&str, &str)> = labels
                .iter()
                .filter(|(label, _)| label != "le")
                .map(|(a, b)| (a.as_str(), b.as_str()))
                .collect();
            let count = self::value(&all, &format!("{family}_count"), &others).unwrap();
            assert!((count - value).abs() < 0.5, "{family}: {count} and {value}");
        }
    }
}

#[test]
fn metrics_move_with_what_happens() {
    let mut site = Site::new("metrics");
    site.lab.device("phone", PHONE).unwrap().dhcp().unwrap();
    site.wait_until("kea_operator_server_health", &[("type", "primary")], 1.0);
    site.wait_until("kea_operator_leader", &[], 1.0);
    site.wait_until("kea_operator_active_network_configurations", &[], 0.0);

    site.write(&network_configuration(NAMESPACE, "phone", &[PHONE]));
    site.write(&network_configuration(NAMESPACE, "laptop", &[LAPTOP]));
    let mut foreign = network_configuration(NAMESPACE, "phone2", &["02:00:00:00:00:0c"]);
    foreign["spec"]["provider"] = json!("static-ip-operator");
    site.write(&foreign);
    site.wait_until("kea_operator_objects", &[("phase", "Ready")], 1.0);
    site.wait_until("kea_operator_objects", &[("phase", "Reconciling")], 1.0);
    site.wait_until("kea_operator_skipped_objects", &[("reason", "provider")], 1.0);
    site.wait_until("kea_operator_active_network_configurations", &[], 2.0);
    let subnet = SUBNET_ID.to_string();
    let added = [("operation", "add"), ("status", "success"), ("subnet_id", subnet.as_str())];
    let reservations = "kea_operator_dhcp_reservations_total";
    site.wait_until(reservations, &added, 1.0);
    site.wait_until("kea_operator_server_dialect", &[("dialect", "ext")], 1.0);
    site.wait_until("kea_operator_breaker_state", &[("state", "closed")], 1.0);
    let now = site.scrape();
    for (name, labels) in [
        ("kea_operator_kea_commands_total", [("command", "ext-reservation-apply"), ("result", "success")]),
        ("kea_operator_dhcp_operation_duration_seconds_count", [("operation", "ext-reservation-apply"); 2]),
        ("kea_operator_kea_batch_items_sum", [("command", "ext-lease-resolve"); 2]),
        ("kea_operator_reconcile_duration_seconds_count", [("result", "success"); 2]),
        ("kea_operator_status_writes_total", [("result", "success"); 2]),
    ] {
        let value = value(&now, name, &labels);
        assert!(value.is_some_and(|value| value >= 1.0), "{name} {labels:?}: {value:?}");
    }
    assert!(value(&now, "kea_operator_queue_wait_seconds_count", &[]).is_some_and(|count| count >= 3.0));

    // The laptop is switched on. Its lease is reserved as soon as the hook tells of it.
    site.lab.device("laptop", LAPTOP).unwrap().dhcp().unwrap();
    site.wait_until("kea_operator_objects", &[("phase", "Ready")], 2.0);
    site.wait_until("kea_operator_time_to_reservation_seconds_count", &[], 2.0);
    site.wait_until("kea_operator_lease_to_pin_seconds_count", &[], 2.0);
    site.wait_until(reservations, &added, 2.0);

    // Somebody removes the reservation; the next look finds and mends that.
    let reservation = json!({
        "subnet-id": SUBNET_ID, "identifier-type": "hw-address", "identifier": PHONE, "operation-target": "all",
    });
    site.kea.ask("ext-reservation-del", &reservation).unwrap();
    let mut phone = network_configuration(NAMESPACE, "phone", &[PHONE]);
    phone["spec"]["description"] = json!("looked at again");
    site.write(&phone);
    site.wait_until("kea_operator_drift_found_total", &[], 1.0);
    site.wait_until("kea_operator_drift_repaired_total", &[], 1.0);
    site.wait_until(reservations, &added, 3.0);

    // Kea goes and comes back. The operator is as alive and as ready as before.
    site.kea.kill9().unwrap();
    site.wait_until("kea_operator_server_health", &[], 0.0);
    site.wait_for("kea_operator_kea_commands_total", &[("result", "network")], |count| count >= 1.0);
    phone["spec"]["description"] = json!("and again");
    site.write(&phone);
    let errors = "kea_operator_reconciliation_errors_total";
    let of_network = [("error_type", "network"), ("controller", "networkconfiguration")];
    site.wait_for(errors, &of_network, |count| count >= 1.0);
    site.wait_until("kea_operator_server_level", &[], 0.0);
    for path in ["/healthz", "/readyz"] {
        assert_eq!(site.get(path, "").0, 200, "{path}");
    }
    site.kea.restart().unwrap();
    site.wait_until("kea_operator_server_health", &[], 1.0);
    site.wait_until("kea_operator_server_level", &[], 1.0);

    fs::remove_file(site.objects.join("phone.yaml")).unwrap();
    site.wait_until(reservations, &[("operation", "remove"), ("status", "success")], 1.0);
    site.wait_until("kea_operator_active_network_configurations", &[], 1.0);

    let (_, kind, text) = site.get("/metrics", "application/openmetrics-text");
    assert_eq!(kind, OPEN_METRICS);
    assert!(text.ends_with("# EOF\n"), "{text}");
    assert_well_formed(&site.get("/metrics", "text/plain").2);
    let status = site.operator.terminate().unwrap();
    assert!(status.success(), "{status}\n{}", site.operator.tail());
}

#[test]
fn what_is_not_well_formed_is_found() {
    let head = "# HELP m Something of it\n# TYPE m gauge\n";
    assert_well_formed(&format!("{head}m{{server=\"unix:/s\"}} 1\n"));
    for bad in [
        "m 1\n".to_owned(),
        "# TYPE m gauge\nm 1\n".to_owned(),
        format!("{head}m 1\nm 2\n"),
        format!("{head}m{{of=\"02:00:00:00:00:0a\"}} 1\n"),
        format!("{head}m{{of=\"02-00-00-00-00-0a\"}} 1\n"),
        format!("{head}m{{of=\"10.77.0.1\"}} 1\n"),
        format!("{head}m{{of=\"2001:db8::1\"}} 1\n"),
        "# HELP m_total Something of it\n# TYPE m_total gauge\nm_total 1\n".to_owned(),
    ] {
        let found = std::panic::catch_unwind(|| assert_well_formed(&bad));
        assert!(found.is_err(), "{bad}");
    }
}
