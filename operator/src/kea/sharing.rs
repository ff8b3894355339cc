//! Servers that share one host database: what is written to one of them is there for all.
//!
//! Configurations only suggest it: `localhost` is another database on each machine, and the same one may have several names. So
//! what is written to one server is read back on the others, whatever was thought of them. One that does not see it has a
//! database of its own, and is written to like any other.

use std::sync::Arc;

use parking_lot::Mutex;
use serde_json::Value;

/// Whether servers share a host database.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum SharedDatabase {
    /// Those do whose configurations name the same databases, and which see what was written to another.
    #[default]
    Auto,
    /// All of them do.
    Yes,
    /// None does.
    No,
}

/// How servers that share a host database are dealt with.
#[derive(Clone, Copy, Debug)]
pub struct Sharing {
    /// Which ones do.
    pub mode: SharedDatabase,
    /// Whether it is read back what is written to one of them; not where nothing is written.
    pub is_read_back: bool,
}

impl Default for Sharing {
    fn default() -> Self {
        Self { mode: SharedDatabase::Auto, is_read_back: true }
    }
}

/// What was seen of a server and those that its configuration suggests it shares databases with.
#[derive(Debug, Default)]
pub struct Seen(Mutex<Option<(Arc<str>, bool)>>);

impl Seen {
    /// Whether it saw, or did not see, what was written to another server with the same `databases`. None where it was not
    /// tried, or with other databases than now.
    pub fn shares(&self, databases: &str) -> Option<bool> {
        self.0.lock().as_ref().filter(|(of, _)| &**of == databases).map(|(_, shares)| *shares)
    }

    /// It saw it, or did not; whether that is new.
    pub fn note(&self, databases: Arc<str>, shares: bool) -> bool {
        let now = Some((databases, shares));
        std::mem::replace(&mut *self.0.lock(), now.clone()) != now
    }
}

/// The host databases of a configuration, where servers can share them: all are of an SQL server. In their order, since Kea
/// writes to the first.
pub fn databases_of(config: &Value) -> Option<Arc<str>> {
    let dhcp = &config["Dhcp4"];
    let one = dhcp.get("hosts-database").filter(|entry| entry.is_object());
    let several = dhcp["hosts-databases"].as_array().into_iter().flatten();
    let names: Option<Vec<String>> = one.into_iter().chain(several).map(name_of).collect();
    names.filter(|names| !names.is_empty()).map(|names| names.join(", ").into())
}

fn name_of(entry: &Value) -> Option<String> {
    let text = |key: &str| entry[key].as_str().filter(|text| !text.is_empty());
    let kind = text("type").filter(|kind| matches!(*kind, "mysql" | "postgresql"))?;
    let port =
        entry["port"].as_u64().filter(|port| *port != 0).map_or_else(String::new, |port| format!(":{port}"));
    Some(format!("{kind} {} at {}{port}", text("name")?, text("host").unwrap_or("localhost")))
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn databases_have_names_where_they_can_be_shared() {
        let of = |databases: Value| databases_of(&json!({"Dhcp4": {"hosts-databases": databases}}));
        let sql = |host: &str| json!({"type": "mysql", "name": "kea", "host": host, "password": "x"});
        assert_eq!(of(json!([sql("db")])).as_deref(), Some("mysql kea at db"));
        assert_eq!(of(json!([sql("")])).as_deref(), Some("mysql kea at localhost"));
        let port = json!({"type": "postgresql", "name": "kea", "port": 5433});
        assert_eq!(
            of(json!([sql("db"), port])).as_deref(),
            Some("mysql kea at db, postgresql kea at localhost:5433")
        );
        assert_eq!(of(json!([])), None);
        assert_eq!(of(json!([{"type": "memfile", "name": "/var/lib/kea/hosts.db"}])), None);
        assert_eq!(of(json!([sql("db"), {"type": "memfile", "name": "/f"}])), None);
        let one = json!({"Dhcp4": {"hosts-database": sql("db")}});
        assert_eq!(databases_of(&one).as_deref(), Some("mysql kea at db"));
    }

    #[test]
    fn what_was_seen_counts_for_the_same_databases() {
        let seen = Seen::default();
        assert_eq!(seen.shares("a"), None);
        assert!(seen.note("a".into(), true) && !seen.note("a".into(), true));
        assert_eq!((seen.shares("a"), seen.shares("b")), (Some(true), None));
        assert!(seen.note("a".into(), false));
        assert_eq!(seen.shares("a"), Some(false));
    }
}
