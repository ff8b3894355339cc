//! What differs between SQL servers, and what they have in common: they do not want to be root.

use std::fmt::Debug;
use std::fs;
use std::os::unix::fs::{MetadataExt, chown};
use std::path::Path;
use std::process::Command;

use anyhow::{Context, Result};
use serde_json::Value;

use crate::process::Process;
use crate::workdir::Workdir;

/// The user that owns nothing, by the number that Debian and others give to it: `nobody`.
const NOBODY: u32 = 65534;

/// The user in the database, and the password.
pub(super) const USER: &str = "kea";

/// A kind of server, and where its programs are. `dir` is the folder of one server.
pub(super) trait Engine: Debug + Send + Sync {
    /// Makes the data directory.
    fn initialise(&self, dir: &Path) -> Command;

    /// The server itself, in the foreground.
    fn serve(&self, dir: &Path) -> Command;

    /// What the server says when it takes connections.
    fn ready(&self) -> &'static str;

    /// The client, which runs `sql` in `database`.
    fn client(&self, dir: &Path, database: &str, sql: &str) -> Command;

    /// What has to be done once, when the server is up.
    fn prepare(&self, dir: &Workdir, schema: &Path) -> Result<()>;

    /// Makes a database.
    fn create(&self, dir: &Workdir, name: &str, schema: &Path) -> Result<()>;

    /// Where the server is, for Kea's configuration.
    fn entry(&self, dir: &Path) -> Value;

    /// Where the server is, for Kea's environment.
    fn environment(&self, dir: &Path) -> Option<(String, String)>;

    /// Ends the server at once, without any hope for its data.
    fn stop(&self, process: &mut Process) -> Result<()>;
}

fn is_root() -> Result<bool> {
    Ok(fs::metadata("/proc/self")?.uid() == 0)
}

/// Gives a folder to the user that [`as_unprivileged`] runs commands as.
pub(super) fn hand_over(dir: &Path) -> Result<()> {
    if is_root()? {
        chown(dir, Some(NOBODY), Some(NOBODY))
            .with_context(|| format!("cannot hand over {}", dir.display()))?;
    }
    Ok(())
}

/// The command as it runs as somebody else than root: `PostgreSQL` insists, and `MariaDB` wants to be asked.
pub(super) fn as_unprivileged(command: &Command) -> Command {
    // Without /proc nothing works here.
    let mut wrapped = if is_root().unwrap_or(true) {
        let id = NOBODY.to_string();
        // With its own shared memory, which the kernel frees; a killed PostgreSQL leaves it behind.
        let mut wrapped = Command::new("unshare");
        wrapped.args(["--ipc", "--", "setpriv", "--reuid", &id, "--regid", &id, "--clear-groups"]);
        // Once more: the kernel forgets it when the user changes.
        wrapped.args(["--pdeathsig", "KILL", "--"]).arg(command.get_program()).current_dir("/");
        wrapped
    } else {
        Command::new(command.get_program())
    };
    wrapped.args(command.get_args());
    wrapped.envs(command.get_envs().filter_map(|(name, value)| Some((name, value?))));
    wrapped
}
