//! The files of a folder, read into objects.

use std::collections::BTreeMap;
use std::io;
use std::path::Path;

use serde::Deserialize;
use serde_json::{Map, Value};

use crate::crd::{GROUP, NetworkConfiguration, NetworkNamespace};

/// Kubernetes namespace of objects that name none.
pub const DEFAULT_NAMESPACE: &str = "default";

/// One reading of a folder.
#[derive(Debug, Default)]
pub struct Reading {
    /// Objects, each with the name of its file.
    pub documents: Vec<(String, Document)>,
    /// Files that cannot be used, and why.
    pub broken: BTreeMap<String, String>,
}

/// An object of a file.
#[derive(Clone, Debug, PartialEq)]
pub enum Document {
    /// A NetworkConfiguration.
    Configuration(Box<NetworkConfiguration>),
    /// A NetworkNamespace.
    Namespace(Box<NetworkNamespace>),
}

/// Reads every `*.yaml`, `*.yml` and `*.json` of a folder, in the order of their names; hidden files are left out.
pub fn read(folder: &Path) -> io::Result<Reading> {
    let mut names = Vec::new();
    for entry in std::fs::read_dir(folder)? {
        let entry = entry?;
        if let Some(name) = entry.file_name().to_str()
            && is_document(name)
            // Follows symbolic links: a mounted ConfigMap is made of them.
            && entry.path().is_file()
        {
            names.push(name.to_owned());
        }
    }
    names.sort();
    let mut reading = Reading::default();
    for name in names {
        match std::fs::read_to_string(folder.join(&name)) {
            // Removed since the folder was listed.
            Err(error) if error.kind() == io::ErrorKind::NotFound => {}
            Err(error) => {
                reading.broken.insert(name, format!("cannot be read: {error}"));
            }
            Ok(text) => match parse(&text) {
                Ok(documents) => reading.documents.extend(documents.into_iter().map(|d| (name.clone(), d))),
                Err(error) => {
                    reading.broken.insert(name, error);
                }
            },
        }
    }
    Ok(reading)
}

fn is_document(name: &str) -> bool {
    let extension = Path::new(name).extension().and_then(|extension| extension.to_str()).unwrap_or_default();
    !name.starts_with('.') && ["yaml", "yml", "json"].contains(&extension)
}

const EMPTY: &str = "holds no object; to give its objects up, remove the file";

/// All objects of a file that are ours; others' objects may stand beside them.
fn parse(text: &str) -> Result<Vec<Document>, String> {
    if text.trim().is_empty() {
        // A file that is being written is empty for a moment; its objects must not pass for deleted.
        return Err(EMPTY.into());
    }
    // Generous for files, which somebody with access to the folder made; endless aliases still end.
    let limits = serde_saphyr::options! {
        budget: serde_saphyr::budget! { max_documents: 100_000, max_events: 20_000_000, max_nodes: 10_000_000 },
    };
    let values: Vec<Value> = serde_saphyr::from_multiple_with_options(text, limits)
        .map_err(|error| format!("cannot be read as YAML: {error}"))?;
    if values.iter().all(Value::is_null) {
        return Err(EMPTY.into());
    }
    (1..).zip(values).filter_map(|(place, value)| document(place, value).transpose()).collect()
}

fn document(place: usize, mut value: Value) -> Result<Option<Document>, String> {
    if value.is_null() {
        return Ok(None);
    }
    let text = |key: &str| value.get(key).and_then(Value::as_str).unwrap_or_default().to_owned();
    let (version, kind) = (text("apiVersion"), text("kind"));
    if version.is_empty() || kind.is_empty() {
        return Err(format!("document {place} has no apiVersion or no kind"));
    }
    if version.split('/').next() != Some(GROUP) {
        return Ok(None);
    }
    if let Some(object) = value.as_object_mut() {
        // A NetworkNamespace of a folder is little more than its prefix.
        object.entry("spec").or_insert_with(|| Value::Object(Map::new()));
    }
    let malformed = |error: serde_json::Error| format!("document {place} is no valid {kind}: {error}");
    let document = match (version.as_str(), kind.as_str()) {
        ("vitistack.io/v1alpha1", "NetworkConfiguration") => {
            let mut object = NetworkConfiguration::deserialize(value).map_err(malformed)?;
            settle_name(place, &mut object.metadata)?;
            Document::Configuration(Box::new(object))
        }
        ("vitistack.io/v1alpha1", "NetworkNamespace") => {
            let mut object = NetworkNamespace::deserialize(value).map_err(malformed)?;
            settle_name(place, &mut object.metadata)?;
            Document::Namespace(Box::new(object))
        }
        _ => {
            return Err(format!(
                "document {place} is a {kind} of {version}, which the operator does not know"
            ));
        }
    };
    Ok(Some(document))
}

fn settle_name(place: usize, metadata: &mut kube::core::ObjectMeta) -> Result<(), String> {
    let namespace = metadata.namespace.get_or_insert_with(|| DEFAULT_NAMESPACE.into());
    let name = metadata.name.as_deref().unwrap_or_default();
    // Both become part of a file name.
    let fits = |text: &str, dot: bool| {
        !text.is_empty()
            && text.len() <= 253
            && text
                .chars()
                .all(|c| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '-' || (dot && c == '.'))
    };
    if !fits(namespace, false) || !fits(name, true) {
        return Err(format!(
            "document {place} has the name {name:?} in namespace {namespace:?}; Kubernetes names are made of a-z, 0-9, - \
             and (names only) ."
        ));
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use rstest::rstest;

    const VM: &str = "apiVersion: vitistack.io/v1alpha1\nkind: NetworkConfiguration\nmetadata: {name: vm}\nspec:\n  name: vm\n  networkInterfaces:\n  - {name: eth0, macAddress: 00:02:12:34:56:78}\n";

    #[test]
    fn a_file_may_hold_several_objects_and_others_too() {
        let text = format!(
            "# comment\n---\n{VM}---\napiVersion: v1\nkind: ConfigMap\nmetadata: {{name: x}}\n---\napiVersion: vitistack.io/v1alpha1\nkind: NetworkNamespace\nmetadata: {{name: nn, namespace: a}}\nstatus: {{ipv4Prefix: 10.0.0.0/24}}\n"
        );
        let documents = parse(&text).unwrap();
        let [Document::Configuration(vm), Document::Namespace(nn)] = documents.as_slice() else {
            panic!("{documents:?}");
        };
        assert_eq!(vm.metadata.namespace.as_deref(), Some("default"));
        assert_eq!(vm.spec.network_interfaces[0].mac_address.as_deref(), Some("00:02:12:34:56:78"));
        assert_eq!(nn.metadata.namespace.as_deref(), Some("a"));
        assert_eq!(nn.status.as_ref().unwrap().ipv4_prefix.as_deref(), Some("10.0.0.0/24"));
    }

    #[test]
    fn json_is_read_too() {
        let json = r#"{"apiVersion": "vitistack.io/v1alpha1", "kind": "NetworkConfiguration", "metadata": {"name": "vm"}, "spec": {"name": "vm"}}"#;
        assert_eq!(parse(json).unwrap().len(), 1);
    }

    #[test]
    fn a_file_may_hold_thousands_of_objects() {
        let object = |number: usize| {
            format!(
                "apiVersion: vitistack.io/v1alpha1\nkind: NetworkConfiguration\nmetadata: {{name: vm-{number}}}\n\
                 spec: {{name: vm-{number}, networkInterfaces: []}}\n"
            )
        };
        let text: Vec<String> = (0..20_000).map(object).collect();
        assert_eq!(parse(&text.join("---\n")).unwrap().len(), 20_000);
    }

    #[rstest]
    #[case("", "holds no object")]
    #[case("# to be written\n", "holds no object")]
    #[case("---\n---\n", "holds no object")]
    #[case("a: [", "cannot be read as YAML")]
    #[case("a: 1", "no apiVersion or no kind")]
    #[case("apiVersion: vitistack.io/v1alpha1\nkind: NetworkConfig\n", "does not know")]
    #[case(
        "apiVersion: vitistack.io/v1alpha1\nkind: NetworkConfiguration\nmetadata: {name: vm}\nspec: {name: [1]}\n",
        "no valid NetworkConfiguration"
    )]
    #[case(
        "apiVersion: vitistack.io/v1alpha1\nkind: NetworkConfiguration\nmetadata: {name: ../vm}\nspec: {name: vm}\n",
        "\"../vm\""
    )]
    fn what_is_wrong_is_said(#[case] text: &str, #[case] part: &str) {
        let error = parse(text).unwrap_err();
        assert!(error.contains(part), "{error}");
    }

    #[test]
    fn one_broken_file_does_not_hide_the_others() {
        let folder = tempfile::tempdir().unwrap();
        let put = |name: &str, text: &str| std::fs::write(folder.path().join(name), text).unwrap();
        put("a.yaml", VM);
        put("b.yml", "nonsense: [");
        put(".hidden.yaml", "nonsense: [");
        put("readme.md", "nonsense: [");
        let reading = read(folder.path()).unwrap();
        assert_eq!(reading.documents.len(), 1);
        assert_eq!(reading.broken.keys().collect::<Vec<_>>(), ["b.yml"]);
    }
}
