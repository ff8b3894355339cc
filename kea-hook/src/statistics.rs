//! The hook's numbers among the server's statistics.

use kea_ffi::element::{KeaError, ResultCode};
use kea_ffi::server::{self, Message};
use kea_ffi::statistics::{begin as begin_statistic, count, set_level};

use crate::store::Figures;

/// Lets the statistics be there from the start.
pub fn begin() {
    report(all().try_for_each(begin_statistic));
}

/// A command was answered.
pub fn command(result: ResultCode) {
    report(count(name_of(result), 1));
}

/// So many reservations were added, updated and removed.
pub fn reservations(counts: [i64; 3]) {
    let counts = CHANGES.into_iter().zip(counts).filter(|(_, by)| *by > 0);
    report(counts.into_iter().try_for_each(|(name, by)| count(name, by)));
}

/// How the store is.
pub fn store(figures: Figures) {
    let level = |number: u64| i64::try_from(number).unwrap_or(i64::MAX);
    let numbers = [
        (RESERVATIONS, level(figures.reservations as u64)),
        (COMMITS, level(figures.commits)),
        (ERRORS, level(figures.errors)),
    ];
    report(numbers.into_iter().try_for_each(|(name, number)| set_level(name, number)));
}

/// So many addresses were reserved because clients leased them.
pub fn pins(count_of_pins: usize) {
    report(count(PINS, i64::try_from(count_of_pins).unwrap_or(i64::MAX)));
}

const PINS: &str = "ext-pins";
const CHANGES: [&str; 3] = ["ext-reservations-added", "ext-reservations-updated", "ext-reservations-removed"];
const RESERVATIONS: &str = "ext-store-reservations";
const COMMITS: &str = "ext-store-commits";
const ERRORS: &str = "ext-store-errors";

fn name_of(result: ResultCode) -> &'static str {
    match result {
        ResultCode::Success => "ext-commands-success",
        ResultCode::Error => "ext-commands-error",
        ResultCode::Empty => "ext-commands-empty",
    }
}

fn all() -> impl Iterator<Item = &'static str> {
    let results = [ResultCode::Success, ResultCode::Error, ResultCode::Empty];
    results.map(name_of).into_iter().chain(CHANGES).chain([PINS, RESERVATIONS, COMMITS, ERRORS])
}

/// Numbers that cannot be told are no reason to refuse anything.
fn report(outcome: Result<(), KeaError>) {
    if let Err(error) = outcome {
        server::log(Message::InternalError, &format!("a statistic could not be set: {error}"));
    }
}
