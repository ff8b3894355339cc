//! The operator's executable.

use std::process::ExitCode;

use kea_operator::cli::Cli;

fn main() -> ExitCode {
    let cli = Cli::of_this_process();
    // One TLS implementation for the cluster and for Kea; that it is set already would be as good.
    let _ = rustls::crypto::ring::default_provider().install_default();
    match cli.execute() {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("kea-operator: {error:#}");
            ExitCode::FAILURE
        }
    }
}
