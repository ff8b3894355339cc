//! One Kea server: how a command gets there and back.

use std::collections::BTreeSet;
use std::time::Duration;

use parking_lot::Mutex;
use serde_json::{Value, json};

use super::dialect::{Dialect, Lacking};
use super::reply::{self, Code, Reply};
use super::{KeaError, Transport};

/// The daemon that commands are for; a control agent forwards by it, a daemon ignores it.
const SERVICE: &str = "dhcp4";

/// One Kea server.
pub struct Server {
    transport: Box<dyn Transport>,
    name: String,
    timeout: Duration,
    dialect: Mutex<Option<Dialect>>,
    /// What was last found and logged.
    announced: Mutex<Option<Dialect>>,
}

impl Server {
    /// A server behind `transport`, shown as `name`, each command of which must be answered within `timeout`.
    pub fn new(transport: Box<dyn Transport>, name: String, timeout: Duration) -> Self {
        Self { transport, name, timeout, dialect: Mutex::default(), announced: Mutex::default() }
    }

    /// What the server is called in messages.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// The server's commands, asked for once and again after each failure: another Kea may have come up.
    pub async fn dialect(&self) -> Result<Dialect, KeaError> {
        let known = *self.dialect.lock();
        if let Some(dialect) = known {
            return Ok(dialect);
        }
        let command = "list-commands";
        let reply = self.succeed(command, None).await?;
        let names: Option<BTreeSet<&str>> =
            reply.arguments.as_array().and_then(|names| names.iter().map(Value::as_str).collect());
        let names = names.ok_or_else(|| self.malformed(command, "its arguments are no list of names"))?;
        let dialect = Dialect::choose(&names)
            .map_err(|Lacking { command, remedy }| self.unsupported(command, remedy))?;
        *self.dialect.lock() = Some(dialect);
        if self.announced.lock().replace(dialect) != Some(dialect) {
            tracing::info!(server = %self.name, %dialect, "commands of Kea found");
        }
        Ok(dialect)
    }

    /// The arguments of a successful reply, or none where Kea says that there is nothing.
    pub async fn found(&self, command: &str, arguments: Option<Value>) -> Result<Option<Value>, KeaError> {
        let reply = self.call(command, arguments).await?;
        match reply.code {
            Code::Success => Ok(Some(reply.arguments)),
            Code::Empty => Ok(None),
            _ => Err(self.refused(command, reply)),
        }
    }

    async fn succeed(&self, command: &str, arguments: Option<Value>) -> Result<Reply, KeaError> {
        let reply = self.call(command, arguments).await?;
        if reply.code == Code::Success { Ok(reply) } else { Err(self.refused(command, reply)) }
    }

    /// Sends one command. Any failure but Kea's own refusal makes the dialect be asked for again.
    pub(super) async fn call(&self, command: &str, arguments: Option<Value>) -> Result<Reply, KeaError> {
        let outcome = self.exchange(command, arguments).await;
        if let Err(error) = &outcome {
            tracing::debug!(server = %self.name, command, %error, "command failed");
            *self.dialect.lock() = None;
        }
        outcome
    }

    async fn exchange(&self, command: &str, arguments: Option<Value>) -> Result<Reply, KeaError> {
        let mut request = json!({"command": command, "service": [SERVICE]});
        if let Some(arguments) = arguments {
            request["arguments"] = arguments;
        }
        let answer = self.transport.exchange(command, request.to_string().into_bytes());
        let body = tokio::time::timeout(self.timeout, answer).await.map_err(|_| KeaError::Timeout {
            server: self.name.clone(),
            command: command.into(),
            seconds: self.timeout.as_secs(),
        })??;
        let reply = reply::parse(&self.name, command, &body)?;
        match reply.code {
            Code::Unsupported => {
                Err(self.unsupported(command, "load the hook that provides it into kea-dhcp4"))
            }
            // The control agent's words for a daemon that is away; it answers result 1 with HTTP 200.
            Code::Error if reply.text.starts_with("unable to forward command") => {
                Err(KeaError::Unreachable { server: self.name.clone(), cause: reply.text })
            }
            _ => Ok(reply),
        }
    }

    fn refused(&self, command: &str, reply: Reply) -> KeaError {
        KeaError::Refused { server: self.name.clone(), command: command.into(), text: reply.text }
    }

    pub(super) fn malformed(&self, command: &str, cause: &str) -> KeaError {
        KeaError::Malformed { server: self.name.clone(), command: command.into(), cause: cause.into() }
    }

    fn unsupported(&self, command: &str, remedy: &str) -> KeaError {
        KeaError::Unsupported { server: self.name.clone(), command: command.into(), remedy: remedy.into() }
    }
}
