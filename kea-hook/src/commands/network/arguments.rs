//! Reading of what the commands about members of shared networks are given, with the texts of Kea's own hook.

use kea_ffi::element::Element;
use kea_ffi::host::Family;

use crate::commands::CommandError;
use crate::commands::subnet::arguments::{command, map};

/// A shared network and a subnet.
pub struct Member {
    /// The network's name.
    pub name: Vec<u8>,
    /// The subnet's id, which may be one that no subnet can have.
    pub id: i64,
}

impl Member {
    /// Reads `name` and `id`.
    pub fn read(family: Family, action: &str, arguments: Option<&Element>) -> Result<Self, CommandError> {
        let command = command("network", family, action);
        let arguments = map(arguments, &command)?;
        let member = |name: &str| -> Result<Element, CommandError> {
            arguments.get(name)?.ok_or_else(|| {
                CommandError::new(format!("missing '{name}' argument for the '{command}' command"))
            })
        };
        let name = member("name")?.as_bytes().ok_or_else(|| {
            CommandError::new(format!(
                "'name' argument specified for the '{command}' command is not a string"
            ))
        })?;
        let id = member("id")?.as_integer().ok_or_else(|| {
            // Kea's own hook says "name" here as well.
            CommandError::new(format!(
                "'name' argument specified for the '{command}' command is not an integer"
            ))
        })?;
        Ok(Self { name, id })
    }

    /// The network's name for texts.
    pub fn name(&self) -> String {
        String::from_utf8_lossy(&self.name).into_owned()
    }
}
