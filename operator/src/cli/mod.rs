//! The command line.

mod export;
mod import;
mod rules;
mod run;
mod store;

use std::io::{self, Write};

use clap::{CommandFactory, FromArgMatches, Parser, Subcommand};
use clap_complete::Shell;

use crate::{crd, dotenv};

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

impl Cli {
    /// Reads the command line, the environment, and `.env` files. Where they are wrong, says so and ends the process.
    pub fn of_this_process() -> Self {
        let files = dotenv::Files::find();
        for warning in &files.warnings {
            eprintln!("kea-operator: {warning}");
        }
        let mut command = files.supply(Self::command());
        let matches = command.get_matches_mut();
        Self::from_arg_matches(&matches).unwrap_or_else(|error| error.format(&mut command).exit())
    }

    /// The whole command line, as it is described.
    pub fn command_line() -> clap::Command {
        Self::command()
    }

    /// Does what the command line says.
    pub fn execute(self) -> anyhow::Result<()> {
        match self.command {
            Command::Run(args) => run::run(&args),
            Command::Crd => print(definitions()?.as_bytes()),
            Command::Export(args) => export::export(&args),
            Command::Import(args) => import::import(&args),
            Command::Completion { shell } => {
                let mut script = Vec::new();
                clap_complete::generate(shell, &mut Self::command(), "kea-operator", &mut script);
                print(&script)
            }
        }
    }
}

fn definitions() -> anyhow::Result<String> {
    let documents: Result<Vec<String>, _> =
        crd::definitions().iter().map(|(_, definition)| crd::definition_yaml(definition)).collect();
    Ok(documents?.concat())
}

fn print(text: &[u8]) -> anyhow::Result<()> {
    let mut stdout = io::stdout().lock();
    match stdout.write_all(text).and_then(|()| stdout.flush()) {
        // The reader has seen enough.
        Err(error) if error.kind() == io::ErrorKind::BrokenPipe => Ok(()),
        outcome => Ok(outcome?),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_command_line_is_well_formed() {
        Cli::command().debug_assert();
    }
}
