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
