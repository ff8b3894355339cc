//! The `parameters` of the library in Kea's `hooks-libraries`.

use std::fmt::Display;
use std::ops::RangeInclusive;

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
    /// `max-resolve-identifiers`: how many identifiers one `ext-lease-resolve` may have.
    pub max_resolve_identifiers: usize,
    /// `event-log-size`: how many events are kept for `ext-event-get`.
    pub event_log_size: usize,
    /// `event-leases`: whose leases are told of.
    pub event_leases: EventLeases,
    /// `receive-buffer-size`: bytes that a socket of the server keeps while a command runs; 0 leaves them alone.
    pub receive_buffer_size: u32,
}

impl Default for Config {
    fn default() -> Self {
        Self {
            claim_stock_names: ClaimStockNames::default(),
            persist_subnets: false,
            max_apply_items: 10_000,
            max_resolve_identifiers: 10_000,
            event_log_size: 10_000,
            event_leases: EventLeases::default(),
            receive_buffer_size: 4 << 20,
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

/// Whose leases are told of.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum EventLeases {
    /// Those of clients with a reservation in the server's memory or the embedded store.
    #[default]
    Reserved,
    /// Everybody's.
    All,
    /// Nobody's.
    None,
}

/// What is wrong with the parameters.
#[derive(Debug, thiserror::Error)]
pub enum ConfigError {
    /// Not a map.
    #[error("'parameters' must be a map")]
    NotAMap,
    /// A name that does not exist.
    #[error(
        "unknown parameter '{0}'; known are: claim-stock-names, persist-subnets, max-apply-items, \
         max-resolve-identifiers, event-log-size, event-leases, \
         receive-buffer-size"
    )]
    Unknown(String),
    /// A value that does not exist.
    #[error("'claim-stock-names' must be \"auto\" or \"never\", not {0}")]
    ClaimStockNames(String),
    /// A value that does not exist.
    #[error("'event-leases' must be \"reserved\", \"all\" or \"none\", not {0}")]
    EventLeases(String),
    /// No boolean.
    #[error("'persist-subnets' must be true or false, not {0}")]
    PersistSubnets(String),
    /// No number in the range.
    #[error("'{name}' must be a number from {lowest} to {highest}, not {found}")]
    Number {
        /// The parameter.
        name: &'static str,
        /// The smallest number that it takes.
        lowest: String,
        /// The largest number that it takes.
        highest: String,
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
                    config.max_apply_items = number("max-apply-items", &value, 1..=MOST)?;
                }
                "max-resolve-identifiers" => {
                    config.max_resolve_identifiers = number("max-resolve-identifiers", &value, 1..=MOST)?;
                }
                "event-log-size" => config.event_log_size = number("event-log-size", &value, 0..=MOST)?,
                "event-leases" => config.event_leases = event_leases(&value)?,
                "receive-buffer-size" => {
                    config.receive_buffer_size = number("receive-buffer-size", &value, 0..=LARGEST_BUFFER)?;
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

/// Above it would be a slip: DHCP waits for the whole of a command, and events take memory.
const MOST: usize = 1_000_000;

/// What waits longer than Kea needs to answer so much is of no use to its client.
const LARGEST_BUFFER: u32 = 256 << 20;

fn number<T>(name: &'static str, value: &Element, range: RangeInclusive<T>) -> Result<T, ConfigError>
where
    T: TryFrom<i64> + PartialOrd + Display,
{
    let number = value.as_integer().and_then(|number| T::try_from(number).ok());
    if let Some(number) = number.filter(|number| range.contains(number)) {
        return Ok(number);
    }
    let (lowest, highest) = range.into_inner();
    Err(ConfigError::Number {
        name,
        lowest: lowest.to_string(),
        highest: highest.to_string(),
        found: value.json()?,
    })
}

fn event_leases(value: &Element) -> Result<EventLeases, ConfigError> {
    match value.as_text().as_deref() {
        Some("reserved") => Ok(EventLeases::Reserved),
        Some("all") => Ok(EventLeases::All),
        Some("none") => Ok(EventLeases::None),
        _ => Err(ConfigError::EventLeases(value.json()?)),
    }
}

fn persist_subnets(value: &Element) -> Result<bool, ConfigError> {
    match value.as_boolean() {
        Some(persist) => Ok(persist),
        None => Err(ConfigError::PersistSubnets(value.json()?)),
    }
}
