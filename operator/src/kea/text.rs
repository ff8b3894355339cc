//! Kea's way with text: its JSON printer writes each byte above 0x7f as `\u00XX`, so `é` (two bytes in UTF-8) arrives as
//! the two characters U+00C3 U+00A9. The other way, it takes raw UTF-8 and no `\u` above `\u00ff`; `serde_json` writes
//! just that.

use serde_json::Value;

/// Undoes Kea's spelling in every text of a reply, keys included.
pub fn decode(value: Value) -> Value {
    match value {
        Value::String(text) => Value::String(decode_text(text)),
        Value::Array(items) => items.into_iter().map(decode).collect(),
        Value::Object(map) => map.into_iter().map(|(key, value)| (decode_text(key), decode(value))).collect(),
        other => other,
    }
}

/// One text: characters up to U+00FF are bytes of UTF-8. A text that is none of Kea's spelling stays as it is.
fn decode_text(text: String) -> String {
    if text.is_ascii() {
        return text;
    }
    let bytes: Result<Vec<u8>, _> = text.chars().map(|c| u8::try_from(u32::from(c))).collect();
    bytes.ok().and_then(|bytes| String::from_utf8(bytes).ok()).unwrap_or(text)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;
    use serde_json::json;

    fn as_kea_prints(text: &str) -> String {
        text.bytes().map(char::from).collect()
    }

    #[test]
    fn what_kea_printed_reads_as_it_was() {
        let printed = r#"{"\u00c3\u00a9": ["\u00e2\u0082\u00ac", {"x": "plain"}], "n": 1}"#;
        assert_eq!(
            decode(serde_json::from_str(printed).unwrap()),
            json!({"é": ["€", {"x": "plain"}], "n": 1})
        );
    }

    #[test]
    fn what_is_no_utf8_stays() {
        assert_eq!(decode(json!("\u{ff}\u{fe}")), json!("\u{ff}\u{fe}"));
        assert_eq!(decode(json!("\u{20ac}")), json!("\u{20ac}"));
    }

    proptest! {
        #[test]
        fn round_trip(text in "\\PC*") {
            prop_assert_eq!(decode_text(as_kea_prints(&text)), text);
        }

        #[test]
        fn nothing_is_sent_escaped_above_ff(text in any::<String>()) {
            let sent = serde_json::to_string(&text).unwrap();
            for (at, _) in sent.match_indices("\\u") {
                // An escaped backslash before `u` is text, not an escape.
                let escaped = sent[..at].bytes().rev().take_while(|b| *b == b'\\').count() % 2 == 1;
                prop_assert!(escaped || sent[at + 2..].starts_with("00"), "{sent}");
            }
        }
    }
}
