//! `PostgreSQL`.

use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Duration;

use anyhow::{Context, Result};
use rustix::process::Signal;
use serde_json::{Value, json};

use super::engine::{Engine, USER};
use crate::places::parts;
use crate::process::{Process, run};
use crate::workdir::Workdir;

/// The database that those of Kea are copies of.
const TEMPLATE: &str = "kea_template";
/// How long it gets to end its children.
const GRACE: Duration = Duration::from_secs(20);

#[derive(Debug)]
pub(super) struct PostgreSql {
    bin: PathBuf,
    durable: bool,
}

/// What spares it the disk.
const WITHOUT_SYNC: [&str; 4] = ["fsync=off", "full_page_writes=off", "synchronous_commit=off", "jit=off"];
const ALWAYS: [&str; 2] = [
    "max_connections=200",
    // Outside of the folder, a killed server would leave it behind.
    "dynamic_shared_memory_type=mmap",
];

impl PostgreSql {
    /// The newest of the first place that has any.
    pub(super) fn find(dir: &Workdir) -> Result<Self> {
        let (root, version) = parts()
            .into_iter()
            .find_map(|root| Some((newest_below(&root)?, root)))
            .map(|(version, root)| (root, version))
            .context(
                "there is no PostgreSQL server here (usr/lib/postgresql/*/bin/postgres): run 'hack/deps sql'",
            )?;
        let root = if others_may_enter(&root)? { root } else { copy(&root, &version, dir)? };
        Ok(Self { bin: root.join(bin(&version)), durable: false })
    }

    /// The same with its own defaults of durability.
    pub(super) fn durable(self) -> Self {
        Self { durable: true, ..self }
    }

    fn client_for(&self, dir: &Path, database: &str) -> Command {
        let mut client = Command::new(self.bin.join("psql"));
        client.args(["--no-psqlrc", "--quiet", "--tuples-only", "--no-align", "--field-separator", "\t"]);
        client.args(["--set", "ON_ERROR_STOP=1", "--username", USER, "--dbname", database]);
        client.arg("--host").arg(dir);
        client
    }

    fn administrate(&self, dir: &Workdir, sql: &str) -> Result<()> {
        run(&self.client(dir.path(), "postgres", sql)).map(drop)
    }
}

impl Engine for PostgreSql {
    fn initialise(&self, dir: &Path) -> Command {
        let mut command = Command::new(self.bin.join("initdb"));
        command.arg("--pgdata").arg(dir.join("data"));
        command.args([
            "--username",
            USER,
            "--auth",
            "trust",
            "--no-locale",
            "--encoding",
            "UTF8",
            "--no-sync",
        ]);
        command
    }

    fn serve(&self, dir: &Path) -> Command {
        let mut command = Command::new(self.bin.join("postgres"));
        command.arg("-D").arg(dir.join("data")).arg("-k").arg(dir).args(["-h", ""]);
        let spared = if self.durable { [].as_slice() } else { WITHOUT_SYNC.as_slice() };
        for setting in spared.iter().chain(&ALWAYS) {
            command.args(["-c", setting]);
        }
        command
    }

    fn ready(&self) -> &'static str {
        "database system is ready to accept connections"
    }

    fn client(&self, dir: &Path, database: &str, sql: &str) -> Command {
        let mut client = self.client_for(dir, database);
        client.args(["--command", sql]);
        client
    }

    fn prepare(&self, dir: &Workdir, schema: &Path) -> Result<()> {
        self.administrate(dir, &format!("CREATE DATABASE {TEMPLATE}"))?;
        run(self.client_for(dir.path(), TEMPLATE).arg("--file").arg(schema)).map(drop)
    }

    fn create(&self, dir: &Workdir, name: &str, _schema: &Path) -> Result<()> {
        self.administrate(dir, &format!("CREATE DATABASE {name} TEMPLATE {TEMPLATE}"))
    }

    fn entry(&self, dir: &Path) -> Value {
        json!({ "host": dir, "user": USER, "password": USER })
    }

    fn environment(&self, _dir: &Path) -> Option<(String, String)> {
        None
    }

    fn stop(&self, process: &mut Process) -> Result<()> {
        // With its children, which would otherwise still write into the folder while it is removed.
        process.signal(Signal::QUIT)?;
        process.wait(GRACE).map(drop)
    }
}

fn bin(version: &str) -> PathBuf {
    Path::new("usr/lib/postgresql").join(version).join("bin")
}

/// The greatest version that has a server below `root`.
fn newest_below(root: &Path) -> Option<String> {
    let entries = fs::read_dir(root.join("usr/lib/postgresql")).ok()?;
    let versions = entries.flatten().filter_map(|entry| entry.file_name().into_string().ok());
    versions
        .filter(|version| root.join(bin(version)).join("postgres").exists())
        .max_by_key(|version| version.parse::<u32>().unwrap_or_default())
}

/// Whether a path leads through folders that everybody may pass: a home is none.
fn others_may_enter(path: &Path) -> Result<bool> {
    for folder in path.canonicalize()?.ancestors() {
        if fs::metadata(folder)?.permissions().mode() & 0o001 == 0 {
            return Ok(false);
        }
    }
    Ok(true)
}

/// Copies a server to where the user that it runs as can reach it; it finds its files by where it is.
fn copy(root: &Path, version: &str, dir: &Workdir) -> Result<PathBuf> {
    let target = dir.join("programs");
    for folder in ["usr/lib/postgresql", "usr/share/postgresql"] {
        fs::create_dir_all(target.join(folder))?;
        let source = root.join(folder).join(version);
        run(Command::new("cp")
            .args(["--recursive", "--reflink=auto", "--"])
            .arg(source)
            .arg(target.join(folder)))?;
    }
    Ok(target)
}
