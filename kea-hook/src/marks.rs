//! Marks: texts that this library keeps in the `user-context` of a reservation, beside what the user keeps there.

use std::collections::BTreeMap;

use memchr::memmem;
use serde::Deserialize;
use serde_json::value::RawValue;

#[derive(Deserialize)]
struct Body<'a> {
    #[serde(borrow, rename = "user-context", default)]
    context: Option<BTreeMap<String, &'a RawValue>>,
}

/// The text that a member of the `user-context` has, in the JSON of a reservation. None where it is missing, or no text.
pub fn read(body: &[u8], member: &str) -> Option<String> {
    // Most bodies have no mark, and need not be read.
    memmem::find(body, member.as_bytes())?;
    if let Some(text) = read_only_member(body, member) {
        return Some(text);
    }
    let body = String::from_utf8_lossy(body);
    let context = serde_json::from_str::<Body<'_>>(&body).ok()?.context?;
    serde_json::from_str(context.get(member)?.get()).ok()
}

/// The same for the most frequent case, at a fraction of the cost: the `user-context` is the last member of the JSON, as it
/// is where the store wrote it, and has nothing else in it.
fn read_only_member(body: &[u8], member: &str) -> Option<String> {
    let rest = body.strip_suffix(b"\" } }")?;
    let start = memchr::memrchr(b'"', rest)? + 1;
    let (before, text) = rest.split_at(start);
    let context = before.strip_suffix(b"\": \"")?.strip_suffix(member.as_bytes())?;
    context.strip_suffix(b", \"user-context\": { \"")?;
    let plain = !text.iter().any(|byte| *byte == b'\\' || byte.is_ascii_control());
    plain.then(|| String::from_utf8(text.to_vec()).ok())?
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn marks_are_read_wherever_they_are() {
        for (body, wanted) in [
            (r#"{ "hostname": "a", "user-context": { "ext-owner": "b/c é" } }"#, Some("b/c é")),
            (r#"{ "user-context": { "ext-owner": "b" } }"#, Some("b")),
            (r#"{ "hostname": "a", "user-context": { "ext-owner": "" } }"#, Some("")),
            (r#"{ "hostname": "a", "user-context": { "ext-owner": "b\"c" } }"#, Some("b\"c")),
            (r#"{ "hostname": "a", "user-context": { "ext-owner": "b\\" } }"#, Some("b\\")),
            (
                r#"{ "hostname": "a", "user-context": { "ext-address": "lease", "ext-owner": "b" } }"#,
                Some("b"),
            ),
            (r#"{ "hostname": "a", "user-context": { "z-ext-owner": "b" } }"#, None),
            (
                r#"{ "hostname": "a", "user-context": { "z": "\", \"user-context\": { \"ext-owner\": \"b" } }"#,
                None,
            ),
            (
                r#"{ "hostname": "a", "user-context": { "z": { "user-context": { "ext-owner": "b" } } } }"#,
                None,
            ),
            (r#"{ "option-data": [ { "code": 1, "user-context": { "ext-owner": "b" } } ] }"#, None),
            (r#"{ "hostname": "a", "user-context": { "ext-owner": 5 } }"#, None),
        ] {
            assert_eq!(read(body.as_bytes(), "ext-owner").as_deref(), wanted, "{body}");
        }
    }
}
