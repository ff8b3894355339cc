//! Choices by place, and placeholders.
//!
//! A choice is a map with keys in parentheses: `{ (v4): 1, (v6): 2 }`. Those that hold are merged into the map
//! around them, or take its place when it has no other keys. `(else)` holds where no other choice of the map does.

use std::collections::BTreeMap;

use serde_json::{Map, Value};

use super::place::Place;

/// What placeholders stand for.
pub type Names = BTreeMap<String, Value>;

/// The value with all choices made, or nothing when none of its choices holds.
pub fn resolve(value: &Value, place: &Place) -> Result<Option<Value>, String> {
    match value {
        Value::Array(items) => {
            let mut resolved = Vec::new();
            for item in items {
                resolved.extend(resolve(item, place)?);
            }
            Ok(Some(Value::Array(resolved)))
        }
        Value::Object(map) => resolve_map(map, place),
        other => Ok(Some(other.clone())),
    }
}

fn resolve_map(map: &Map<String, Value>, place: &Place) -> Result<Option<Value>, String> {
    let mut plain = Map::new();
    let mut chosen = Vec::new();
    let mut choices = 0;
    for (key, value) in map {
        let Some(condition) = key.strip_prefix('(').and_then(|key| key.strip_suffix(')')) else {
            plain.extend(resolve(value, place)?.map(|value| (key.clone(), value)));
            continue;
        };
        choices += 1;
        if condition != "else" && place.is(condition)? {
            chosen.push(value);
        }
    }
    if chosen.is_empty() {
        chosen.extend(map.get("(else)"));
    }
    // Nothing but choices: the one that holds is the value.
    if choices == map.len() && choices > 0 {
        return match chosen[..] {
            [] => Ok(None),
            [value] => resolve(value, place),
            _ => Err(format!("several choices hold: {map:?}")),
        };
    }
    for value in chosen {
        let Some(Value::Object(more)) = resolve(value, place)? else {
            return Err(format!("a choice beside other keys is no map: {map:?}"));
        };
        for (key, value) in more {
            if plain.insert(key.clone(), value).is_some() {
                return Err(format!("a choice repeats the key '{key}': {map:?}"));
            }
        }
    }
    Ok(Some(Value::Object(plain)))
}

/// The value with every placeholder replaced, in keys and in texts.
///
/// A text that is nothing but a placeholder becomes its value, whatever that is; the key `$address` becomes
/// `ip-address`, or `ip-addresses` with the value in a list.
pub fn fill(value: &Value, names: &Names) -> Result<Value, String> {
    match value {
        Value::String(text) => match text.strip_prefix('$').and_then(|name| names.get(name)) {
            Some(value) => Ok(value.clone()),
            None => fill_text(text, names).map(Value::String),
        },
        Value::Array(items) => items.iter().map(|item| fill(item, names)).collect(),
        Value::Object(map) => {
            let filled = map.iter().map(|(key, value)| fill_member(key, fill(value, names)?, names));
            filled.collect::<Result<Map<_, _>, String>>().map(Value::Object)
        }
        other => Ok(other.clone()),
    }
}

fn fill_member(key: &str, value: Value, names: &Names) -> Result<(String, Value), String> {
    match (key, names.get("family").and_then(Value::as_str)) {
        ("$address", Some("4")) => Ok(("ip-address".to_owned(), value)),
        ("$address", _) => Ok(("ip-addresses".to_owned(), Value::Array(vec![value]))),
        _ => Ok((fill_text(key, names)?, value)),
    }
}

/// Replaces `$name`, whose name is all lower-case letters after the dollar, and `$$`, which is a dollar.
pub fn fill_text(text: &str, names: &Names) -> Result<String, String> {
    let mut parts = text.split('$');
    let mut filled = parts.next().unwrap_or_default().to_owned();
    while let Some(part) = parts.next() {
        let end = part.find(|c: char| !c.is_ascii_lowercase()).unwrap_or(part.len());
        let (name, rest) = part.split_at(end);
        if name.is_empty() && rest.is_empty() {
            filled.push('$');
            filled.push_str(parts.next().ok_or(format!("a single dollar in '{text}': write $$"))?);
            continue;
        }
        match names.get(name) {
            Some(Value::String(value)) => filled.push_str(value),
            Some(value) => filled.push_str(&value.to_string()),
            None => return Err(format!("unknown placeholder '${name}' in '{text}'")),
        }
        filled.push_str(rest);
    }
    Ok(filled)
}

mod tests {
    use serde_json::json;

    use super::*;
    use crate::conformance::row::all_places;

    /// The first place is DHCPv4, memory, Kea 2.2.
    fn resolved(value: &Value) -> Result<Option<Value>, String> {
        resolve(value, &all_places()[0])
    }

    #[test]
    fn choices_are_made_by_place() {
        assert_eq!(resolved(&json!({ "(v4)": 4, "(v6)": 6 })), Ok(Some(json!(4))));
        assert_eq!(resolved(&json!({ "(v6)": 6 })), Ok(None));
        assert_eq!(resolved(&json!({ "(sql)": 1, "(else)": { "(kea<2.6)": 2 } })), Ok(Some(json!(2))));
        assert_eq!(resolved(&json!({ "a": 1, "(v4)": { "b": 2 } })), Ok(Some(json!({ "a": 1, "b": 2 }))));
        assert_eq!(
            resolved(&json!({ "a": { "(v6)": 1 }, "b": [{ "(v6)": 1 }] })),
            Ok(Some(json!({ "b": [] })))
        );
    }

    #[test]
    fn choices_that_make_no_sense_are_refused() {
        for value in [
            json!({ "(nowhere)": 1 }),
            json!({ "(v4)": 1, "(memory)": 2 }),
            json!({ "a": 1, "(v4)": 2 }),
            json!({ "a": 1, "(v4)": { "a": 2 } }),
        ] {
            assert!(resolved(&value).is_err(), "{value}");
        }
    }

    #[test]
    fn names_are_filled_in() {
        let names = Names::from([
            ("family".to_owned(), json!("6")),
            ("a".to_owned(), json!("2001:db8::")),
            ("from".to_owned(), json!(7)),
        ]);
        let value = json!({ "$address": "$a5", "subnet$family": "$from", "text": "$$ $from." });
        let expected = json!({ "ip-addresses": ["2001:db8::5"], "subnet6": 7, "text": "$ 7." });
        assert_eq!(fill(&value, &names), Ok(expected));
        assert!(fill(&json!("$nobody"), &names).is_err());
        assert!(fill(&json!("$"), &names).is_err());
    }
}
