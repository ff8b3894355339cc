//! A real kea-dhcp4 or kea-dhcp6: configured, started, asked, killed and started again.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, ExitStatus};
use std::sync::Arc;
use std::time::Duration;

use anyhow::{Context, Result, anyhow, bail, ensure};
use serde_json::{Value, json};

use crate::config::{self, Added, Files};
use crate::control::{ControlSocket, Reply};
use crate::family::Family;
use crate::lab::{Lab, SERVER_INTERFACE};
use crate::namespace::Namespace;
use crate::places::{KeaInstallation, hook_path};
use crate::process::Process;
use crate::sql::Database;
use crate::wait::try_wait_for;
use crate::workdir::Workdir;

/// How long Kea gets to start (or to fail): with tens of thousands of reservations it takes seconds.
const START: Duration = Duration::from_mins(1);

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
    environment: Vec<(String, String)>,
    wrapper: Vec<String>,
}

impl KeaBuilder {
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

/// A server, killed on drop.
#[derive(Debug)]
pub struct Kea {
    // Before the namespace and the folder that it uses: fields are dropped in this order.
    process: Option<Process>,
    family: Family,
    name: String,
    socket: ControlSocket,
    files: Files,
    interfaces: Vec<String>,
    hooks: Vec<Value>,
    hosts_databases: Vec<Database>,
    environment: Vec<(String, String)>,
    wrapper: Vec<String>,
    installation: KeaInstallation,
    namespace: Option<Arc<Namespace>>,
    dir: Arc<Workdir>,
}

impl Kea {
    /// A server on the network of `lab`.
    pub fn on(lab: &Lab) -> Result<KeaBuilder> {
        Self::builder(Arc::clone(lab.workdir()), Some(Arc::clone(lab.server())))
    }

    /// A server without any network, for commands only: needs no root.
    pub fn without_network(name: &str) -> Result<KeaBuilder> {
        Self::builder(Arc::new(Workdir::new(name)?), None)
    }

    fn builder(dir: Arc<Workdir>, namespace: Option<Arc<Namespace>>) -> Result<KeaBuilder> {
        Ok(KeaBuilder {
            dir,
            namespace,
            installation: KeaInstallation::find()?,
            family: Family::default(),
            name: "kea".to_owned(),
            config: json!({}),
            hooks: Vec::new(),
            hosts_databases: Vec::new(),
            environment: Vec::new(),
            wrapper: Vec::new(),
        })
    }

    /// The folder with everything the server writes.
    pub fn dir(&self) -> &Path {
        self.dir.path()
    }

    /// The DHCP that it speaks.
    pub fn family(&self) -> Family {
        self.family
    }

    /// The control socket.
    pub fn socket(&self) -> &ControlSocket {
        &self.socket
    }

    /// The configuration file.
    pub fn config_file(&self) -> &Path {
        &self.files.config
    }

    /// The lease file, if the configuration did not name another.
    pub fn lease_file(&self) -> &Path {
        &self.files.leases
    }

    /// The process id of the running server.
    pub fn pid(&self) -> Result<u32> {
        Ok(self.process.as_ref().ok_or_else(|| self.is_down())?.pid())
    }

    /// Everything that it has logged, over all of its runs.
    pub fn log(&self) -> String {
        String::from_utf8_lossy(&fs::read(&self.files.log).unwrap_or_default()).into_owned()
    }

    /// The end of the log, for messages.
    pub fn tail(&self) -> String {
        format!("--- end of the log of {} ---\n{}", self.name, crate::process::tail(&self.log()))
    }

    /// Sends a command, and returns the answer whatever its result is. `null` stands for no arguments.
    pub fn command(&self, name: &str, arguments: &Value) -> Result<Reply> {
        self.socket.command(name, arguments).map_err(|e| anyhow!("{e:#}\n{}", self.tail()))
    }

    /// Sends a command that must succeed, and returns the arguments of the answer.
    pub fn ask(&self, name: &str, arguments: &Value) -> Result<Value> {
        self.command(name, arguments)?
            .success()
            .with_context(|| format!("the command {name} with {arguments}"))
    }

    /// Sends bytes as they are over the control socket.
    pub fn command_raw(&self, bytes: &[u8]) -> Result<Vec<u8>> {
        self.socket.send(bytes).map_err(|e| anyhow!("{e:#}\n{}", self.tail()))
    }

    /// Replaces the configuration file; it counts from the next start or [`Kea::reload`].
    pub fn write_config(&self, dhcp: &Value) -> Result<()> {
        let complete = self.complete(dhcp)?;
        fs::write(&self.files.config, serde_json::to_vec_pretty(&complete)?)?;
        Ok(())
    }

    /// The entries of `hooks-libraries` that [`Kea::write_config`] and [`Kea::config_set`] add.
    pub fn hooks_mut(&mut self) -> &mut Vec<Value> {
        &mut self.hooks
    }

    /// `config-reload`: the file as it is now.
    pub fn reload(&self) -> Result<Reply> {
        self.command("config-reload", &Value::Null)
    }

    /// `config-set` with this content of `Dhcp4` or `Dhcp6`, completed as at the start; the file stays as it was.
    pub fn config_set(&self, dhcp: &Value) -> Result<Reply> {
        let complete = self.complete(dhcp)?;
        self.command("config-set", &complete)
    }

    /// Whom `lease_cmds` knows to have the MAC address.
    pub fn lease4_by_mac(&self, mac: &str) -> Result<Vec<Value>> {
        self.leases("lease4-get-by-hw-address", &json!({ "hw-address": mac }))
    }

    /// All leases, by `lease_cmds`.
    pub fn leases4(&self) -> Result<Vec<Value>> {
        self.leases("lease4-get-all", &Value::Null)
    }

    /// All leases of a DHCPv6 server, by `lease_cmds`.
    pub fn leases6(&self) -> Result<Vec<Value>> {
        self.leases("lease6-get-all", &Value::Null)
    }

    fn leases(&self, command: &str, arguments: &Value) -> Result<Vec<Value>> {
        let reply = self.command(command, arguments)?;
        if reply.result == 3 {
            return Ok(Vec::new());
        }
        Ok(reply.success()?["leases"].as_array().cloned().unwrap_or_default())
    }

    /// Removes every lease, from the lease file too, by `lease_cmds`.
    pub fn wipe_leases4(&self) -> Result<()> {
        let reply = self.command("lease4-wipe", &json!({ "subnet-id": 0 }))?;
        ensure!(matches!(reply.result, 0 | 3), "lease4-wipe failed: {}", reply.text);
        Ok(())
    }

    /// Lets a second process check the configuration file, with `-t` or `-T`: how it ended, and what it said.
    pub fn check(&self, flag: &str) -> Result<(ExitStatus, String)> {
        let mut process = self.run(flag, &self.files.log.with_extension("check.log"))?;
        let status = process.wait(START)?;
        Ok((status, process.log()))
    }

    /// SIGKILL.
    pub fn kill9(&mut self) -> Result<ExitStatus> {
        let status = self.running()?.kill()?;
        self.process = None;
        Ok(status)
    }

    /// SIGTERM, and how it ended.
    pub fn terminate(&mut self) -> Result<ExitStatus> {
        let status = self.running()?.terminate()?;
        self.process = None;
        Ok(status)
    }

    /// Starts it again, with its configuration file and lease file as they are now; a running one is
    /// terminated first.
    pub fn restart(&mut self) -> Result<()> {
        if self.process.is_some() {
            self.terminate()?;
        }
        self.launch()?;
        self.wait_until_ready()
    }

    /// The running process, to freeze it or to see whether it lives.
    pub fn running(&mut self) -> Result<&mut Process> {
        let is_down = self.is_down();
        self.process.as_mut().ok_or(is_down)
    }

    fn is_down(&self) -> anyhow::Error {
        anyhow!("{} is not running: it was stopped before", self.name)
    }

    fn complete(&self, dhcp: &Value) -> Result<Value> {
        let databases: Vec<Value> = self.hosts_databases.iter().map(Database::entry).collect();
        let added = Added { interfaces: &self.interfaces, hooks: &self.hooks, hosts_databases: &databases };
        config::complete(self.family, dhcp, &self.files, &added)
    }

    fn launch(&mut self) -> Result<()> {
        self.process = Some(self.run("-c", &self.files.log)?);
        Ok(())
    }

    /// Starts the daemon to do something with the configuration file.
    fn run(&self, flag: &str, log: &Path) -> Result<Process> {
        let daemon = self.installation.daemon(&self.family.daemon());
        let mut words = self.wrapper.iter().map(PathBuf::from).chain([daemon]);
        let program = words.next().context("there is at least the daemon")?;
        let mut command = match &self.namespace {
            Some(namespace) => namespace.command(&program),
            None => Command::new(&program),
        };
        command.args(words).arg(flag).arg(&self.files.config);
        command.envs(self.files.environment()).envs(self.environment.iter().cloned());
        Process::spawn(&self.name, &command, log)
    }

    fn wait_until_ready(&mut self) -> Result<()> {
        let socket = self.socket.clone();
        let expected = self.running()?;
        let pid = i64::from(expected.pid());
        let ready = try_wait_for("Kea to answer on its control socket", START, || {
            if let Some(status) = expected.exit_status()? {
                bail!("Kea has ended ({status})");
            }
            Ok(socket.command("status-get", &Value::Null).ok())
        });
        let status = ready.map_err(|e| anyhow!("{e:#}\n{}", self.tail()))?;
        if status.arguments["pid"] != pid {
            bail!("another server answers on {}: {}", socket.path().display(), status.raw);
        }
        Ok(())
    }
}
