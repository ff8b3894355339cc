//! Settings of subnets that the operator makes.

use std::net::Ipv4Addr;

use clap::Args;

use crate::controller::{Persist, SubnetOptions};
use crate::domain::{GatewayRule, Lifetimes, NewSubnets};

/// Whether subnets are made that Kea lacks, and of what.
// The fields are called as the flags are, and those as the variables.
#[allow(clippy::struct_field_names)]
#[derive(Args, Clone, Debug)]
#[command(next_help_heading = "Subnets")]
pub struct SubnetArgs {
    /// What to do about a prefix that no subnet of Kea contains: never create one, or create it
    #[arg(long, env = "KEA_SUBNET_MODE", default_value = "never", value_name = "never|create", value_parser = mode)]
    kea_subnet_mode: Mode,

    /// Client classes that are evaluated for the pool of a new subnet, with commas; none for no classes
    #[arg(long, env = "KEA_REQUIRE_CLIENT_CLASSES", default_value = CLASSES, value_name = "CLASSES", value_parser = classes)]
    kea_require_client_classes: List<String>,

    /// Gateway of a new subnet, where its NetworkNamespace names none: first, last, or none
    #[arg(long, env = "KEA_SUBNET_GATEWAY", default_value = "first", value_name = "first|last|none", value_parser = gateway)]
    kea_subnet_gateway: GatewayRule,

    /// How many addresses at the beginning of a new subnet stay out of its pool, the network's own among them
    #[arg(long, env = "KEA_SUBNET_POOL_SKIP_FIRST", default_value = "4", value_name = "NUMBER", value_parser = number_or::<4>)]
    kea_subnet_pool_skip_first: u32,

    /// How many addresses at the end of a new subnet stay out of its pool, the broadcast address among them
    #[arg(long, env = "KEA_SUBNET_POOL_SKIP_LAST", default_value = "1", value_name = "NUMBER", value_parser = number_or::<1>)]
    kea_subnet_pool_skip_last: u32,

    /// DNS servers of a new subnet, with commas [default: Kea's global option]
    #[arg(long, env = "KEA_SUBNET_DNS", value_name = "ADDRESSES", value_parser = addresses)]
    kea_subnet_dns: Option<List<Ipv4Addr>>,

    /// How long leases in a new subnet are valid, in seconds [default: Kea's global parameter]
    #[arg(long, env = "KEA_SUBNET_VALID_LIFETIME", value_name = "SECONDS", value_parser = seconds)]
    kea_subnet_valid_lifetime: Option<Seconds>,

    /// When devices there renew their leases, in seconds [default: Kea's global parameter]
    #[arg(long, env = "KEA_SUBNET_RENEW_TIMER", value_name = "SECONDS", value_parser = seconds)]
    kea_subnet_renew_timer: Option<Seconds>,

    /// When devices there ask any server to renew them, in seconds [default: Kea's global parameter]
    #[arg(long, env = "KEA_SUBNET_REBIND_TIMER", value_name = "SECONDS", value_parser = seconds)]
    kea_subnet_rebind_timer: Option<Seconds>,

    /// How new subnets outlive a restart of Kea: auto leaves it to a hook that keeps subnets, else writes Kea's configuration
    /// file; config-write always writes it; none does nothing
    #[arg(long, env = "KEA_SUBNET_PERSIST", default_value = "auto", value_name = "auto|config-write|none", value_parser = persist)]
    kea_subnet_persist: Persist,
}

/// Those of the Go operator.
const CLASSES: &str = "biosclients,ueficlients,ipxeclients";

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Mode {
    Never,
    Create,
}

/// Several values of one flag.
type List<T> = std::sync::Arc<[T]>;

/// A time, or nothing where the variable is empty.
type Seconds = std::sync::Arc<Option<u32>>;

impl SubnetArgs {
    /// The settings; none where no subnets are made.
    pub fn options(&self) -> anyhow::Result<Option<SubnetOptions>> {
        if self.kea_subnet_mode == Mode::Never {
            return Ok(None);
        }
        let time = |time: &Option<Seconds>| time.as_ref().and_then(|seconds| **seconds);
        let lifetimes = Lifetimes {
            valid: time(&self.kea_subnet_valid_lifetime),
            renew: time(&self.kea_subnet_renew_timer),
            rebind: time(&self.kea_subnet_rebind_timer),
        };
        anyhow::ensure!(
            lifetimes.are_in_order(),
            "KEA_SUBNET_RENEW_TIMER must be less than KEA_SUBNET_REBIND_TIMER, and that less than KEA_SUBNET_VALID_LIFETIME"
        );
        let new = NewSubnets {
            gateway: self.kea_subnet_gateway,
            skip_first: self.kea_subnet_pool_skip_first,
            skip_last: self.kea_subnet_pool_skip_last,
            dns: self.kea_subnet_dns.iter().flat_map(|list| list.to_vec()).collect(),
            classes: self.kea_require_client_classes.to_vec(),
            lifetimes,
        };
        Ok(Some(SubnetOptions { new, persist: self.kea_subnet_persist }))
    }
}

fn mode(text: &str) -> Result<Mode, String> {
    match text.trim().to_ascii_lowercase().as_str() {
        "never" | "" => Ok(Mode::Never),
        "create" => Ok(Mode::Create),
        _ => Err("write never or create".into()),
    }
}

fn parts(text: &str) -> impl Iterator<Item = &str> {
    text.split(',').map(str::trim).filter(|part| !part.is_empty())
}

fn classes(text: &str) -> Result<List<String>, String> {
    let text = match text.trim() {
        "none" => return Ok(List::default()),
        "" => CLASSES,
        text => text,
    };
    match parts(text).find(|class| class.contains(char::is_whitespace)) {
        Some(class) => Err(format!("{class:?} is no name of a class; write names with commas between them")),
        None => Ok(parts(text).map(str::to_owned).collect()),
    }
}

fn gateway(text: &str) -> Result<GatewayRule, String> {
    match text.trim().to_ascii_lowercase().as_str() {
        "first" | "" => Ok(GatewayRule::First),
        "last" => Ok(GatewayRule::Last),
        "none" => Ok(GatewayRule::None),
        _ => Err("write first, last or none".into()),
    }
}

fn number_or<const DEFAULT: u32>(text: &str) -> Result<u32, String> {
    match text.trim() {
        "" => Ok(DEFAULT),
        text => text.parse().ok().filter(|number| *number > 0).ok_or("write a number from 1 on".into()),
    }
}

fn addresses(text: &str) -> Result<List<Ipv4Addr>, String> {
    parts(text).map(|part| part.parse().map_err(|_| format!("{part:?} is no IPv4 address"))).collect()
}

fn seconds(text: &str) -> Result<Seconds, String> {
    match text.trim() {
        "" => Ok(Seconds::default()),
        text => match text.parse() {
            Ok(seconds @ 1..) => Ok(Some(seconds).into()),
            _ => Err("write a number of seconds from 1 on".into()),
        },
    }
}

fn persist(text: &str) -> Result<Persist, String> {
    match text.trim().to_ascii_lowercase().as_str() {
        "auto" | "" => Ok(Persist::Auto),
        "config-write" => Ok(Persist::ConfigWrite),
        "none" => Ok(Persist::None),
        _ => Err("write auto, config-write or none".into()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use clap::Parser;

    #[derive(Parser)]
    struct Command {
        #[command(flatten)]
        subnets: SubnetArgs,
    }

    fn options(arguments: &[&str]) -> anyhow::Result<Option<SubnetOptions>> {
        let arguments = std::iter::once(&"test").chain(arguments);
        Command::try_parse_from(arguments)?.subnets.options()
    }

    #[test]
    fn nothing_is_made_unless_it_is_asked_for() {
        assert!(options(&[]).unwrap().is_none());
        let made = options(&["--kea-subnet-mode", "create"]).unwrap().unwrap();
        assert_eq!(made.new.classes, ["biosclients", "ueficlients", "ipxeclients"]);
        assert_eq!((made.new.skip_first, made.new.skip_last, made.persist), (4, 1, Persist::Auto));
        assert_eq!(made.new.lifetimes, Lifetimes::default());
    }

    #[test]
    fn lists_and_times_are_read() {
        let all = [
            "--kea-subnet-mode=create",
            "--kea-require-client-classes=none",
            "--kea-subnet-dns=10.0.0.1, 10.0.0.2",
            "--kea-subnet-valid-lifetime=4000",
            "--kea-subnet-renew-timer=",
        ];
        let made = options(&all).unwrap().unwrap();
        assert_eq!(made.new.dns, [Ipv4Addr::new(10, 0, 0, 1), Ipv4Addr::new(10, 0, 0, 2)]);
        assert!(made.new.classes.is_empty());
        assert_eq!(made.new.lifetimes, Lifetimes { valid: Some(4000), ..Lifetimes::default() });
    }

    #[test]
    fn what_cannot_be_meant_is_refused() {
        for wrong in [
            "--kea-subnet-mode=always",
            "--kea-require-client-classes=a b",
            "--kea-subnet-dns=ns1.example",
            "--kea-subnet-pool-skip-first=0",
            "--kea-subnet-valid-lifetime=1h",
            "--kea-subnet-persist=yes",
        ] {
            assert!(options(&[wrong]).is_err(), "{wrong}");
        }
        let order =
            ["--kea-subnet-mode=create", "--kea-subnet-valid-lifetime=10", "--kea-subnet-renew-timer=20"];
        assert!(options(&order).unwrap_err().to_string().contains("KEA_SUBNET_RENEW_TIMER"));
    }
}
