//! JSON with Kea's notion of text: a string is bytes. In what Kea writes, each byte above 0x7e is an escape of its own;
//! what it reads may also have UTF-8 as it is. Both come to the same bytes, so that nothing is lost on the way, not
//! even what is no UTF-8.
//!
//! Here, a character of a string stands for one byte, and so has a number up to 255.

use std::io::Read;

use json_comments::StripComments;
use serde::Deserialize;
use serde_json::Value;
use serde_json::value::RawValue;

use super::{Members, Place, Problem};

/// Bytes as a text of this module.
pub fn decode(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| char::from(*byte)).collect()
}

/// The bytes of such a text; none where a character is beyond them.
pub fn encode(text: &str) -> Option<Vec<u8>> {
    text.chars().map(|letter| u8::try_from(u32::from(letter)).ok()).collect()
}

/// For people: UTF-8 where the bytes are that.
pub fn shown(text: &str) -> String {
    encode(text).map_or_else(|| text.to_owned(), |bytes| String::from_utf8_lossy(&bytes).into_owned())
}

/// A JSON file with comments (`#`, `//`, `/* */`) and a comma behind the last of several, which Kea's configuration may
/// have.
pub struct Json {
    text: String,
}

impl Json {
    /// Takes the comments out. Offsets stay as they are.
    pub fn new(bytes: &[u8]) -> Result<Self, Problem> {
        let mut plain = Vec::with_capacity(bytes.len());
        if StripComments::new(bytes).read_to_end(&mut plain).is_err() {
            let text = "a comment or a string does not end, or a '/' begins no comment";
            return Err(Problem::at(Place::NOWHERE, text));
        }
        for (to, from) in plain.iter_mut().zip(bytes) {
            if *from == b'\n' {
                *to = b'\n';
            }
        }
        drop_last_commas(&mut plain);
        Ok(Self { text: decode(&plain) })
    }

    /// The text without comments.
    pub fn text(&self) -> &str {
        &self.text
    }

    /// Whether it has a member of this name at the top.
    pub fn names(&self, name: &str) -> bool {
        serde_json::from_str::<std::collections::BTreeMap<String, &RawValue>>(&self.text)
            .is_ok_and(|members| members.contains_key(name))
    }

    /// Reads it as a whole.
    pub fn parse<'a, T: Deserialize<'a>>(&'a self) -> Result<T, Problem> {
        self.read(&self.text, "no valid JSON").map_err(|mut problem| {
            if self
                .text
                .lines()
                .nth(problem.at.line.saturating_sub(1))
                .is_some_and(|line| line.contains("<?include"))
            {
                problem.text +=
                    "; files that are included must be put in first: what 'config-get' prints has them";
            }
            problem
        })
    }

    /// Reads a part of it. `what` begins the text of an error.
    pub fn parse_part<'a, T: Deserialize<'a>>(
        &'a self,
        part: &'a RawValue,
        what: &str,
    ) -> Result<T, Problem> {
        self.read(part.get(), what)
    }

    fn read<'a, T: Deserialize<'a>>(&'a self, part: &'a str, what: &str) -> Result<T, Problem> {
        serde_json::from_str(part).map_err(|error| {
            let before: usize =
                part.split_inclusive('\n').take(error.line().saturating_sub(1)).map(str::len).sum();
            let offset = self.offset_of(part) + before + error.column().saturating_sub(1);
            Problem::at(self.place_at(offset), format!("{what}: {}", without_position(&error)))
        })
    }

    /// Where a part of it begins.
    pub fn place_of(&self, part: &RawValue) -> Place {
        self.place_at(self.offset_of(part.get()))
    }

    fn offset_of(&self, part: &str) -> usize {
        (part.as_ptr() as usize).saturating_sub(self.text.as_ptr() as usize)
    }

    fn place_at(&self, offset: usize) -> Place {
        Places::of(self).at(offset)
    }
}

/// Kea passes over a comma behind the last item of a list or map, and so does this.
fn drop_last_commas(text: &mut [u8]) {
    let (mut in_text, mut escaped, mut comma) = (false, false, None);
    for at in 0..text.len() {
        match text[at] {
            _ if escaped => escaped = false,
            b'\\' if in_text => escaped = true,
            b'"' => {
                in_text = !in_text;
                comma = None;
            }
            byte if in_text || byte.is_ascii_whitespace() => {}
            b',' => comma = Some(at),
            b']' | b'}' => comma.take().into_iter().for_each(|comma| text[comma] = b' '),
            _ => comma = None,
        }
    }
}

/// The position is told otherwise.
fn without_position(error: &serde_json::Error) -> String {
    let text = error.to_string();
    shown(text.split(" at line ").next().unwrap_or(&text))
}

/// Tells the places of parts that come one after the other, without counting from the beginning each time.
pub struct Places<'a> {
    json: &'a Json,
    offset: usize,
    place: Place,
}

impl<'a> Places<'a> {
    /// From the beginning.
    pub fn of(json: &'a Json) -> Self {
        Self { json, offset: 0, place: Place { line: 1, column: 1 } }
    }

    /// Where a part begins.
    pub fn of_part(&mut self, part: &RawValue) -> Place {
        self.at(self.json.offset_of(part.get()))
    }

    fn at(&mut self, offset: usize) -> Place {
        if offset < self.offset {
            *self = Self::of(self.json);
        }
        let rest = self.json.text.get(self.offset..).unwrap_or_default();
        for (position, letter) in rest.char_indices() {
            if self.offset + position >= offset {
                break;
            }
            self.place.pass(u8::try_from(u32::from(letter)).unwrap_or_default());
        }
        self.offset = offset;
        self.place
    }
}

/// The members of a map, each of which may be there once.
pub fn members(part: &RawValue) -> Result<Members, String> {
    struct Visitor;
    impl<'de> serde::de::Visitor<'de> for Visitor {
        type Value = Members;

        fn expecting(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
            f.write_str("a map")
        }

        fn visit_map<A: serde::de::MapAccess<'de>>(self, mut access: A) -> Result<Members, A::Error> {
            let mut members = Members::new();
            while let Some((name, value)) = access.next_entry::<String, Value>()? {
                if members.contains_key(&name) {
                    return Err(serde::de::Error::custom(format!("'{name}' is there twice")));
                }
                members.insert(name, value);
            }
            Ok(members)
        }
    }
    let mut reader = serde_json::Deserializer::from_str(part.get());
    serde::Deserializer::deserialize_map(&mut reader, Visitor).map_err(|error| without_position(&error))
}

/// How text is written.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Style {
    /// As Kea does, for what a store keeps.
    Kea,
    /// For people and other programs: UTF-8 as it is.
    Readable,
}

/// Writes JSON with the spaces that Kea puts in. Names are texts like any other, as in what the hook stores; Kea itself
/// writes them as they are, and could not read some of them again.
///
/// # Errors
/// Names what Kea cannot read.
pub fn write(value: &Value, style: Style, out: &mut Vec<u8>) -> Result<(), String> {
    match value {
        Value::Null => out.extend(b"null"),
        Value::Bool(value) => out.extend(value.to_string().bytes()),
        Value::Number(number) if number.is_u64() && !number.is_i64() => {
            return Err(format!("the number {number} is too large for Kea"));
        }
        Value::Number(number) if style == Style::Kea && number.is_f64() => {
            out.extend(real(number.as_f64().unwrap_or_default()).bytes());
        }
        Value::Number(number) => out.extend(number.to_string().bytes()),
        Value::String(text) => write_text(text, style, out)?,
        Value::Array(items) => {
            out.extend(b"[ ");
            for (position, item) in items.iter().enumerate() {
                out.extend(if position == 0 { b"".as_slice() } else { b", " });
                write(item, style, out)?;
            }
            out.extend(b" ]");
        }
        Value::Object(members) => {
            out.extend(b"{ ");
            write_members(members, style, out)?;
            out.extend(b" }");
        }
    }
    Ok(())
}

/// A number as the hook stores it: of the shortest digits that mean it, without an exponent unless that is shorter, and
/// never those of an integer.
fn real(value: f64) -> String {
    let shortest = format!("{value:e}");
    let Some((digits, exponent)) = shortest.split_once('e') else { return shortest };
    let exponent: i32 = exponent.parse().unwrap_or_default();
    let sign = if exponent < 0 { '-' } else { '+' };
    let scientific = format!("{digits}e{sign}{:02}", exponent.abs());
    // All digits of a large number, and not zeros for those that do not matter.
    let plain =
        value.to_string().split_once('.').map_or_else(|| format!("{value:.0}"), |_| value.to_string());
    match plain.len() <= scientific.len() {
        true if plain.contains('.') => plain,
        true => plain + ".0",
        false => scientific,
    }
}

/// Writes the members of a map without its braces.
pub fn write_members(members: &Members, style: Style, out: &mut Vec<u8>) -> Result<(), String> {
    for (position, (name, value)) in members.iter().enumerate() {
        out.extend(if position == 0 { b"".as_slice() } else { b", " });
        write_text(name, style, out)?;
        out.extend(b": ");
        write(value, style, out)?;
    }
    Ok(())
}

fn beyond(text: &str) -> String {
    format!("'{text}' has an escape beyond \\u00ff, which Kea does not read: write the text in UTF-8")
}

fn write_text(text: &str, style: Style, out: &mut Vec<u8>) -> Result<(), String> {
    let bytes = encode(text).ok_or_else(|| beyond(text))?;
    let as_it_is = style == Style::Readable && std::str::from_utf8(&bytes).is_ok();
    out.push(b'"');
    for byte in bytes {
        match byte {
            b'"' => out.extend(b"\\\""),
            b'\\' => out.extend(b"\\\\"),
            0x08 => out.extend(b"\\b"),
            0x0c => out.extend(b"\\f"),
            b'\n' => out.extend(b"\\n"),
            b'\r' => out.extend(b"\\r"),
            b'\t' => out.extend(b"\\t"),
            0x20..=0x7e => out.push(byte),
            0x80.. if as_it_is => out.push(byte),
            _ => out.extend(format!("\\u{byte:04x}").bytes()),
        }
    }
    out.push(b'"');
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn written(value: &Value, style: Style) -> String {
        let mut out = Vec::new();
        write(value, style, &mut out).unwrap();
        String::from_utf8(out).unwrap()
    }

    #[test]
    fn text_is_bytes_however_it_is_written() {
        for source in ["{ \"a\": \"Zoë\" }", "{ \"a\": \"Zo\\u00c3\\u00ab\" }"] {
            let json = Json::new(source.as_bytes()).unwrap();
            let value: Value = json.parse().unwrap();
            assert_eq!(encode(value["a"].as_str().unwrap()).unwrap(), "Zoë".as_bytes());
            assert_eq!(written(&value, Style::Kea), r#"{ "a": "Zo\u00c3\u00ab" }"#);
            assert_eq!(written(&value, Style::Readable), "{ \"a\": \"Zoë\" }");
        }
        let latin = Value::from("Zo\u{eb}");
        assert_eq!(written(&latin, Style::Readable), r#""Zo\u00eb""#);
        assert!(write(&Value::from("\u{4e2d}"), Style::Kea, &mut Vec::new()).unwrap_err().contains("UTF-8"));
    }

    #[test]
    fn json_is_written_as_kea_does() {
        let value = serde_json::json!({ "b": [1, -2, true, null], "a": {}, "c": [], "d": "x\"\\\n/\u{7f}" });
        assert_eq!(
            written(&value, Style::Kea),
            r#"{ "a": {  }, "b": [ 1, -2, true, null ], "c": [  ], "d": "x\"\\\n/\u007f" }"#
        );
        let name = serde_json::json!({ "a\"\\\n": 1, "Zo\u{c3}\u{ab}": 2 });
        assert_eq!(written(&name, Style::Kea), r#"{ "Zo\u00c3\u00ab": 2, "a\"\\\n": 1 }"#);
        assert_eq!(written(&name, Style::Readable), r#"{ "Zoë": 2, "a\"\\\n": 1 }"#);
        assert!(
            write(&Value::from(u64::MAX), Style::Kea, &mut Vec::new()).unwrap_err().contains("too large")
        );
    }

    /// As `std::to_chars` of C++ has them, which the hook uses.
    #[test]
    fn numbers_are_written_as_the_hook_does() {
        for (number, shown) in [
            (0.0, "0.0"),
            (-0.0, "-0.0"),
            (1.0, "1.0"),
            (-1.5, "-1.5"),
            (10_000.0, "10000.0"),
            (100_000.0, "1e+05"),
            (123_000.0, "123000.0"),
            (0.001, "0.001"),
            (0.000_1, "1e-04"),
            (0.000_125, "0.000125"),
            (1.5e300, "1.5e+300"),
            (2.5e-300, "2.5e-300"),
            (9_007_199_254_740_993.0, "9007199254740992.0"),
            (1.234_567_890_123_456_8e21, "1234567890123456774144.0"),
            (1e22, "1e+22"),
        ] {
            assert_eq!(written(&Value::from(number), Style::Kea), shown);
        }
    }

    #[test]
    fn comments_go_and_lines_stay() {
        let json =
            Json::new(b"# one\n{ /* two\nthree */ \"a\": // four\n [\n 1, \"# /* no\",\n x ] }").unwrap();
        let problem = json.parse::<Value>().unwrap_err();
        assert_eq!(problem.at, Place { line: 6, column: 2 }, "{problem:?}");
        assert!(Json::new(b"{ /* never").is_err());
        let include = Json::new(b"{\n<?include \"x\"?>\n}").unwrap();
        assert!(include.parse::<Value>().unwrap_err().text.contains("config-get"));
    }

    #[test]
    fn columns_are_characters() {
        let json = Json::new("{ \"ë中\": x }".as_bytes()).unwrap();
        assert_eq!(json.parse::<Value>().unwrap_err().at, Place { line: 1, column: 9 });
    }

    #[test]
    fn a_comma_behind_the_last_is_passed_over() {
        let json = Json::new(
            br#"{ "a": [ 1, ], "b": ",]\",}", // more
            }"#,
        )
        .unwrap();
        let value: Value = json.parse().unwrap();
        assert_eq!(value, serde_json::json!({ "a": [1], "b": ",]\",}" }));
    }

    #[test]
    fn a_member_is_there_once() {
        let twice = RawValue::from_string(r#"{ "a": 1, "a": 2 }"#.into()).unwrap();
        assert_eq!(members(&twice).unwrap_err(), "'a' is there twice");
        let list = RawValue::from_string("[]".into()).unwrap();
        assert!(members(&list).unwrap_err().contains("a map"));
    }
}
