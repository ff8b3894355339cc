//! `make bench`: how fast the hook is, line by line, as ratios to a peer that is measured in the same run: Kea's own
//! hook, or its configuration. The ratio of two figures says more than each of them, which is of this machine.
//!
//! The table goes to standard output, what is going on to standard error. The exit code is 0 when every line was
//! measured or skipped, whether it reaches its goal or not.

mod bench;
mod clients;
mod cluster;
mod driver;
mod figures;
mod lines;
mod objects;
mod report;
mod served;
mod servers;

use std::fs;
use std::path::PathBuf;
use std::process::ExitCode;

use anyhow::{Context, Result};
use clap::Parser;

use crate::bench::Bench;
use crate::lines::{LINES, Line};
use crate::report::Row;

/// Measures the hook against Kea 3.0's own. Needs root for network namespaces; nothing outside of them is touched,
/// and nothing stays.
#[derive(Debug, Parser)]
#[command(name = "bench", after_help = lines::listed())]
struct Arguments {
    /// The lines to measure; without any, all of them
    #[arg(value_parser = lines::named)]
    lines: Vec<&'static Line>,
    /// How often each side of a line is measured; the median counts
    #[arg(long, default_value_t = 5, value_parser = clap::value_parser!(u8).range(1..))]
    runs: u8,
    /// The hook library; by default the one built beside this program
    #[arg(long, env = "KEA_HOOK")]
    hook: Option<PathBuf>,
    /// The operator; by default the one built beside this program
    #[arg(long, env = "KEA_OPERATOR_BIN")]
    operator: Option<PathBuf>,
    /// Where to write the table as JSON too
    #[arg(long)]
    report: Option<PathBuf>,
}

fn main() -> ExitCode {
    let arguments = Arguments::parse();
    // That it is set already would be as good.
    let _ = rustls::crypto::ring::default_provider().install_default();
    // A handler that cannot be set leaves the default: an abrupt end, after which the kernel cleans up.
    let _ = ctrlc::set_handler(kea_lab::interrupt);
    match run(&arguments) {
        Ok(true) => ExitCode::SUCCESS,
        Ok(false) => ExitCode::FAILURE,
        Err(error) => {
            eprintln!("bench: {error:#}");
            ExitCode::FAILURE
        }
    }
}

/// Whether all lines could be measured, or skipped.
fn run(arguments: &Arguments) -> Result<bool> {
    let hook = arguments.hook.clone().map_or_else(kea_lab::hook_path, Ok)?;
    let bench = Bench::new(hook, arguments.operator.clone(), arguments.runs.into());
    let selected: Vec<&Line> =
        if arguments.lines.is_empty() { LINES.iter().collect() } else { arguments.lines.clone() };

    let mut rows = Vec::new();
    let mut complete = true;
    for line in selected {
        bench.tell(format_args!("{}: {}", line.name, line.what));
        let measured = (line.measure)(&bench);
        if let Err(error) = &measured {
            complete = false;
            bench.tell(format_args!("{} could not be measured: {error:#}", line.name));
        }
        rows.push(Row::new(line.name, line.unit, line.goal, measured.as_ref().ok()));
        // After each line, so that an end before the last one leaves what there is.
        if let Some(path) = &arguments.report {
            let json = serde_json::to_string_pretty(&rows)?;
            fs::write(path, json + "\n").with_context(|| format!("cannot write {}", path.display()))?;
        }
        if kea_lab::is_interrupted() {
            break;
        }
    }
    print!("{}", report::table(&rows));
    Ok(complete)
}
