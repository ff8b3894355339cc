//! Whether an answer is as expected.

use kea_lab::Reply;
use serde_json::Value;

use super::row::{Contains, Prefix, Step, Text};

/// What stands for a member that must not be there.
const ABSENT: &str = "(absent)";

/// What stands for a value that may be anything.
const ANY: &str = "(any)";

/// What is wrong with the answer, or nothing. Placeholders of the step are filled in.
pub fn complaint(step: &Step, reply: &Reply) -> Option<String> {
    if reply.result != step.result {
        return Some(format!("expected result {}", step.result));
    }
    if let Some(text) = step.text.as_ref().filter(|text| !text_matches(text, &reply.text)) {
        return Some(format!("expected text: {}", shown(text)));
    }
    if let Some(expected) = step.reply_is.as_ref().filter(|expected| **expected != reply.arguments) {
        return Some(format!("expected exactly these arguments: {expected}"));
    }
    let difference =
        step.reply.as_ref().and_then(|expected| difference(expected, Some(&reply.arguments), ""));
    difference.map(|difference| format!("arguments: {difference}"))
}

fn text_matches(expected: &Text, text: &str) -> bool {
    match expected {
        Text::Exact(expected) => text == expected,
        Text::Prefix(Prefix { prefix }) => text.starts_with(prefix),
        Text::Contains(Contains { contains }) => contains.iter().all(|part| text.contains(part)),
    }
}

fn shown(text: &Text) -> String {
    match text {
        Text::Exact(text) => text.clone(),
        Text::Prefix(Prefix { prefix }) => format!("{prefix} ..."),
        Text::Contains(Contains { contains }) => format!("... {} ...", contains.join(" ... ")),
    }
}

/// The first place where `found` lacks what is expected. Maps may hold more; lists may not.
fn difference(expected: &Value, found: Option<&Value>, path: &str) -> Option<String> {
    if expected == ABSENT {
        // An answer without arguments is read as one with `null`.
        let found = found.filter(|found| !(path.is_empty() && found.is_null()));
        return found.map(|found| format!("{path} should not be there, but is {found}"));
    }
    let Some(found) = found else { return Some(format!("{path} is missing, expected {expected}")) };
    if expected == ANY {
        return None;
    }
    match (expected, found) {
        (Value::Object(expected), Value::Object(found)) => expected
            .iter()
            .find_map(|(key, expected)| difference(expected, found.get(key), &format!("{path}/{key}"))),
        (Value::Array(expected), Value::Array(found)) if expected.len() == found.len() => {
            let mut pairs = expected.iter().zip(found).enumerate();
            pairs.find_map(|(index, (expected, found))| {
                difference(expected, Some(found), &format!("{path}/{index}"))
            })
        }
        _ => (expected != found).then(|| format!("{path} is {found}, expected {expected}")),
    }
}

mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn lists_are_compared_as_a_whole_and_maps_by_what_is_expected() {
        let found = json!({ "a": 1, "list": [{ "b": 2, "c": 3 }] });
        for expected in [json!({ "a": 1 }), json!({ "list": [{ "c": 3 }] }), json!({ "d": ABSENT, "a": ANY })]
        {
            assert_eq!(difference(&expected, Some(&found), ""), None);
        }
        for expected in [
            json!({ "a": 2 }),
            json!({ "a": ABSENT }),
            json!({ "d": ANY }),
            json!({ "list": [] }),
            json!({ "list": [{ "c": 3 }, {}] }),
            json!({ "list": [{ "d": 3 }] }),
        ] {
            assert!(difference(&expected, Some(&found), "").is_some(), "{expected}");
        }
    }
}
