//! The controller: `dereference → validate → plan → apply → status` for one object at a time, many objects at once.

mod apply;
pub mod conditions;
mod counted;
mod creation;
mod dereference;
mod feed;
mod finding;
mod give_up;
mod heal;
mod keep;
mod leftovers;
pub mod notices;
mod pace;
mod reconcile;
mod rehearse;
mod repair;
#[cfg(test)]
mod scripted;
mod seats;
mod status;
mod sweep;
mod triage;
mod usage;
mod validate;

use std::collections::{BTreeSet, HashSet};
use std::sync::Arc;
use std::time::Duration;

use futures::future::join_all;
use futures::{Stream, StreamExt, TryStreamExt, stream};
use ipnet::IpNet;
use k8s_openapi::jiff::Timestamp;
use kube::ResourceExt;
use kube::runtime::controller::{Config, applier};
use kube::runtime::reflector::{ObjectRef, Store};
use parking_lot::Mutex;
use tokio::sync::{Semaphore, SemaphorePermit, mpsc};
use tokio::task::JoinSet;
use tokio_util::sync::CancellationToken;

use crate::crd::{AnyConfiguration, AnyNamespace, NetworkConfiguration};
use crate::domain::{Claimant, Claims, Interface, Mac, Rank, Rules, Wish, mark};
use crate::kea::{Fleet, Server, Sharing};
use crate::source::{Objects, Source};
use crate::telemetry::metrics::{ObjectKey, object_key};
use crate::telemetry::{Metrics, Readiness};

use creation::Creation;
pub use creation::{Persist, SubnetOptions};
use feed::{Beginning, Waiting};
use leftovers::Leftovers;
use pace::Pace;
pub use rehearse::{Orphans, Rehearsal, rehearse};
use repair::Writings;
pub use sweep::{SweepMode, SweepOptions};
pub use triage::{Policy, is_ours as is_our_finalizer};

/// Finalizer of objects that have, or may have, reservations.
pub const FINALIZER: &str = "vitistack.io/networkconfiguration-finalizer";
/// Name of the finalizer in versions of the Go operator up to 0.0.12; replaced where found.
pub const LEGACY_FINALIZER: &str = "networkconfiguration.finalizers.vitistack.io";
/// Annotation that leaves the reservations of a deleted object in Kea.
pub const SKIP_CLEANUP: &str = "vitistack.io/kea-skip-cleanup";

/// Annotation of an object that has an address policy of its own: `lease-first` or `mac-only`.
pub const ADDRESS_POLICY: &str = "vitistack.io/kea-address-policy";

/// Objects that are looked at at the same time. Most of them wait, for a command that they share or for their turn to write.
const IN_FLIGHT: u16 = 400;

/// What every reconciliation shares.
pub struct Context {
    fleet: Arc<Fleet>,
    objects: Arc<dyn Objects>,
    namespaces: Store<AnyNamespace>,
    policy: Policy,
    rules: Rules,
    /// How long a deleted object waits for a Kea that is away; for ever where that is none.
    cleanup_timeout: Option<Duration>,
    pace: Pace,
    metrics: Metrics,
    writings: Writings,
    claims: Mutex<Claims>,
    leftovers: Leftovers,
    /// Cancelled when the marks in Kea were read once, on the servers that answered.
    swept: CancellationToken,
    waiting: Waiting,
    /// Objects to whose devices something has just happened.
    hurried: Mutex<HashSet<ObjectKey>>,
    creation: Creation,
    /// Writes that may be under way to the source of the objects.
    turns: Semaphore,
    /// Brings an object back.
    triggers: mpsc::UnboundedSender<ObjectRef<AnyConfiguration>>,
}

impl Context {
    fn new(
        objects: Arc<dyn Objects>,
        namespaces: Store<AnyNamespace>,
        cluster_id: String,
        servers: Vec<Arc<Server>>,
        options: Options,
        triggers: mpsc::UnboundedSender<ObjectRef<AnyConfiguration>>,
    ) -> Self {
        let mark = mark(&cluster_id);
        Self {
            fleet: Arc::new(Fleet::new(servers, &mark).sharing(options.sharing)),
            objects,
            namespaces,
            policy: Policy {
                cluster_id,
                providers: options.providers,
                strict_defaults: options.strict_defaults,
            },
            rules: options.rules,
            cleanup_timeout: options.cleanup_timeout,
            pace: Pace::default(),
            metrics: options.metrics,
            writings: Writings::default(),
            claims: Mutex::default(),
            leftovers: Leftovers::default(),
            swept: CancellationToken::new(),
            waiting: Waiting::default(),
            hurried: Mutex::default(),
            creation: Creation::new(options.subnets, mark),
            turns: Semaphore::new(options.workers.into()),
            triggers,
        }
    }

    /// Forgets an object that is gone.
    fn forget(&self, object: &NetworkConfiguration) {
        if let Some(uid) = &object.metadata.uid {
            self.withdraw(uid);
            self.leftovers.forget(uid);
            self.writings.forget(uid);
            self.pace.reset(uid);
            self.hurried.lock().remove(&object_key(object.namespace().as_deref(), &object.name_any()));
        }
    }

    /// A turn to write to the source of the objects, until it is dropped.
    async fn turn(&self) -> Option<SemaphorePermit<'_>> {
        self.turns.acquire().await.ok()
    }

    /// Enters the wishes of an object, and settles who has a device that several objects wish for in one prefix. Those that
    /// this concerns are brought back.
    fn contest(
        &self,
        object: &NetworkConfiguration,
        prefix: IpNet,
        interfaces: Vec<Interface>,
    ) -> Vec<Interface> {
        let owner = self.policy.owner(object).object;
        let macs: BTreeSet<Mac> = interfaces.iter().filter_map(|interface| interface.wish.mac()).collect();
        let mut claims = self.claims.lock();
        let concerned = claims.update(&owner, created(object), prefix, &macs);
        let settled = interfaces.into_iter().map(|interface| {
            let first = interface.wish.mac().and_then(|mac| claims.first_other(mac, prefix, &owner.uid));
            let wish = match (&interface.wish, first) {
                (Wish::Reserve { mac, .. }, Some(Rank { namespace, name, .. })) => Wish::Taken(format!(
                    "MAC address {mac} is that of NetworkConfiguration {namespace}/{name}, which came first; take it out of \
                     one of the two"
                )),
                _ => interface.wish,
            };
            Interface { wish, ..interface }
        });
        let settled = settled.collect();
        drop(claims);
        self.bring_back(concerned);
        settled
    }

    /// Takes the wishes of an object, by its uid, back.
    fn withdraw(&self, uid: &str) {
        let concerned = self.claims.lock().remove(uid);
        self.bring_back(concerned);
        self.waiting.forget(uid);
        self.writings.let_go(uid);
        for member in self.fleet.members() {
            member.seen_to(uid);
        }
    }

    /// The object as one of those that wish for devices.
    fn claimant(&self, object: &NetworkConfiguration, prefix: Option<IpNet>, macs: &[Mac]) -> Claimant {
        let owner = self.policy.owner(object);
        let claims = self.claims.lock();
        let rivals = macs
            .iter()
            .map(|mac| (*mac, claims.rivals(*mac, prefix, &owner.object.uid)))
            .filter(|(_, rivals)| !rivals.is_empty())
            .collect();
        Claimant { owner, rivals }
    }

    fn bring_back(&self, objects: impl IntoIterator<Item = Rank>) {
        for Rank { namespace, name, .. } in objects {
            // Nobody listens any more when the operator stops.
            let _ = self.triggers.send(ObjectRef::new(&name).within(&namespace));
        }
    }

    /// Whether a deleted object has waited long enough for a Kea that is away.
    fn is_overdue(&self, object: &NetworkConfiguration) -> bool {
        let deleted = object.metadata.deletion_timestamp.as_ref().map(|time| time.0.as_second());
        match (self.cleanup_timeout, deleted) {
            (Some(limit), Some(deleted)) => {
                Timestamp::now().as_second().saturating_sub(deleted) >= limit.as_secs().cast_signed()
            }
            _ => false,
        }
    }
}

fn created(object: &NetworkConfiguration) -> i64 {
    object.metadata.creation_timestamp.as_ref().map_or(0, |time| time.0.as_second())
}

/// Settings of the controller.
#[derive(Clone, Debug)]
pub struct Options {
    /// Values of `spec.provider` that are served, lower-case.
    pub providers: Vec<String>,
    /// Whether objects and their namespaces must name what is otherwise left to defaults.
    pub strict_defaults: bool,
    /// Writes to the source of the objects that may be under way at the same time.
    pub workers: u16,
    /// How servers share host databases.
    pub sharing: Sharing,
    /// Settings that decide about addresses.
    pub rules: Rules,
    /// Of what missing subnets are made; none where they are not.
    pub subnets: Option<SubnetOptions>,
    /// How long a deleted object waits for a Kea that is away; for ever where that is none.
    pub cleanup_timeout: Option<Duration>,
    /// How reservations of objects that are gone are found and removed.
    pub sweep: SweepOptions,
    /// Where it is counted what comes of it.
    pub metrics: Metrics,
}

/// Serves the objects of `source` until `stop`; running reconciliations are finished first.
pub async fn run(
    source: Source,
    servers: Vec<Arc<Server>>,
    options: Options,
    readiness: Readiness,
    stop: CancellationToken,
) {
    tokio::select! {
        ready = source.can_be_served() => if !ready { return },
        () = stop.cancelled() => return,
    }
    readiness.set();
    let Source { configurations, namespaces, triggers, objects, cluster_id, .. } = source;
    let (sweep, metrics) = (options.sweep, options.metrics.clone());
    let (bring_back, brought_back) = mpsc::unbounded_channel();
    let context = Arc::new(Context::new(objects, namespaces, cluster_id, servers, options, bring_back));
    enter_all(&context, &configurations);
    let mut tasks = JoinSet::new();
    let beginnings = join_all(context.fleet.members().iter().map(|member| Beginning::of(member))).await;
    for (member, beginning) in context.fleet.members().iter().zip(beginnings) {
        tasks.spawn(feed::follow(context.clone(), member.clone(), beginning, stop.clone()));
    }
    tasks.spawn(heal::run(context.clone(), configurations.clone(), stop.clone()));
    tasks.spawn(repair::run(context.clone(), configurations.clone(), stop.clone()));
    let ended = CancellationToken::new();
    tasks.spawn(keep::run(context.clone(), ended.clone()));
    tasks.spawn(usage::run(context.clone(), stop.clone()));
    tasks.spawn(sweep::run(context.clone(), configurations.clone(), sweep, stop.clone()));
    let known = configurations.clone();
    metrics.census(move |namespace, name| known.get(&ObjectRef::new(name).within(namespace)).is_some());
    let queue = stream::select(queue(triggers), queue(brought_back))
        .inspect_ok(|object| metrics.object_queued(object_key(object.namespace.as_deref(), &object.name)))
        .take_until(stop.cancelled_owned());
    applier(
        |object, context| Box::pin(counted::reconcile(object, context)),
        |object: Arc<AnyConfiguration>, _: &reconcile::Error, context: Arc<Context>| {
            reconcile::retry(&object, &context)
        },
        context,
        configurations,
        Box::pin(queue),
        Config::default().concurrency(IN_FLIGHT),
    )
    .for_each(|outcome| async move {
        if let Err(error) = outcome {
            tracing::debug!(%error, "reconciliation ended without success");
        }
    })
    .await;
    ended.cancel();
    tasks.join_all().await;
}

/// Enters the wishes of all objects before the first of them is served, so that who comes first does not depend on the order.
fn enter_all(context: &Context, configurations: &Store<AnyConfiguration>) {
    for object in configurations.state() {
        if let Ok(object) = object.read()
            && let Ok(namespace) = dereference::namespace(&object, &context.namespaces)
            && context.policy.triage(&object, Some(&namespace)) == triage::Claim::Serve
            && context.policy.check_defaults(&object, &namespace).is_ok()
            && let Ok(prefix) = validate::prefix(&namespace)
        {
            let interfaces = validate::in_prefix(validate::interfaces(&object), prefix, &object);
            context.contest(&object, prefix, interfaces);
        }
    }
}

fn queue(
    triggers: mpsc::UnboundedReceiver<ObjectRef<AnyConfiguration>>,
) -> impl Stream<Item = Result<ObjectRef<AnyConfiguration>, std::convert::Infallible>> {
    stream::unfold(triggers, |mut triggers| async {
        triggers.recv().await.map(|object| (Ok(object), triggers))
    })
}
