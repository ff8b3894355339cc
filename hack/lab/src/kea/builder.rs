//! What a server is given before it starts.

use std::net::SocketAddrV4;
use std::path::Path;
use std::sync::Arc;

use anyhow::{Result, ensure};
use serde_json::{Value, json};

use super::{Kea, START};
use crate::config::Files;
use crate::control::ControlSocket;
use crate::family::Family;
use crate::http::free_address;
use crate::lab::SERVER_INTERFACE;
use crate::namespace::Namespace;
use crate::places::{KeaInstallation, hook_path};
use crate::sql::Database;
use crate::wait::try_wait_for;
use crate::workdir::Workdir;

/// A server to be: what it is given is completed by what every server in a lab needs.
#[derive(Debug)]
pub struct KeaBuilder {
    dir: Arc<Workdir>,
    namespace: Option<Arc<Namespace>>,
    installation: KeaInstallation,
    family: Family,
    name: String,
    config: Value,
    hooks: Vec<Value>,
    hosts_databases: Vec<Database>,
    http: Option<SocketAddrV4>,
    environment: Vec<(String, String)>,
    wrapper: Vec<String>,
}

impl KeaBuilder {
    pub(super) fn new(dir: Arc<Workdir>, namespace: Option<Arc<Namespace>>) -> Result<Self> {
        Ok(Self {
            dir,
            namespace,
            installation: KeaInstallation::find()?,
            family: Family::default(),
            name: "kea".to_owned(),
            config: json!({}),
            hooks: Vec::new(),
            hosts_databases: Vec::new(),
            http: None,
            environment: Vec::new(),
            wrapper: Vec::new(),
        })
    }

    /// The folder for everything the server writes.
    pub fn dir(&self) -> &Path {
        self.dir.path()
    }

    /// The name, for files and messages; a lab with several servers needs one for each.
    #[must_use]
    pub fn name(mut self, name: &str) -> Self {
        format!("kea-{name}").clone_into(&mut self.name);
        self
    }

    /// The DHCP that the server speaks: DHCPv4 unless said otherwise.
    #[must_use]
    pub fn family(mut self, family: Family) -> Self {
        self.family = family;
        self
    }

    /// Makes it a kea-dhcp6.
    #[must_use]
    pub fn dhcp6(self) -> Self {
        self.family(Family::V6)
    }

    /// The content of `Dhcp4` or `Dhcp6`. Whatever it says stays as it is; what it lacks is filled in: control
    /// socket, lease file, interfaces, logging, timers, and the identifier of a DHCPv6 server.
    #[must_use]
    pub fn config(mut self, dhcp: Value) -> Self {
        self.config = dhcp;
        self
    }

    /// Loads a hook library, with its `parameters` unless they are `null`.
    pub fn hook(mut self, library: &Path, parameters: Value) -> Result<Self> {
        let files = Files::new(self.dir.path(), &self.name, self.family);
        let mut hook = json!({ "library": files.link_hook(library)? });
        if !parameters.is_null() {
            hook["parameters"] = parameters;
        }
        self.hooks.push(hook);
        Ok(self)
    }

    /// Loads a hook that comes with Kea, by its file name (`libdhcp_flex_id.so`), with its `parameters` unless
    /// they are `null`.
    ///
    /// # Errors
    /// When this Kea has no such hook.
    pub fn stock_hook(self, file: &str, parameters: Value) -> Result<Self> {
        let library = self.installation.hook(file);
        self.hook(&library, parameters)
    }

    /// Loads Kea's own hook for commands about leases.
    pub fn lease_cmds(self) -> Result<Self> {
        self.stock_hook("libdhcp_lease_cmds.so", Value::Null)
    }

    /// Gives it a host database, after those of its configuration; on Kea 3.0 with the hook that this needs.
    pub fn hosts_database(mut self, database: &Database) -> Result<Self> {
        let hook = database.server().kind().hook();
        if self.installation.hook(hook).exists() {
            self = self.stock_hook(hook, Value::Null)?;
            // Before the hooks that use databases.
            self.hooks.rotate_right(1);
        }
        self.environment.extend(database.environment());
        self.hosts_databases.push(database.clone());
        Ok(self)
    }

    /// Loads the hook under test ([`hook_path`]).
    pub fn host_cmds(self, parameters: Value) -> Result<Self> {
        self.hook(&hook_path()?, parameters)
    }

    /// Lets it take commands over HTTP too ([`Kea::http`]), on the loopback interface of its namespace. Kea 3.0.
    pub fn http(mut self) -> Result<Self> {
        self.http = Some(free_address()?);
        Ok(self)
    }

    /// Sets an environment variable of the daemon.
    #[must_use]
    pub fn env(mut self, name: &str, value: &str) -> Self {
        self.environment.push((name.to_owned(), value.to_owned()));
        self
    }

    /// Starts the daemon by another program that becomes it, or runs it inside itself: `valgrind` and its options.
    #[must_use]
    pub fn under(mut self, wrapper: &[&str]) -> Self {
        self.wrapper = wrapper.iter().copied().map(str::to_owned).collect();
        self
    }

    /// Starts the server and waits until it answers commands.
    ///
    /// # Errors
    /// With the log, at once when the process ends.
    pub fn start(self) -> Result<Kea> {
        let mut kea = self.spawn()?;
        kea.wait_until_ready()?;
        Ok(kea)
    }

    /// Starts the server and waits until it has given up; returns its log.
    ///
    /// # Errors
    /// When it comes up instead, or crashes.
    pub fn expect_start_failure(self) -> Result<String> {
        let started = format!("DHCP{}_STARTED", self.family.digit());
        let mut kea = self.spawn()?;
        let status = try_wait_for("the server to give up", START, || {
            // An answer to a command proves nothing: Kea 2.6 gives one while it goes down.
            ensure!(!kea.log().contains(&started), "the server came up:\n{}", kea.tail());
            kea.running()?.exit_status()
        })?;
        ensure!(
            status.code().is_some(),
            "the server did not give up but crashed ({status}):\n{}",
            kea.tail()
        );
        Ok(kea.log())
    }

    fn spawn(self) -> Result<Kea> {
        let files = Files::new(self.dir.path(), &self.name, self.family);
        let mut kea = Kea {
            socket: ControlSocket::new(&files.socket),
            interfaces: self.namespace.iter().map(|_| SERVER_INTERFACE.to_owned()).collect(),
            files,
            hooks: self.hooks,
            hosts_databases: self.hosts_databases,
            http: self.http,
            environment: self.environment,
            wrapper: self.wrapper,
            installation: self.installation,
            namespace: self.namespace,
            family: self.family,
            name: self.name,
            process: None,
            dir: self.dir,
        };
        kea.write_config(&self.config)?;
        kea.launch()?;
        Ok(kea)
    }
}
