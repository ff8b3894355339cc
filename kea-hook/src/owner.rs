//! Who a reservation belongs to: a mark in its `user-context`, beside what the user keeps there.

use serde_json::Value;

use crate::marks;

/// The member of `user-context` that names the owner.
pub const MEMBER: &str = "ext-owner";
/// The longest name of an owner, in bytes.
pub const MAX_BYTES: usize = 255;

/// The owner that the JSON of a reservation names, byte by byte as it was sent. None where nobody owns it.
pub fn of(body: &[u8]) -> Option<Vec<u8>> {
    marks::read(body, MEMBER).map(|owner| to_bytes(&owner))
}

/// Whether an unowned reservation is what a new one says, leaving its owner aside. Where the unowned one has no
/// `user-context`, that of the new one is left aside too: nothing is lost when it takes its place.
pub fn is_identical_without(unowned: &[u8], owned: &[u8]) -> bool {
    let read = |body: &[u8]| serde_json::from_str::<Value>(&String::from_utf8_lossy(body)).ok();
    let (Some(mut unowned), Some(mut owned)) = (read(unowned), read(owned)) else { return false };
    if let Some(context) = owned.get_mut(CONTEXT).and_then(Value::as_object_mut) {
        context.remove(MEMBER);
    }
    if is_empty(unowned.get(CONTEXT)) {
        for body in [&mut unowned, &mut owned] {
            if let Some(members) = body.as_object_mut() {
                members.remove(CONTEXT);
            }
        }
    }
    for body in [&mut unowned, &mut owned] {
        sort_options(body);
    }
    unowned == owned
}

/// In which order options are listed means nothing but where they have one code: then it is the order in which they are
/// sent.
fn sort_options(body: &mut Value) {
    if let Some(options) = body.get_mut("option-data").and_then(Value::as_array_mut) {
        options.sort_by_key(|option| {
            let space = option.get("space").and_then(Value::as_str).unwrap_or_default().to_owned();
            (space, option.get("code").and_then(Value::as_u64))
        });
    }
}

const CONTEXT: &str = "user-context";

fn is_empty(context: Option<&Value>) -> bool {
    context.is_none_or(|context| context.as_object().is_some_and(serde_json::Map::is_empty))
}

/// Kea writes each byte above 0x7f as one escaped character.
fn to_bytes(text: &str) -> Vec<u8> {
    let narrow: Option<Vec<u8>> = text.chars().map(|letter| u8::try_from(u32::from(letter)).ok()).collect();
    narrow.unwrap_or_else(|| text.as_bytes().to_vec())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_owner_is_a_text_in_the_user_context() {
        let rows: [(&str, Option<&[u8]>); 9] = [
            (r#"{ "user-context": { "ext-owner": "a/b" } }"#, Some(b"a/b")),
            (r#"{ "user-context": { "ext-owner": "Zo\u00c3\u00ab" } }"#, Some("Zoë".as_bytes())),
            (r#"{ "user-context": { "ext-owner": "a\"b\\c" } }"#, Some(b"a\"b\\c")),
            (r#"{ "user-context": { "x": 1, "ext-owner": "a", "y": { "ext-owner": "b" } } }"#, Some(b"a")),
            (r#"{ "user-context": { "y": { "ext-owner": "b" } } }"#, None),
            (r#"{ "hostname": "ext-owner" }"#, None),
            (r#"{ "ext-owner": "a" }"#, None),
            (r#"{ "user-context": { "ext-owner": 5 } }"#, None),
            ("ext-owner", None),
        ];
        for (body, owner) in rows {
            assert_eq!(of(body.as_bytes()).as_deref(), owner, "{body}");
        }
    }

    #[test]
    fn other_members_may_be_anything() {
        let body = b"{ \"user-context\": { \"\xff\": 1, \"ext-owner\": \"a\" } }";
        assert_eq!(of(body).as_deref(), Some(b"a".as_slice()));
    }

    #[test]
    fn identical_is_what_loses_nothing() {
        let owned = r#"{ "hostname": "h", "user-context": { "ext-owner": "a", "site": 1 } }"#;
        let rows = [
            (r#"{ "hostname": "h" }"#, true),
            (r#"{"hostname":"h","user-context":{}}"#, true),
            (r#"{ "hostname": "h", "user-context": { "site": 1 } }"#, true),
            (r#"{ "hostname": "h", "user-context": { "site": 2 } }"#, false),
            (r#"{ "hostname": "i" }"#, false),
            (r#"{ "hostname": "h", "next-server": "192.0.2.1" }"#, false),
            ("{}", false),
        ];
        for (unowned, identical) in rows {
            assert_eq!(is_identical_without(unowned.as_bytes(), owned.as_bytes()), identical, "{unowned}");
        }
    }

    #[test]
    fn options_may_be_listed_in_another_order_but_for_those_of_one_code() {
        let of = |options: &[(u16, &str)]| {
            let options =
                options.iter().map(|(code, data)| format!(r#"{{ "code": {code}, "data": "{data}" }}"#));
            format!(r#"{{ "option-data": [{}] }}"#, options.collect::<Vec<_>>().join(","))
        };
        let identical = |options: &[(u16, &str)]| {
            let owned = of(&[(6, "a"), (15, "b"), (6, "c")]);
            is_identical_without(of(options).as_bytes(), owned.as_bytes())
        };
        assert!(identical(&[(15, "b"), (6, "a"), (6, "c")]));
        assert!(!identical(&[(15, "b"), (6, "c"), (6, "a")]));
        assert!(!identical(&[(15, "b"), (6, "a")]));
    }
}
