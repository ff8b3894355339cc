//! A stage for the controller: everything is read as it is, and nothing is changed. What would be written is noted.

mod change;

use std::sync::Arc;

use async_trait::async_trait;
use parking_lot::Mutex;
use serde_json::{Value, json};

use crate::crd::{IpAllocationStatus, NetworkConfiguration, NetworkConfigurationStatus, NetworkNamespace};
use crate::kea::{KeaError, Transport};
use crate::source::{Notice, Objects, SourceError};

pub use change::{Becomes, Change, changes, is_now};

/// A command that was not sent.
#[derive(Clone, Debug, PartialEq)]
pub struct Unsent {
    /// Name of the server.
    pub server: String,
    /// The command, as the server would have got it.
    pub command: Value,
}

/// What would have been written.
#[derive(Clone, Debug, Default)]
pub struct Notes {
    /// Commands that change something, in their order.
    pub commands: Vec<Unsent>,
    /// The last status.
    pub status: Option<NetworkConfigurationStatus>,
    /// The last finalizers.
    pub finalizers: Option<Vec<String>>,
    /// Events.
    pub notices: Vec<Notice>,
}

/// Where everything is noted.
#[derive(Clone, Default)]
pub struct Script(Arc<Mutex<Notes>>);

impl Script {
    /// What was noted since the last time.
    pub fn take(&self) -> Notes {
        std::mem::take(&mut self.0.lock())
    }

    /// A way to the server `name` that changes nothing there.
    pub fn transport(&self, name: String, inner: Box<dyn Transport>) -> Box<dyn Transport> {
        Box::new(Stage { script: self.clone(), name, inner })
    }
}

/// Whether a command is known to change nothing. Of all others that is not taken for granted.
fn only_reads(command: &str) -> bool {
    let name = command.strip_prefix("ext-").unwrap_or(command);
    matches!(name, "list-commands" | "lease-resolve" | "status" | "reservation-pending")
        || name.ends_with("-list")
        || name.contains("-get")
}

struct Stage {
    script: Script,
    name: String,
    inner: Box<dyn Transport>,
}

#[async_trait]
impl Transport for Stage {
    async fn exchange(&self, name: &str, body: Vec<u8>) -> Result<Vec<u8>, KeaError> {
        if only_reads(name) {
            return self.inner.exchange(name, body).await;
        }
        let mut command: Value = serde_json::from_slice(&body).unwrap_or_default();
        self.script.0.lock().commands.push(Unsent { server: self.name.clone(), command: command.clone() });
        if name == "ext-reservation-apply" {
            // The server itself tells what would become of each item.
            command["arguments"]["dry-run"] = true.into();
            return self.inner.exchange(name, command.to_string().into_bytes()).await;
        }
        Ok(json!({"result": 0, "text": "not sent"}).to_string().into_bytes())
    }

    fn complaint(&self) -> Option<String> {
        self.inner.complaint()
    }
}

#[async_trait]
impl Objects for Script {
    async fn write_status(
        &self,
        object: &NetworkConfiguration,
        status: &NetworkConfigurationStatus,
    ) -> Result<String, SourceError> {
        self.0.lock().status = Some(status.clone());
        Ok(object.metadata.resource_version.clone().unwrap_or_default())
    }

    async fn set_finalizers(
        &self,
        object: &NetworkConfiguration,
        finalizers: &[String],
    ) -> Result<Option<String>, SourceError> {
        self.0.lock().finalizers = Some(finalizers.to_vec());
        Ok(object.metadata.resource_version.clone())
    }

    async fn write_usage(
        &self,
        _namespace: &NetworkNamespace,
        _usage: Option<&IpAllocationStatus>,
    ) -> Result<(), SourceError> {
        Ok(())
    }

    async fn notify(&self, _object: &NetworkConfiguration, notice: &Notice) {
        self.0.lock().notices.push(notice.clone());
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    struct Nobody;

    #[async_trait]
    impl Transport for Nobody {
        async fn exchange(&self, name: &str, body: Vec<u8>) -> Result<Vec<u8>, KeaError> {
            let sent: Value = serde_json::from_slice(&body).unwrap();
            assert!(only_reads(name) || sent["arguments"]["dry-run"] == true, "{sent}");
            Ok(b"{\"result\": 0}".to_vec())
        }
    }

    #[tokio::test]
    async fn what_changes_something_is_noted_and_not_sent() {
        let script = Script::default();
        let stage = script.transport("a".into(), Box::new(Nobody));
        let names = [
            "list-commands",
            "config-get",
            "subnet4-list",
            "lease4-get-by-hw-address",
            "ext-lease-resolve",
            "reservation-get-page",
            "reservation-add",
            "ext-reservation-del",
            "reservation-update",
            "ext-reservation-apply",
            "subnet4-add",
            "config-set",
            "lease4-del",
            "unheard-of",
        ];
        for name in names {
            stage.exchange(name, json!({"command": name, "arguments": {}}).to_string().into()).await.unwrap();
        }
        let noted: Vec<String> = script
            .take()
            .commands
            .iter()
            .map(|noted| noted.command["command"].as_str().unwrap().to_owned())
            .collect();
        assert_eq!(noted, names[6..]);
        assert!(script.take().commands.is_empty());
    }
}
