//! What our hook says of itself.

use serde_json::Value;

use super::super::ask::texts;
use super::super::config::{Config, items};
use crate::doctor::{Check, Facts, Finding};

const HOOK: Check = Check::Hook;
const STORE: Check = Check::Store;
const EVENTS: Check = Check::Events;

/// Events that a busy server may have in the seconds between two questions.
const SMALL_LOG: u64 = 1000;

pub fn hook(facts: &Facts) -> Vec<Finding> {
    let Some(status) = &facts.hook else { return vec![] };
    let version = status["hook-version"].as_str().unwrap_or("unknown");
    let claimed = texts(status.get("claimed-names")).count();
    let mut found = vec![Finding::ok(
        HOOK,
        format!("libdhcp_host_cmds_rs.so {version}, which serves {claimed} of Kea's own names"),
    )];
    if version != env!("CARGO_PKG_VERSION") {
        found.push(
            Finding::info(HOOK, format!("the hook is {version}, the operator {}", env!("CARGO_PKG_VERSION")))
                .why("only equal versions are tested together")
                .fix("install both from the same release"),
        );
    }
    for problem in texts(status.get("problems")) {
        found.push(
            Finding::error(HOOK, problem)
                .why("reservations in it are not served, or cannot be changed")
                .fix("put right what the text names, and apply the configuration of kea-dhcp4 again"),
        );
    }
    found.extend(items(status, "stores").iter().flat_map(store));
    found.extend(events(status, facts.config.as_ref()));
    found
}

fn store(store: &Value) -> Vec<Finding> {
    let path = store["path"].as_str().unwrap_or_default();
    let mut found = vec![];
    if store["healthy"] == false {
        let problem = store["problem"].as_str().unwrap_or("it is not healthy");
        found.push(
            Finding::error(STORE, format!("{path}: {problem}"))
                .why("changes of reservations are refused")
                .fix("see docs/hook.md for this text; most often the disk is full, or the file was moved"),
        );
    }
    if store["read-only"] == true {
        found.push(
            Finding::error(STORE, format!("{path} is read-only"))
                .why("nothing can be reserved or released")
                .fix("remove \"readonly\" and \"persist\" from its entry in \"hosts-databases\""),
        );
    }
    found
}

fn events(status: &Value, config: Option<&Value>) -> Option<Finding> {
    let why =
        "the operator asks for events to pin a new lease at once; what it misses waits for the next look";
    let fix =
        "raise \"event-log-size\" among the parameters of libdhcp_host_cmds_rs.so; its default is 10000";
    match status["limits"]["event-log-size"].as_u64()? {
        0 => return Some(Finding::warning(EVENTS, "the hook keeps no events").why(why).fix(fix)),
        size if size < SMALL_LOG => {
            return Some(Finding::warning(EVENTS, format!("the hook keeps {size} events")).why(why).fix(fix));
        }
        _ => {}
    }
    let parameters = &Config(config?).hook("libdhcp_host_cmds_rs")?["parameters"];
    (parameters["event-leases"] == "none").then(|| {
        Finding::warning(EVENTS, "leases are no events of the hook")
            .why(why)
            .fix("remove \"event-leases\" from the parameters of libdhcp_host_cmds_rs.so; its default is \"reserved\"")
    })
}

#[cfg(test)]
mod tests {
    use super::super::bad;
    use super::*;
    use crate::doctor::Severity::{Error, Warning};
    use crate::doctor::ask::healthy;
    use serde_json::json;

    fn with(pointer: &str, value: Value) -> Vec<Finding> {
        let mut facts = healthy();
        let status = facts.hook.as_mut().unwrap();
        *status.pointer_mut(pointer).unwrap() = value;
        hook(&facts)
    }

    #[test]
    fn problems_are_errors() {
        assert_eq!(bad(&hook(&healthy())), []);
        assert_eq!(bad(&with("/problems", json!(["no space"]))), [(HOOK, Error)]);
        assert_eq!(bad(&with("/stores/0/healthy", json!(false))), [(STORE, Error)]);
        assert_eq!(bad(&with("/stores/0/read-only", json!(true))), [(STORE, Error)]);
    }

    #[test]
    fn a_feed_that_loses_events_is_told() {
        for size in [0, 999] {
            assert_eq!(bad(&with("/limits/event-log-size", json!(size))), [(EVENTS, Warning)]);
        }
        let mut facts = healthy();
        facts.config.as_mut().unwrap()["hooks-libraries"][0]["parameters"] = json!({"event-leases": "none"});
        assert_eq!(bad(&hook(&facts)), [(EVENTS, Warning)]);
    }

    #[test]
    fn another_version_is_good_to_know() {
        let found = with("/hook-version", json!("0.0.9"));
        assert!(found.iter().any(|finding| finding.what.starts_with("the hook is 0.0.9")), "{found:?}");
    }
}
