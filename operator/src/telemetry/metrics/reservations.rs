//! What the operator does to reservations.

use std::collections::HashMap;
use std::time::Duration;

use parking_lot::Mutex;

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
    /// When devices got their leases, until they have reservations.
    leased: Mutex<HashMap<String, i64>>,
    drift_found: Labelled<1, Counter>,
    drift_repaired: Labelled<1, Counter>,
    level: Labelled<1, Gauge>,
    orphans: Labelled<1, Gauge>,
    orphans_removed: Labelled<1, Counter>,
    sweeps: Labelled<2, Counter>,
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
            leased: Mutex::default(),
            drift_found: to.counters(
                "drift_found",
                "Reservations that were not on the server as the status of their object says",
                ["server"],
            ),
            drift_repaired: to.counters("drift_repaired", "Those that were made so again", ["server"]),
            level: to.gauges(
                "server_level",
                "Whether the server has all that objects wish for (1), or was away and is behind (0)",
                ["server"],
            ),
            orphans: to.gauges(
                "orphans",
                "Reservations of ours whose object is gone, as the last sweep found them",
                ["server"],
            ),
            orphans_removed: to.counters("orphans_removed", "Orphans that sweeps removed", ["server"]),
            sweeps: to.counters(
                "orphan_sweeps",
                "Sweeps for orphans by what they came to",
                ["server", "result"],
            ),
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

    /// A device whose reservation waits for it got a lease at that time, in seconds since 1970.
    pub fn device_got_lease(&self, device: &str, time: i64) {
        self.0.reservations.leased.lock().entry(device.to_owned()).or_insert(time);
    }

    /// A device has a reservation since that time, in seconds since 1970.
    pub fn device_got_reservation(&self, device: &str, time: i64) {
        if let Some(leased) = self.0.reservations.leased.lock().remove(device) {
            let waited = Duration::from_secs(time.saturating_sub(leased).try_into().unwrap_or_default());
            self.0.reservations.to_pin.observe(waited.as_secs_f64());
        }
    }

    /// A reservation is not on the server as the status of its object says.
    pub fn drift_found(&self, server: &str) {
        self.0.reservations.drift_found.of([server.to_owned().into()]).inc();
    }

    /// It is again.
    pub fn drift_repaired(&self, server: &str) {
        self.0.reservations.drift_repaired.of([server.to_owned().into()]).inc();
    }

    /// The server has all that objects wish for, or was away and is behind.
    pub fn server_is_level(&self, server: &str, level: bool) {
        self.0.reservations.level.of([server.to_owned().into()]).set(level.into());
    }

    /// A sweep found so many orphans on a server.
    pub fn orphans_found(&self, server: &str, number: usize) {
        let gauge = self.0.reservations.orphans.of([server.to_owned().into()]);
        gauge.set(i64::try_from(number).unwrap_or(i64::MAX));
    }

    /// A sweep removed so many of them.
    pub fn orphans_removed(&self, server: &str, number: usize) {
        self.0.reservations.orphans_removed.of([server.to_owned().into()]).inc_by(number as u64);
        self.0.reservations.orphans.of([server.to_owned().into()]).dec_by(i64::try_from(number).unwrap_or(0));
    }

    /// A sweep of a server ended.
    pub fn orphan_sweep_ended(&self, server: &str, result: SweepResult) {
        self.0.reservations.sweeps.of([server.to_owned().into(), result.into()]).inc();
    }
}
