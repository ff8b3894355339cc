//! The operator's executable.

use std::process::ExitCode;

fn main() -> ExitCode {
    // One TLS implementation for the cluster and for Kea; that it is set already would be as good.
    let _ = rustls::crypto::ring::default_provider().install_default();
    kea_operator::cli::main()
}
