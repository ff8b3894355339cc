//! What the operator does to reservations.

use std::time::Duration;

use prometheus_client::metrics::counter::Counter;
use prometheus_client::metrics::gauge::Gauge;
use prometheus_client::metrics::histogram::Histogram;

use super::Metrics;
use super::registry::{Labelled, Registrar, waits};
use super::words::{OperationStatus, ReservationOperation, SweepResult};

pub(super) struct ReservationFamilies {
    operations: Labelled<3, Counter>,
    to_reservation: Histogram,
    to_pin: Histogram,
    drift_found: Labelled<1, Counter>,
    drift_repaired: Labelled<1, Counter>,
    disagreement: Labelled<1, Gauge>,
    orphans: Gauge,
    orphans_removed: Counter,
    sweeps: Labelled<1, Counter>,
}

impl ReservationFamilies {
    pub fn register(to: &mut Registrar) -> Self {
        Self {
            operations: to.counters(
                "dhcp_reservations",
                "Operations on reservations by what they came to; subnet_id is Kea's",
                ["operation", "status", "subnet_id"],
            ),
            to_reservation: to.time(
                "time_to_reservation",
                "Time from the creation of an object to its first reservation",
                waits,
            ),
            to_pin: to.time("lease_to_pin", "Time from the lease of a device to its reservation", waits),
            drift_found: to.counters(
                "drift_found",
                "Reservations of ours found missing or changed by others",
                ["server"],
            ),
            drift_repaired: to.counters(
                "drift_repaired",
                "Reservations of ours put back as they should be",
                ["server"],
            ),
            disagreement: to.gauges(
                "server_disagreement",
                "Reservations in which the server differs from what it should hold",
                ["server"],
            ),
            orphans: to.gauge("orphans", "Reservations of ours whose object is gone, at the last sweep"),
            orphans_removed: to.counter("orphans_removed", "Orphans that a sweep removed"),
            sweeps: to.counters("orphan_sweeps", "Sweeps for orphans by what they came to", ["result"]),
        }
    }
}

impl Metrics {
    /// Something was done to a reservation in this subnet of Kea, or was not.
    pub fn reservation_operation(
        &self,
        operation: ReservationOperation,
        status: OperationStatus,
        subnet_id: u32,
    ) {
        let counter = self.0.reservations.operations.of([
            operation.into(),
            status.into(),
            subnet_id.to_string().into(),
        ]);
        counter.inc();
    }

    /// An object has its first reservation, so long after its creation.
    pub fn object_reserved_after(&self, age: Duration) {
        self.0.reservations.to_reservation.observe(age.as_secs_f64());
    }

    /// A lease was made a reservation, so long after the device got it.
    pub fn lease_pinned_after(&self, age: Duration) {
        self.0.reservations.to_pin.observe(age.as_secs_f64());
    }

    /// A reservation of ours is not on the server as it should be.
    pub fn drift_found(&self, server: &str) {
        self.0.reservations.drift_found.of([server.to_owned().into()]).inc();
    }

    /// A reservation of ours is on the server again as it should be.
    pub fn drift_repaired(&self, server: &str) {
        self.0.reservations.drift_repaired.of([server.to_owned().into()]).inc();
    }

    /// The server differs in so many reservations from what it should hold.
    pub fn server_disagrees_in(&self, server: &str, reservations: usize) {
        let gauge = self.0.reservations.disagreement.of([server.to_owned().into()]);
        gauge.set(i64::try_from(reservations).unwrap_or(i64::MAX));
    }

    /// A sweep ended; it found so many orphans and removed so many of them.
    pub fn orphan_sweep_ended(&self, result: SweepResult, found: usize, removed: usize) {
        let families = &self.0.reservations;
        families.sweeps.of([result.into()]).inc();
        families.orphans.set(i64::try_from(found.saturating_sub(removed)).unwrap_or(i64::MAX));
        families.orphans_removed.inc_by(removed as u64);
    }
}
