//! The registry: families of metrics, and what is known about each.

use std::borrow::Cow;

use prometheus_client::metrics::MetricType;
use prometheus_client::metrics::TypedMetric;
use prometheus_client::metrics::counter::Counter;
use prometheus_client::metrics::family::Family;
use prometheus_client::metrics::gauge::Gauge;
use prometheus_client::metrics::histogram::Histogram;
use prometheus_client::registry::{Metric, Registry, Unit};

/// What every name begins with.
const PREFIX: &str = "kea_operator";

/// A family of metrics, as people know it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Description {
    /// Its name, as it is scraped.
    pub name: String,
    /// `counter`, `gauge` or `histogram`.
    pub kind: &'static str,
    /// Names of its labels.
    pub labels: Vec<&'static str>,
}

type Label = (&'static str, Cow<'static, str>);

/// A family with `N` labels.
pub struct Labelled<const N: usize, M> {
    names: [&'static str; N],
    family: Family<[Label; N], M, fn() -> M>,
}

impl<const N: usize, M: Clone> Labelled<N, M> {
    /// The metric with these values of its labels, in the order of their names.
    pub fn of(&self, values: [Cow<'static, str>; N]) -> M {
        self.family.get_or_create_owned(&self.labels(values))
    }

    /// Forgets the metric with these values of its labels.
    pub fn remove(&self, values: [Cow<'static, str>; N]) {
        self.family.remove(&self.labels(values));
    }

    fn labels(&self, values: [Cow<'static, str>; N]) -> [Label; N] {
        let mut names = self.names.iter();
        values.map(|value| (names.next().copied().unwrap_or_default(), value))
    }
}

/// Registers families, and remembers what they are.
pub struct Registrar {
    registry: Registry,
    descriptions: Vec<Description>,
}

impl Registrar {
    /// Nothing yet.
    pub fn new() -> Self {
        Self { registry: Registry::with_prefix(PREFIX), descriptions: Vec::new() }
    }

    /// What was registered.
    pub fn finish(self) -> (Registry, Vec<Description>) {
        (self.registry, self.descriptions)
    }

    /// Counters by label. Their name on the wire ends in `_total`.
    pub fn counters<const N: usize>(
        &mut self,
        name: &str,
        help: &str,
        labels: [&'static str; N],
    ) -> Labelled<N, Counter> {
        self.labelled(name, help, None, labels, Counter::default)
    }

    /// A gauge.
    pub fn gauge(&mut self, name: &str, help: &str) -> Gauge {
        let gauge = Gauge::default();
        self.register(name, help, None, &[], gauge.clone());
        gauge
    }

    /// Gauges by label.
    pub fn gauges<const N: usize>(
        &mut self,
        name: &str,
        help: &str,
        labels: [&'static str; N],
    ) -> Labelled<N, Gauge> {
        self.labelled(name, help, None, labels, Gauge::default)
    }

    /// A distribution of times. Its name on the wire ends in `_seconds`.
    pub fn time(&mut self, name: &str, help: &str, buckets: fn() -> Histogram) -> Histogram {
        let histogram = buckets();
        self.register(name, help, Some(Unit::Seconds), &[], histogram.clone());
        histogram
    }

    /// Distributions of times by label.
    pub fn times<const N: usize>(
        &mut self,
        name: &str,
        help: &str,
        labels: [&'static str; N],
        buckets: fn() -> Histogram,
    ) -> Labelled<N, Histogram> {
        self.labelled(name, help, Some(Unit::Seconds), labels, buckets)
    }

    /// Distributions of numbers by label.
    pub fn sizes<const N: usize>(
        &mut self,
        name: &str,
        help: &str,
        labels: [&'static str; N],
        buckets: fn() -> Histogram,
    ) -> Labelled<N, Histogram> {
        self.labelled(name, help, None, labels, buckets)
    }

    fn labelled<const N: usize, M>(
        &mut self,
        name: &str,
        help: &str,
        unit: Option<Unit>,
        labels: [&'static str; N],
        constructor: fn() -> M,
    ) -> Labelled<N, M>
    where
        M: TypedMetric + Clone,
        Family<[Label; N], M, fn() -> M>: Metric + Clone,
    {
        let family = Family::new_with_constructor(constructor);
        self.register(name, help, unit, &labels, family.clone());
        Labelled { names: labels, family }
    }

    fn register<M: Metric + TypedMetric>(
        &mut self,
        name: &str,
        help: &str,
        unit: Option<Unit>,
        labels: &[&'static str],
        metric: M,
    ) {
        let (kind, total) = match M::TYPE {
            MetricType::Counter => ("counter", "_total"),
            MetricType::Gauge => ("gauge", ""),
            MetricType::Histogram => ("histogram", ""),
            _ => ("unknown", ""),
        };
        let suffix = unit.as_ref().map(|unit| format!("_{}", unit.as_str())).unwrap_or_default();
        self.descriptions.push(Description {
            name: format!("{PREFIX}_{name}{suffix}{total}"),
            kind,
            labels: labels.to_vec(),
        });
        match unit {
            Some(unit) => self.registry.register_with_unit(name, help, unit, metric),
            None => self.registry.register(name, help, metric),
        }
    }
}

/// From a fast answer of Kea to its longest time limit that is usual.
pub fn moments() -> Histogram {
    Histogram::new([0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 30.0])
}

/// From what people do not notice to a machine that is switched on tomorrow.
pub fn waits() -> Histogram {
    Histogram::new([
        0.1, 0.25, 0.5, 1.0, 2.0, 5.0, 10.0, 30.0, 60.0, 120.0, 300.0, 900.0, 3600.0, 14_400.0, 86_400.0,
    ])
}

/// Items that share a command.
pub fn numbers() -> Histogram {
    Histogram::new([1.0, 2.0, 5.0, 10.0, 20.0, 50.0, 100.0, 200.0, 500.0, 1000.0])
}
