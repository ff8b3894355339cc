//! Alerts and dashboard of the chart: Prometheus understands them, they speak of metrics that there are, and alerts go
//! off when they should.

#[path = "support/chart.rs"]
mod chart;

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::Path;
use std::process::Command;

use chart::{NAMESPACE, RELEASE, chart_file, project, render, yaml};
use kea_operator::telemetry::Metrics;
use serde_json::{Value, json};

/// Labels that Prometheus adds.
const OF_PROMETHEUS: [&str; 4] = ["job", "namespace", "pod", "le"];

fn rules() -> Value {
    render(&json!({ "metrics": { "prometheusRule": { "enabled": true } } })).the("PrometheusRule")["spec"]
        .clone()
}

fn promtool(folder: &Path, arguments: &[&str]) -> Result<String, String> {
    let mut command = Command::new(kea_lab::places::program("usr/bin/promtool"));
    command.args(arguments).current_dir(folder);
    let output = command.output().map_err(|error| format!("{error}: 'hack/deps chart' provides promtool"))?;
    let said =
        [output.stdout, output.stderr].map(|text| String::from_utf8_lossy(&text).into_owned()).concat();
    if output.status.success() { Ok(said) } else { Err(said) }
}

#[test]
fn prometheus_understands_the_alerts() {
    let folder = tempfile::tempdir().unwrap();
    fs::write(folder.path().join("rules.yaml"), rules().to_string()).unwrap();
    let said = promtool(folder.path(), &["check", "rules", "--lint-fatal", "rules.yaml"]).unwrap();
    let count = rules()["groups"][0]["rules"].as_array().unwrap().len();
    assert!(said.contains(&format!("{count} rules found")), "{said}");
}

#[test]
fn alerts_go_off_when_they_should() {
    let folder = tempfile::tempdir().unwrap();
    let mut plain = rules();
    // They would have to be repeated for each alert that is expected.
    for rule in plain["groups"][0]["rules"].as_array_mut().unwrap() {
        rule.as_object_mut().unwrap().remove("annotations");
    }
    fs::write(folder.path().join("rules.yaml"), plain.to_string()).unwrap();
    let tests = fs::read_to_string(project("tests/support/alerts.yaml")).unwrap();
    let ours = format!("job=\"{RELEASE}\",namespace=\"{NAMESPACE}\"");
    let tests =
        tests.replace("$OURS", &ours).replace("$LABELS", &format!("job: {RELEASE}, namespace: {NAMESPACE}"));
    fs::write(folder.path().join("tests.yaml"), &tests).unwrap();
    promtool(folder.path(), &["test", "rules", "tests.yaml"]).unwrap();

    // Each alert is among the tests.
    let tested = yaml(&tests);
    let tested = tested["tests"].as_array().unwrap().iter().flat_map(|test| {
        test["alert_rule_test"]
            .as_array()
            .unwrap()
            .iter()
            .map(|rule| rule["alertname"].as_str().unwrap().to_owned())
    });
    let alerts = rules();
    let alerts = alerts["groups"][0]["rules"].as_array().unwrap().iter();
    let names: BTreeSet<String> = alerts.map(|rule| rule["alert"].as_str().unwrap().to_owned()).collect();
    assert_eq!(tested.collect::<BTreeSet<String>>(), names);
}

#[test]
fn each_alert_says_what_to_do() {
    for rule in rules()["groups"][0]["rules"].as_array().unwrap() {
        for text in ["summary", "description"] {
            let said = rule["annotations"][text].as_str().unwrap_or_default();
            assert!(said.len() > 10, "{rule}");
        }
        let severity = rule["labels"]["severity"].as_str().unwrap();
        assert!(["critical", "warning", "info"].contains(&severity), "{rule}");
    }
}

#[test]
fn the_document_lists_them() {
    let document = fs::read_to_string(project("docs/kubernetes.md")).unwrap();
    let table = document.split("| alert | says |\n").nth(1).unwrap().split("\n\n").next().unwrap();
    let documented: BTreeSet<&str> = table.split('`').skip(1).step_by(2).collect();
    let rules = rules();
    let alerts = rules["groups"][0]["rules"].as_array().unwrap().iter();
    assert_eq!(documented, alerts.map(|rule| rule["alert"].as_str().unwrap()).collect());
}

#[test]
fn alerts_can_be_left_out_and_added() {
    let settings = json!({ "enabled": true, "disabled": ["KeaOperatorDown"], "alertLabels": { "team": "network" },
        "extraRules": [{ "record": "kea:objects", "expr": "sum(kea_operator_objects)" }] });
    let rendered = render(&json!({ "metrics": { "prometheusRule": settings } })).the("PrometheusRule");
    let changed = rendered["spec"]["groups"][0]["rules"].as_array().unwrap();
    assert_eq!(changed.len(), rules()["groups"][0]["rules"].as_array().unwrap().len());
    assert!(changed.iter().all(|rule| rule["alert"] != "KeaOperatorDown"));
    assert_eq!(changed[0]["labels"]["team"], "network");
    assert_eq!(changed.last().unwrap()["record"], "kea:objects");
}

/// What the operator exports: labels by the names on the wire.
fn exported() -> BTreeMap<String, BTreeSet<&'static str>> {
    let mut known = BTreeMap::new();
    for family in Metrics::default().descriptions() {
        let labels: BTreeSet<&'static str> = family.labels.iter().copied().chain(OF_PROMETHEUS).collect();
        let endings = if family.kind == "histogram" { &["_bucket", "_sum", "_count"][..] } else { &[""] };
        for ending in endings {
            known.insert(format!("{}{ending}", family.name), labels.clone());
        }
    }
    assert!(known.len() > 20);
    known
}

/// What an expression names: metrics, with the labels in their braces.
fn named(expression: &str) -> Vec<(String, Vec<String>)> {
    let mut found = vec![];
    let mut rest = expression;
    while let Some(start) = rest.find("kea_operator_") {
        rest = &rest[start..];
        let end = rest.find(|c: char| !c.is_ascii_alphanumeric() && c != '_').unwrap_or(rest.len());
        let (name, after) = rest.split_at(end);
        let matchers =
            after.strip_prefix('{').and_then(|after| after.split_once('}')).map_or("", |(inside, _)| inside);
        // No value here has a comma.
        let labels = matchers.split(',').filter(|matcher| !matcher.is_empty());
        let labels = labels.map(|matcher| matcher.split(['=', '!', '~']).next().unwrap().trim().to_owned());
        found.push((name.to_owned(), labels.collect()));
        rest = after;
    }
    found
}

/// Labels of all `by (…)` of an expression.
fn grouped(expression: &str) -> Vec<String> {
    let groups = expression.split("by (").skip(1);
    let labels = groups.flat_map(|group| group.split(')').next().unwrap().split(','));
    labels.map(|label| label.trim().to_owned()).collect()
}

fn assert_exported(what: &str, expression: &str) {
    let known = exported();
    let names = named(expression);
    assert!(!names.is_empty(), "{what}: {expression}");
    for (name, labels) in &names {
        let real = known.get(name).unwrap_or_else(|| panic!("{what}: there is no metric {name}"));
        for label in labels.iter().chain(&grouped(expression)) {
            assert!(real.contains(label.as_str()), "{what}: {name} has no label {label}");
        }
    }
}

#[test]
fn alerts_speak_of_metrics_that_there_are() {
    for rule in rules()["groups"][0]["rules"].as_array().unwrap() {
        assert_exported(rule["alert"].as_str().unwrap(), rule["expr"].as_str().unwrap());
    }
}

#[test]
fn the_dashboard_speaks_of_metrics_that_there_are() {
    let dashboard: Value = serde_json::from_str(&chart_file("files/dashboard.json")).unwrap();
    let folder = tempfile::tempdir().unwrap();
    let mut recorded = vec![];
    for panel in dashboard["panels"].as_array().unwrap() {
        for target in panel["targets"].as_array().unwrap() {
            let (title, expression) = (panel["title"].as_str().unwrap(), target["expr"].as_str().unwrap());
            assert_exported(title, expression);
            let meant = expression
                .replace("$__rate_interval", "5m")
                .replace("$job", ".*")
                .replace("$namespace", ".*");
            assert!(!meant.contains('$'), "{title}: {meant}");
            recorded.push(json!({ "record": format!("panel:{}", recorded.len()), "expr": meant }));
            // What a legend names must have survived the aggregation.
            let legend = target["legendFormat"].as_str().unwrap();
            for label in legend.split("{{").skip(1).map(|part| part.split("}}").next().unwrap().to_owned()) {
                assert!(grouped(expression).contains(&label), "{title}: {label}");
            }
        }
    }
    let expressions = json!({ "groups": [{ "name": "panels", "rules": recorded }] });
    fs::write(folder.path().join("panels.yaml"), expressions.to_string()).unwrap();
    promtool(folder.path(), &["check", "rules", "--lint-fatal", "panels.yaml"]).unwrap();

    let variables = dashboard["templating"]["list"].as_array().unwrap().iter();
    for variable in variables.filter(|variable| variable["type"] == "query") {
        let query = variable["query"].as_str().unwrap();
        let inside = query.strip_prefix("label_values(").unwrap().strip_suffix(')').unwrap();
        let (metric, label) = inside.split_once(", ").unwrap();
        assert!(exported()[metric].contains(label), "{query}");
    }
}

#[test]
fn the_dashboard_is_in_a_config_map() {
    let rendered = render(&json!({ "metrics": { "dashboard": { "enabled": true } } }));
    let map = rendered.the("ConfigMap");
    let inside: Value = serde_json::from_str(map["data"]["kea-operator.json"].as_str().unwrap()).unwrap();
    let file: Value = serde_json::from_str(&chart_file("files/dashboard.json")).unwrap();
    assert_eq!(inside, file);
    assert_eq!(map["metadata"]["labels"]["grafana_dashboard"], "1");
}

#[test]
fn the_names_of_an_expression_are_found() {
    let expression = r#"sum by (le, a) (rate(kea_operator_x_bucket{job="j",b!~"c"}[5m])) / kea_operator_y"#;
    assert_eq!(
        named(expression),
        [("kea_operator_x_bucket".into(), vec!["job".into(), "b".into()]), ("kea_operator_y".into(), vec![])]
    );
    assert_eq!(grouped(expression), ["le", "a"]);
}
