//! Settings that decide about addresses and reservations.

use std::time::Duration;

use clap::Args;

use crate::config::flag;
use crate::domain::{AddressPolicy, PinMode, Rules};

/// How addresses are found, pinned and given up.
#[derive(Args, Clone, Debug)]
#[command(next_help_heading = "Reservations")]
pub struct RuleArgs {
    /// Where the address of a reservation comes from: lease-first reserves what a device has leased; mac-only also reserves
    /// without an address before that
    #[arg(long, env = "KEA_ADDRESS_POLICY", default_value = "lease-first", value_name = "lease-first|mac-only", value_parser = policy)]
    kea_address_policy: AddressPolicy,

    /// What to do about a reservation without an address once its device has a lease: off, log, or enforce
    #[arg(long, env = "KEA_PIN_RESERVATIONS", default_value = "enforce", value_name = "off|log|enforce", value_parser = pin_mode)]
    kea_pin_reservations: PinMode,

    /// Take over reservations that nobody owns and that are just as the operator would make them
    #[arg(long, env = "KEA_ADOPT_RESERVATIONS", default_value = "false", default_missing_value = "true", num_args = 0..=1, require_equals = true, value_parser = flag, action = clap::ArgAction::Set)]
    kea_adopt_reservations: bool,

    /// How long a deleted object waits for a Kea that is away before it goes all the same: 15m, 90s, 2h; 0 for ever
    #[arg(long, env = "KEA_CLEANUP_TIMEOUT", default_value = "15m", value_name = "DURATION", value_parser = duration)]
    kea_cleanup_timeout: Duration,
}

impl RuleArgs {
    /// The settings that the planner takes.
    pub fn rules(&self) -> Rules {
        Rules {
            address: self.kea_address_policy,
            pin: self.kea_pin_reservations,
            adopt: self.kea_adopt_reservations,
        }
    }

    /// How long a deleted object waits; none where that is for ever.
    pub fn cleanup_timeout(&self) -> Option<Duration> {
        Some(self.kea_cleanup_timeout).filter(|limit| !limit.is_zero())
    }
}

fn policy(text: &str) -> Result<AddressPolicy, String> {
    match text.trim() {
        "lease-first" | "" => Ok(AddressPolicy::LeaseFirst),
        "mac-only" => Ok(AddressPolicy::MacOnly),
        _ => Err("write lease-first or mac-only".into()),
    }
}

fn pin_mode(text: &str) -> Result<PinMode, String> {
    match text.trim().to_ascii_lowercase().as_str() {
        "off" => Ok(PinMode::Off),
        "log" => Ok(PinMode::Log),
        "enforce" | "" => Ok(PinMode::Enforce),
        _ => Err("write off, log or enforce".into()),
    }
}

/// Reads a duration as Go writes it, such as `1h30m` or `90s`; empty is the default.
fn duration(text: &str) -> Result<Duration, String> {
    let text = text.trim();
    match text {
        "" => Ok(Duration::from_mins(15)),
        "0" => Ok(Duration::ZERO),
        _ => {
            let parsed = text.parse::<k8s_openapi::jiff::SignedDuration>().ok();
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
        assert_eq!(duration("1h30m"), Ok(Duration::from_mins(90)));
        assert_eq!(duration("15m"), Ok(Duration::from_mins(15)));
        assert_eq!(duration("0"), Ok(Duration::ZERO));
        assert_eq!(duration("500ms"), Ok(Duration::from_millis(500)));
        for bad in ["soon", "-5m", "15"] {
            assert!(duration(bad).is_err(), "{bad}");
        }
    }

    #[test]
    fn words() {
        assert_eq!(policy("mac-only"), Ok(AddressPolicy::MacOnly));
        assert_eq!(pin_mode("Enforce"), Ok(PinMode::Enforce));
        assert!(policy("static").is_err() && pin_mode("yes").is_err());
    }
}
