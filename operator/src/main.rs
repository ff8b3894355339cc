//! The operator's executable.

use std::process::ExitCode;

use clap::Parser;
use kea_operator::cli::Cli;

fn main() -> ExitCode {
    let cli = Cli::parse();
    // One TLS implementation for the cluster and for Kea; that it is set already would be as good.
    let _ = rustls::crypto::ring::default_provider().install_default();
    match cli.execute() {
        Ok(code) => code,
        Err(error) => {
            eprintln!("kea-operator: {error:#}");
            ExitCode::FAILURE
        }
    }
}
