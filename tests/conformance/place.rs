//! Where a row runs: the family, the backend and the Kea.

use std::fmt;

use kea_lab::Family;

/// Where reservations are kept.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Backend {
    /// The server's own memory; no host database is configured.
    Memory,
    /// Our embedded store.
    Memfile,
    Postgresql,
    Mysql,
    /// Our embedded store, and PostgreSQL after it.
    Two,
}

impl Backend {
    pub const ALL: [Self; 5] = [Self::Memory, Self::Memfile, Self::Postgresql, Self::Mysql, Self::Two];

    fn name(self) -> &'static str {
        match self {
            Self::Memory => "memory",
            Self::Memfile => "memfile",
            Self::Postgresql => "postgresql",
            Self::Mysql => "mysql",
            Self::Two => "two",
        }
    }

    /// Whether this is the backend of that name, or one of the group.
    pub fn is(self, name: &str) -> Result<bool, String> {
        match name {
            "database" => Ok(self != Self::Memory),
            "sql" => Ok(matches!(self, Self::Postgresql | Self::Mysql)),
            _ if Self::ALL.iter().any(|backend| backend.name() == name) => Ok(self.name() == name),
            _ => Err(format!("there is no backend {name}")),
        }
    }
}

/// A version of Kea; the third number does not count.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Version(u32, u32);

impl Version {
    /// Reads the start of `3.0.3` or `2.6`.
    pub fn parse(text: &str) -> Result<Self, String> {
        let mut numbers = text.split('.').map(str::parse);
        match (numbers.next(), numbers.next()) {
            (Some(Ok(major)), Some(Ok(minor))) => Ok(Self(major, minor)),
            _ => Err(format!("'{text}' is no version of Kea")),
        }
    }

    /// Whether this version is in a range such as `>=2.6` or `<3.0`.
    pub fn is_in(self, range: &str) -> Result<bool, String> {
        if let Some(least) = range.strip_prefix(">=") {
            return Ok(self >= Self::parse(least)?);
        }
        let end =
            range.strip_prefix('<').ok_or(format!("'{range}' is no range of versions: use >=2.6 or <3.0"))?;
        Ok(self < Self::parse(end)?)
    }
}

/// Where a row runs.
#[derive(Clone, Copy, Debug)]
pub struct Place {
    pub family: Family,
    pub backend: Backend,
    pub kea: Version,
}

impl Place {
    /// Whether the condition of a choice holds here: a family (`v4`), a backend or group of them, or a range of
    /// Kea's versions (`kea<3.0`).
    pub fn is(&self, condition: &str) -> Result<bool, String> {
        match condition {
            "v4" => Ok(self.family == Family::V4),
            "v6" => Ok(self.family == Family::V6),
            _ => match condition.strip_prefix("kea") {
                Some(range) => self.kea.is_in(range),
                None => self.backend.is(condition),
            },
        }
    }
}

impl fmt::Display for Place {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { family, backend, kea } = self;
        write!(f, "{family}, {}, Kea {}.{}", backend.name(), kea.0, kea.1)
    }
}
