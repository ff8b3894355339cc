//! Under which names the commands are served.

use std::collections::BTreeSet;
use std::fmt;

use kea_ffi::element::KeaError;
use kea_ffi::host::Family;
use kea_ffi::library;

use super::table;
use crate::config::{ClaimStockNames, Config};

/// The names that this library serves, and the stock names that it leaves to others.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Names {
    /// Names with `ext-`.
    pub own: Vec<String>,
    /// Names of Kea's own hooks.
    pub claimed: BTreeSet<String>,
    /// Names of Kea's own hooks that were not taken.
    pub left: BTreeSet<String>,
}

impl Names {
    /// Everything to register.
    pub fn all(&self) -> impl Iterator<Item = String> {
        self.own.iter().chain(&self.claimed).cloned()
    }
}

impl fmt::Display for Names {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let list = |names: &BTreeSet<String>| match names.len() {
            0 => "none".to_owned(),
            _ => names.iter().map(String::as_str).collect::<Vec<_>>().join(" "),
        };
        write!(
            formatter,
            "commands {}; stock names claimed: {}; stock names left to others: {}",
            self.own.join(" "),
            list(&self.claimed),
            list(&self.left)
        )
    }
}

/// Decides about the stock names. Kea runs every callout of a command, one after the other, so a name that
/// another configured library serves must stay with it, wherever it stands in the list of libraries.
pub fn names_to_serve(config: &Config, family: Family, libraries: &[String]) -> Result<Names, KeaError> {
    let mut names = Names::default();
    for command in table::of(family) {
        names.own.push(command.own_name());
        let Some((stock, provider)) = command.stock() else {
            continue;
        };
        let taken = config.claim_stock_names == ClaimStockNames::Never
            || libraries.iter().any(|library| library.rsplit('/').next() == Some(provider))
            || library::command_is_taken(stock)?;
        if taken {
            names.left.insert(stock.to_owned())
        } else {
            names.claimed.insert(stock.to_owned())
        };
    }
    Ok(names)
}
