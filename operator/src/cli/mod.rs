//! The command line.

mod doctor;
mod explain;
mod export;
mod import;
mod orphans;
mod output;
mod plan;
mod plugin;
mod probe;
mod rules;
mod run;
mod servers;
mod source;
mod stage;
mod store;
mod subnets;

use std::env;
use std::process::ExitCode;

use clap::{CommandFactory, FromArgMatches, Parser, Subcommand};
use clap_complete::Shell;

use crate::{crd, dotenv};
use plugin::Name;

/// Turns NetworkConfiguration objects into DHCP reservations in ISC Kea.
#[derive(Parser, Debug)]
#[command(name = "kea-operator", version, about, max_term_width = 110, arg_required_else_help = true)]
pub struct Cli {
    #[command(subcommand)]
    command: Command,
}

#[derive(Subcommand, Debug)]
enum Command {
    /// Serve the objects of a cluster, or of a folder, until stopped by SIGTERM or SIGINT
    Run(Box<run::RunArgs>),
    /// Look for what keeps the operator from its work, in Kea's settings above all
    #[command(after_long_help = doctor::HELP)]
    Doctor(Box<doctor::DoctorArgs>),
    /// Print the commands that would be sent to Kea now
    #[command(after_long_help = plan::PLAN_HELP)]
    Plan(Box<plan::PlanArgs>),
    /// Print what would become of reservations now
    #[command(after_long_help = plan::DIFF_HELP)]
    Diff(Box<plan::PlanArgs>),
    /// Tell all about one object, device or address
    #[command(after_long_help = explain::HELP)]
    Explain(Box<explain::ExplainArgs>),
    /// List reservations of the operator that no object wishes for, or remove them
    #[command(after_long_help = orphans::ORPHANS_HELP)]
    Orphans(Box<orphans::OrphansArgs>),
    /// List reservations made by hand that are just as objects wish, or take them over
    #[command(after_long_help = orphans::ADOPT_HELP)]
    Adopt(Box<orphans::AdoptArgs>),
    /// Ask a running operator whether it works, as the probes of a pod do
    #[command(after_long_help = probe::HELP)]
    Probe(probe::ProbeArgs),
    /// Print the CustomResourceDefinitions, for kubectl apply -f -
    Crd,
    /// Write what a store of the hook holds into a file; the server that uses it may run
    #[command(after_long_help = export::EXAMPLES)]
    Export(export::ExportArgs),
    /// Put reservations of files into a store of the hook, while no server uses it
    #[command(after_long_help = import::EXAMPLES)]
    Import(import::ImportArgs),
    /// Print a completion script for a shell
    Completion {
        /// The shell
        shell: Shell,
    },
}

/// Does what the command line says, with the environment and `.env` files, and tells how it went.
pub fn main() -> ExitCode {
    let name = Name::of(env::args_os().next().as_deref());
    let command = name.apply(Cli::command());
    if name == Name::Completer {
        let words: Vec<String> = env::args().skip(1).collect();
        let completed = output::print(&plugin::complete(&command, &words));
        return conclude(name, completed.map(|()| ExitCode::SUCCESS));
    }
    let files = dotenv::Files::find();
    for warning in &files.warnings {
        eprintln!("{}: {warning}", name.words());
    }
    let mut command = files.supply(command);
    let matches = command.get_matches_mut();
    let cli = Cli::from_arg_matches(&matches).unwrap_or_else(|error| error.format(&mut command).exit());
    conclude(name, cli.execute(name))
}

fn conclude(name: Name, outcome: anyhow::Result<ExitCode>) -> ExitCode {
    outcome.unwrap_or_else(|error| {
        eprintln!("{}: {error:#}", name.words());
        ExitCode::FAILURE
    })
}

impl Cli {
    /// The whole command line, as it is described.
    pub fn command_line() -> clap::Command {
        Self::command()
    }

    fn execute(self, name: Name) -> anyhow::Result<ExitCode> {
        match self.command {
            Command::Doctor(args) => return doctor::doctor(&args),
            Command::Diff(args) => return plan::diff(&args),
            Command::Plan(args) => return plan::plan(&args),
            Command::Run(args) => run::run(&args),
            Command::Explain(args) => explain::explain(&args),
            Command::Orphans(args) => orphans::orphans(&args),
            Command::Adopt(args) => orphans::adopt(&args),
            Command::Probe(args) => probe::probe(&args),
            Command::Crd => output::print(&definitions()?),
            Command::Export(args) => export::export(&args),
            Command::Import(args) => import::import(&args),
            Command::Completion { shell } => completion(shell, name),
        }?;
        Ok(ExitCode::SUCCESS)
    }
}

/// A script for the shell. That of a plugin is for those who type its own name: behind `kubectl`, kubectl completes.
fn completion(shell: Shell, name: Name) -> anyhow::Result<()> {
    let program = if name == Name::Own { "kea-operator" } else { "kubectl-kea" };
    let mut script = Vec::new();
    clap_complete::generate(shell, &mut Cli::command(), program, &mut script);
    output::print(&String::from_utf8(script)?)
}

fn definitions() -> anyhow::Result<String> {
    let documents: Result<Vec<String>, _> =
        crd::definitions().iter().map(|(_, definition)| crd::definition_yaml(definition)).collect();
    Ok(documents?.concat())
}

/// Whether the environment has a variable, with something in it.
fn is_set(variable: &str) -> bool {
    std::env::var_os(variable).is_some_and(|value| !value.is_empty())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_command_line_is_well_formed() {
        Cli::command().debug_assert();
    }
}
