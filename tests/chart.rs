//! The Helm chart as Helm renders it: what its values may be, and what they mean.

#[path = "support/chart.rs"]
mod chart;

#[path = "support/values_table.rs"]
mod values_table;

use std::collections::BTreeSet;

use chart::{RELEASE, all, chart_file, helm, leaves, render, values_files, values_of, yaml};
use kea_operator::cli::Cli;
use serde_json::{Value, json};

#[test]
fn helm_finds_nothing_wrong() {
    for (name, values) in values_files() {
        let report = helm(&json!({ "do": "lint", "values": values })).unwrap();
        assert_eq!(report["problems"], json!([]), "{name}");
    }
}

#[test]
fn what_no_value_may_be_is_refused_by_its_name() {
    let refused = [
        (json!({ "kea": { "urll": "http://kea" } }), "urll"),
        (json!({ "kea": { "url": "ftp://kea" } }), "/kea/url"),
        (json!({ "kea": { "url": "http://user:secret@kea" } }), "/kea/url"),
        (json!({ "kea": { "pinReservations": "maybe" } }), "/kea/pinReservations"),
        (json!({ "kea": { "timeoutSeconds": "10s" } }), "/kea/timeoutSeconds"),
        (json!({ "kea": { "retryBackoff": 5 } }), "/kea/retryBackoff"),
        (json!({ "kea": { "tls": { "enabled": "yes" } } }), "/kea/tls/enabled"),
        (json!({ "replicaCount": "two" }), "/replicaCount"),
        (json!({ "replicas": 2 }), "replicas"),
        (json!({ "metrics": { "serviceMonitor": { "enable": true } } }), "enable"),
    ];
    for (values, named) in refused {
        let error = helm(&json!({ "do": "render", "values": values })).expect_err(&values.to_string());
        assert!(error.contains("schema") || error.contains(named), "{error}");
        assert!(error.contains(named), "{values}: {error}");
    }
}

#[test]
fn the_schema_knows_each_value_and_no_other() {
    let schema: Value = serde_json::from_str(&chart_file("values.schema.json")).unwrap();
    let mut known = BTreeSet::new();
    properties(&schema, "", &mut known);
    // Helm gives it to every chart.
    assert!(known.remove("global"));
    let values = leaves(&yaml(&chart_file("values.yaml")));
    let is_at = |value: &str, place: &str| value == place || value.starts_with(&format!("{place}."));
    for value in values.keys() {
        assert!(known.iter().any(|place| is_at(value, place)), "{value} is not in values.schema.json");
    }
    for place in &known {
        assert!(values.keys().any(|value| is_at(value, place)), "{place} is not in values.yaml");
    }
}

/// Paths of what a schema describes, down to where everything is allowed.
fn properties(schema: &Value, path: &str, known: &mut BTreeSet<String>) {
    let Some(map) = schema["properties"].as_object() else {
        known.insert(path.to_owned());
        return;
    };
    assert_eq!(schema["additionalProperties"], false, "{path}");
    for (key, value) in map {
        properties(value, &if path.is_empty() { key.clone() } else { format!("{path}.{key}") }, known);
    }
}

/// The variables of `run`.
fn variables() -> BTreeSet<String> {
    let cli = Cli::command_line();
    let run = cli.find_subcommand("run").unwrap();
    run.get_arguments()
        .filter_map(|argument| Some(argument.get_env()?.to_str().unwrap().to_owned()))
        .collect()
}

/// Variables that have no value of their own, and why.
const NO_VALUE: [(&str, &str); 10] = [
    ("KEA_SOURCE", "the chart is for clusters"),
    ("KEA_BASE_URL", "kea.url is what it means"),
    ("KEA_HOST", "kea.url is what it means"),
    ("KEA_BASIC_AUTH_USERNAME", "from a file"),
    ("KEA_BASIC_AUTH_PASSWORD", "from a file"),
    ("KEA_SECONDARY_BASIC_AUTH_USERNAME", "from a file"),
    ("KEA_SECONDARY_BASIC_AUTH_PASSWORD", "from a file"),
    ("LOG_DISABLE_STACKTRANCE", "another spelling"),
    ("OTEL_EXPORTER_OTLP_ENDPOINT", "extraEnv, with the others of OpenTelemetry"),
    ("KEA_HEADER", "not acted on"),
];

#[test]
fn each_setting_of_the_operator_is_a_value() {
    let mut settable: BTreeSet<String> = render(&values_of("everything")).environment().into_keys().collect();
    settable.extend(NO_VALUE.map(|(name, _)| name.to_owned()));
    let missing: Vec<String> = variables().into_iter().filter(|name| !settable.contains(name)).collect();
    assert_eq!(missing, Vec::<String>::new());
}

#[test]
fn the_operator_takes_what_the_chart_gives_it() {
    for (name, rendered) in all() {
        let container = rendered.container();
        let mut words = vec!["kea-operator".to_owned()];
        words.extend(
            container["args"].as_array().unwrap().iter().map(|word| word.as_str().unwrap().to_owned()),
        );
        let cli = Cli::command_line();
        let run = cli.find_subcommand("run").unwrap();
        for (variable, value) in rendered.environment() {
            let argument =
                run.get_arguments().find(|known| known.get_env().is_some_and(|env| env == variable.as_str()));
            match argument.and_then(|argument| argument.get_long()) {
                Some(flag) => words.push(format!("--{flag}={value}")),
                None => assert!(variable.starts_with("OTEL_"), "{name}: the operator has no {variable}"),
            }
        }
        cli.clone().try_get_matches_from(&words).unwrap_or_else(|error| panic!("{name}: {error}"));
    }
}

#[test]
fn defaults_are_the_operators() {
    let documented = values_table::documented_defaults();
    for (name, value) in render(&json!({})).environment() {
        assert_eq!(documented.get(&name), Some(&value), "{name}");
    }
}

#[test]
fn a_values_file_of_the_go_operators_chart_gives_a_working_deployment() {
    let rendered = render(&values_of("go-chart"));
    let deployment = rendered.the("Deployment");
    let container = rendered.container();
    assert_eq!(container["image"], format!("kea-operator/kea-operator:{}", env!("CARGO_PKG_VERSION")));
    assert!(rendered.notes().contains("names the Go operator's image"), "{}", rendered.notes());
    assert_eq!(deployment["metadata"]["name"], RELEASE);
    // It cannot change in an upgrade.
    let selector = json!({ "app.kubernetes.io/name": "kea-operator", "app.kubernetes.io/instance": RELEASE });
    assert_eq!(deployment["spec"]["selector"]["matchLabels"], selector);

    let environment = rendered.environment();
    let expected = [
        ("KEA_URL", "https://kea-dhcp.vitistack.svc.cluster.local:8000"),
        ("KEA_SECONDARY_URL", "https://kea-dhcp-secondary.vitistack.svc.cluster.local:8000"),
        ("KEA_PORT", "8000"),
        ("KEA_TIMEOUT_SECONDS", "30"),
        ("KEA_REQUIRE_CLIENT_CLASSES", "biosclients,ueficlients,ipxeclients"),
        ("KEA_TLS_ENABLED", "true"),
        ("KEA_TLS_SECRET_NAME", "kea-tls"),
        ("KEA_TLS_SECRET_NAMESPACE", "vitistack"),
        ("KEA_BASIC_AUTH_USERNAME_FILE", "/etc/kea-operator/kea-auth/username"),
        ("KEA_BASIC_AUTH_PASSWORD_FILE", "/etc/kea-operator/kea-auth/password"),
        ("LOG_LEVEL", "debug"),
        ("LOG_JSON_LOGGING", "true"),
        ("MAX_CONCURRENT_RECONCILES", "5"),
    ];
    for (name, value) in expected {
        assert_eq!(environment.get(name).map(String::as_str), Some(value), "{name}");
    }
    assert!(!environment.contains_key("KEA_BASIC_AUTH_PASSWORD"));
    let volume = &deployment["spec"]["template"]["spec"]["volumes"][0];
    assert_eq!(volume["secret"]["secretName"], "kea-credentials");
    assert_eq!(container["resources"]["limits"], json!({ "cpu": "200m", "memory": "256Mi" }));
}

#[test]
fn all_values_of_the_go_operators_chart_have_their_meaning() {
    let rendered = render(&values_of("go-chart-all"));
    let (deployment, container) = (rendered.the("Deployment"), rendered.container());
    let pod = &deployment["spec"]["template"]["spec"];
    let found = [
        ("name", deployment["metadata"]["name"].clone(), json!("vitistack-kea-operator")),
        ("autoscaling replaces replicas", deployment["spec"]["replicas"].clone(), Value::Null),
        ("pullPolicy", container["imagePullPolicy"].clone(), json!("Always")),
        ("imagePullSecrets", pod["imagePullSecrets"].clone(), json!([{ "name": "pull" }])),
        ("serviceAccount.name", pod["serviceAccountName"].clone(), json!("kea")),
        (
            "podAnnotations",
            deployment["spec"]["template"]["metadata"]["annotations"]["example.org/c"].clone(),
            json!("d"),
        ),
        (
            "podLabels",
            deployment["spec"]["template"]["metadata"]["labels"]["example.org/e"].clone(),
            json!("f"),
        ),
        ("volumeMounts", container["volumeMounts"][1]["mountPath"].clone(), json!("/certificates")),
        ("nodeSelector", pod["nodeSelector"].clone(), json!({ "kubernetes.io/os": "linux" })),
        ("tolerations", pod["tolerations"][0]["operator"].clone(), json!("Exists")),
        ("livenessProbe", container["livenessProbe"]["httpGet"]["port"].clone(), json!(9995)),
        ("limits", container["resources"]["limits"]["cpu"].clone(), json!("2000m")),
        ("autoscaling", rendered.the("HorizontalPodAutoscaler")["spec"]["maxReplicas"].clone(), json!(100)),
        (
            "ingress",
            rendered.the("Ingress")["spec"]["rules"][0]["host"].clone(),
            json!("kea-operator.example.org"),
        ),
        ("ingressClassName", rendered.the("Ingress")["spec"]["ingressClassName"].clone(), json!("nginx")),
        ("service.port", rendered.the("Service")["spec"]["ports"][0]["port"].clone(), json!(80)),
        ("its port of old", rendered.the("Service")["spec"]["ports"][1]["port"].clone(), json!(9995)),
        (
            "annotations",
            rendered.the("ServiceAccount")["metadata"]["annotations"].clone(),
            json!({ "example.org/a": "b" }),
        ),
        ("username", rendered.the("Secret")["stringData"]["username"].clone(), json!("admin")),
    ];
    for (what, is, should) in found {
        assert_eq!(is, should, "{what}");
    }
    let expected = [
        ("KEA_SECONDARY_URLS", "https://kea3.example.com,https://kea4.example.com"),
        ("KEA_TIMEOUT_SECONDS", "60"),
        ("KEA_CONNECT_TIMEOUT_SECONDS", "10"),
        ("KEA_PRIMARY_RETRIES", "3"),
        ("KEA_RETRY_BACKOFF", "1s"),
        ("KEA_RETRY_MAX_BACKOFF", "10s"),
        ("KEA_PRIMARY_COOLDOWN", "30s"),
        ("KEA_PIN_RESERVATIONS", "log"),
        ("KEA_CLEANUP_TIMEOUT", "15m"),
        ("KEA_DISABLE_KEEPALIVES", "true"),
        ("KEA_TLS_CA_FILE", "/certificates/ca.crt"),
        ("KEA_TLS_CERT_FILE", "/certificates/tls.crt"),
        ("KEA_TLS_KEY_FILE", "/certificates/tls.key"),
        ("KEA_TLS_SERVER_NAME", "kea.example.com"),
        ("KEA_TLS_INSECURE", "false"),
        ("LEADER_ELECT", "true"),
        ("MAX_CONCURRENT_RECONCILES", "8"),
        ("LOG_ADD_CALLER", "true"),
        ("DEVELOPMENT", "false"),
    ];
    let environment = rendered.environment();
    for (name, value) in expected {
        assert_eq!(environment.get(name).map(String::as_str), Some(value), "{name}");
    }
}

#[test]
fn numbers_and_switches_may_be_texts_or_not() {
    let texts = json!({ "kea": { "timeoutSeconds": "20", "tls": { "insecure": "true" } },
        "leaderElection": { "enabled": "false" } });
    let plain = json!({ "kea": { "timeoutSeconds": 20, "tls": { "insecure": true } },
        "leaderElection": { "enabled": false } });
    assert_eq!(render(&texts).manifests(), render(&plain).manifests());
    assert_eq!(render(&texts).of_kind("Role"), Vec::<Value>::new(), "no Lease, no Role for it");
}

#[test]
fn images() {
    let image = |image: Value| render(&json!({ "image": image })).container()["image"].clone();
    let version = env!("CARGO_PKG_VERSION");
    assert_eq!(image(json!({})), format!("kea-operator/kea-operator:{version}"));
    assert_eq!(image(json!({ "repository": "example.org/kea", "tag": "v1" })), "example.org/kea:v1");
    let digest = format!("sha256:{}", "0".repeat(64));
    assert_eq!(
        image(json!({ "tag": "v1", "digest": digest })),
        format!("kea-operator/kea-operator@{digest}")
    );
    for go in ["registry.example/vitistack/viti-kea-operator", "registry.example/vitistack/kea-operator"] {
        let ours = format!("kea-operator/kea-operator:{version}");
        assert_eq!(image(json!({ "repository": go, "tag": "v0.0.41" })), ours);
    }
}

#[test]
fn notes_warn_of_what_does_not_work() {
    let notes = |values: Value| render(&values).notes().to_owned();
    assert!(notes(json!({})).contains("NO KEA SERVER IS SET"));
    let well = notes(json!({ "kea": { "url": "http://kea" }, "replicaCount": 2 }));
    assert!(!well.contains("NO KEA") && !well.contains("SEVERAL OPERATORS"), "{well}");
    let two = json!({ "replicaCount": 2, "leaderElection": { "enabled": "false" } });
    assert!(notes(two).contains("SEVERAL OPERATORS WORK AT ONCE"));
}

/// What documents call a value: in code, or after `--set`.
fn named_values(document: &str) -> Vec<String> {
    let code = document.split('`').skip(1).step_by(2).map(|code| code.split([':', '=']).next().unwrap());
    let set = document.split("--set ").skip(1).map(|rest| rest.split('=').next().unwrap());
    code.chain(set).filter(|text| !text.is_empty()).map(str::to_owned).collect()
}

#[test]
fn documents_name_values_that_there_are() {
    let values = yaml(&chart_file("values.yaml"));
    let is_value = |path: &str| values.pointer(&format!("/{}", path.replace('.', "/"))).is_some();
    let is_meant = |path: &str| {
        let words = path.chars().all(|c| c.is_ascii_alphanumeric() || c == '.');
        words && path.split_once('.').is_some_and(|(first, _)| values.get(first).is_some())
    };
    let mut found = 0;
    for document in ["docs/kubernetes.md", "docs/migrating.md", "charts/kea-operator/README.md"] {
        let text = std::fs::read_to_string(chart::project(document)).unwrap();
        for path in named_values(&text).iter().filter(|path| is_meant(path)) {
            assert!(is_value(path), "{document}: there is no value {path}");
            found += 1;
        }
    }
    assert!(found > 100);
}

#[test]
fn the_chart_has_the_version_of_the_operator() {
    let chart = yaml(&chart_file("Chart.yaml"));
    assert_eq!(chart["version"], env!("CARGO_PKG_VERSION"));
    assert_eq!(chart["appVersion"], env!("CARGO_PKG_VERSION"));
}
