//! Logs as text: one line for each thing that is said, whatever it quotes.

use std::fmt;

use tracing::field::Field;
use tracing_subscriber::field::MakeExt;
use tracing_subscriber::fmt::FormatFields;
use tracing_subscriber::fmt::format::{Writer, debug_fn};

/// Writes the message, and every other field with its name. Control characters are escaped, as they could speak to the
/// terminal; line ends too, unless `multiline`: then those that a quoted text has are written as line ends.
pub(super) fn fields(multiline: bool) -> impl for<'writer> FormatFields<'writer> + Send + Sync + 'static {
    let write = move |writer: &mut Writer<'_>, field: &Field, value: &dyn fmt::Debug| {
        let value = printable(&format!("{value:?}"), multiline);
        match field.name() {
            "message" => write!(writer, "{value}"),
            name => write!(writer, "{name}={value}"),
        }
    };
    debug_fn(write).delimited(" ")
}

fn printable(text: &str, multiline: bool) -> String {
    let unescaped;
    let text = if multiline {
        unescaped = text.replace("\\n", "\n").replace("\\t", "\t").replace("\\\"", "\"");
        &unescaped
    } else {
        text
    };
    let mut printable = String::with_capacity(text.len());
    for character in text.chars() {
        match character {
            '\n' | '\t' if multiline => printable.push(character),
            control if control.is_control() => printable.extend(control.escape_default()),
            other => printable.push(other),
        }
    }
    printable
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_text_cannot_pass_for_two_lines_or_speak_to_the_terminal() {
        assert_eq!(printable("a\nINFO forged \u{1b}[2J", false), "a\\nINFO forged \\u{1b}[2J");
        assert_eq!(printable(r#""{\n  \"a\": 1\n}""#, true), "\"{\n  \"a\": 1\n}\"");
        assert_eq!(printable("é", false), "é");
    }
}
