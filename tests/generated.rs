//! Committed files that are generated from code must equal what the code generates now.

// This program uses a part of it.
#[allow(dead_code)]
mod conformance;

#[path = "support/chart.rs"]
mod chart;

#[path = "support/values_table.rs"]
mod values_table;

use std::path::Path;
use std::{env, fs};

use serde_json::json;

/// Compares a committed file with what it should be, or writes it, for `make generate`.
fn compare(path: &str, generated: &str) {
    let file = Path::new(env!("CARGO_MANIFEST_DIR")).join(path);
    if env::var_os("UPDATE_GENERATED").is_some() {
        fs::write(&file, generated).expect("the file can be written");
    }
    let committed = fs::read_to_string(&file).unwrap_or_default();
    assert!(committed == generated, "run `make generate` and commit {path}");
}

#[test]
fn the_charts_custom_resource_definitions() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("charts/kea-operator/files/crds");
    let definitions = kea_operator::crd::definitions();
    for (file, definition) in &definitions {
        let generated = kea_operator::crd::definition_yaml(definition).expect("YAML");
        compare(&format!("charts/kea-operator/files/crds/{file}"), &generated);
    }
    let mut committed: Vec<String> = fs::read_dir(&folder)
        .expect("the folder of the chart")
        .map(|entry| entry.expect("an entry of it").file_name().into_string().expect("a plain name"))
        .collect();
    committed.sort();
    assert_eq!(committed, definitions.each_ref().map(|(file, _)| *file));
}

#[test]
fn the_list_of_behaviours() {
    compare("docs/conformance.md", &conformance::document::page());
}

#[test]
fn the_charts_permissions() {
    compare("charts/kea-operator/files/permissions.yaml", &kea_operator::permissions::yaml().expect("YAML"));
}

#[test]
fn the_charts_list_of_values() {
    let readme = chart::chart_file("README.md");
    let (by_hand, _) = readme.split_once(values_table::MARK).expect("the mark");
    compare(
        "charts/kea-operator/README.md",
        &format!("{by_hand}{}{}", values_table::MARK, values_table::sections()),
    );
}

/// Kubernetes namespace of the plain manifests: that of the documents.
const PLAIN_NAMESPACE: &str = "kea-operator-system";

#[test]
fn the_manifests_without_helm() {
    let values = chart::values_of("plain");
    let request = json!({ "do": "render", "values": values, "namespace": PLAIN_NAMESPACE });
    let files = chart::helm(&request).expect("manifests");
    let is_manifest = |name: &str| !name.ends_with("NOTES.txt") && !name.contains("/tests/");
    let files = files.as_object().expect("files by name").iter().filter(|(name, _)| is_manifest(name));
    let texts = files.map(|(_, text)| text.as_str().expect("text").trim()).filter(|text| !text.is_empty());
    let documents = texts.map(|text| format!("---\n{}\n", text.trim_start_matches("---").trim_start()));
    let helms = ["helm.sh/chart:", "app.kubernetes.io/managed-by: Helm"];
    let is_helms = |line: &&str| !helms.iter().any(|own| line.trim_start().starts_with(own));
    let manifests: String = documents.collect();
    let manifests: Vec<&str> = manifests.lines().filter(is_helms).collect();
    let head = format!(
        "# The chart kea-operator for those without Helm, written by `make generate`. docs/kubernetes.md says how to\n\
         # use it: settings are the variables of docs/operator.md, in a ConfigMap and a Secret named kea-operator.\n\
         apiVersion: v1\nkind: Namespace\nmetadata:\n  name: {PLAIN_NAMESPACE}\n  labels:\n    \
         pod-security.kubernetes.io/enforce: restricted\n"
    );
    compare("charts/kea-operator.yaml", &format!("{head}{}\n", manifests.join("\n")));
}
