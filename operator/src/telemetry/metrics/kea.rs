//! What the operator sees of Kea's servers. `server` is always the endpoint as configured, without credentials.

use std::collections::HashMap;
use std::time::Duration;

use prometheus_client::metrics::counter::Counter;
use prometheus_client::metrics::gauge::Gauge;
use prometheus_client::metrics::histogram::Histogram;

use super::Metrics;
use super::registry::{Labelled, Registrar, moments, numbers};
use super::words::{AddressState, CommandResult, Outcome, ServerType};
use crate::domain::Usage;
use crate::kea::{Availability, Circuit};

pub(super) struct KeaFamilies {
    commands: Labelled<3, Counter>,
    duration: Labelled<2, Histogram>,
    retries: Labelled<2, Counter>,
    batch_items: Labelled<2, Histogram>,
    health: Labelled<2, Gauge>,
    breaker: Labelled<2, Gauge>,
    dialect: Labelled<2, Gauge>,
    credential_reloads: Labelled<1, Counter>,
    ha_state: Labelled<2, Gauge>,
    ha_scopes: Labelled<1, Gauge>,
    addresses: Labelled<3, Gauge>,
}

impl KeaFamilies {
    pub fn register(to: &mut Registrar) -> Self {
        Self {
            commands: to.counters(
                "kea_commands",
                "Commands to Kea by what they came to",
                ["server", "command", "result"],
            ),
            duration: to.times(
                "dhcp_operation_duration",
                "Time from a command to its answer; operation is the command",
                ["operation", "server"],
                moments,
            ),
            retries: to.counters(
                "kea_retries",
                "Commands that were sent again after a failure",
                ["server", "command"],
            ),
            batch_items: to.sizes(
                "kea_batch_items",
                "Items of many objects that one command carried",
                ["server", "command"],
                numbers,
            ),
            health: to.gauges(
                "server_health",
                "Whether the server answers (1) or not (0)",
                ["server", "type"],
            ),
            breaker: to.gauges(
                "breaker_state",
                "1 at the state of the server's circuit breaker, else 0",
                ["server", "state"],
            ),
            dialect: to.gauges(
                "server_dialect",
                "1 at the commands that the server is spoken to with",
                ["server", "dialect"],
            ),
            credential_reloads: to.counters(
                "credential_reloads",
                "Times that changed credentials or certificates were read again",
                ["result"],
            ),
            ha_state: to.gauges(
                "server_ha_state",
                "1 at the state of the server in Kea's high availability",
                ["server", "state"],
            ),
            ha_scopes: to.gauges(
                "server_ha_scopes",
                "Whose clients the server answers in Kea's high availability: of so many servers, 0 for nobody",
                ["server"],
            ),
            addresses: to.gauges(
                "subnet_addresses",
                "Addresses of the subnet of a NetworkNamespace by their state, as Kea counts them",
                ["server", "subnet_id", "state"],
            ),
        }
    }
}

impl Metrics {
    /// A command was answered, or failed, after `took`. One that the breaker held back has no duration.
    pub fn kea_command_ended(&self, server: &str, command: &str, result: CommandResult, took: Duration) {
        let kea = &self.0.kea;
        kea.commands.of([server.to_owned().into(), command.to_owned().into(), result.into()]).inc();
        if result != CommandResult::NotSent {
            let duration = kea.duration.of([command.to_owned().into(), server.to_owned().into()]);
            duration.observe(took.as_secs_f64());
        }
    }

    /// A command is sent again.
    pub fn kea_command_retried(&self, server: &str, command: &str) {
        self.0.kea.retries.of([server.to_owned().into(), command.to_owned().into()]).inc();
    }

    /// One command carried so many items of many objects.
    pub fn kea_batch_sent(&self, server: &str, command: &str, items: usize) {
        let sizes = self.0.kea.batch_items.of([server.to_owned().into(), command.to_owned().into()]);
        sizes.observe(f64::from(u32::try_from(items).unwrap_or(u32::MAX)));
    }

    /// A server was found to answer, or not to.
    pub fn server_is_healthy(&self, server: &str, place: ServerType, healthy: bool) {
        self.0.kea.health.of([server.to_owned().into(), place.into()]).set(healthy.into());
    }

    /// The breaker of a server is in this state now.
    pub fn breaker_is(&self, server: &str, state: Circuit) {
        for each in [Circuit::Closed, Circuit::HalfOpen, Circuit::Open] {
            let gauge = self.0.kea.breaker.of([server.to_owned().into(), each.as_str().into()]);
            gauge.set((each == state).into());
        }
    }

    /// A server is spoken to in this dialect now, such as `ext` or `stock`; or nobody knows in which.
    pub fn dialect_is(&self, server: &str, dialect: Option<&'static str>) {
        let mut known = self.0.dialects.lock();
        let before = match dialect {
            Some(dialect) => known.insert(server.to_owned(), dialect),
            None => known.remove(server),
        };
        if let Some(before) = before {
            self.0.kea.dialect.remove([server.to_owned().into(), before.into()]);
        }
        if let Some(dialect) = dialect {
            self.0.kea.dialect.of([server.to_owned().into(), dialect.into()]).set(1);
        }
    }

    /// A server is so in Kea's high availability now, or is not in any.
    pub fn availability_is(&self, server: &str, before: &[Availability], now: &[Availability]) {
        let state = |part: &Availability| [server.to_owned().into(), part.state.clone().into()];
        for part in before {
            self.0.kea.ha_state.remove(state(part));
        }
        for part in now {
            self.0.kea.ha_state.of(state(part)).set(1);
        }
        let scopes: usize = now.iter().map(|part| part.scopes.len()).sum();
        if now.is_empty() {
            self.0.kea.ha_scopes.remove([server.to_owned().into()]);
        } else {
            let gauge = self.0.kea.ha_scopes.of([server.to_owned().into()]);
            gauge.set(i64::try_from(scopes).unwrap_or(i64::MAX));
        }
    }

    /// A server has so many addresses in use, by the number of its subnet. What was said of it before is forgotten.
    pub fn addresses_are(&self, server: &str, usage: &HashMap<u32, Usage>) {
        let mut known = self.0.subnets.lock();
        let labels =
            |id: u32, state: AddressState| [server.to_owned().into(), id.to_string().into(), state.into()];
        let before = known.insert(server.to_owned(), usage.keys().copied().collect()).unwrap_or_default();
        for gone in before.iter().filter(|id| !usage.contains_key(id)) {
            for state in AddressState::ALL {
                self.0.kea.addresses.remove(labels(*gone, *state));
            }
        }
        for (id, usage) in usage {
            for state in AddressState::ALL {
                let number = match state {
                    AddressState::Total => usage.total,
                    AddressState::Assigned => usage.assigned,
                    AddressState::Declined => usage.declined,
                };
                let gauge = self.0.kea.addresses.of(labels(*id, *state));
                gauge.set(i64::try_from(number).unwrap_or(i64::MAX));
            }
        }
    }

    /// Changed credentials or certificates were read, or could not be.
    pub fn credentials_reloaded(&self, result: Outcome) {
        self.0.kea.credential_reloads.of([result.into()]).inc();
    }
}
