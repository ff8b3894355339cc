//! Opens the store that a command works on, and says what to do where that fails. What the hook says is for people who
//! start a server.

use std::path::Path;

use dhcp_host_cmds_rs::store::{OpenError, OpenOptions, Store};

/// Opens a store.
pub fn open(path: &Path, read_only: bool) -> anyhow::Result<Store> {
    Store::open(path, &OpenOptions { read_only }).map_err(explain)
}

fn explain(error: OpenError) -> anyhow::Error {
    match error {
        OpenError::Locked(path) => anyhow::anyhow!(
            "the store '{}' is in use: stop the Kea server that uses it, or let it run and send it the command \
             ext-reservation-apply; --dry-run works meanwhile",
            path.display()
        ),
        OpenError::PermissionDenied(path) => anyhow::anyhow!(
            "no permission to open the store '{}': run this as the user that runs the Kea server, or as root",
            path.display()
        ),
        OpenError::CreationDenied { path, folder } => anyhow::anyhow!(
            "no permission to make the store '{}' in '{}': run this as the user that runs the Kea server, or as root",
            path.display(),
            folder.display()
        ),
        error => error.into(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nothing_is_said_of_the_configuration_of_a_server() {
        let path = || "/hosts.db".into();
        for (error, text) in [
            (OpenError::Locked(path()), "stop the Kea server"),
            (OpenError::PermissionDenied(path()), "no permission to open the store '/hosts.db': run this as"),
            (
                OpenError::CreationDenied { path: path(), folder: "/".into() },
                "'/hosts.db' in '/': run this as",
            ),
            (OpenError::NotAStore(path()), "correct the path"),
            (OpenError::ParentMissing(path()), "correct the path"),
            (OpenError::Directory(path()), "name a file in it"),
            (OpenError::NewerFormat { path: path(), found: 9, supported: 2 }, "formats up to 2: upgrade it"),
        ] {
            let said = explain(error).to_string();
            assert!(said.contains(text), "{said}");
            assert!(!said.contains("\"name\"") && !said.contains("hosts-databases"), "{said}");
        }
    }
}
