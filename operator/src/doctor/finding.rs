//! What was found.

use std::fmt;

use clap::ValueEnum;
use serde::Serialize;

/// How bad it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Severity {
    /// As it should be.
    Ok,
    /// Good to know.
    Info,
    /// Works, and will bite some day.
    Warning,
    /// Does not work.
    Error,
}

impl fmt::Display for Severity {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(match self {
            Self::Ok => "ok",
            Self::Info => "info",
            Self::Warning => "warning",
            Self::Error => "error",
        })
    }
}

/// What was looked at: the name by which programs, and docs/operator.md, know a finding.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, ValueEnum)]
#[serde(rename_all = "kebab-case")]
pub enum Check {
    /// Variables that are set in vain.
    Settings,
    /// Whether a server answers.
    Reachable,
    /// What a server could not tell.
    Answers,
    /// Its release.
    Version,
    /// Commands that others on the network can read.
    Tls,
    /// A control agent that could be done without.
    ControlAgent,
    /// Its clock.
    Clock,
    /// The ends of certificates.
    Certificate,
    /// Commands that are missing.
    Commands,
    /// The commands that are used.
    Dialect,
    /// What our hook says of itself.
    Hook,
    /// Its store.
    Store,
    /// Its feed of events.
    Events,
    /// Where reservations are kept.
    HostSources,
    /// Flags that rob reservations of their effect.
    ReservationFlags,
    /// What devices are looked up by.
    Identifiers,
    /// Where leases are kept.
    Leases,
    /// Multi-threading.
    Threads,
    /// Kea's high availability.
    Ha,
    /// What differs between servers.
    Peers,
    /// Whether the cluster answers.
    Access,
    /// CustomResourceDefinitions.
    Definitions,
    /// What the cluster permits.
    Permissions,
    /// Who serves the objects.
    Operators,
    /// Whether Kea fits a NetworkNamespace.
    Network,
    /// Objects in error.
    Objects,
}

impl Check {
    /// All of them.
    pub fn all() -> &'static [Self] {
        Self::value_variants()
    }
}

impl fmt::Display for Check {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.to_possible_value().as_ref().map_or("", clap::builder::PossibleValue::get_name))
    }
}

/// One thing that was looked at. Texts are the same for the same cause, and hold no password.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Finding {
    /// How bad it is.
    pub severity: Severity,
    /// Where: a server, the cluster, an object.
    pub subject: String,
    /// What was looked at in it.
    pub check: Check,
    /// What is so.
    pub what: String,
    /// Why it matters.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub why: Option<String>,
    /// What to do about it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub fix: Option<String>,
}

impl Finding {
    fn new(severity: Severity, check: Check, what: impl Into<String>) -> Self {
        Self { severity, subject: String::new(), check, what: what.into(), why: None, fix: None }
    }

    /// All is well.
    pub fn ok(check: Check, what: impl Into<String>) -> Self {
        Self::new(Severity::Ok, check, what)
    }

    /// Good to know.
    pub fn info(check: Check, what: impl Into<String>) -> Self {
        Self::new(Severity::Info, check, what)
    }

    /// Will bite.
    pub fn warning(check: Check, what: impl Into<String>) -> Self {
        Self::new(Severity::Warning, check, what)
    }

    /// Does not work.
    pub fn error(check: Check, what: impl Into<String>) -> Self {
        Self::new(Severity::Error, check, what)
    }

    /// Adds why it matters.
    #[must_use]
    pub fn why(mut self, why: impl Into<String>) -> Self {
        self.why = Some(why.into());
        self
    }

    /// Adds what to do.
    #[must_use]
    pub fn fix(mut self, fix: impl Into<String>) -> Self {
        self.fix = Some(fix.into());
        self
    }

    /// Says what was looked at.
    #[must_use]
    pub fn of(mut self, subject: &str) -> Self {
        subject.clone_into(&mut self.subject);
        self
    }
}
