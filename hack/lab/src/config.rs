//! What the configuration of every server in a lab has in common.

use std::fmt::Write as _;
use std::fs;
use std::net::SocketAddrV4;
use std::os::unix::fs::symlink;
use std::path::{Path, PathBuf};

use anyhow::{Context, Result};
use serde_json::{Map, Value, json};

use crate::family::Family;

/// The files of one server, all in one folder.
#[derive(Clone, Debug)]
pub(crate) struct Files {
    dir: PathBuf,
    hooks: PathBuf,
    pub(crate) config: PathBuf,
    pub(crate) socket: PathBuf,
    pub(crate) leases: PathBuf,
    pub(crate) log: PathBuf,
}

impl Files {
    pub(crate) fn new(dir: &Path, name: &str, family: Family) -> Self {
        let file = |ending: &str| dir.join(format!("{name}{ending}"));
        Self {
            dir: dir.to_owned(),
            hooks: dir.join("hooks"),
            config: file(".conf"),
            socket: file(".sock"),
            leases: file(&format!("-leases{}.csv", family.digit())),
            log: file(".log"),
        }
    }

    /// Keeps Kea's files here, and tells versions that check paths (2.6.3, 2.7.9 and later) that this is right.
    pub(crate) fn environment(&self) -> [(&'static str, &Path); 6] {
        [
            ("KEA_PIDFILE_DIR", &self.dir),
            ("KEA_LOCKFILE_DIR", &self.dir),
            ("KEA_CONTROL_SOCKET_DIR", &self.dir),
            ("KEA_DHCP_DATA_DIR", &self.dir),
            ("KEA_LOG_FILE_DIR", &self.dir),
            ("KEA_HOOKS_PATH", &self.hooks),
        ]
    }

    /// An identifier (DUID) for a DHCPv6 server that lasts without a file: Kea's own is kept in one that all
    /// servers of a folder share, and 2.2.0 has it outside of the folder.
    fn server_id(&self) -> Value {
        let name = self.config.file_stem().unwrap_or_default().as_encoded_bytes();
        let name = name.iter().fold(String::new(), |mut hex, byte| {
            let _ = write!(hex, "{byte:02x}");
            hex
        });
        // The enterprise number that is kept for examples (RFC 5612).
        json!({ "type": "EN", "enterprise-id": 32473, "identifier": name, "persist": false })
    }

    /// Puts a link to a hook library into the one folder that those versions load hooks from.
    pub(crate) fn link_hook(&self, library: &Path) -> Result<PathBuf> {
        let library = library.canonicalize().with_context(|| format!("no hook at {}", library.display()))?;
        let name = library.file_name().with_context(|| format!("{} is no file", library.display()))?;
        let link = self.hooks.join(name);
        fs::create_dir_all(&self.hooks)?;
        if fs::read_link(&link).ok().as_ref() != Some(&library) {
            symlink(&library, &link).with_context(|| format!("cannot link {}", library.display()))?;
        }
        Ok(link)
    }
}

/// What a test gives to a server beside its configuration.
#[derive(Debug, Default)]
pub(crate) struct Added<'a> {
    pub(crate) interfaces: &'a [String],
    pub(crate) hooks: &'a [Value],
    pub(crate) hosts_databases: &'a [Value],
    pub(crate) http: Option<SocketAddrV4>,
}

/// The whole configuration: `dhcp`, the content of `Dhcp4` or `Dhcp6`, as it is, with what it lacks filled in,
/// and with hooks and databases after its own.
pub(crate) fn complete(family: Family, dhcp: &Value, files: &Files, added: &Added<'_>) -> Result<Value> {
    let mut dhcp = dhcp.clone();
    let map = dhcp.as_object_mut().context("the configuration of a server is a map")?;
    let mut defaults = json!({
        "lease-database": { "type": "memfile", "persist": true, "name": files.leases, "lfc-interval": 0 },
        "interfaces-config": { "interfaces": added.interfaces },
        "valid-lifetime": 3600,
        // Into the file that also gets what Kea says before it has read this.
        "loggers": [{
            "name": family.daemon(),
            "severity": "INFO",
            "output_options": [{ "output": "stdout", "flush": true }],
        }],
    });
    match family {
        Family::V4 => defaults["interfaces-config"]["dhcp-socket-type"] = json!("raw"),
        Family::V6 => defaults["server-id"] = files.server_id(),
    }
    for (name, value) in defaults.as_object().into_iter().flatten() {
        map.entry(name).or_insert_with(|| value.clone());
    }
    let unix = json!({ "socket-type": "unix", "socket-name": files.socket });
    match added.http {
        None => map.entry("control-socket").or_insert(unix),
        Some(address) => map.entry("control-sockets").or_insert(json!([
            unix,
            { "socket-type": "http", "socket-address": address.ip(), "socket-port": address.port() },
        ])),
    };
    append(map, "hooks-libraries", added.hooks)?;
    append(map, "hosts-databases", added.hosts_databases)?;
    Ok(json!({ family.root(): dhcp }))
}

fn append(map: &mut Map<String, Value>, name: &str, entries: &[Value]) -> Result<()> {
    let list = map.entry(name).or_insert_with(|| json!([]));
    list.as_array_mut().with_context(|| format!("{name} is a list"))?.extend_from_slice(entries);
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn fills_in_what_is_missing_and_keeps_the_rest() {
        let files = Files::new(Path::new("/lab"), "kea", Family::V4);
        let given = json!({ "valid-lifetime": 7, "hooks-libraries": [{ "library": "/a.so" }] });
        let interfaces = ["srv0".to_owned()];
        let added = Added {
            interfaces: &interfaces,
            hooks: &[json!({ "library": "/b.so" })],
            hosts_databases: &[json!({ "type": "mysql" })],
            http: None,
        };
        let complete = complete(Family::V4, &given, &files, &added).unwrap();
        let dhcp4 = &complete["Dhcp4"];
        assert_eq!(dhcp4["valid-lifetime"], 7);
        assert_eq!(dhcp4["control-socket"]["socket-name"], "/lab/kea.sock");
        assert_eq!(dhcp4["interfaces-config"]["interfaces"], json!(["srv0"]));
        assert_eq!(dhcp4["hooks-libraries"], json!([{ "library": "/a.so" }, { "library": "/b.so" }]));
        assert_eq!(dhcp4["hosts-databases"], json!([{ "type": "mysql" }]));
    }

    #[test]
    fn knows_what_only_dhcpv6_needs() {
        let files = Files::new(Path::new("/lab"), "kea-b", Family::V6);
        let complete = complete(Family::V6, &json!({}), &files, &Added::default()).unwrap();
        let dhcp6 = &complete["Dhcp6"];
        assert_eq!(dhcp6["lease-database"]["name"], "/lab/kea-b-leases6.csv");
        assert_eq!(dhcp6["interfaces-config"], json!({ "interfaces": [] }));
        assert_eq!(dhcp6["loggers"][0]["name"], "kea-dhcp6");
        assert_eq!(dhcp6["server-id"]["identifier"], "6b65612d62");
    }

    #[test]
    fn has_a_list_of_control_sockets_only_with_http() {
        let files = Files::new(Path::new("/lab"), "kea", Family::V4);
        let with_http = Added { http: Some("127.0.0.1:8001".parse().unwrap()), ..Added::default() };
        let complete = complete(Family::V4, &json!({}), &files, &with_http).unwrap();
        let dhcp4 = &complete["Dhcp4"];
        assert_eq!(dhcp4.get("control-socket"), None);
        assert_eq!(dhcp4["control-sockets"][0]["socket-name"], "/lab/kea.sock");
        assert_eq!(dhcp4["control-sockets"][1]["socket-port"], 8001);
    }

    #[test]
    fn refuses_what_is_no_configuration() {
        let files = Files::new(Path::new("/lab"), "kea", Family::V4);
        assert!(complete(Family::V4, &json!([]), &files, &Added::default()).is_err());
        assert!(complete(Family::V4, &json!({ "hooks-libraries": {} }), &files, &Added::default()).is_err());
    }
}
