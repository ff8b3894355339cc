//! The `parameters` of the library in Kea's `hooks-libraries`.

use std::ops::RangeInclusive;

use kea_ffi::element::{Element, KeaError, Kind};

/// What the administrator may set.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Config {
    /// `claim-stock-names`.
    pub claim_stock_names: ClaimStockNames,
    /// `persist-subnets`: whether subnets and shared networks that commands add outlive the configuration.
    pub persist_subnets: bool,
    /// `max-resolve-identifiers`: how many identifiers one `ext-lease-resolve` may have.
    pub max_resolve_identifiers: usize,
}

impl Default for Config {
    fn default() -> Self {
        Self {
            claim_stock_names: ClaimStockNames::default(),
            persist_subnets: false,
            max_resolve_identifiers: 10_000,
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

/// Names of all parameters.
const KNOWN: &str = "claim-stock-names, max-resolve-identifiers, persist-subnets";

/// What is wrong with the parameters.
#[derive(Debug, thiserror::Error)]
pub enum ConfigError {
    /// Not a map.
    #[error("'parameters' must be a map")]
    NotAMap,
    /// A name that does not exist.
    #[error("unknown parameter '{0}'; known are: {KNOWN}")]
    Unknown(String),
    /// A value that is not allowed.
    #[error("'{name}' must be {expected}, not {value}")]
    Value {
        /// The parameter.
        name: String,
        /// What it may be.
        expected: String,
        /// What it is, in JSON.
        value: String,
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
            let parameter = Parameter { name: &name, value };
            match name.as_str() {
                "claim-stock-names" => config.claim_stock_names = claim_stock_names(&parameter)?,
                "max-resolve-identifiers" => {
                    config.max_resolve_identifiers = parameter.number(1..=1_000_000)?
                }
                "persist-subnets" => config.persist_subnets = parameter.boolean()?,
                // Kea's own convention for remarks in a configuration.
                "comment" | "user-context" => {}
                _ => return Err(ConfigError::Unknown(name)),
            }
        }
        Ok(config)
    }
}

fn claim_stock_names(parameter: &Parameter<'_>) -> Result<ClaimStockNames, ConfigError> {
    match parameter.value.as_text().as_deref() {
        Some("auto") => Ok(ClaimStockNames::Auto),
        Some("never") => Ok(ClaimStockNames::Never),
        _ => Err(parameter.must_be("\"auto\" or \"never\"")),
    }
}

/// A parameter as it was given.
struct Parameter<'a> {
    name: &'a str,
    value: Element,
}

impl Parameter<'_> {
    fn boolean(&self) -> Result<bool, ConfigError> {
        self.value.as_boolean().ok_or_else(|| self.must_be("true or false"))
    }

    fn number(&self, range: RangeInclusive<usize>) -> Result<usize, ConfigError> {
        let number = self.value.as_integer().and_then(|number| usize::try_from(number).ok());
        number.filter(|number| range.contains(number)).ok_or_else(|| {
            let (low, high) = range.into_inner();
            self.must_be(&format!("a number from {low} to {high}"))
        })
    }

    fn must_be(&self, expected: &str) -> ConfigError {
        let value = self.value.json().unwrap_or_else(|error| error.to_string());
        ConfigError::Value { name: self.name.to_owned(), expected: expected.to_owned(), value }
    }
}
