//! A real kea-dhcp4 or kea-dhcp6: configured, started, asked, killed and started again.

mod builder;

use std::fs;
use std::net::SocketAddrV4;
use std::path::{Path, PathBuf};
use std::process::{Command, ExitStatus};
use std::sync::Arc;
use std::time::Duration;

use anyhow::{Context, Result, anyhow, bail, ensure};
use serde_json::{Value, json};

use crate::config::{self, Added, Files};
use crate::control::{ControlSocket, Reply};
use crate::family::Family;
use crate::http::HttpConnection;
use crate::lab::Lab;
use crate::namespace::Namespace;
use crate::places::KeaInstallation;
use crate::process::Process;
use crate::sql::Database;
use crate::wait::try_wait_for;
use crate::workdir::Workdir;

pub use builder::KeaBuilder;

/// How long Kea gets to start (or to fail): with tens of thousands of reservations it takes seconds.
const START: Duration = Duration::from_mins(1);

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
    http: Option<SocketAddrV4>,
    environment: Vec<(String, String)>,
    wrapper: Vec<String>,
    installation: KeaInstallation,
    namespace: Option<Arc<Namespace>>,
    dir: Arc<Workdir>,
}

impl Kea {
    /// A server on the network of `lab`.
    pub fn on(lab: &Lab) -> Result<KeaBuilder> {
        KeaBuilder::new(Arc::clone(lab.workdir()), Some(Arc::clone(lab.server())))
    }

    /// A server without any network, for commands only: needs no root.
    pub fn without_network(name: &str) -> Result<KeaBuilder> {
        KeaBuilder::new(Arc::new(Workdir::new(name)?), None)
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

    /// Where the server takes commands over HTTP ([`KeaBuilder::http`]), on the loopback interface of its namespace.
    pub fn http_address(&self) -> Result<SocketAddrV4> {
        self.http.context("this server takes no commands over HTTP")
    }

    /// A new connection to the server's own HTTP socket.
    pub fn http(&self) -> Result<HttpConnection> {
        let address = self.http_address()?;
        let open = || HttpConnection::open(address);
        match &self.namespace {
            Some(namespace) => namespace.inside(open),
            None => open(),
        }
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
        let added = Added {
            interfaces: &self.interfaces,
            hooks: &self.hooks,
            hosts_databases: &databases,
            http: self.http,
        };
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
