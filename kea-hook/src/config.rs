//! The `parameters` of the library in Kea's `hooks-libraries`.

use kea_ffi::element::{Element, KeaError, Kind};

/// What the administrator may set.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Config {
    /// `claim-stock-names`.
    pub claim_stock_names: ClaimStockNames,
    /// `persist-subnets`: whether subnets and shared networks that commands add outlive the configuration.
    pub persist_subnets: bool,
    /// `max-apply-items`: how many items one `ext-reservation-apply` may have.
    pub max_apply_items: usize,
}

impl Default for Config {
    fn default() -> Self {
        Self {
            claim_stock_names: ClaimStockNames::default(),
            persist_subnets: false,
            max_apply_items: 10_000,
        }
    }
}

/// Whether commands also take the names that Kea's own hooks give them.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum ClaimStockNames {
    /// Those that no other configured library serves.
    #[default]
    Auto,
    /// None.
    Never,
}

/// What is wrong with the parameters.
#[derive(Debug, thiserror::Error)]
pub enum ConfigError {
    /// Not a map.
    #[error("'parameters' must be a map")]
    NotAMap,
    /// A name that does not exist.
    #[error("unknown parameter '{0}'; known are: claim-stock-names, persist-subnets, max-apply-items")]
    Unknown(String),
    /// A value that does not exist.
    #[error("'claim-stock-names' must be \"auto\" or \"never\", not {0}")]
    ClaimStockNames(String),
    /// No boolean.
    #[error("'persist-subnets' must be true or false, not {0}")]
    PersistSubnets(String),
    /// No number in the range.
    #[error("'{name}' must be a number from 1 to {highest}, not {found}")]
    Number {
        /// The parameter.
        name: &'static str,
        /// The largest number that it takes.
        highest: usize,
        /// What was given.
        found: String,
    },
    /// Kea could not read it.
    #[error(transparent)]
    Kea(#[from] KeaError),
}

impl Config {
    /// Reads the parameters; all have defaults.
    pub fn parse(parameters: Option<&Element>) -> Result<Self, ConfigError> {
        let mut config = Self::default();
        let Some(parameters) = parameters.filter(|given| given.kind() != Kind::Null) else {
            return Ok(config);
        };
        if parameters.kind() != Kind::Map {
            return Err(ConfigError::NotAMap);
        }
        for name in parameters.names()? {
            let Some(value) = parameters.get(&name)? else {
                continue;
            };
            match name.as_str() {
                "claim-stock-names" => config.claim_stock_names = claim_stock_names(&value)?,
                "persist-subnets" => config.persist_subnets = persist_subnets(&value)?,
                "max-apply-items" => {
                    config.max_apply_items = number("max-apply-items", &value, MAX_APPLY_ITEMS)?;
                }
                // Kea's own convention for remarks in a configuration.
                "comment" | "user-context" => {}
                _ => return Err(ConfigError::Unknown(name)),
            }
        }
        Ok(config)
    }
}

fn claim_stock_names(value: &Element) -> Result<ClaimStockNames, ConfigError> {
    match value.as_text().as_deref() {
        Some("auto") => Ok(ClaimStockNames::Auto),
        Some("never") => Ok(ClaimStockNames::Never),
        _ => Err(ConfigError::ClaimStockNames(value.json()?)),
    }
}

/// DHCP waits for the whole of a command.
const MAX_APPLY_ITEMS: usize = 1_000_000;

fn number(name: &'static str, value: &Element, highest: usize) -> Result<usize, ConfigError> {
    let number = value.as_integer().and_then(|number| usize::try_from(number).ok());
    match number.filter(|number| (1..=highest).contains(number)) {
        Some(number) => Ok(number),
        None => Err(ConfigError::Number { name, highest, found: value.json()? }),
    }
}

fn persist_subnets(value: &Element) -> Result<bool, ConfigError> {
    match value.as_boolean() {
        Some(persist) => Ok(persist),
        None => Err(ConfigError::PersistSubnets(value.json()?)),
    }
}
