//! Where reservations are kept.

use serde_json::Value;

use super::super::config::Config;
use crate::doctor::{Check, Facts, Finding};

const CHECK: Check = Check::HostSources;

pub fn sources(facts: &Facts, config: Config<'_>) -> Vec<Finding> {
    let databases = config.hosts_databases();
    let Some((first, others)) = databases.split_first() else {
        return vec![none(facts)];
    };
    let mut found = vec![Finding::ok(
        CHECK,
        format!("reservations are in {}", super::list(databases.iter().map(|d| describe(d)))),
    )];
    if first["readonly"] == true || (first["type"] == "memfile" && first["persist"] == false) {
        found.push(
            Finding::error(CHECK, format!("the first host database, {}, is read-only", describe(first)))
                .why("nothing can be reserved or released")
                .fix("remove \"readonly\" and \"persist\" from its entry in \"hosts-databases\", or put another first"),
        );
    }
    if !others.is_empty() {
        found.push(
            Finding::info(CHECK, format!("there are {} host databases", databases.len()))
                .why("Kea asks them in their order, and the first that knows a device wins"),
        );
    }
    if let Some(count) =
        facts.hook.as_ref().and_then(|hook| hook["reservations"]["memory"].as_u64()).filter(|n| *n > 0)
    {
        found.push(
            Finding::info(CHECK, format!("the server's memory has reservations: {count}"))
                .why("they win over those of a database, and a restart loses those that are not in the configuration file")
                .fix("have reservations in one place: move them into the database (kea-operator import)"),
        );
    }
    found
}

fn none(facts: &Facts) -> Finding {
    let fix = if facts.hook.is_some() {
        "add \"hosts-databases\": [{\"type\": \"memfile\", \"name\": \"/var/lib/kea/kea-hosts4.db\"}] to Dhcp4, and \
         restart kea-dhcp4"
    } else {
        "load libdhcp_host_cmds_rs.so and add \"hosts-databases\": [{\"type\": \"memfile\", \"name\": \
         \"/var/lib/kea/kea-hosts4.db\"}] to Dhcp4, or configure a PostgreSQL or MySQL database there"
    };
    Finding::warning(CHECK, "reservations are kept in the server's memory alone")
        .why("a restart or a new configuration loses them, until the operator has made them anew")
        .fix(fix)
}

/// Kind and name of a database, and nothing that is secret.
fn describe(database: &Value) -> String {
    let text = |key: &str| database[key].as_str().unwrap_or_default();
    match text("host") {
        "" => format!("{} {}", text("type"), text("name")),
        host => format!("{} {} at {host}", text("type"), text("name")),
    }
}

#[cfg(test)]
mod tests {
    use super::super::bad;
    use super::*;
    use crate::doctor::Severity::{Error, Warning};
    use crate::doctor::ask::healthy;
    use serde_json::json;

    fn of(databases: &Value) -> Vec<Finding> {
        sources(&healthy(), Config(&json!({"hosts-databases": databases})))
    }

    #[test]
    fn memory_alone_and_read_only_are_told() {
        assert_eq!(bad(&of(&json!([{"type": "memfile", "name": "/f"}]))), []);
        assert_eq!(bad(&of(&json!([]))), [(CHECK, Warning)]);
        assert_eq!(bad(&sources(&healthy(), Config(&json!({})))), [(CHECK, Warning)]);
        assert_eq!(
            bad(&of(&json!([{"type": "postgresql", "name": "k", "readonly": true}]))),
            [(CHECK, Error)]
        );
        assert_eq!(bad(&of(&json!([{"type": "memfile", "name": "/f", "persist": false}]))), [(CHECK, Error)]);
        let one = json!({"hosts-database": {"type": "mysql", "name": "k"}});
        assert_eq!(bad(&sources(&healthy(), Config(&one))), []);
    }

    #[test]
    fn no_password_is_told() {
        let found =
            of(&json!([{"type": "mysql", "name": "k", "host": "db", "user": "u", "password": "s3cret"}]));
        assert_eq!(found[0].what, "reservations are in mysql k at db");
        assert!(!format!("{found:?}").contains("s3cret"));
    }
}
