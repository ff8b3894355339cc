//! Kea's high availability: its hook copies leases between servers, and no reservations.

use serde_json::Value;

use super::super::config::{Config, items};
use crate::doctor::{Check, Facts, Finding};

const CHECK: Check = Check::Ha;

pub fn ha(facts: &Facts, config: Config<'_>, servers: usize) -> Vec<Finding> {
    let Some(hook) = config.hook("libdhcp_ha.so") else { return vec![] };
    let mut found = vec![];
    for relationship in items(&hook["parameters"], "high-availability") {
        let peers = items(relationship, "peers");
        let names = super::list(peers.iter().map(|peer| {
            let text = |key: &str| peer[key].as_str().unwrap_or_default();
            format!("{} ({})", text("name"), text("role"))
        }));
        let mode = relationship["mode"].as_str().unwrap_or("unknown");
        found.push(Finding::ok(CHECK, format!("{mode} with the peers {names}")));
        if peers.len() > servers {
            found.push(alone(config, peers.len(), servers));
        }
    }
    let states = facts.status.as_ref().map_or(&[][..], |status| items(status, "high-availability"));
    found.extend(states.iter().flat_map(|relationship| state(&relationship["ha-servers"])));
    found
}

fn alone(config: Config<'_>, peers: usize, servers: usize) -> Finding {
    let is_sql = config.hosts_databases().first().is_some_and(|database| database["type"] != "memfile");
    let what = format!("the operator knows {servers} of {peers} peers");
    let why =
        "HA copies leases and no reservations: a peer that lacks them gives the devices other addresses";
    let fix = "set KEA_SECONDARY_URLS to the control channels of the other peers";
    if is_sql {
        Finding::info(CHECK, what).why(why).fix(format!("{fix}, unless all peers use the same host database"))
    } else {
        Finding::error(CHECK, what).why(why).fix(fix)
    }
}

/// What the server says of itself and of its peer.
fn state(servers: &Value) -> Vec<Finding> {
    let state = servers["local"]["state"].as_str().unwrap_or_default();
    let finding = match state {
        "hot-standby" | "load-balancing" | "passive-backup" | "backup" => {
            Finding::ok(CHECK, format!("the server is in the state {state}"))
        }
        "terminated" => Finding::error(CHECK, "HA is terminated on this server")
            .why("the servers no longer tell each other of leases")
            .fix("set the clocks of both servers right, and restart both"),
        other => Finding::warning(CHECK, format!("the server is in the state {other}"))
            .why("its peer is away, or one of them is not up to date")
            .fix("look at the peer; the state passes by itself once both run and see each other"),
    };
    let mut found = vec![finding];
    let remote = &servers["remote"];
    // Of a peer that was never in touch nothing more is known.
    if remote["in-touch"] == false && state != "backup" {
        found.push(
            Finding::warning(CHECK, "the server has not heard of its peer since it started")
                .why("leases of one are not known to the other")
                .fix("check that the peer runs, and \"url\" of \"peers\" of libdhcp_ha.so"),
        );
    } else if remote["communication-interrupted"] == true {
        found.push(
            Finding::warning(CHECK, "the server has lost its peer")
                .why("leases of one are not known to the other")
                .fix("check that the peer runs, and the network between them"),
        );
    }
    found
}

#[cfg(test)]
mod tests {
    use super::super::bad;
    use super::*;
    use crate::doctor::Severity::{Error, Warning};
    use crate::doctor::ask::healthy;
    use serde_json::json;

    fn config(database: &str) -> Value {
        json!({
            "hosts-databases": [{"type": database}],
            "hooks-libraries": [{"library": "/h/libdhcp_ha.so", "parameters": {"high-availability": [{
                "this-server-name": "a", "mode": "hot-standby",
                "peers": [{"name": "a", "role": "primary", "url": "u"}, {"name": "b", "role": "standby", "url": "v"}],
            }]}}],
        })
    }

    fn in_state(local: &str, remote: &Value) -> Vec<Finding> {
        let status = json!({"high-availability": [
            {"ha-mode": "hot-standby", "ha-servers": {"local": {"state": local}, "remote": remote}},
        ]});
        ha(&Facts { status: Some(status), ..healthy() }, Config(&config("memfile")), 2)
    }

    #[test]
    fn peers_that_the_operator_does_not_write_to() {
        let with = |database, servers| ha(&healthy(), Config(&config(database)), servers);
        assert_eq!(bad(&with("memfile", 1)), [(CHECK, Error)]);
        assert_eq!(bad(&with("memfile", 2)), []);
        assert_eq!(bad(&with("mysql", 1)), []);
        assert_eq!(with("mysql", 1).len(), 2);
        assert_eq!(ha(&healthy(), Config(&json!({})), 1), []);
        assert_eq!(with("mysql", 2)[0].what, "hot-standby with the peers a (primary), b (standby)");
    }

    #[test]
    fn states() {
        let near = json!({"in-touch": true, "communication-interrupted": false});
        assert_eq!(bad(&in_state("hot-standby", &near)), []);
        assert_eq!(bad(&in_state("partner-down", &near)), [(CHECK, Warning)]);
        assert_eq!(bad(&in_state("terminated", &near)), [(CHECK, Error)]);
        let lost = json!({"in-touch": true, "communication-interrupted": true});
        assert_eq!(bad(&in_state("hot-standby", &lost)), [(CHECK, Warning)]);
        assert_eq!(bad(&in_state("hot-standby", &json!({"in-touch": false}))), [(CHECK, Warning)]);
    }
}
