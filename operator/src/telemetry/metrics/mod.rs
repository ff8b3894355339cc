//! Metrics: what the operator counts, and how it is scraped.
//!
//! No label holds a MAC address, the address of a device, the name of an object, or anything else without bounds.

mod exposition;
mod kea;
mod objects;
mod registry;
mod reservations;
#[cfg(test)]
mod tests;
mod words;

use std::collections::HashMap;
use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use parking_lot::Mutex;
use prometheus_client::metrics::gauge::Gauge;
use prometheus_client::registry::Registry;

use super::Liveness;

pub use exposition::Format;
pub use objects::{ObjectKey, Reconciling, object_key};
pub use registry::Description;
pub use words::{
    AddressState, CommandResult, ErrorType, OperationStatus, Outcome, Phase, ReservationOperation,
    ServerType, SkipReason, SweepResult,
};

/// Every metric of the operator. Clones are cheap and count together.
#[derive(Clone)]
pub struct Metrics(Arc<Inner>);

struct Inner {
    registry: Registry,
    descriptions: Vec<Description>,
    kea: kea::KeaFamilies,
    /// The dialect that is shown, by server.
    dialects: Mutex<HashMap<String, &'static str>>,
    /// The subnets whose addresses are shown, by server.
    subnets: Mutex<HashMap<String, Vec<u32>>>,
    reservations: reservations::ReservationFamilies,
    objects: objects::ObjectFamilies,
    leader: Gauge,
    liveness: Liveness,
}

impl fmt::Debug for Metrics {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "metrics")
    }
}

impl Default for Metrics {
    fn default() -> Self {
        Self::new(Liveness::new(Duration::from_secs(10)))
    }
}

impl Metrics {
    /// Nothing is counted yet.
    pub fn new(liveness: Liveness) -> Self {
        let mut to = registry::Registrar::new();
        let kea = kea::KeaFamilies::register(&mut to);
        let reservations = reservations::ReservationFamilies::register(&mut to);
        let objects = objects::ObjectFamilies::register(&mut to);
        let leader = to.gauge("leader", "Whether this process is the leader (1), or waits to be (0)");
        let build = to.gauges("build_info", "1, at the version of this process", ["version"]);
        build.of([env!("CARGO_PKG_VERSION").into()]).set(1);
        let (registry, descriptions) = to.finish();
        Self(Arc::new(Inner {
            registry,
            descriptions,
            kea,
            dialects: Mutex::default(),
            subnets: Mutex::default(),
            reservations,
            objects,
            leader,
            liveness,
        }))
    }

    /// This process is the leader, or is not.
    pub fn leader_is_me(&self, leader: bool) {
        self.0.leader.set(leader.into());
    }

    /// What must go on, for `/healthz`.
    pub fn liveness(&self) -> &Liveness {
        &self.0.liveness
    }

    /// What there is to scrape, whether it has a value yet or not.
    pub fn descriptions(&self) -> &[Description] {
        &self.0.descriptions
    }

    /// All values, as text.
    pub fn encode(&self, format: Format) -> String {
        self.0.objects.count();
        exposition::encode(&self.0.registry, format)
    }
}
