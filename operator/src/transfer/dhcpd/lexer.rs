//! The configuration of ISC dhcpd (dhcpd.conf(5)), as statements: words up to a semicolon, or up to a block of
//! statements.

use super::super::{Place, Problem};

/// A word, or a text in quotes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Word {
    /// Its bytes, without the quotes and with their escapes resolved.
    pub bytes: Vec<u8>,
    /// Whether it was in quotes.
    pub quoted: bool,
}

/// A statement.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Statement {
    /// Where it begins.
    pub at: Place,
    /// Its words; commas are words of their own.
    pub words: Vec<Word>,
    /// What is in its braces.
    pub block: Option<Vec<Statement>>,
}

impl Statement {
    /// Its words, where these are not in quotes; the empty text in the place of others.
    pub fn names(&self) -> Vec<&str> {
        let name = |word: &'_ Word| !word.quoted;
        self.words
            .iter()
            .map(|word| if name(word) { std::str::from_utf8(&word.bytes).unwrap_or("") } else { "" })
            .collect()
    }

    /// Its words as they could have been written, for messages.
    pub fn shown(&self) -> String {
        let word = |word: &Word| {
            let text = String::from_utf8_lossy(&word.bytes);
            if word.quoted { format!("\"{text}\"") } else { text.into_owned() }
        };
        self.words.iter().map(word).collect::<Vec<_>>().join(" ").replace(" ,", ",")
    }
}

/// The deepest nesting of blocks that is read.
const DEEPEST: usize = 100;

/// Reads a file.
pub fn statements(bytes: &[u8]) -> Result<Vec<Statement>, Problem> {
    let mut reader = Reader { rest: bytes, at: Place { line: 1, column: 1 } };
    let statements = reader.block(0, false)?;
    if !reader.rest.is_empty() {
        return Err(Problem::at(reader.at, "a '}' without its '{'"));
    }
    Ok(statements)
}

struct Reader<'a> {
    rest: &'a [u8],
    at: Place,
}

impl Reader<'_> {
    /// Reads to the end of a block, and leaves its brace. The definition of an option has words only.
    fn block(&mut self, depth: usize, definition: bool) -> Result<Vec<Statement>, Problem> {
        if depth > DEEPEST {
            return Err(Problem::at(self.at, "blocks are nested too deeply"));
        }
        let mut statements = Vec::new();
        let mut at = self.at;
        let mut words: Vec<Word> = Vec::new();
        while let Some(byte) = self.next_byte() {
            if words.is_empty() {
                at = self.at;
            }
            match byte {
                b'}' => break,
                b';' => {
                    self.pass(1);
                    if !words.is_empty() {
                        statements.push(Statement { at, words: std::mem::take(&mut words), block: None });
                    }
                }
                b'{' => {
                    let opened = self.at;
                    self.pass(1);
                    let definition = words.first().is_some_and(|word| word.bytes == b"option");
                    let block = Some(self.block(depth + 1, definition)?);
                    if self.rest.is_empty() {
                        return Err(Problem::at(opened, "a '{' without its '}'"));
                    }
                    self.pass(1);
                    statements.push(Statement { at, words: std::mem::take(&mut words), block });
                }
                _ => words.push(self.word(byte)?),
            }
        }
        if words.is_empty() || definition {
            Ok(statements)
        } else {
            Err(Problem::at(at, "a statement without its ';'"))
        }
    }

    fn pass(&mut self, count: usize) {
        let (passed, rest) = self.rest.split_at(count.min(self.rest.len()));
        for byte in passed {
            self.at.pass(*byte);
        }
        self.rest = rest;
    }

    /// How many bytes come before one of these.
    fn until(&self, ends: impl Fn(u8) -> bool) -> usize {
        self.rest.iter().position(|byte| ends(*byte)).unwrap_or(self.rest.len())
    }

    /// The first byte of the next word; passes over blanks and comments.
    fn next_byte(&mut self) -> Option<u8> {
        loop {
            match *self.rest.first()? {
                b'#' => self.pass(self.until(|byte| byte == b'\n')),
                byte if byte.is_ascii_whitespace() => self.pass(1),
                byte => return Some(byte),
            }
        }
    }

    fn word(&mut self, first: u8) -> Result<Word, Problem> {
        let length = match first {
            b'"' => return self.quoted(),
            b',' => 1,
            _ => self.until(|byte| byte.is_ascii_whitespace() || b";{}\",#".contains(&byte)),
        };
        let bytes = self.rest[..length].to_vec();
        self.pass(length);
        Ok(Word { bytes, quoted: false })
    }

    fn quoted(&mut self) -> Result<Word, Problem> {
        let begin = self.at;
        let unfinished = || Problem::at(begin, "a text without its closing quote");
        let mut bytes = Vec::new();
        self.pass(1);
        loop {
            match self.rest {
                [] | [b'\n', ..] => return Err(unfinished()),
                [b'"', ..] => break,
                [b'\\', rest @ ..] => {
                    let (byte, length) = escape(rest).ok_or_else(unfinished)?;
                    bytes.push(byte);
                    self.pass(1 + length);
                }
                [byte, ..] => {
                    bytes.push(*byte);
                    self.pass(1);
                }
            }
        }
        self.pass(1);
        Ok(Word { bytes, quoted: true })
    }
}

/// What a backslash and this mean, and how long it is: `t`, `r`, `n`, `b`, three octal digits, `x` and two hexadecimal
/// ones, or the character itself.
fn escape(rest: &[u8]) -> Option<(u8, usize)> {
    let digits = |from: usize, to: usize, base: u32| {
        let digits = std::str::from_utf8(rest.get(from..to)?).ok()?;
        Some((u8::from_str_radix(digits, base).ok()?, to))
    };
    match *rest.first()? {
        b't' => Some((b'\t', 1)),
        b'r' => Some((b'\r', 1)),
        b'n' => Some((b'\n', 1)),
        b'b' => Some((0x08, 1)),
        b'x' => digits(1, 3, 16),
        b'0'..=b'3' => digits(0, 3, 8),
        b'\n' => None,
        other => Some((other, 1)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn statements_and_blocks() {
        let read = statements(
            b"a b, c;\n# x {\ngroup { host x { hardware ethernet 02:00; } }\noption y = { integer 8 };",
        )
        .unwrap();
        assert_eq!(read[0].names(), ["a", "b", ",", "c"]);
        assert_eq!((read[1].at.line, read[1].names()), (3, vec!["group"]));
        let host = &read[1].block.as_ref().unwrap()[0];
        let hardware = &host.block.as_ref().unwrap()[0];
        assert_eq!(hardware.names(), ["hardware", "ethernet", "02:00"]);
        assert_eq!(hardware.at, Place { line: 3, column: 18 });
        assert_eq!(read[2].shown(), "option y =");
    }

    #[test]
    fn texts() {
        let read = statements(br#"a "x;#{\"\x41\101\n";"#).unwrap();
        assert_eq!(read[0].words[1], Word { bytes: b"x;#{\"AA\n".into(), quoted: true });
    }

    #[test]
    fn what_does_not_end() {
        for (file, line, text) in [
            ("a;\nb", 2, "without its ';'"),
            ("a {\nb; ", 1, "without its '}'"),
            ("a;\n}", 2, "without its '{'"),
            ("a\n\"b", 2, "closing quote"),
            ("a\n\"b\n\";", 2, "closing quote"),
        ] {
            let problem = statements(file.as_bytes()).unwrap_err();
            assert!(problem.at.line == line && problem.text.contains(text), "{file}: {problem:?}");
        }
        assert!(statements("a {".repeat(100_000).as_bytes()).unwrap_err().text.contains("deeply"));
    }
}
