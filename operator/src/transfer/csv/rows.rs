//! The rows of a table (RFC 4180). The usual readers take a wrong quote as well as they can, so that one that does not
//! close makes a single cell of all rows behind it; here that is a problem, and told with its line.

use super::super::{Place, Problem};

/// A row of a table.
#[derive(Debug, PartialEq, Eq)]
pub struct Row {
    /// Where it begins in the file.
    pub at: Place,
    /// What is in its cells, without quotes.
    pub cells: Vec<Vec<u8>>,
}

/// The rows of a table, but for empty lines. Behind a row with a problem come those of the next lines.
pub struct Rows<'a> {
    rest: &'a [u8],
    line: usize,
}

/// What a line may end with.
const LINE_ENDS: [&[u8]; 3] = [b"\r\n", b"\n", b"\r"];

impl<'a> Rows<'a> {
    /// Those of a file.
    pub fn of(bytes: &'a [u8]) -> Self {
        Self { rest: bytes, line: 1 }
    }

    fn row(&mut self) -> Result<Row, Problem> {
        let mut row = Row { at: Place::line(self.line), cells: Vec::new() };
        let mut problem = None;
        loop {
            let line = self.line;
            let cell = self.cell().unwrap_or_else(|text| {
                problem.get_or_insert(Problem::at(Place::line(line), text));
                Vec::new()
            });
            row.cells.push(cell);
            if !self.take(b",") {
                self.take_line_end();
                return problem.map_or(Ok(row), Err);
            }
        }
    }

    /// A cell, up to what ends it.
    fn cell(&mut self) -> Result<Vec<u8>, String> {
        let is_quoted = self.take(b"\"");
        let quoted = if is_quoted { self.quoted().ok_or(UNCLOSED)? } else { Vec::new() };
        let line = self.line;
        let bare = self.bare();
        if is_quoted && !bare.is_empty() {
            return Err(format!("text behind the quote that ends a cell in line {line}: {QUOTING}"));
        }
        if bare.contains(&b'"') {
            return Err(format!("a quote within a cell that begins without one: {QUOTING}"));
        }
        let cell = if is_quoted { quoted } else { bare.to_vec() };
        if cell.contains(&0) {
            return Err("a zero byte, which no text has: save the table as UTF-8".into());
        }
        Ok(cell)
    }

    /// What is between quotes, the first of which is taken. None where they do not close.
    fn quoted(&mut self) -> Option<Vec<u8>> {
        let mut text = Vec::new();
        loop {
            let before = self.rest;
            if self.take(b"\"\"") {
                text.push(b'"');
            } else if self.take(b"\"") {
                return Some(text);
            } else {
                if !self.take_line_end() {
                    self.rest = self.rest.get(1..)?;
                }
                text.extend(&before[..before.len() - self.rest.len()]);
            }
        }
    }

    fn bare(&mut self) -> &'a [u8] {
        let ends = |byte: &u8| matches!(byte, b',' | b'\r' | b'\n');
        let end = self.rest.iter().position(ends).unwrap_or(self.rest.len());
        let (bare, rest) = self.rest.split_at(end);
        self.rest = rest;
        bare
    }

    fn take(&mut self, start: &[u8]) -> bool {
        let rest = self.rest.strip_prefix(start);
        self.rest = rest.unwrap_or(self.rest);
        rest.is_some()
    }

    fn take_line_end(&mut self) -> bool {
        let found = LINE_ENDS.into_iter().any(|end| self.take(end));
        self.line += usize::from(found);
        found
    }
}

const UNCLOSED: &str = "a quote opens here and does not close: the rest of the table would be one cell";
const QUOTING: &str = "a cell with quotes begins and ends with one, and those in it are doubled";

impl Iterator for Rows<'_> {
    type Item = Result<Row, Problem>;

    fn next(&mut self) -> Option<Self::Item> {
        while self.take_line_end() {}
        (!self.rest.is_empty()).then(|| self.row())
    }
}

#[cfg(test)]
mod tests {
    use csv::WriterBuilder;
    use proptest::prelude::*;

    use super::*;

    fn cells(bytes: &[u8]) -> Vec<(usize, Vec<String>)> {
        let text = |cell: Vec<u8>| String::from_utf8(cell).unwrap();
        let rows = Rows::of(bytes).map(Result::unwrap);
        rows.map(|row| (row.at.line, row.cells.into_iter().map(text).collect())).collect()
    }

    #[test]
    fn lines_end_as_they_like() {
        for end in ["\n", "\r\n", "\r"] {
            let table = ["", "a,b", "", "\"c,", "\"\"d\"\"\",", ",e"].join(end);
            let found = cells(table.as_bytes());
            let row = |line, cells: [&str; 2]| (line, cells.map(str::to_owned).to_vec());
            let quoted = format!("c,{end}\"d\"");
            assert_eq!(found, [row(2, ["a", "b"]), row(4, [&quoted, ""]), row(6, ["", "e"])]);
            assert_eq!(cells((table + end).as_bytes()), found);
        }
    }

    #[test]
    fn wrong_quotes_are_told_and_the_next_rows_are_read() {
        for (table, lines, text) in [
            ("a\n\n1,\"b\n2,c\n3,d\n", [1, 3].as_slice(), "does not close"),
            ("a\n\"b\n\"c\",\nd\n", &[1, 2, 4], "behind the quote that ends a cell in line 3"),
            ("a\n\"b\"c\nd\n", &[1, 2, 3], "behind the quote that ends a cell in line 2"),
            ("a\nb\"c\"\nd\n", &[1, 2, 3], "within a cell"),
            ("a\n\"b\" \nd\n", &[1, 2, 3], "behind the quote"),
            ("a\nb\0\nd\n", &[1, 2, 3], "a zero byte"),
        ] {
            let rows: Vec<_> = Rows::of(table.as_bytes()).collect();
            let place = |row: &Result<Row, Problem>| row.as_ref().map_or_else(|wrong| wrong.at, |row| row.at);
            assert_eq!(rows.iter().map(|row| place(row).line).collect::<Vec<_>>(), lines, "{table}");
            let wrong: Vec<_> = rows.into_iter().filter_map(Result::err).collect();
            assert!(wrong.len() == 1 && wrong[0].text.contains(text), "{table}: {wrong:?}");
            assert_eq!(wrong[0].at.line, lines[1]);
        }
    }

    proptest! {
        #[test]
        fn what_a_writer_writes_is_read(rows in prop::collection::vec(prop::collection::vec("[a\"\\r\\n, ]{0,4}", 1..4), 0..4)) {
            let mut writer = WriterBuilder::new().flexible(true).from_writer(Vec::new());
            rows.iter().for_each(|row| writer.write_record(row).unwrap());
            let found: Vec<_> = cells(&writer.into_inner().unwrap()).into_iter().map(|(_, cells)| cells).collect();
            prop_assert_eq!(found, rows);
        }
    }
}
