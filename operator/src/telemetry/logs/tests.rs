use std::io::Write;
use std::sync::Arc;

use clap::Parser;
use parking_lot::Mutex;
use rstest::rstest;
use serde_json::Value;
use tracing_subscriber::layer::SubscriberExt;

use super::*;

#[derive(Parser)]
struct Line {
    #[command(flatten)]
    logs: LogArgs,
}

#[derive(Clone, Default)]
struct Written(Arc<Mutex<Vec<u8>>>);

impl Write for Written {
    fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
        self.0.lock().extend_from_slice(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> std::io::Result<()> {
        Ok(())
    }
}

/// What is written of one event at info and one at debug, with these arguments.
fn written(arguments: &[&str]) -> String {
    let line = Line::try_parse_from(["kea-operator"].iter().chain(arguments)).unwrap();
    let written = Written::default();
    let writer = written.clone();
    let layer = line.logs.layer(move || writer.clone()).unwrap();
    tracing::subscriber::with_default(tracing_subscriber::registry().with(layer), || {
        tracing::info!(server = "http://kea:8000", body = "a\nb", "two\nlines");
        tracing::debug!("in detail");
    });
    let bytes = written.0.lock().clone();
    String::from_utf8(bytes).unwrap()
}

#[test]
fn json_is_the_default_with_one_object_a_line() {
    let text = written(&[]);
    let lines: Vec<Value> = text.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    let [line] = lines.as_slice() else { panic!("{text}") };
    assert_eq!(line["level"], "INFO");
    assert_eq!(line["message"], "two\nlines");
    assert_eq!(line["server"], "http://kea:8000");
    assert!(line["timestamp"].is_string() && line["target"].is_string(), "{line}");
    assert!(line["filename"].is_string() && line["line_number"].is_u64(), "{line}");
    let text = written(&["--log-add-caller=false"]);
    assert!(!text.contains("filename") && !text.contains("line_number"), "{text}");
}

#[rstest]
#[case(&["--log-json-logging=false"], &[r#"two\nlines server="http://kea:8000" body="a\nb""#], &["detail", "\u{1b}"])]
#[case(&["--log-json-logging=false", "--log-colorize"], &["\u{1b}["], &["detail"])]
#[case(&["--log-json-logging=false", "--log-unescape-multiline"], &["two\nlines", "body=\"a\nb\""], &["detail"])]
#[case(&["--development"], &["\u{1b}[", "in detail", "two\\nlines"], &["{"])]
#[case(&["--development", "--log-json-logging=true", "--log-level", "info"], &["{\""], &["detail", "\u{1b}"])]
#[case(&["--development", "--log-colorize=false"], &["in detail"], &["\u{1b}"])]
#[case(&["--log-json-logging=", "--log-level", ""], &["{\"timestamp\""], &["detail"])]
fn settings(#[case] arguments: &[&str], #[case] present: &[&str], #[case] absent: &[&str]) {
    let text = written(arguments);
    for part in present {
        assert!(text.contains(part), "{part:?} is not in {text:?}");
    }
    for part in absent {
        assert!(!text.contains(part), "{part:?} is in {text:?}");
    }
}

#[test]
fn a_wrong_word_is_no_switch() {
    assert!(Line::try_parse_from(["kea-operator", "--development=maybe"]).is_err());
}

#[rstest]
#[case(&[], true)]
#[case(&["--log-disable-stacktrance"], false)]
#[case(&["--log-disable-stacktrace=true"], false)]
fn both_spellings_switch_stack_traces_off(#[case] arguments: &[&str], #[case] traces: bool) {
    let line = Line::try_parse_from(["kea-operator"].iter().chain(arguments)).unwrap();
    assert_eq!(line.logs.stack_traces(), traces);
}
