//! The lines of the table, one file each.

mod add_durable;
mod add_memory;
mod add_tail;
mod apply;
mod apply_new;
mod apply_unchanged;
mod drops;
mod event_poll;
mod exchanges;
mod lease_resolve;
mod memory;
mod operator_commands;
mod operator_memory;
mod operator_pin;
mod operator_ready;
mod operator_ready_stock;
mod operator_rest_commands;
mod operator_rest_writes;
mod operator_writes;
mod start;

use std::fmt::Write as _;

use anyhow::Result;

use crate::bench::Bench;
use crate::figures::{Goal, Runs};

/// A line of the table.
#[derive(Debug)]
pub struct Line {
    /// By which it is selected.
    pub name: &'static str,
    /// What is measured, against what.
    pub what: &'static str,
    /// What the figures are in.
    pub unit: &'static str,
    /// What is to be reached.
    pub goal: Goal,
    /// Measures it. No runs where the hook cannot do it at all.
    pub measure: fn(&Bench) -> Result<Runs>,
}

/// All of them, in the order of the table.
pub const LINES: [Line; 19] = [
    add_memory::LINE,
    event_poll::LINE,
    add_durable::LINE,
    apply_new::LINE,
    apply_unchanged::LINE,
    lease_resolve::LINE,
    exchanges::LINE,
    drops::LINE,
    start::LINE,
    memory::LINE,
    add_tail::LINE,
    operator_ready::LINE,
    operator_ready_stock::LINE,
    operator_commands::LINE,
    operator_writes::LINE,
    operator_memory::LINE,
    operator_rest_commands::LINE,
    operator_rest_writes::LINE,
    operator_pin::LINE,
];

/// The line of that name.
pub fn named(name: &str) -> Result<&'static Line, String> {
    const ALL: &[Line] = &LINES;
    ALL.iter().find(|line| line.name == name).ok_or_else(|| {
        let names: Vec<&str> = ALL.iter().map(|line| line.name).collect();
        format!("there are: {}", names.join(", "))
    })
}

/// The lines with what they are, for the help.
pub fn listed() -> String {
    LINES.iter().fold("Lines:\n".to_owned(), |mut text, line| {
        let _ = writeln!(text, "  {:<16} {} [{}, {}]", line.name, line.what, line.unit, line.goal);
        text
    })
}

/// The clients of a run that needs so many: each has others.
fn of_run(run: usize, count: u32) -> std::ops::Range<u32> {
    let run = u32::try_from(run).unwrap_or_default();
    run * count..(run + 1) * count
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines_are_found_by_name() {
        for line in &LINES {
            assert_eq!(named(line.name).unwrap().what, line.what);
        }
        assert!(named("nonsense").unwrap_err().contains("add-memory"));
    }
}
