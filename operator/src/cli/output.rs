//! What commands print: for people, or for programs.

use std::fmt::Write as _;
use std::io::{self, Write as _};

use anstyle::{AnsiColor, Style};
use clap::{Args, ValueEnum};
use serde::Serialize;

/// How to print.
#[derive(Args, Debug)]
pub struct OutputArgs {
    /// How to print: table for people, json or yaml for programs
    #[arg(long, short, value_enum, default_value = "table", value_name = "FORMAT")]
    output: Format,
}

#[derive(ValueEnum, Debug, Clone, Copy, PartialEq, Eq)]
enum Format {
    Table,
    Json,
    Yaml,
}

/// Bold.
pub const BOLD: Style = Style::new().bold();
/// Of what is well.
pub const GREEN: Style = AnsiColor::Green.on_default();
/// Of what will bite.
pub const YELLOW: Style = AnsiColor::Yellow.on_default();
/// Of what does not work.
pub const RED: Style = AnsiColor::Red.on_default().bold();
/// Of what is of less interest.
pub const DIM: Style = Style::new().dimmed();

/// A text in a style. The styles go where standard output is no terminal, or the environment does not want them
/// (`NO_COLOR`).
pub fn styled(style: Style, text: impl std::fmt::Display) -> String {
    format!("{style}{text}{style:#}")
}

impl OutputArgs {
    /// Prints `value`, or what `table` writes of it.
    pub fn print<T: Serialize>(&self, value: &T, table: impl FnOnce(&T) -> String) -> anyhow::Result<()> {
        match self.output {
            Format::Table => print(&table(value)),
            Format::Json => print(&format!("{}\n", serde_json::to_string_pretty(value)?)),
            Format::Yaml => print(&serde_saphyr::to_string(value)?),
        }
    }
}

/// Writes to standard output; that nobody reads it to its end is no error.
pub fn print(text: &str) -> anyhow::Result<()> {
    let mut stdout = anstream::stdout().lock();
    match stdout.write_all(text.as_bytes()).and_then(|()| stdout.flush()) {
        Err(error) if error.kind() == io::ErrorKind::BrokenPipe => Ok(()),
        outcome => Ok(outcome?),
    }
}

/// Rows with their columns one below the other, two blanks between them. The last column may have any length.
pub fn columns<const N: usize>(rows: &[[String; N]]) -> String {
    let width = |column: usize| rows.iter().map(|row| visible(&row[column])).max().unwrap_or_default();
    let widths: Vec<usize> = (0..N).map(width).collect();
    let mut text = String::new();
    for row in rows {
        let mut line = String::new();
        for (cell, width) in row.iter().zip(&widths) {
            let _ = write!(line, "{cell}{}", " ".repeat(width - visible(cell) + 2));
        }
        text.push_str(line.trim_end());
        text.push('\n');
    }
    text
}

/// Characters of a text without its styles.
fn visible(text: &str) -> usize {
    anstream::adapter::strip_str(text).to_string().chars().count()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn columns_are_straight_with_and_without_styles() {
        let row = |a: &str, b: &str| [a.to_owned(), b.to_owned()];
        assert_eq!(columns(&[row("a", "x"), row("long", ""), row("", "z")]), "a     x\nlong\n      z\n");
        let coloured = columns(&[[styled(RED, "ab"), "x".to_owned()], row("c", "y")]);
        assert_eq!(anstream::adapter::strip_str(&coloured).to_string(), "ab  x\nc   y\n");
    }
}
