//! The chart, rendered by Helm itself, and what is in it.

// Each test file is a program of its own and uses a part of this.
#![allow(dead_code)]

use std::collections::BTreeMap;
use std::fs;
use std::io::Write;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use serde_json::{Value, json};

/// Release and Kubernetes namespace that are rendered.
pub const RELEASE: &str = "kea-operator";
pub const NAMESPACE: &str = "dhcp";

/// A file of the project.
pub fn project(path: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join(path)
}

/// A file of the chart.
pub fn chart_file(path: &str) -> String {
    fs::read_to_string(project("charts/kea-operator").join(path)).unwrap()
}

/// Documents of YAML.
pub fn documents(text: &str) -> Vec<Value> {
    let read: Vec<Value> =
        serde_saphyr::from_multiple(text).unwrap_or_else(|error| panic!("{error}\n{text}"));
    read.into_iter().filter(|document| !document.is_null()).collect()
}

/// One document of YAML.
pub fn yaml(text: &str) -> Value {
    documents(text).into_iter().next().unwrap_or_else(|| json!({}))
}

/// Helm's answer to a request of `hack/helm/helm.py`, or what it complains about.
pub fn helm(request: &Value) -> Result<Value, String> {
    let mut asked = json!({
        "chart": project("charts/kea-operator"), "name": RELEASE, "namespace": NAMESPACE,
    });
    asked.as_object_mut().unwrap().extend(request.as_object().unwrap().clone());
    let mut command = Command::new(project("hack/helm/helm.py"));
    command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
    let mut child = command.spawn().unwrap();
    child.stdin.take().unwrap().write_all(asked.to_string().as_bytes()).unwrap();
    let output = child.wait_with_output().unwrap();
    if output.status.success() {
        Ok(serde_json::from_slice(&output.stdout).unwrap())
    } else {
        Err(String::from_utf8(output.stderr).unwrap())
    }
}

/// What Helm makes of the chart.
pub struct Rendered {
    /// Text by template.
    files: BTreeMap<String, String>,
}

/// Renders the chart with these values, on top of its own.
pub fn render(values: &Value) -> Rendered {
    let answer = helm(&json!({ "do": "render", "values": values }));
    let answer = answer.unwrap_or_else(|error| panic!("{error}\n{values}"));
    Rendered { files: serde_json::from_value(answer).unwrap() }
}

impl Rendered {
    /// All manifests but those of hooks, as Helm sends them.
    pub fn manifests(&self) -> String {
        self.texts(|name| !name.contains("/tests/"))
    }

    /// The manifests of `helm test`.
    pub fn tests(&self) -> String {
        self.texts(|name| name.contains("/tests/"))
    }

    fn texts(&self, wanted: impl Fn(&str) -> bool) -> String {
        let files = self.files.iter().filter(|(name, _)| !name.ends_with("NOTES.txt") && wanted(name));
        let there = files.filter(|(_, text)| !text.trim().is_empty());
        there
            .map(|(_, text)| format!("---\n{}\n", text.trim().trim_start_matches("---").trim_start()))
            .collect()
    }

    /// What is shown after the installation.
    pub fn notes(&self) -> &str {
        let notes = self.files.iter().find(|(name, _)| name.ends_with("NOTES.txt"));
        notes.unwrap().1
    }

    /// All objects, those of hooks too.
    pub fn objects(&self) -> Vec<Value> {
        [documents(&self.manifests()), documents(&self.tests())].concat()
    }

    /// The objects of a kind.
    pub fn of_kind(&self, kind: &str) -> Vec<Value> {
        self.objects().into_iter().filter(|object| object["kind"] == kind).collect()
    }

    /// The one object of a kind.
    pub fn the(&self, kind: &str) -> Value {
        let mut all = self.of_kind(kind);
        assert_eq!(all.len(), 1, "{kind}");
        all.remove(0)
    }

    /// The container of the operator.
    pub fn container(&self) -> Value {
        self.the("Deployment")["spec"]["template"]["spec"]["containers"][0].clone()
    }

    /// Its environment variables that have a value of their own.
    pub fn environment(&self) -> BTreeMap<String, String> {
        let container = self.container();
        let variables = container["env"].as_array().unwrap().iter();
        let given = variables.filter_map(|variable| {
            Some((variable["name"].as_str()?.to_owned(), variable["value"].as_str()?.to_owned()))
        });
        given.collect()
    }
}

/// Values by the name of their file: all of `charts/kea-operator/ci`, and none at all as `default`.
pub fn values_files() -> BTreeMap<String, Value> {
    let mut files = BTreeMap::from([("default".to_owned(), json!({}))]);
    for entry in fs::read_dir(project("charts/kea-operator/ci")).unwrap() {
        let path = entry.unwrap().path();
        let name = path.file_stem().unwrap().to_str().unwrap().to_owned();
        files.insert(name, yaml(&fs::read_to_string(path).unwrap()));
    }
    files
}

/// The chart rendered with each of them.
pub fn all() -> Vec<(String, Rendered)> {
    values_files().iter().map(|(name, values)| (name.clone(), render(values))).collect()
}

/// The values of one of these files.
pub fn values_of(file: &str) -> Value {
    values_files().remove(file).unwrap_or_else(|| panic!("no {file}.yaml"))
}

/// The leaves of values, by path: `kea.tls.secretName`. Lists and empty objects are leaves.
pub fn leaves(values: &Value) -> BTreeMap<String, Value> {
    let mut found = BTreeMap::new();
    collect(values, "", &mut found);
    found
}

fn collect(values: &Value, path: &str, found: &mut BTreeMap<String, Value>) {
    match values.as_object().filter(|map| !map.is_empty()) {
        Some(map) => map.iter().for_each(|(key, value)| {
            let path = if path.is_empty() { key.clone() } else { format!("{path}.{key}") };
            collect(value, &path, found);
        }),
        None => {
            found.insert(path.to_owned(), values.clone());
        }
    }
}
