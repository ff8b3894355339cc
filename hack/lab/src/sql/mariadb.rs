//! `MariaDB`.

use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context, Result};
use serde_json::{Value, json};

use super::engine::{Engine, USER};
use crate::places::parts;
use crate::process::{Process, run};
use crate::workdir::Workdir;

/// Small files, few of them.
const STORAGE: [&str; 5] = [
    "--innodb-log-file-size=8M",
    "--innodb-flush-method=nosync",
    "--innodb-flush-log-at-trx-commit=0",
    "--innodb-doublewrite=0",
    "--innodb-file-per-table=0",
];
/// Every change of a table waits for the disk several times, and no option stops that: on a busy one, Kea's
/// schema would take a quarter of a minute. Where this library is not there, it does.
const WITHOUT_SYNC: (&str, &str) = ("LD_PRELOAD", "libeatmydata.so");

#[derive(Debug)]
pub(super) struct MariaDb {
    /// The folder with `sbin`, `bin` and `share`.
    usr: PathBuf,
}

impl MariaDb {
    pub(super) fn find() -> Result<Self> {
        let usr = parts()
            .into_iter()
            .map(|root| root.join("usr"))
            .find(|usr| usr.join("sbin/mariadbd").exists())
            .context("there is no MariaDB server here (usr/sbin/mariadbd): run 'hack/deps sql'")?;
        Ok(Self { usr })
    }

    fn with_places(&self, program: &str, dir: &Path) -> Command {
        let mut command = Command::new(self.usr.join(program));
        // What the system's server is told is not for this one.
        command
            .arg("--no-defaults")
            .arg(option("basedir", &self.usr))
            .arg(option("datadir", &dir.join("data")));
        command.args(STORAGE).env(WITHOUT_SYNC.0, WITHOUT_SYNC.1).env("TMPDIR", dir);
        command
    }

    fn administrate(&self, dir: &Workdir, sql: &str) -> Result<()> {
        run(&self.client_as("root", dir.path(), "mysql", sql)).map(drop)
    }

    fn client_as(&self, user: &str, dir: &Path, database: &str, sql: &str) -> Command {
        let mut client = Command::new(self.usr.join("bin/mariadb"));
        client.arg("--no-defaults").arg(option("socket", &socket(dir)));
        client.args(["--batch", "--skip-column-names", "--user", user]);
        if user == USER {
            client.arg(format!("--password={USER}"));
        }
        client.args(["--database", database, "--execute", sql]);
        client
    }
}

impl Engine for MariaDb {
    fn initialise(&self, dir: &Path) -> Command {
        let mut command = self.with_places("bin/mariadb-install-db", dir);
        command.args(["--auth-root-authentication-method=normal", "--skip-test-db", "--skip-name-resolve"]);
        command
    }

    fn serve(&self, dir: &Path) -> Command {
        let mut command = self.with_places("sbin/mariadbd", dir);
        command.arg(option("socket", &socket(dir))).arg(option("pid-file", &dir.join("mariadb.pid")));
        command.args(["--skip-networking", "--max-connections=200"]);
        command
    }

    fn ready(&self) -> &'static str {
        "ready for connections"
    }

    fn client(&self, dir: &Path, database: &str, sql: &str) -> Command {
        self.client_as(USER, dir, database, sql)
    }

    fn prepare(&self, dir: &Workdir, _schema: &Path) -> Result<()> {
        self.administrate(
            dir,
            &format!(
                "CREATE USER {USER}@localhost IDENTIFIED BY '{USER}'; GRANT ALL ON *.* TO {USER}@localhost"
            ),
        )
    }

    fn create(&self, dir: &Workdir, name: &str, schema: &Path) -> Result<()> {
        self.administrate(dir, &format!("CREATE DATABASE {name}"))?;
        // There is nothing like a template; as Kea's user, who then owns the functions.
        run(&self.client(dir.path(), name, &format!("source {}", schema.display()))).map(drop)
    }

    fn entry(&self, _dir: &Path) -> Value {
        // This name stands for the socket.
        json!({ "host": "localhost", "user": USER, "password": USER })
    }

    fn environment(&self, dir: &Path) -> Option<(String, String)> {
        Some(("MYSQL_UNIX_PORT".to_owned(), socket(dir).to_string_lossy().into_owned()))
    }

    fn stop(&self, process: &mut Process) -> Result<()> {
        process.kill().map(drop)
    }
}

fn socket(dir: &Path) -> PathBuf {
    dir.join("mariadb.sock")
}

fn option(name: &str, path: &Path) -> String {
    format!("--{name}={}", path.display())
}
