//! What a server says of itself. Only commands that change nothing are sent.

use std::collections::BTreeSet;
use std::time::Duration;

use serde_json::Value;

use crate::kea::{Endpoint, Glance, HttpSettings, KeaError, Server, glance};

/// How long the clock and the certificates may take to be seen.
const GLANCE: Duration = Duration::from_secs(5);

/// What one server said. Where it did not answer, everything else is empty.
#[derive(Clone, Debug)]
pub struct Facts {
    /// What it is called in messages.
    pub name: String,
    /// Where it listens.
    pub endpoint: Endpoint,
    /// Whether a user name and a password are sent.
    pub has_password: bool,
    /// Its release, such as `3.0.3`; or why it did not answer.
    pub version: Result<String, KeaError>,
    /// Its commands.
    pub commands: BTreeSet<String>,
    /// The content of `Dhcp4`. It has passwords in it.
    pub config: Option<Value>,
    /// What could not be read although the server has a command for it.
    pub unread: Vec<KeaError>,
    /// `ext-status` of our hook.
    pub hook: Option<Value>,
    /// `status-get`.
    pub status: Option<Value>,
    /// Its clock and certificates, where it is reached over HTTP.
    pub glance: Glance,
}

impl Facts {
    /// Asks a server.
    pub async fn ask(server: &Server, endpoint: &Endpoint, http: &HttpSettings) -> Self {
        let mut facts = Self {
            name: server.name().to_owned(),
            endpoint: endpoint.clone(),
            has_password: http.credentials.is_some(),
            version: version(server).await,
            commands: BTreeSet::new(),
            config: None,
            unread: vec![],
            hook: None,
            status: None,
            glance: glance(endpoint, http, GLANCE).await,
        };
        if facts.version.is_ok() {
            let commands = facts.read(server, "list-commands").await;
            facts.commands = texts(commands.as_ref()).map(str::to_owned).collect();
            let config = facts.read(server, "config-get").await;
            facts.config = config.map(|mut arguments| arguments["Dhcp4"].take());
            facts.status = facts.read(server, "status-get").await;
            if facts.commands.contains("ext-status") {
                facts.hook = facts.read(server, "ext-status").await;
            }
        }
        facts
    }

    async fn read(&mut self, server: &Server, command: &str) -> Option<Value> {
        match server.found(command, None).await {
            Ok(arguments) => arguments,
            Err(error) => {
                self.unread.push(error);
                None
            }
        }
    }

    /// The release as three numbers; missing ones are 0.
    pub fn release(&self) -> [u32; 3] {
        let mut numbers =
            self.version.as_deref().unwrap_or_default().split('.').map(|part| part.parse().ok());
        [(); 3].map(|()| numbers.next().flatten().unwrap_or_default())
    }
}

/// The first line of what the server was built as: its release is the first word.
async fn version(server: &Server) -> Result<String, KeaError> {
    let arguments = server.found("version-get", None).await?.unwrap_or_default();
    let extended = arguments["extended"].as_str().unwrap_or_default();
    Ok(extended.split_whitespace().next().unwrap_or("unknown").to_owned())
}

/// The texts of a list.
pub(super) fn texts(list: Option<&Value>) -> impl Iterator<Item = &str> {
    list.and_then(Value::as_array).into_iter().flatten().filter_map(Value::as_str)
}

/// Facts of a healthy Kea 3.0 with our hook, as a base for tests.
#[cfg(test)]
pub(super) fn healthy() -> Facts {
    use serde_json::json;
    let commands = [
        "lease4-get-by-hw-address",
        "ext-reservation-add",
        "ext-reservation-del",
        "ext-reservation-get",
        "ext-subnet4-list",
        "ext-status",
    ];
    Facts {
        name: "unix:/run/kea/s".into(),
        endpoint: Endpoint::Unix("/run/kea/s".into()),
        has_password: false,
        version: Ok("3.0.3".into()),
        commands: commands.map(str::to_owned).into(),
        config: Some(json!({
            "hosts-databases": [{"type": "memfile", "name": "/var/lib/kea/hosts.db"}],
            "lease-database": {"type": "memfile", "persist": true},
            "host-reservation-identifiers": ["hw-address", "duid"],
            "multi-threading": {"enable-multi-threading": true},
            "hooks-libraries": [{"library": "/opt/hooks/libdhcp_host_cmds_rs.so"}],
            "subnet4": [{"id": 1, "subnet": "10.0.0.0/24", "pools": [{"pool": "10.0.0.5-10.0.0.9"}]}],
        })),
        unread: vec![],
        hook: Some(json!({
            "hook-version": env!("CARGO_PKG_VERSION"), "kea-version": "3.0.3", "problems": [],
            "reservations": {"memory": 0, "memfile": 3}, "limits": {"event-log-size": 10000},
            "stores": [{"path": "/var/lib/kea/hosts.db", "healthy": true, "read-only": false}],
        })),
        status: Some(json!({"pid": 1})),
        glance: Glance::default(),
    }
}
