//! The table, and the same for programs.

use std::fmt::Write as _;

use serde::Serialize;

use crate::figures::{Goal, Runs, median};

/// A line of the table. What could not be measured has neither figures nor met its goal.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Row {
    /// Its name.
    pub line: &'static str,
    /// What `ours` and `peer` are in.
    pub unit: &'static str,
    /// The median of our runs.
    pub ours: Option<f64>,
    /// The median of the peer's.
    pub peer: Option<f64>,
    /// Ours by the peer's, see [`Runs::ratio`].
    pub ratio: Option<f64>,
    /// What is to be reached.
    pub goal: String,
    /// Whether it is.
    pub met: bool,
}

impl Row {
    /// The row of a line that was measured, or not.
    pub fn new(line: &'static str, unit: &'static str, goal: Goal, runs: Option<&Runs>) -> Self {
        let ours = runs.and_then(|runs| median(&runs.ours));
        let peer = runs.and_then(|runs| median(&runs.peer));
        let ratio = runs.and_then(Runs::ratio);
        let met = ours.is_some_and(|ours| goal.is_met(ours, ratio.unwrap_or(f64::NAN)));
        Self { line, unit, ours, peer, ratio, goal: goal.to_string(), met }
    }

    fn cells(&self) -> [String; COLUMNS] {
        let met = match (self.ours, self.met) {
            (None, _) => "not measured",
            (_, true) => "yes",
            (_, false) => "NO",
        };
        [
            self.line.to_owned(),
            self.unit.to_owned(),
            shown(self.ours),
            shown(self.peer),
            shown(self.ratio),
            self.goal.clone(),
            met.to_owned(),
        ]
    }
}

/// Three digits that say something, and no more behind the point than it takes.
fn shown(figure: Option<f64>) -> String {
    match figure {
        None => "-".to_owned(),
        Some(figure) if figure.abs() >= 100.0 => format!("{figure:.0}"),
        Some(figure) if figure.abs() >= 10.0 => format!("{figure:.1}"),
        Some(figure) => format!("{figure:.2}"),
    }
}

const COLUMNS: usize = 7;
const TITLES: [&str; COLUMNS] = ["line", "unit", "ours", "peer", "ratio", "goal", "met"];
/// Those are figures, which stand to the right.
const FIGURES: std::ops::Range<usize> = 2..5;

/// The table as Markdown.
pub fn table(rows: &[Row]) -> String {
    let titles = TITLES.map(str::to_owned);
    let cells: Vec<_> = std::iter::once(titles).chain(rows.iter().map(Row::cells)).collect();
    let width = |column: usize| cells.iter().map(|row| row[column].chars().count()).max().unwrap_or_default();
    let widths: Vec<usize> = (0..COLUMNS).map(width).collect();
    let mut table = String::new();
    for (number, row) in cells.iter().enumerate() {
        for (column, (cell, width)) in row.iter().zip(&widths).enumerate() {
            let _ = if FIGURES.contains(&column) {
                write!(table, "| {cell:>width$} ")
            } else {
                write!(table, "| {cell:<width$} ")
            };
        }
        table.push_str("|\n");
        if number == 0 {
            for (column, width) in widths.iter().enumerate() {
                let right = if FIGURES.contains(&column) { ":" } else { "-" };
                let _ = write!(table, "|{}{right}", "-".repeat(width + 1));
            }
            table.push_str("|\n");
        }
    }
    table
}

#[cfg(test)]
mod tests {
    use super::*;

    fn rows() -> Vec<Row> {
        let runs = Runs { ours: vec![200.0, 250.0, 300.0], peer: vec![80.0, 100.0, 120.0] };
        let none = Runs { ours: vec![0.0], peer: vec![0.0] };
        vec![
            Row::new("add", "1/s", Goal::AtLeast(2.0), Some(&runs)),
            Row::new("drops", "%", Goal::Below(0.5), Some(&none)),
            Row::new("start", "s", Goal::AtMost(0.25), None),
        ]
    }

    #[test]
    fn rows_have_medians_and_a_ratio() {
        let rows = rows();
        assert_eq!((rows[0].ours, rows[0].peer, rows[0].ratio), (Some(250.0), Some(100.0), Some(2.5)));
        assert_eq!(rows.iter().map(|row| row.met).collect::<Vec<_>>(), [true, true, false]);
    }

    #[test]
    fn a_table_for_people() {
        let expected = "\
| line  | unit | ours | peer | ratio | goal       | met          |
|-------|------|-----:|-----:|------:|------------|--------------|
| add   | 1/s  |  250 |  100 |  2.50 | >= 2       | yes          |
| drops | %    | 0.00 | 0.00 |     - | ours < 0.5 | yes          |
| start | s    |    - |    - |     - | <= 0.25    | not measured |
";
        assert_eq!(table(&rows()), expected);
    }

    #[test]
    fn a_report_for_programs() {
        let expected = serde_json::json!([
            { "line": "add", "unit": "1/s", "ours": 250.0, "peer": 100.0, "ratio": 2.5, "goal": ">= 2", "met": true },
            { "line": "drops", "unit": "%", "ours": 0.0, "peer": 0.0, "ratio": null, "goal": "ours < 0.5", "met": true },
            { "line": "start", "unit": "s", "ours": null, "peer": null, "ratio": null, "goal": "<= 0.25", "met": false },
        ]);
        assert_eq!(serde_json::to_value(rows()).unwrap(), expected);
    }
}
