//! The commands that the operator uses, on one server.

use std::collections::BTreeSet;
use std::net::IpAddr;
use std::time::Duration;

use parking_lot::Mutex;
use serde_json::{Value, json};

use super::dialect::{Dialect, Lacking, SubnetDialect};
use super::reply::{self, Code, Reply};
use super::{KeaError, Transport, wire};
use crate::domain::{Lease, Mac, Owner, Reservation, Subnet};

/// The daemon that commands are for; a control agent forwards by it, a daemon ignores it.
const SERVICE: &str = "dhcp4";

/// One Kea server.
pub struct Kea {
    transport: Box<dyn Transport>,
    server: String,
    timeout: Duration,
    dialect: Mutex<Option<Dialect>>,
    /// What was last found and logged.
    announced: Mutex<Option<Dialect>>,
}

/// What became of a reservation that was to be added.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Addition {
    /// It is there.
    Added,
    /// Kea refused it, with this text.
    Refused(String),
}

impl Kea {
    /// A server behind `transport`, shown as `server`, each command of which must be answered within `timeout`.
    pub fn new(transport: Box<dyn Transport>, server: String, timeout: Duration) -> Self {
        Self { transport, server, timeout, dialect: Mutex::default(), announced: Mutex::default() }
    }

    /// What the server is called in messages.
    pub fn server(&self) -> &str {
        &self.server
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
            tracing::info!(server = %self.server, %dialect, "commands of Kea found");
        }
        Ok(dialect)
    }

    /// All subnets of the server.
    pub async fn subnets(&self) -> Result<Vec<Subnet>, KeaError> {
        let dialect = self.dialect().await?.subnets;
        let command = dialect.command();
        let Some(arguments) = self.found(command, None).await? else {
            return Ok(vec![]);
        };
        let subnets = match dialect {
            SubnetDialect::Ext | SubnetDialect::Stock => wire::subnets_of_list(&arguments),
            SubnetDialect::Config => wire::subnets_of_config(&arguments),
        };
        subnets.map_err(|cause| self.malformed(command, &cause))
    }

    /// All leases of a device, valid or not.
    pub async fn leases(&self, mac: Mac) -> Result<Vec<Lease>, KeaError> {
        self.dialect().await?;
        let command = "lease4-get-by-hw-address";
        match self.found(command, Some(json!({"hw-address": mac.to_string()}))).await? {
            None => Ok(vec![]),
            Some(arguments) => wire::leases(&arguments).map_err(|cause| self.malformed(command, &cause)),
        }
    }

    /// The reservation of a device in a subnet.
    pub async fn reservation_of(&self, subnet_id: u32, mac: Mac) -> Result<Option<Reservation>, KeaError> {
        self.reservation(identified(subnet_id, mac)).await
    }

    /// The reservation of an address in a subnet.
    pub async fn reservation_at(
        &self,
        subnet_id: u32,
        address: IpAddr,
    ) -> Result<Option<Reservation>, KeaError> {
        self.reservation(json!({"subnet-id": subnet_id, "ip-address": address})).await
    }

    async fn reservation(&self, arguments: Value) -> Result<Option<Reservation>, KeaError> {
        let command = self.dialect().await?.reservation_command("get");
        match self.found(&command, Some(arguments)).await? {
            None => Ok(None),
            Some(host) => {
                wire::reservation(&host).map(Some).map_err(|cause| self.malformed(&command, &cause))
            }
        }
    }

    /// Reserves `address` for a device, marked as `owner`'s.
    pub async fn add(
        &self,
        subnet_id: u32,
        mac: Mac,
        address: IpAddr,
        owner: &Owner,
    ) -> Result<Addition, KeaError> {
        let command = self.dialect().await?.reservation_command("add");
        let reservation = json!({
            "subnet-id": subnet_id,
            "hw-address": mac.to_string(),
            "ip-address": address,
            "user-context": owner.user_context(),
        });
        let reply = self.call(&command, Some(json!({ "reservation": reservation }))).await?;
        match reply.code {
            Code::Success => Ok(Addition::Added),
            _ => Ok(Addition::Refused(reply.text)),
        }
    }

    /// Removes the reservation of a device; that there is none is as good.
    pub async fn remove(&self, subnet_id: u32, mac: Mac) -> Result<(), KeaError> {
        let command = self.dialect().await?.reservation_command("del");
        self.found(&command, Some(identified(subnet_id, mac))).await.map(|_| ())
    }

    /// The arguments of a successful reply, or none where Kea says that there is nothing.
    async fn found(&self, command: &str, arguments: Option<Value>) -> Result<Option<Value>, KeaError> {
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
    async fn call(&self, command: &str, arguments: Option<Value>) -> Result<Reply, KeaError> {
        let outcome = self.exchange(command, arguments).await;
        if let Err(error) = &outcome {
            tracing::debug!(server = %self.server, command, %error, "command failed");
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
            server: self.server.clone(),
            command: command.into(),
            seconds: self.timeout.as_secs(),
        })??;
        let reply = reply::parse(&self.server, command, &body)?;
        match reply.code {
            Code::Unsupported => {
                Err(self.unsupported(command, "load the hook that provides it into kea-dhcp4"))
            }
            // The control agent's words for a daemon that is away; it answers result 1 with HTTP 200.
            Code::Error if reply.text.starts_with("unable to forward command") => {
                Err(KeaError::Unreachable { server: self.server.clone(), cause: reply.text })
            }
            _ => Ok(reply),
        }
    }

    fn refused(&self, command: &str, reply: Reply) -> KeaError {
        KeaError::Refused { server: self.server.clone(), command: command.into(), text: reply.text }
    }

    fn malformed(&self, command: &str, cause: &str) -> KeaError {
        KeaError::Malformed { server: self.server.clone(), command: command.into(), cause: cause.into() }
    }

    fn unsupported(&self, command: &str, remedy: &str) -> KeaError {
        KeaError::Unsupported { server: self.server.clone(), command: command.into(), remedy: remedy.into() }
    }
}

fn identified(subnet_id: u32, mac: Mac) -> Value {
    json!({"subnet-id": subnet_id, "identifier-type": "hw-address", "identifier": mac.to_string()})
}
