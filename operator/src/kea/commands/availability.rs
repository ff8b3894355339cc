//! Kea's high availability: what a server says of its own part in it.

use serde::Deserialize;
use serde_json::Value;

use super::super::{KeaError, Server};

/// Only Kea's hook `libdhcp_ha.so` has it.
pub(in crate::kea) const HEARTBEAT: &str = "ha-heartbeat";

/// A server's part in one relationship of high availability.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
pub struct Availability {
    /// Its state in Kea's words, such as `hot-standby` or `partner-down`.
    pub state: String,
    /// Whose clients it answers, by the names of servers; nobody's where that is empty.
    #[serde(default)]
    pub scopes: Vec<String>,
}

/// An entry of the list `high-availability` of `status-get`. Other keys are of no interest.
#[derive(Deserialize)]
#[serde(rename_all = "kebab-case")]
struct Relationship {
    ha_servers: Servers,
}

#[derive(Deserialize)]
struct Servers {
    local: Availability,
}

impl Server {
    /// Its part in each relationship that it is in.
    pub async fn availability(&self) -> Result<Vec<Availability>, KeaError> {
        let command = "status-get";
        let status = self.found(command, None).await?.unwrap_or_default();
        read(&status).map_err(|error| self.malformed(command, &error.to_string()))
    }
}

fn read(status: &Value) -> Result<Vec<Availability>, serde_json::Error> {
    let list = status.get("high-availability").and_then(Value::as_array).into_iter().flatten();
    list.map(|entry| Relationship::deserialize(entry).map(|relationship| relationship.ha_servers.local))
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn a_server_tells_its_own_state_and_whom_it_serves() {
        let local = json!({"role": "standby", "scopes": [], "state": "hot-standby", "server-name": "b"});
        let remote = json!({"role": "primary", "in-touch": true, "last-state": "hot-standby"});
        let status = json!({"pid": 1, "high-availability": [
            {"ha-mode": "hot-standby", "ha-servers": {"local": local, "remote": remote}},
            {"ha-mode": "load-balancing", "ha-servers": {"local": {"state": "partner-down", "scopes": ["a", "b"]}}},
        ]});
        let found = read(&status).unwrap();
        let told: Vec<(&str, usize)> =
            found.iter().map(|one| (one.state.as_str(), one.scopes.len())).collect();
        assert_eq!(told, [("hot-standby", 0), ("partner-down", 2)]);
        assert_eq!(read(&json!({"pid": 1})).unwrap(), []);
        read(&json!({"high-availability": [{}]})).unwrap_err();
    }
}
