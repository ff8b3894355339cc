//! Real SQL servers for Kea: PostgreSQL and MariaDB, with Kea's schema.
//!
//! A server is reached through a unix socket in its folder alone, from whatever network namespace Kea is in, and,
//! unless it is to be measured, writes nothing to disk before it must: what it holds ends with the test.

mod engine;
mod mariadb;
mod postgresql;

use std::fmt;
use std::process::Command;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, PoisonError, Weak};
use std::time::Duration;

use anyhow::{Context, Result, anyhow};
use serde_json::Value;

use crate::places::KeaInstallation;
use crate::process::{Process, run};
use crate::wait::try_wait_for;
use crate::workdir::Workdir;
use engine::Engine;

/// How long a server gets to come up.
const START: Duration = Duration::from_mins(1);

/// The SQL servers that Kea knows.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum SqlKind {
    /// PostgreSQL, `"type": "postgresql"`.
    PostgreSql,
    /// MariaDB, `"type": "mysql"`.
    MariaDb,
}

impl SqlKind {
    /// Both.
    pub const ALL: [Self; 2] = [Self::PostgreSql, Self::MariaDb];

    /// What Kea calls it: the `type` of a database.
    pub fn kea_type(self) -> &'static str {
        match self {
            Self::PostgreSql => "postgresql",
            Self::MariaDb => "mysql",
        }
    }

    /// The hook that Kea 3.0 has for it. Before, it was a part of every server.
    pub fn hook(self) -> &'static str {
        match self {
            Self::PostgreSql => "libdhcp_pgsql.so",
            Self::MariaDb => "libdhcp_mysql.so",
        }
    }
}

impl fmt::Display for SqlKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::PostgreSql => "PostgreSQL",
            Self::MariaDb => "MariaDB",
        })
    }
}

/// A running SQL server, gone with the last that uses it.
#[derive(Debug)]
pub struct SqlServer {
    // Before the folder that it uses: fields are dropped in this order.
    process: Process,
    kind: SqlKind,
    engine: Box<dyn Engine>,
    databases: AtomicUsize,
    dir: Workdir,
}

impl SqlServer {
    /// The server that the tests of this program share; started when it is first asked for.
    ///
    /// # Errors
    /// When there is no such server here: with the command that provides it.
    pub fn shared(kind: SqlKind) -> Result<Arc<Self>> {
        static SERVERS: Mutex<[Weak<SqlServer>; SqlKind::ALL.len()]> = Mutex::new([const { Weak::new() }; 2]);
        // A test that could not start one leaves nothing half done.
        let mut servers = SERVERS.lock().unwrap_or_else(PoisonError::into_inner);
        let slot = &mut servers[kind as usize];
        if let Some(server) = slot.upgrade() {
            return Ok(server);
        }
        let server = Arc::new(Self::start(kind)?);
        *slot = Arc::downgrade(&server);
        Ok(server)
    }

    /// A server of its own, for what would disturb others.
    pub fn start(kind: SqlKind) -> Result<Self> {
        let dir = Workdir::new("sql")?;
        let engine: Box<dyn Engine> = match kind {
            SqlKind::PostgreSql => Box::new(postgresql::PostgreSql::find(&dir)?),
            SqlKind::MariaDb => Box::new(mariadb::MariaDb::find()?),
        };
        Self::start_engine(kind, engine, dir)
    }

    /// A PostgreSQL server as it is by default: what it has acknowledged is on disk. To be measured.
    pub fn durable_postgresql() -> Result<Self> {
        let dir = Workdir::new("sql")?;
        let engine = postgresql::PostgreSql::find(&dir)?.durable();
        Self::start_engine(SqlKind::PostgreSql, Box::new(engine), dir)
    }

    fn start_engine(kind: SqlKind, engine: Box<dyn Engine>, dir: Workdir) -> Result<Self> {
        engine::hand_over(dir.path())?;
        run(&engine::as_unprivileged(&engine.initialise(dir.path())))
            .with_context(|| format!("cannot make a data directory for {kind}"))?;

        let mut process = Process::spawn(
            kind.to_string(),
            &engine::as_unprivileged(&engine.serve(dir.path())),
            dir.join("server.log"),
        )?;
        try_wait_for(format!("{kind} to take connections"), START, || {
            process.expect_running()?;
            Ok(process.log().contains(engine.ready()).then_some(()))
        })
        .map_err(|e| anyhow!("{e:#}\n{}", process.tail()))?;

        let server = Self { process, kind, engine, databases: AtomicUsize::new(0), dir };
        server.engine.prepare(&server.dir, &schema(kind)?)?;
        Ok(server)
    }

    /// Which server it is.
    pub fn kind(&self) -> SqlKind {
        self.kind
    }

    /// The server's process, to freeze or to kill it.
    pub fn process(&self) -> &Process {
        &self.process
    }

    /// Makes a new database with Kea's schema and nothing in it.
    pub fn database(self: &Arc<Self>) -> Result<Database> {
        let name = format!("kea{}", self.databases.fetch_add(1, Ordering::Relaxed));
        self.engine
            .create(&self.dir, &name, &schema(self.kind)?)
            .with_context(|| format!("cannot make a database in {}", self.kind))?;
        Ok(Database { name, server: Arc::clone(self) })
    }
}

impl Drop for SqlServer {
    fn drop(&mut self) {
        // Fails only when the process is gone already, which is what is wanted.
        let _ = self.engine.stop(&mut self.process);
    }
}

/// Kea's own script that makes its tables.
fn schema(kind: SqlKind) -> Result<std::path::PathBuf> {
    let installation = KeaInstallation::find()?;
    installation.script(match kind {
        SqlKind::PostgreSql => "pgsql/dhcpdb_create.pgsql",
        SqlKind::MariaDb => "mysql/dhcpdb_create.mysql",
    })
}

/// A database with Kea's schema.
#[derive(Clone, Debug)]
pub struct Database {
    name: String,
    server: Arc<SqlServer>,
}

impl Database {
    /// A new database of the server that the tests of this program share.
    pub fn new(kind: SqlKind) -> Result<Self> {
        SqlServer::shared(kind)?.database()
    }

    /// The server that it is in.
    pub fn server(&self) -> &SqlServer {
        &self.server
    }

    /// What describes it in a configuration: an element of `hosts-databases`. Kea needs
    /// [`Database::environment`] too.
    pub fn entry(&self) -> Value {
        let mut entry = self.server.engine.entry(self.server.dir.path());
        entry["type"] = self.server.kind.kea_type().into();
        entry["name"] = self.name.as_str().into();
        entry
    }

    /// What a process has to have in its environment to find the server.
    pub fn environment(&self) -> Option<(String, String)> {
        self.server.engine.environment(self.server.dir.path())
    }

    /// Runs statements of SQL; the rows of the answer, one a line, with tabs between the columns.
    pub fn query(&self, sql: &str) -> Result<String> {
        let client: Command = self.server.engine.client(self.server.dir.path(), &self.name, sql);
        run(&client).with_context(|| format!("{}: {sql}", self.server.kind))
    }
}
