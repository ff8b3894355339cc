//! Which commands there are, in which daemon, and who runs them.

use kea_ffi::element::{Element, Reply};
use kea_ffi::host::Family;

#[cfg(feature = "fault-injection")]
use super::faults;
use super::reservation::{apply, list, one, page, pending};
use super::{CommandError, Commands, event, lease, network, status, store, subnet};

/// Runs a command.
type Handler = fn(&Commands, Option<&Element>) -> Result<Reply, CommandError>;

/// A command.
pub struct Command {
    /// Its name without `ext-`: that of Kea's own hooks, where they have it.
    name: &'static str,
    /// The library of Kea's that serves it under that name.
    provider: Option<&'static str>,
    /// The one family whose daemon has it; none where both have.
    family: Option<Family>,
    /// Who runs it.
    pub run: Handler,
}

impl Command {
    /// The name that is always there.
    pub fn own_name(&self) -> String {
        format!("{PREFIX}{}", self.name)
    }

    /// The name that Kea's own hooks give the same command, and the library that serves it there.
    pub fn stock(&self) -> Option<(&'static str, &'static str)> {
        self.provider.map(|provider| (self.name, provider))
    }

    /// Whether it answers to a name.
    pub fn is_called(&self, name: &str) -> bool {
        match name.strip_prefix(PREFIX) {
            Some(own) => own == self.name,
            None => self.provider.is_some() && name == self.name,
        }
    }
}

/// What every name of ours begins with.
const PREFIX: &str = "ext-";

const fn host_cmds(name: &'static str, run: Handler) -> Command {
    Command { name, provider: Some("libdhcp_host_cmds.so"), family: None, run }
}

const fn subnet_cmds(name: &'static str, family: Family, run: Handler) -> Command {
    Command { name, provider: Some("libdhcp_subnet_cmds.so"), family: Some(family), run }
}

const fn own(name: &'static str, run: Handler) -> Command {
    Command { name, provider: None, family: None, run }
}

const COMMANDS: &[Command] = &[
    host_cmds("reservation-add", one::add),
    host_cmds("reservation-update", one::update),
    host_cmds("reservation-get", |hook, arguments| one::get(hook.family, arguments)),
    host_cmds("reservation-del", one::del),
    host_cmds("reservation-get-page", |hook, arguments| page::get_page(hook.family, arguments)),
    host_cmds("reservation-get-all", |hook, arguments| list::get_all(hook.family, arguments)),
    host_cmds("reservation-get-by-id", |hook, arguments| list::get_by_id(hook.family, arguments)),
    host_cmds("reservation-get-by-hostname", |hook, arguments| list::get_by_hostname(hook.family, arguments)),
    host_cmds("reservation-get-by-address", |hook, arguments| list::get_by_address(hook.family, arguments)),
    subnet_cmds("subnet4-list", Family::V4, |hook, arguments| subnet::list(hook.family, arguments)),
    subnet_cmds("subnet6-list", Family::V6, |hook, arguments| subnet::list(hook.family, arguments)),
    subnet_cmds("subnet4-get", Family::V4, |hook, arguments| subnet::get(hook.family, arguments)),
    subnet_cmds("subnet6-get", Family::V6, |hook, arguments| subnet::get(hook.family, arguments)),
    subnet_cmds("subnet4-add", Family::V4, subnet::add),
    subnet_cmds("subnet6-add", Family::V6, subnet::add),
    subnet_cmds("subnet4-update", Family::V4, subnet::update),
    subnet_cmds("subnet6-update", Family::V6, subnet::update),
    subnet_cmds("subnet4-del", Family::V4, subnet::del),
    subnet_cmds("subnet6-del", Family::V6, subnet::del),
    subnet_cmds("subnet4-delta-add", Family::V4, subnet::delta_add),
    subnet_cmds("subnet6-delta-add", Family::V6, subnet::delta_add),
    subnet_cmds("subnet4-delta-del", Family::V4, subnet::delta_del),
    subnet_cmds("subnet6-delta-del", Family::V6, subnet::delta_del),
    subnet_cmds("network4-list", Family::V4, |hook, arguments| network::list(hook.family, arguments)),
    subnet_cmds("network6-list", Family::V6, |hook, arguments| network::list(hook.family, arguments)),
    subnet_cmds("network4-get", Family::V4, |hook, arguments| network::get(hook.family, arguments)),
    subnet_cmds("network6-get", Family::V6, |hook, arguments| network::get(hook.family, arguments)),
    subnet_cmds("network4-add", Family::V4, network::add),
    subnet_cmds("network6-add", Family::V6, network::add),
    subnet_cmds("network4-del", Family::V4, network::del),
    subnet_cmds("network6-del", Family::V6, network::del),
    subnet_cmds("network4-subnet-add", Family::V4, network::subnet_add),
    subnet_cmds("network6-subnet-add", Family::V6, network::subnet_add),
    subnet_cmds("network4-subnet-del", Family::V4, network::subnet_del),
    subnet_cmds("network6-subnet-del", Family::V6, network::subnet_del),
    own("event-get", event::get),
    own("lease-resolve", lease::resolve),
    own("reservation-apply", apply::apply),
    own("reservation-pending", pending::pending),
    own("status", status::status),
    own("store-backup", store::backup),
    own("store-compact", |hook, _| store::compact(hook)),
    #[cfg(feature = "fault-injection")]
    own("test-panic", |_, _| faults::panics()),
    #[cfg(feature = "fault-injection")]
    own("test-throw", |_, arguments| faults::throws(arguments)),
    #[cfg(feature = "fault-injection")]
    own("test-memory", |_, arguments| faults::misuses_memory(arguments)),
];

/// The commands of the daemon that serves a family.
pub fn of(family: Family) -> impl Iterator<Item = &'static Command> {
    COMMANDS.iter().filter(move |command| command.family.is_none_or(|only| only == family))
}
