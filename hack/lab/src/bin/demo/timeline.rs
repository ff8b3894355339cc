//! What is printed while it happens.

use std::io::{IsTerminal, Write, stdout};
use std::time::Instant;

use serde_json::{Value, json};

/// The width of the column with times, which evidence is indented by.
const MARGIN: &str = "          ";
/// An answer that fits is shown on one line.
const WIDTH: usize = 80;

/// A numbered story with times, on standard output; in colour only on a terminal.
#[derive(Debug)]
pub struct Timeline {
    start: Instant,
    colour: bool,
    steps: usize,
    current: String,
}

impl Timeline {
    /// The clock starts now.
    pub fn new() -> Self {
        let colour = stdout().is_terminal() && std::env::var_os("NO_COLOR").is_none();
        Self { start: Instant::now(), colour, steps: 0, current: "finding the parts".to_owned() }
    }

    /// What is about to be shown.
    pub fn step(&mut self, title: &str) {
        self.steps += 1;
        title.clone_into(&mut self.current);
        self.print("");
        self.timed(&self.paint("1", &format!("{}. {title}", self.steps)));
    }

    /// Something done, or asked for.
    pub fn action(&self, text: &str) {
        self.timed(&format!("   {text}"));
    }

    /// Words of the parts themselves, as they are.
    pub fn quote(&self, text: &str) {
        for line in text.lines() {
            self.print(&format!("{MARGIN}     {}", self.paint("36", line)));
        }
    }

    /// An answer of Kea, without the fields that are empty.
    pub fn answer(&self, value: &Value) {
        self.quote(&layout(&without_empty(value), 0));
    }

    /// What was to be seen, and was.
    pub fn seen(&self, text: &str) {
        self.timed(&format!("   {} {text}", self.paint("32", "seen:")));
    }

    /// The end, when all was seen.
    pub fn success(&self) {
        let time = self.start.elapsed().as_secs_f64();
        let words = format!("SUCCESS: all {} steps were seen, in {time:.1} s", self.steps);
        self.print(&format!("\n{}", self.paint("1;32", &words)));
    }

    /// The end at the first step that was not seen.
    pub fn failure(&self, error: &anyhow::Error) {
        let words = format!("FAILURE at step {}: {}", self.steps, self.current);
        self.print(&format!("\n{}\n{error:#}", self.paint("1;31", &words)));
    }

    fn timed(&self, text: &str) {
        self.print(&format!("{:7.2} s {text}", self.start.elapsed().as_secs_f64()));
    }

    fn paint(&self, code: &str, text: &str) -> String {
        if self.colour { format!("\x1b[{code}m{text}\x1b[0m") } else { text.to_owned() }
    }

    #[expect(clippy::unused_self, reason = "whoever prints has a timeline")]
    fn print(&self, line: &str) {
        let mut out = stdout().lock();
        // A reader that has gone away (`| head`) must not keep the story from cleaning up.
        let _ = writeln!(out, "{line}").and_then(|()| out.flush());
    }
}

/// JSON of which each part is on one line where it fits.
fn layout(value: &Value, depth: usize) -> String {
    let compact = value.to_string();
    if compact.len() + 2 * depth <= WIDTH {
        return compact;
    }
    let lines = |parts: Vec<String>, open: char, close: char| {
        let indent = "  ".repeat(depth);
        format!("{open}\n{indent}  {}\n{indent}{close}", parts.join(&format!(",\n{indent}  ")))
    };
    match value {
        Value::Object(map) => {
            let parts =
                map.iter().map(|(name, value)| format!("{}: {}", json!(name), layout(value, depth + 1)));
            lines(parts.collect(), '{', '}')
        }
        Value::Array(list) => lines(list.iter().map(|part| layout(part, depth + 1)).collect(), '[', ']'),
        _ => compact,
    }
}

/// The same without empty strings, lists, maps and unset addresses: Kea lists every field that exists.
fn without_empty(value: &Value) -> Value {
    match value {
        Value::Object(map) => map
            .iter()
            .map(|(name, value)| (name.clone(), without_empty(value)))
            .filter(|(_, value)| !is_empty(value))
            .collect(),
        Value::Array(list) => list.iter().map(without_empty).collect(),
        other => other.clone(),
    }
}

fn is_empty(value: &Value) -> bool {
    match value {
        Value::Null => true,
        Value::String(text) => text.is_empty() || text == "0.0.0.0",
        Value::Array(list) => list.is_empty(),
        Value::Object(map) => map.is_empty(),
        Value::Bool(_) | Value::Number(_) => false,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn leaves_out_what_says_nothing() {
        let answer = json!({ "hostname": "", "next-server": "0.0.0.0", "option-data": [], "subnet-id": 0, "a": { "b": {} } });
        assert_eq!(without_empty(&answer), json!({ "subnet-id": 0 }));
    }

    #[test]
    fn breaks_lines_only_where_it_must() {
        assert_eq!(layout(&json!({ "a": [1, 2] }), 0), r#"{"a":[1,2]}"#);
        let long = "x".repeat(WIDTH);
        let text = layout(&json!({ "a": [1, 2], "b": long }), 0);
        assert_eq!(text, format!("{{\n  \"a\": [1,2],\n  \"b\": \"{long}\"\n}}"));
    }
}
