//! `kea-operator doctor`, with a real Kea that is well, and with one in each state that it warns of.

mod support;

#[path = "support/certificates.rs"]
mod certificates;
#[path = "support/operator.rs"]
mod operator;

use std::fs;

use certificates::Certificates;
use kea_lab::{ControlAgent, Database, Kea, KeaInstallation, SqlKind};
use operator::{Said, network_namespace, run};
use serde_json::{Value, json};
use support::site::with;
use support::{PREFIX, SUBNET_ID, config, config_without_store};

const PASSWORD: &str = "s3cret";

/// A server's configuration that `doctor` has nothing to say about.
fn well(kea: &Kea) -> Value {
    let mut config = config(&kea.dir().join("hosts4.db"));
    // Kea takes it for every type.
    config["hosts-databases"][0]["password"] = json!(PASSWORD);
    with(config, &json!({ "multi-threading": { "enable-multi-threading": true } }))
}

/// A folder of objects that fit the server, or are made not to.
fn source(kea: &Kea) -> String {
    let folder = kea.dir().join("objects");
    if fs::create_dir(&folder).is_ok() {
        put_network(kea, &network_namespace("default", PREFIX));
    }
    format!("dir:{}", folder.display())
}

fn put_network(kea: &Kea, network: &Value) {
    fs::write(kea.dir().join("objects/lab.json"), network.to_string()).unwrap();
}

fn start() -> Kea {
    let builder = Kea::without_network("doctor").unwrap();
    let config = config(&builder.dir().join("hosts4.db"));
    let builder = builder.config(config).lease_cmds().unwrap();
    builder.host_cmds(Value::Null).unwrap().start().unwrap()
}

fn examine(kea: &Kea, more: &[&str]) -> Said {
    let url = format!("unix:{}", kea.socket().path().display());
    let said = run(&[&["doctor", "--kea-url", &url, "--source", &source(kea)], more].concat(), &[]);
    assert_eq!(said.err, "");
    assert!(!said.out.contains(PASSWORD), "{}", said.out);
    said
}

/// Exit status and findings of that severity at least.
fn findings(kea: &Kea, severities: &[&str]) -> (i32, Vec<Value>) {
    let said = examine(kea, &["-o", "json"]);
    let mut report: Value = serde_json::from_str(&said.out).unwrap();
    let Value::Array(mut found) = report["findings"].take() else { panic!("{}", said.out) };
    found.retain(|finding| severities.contains(&finding["severity"].as_str().unwrap()));
    (said.code, found)
}

/// Expects that one thing is wrong: this, of this severity, with these words in its text.
#[track_caller]
fn expect_one(kea: &Kea, check: &str, severity: &str, words: &str) {
    let (code, found) = findings(kea, &["warning", "error"]);
    assert_eq!(found.len(), 1, "{check}: {found:#?}");
    assert_eq!((&found[0]["check"], &found[0]["severity"]), (&json!(check), &json!(severity)), "{found:#?}");
    assert!(found[0]["what"].as_str().unwrap().contains(words), "'{words}' is not in {found:#?}");
    assert!(found[0]["why"].is_string() && found[0]["fix"].is_string(), "{found:#?}");
    assert_eq!(code, if severity == "error" { 2 } else { 1 });
}

#[test]
fn a_healthy_server_has_nothing_wrong() {
    let kea = start();
    kea.config_set(&well(&kea)).unwrap().success().unwrap();
    assert_eq!(findings(&kea, &["info", "warning", "error"]), (0, vec![]));
    let said = examine(&kea, &[]);
    for words in ["reachable", " answers", "reservations by ext-reservation-*", "0 errors, 0 warnings"] {
        assert!(said.out.contains(words), "'{words}' is not in\n{}", said.out);
    }
    assert!(!said.out.contains('\u{1b}'), "{:?}", said.out);
    assert_eq!(examine(&kea, &[]).out, said.out);
    assert!(examine(&kea, &["-o", "yaml"]).out.starts_with("worst: ok\n"));
}

#[test]
fn settings_that_rob_reservations_of_their_effect() {
    let kea = start();
    let subnet = || config_without_store()["subnet4"][0].take();
    let off = json!({ "reservations-in-subnet": false });
    let network = json!({ "name": "n", "subnet4": [subnet()], "reservations-in-subnet": false });
    let early = json!({ "reservations-global": true, "early-global-reservations-lookup": true });
    let named = format!("subnet {SUBNET_ID} ({PREFIX})");
    let rows = [
        (off.clone(), "reservation-flags", "error", "not looked up"),
        (json!({ "subnet4": [with(subnet(), &off)] }), "reservation-flags", "error", &named),
        (json!({ "subnet4": [], "shared-networks": [network] }), "reservation-flags", "error", &named),
        (json!({ "reservations-out-of-pool": true }), "reservation-flags", "error", "inside the pools"),
        (json!({ "ip-reservations-unique": false }), "reservation-flags", "warning", "several devices"),
        (early, "reservation-flags", "warning", "before those of subnets"),
        (json!({ "host-reservation-identifiers": ["duid"] }), "identifiers", "error", "only by duid"),
        (json!({ "hosts-databases": null }), "host-sources", "warning", "memory alone"),
        (
            json!({ "lease-database": { "type": "memfile", "persist": false } }),
            "leases",
            "warning",
            "to disk",
        ),
    ];
    for (change, check, severity, words) in rows {
        kea.config_set(&with(well(&kea), &change)).unwrap().success().unwrap();
        expect_one(&kea, check, severity, words);
    }
    let version = kea.command("version-get", &Value::Null).unwrap().text;
    if version.starts_with("2.2") {
        let older = json!({ "subnet4": [with(subnet(), &json!({ "reservation-mode": "disabled" }))] });
        kea.config_set(&with(well(&kea), &older)).unwrap().success().unwrap();
        expect_one(&kea, "reservation-flags", "error", &named);
    }
}

#[test]
fn hooks_that_are_missing_or_set_up_badly() {
    let mut kea = start();
    let hooks = kea.hooks_mut().clone();
    let config = well(&kea);
    for (parameters, words) in [
        (json!({ "event-log-size": 10 }), "keeps 10 events"),
        (json!({ "event-leases": "none" }), "leases are no events"),
    ] {
        kea.hooks_mut()[1]["parameters"] = parameters;
        kea.config_set(&config).unwrap().success().unwrap();
        expect_one(&kea, "events", "warning", words);
    }
    *kea.hooks_mut() = hooks[1..].to_vec();
    kea.config_set(&config).unwrap().success().unwrap();
    expect_one(&kea, "commands", "error", "lease4-get-by-hw-address");

    let without_store = with(config, &json!({ "hosts-databases": null }));
    *kea.hooks_mut() = hooks[..1].to_vec();
    kea.config_set(&without_store).unwrap().success().unwrap();
    let (code, found) = findings(&kea, &["warning", "error"]);
    let checks: Vec<&Value> = found.iter().map(|finding| &finding["check"]).collect();
    assert_eq!((code, checks), (2, vec![&json!("commands"), &json!("host-sources")]));
    let folder = kea.dir().join("hooks").join("libdhcp_host_cmds_rs.so");
    assert!(found[0]["fix"].as_str().unwrap().contains(folder.to_str().unwrap()), "{found:#?}");
}

#[test]
fn a_store_that_takes_no_changes() {
    let kea = start();
    let mut config = well(&kea);
    config["hosts-databases"][0]["readonly"] = json!(true);
    kea.config_set(&config).unwrap().success().unwrap();
    let (code, found) = findings(&kea, &["warning", "error"]);
    let checks: Vec<&Value> = found.iter().map(|finding| &finding["check"]).collect();
    assert_eq!((code, checks), (2, vec![&json!("store"), &json!("host-sources")]), "{found:#?}");
}

#[test]
fn peers_that_nobody_writes_to() {
    let mut kea = start();
    let peers = json!([
        { "name": "here", "role": "primary", "url": "http://127.0.0.1:9/" },
        { "name": "there", "role": "standby", "url": "http://127.0.0.1:10/" },
    ]);
    let relationship = json!({
        "this-server-name": "here", "mode": "hot-standby", "peers": peers,
        "multi-threading": { "enable-multi-threading": false },
    });
    let hook = KeaInstallation::find().unwrap().hook("libdhcp_ha.so");
    let link = kea.dir().join("hooks/libdhcp_ha.so");
    std::os::unix::fs::symlink(hook, &link).unwrap();
    let parameters = json!({ "high-availability": [relationship] });
    kea.hooks_mut().push(json!({ "library": link, "parameters": parameters }));
    kea.config_set(&well(&kea)).unwrap().success().unwrap();
    let (code, found) = findings(&kea, &["warning", "error"]);
    let whats: Vec<&str> = found.iter().map(|finding| finding["what"].as_str().unwrap()).collect();
    assert_eq!(whats[0], "the operator knows 1 of 2 peers", "{found:#?}");
    assert!(whats.contains(&"the server has not heard of its peer since it started"), "{found:#?}");
    assert_eq!(code, 2);
}

#[test]
fn networks_that_kea_does_not_fit() {
    let kea = start();
    kea.config_set(&well(&kea)).unwrap().success().unwrap();
    source(&kea);
    let mut without = network_namespace("default", PREFIX);
    without["status"] = json!({});
    for (network, severity, words) in [
        (network_namespace("default", "192.0.2.0/24"), "error", "no subnet that contains 192.0.2.0/24"),
        (network_namespace("default", "anything"), "error", "no network prefix"),
        (without, "warning", "no status.ipv4Prefix"),
    ] {
        put_network(&kea, &network);
        expect_one(&kea, "network", severity, words);
    }
}

#[test]
fn what_http_tells() {
    let kea = start();
    kea.config_set(&well(&kea)).unwrap().success().unwrap();
    let agent = ControlAgent::for_server(&kea).unwrap();
    let said = run(&["doctor", "--kea-url", &agent.url(), "--source", &source(&kea)], &[]);
    assert!(said.out.contains("Kea's clock is ours"), "{said:?}");
    let version = kea.command("version-get", &Value::Null).unwrap().text;
    // Kea 3.0 could be asked itself.
    let could_do_without = version.starts_with('3');
    assert_eq!(said.out.contains("commands go through a control agent"), could_do_without, "{said:?}");
    assert_eq!(said.code, i32::from(could_do_without), "{said:?}");
}

#[test]
fn the_ends_of_certificates_are_told() {
    let kea = start();
    kea.config_set(&well(&kea)).unwrap().success().unwrap();
    let certificates = Certificates::new();
    let extra = certificates.for_agent(&kea.dir().join("agent"), true);
    let agent = ControlAgent::with_config(&kea, &extra).unwrap();
    let files = certificates.for_client(&kea.dir().join("client"));
    let [ca, cert, key] = files.each_ref().map(|file| file.to_str().unwrap());
    let url = format!("https://{}", agent.address());
    let said = run(
        &[
            "doctor",
            "-o",
            "json",
            "--source",
            &source(&kea),
            "--kea-url",
            &url,
            "--kea-tls-ca-file",
            ca,
            "--kea-tls-cert-file",
            cert,
            "--kea-tls-key-file",
            key,
        ],
        &[],
    );
    let report: Value = serde_json::from_str(&said.out).unwrap_or_else(|_| panic!("{said:?}"));
    let all = report["findings"].as_array().unwrap().iter();
    let told: Vec<&str> = all
        .filter(|finding| finding["check"] == "certificate")
        .map(|finding| finding["what"].as_str().unwrap().split(':').next().unwrap())
        .collect();
    let named = |file: &str, variable: &str| format!("{file} ({variable})");
    let expected =
        [named(cert, "KEA_TLS_CERT_FILE"), named(ca, "KEA_TLS_CA_FILE"), "the certificate of Kea".to_owned()];
    assert_eq!(told, expected, "{said:?}");
}

#[test]
fn a_server_that_does_not_answer() {
    let folder = tempfile::tempdir().unwrap();
    let source = format!("dir:{}", folder.path().display());
    let said = run(&["doctor", "--kea-url", "unix:/nonexistent/socket", "--source", &source], &[]);
    assert_eq!(said.code, 2, "{said:?}");
    assert!(said.out.contains("cannot reach Kea at unix:/nonexistent/socket"), "{}", said.out);
    assert!(said.out.contains("fix: check that it runs"), "{}", said.out);
    let said = run(&["doctor"], &[]);
    assert_eq!(said.code, 1);
    assert!(said.err.contains("no Kea server is set"), "{}", said.err);
}

/// Kea 3.0 with its own hooks alone is all that the operator needs.
#[test]
fn keas_own_hooks_will_do() {
    if !KeaInstallation::find().unwrap().hook("libdhcp_host_cmds.so").exists() {
        return;
    }
    let database = Database::new(SqlKind::PostgreSql).unwrap();
    let builder = Kea::without_network("doctor").unwrap().config(config_without_store());
    let mut builder = builder.lease_cmds().unwrap();
    for hook in ["libdhcp_host_cmds.so", "libdhcp_subnet_cmds.so"] {
        builder = builder.stock_hook(hook, Value::Null).unwrap();
    }
    let kea = builder.hosts_database(&database).unwrap().start().unwrap();
    assert_eq!(findings(&kea, &["warning", "error"]), (0, vec![]));
    let said = examine(&kea, &[]);
    assert!(said.out.contains("reservations by reservation-*, subnets by subnet4-list"), "{}", said.out);
    assert!(said.out.contains("reservations are in postgresql"), "{}", said.out);
}
