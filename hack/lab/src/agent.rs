//! A real kea-ctrl-agent: HTTP in front of the control socket of a server.

use std::fs;
use std::net::{SocketAddrV4, TcpStream};
use std::process::Command;
use std::time::Duration;

use anyhow::{Context, Result};
use serde_json::{Value, json};

use crate::config::Files;
use crate::control::Reply;
use crate::http::{HttpConnection, free_address};
use crate::kea::Kea;
use crate::places::KeaInstallation;
use crate::process::Process;
use crate::wait::try_wait_for;

const START: Duration = Duration::from_mins(1);
/// Ports tried: between the moment a free one is found and the agent's start, another may take it.
const PORTS: usize = 5;

/// A control agent on a free port of the machine's loopback interface; killed on drop.
#[derive(Debug)]
pub struct ControlAgent {
    process: Process,
    address: SocketAddrV4,
    service: String,
}

impl ControlAgent {
    /// Starts an agent that forwards the service `dhcp4`, or `dhcp6`, to the server's control socket.
    pub fn for_server(kea: &Kea) -> Result<Self> {
        Self::with_config(kea, &json!({}))
    }

    /// As [`ControlAgent::for_server`], with more to say in `Control-agent`, such as `authentication`.
    pub fn with_config(kea: &Kea, extra: &Value) -> Result<Self> {
        let mut last = None;
        for _ in 0..PORTS {
            match Self::at(free_address()?, kea, extra) {
                Ok(agent) => return Ok(agent),
                Err(e) if format!("{e:#}").contains("in use") => last = Some(e),
                Err(e) => return Err(e),
            }
        }
        Err(last.context("no port was tried")?)
    }

    /// As [`ControlAgent::with_config`], on an address that an agent had before.
    pub fn at(address: SocketAddrV4, kea: &Kea, extra: &Value) -> Result<Self> {
        let files = Files::new(kea.dir(), &format!("kea-agent-{}", address.port()), kea.family());
        let service = kea.family().service();
        let mut agent = json!({
            "http-host": address.ip(),
            "http-port": address.port(),
            "control-sockets": { &service: { "socket-type": "unix", "socket-name": kea.socket().path() } },
            "loggers": [{
                "name": "kea-ctrl-agent",
                "severity": "INFO",
                "output_options": [{ "output": "stdout", "flush": true }],
            }],
        });
        for (name, value) in extra.as_object().context("the configuration of an agent is a map")? {
            agent[name] = value.clone();
        }
        fs::write(&files.config, serde_json::to_vec_pretty(&json!({ "Control-agent": agent }))?)?;

        let mut command = Command::new(KeaInstallation::find()?.daemon("kea-ctrl-agent"));
        command.arg("-c").arg(&files.config).envs(files.environment());
        let mut process = Process::spawn("kea-ctrl-agent", &command, &files.log)?;
        try_wait_for("the control agent to listen", START, || {
            process.expect_running()?;
            Ok(TcpStream::connect(address).ok())
        })?;
        Ok(Self { process, address, service })
    }

    /// The agent's URL, with a slash at the end.
    pub fn url(&self) -> String {
        format!("http://{}/", self.address)
    }

    /// The agent's process, to freeze or to end it.
    pub fn process(&mut self) -> &mut Process {
        &mut self.process
    }

    /// Sends a command to the server behind the agent.
    pub fn command(&self, name: &str, arguments: &Value) -> Result<Reply> {
        let mut request = json!({ "command": name, "service": [self.service] });
        if !arguments.is_null() {
            request["arguments"] = arguments.clone();
        }
        HttpConnection::open(self.address)?
            .command(request.to_string().as_bytes())
            .with_context(|| format!("the command {name}"))
    }

    /// The log of the agent.
    pub fn log(&self) -> String {
        self.process.log()
    }

    /// Where the agent listens.
    pub fn address(&self) -> SocketAddrV4 {
        self.address
    }
}
