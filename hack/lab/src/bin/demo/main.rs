//! `make demo`: from a device's lease to a durable reservation, on real parts, with a timeline as it happens.
//!
//! The exit code is 0 only if every step was seen.

mod story;
mod timeline;

use std::path::PathBuf;
use std::process::ExitCode;

use clap::Parser;

use crate::story::Parts;
use crate::timeline::Timeline;

/// Shows the main job on a network of its own: real Kea, real DHCP clients, the hook and the operator. Needs
/// root for network namespaces; nothing outside of them is touched, and nothing stays.
#[derive(Debug, Parser)]
#[command(name = "demo")]
struct Arguments {
    /// The hook library; by default the one built beside this program
    #[arg(long, env = "KEA_HOOK")]
    hook: Option<PathBuf>,
    /// The operator; by default the one built beside this program
    #[arg(long, env = "KEA_OPERATOR_BIN")]
    operator: Option<PathBuf>,
}

fn main() -> ExitCode {
    let arguments = Arguments::parse();
    let mut timeline = Timeline::new();
    // A handler that cannot be set leaves the default: an abrupt end, after which the kernel cleans up.
    let _ = ctrlc::set_handler(kea_lab::interrupt);

    let outcome =
        Parts::find(arguments.hook, arguments.operator).and_then(|parts| story::tell(&parts, &mut timeline));
    match outcome {
        Ok(()) => {
            timeline.success();
            ExitCode::SUCCESS
        }
        Err(error) => {
            timeline.failure(&error);
            if kea_lab::is_interrupted() { ExitCode::from(130) } else { ExitCode::FAILURE }
        }
    }
}
