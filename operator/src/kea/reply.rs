//! Replies, read strictly: nothing that is not clearly Kea's yes counts as one.

use serde_json::Value;

use super::{KeaError, text};

/// How much of a foreign answer a message quotes, in characters.
const QUOTED: usize = 80;

/// A reply of Kea.
#[derive(Clone, Debug, PartialEq)]
pub struct Reply {
    /// What the code says.
    pub code: Code,
    /// Kea's text; empty where it sent none.
    pub text: String,
    /// The arguments; null where it sent none.
    pub arguments: Value,
}

/// Result codes (Kea's `command_interpreter.h`).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Code {
    /// 0.
    Success,
    /// 1.
    Error,
    /// 2: no such command.
    Unsupported,
    /// 3: done, and there is nothing.
    Empty,
    /// 4 (conflict), 5 (fatal), and what may come.
    Other(i64),
}

/// Reads the body of an answer: an object (unix socket) or a list of one (HTTP).
pub fn parse(server: &str, command: &str, body: &[u8]) -> Result<Reply, KeaError> {
    let malformed =
        |cause: String| KeaError::Malformed { server: server.into(), command: command.into(), cause };
    if body.iter().all(u8::is_ascii_whitespace) {
        return Err(malformed("it is empty".into()));
    }
    let value: Value = serde_json::from_slice(body).map_err(|error| malformed(describe(body, &error)))?;
    let value = match value {
        Value::Array(mut items) if items.len() == 1 => items.remove(0),
        Value::Array(items) => {
            return Err(malformed(format!("a list of {} replies came where one was due", items.len())));
        }
        other => other,
    };
    let Value::Object(mut map) = value else {
        return Err(malformed(format!("no JSON object but {}", quote(body))));
    };
    let code = match map.get("result").map(Value::as_i64) {
        Some(Some(0)) => Code::Success,
        Some(Some(1)) => Code::Error,
        Some(Some(2)) => Code::Unsupported,
        Some(Some(3)) => Code::Empty,
        Some(Some(other)) => Code::Other(other),
        Some(None) => return Err(malformed("its \"result\" is no integer".into())),
        None => return Err(malformed(format!("it has no \"result\": {}", quote(body)))),
    };
    let text = match map.remove("text").map(text::decode) {
        Some(Value::String(text)) => text,
        _ => String::new(),
    };
    let arguments = map.remove("arguments").map_or(Value::Null, text::decode);
    Ok(Reply { code, text, arguments })
}

/// Whether a text is a control agent's, which answers result 1 with HTTP 200 for a daemon that it cannot reach, and
/// whether it is certain that the command did not reach the daemon. (Kea's `ca_command_mgr.cc` has one text for all
/// failures on the way, with the system's reason in it.)
pub fn not_forwarded(text: &str) -> Option<bool> {
    let reason = text.strip_prefix("unable to forward command")?;
    Some(["No such file or directory", "Connection refused"].iter().any(|away| reason.contains(away)))
}

fn describe(body: &[u8], error: &serde_json::Error) -> String {
    if body.trim_ascii_start().starts_with(b"<") {
        return format!("an HTML or XML page: {}", quote(body));
    }
    if error.is_eof() {
        return format!("cut short after {} bytes", body.len());
    }
    format!("no JSON: {}", quote(body))
}

fn quote(body: &[u8]) -> String {
    let text = String::from_utf8_lossy(body);
    let line = text.split_whitespace().collect::<Vec<_>>().join(" ");
    let cut: String = line.chars().take(QUOTED).collect();
    if cut.len() < line.len() { format!("{cut:?}…") } else { format!("{cut:?}") }
}

#[cfg(test)]
mod tests {
    use super::*;
    use rstest::rstest;
    use serde_json::json;

    #[test]
    fn an_object_and_a_list_of_one_are_the_same() {
        let object = br#"{ "result": 0, "text": "ok", "arguments": {"a": "\u00c3\u00a9"} }"#;
        let expected = Reply { code: Code::Success, text: "ok".into(), arguments: json!({"a": "é"}) };
        assert_eq!(parse("s", "c", object).unwrap(), expected);
        assert_eq!(parse("s", "c", &[b"[", &object[..], b"]\n"].concat()).unwrap(), expected);
    }

    #[rstest]
    #[case(0, Code::Success)]
    #[case(1, Code::Error)]
    #[case(2, Code::Unsupported)]
    #[case(3, Code::Empty)]
    #[case(4, Code::Other(4))]
    fn codes(#[case] number: i64, #[case] code: Code) {
        let reply = parse("s", "c", format!("{{\"result\":{number}}}").as_bytes()).unwrap();
        assert_eq!(reply, Reply { code, text: String::new(), arguments: Value::Null });
    }

    #[rstest]
    #[case("", "it is empty")]
    #[case(" \n", "it is empty")]
    #[case("null", "no JSON object but \"null\"")]
    #[case("{}", "it has no \"result\"")]
    #[case("[]", "a list of 0 replies")]
    #[case("[{}]", "it has no \"result\"")]
    #[case("[{\"result\":0},{\"result\":0}]", "a list of 2 replies")]
    #[case("{\"result\":\"0\"}", "\"result\" is no integer")]
    #[case("{\"result\":0", "cut short after 11 bytes")]
    #[case("<html>\n <body>Bad Gateway</body></html>", "HTML or XML page: \"<html> <body>Bad Gateway")]
    #[case("Welcome", "no JSON: \"Welcome\"")]
    #[case("{\"error\":\"login\"}", "it has no \"result\": \"{\\\"error\\\"")]
    fn what_is_not_keas_is_an_error(#[case] body: &str, #[case] part: &str) {
        let error = parse("http://kea", "list-commands", body.as_bytes()).unwrap_err().to_string();
        assert!(error.contains(part), "{error}");
        assert!(error.starts_with("an answer of http://kea is not Kea's"), "{error}");
    }
}
