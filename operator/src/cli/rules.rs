//! Settings that decide about addresses and reservations.

use std::time::Duration;

use clap::Args;
use k8s_openapi::jiff::SignedDuration;

use super::subnets::SubnetArgs;
use crate::config::{flag, understood};
use crate::controller::{SubnetOptions, SweepMode, SweepOptions};
use crate::domain::{AddressPolicy, Brake, PinMode, Rules};

/// How long a deleted object waits for a Kea that is away, unless `KEA_CLEANUP_TIMEOUT` says otherwise.
const CLEANUP_TIMEOUT: Duration = Duration::from_mins(15);

/// How addresses are found, pinned and given up.
// The fields are called as the flags are, and those as the variables.
#[allow(clippy::struct_field_names)]
#[derive(Args, Clone, Debug)]
#[command(next_help_heading = "Reservations")]
pub struct RuleArgs {
    /// Where the address of a reservation comes from: lease-first reserves what a device has leased; mac-only also reserves
    /// without an address before that
    #[arg(long, env = "KEA_ADDRESS_POLICY", default_value = "lease-first", value_name = "lease-first|mac-only", value_parser = policy)]
    kea_address_policy: AddressPolicy,

    /// What to do about a reservation without an address once its device has a lease: off, log, or enforce [default: enforce]
    #[arg(long, env = "KEA_PIN_RESERVATIONS", value_name = "off|log|enforce")]
    kea_pin_reservations: Option<String>,

    /// Take over reservations that nobody owns and that are just as the operator would make them
    #[arg(long, env = "KEA_ADOPT_RESERVATIONS", default_value = "false", default_missing_value = "true", num_args = 0..=1, require_equals = true, value_parser = flag, action = clap::ArgAction::Set)]
    kea_adopt_reservations: bool,

    /// How long a deleted object waits for a Kea that is away before it goes all the same: 15m, 90s, 2h; 0 for ever
    /// [default: 15m]
    #[arg(long, env = "KEA_CLEANUP_TIMEOUT", value_name = "DURATION")]
    kea_cleanup_timeout: Option<String>,

    /// What to do about reservations of objects that are gone: off, report, or remove
    #[arg(long, env = "KEA_ORPHAN_MODE", default_value = "remove", value_name = "off|report|remove", value_parser = sweep_mode)]
    kea_orphan_mode: SweepMode,

    /// How often they are looked for
    #[arg(long, env = "KEA_ORPHAN_INTERVAL", default_value = "10m", value_name = "DURATION", value_parser = interval)]
    kea_orphan_interval: Duration,

    /// How long they are reported before they are removed
    #[arg(long, env = "KEA_ORPHAN_GRACE", default_value = "1h", value_name = "DURATION", value_parser = grace)]
    kea_orphan_grace: Duration,

    /// How many of them are removed at once on a server at most
    #[arg(long, env = "KEA_ORPHAN_MAX", default_value = "100", value_name = "NUMBER", value_parser = number::<1_000_000>)]
    kea_orphan_max: usize,

    /// How many of them are removed at once on a server at most, in percent of the operator's reservations there
    #[arg(long, env = "KEA_ORPHAN_MAX_PERCENT", default_value = "10", value_name = "PERCENT", value_parser = number::<100>)]
    kea_orphan_max_percent: usize,

    #[command(flatten)]
    subnets: SubnetArgs,
}

impl RuleArgs {
    /// The settings that the planner takes; `warnings` gets what could not be understood.
    pub fn rules(&self, warnings: &mut Vec<String>) -> Rules {
        let pin = understood(
            "KEA_PIN_RESERVATIONS",
            self.kea_pin_reservations.as_ref(),
            pin_mode,
            PinMode::default(),
            "off, log or enforce",
            warnings,
        );
        Rules { address: self.kea_address_policy, pin, adopt: self.kea_adopt_reservations }
    }

    /// How long a deleted object waits; none where that is for ever. `warnings` gets what could not be understood.
    pub fn cleanup_timeout(&self, warnings: &mut Vec<String>) -> Option<Duration> {
        let limit = understood(
            "KEA_CLEANUP_TIMEOUT",
            self.kea_cleanup_timeout.as_ref(),
            |text| duration_or(text, Duration::ZERO).ok(),
            CLEANUP_TIMEOUT,
            "a duration such as 15m, 90s or 2h",
            warnings,
        );
        Some(limit).filter(|limit| !limit.is_zero())
    }

    /// Of what missing subnets are made; none where they are not.
    pub fn subnets(&self) -> anyhow::Result<Option<SubnetOptions>> {
        self.subnets.options()
    }

    /// How reservations of objects that are gone are found and removed.
    pub fn sweep(&self) -> SweepOptions {
        SweepOptions {
            mode: self.kea_orphan_mode,
            interval: self.kea_orphan_interval,
            brake: Brake {
                grace: self.kea_orphan_grace,
                at_most: self.kea_orphan_max,
                percent: self.kea_orphan_max_percent,
            },
        }
    }
}

fn policy(text: &str) -> Result<AddressPolicy, String> {
    match text.trim() {
        "" => Ok(AddressPolicy::default()),
        text => AddressPolicy::parse(text).ok_or_else(|| "write lease-first or mac-only".into()),
    }
}

fn pin_mode(text: &str) -> Option<PinMode> {
    match text.to_ascii_lowercase().as_str() {
        "off" => Some(PinMode::Off),
        "log" => Some(PinMode::Log),
        "enforce" => Some(PinMode::Enforce),
        _ => None,
    }
}

fn sweep_mode(text: &str) -> Result<SweepMode, String> {
    match text.trim().to_ascii_lowercase().as_str() {
        "off" => Ok(SweepMode::Off),
        "report" => Ok(SweepMode::Report),
        "remove" | "" => Ok(SweepMode::Remove),
        _ => Err("write off, report or remove".into()),
    }
}

fn number<const MOST: usize>(text: &str) -> Result<usize, String> {
    let number = text.trim().parse::<usize>().ok().filter(|number| (1..=MOST).contains(number));
    number.ok_or_else(|| format!("write a number from 1 to {MOST}"))
}

fn grace(text: &str) -> Result<Duration, String> {
    duration_or(text, Duration::from_hours(1))
}

fn interval(text: &str) -> Result<Duration, String> {
    let interval = duration_or(text, Duration::from_mins(10))?;
    if interval.is_zero() {
        Err("write a duration above 0, or set KEA_ORPHAN_MODE to off".into())
    } else {
        Ok(interval)
    }
}

/// Reads a duration as Go writes it, such as `1h30m` or `90s`; empty is the default.
pub(super) fn duration_or(text: &str, default: Duration) -> Result<Duration, String> {
    match text.trim() {
        "" => Ok(default),
        "0" => Ok(Duration::ZERO),
        text => {
            let parsed = text.parse::<SignedDuration>().ok();
            parsed
                .and_then(|time| time.try_into().ok())
                .ok_or_else(|| "write a duration such as 15m, 90s or 2h".into())
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn durations_are_gos() {
        assert_eq!(grace("1h30m"), Ok(Duration::from_mins(90)));
        assert_eq!(grace("15m"), Ok(Duration::from_mins(15)));
        assert_eq!(grace("0"), Ok(Duration::ZERO));
        assert_eq!(grace("500ms"), Ok(Duration::from_millis(500)));
        for bad in ["soon", "-5m", "15"] {
            assert!(grace(bad).is_err(), "{bad}");
        }
    }

    #[test]
    fn words() {
        assert_eq!(policy("mac-only"), Ok(AddressPolicy::MacOnly));
        assert_eq!(pin_mode("Enforce"), Some(PinMode::Enforce));
        assert!(policy("static").is_err() && pin_mode("yes").is_none());
    }
}
