//! All rows at one place, and what became of them.

use std::env;
use std::fmt::Write as _;

use kea_lab::Family;

use super::bench::{Bench, Side};
use super::place::Backend;
use super::row::{Row, Written, table};

/// Chooses rows by the start of their ids, several with commas between them.
const FILTER: &str = "CONFORMANCE_ROWS";

/// Runs every row that applies, and fails with all that went wrong.
pub fn run(family: Family, backend: Backend, side: Side) {
    let rows = chosen();
    let mut report = Report::default();
    let mut bench = start(family, backend, side);
    for written in &rows {
        let Some(row) = written.at(&bench.place).unwrap() else { continue };
        if row.is_ours_alone() && side == Side::Stock {
            continue;
        }
        if let Some(reason) = row.stock_skips.as_ref().filter(|_| side == Side::Stock) {
            report.note("not tried with stock", &row, reason);
            continue;
        }
        let outcome = bench.run(&row, extended(&row, family, backend));
        if outcome.is_err() {
            // What a failure leaves behind is not worth finding out.
            bench = start(family, backend, side);
        }
        report.enter(&row, side, outcome);
    }
    report.finish(&bench.place.to_string());
}

/// Whether the row runs with the `ext-` names: it has both kinds, at one place or another, and always the same at
/// one place.
fn extended(row: &Row, family: Family, backend: Backend) -> bool {
    let of_row: usize = row.id.bytes().map(usize::from).sum();
    (of_row + backend as usize + family as usize).is_multiple_of(2)
}

fn start(family: Family, backend: Backend, side: Side) -> Bench {
    Bench::start(family, backend, side)
        .unwrap_or_else(|e| panic!("no server for {family}, {backend:?}: {e:#}"))
}

fn chosen() -> Vec<Written> {
    let mut rows = table();
    if let Some(filter) = env::var(FILTER).ok().filter(|filter| !filter.is_empty()) {
        rows.retain(|row| filter.split(',').any(|start| row.id.starts_with(start)));
        assert!(!rows.is_empty(), "{FILTER}={filter}: no row is called so");
    }
    rows
}

#[derive(Default)]
struct Report {
    run: usize,
    notes: String,
    failures: Vec<String>,
}

impl Report {
    fn enter(&mut self, row: &Row, side: Side, outcome: anyhow::Result<()>) {
        self.run += 1;
        let beyond = row.beyond_stock.as_ref().filter(|_| side == Side::Stock);
        match (outcome, beyond) {
            (Ok(()), None) => {}
            (Err(failure), Some(reason)) => {
                self.note("beyond stock", row, reason);
                self.quote(&failure);
            }
            (Ok(()), Some(reason)) => {
                self.failures
                    .push(format!("{}: marked beyond-stock ({reason}), but stock passes it", row.id));
            }
            (Err(failure), None) => {
                self.failures.push(format!("{}: {}\n    {}", row.id, row.title, indented(&failure)));
            }
        }
    }

    fn note(&mut self, what: &str, row: &Row, reason: &str) {
        writeln!(self.notes, "  {what}: {}: {} ({reason})", row.id, row.title)
            .expect("writing to a string works");
    }

    /// What stock did instead.
    fn quote(&mut self, failure: &anyhow::Error) {
        writeln!(self.notes, "    {}", indented(failure)).expect("writing to a string works");
    }

    fn finish(self, place: &str) {
        let Self { run, notes, failures } = self;
        println!("{place}: {run} rows, {} failed\n{notes}", failures.len());
        assert!(
            failures.is_empty(),
            "{} of {run} rows failed at {place}:\n\n{}\n",
            failures.len(),
            failures.join("\n\n")
        );
    }
}

fn indented(failure: &anyhow::Error) -> String {
    format!("{failure:#}").replace('\n', "\n    ")
}

mod tests {
    use anyhow::anyhow;
    use serde_json::json;

    use super::*;

    fn failures(side: Side, outcome: anyhow::Result<()>, beyond: bool) -> usize {
        let mut row = json!({
            "id": "x-01", "title": "A row", "families": [4], "command": "c", "result": 0, "text": "t",
        });
        if beyond {
            row["beyond-stock"] = json!("stock loses it");
        }
        let mut report = Report::default();
        report.enter(&serde_json::from_value(row).unwrap(), side, outcome);
        report.failures.len()
    }

    #[test]
    fn stock_must_fail_where_we_claim_to_do_better_and_nowhere_else() {
        assert_eq!(failures(Side::Stock, Err(anyhow!("lost")), true), 0);
        assert_eq!(failures(Side::Stock, Ok(()), true), 1);
        assert_eq!(failures(Side::Stock, Err(anyhow!("lost")), false), 1);
        assert_eq!(failures(Side::Ours, Err(anyhow!("lost")), true), 1);
        assert_eq!(failures(Side::Ours, Ok(()), true), 0);
    }
}
