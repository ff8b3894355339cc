//! Committed files that are generated from code must equal what the code generates now.

// This program uses a part of it.
#[allow(dead_code)]
mod conformance;

use std::path::Path;
use std::{env, fs};

#[test]
fn the_charts_custom_resource_definitions() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("charts/kea-operator/files/crds");
    let mut committed: Vec<String> = fs::read_dir(&folder)
        .expect("the folder of the chart")
        .map(|entry| entry.expect("an entry of it").file_name().into_string().expect("a plain name"))
        .collect();
    committed.sort();

    let definitions = kea_operator::crd::definitions();
    assert_eq!(committed, definitions.each_ref().map(|(file, _)| *file));
    for (file, definition) in &definitions {
        let generated = kea_operator::crd::definition_yaml(definition).expect("YAML");
        let found = fs::read_to_string(folder.join(file)).expect("a file");
        assert!(
            found == generated,
            "{file} is not what the types say; write it again: each document of `kea-operator crd` is one file there"
        );
    }
}

#[test]
fn the_list_of_behaviours() {
    let file = Path::new(env!("CARGO_MANIFEST_DIR")).join("docs/conformance.md");
    let generated = conformance::document::page();
    // `make generate` sets this.
    if env::var_os("UPDATE_GENERATED").is_some() {
        fs::write(&file, &generated).expect("the page can be written");
    }
    let committed = fs::read_to_string(&file).unwrap_or_default();
    assert!(committed == generated, "run `make generate` and commit docs/conformance.md");
}
