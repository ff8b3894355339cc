//! The rows of the table: what they may say, and where they are read from.

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};

use kea_lab::Family;
use serde::Deserialize;
use serde_json::{Map, Value};

use super::place::{Backend, Place, Version};
use super::resolve::resolve;

/// A row as it stands in its file: what it says may differ between the places where it runs.
#[derive(Clone, Debug)]
pub struct Written {
    /// The file, for messages.
    pub file: PathBuf,
    /// The stable name.
    pub id: String,
    pub(super) raw: Value,
}

/// A row for one place. What the members mean is told in tests/conformance/README.md.
#[derive(Clone, Debug, Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub struct Row {
    pub id: String,
    pub title: String,
    pub families: Vec<u8>,
    #[serde(default)]
    pub backends: Vec<String>,
    pub kea: Option<String>,
    #[serde(default)]
    pub target: Target,
    #[serde(default)]
    pub config: Map<String, Value>,
    #[serde(default)]
    pub given: Vec<Step>,
    pub command: String,
    pub arguments: Option<Value>,
    pub result: i64,
    pub text: Text,
    pub reply: Option<Value>,
    pub reply_is: Option<Value>,
    #[serde(default)]
    pub keep: BTreeMap<String, String>,
    #[serde(default)]
    pub then: Vec<Step>,
    pub beyond_stock: Option<String>,
    pub stock_skips: Option<String>,
}

/// One command, and what is expected of its answer.
#[derive(Clone, Debug, Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub struct Step {
    pub command: String,
    pub arguments: Option<Value>,
    #[serde(default)]
    pub result: i64,
    pub text: Option<Text>,
    pub reply: Option<Value>,
    pub reply_is: Option<Value>,
    #[serde(default)]
    pub keep: BTreeMap<String, String>,
    pub repeat: Option<u32>,
}

/// The text of an answer.
#[derive(Clone, Debug, Deserialize)]
#[serde(untagged)]
pub enum Text {
    Exact(String),
    Prefix(Prefix),
    Contains(Contains),
}

#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Prefix {
    pub prefix: String,
}

#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Contains {
    pub contains: Vec<String>,
}

/// Whether the runner names the source in commands that write.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Target {
    /// `operation-target: memory` is added where the backend is `memory`.
    #[default]
    OfBackend,
    /// Arguments are sent as they stand.
    AsWritten,
}

impl Written {
    /// The row as it is at `place`, or nothing where it does not apply.
    pub fn at(&self, place: &Place) -> Result<Option<Row>, String> {
        let explain = |error: String| format!("{} ({}) at {place}: {error}", self.id, self.file.display());
        let value = resolve(&self.raw, place).map_err(explain)?.unwrap_or_default();
        let row: Row = serde_json::from_value(value).map_err(|e| explain(e.to_string()))?;
        let applies = row.applies(place).map_err(explain)?;
        Ok(applies.then_some(row))
    }
}

impl Row {
    fn applies(&self, place: &Place) -> Result<bool, String> {
        if let Some(other) = self.families.iter().find(|family| !matches!(family, 4 | 6)) {
            return Err(format!("there is no family {other}"));
        }
        let digit = if place.family == Family::V4 { 4 } else { 6 };
        let backend = if self.backends.is_empty() {
            place.backend != Backend::Two
        } else {
            let mut found = false;
            for name in &self.backends {
                found |= place.backend.is(name)?;
            }
            found
        };
        let kea = self.kea.as_deref().map_or(Ok(true), |range| place.kea.is_in(range))?;
        Ok(self.families.contains(&digit) && backend && kea)
    }

    /// Whether Kea's own hooks have no such command.
    pub fn is_ours_alone(&self) -> bool {
        self.command.starts_with("ext-")
    }

    /// The command that the row is about, as a step like those before and after it.
    pub fn step(&self) -> Step {
        Step {
            command: self.command.clone(),
            arguments: self.arguments.clone(),
            result: self.result,
            text: Some(self.text.clone()),
            reply: self.reply.clone(),
            reply_is: self.reply_is.clone(),
            keep: self.keep.clone(),
            repeat: None,
        }
    }
}

/// The folder of the table.
fn folder() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/conformance")
}

/// What all rows share: the file `base.yaml`.
pub fn base() -> Value {
    read(&folder().join("base.yaml"))
}

/// Every row of every file, in the order of the files' names.
pub fn table() -> Vec<Written> {
    let mut files: Vec<PathBuf> = fs::read_dir(folder())
        .unwrap()
        .map(|entry| entry.unwrap().path())
        .filter(|path| is_table(path))
        .collect();
    files.sort();
    let rows: Vec<Written> = files.iter().flat_map(|file| rows_of(file)).collect();
    if let Some([first, second]) = twins(&rows) {
        panic!(
            "two rows are called {}: in {} and in {}",
            first.id,
            first.file.display(),
            second.file.display()
        );
    }
    rows
}

/// Two rows of one id.
fn twins(rows: &[Written]) -> Option<[&Written; 2]> {
    let mut seen = BTreeMap::new();
    rows.iter().find_map(|row| seen.insert(&row.id, row).map(|other| [other, row]))
}

fn is_table(path: &Path) -> bool {
    path.extension().is_some_and(|extension| extension == "yaml") && !path.ends_with("base.yaml")
}

fn rows_of(file: &Path) -> Vec<Written> {
    let Value::Array(rows) = read(file) else { panic!("{} is no list of rows", file.display()) };
    let named = |raw: Value| {
        let id = raw["id"].as_str().unwrap_or_else(|| panic!("{}: a row without id: {raw}", file.display()));
        Written { file: file.to_owned(), id: id.to_owned(), raw }
    };
    rows.into_iter().map(named).collect()
}

fn read(file: &Path) -> Value {
    let text = fs::read_to_string(file).unwrap_or_else(|e| panic!("{}: {e}", file.display()));
    serde_saphyr::from_str(&text).unwrap_or_else(|e| panic!("{}: {e}", file.display()))
}

/// The places that a row must be valid for.
pub fn all_places() -> Vec<Place> {
    let versions = ["2.2.0", "2.6.3", "3.0.3"].map(|text| Version::parse(text).unwrap());
    let mut places = Vec::new();
    for kea in versions {
        for family in Family::ALL {
            places.extend(Backend::ALL.map(|backend| Place { family, backend, kea }));
        }
    }
    places
}

mod tests {
    use serde_json::json;

    use super::*;

    fn written(more: &Value) -> Written {
        let mut raw = json!({
            "id": "x-01", "title": "A row", "families": [4], "command": "c", "result": 0, "text": "t",
        });
        raw.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
        Written { file: PathBuf::from("x.yaml"), id: "x-01".to_owned(), raw }
    }

    #[test]
    fn what_no_row_can_say_is_refused() {
        let place = all_places()[0];
        assert!(written(&json!({})).at(&place).unwrap().is_some());
        for wrong in [
            json!({ "colour": 1 }),
            json!({ "families": [5] }),
            json!({ "backends": ["paper"] }),
            json!({ "kea": "3.0" }),
            json!({ "text": { "suffix": "t" } }),
            json!({ "given": [{ "command": "c", "colour": 1 }] }),
        ] {
            assert!(written(&wrong).at(&place).is_err(), "{wrong}");
        }
    }

    #[test]
    fn an_id_names_one_row() {
        let row = written(&json!({}));
        assert!(twins(std::slice::from_ref(&row)).is_none());
        assert!(twins(&[row.clone(), row]).is_some());
    }
}
