//! Kea's daemons that serve no DHCP, and what becomes of them with a hook that is not for them.

use std::fs;
use std::process::Command;
use std::time::Duration;

use anyhow::{Result, ensure};
use serde_json::{Value, json};

use crate::config::Files;
use crate::family::Family;
use crate::places::{KeaInstallation, hook_path};
use crate::process::Process;
use crate::workdir::Workdir;

const START: Duration = Duration::from_mins(1);

/// Starts a daemon whose configuration, the content of `section`, also has the hook under test; waits until the
/// daemon has given up, and returns its log.
///
/// # Errors
/// When it does not give up, does so without an error, or crashes.
pub fn start_failure_of(daemon: &str, section: &str, mut config: Value) -> Result<String> {
    let dir = Workdir::new(daemon)?;
    let files = Files::new(dir.path(), daemon, Family::default());
    config["hooks-libraries"] = json!([{ "library": files.link_hook(&hook_path()?)? }]);
    config["loggers"] = json!([{
        "name": daemon,
        "severity": "INFO",
        "output_options": [{ "output": "stdout", "flush": true }],
    }]);
    fs::write(&files.config, json!({ section: config }).to_string())?;

    let mut command = Command::new(KeaInstallation::find()?.daemon(daemon));
    command.arg("-c").arg(&files.config).envs(files.environment());
    let mut process = Process::spawn(daemon, &command, &files.log)?;
    let status = process.wait(START)?;
    ensure!(
        status.code().is_some_and(|code| code != 0),
        "{daemon} did not end with an error but with {status}:\n{}",
        process.tail()
    );
    Ok(process.log())
}
