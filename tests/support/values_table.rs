//! The list of values in the chart's README, made of the comments in values.yaml.

// Each test file is a program of its own and uses a part of this.
#![allow(dead_code)]

use std::collections::BTreeMap;
use std::fmt::Write as _;

use serde_json::Value;

use crate::chart::{chart_file, project, yaml};

/// Where the generated part of the README begins.
pub const MARK: &str = "<!-- The rest is written by `make generate` from values.yaml. -->\n";

/// The sections, each with a table.
pub fn sections() -> String {
    let text = chart_file("values.yaml");
    let values = yaml(&text);
    let defaults = documented_defaults();
    let mut out = String::new();
    let (mut path, mut comment): (Vec<(usize, String)>, Option<String>) = (vec![], None);
    for line in text.lines() {
        let indent = line.len() - line.trim_start().len();
        let content = line.trim_start();
        if let Some(heading) = line.strip_prefix("## ") {
            writeln!(out, "\n### {heading}\n\n| value | default | meaning |\n|---|---|---|").unwrap();
        } else if let Some(text) = content.strip_prefix("# -- ") {
            comment = Some(text.to_owned());
        } else if let (Some(text), Some(more)) = (comment.as_mut(), content.strip_prefix("#    ")) {
            text.push(' ');
            text.push_str(more);
        } else if let Some((key, _)) = content.split_once(':').filter(|_| is_key(content)) {
            path.retain(|(depth, _)| *depth < indent);
            path.push((indent, key.to_owned()));
            if let Some(meaning) = comment.take() {
                let keys: Vec<&str> = path.iter().map(|(_, key)| key.as_str()).collect();
                let value = values.pointer(&format!("/{}", keys.join("/"))).unwrap();
                let default = shown(value, &meaning, &defaults);
                writeln!(out, "| `{}` | {default} | {meaning} |", keys.join(".")).unwrap();
            }
        }
    }
    out
}

fn is_key(content: &str) -> bool {
    !content.starts_with('#') && content.split(':').next().unwrap().chars().all(|c| c.is_ascii_alphanumeric())
}

fn shown(value: &Value, meaning: &str, defaults: &BTreeMap<String, String>) -> String {
    if *value != "" {
        return format!("`{}`", value.as_str().map_or_else(|| value.to_string(), str::to_owned));
    }
    let variable = meaning.rsplit('`').nth(1).filter(|_| meaning.ends_with('`')).unwrap_or_default();
    defaults.get(variable).map_or_else(|| "–".to_owned(), |default| format!("(`{default}`)"))
}

/// Defaults by variable, as docs/operator.md has them.
pub fn documented_defaults() -> BTreeMap<String, String> {
    let document = std::fs::read_to_string(project("docs/operator.md")).unwrap();
    let settings =
        document.split("\n## Settings\n").nth(1).unwrap().split("\n## ").next().unwrap().to_owned();
    let mut defaults = BTreeMap::new();
    for row in settings.lines().filter(|line| line.starts_with("| `")) {
        let cells: Vec<&str> = row.trim_matches('|').split('|').collect();
        let Some(default) = cells[1].trim().strip_prefix('`').and_then(|code| code.split('`').next()) else {
            continue;
        };
        for variable in cells[0].split('`').skip(1).step_by(2) {
            defaults.insert(variable.to_owned(), default.to_owned());
        }
    }
    assert!(defaults.len() > 20);
    defaults
}
