//! What the operator makes of its objects.

use std::collections::HashMap;
use std::time::Duration;

use parking_lot::Mutex;
use prometheus_client::metrics::counter::Counter;
use prometheus_client::metrics::gauge::Gauge;
use prometheus_client::metrics::histogram::Histogram;
use tokio::time::Instant;

use super::super::Pulse;
use super::Metrics;
use super::registry::{Labelled, Registrar, moments, waits};
use super::words::{ErrorType, Outcome, Phase, SkipReason};

/// The label `controller`: there is one.
const CONTROLLER: &str = "networkconfiguration";

/// Namespace and name of an object.
pub type ObjectKey = (String, String);

/// What an object is to the operator.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Standing {
    Served(Phase),
    Skipped(SkipReason),
}

/// Tells whether there still is such an object.
type Census = Box<dyn Fn(&str, &str) -> bool + Send + Sync>;

#[derive(Default)]
pub(super) struct Registered {
    standing: HashMap<ObjectKey, Standing>,
    waiting: HashMap<ObjectKey, Instant>,
    census: Option<Census>,
}

pub(super) struct ObjectFamilies {
    active: Gauge,
    by_phase: Labelled<1, Gauge>,
    skipped: Labelled<1, Gauge>,
    errors: Labelled<2, Counter>,
    duration: Labelled<2, Histogram>,
    in_progress: Gauge,
    queue_depth: Gauge,
    queue_wait: Histogram,
    status_writes: Labelled<1, Counter>,
    registered: Mutex<Registered>,
}

impl ObjectFamilies {
    pub fn register(to: &mut Registrar) -> Self {
        Self {
            active: to.gauge("active_network_configurations", "NetworkConfigurations that are served"),
            by_phase: to.gauges("objects", "NetworkConfigurations that are served, by phase", ["phase"]),
            skipped: to.gauges(
                "skipped_objects",
                "NetworkConfigurations that are left alone, by reason",
                ["reason"],
            ),
            errors: to.counters(
                "reconciliation_errors",
                "Reconciliations that came to an error",
                ["error_type", "controller"],
            ),
            duration: to.times(
                "reconcile_duration",
                "Time of one reconciliation, from its start to its last write",
                ["controller", "result"],
                moments,
            ),
            in_progress: to.gauge("reconciles_in_progress", "Objects that are worked on now"),
            queue_depth: to.gauge("queue_depth", "Objects that changed and are not worked on yet"),
            queue_wait: to.time("queue_wait", "Time from a change to the start of work on it", waits),
            status_writes: to.counters(
                "status_writes",
                "Writes of a status by what they came to",
                ["result"],
            ),
            registered: Mutex::default(),
        }
    }

    /// Brings the gauges level with what is registered, and forgets objects that are gone.
    pub fn count(&self) {
        let mut registered = self.registered.lock();
        let Registered { standing, waiting, census } = &mut *registered;
        if let Some(exists) = census {
            standing.retain(|(namespace, name), _| exists(namespace, name));
            waiting.retain(|(namespace, name), _| exists(namespace, name));
        }
        let count = |wanted: &dyn Fn(Standing) -> bool| {
            let number = standing.values().filter(|standing| wanted(**standing)).count();
            i64::try_from(number).unwrap_or(i64::MAX)
        };
        self.active.set(count(&|standing| matches!(standing, Standing::Served(_))));
        for phase in Phase::ALL {
            self.by_phase.of([(*phase).into()]).set(count(&|standing| standing == Standing::Served(*phase)));
        }
        for reason in SkipReason::ALL {
            self.skipped
                .of([(*reason).into()])
                .set(count(&|standing| standing == Standing::Skipped(*reason)));
        }
        self.queue_depth.set(i64::try_from(waiting.len()).unwrap_or(i64::MAX));
    }
}

impl Metrics {
    /// `exists` tells from now on whether there still is an object with that namespace and name.
    pub fn census(&self, exists: impl Fn(&str, &str) -> bool + Send + Sync + 'static) {
        self.0.objects.registered.lock().census = Some(Box::new(exists));
    }

    /// An object is served, and is in this phase.
    pub fn object_is(&self, object: ObjectKey, phase: Phase) {
        self.0.objects.registered.lock().standing.insert(object, Standing::Served(phase));
    }

    /// An object is served. Its phase is the one that was last written, or this one if none was.
    pub fn object_is_served(&self, object: ObjectKey, phase: Phase) {
        let mut registered = self.0.objects.registered.lock();
        let standing = registered.standing.entry(object).or_insert(Standing::Served(phase));
        if matches!(standing, Standing::Skipped(_)) {
            *standing = Standing::Served(phase);
        }
    }

    /// An object is left alone.
    pub fn object_is_skipped(&self, object: ObjectKey, reason: SkipReason) {
        self.0.objects.registered.lock().standing.insert(object, Standing::Skipped(reason));
    }

    /// An object changed and waits for a worker.
    pub fn object_queued(&self, object: ObjectKey) {
        self.0.objects.registered.lock().waiting.entry(object).or_insert_with(Instant::now);
    }

    /// Work on an object begins. It ends with [`Reconciling::ended`], or with an error when that is forgotten.
    pub fn reconciliation_began(&self, object: &ObjectKey) -> Reconciling {
        let waited = self.0.objects.registered.lock().waiting.remove(object);
        if let Some(since) = waited {
            self.0.objects.queue_wait.observe(since.elapsed().as_secs_f64());
        }
        self.0.objects.in_progress.inc();
        Reconciling {
            metrics: self.clone(),
            began: Instant::now(),
            result: Outcome::Error,
            _pulse: self.liveness().watch("reconciliation"),
        }
    }

    /// A reconciliation met an error, whether it could go on or not.
    pub fn reconciliation_error(&self, error: ErrorType) {
        self.0.objects.errors.of([error.into(), CONTROLLER.into()]).inc();
    }

    /// A status was written, or could not be.
    pub fn status_written(&self, result: Outcome) {
        self.0.objects.status_writes.of([result.into()]).inc();
    }
}

/// One object that is being worked on.
#[must_use = "work ends when this is dropped"]
pub struct Reconciling {
    metrics: Metrics,
    began: Instant,
    result: Outcome,
    _pulse: Pulse,
}

impl Reconciling {
    /// Work ended with this result. Returns how long it took.
    pub fn ended(mut self, result: Outcome) -> Duration {
        self.result = result;
        self.began.elapsed()
    }
}

impl Drop for Reconciling {
    fn drop(&mut self) {
        let objects = &self.metrics.0.objects;
        objects.in_progress.dec();
        let duration = objects.duration.of([CONTROLLER.into(), self.result.into()]);
        duration.observe(self.began.elapsed().as_secs_f64());
    }
}

/// A key from what an object's metadata says.
pub fn object_key(namespace: Option<&str>, name: &str) -> ObjectKey {
    (namespace.unwrap_or_default().to_owned(), name.to_owned())
}
