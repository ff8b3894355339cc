//! How the daemon keeps leases, and how it works.

use super::super::config::Config;
use crate::doctor::{Check, Finding};

pub fn daemon(config: Config<'_>) -> Vec<Finding> {
    [leases(config), threads(config)].into_iter().flatten().collect()
}

fn leases(config: Config<'_>) -> Option<Finding> {
    let database = &config.0["lease-database"];
    (database["type"] == "memfile" && database["persist"] == false).then(|| {
        Finding::warning(Check::Leases, "leases are not written to disk")
            .why("after a restart Kea knows no lease: it may give an address twice, and there is nothing to reserve")
            .fix("set \"persist\" of \"lease-database\" to true")
    })
}

fn threads(config: Config<'_>) -> Option<Finding> {
    let enabled = &config.0["multi-threading"]["enable-multi-threading"];
    (*enabled == false).then(|| {
        Finding::info(Check::Threads, "multi-threading is off")
            .why("no packet is answered while a command runs")
            .fix("set \"enable-multi-threading\" of \"multi-threading\" to true, where every loaded hook allows it")
    })
}

#[cfg(test)]
mod tests {
    use super::super::bad;
    use super::*;
    use crate::doctor::Severity::Warning;
    use serde_json::json;

    #[test]
    fn leases_that_a_restart_loses() {
        let of = |database| daemon(Config(&json!({"lease-database": database})));
        assert_eq!(bad(&of(json!({"type": "memfile", "persist": false}))), [(Check::Leases, Warning)]);
        for kept in [
            json!({"type": "memfile", "persist": true}),
            json!({"type": "memfile"}),
            json!({"type": "mysql"}),
        ] {
            assert_eq!(of(kept), []);
        }
    }

    #[test]
    fn one_thread() {
        let of = |on| daemon(Config(&json!({"multi-threading": {"enable-multi-threading": on}}))).len();
        assert_eq!((of(true), of(false)), (0, 1));
    }
}
