//! Servers that return are brought level: every object is seen to again.

use std::collections::{HashMap, HashSet};
use std::sync::Arc;
use std::time::Duration;

use k8s_openapi::apimachinery::pkg::apis::meta::v1::ObjectMeta;
use kube::Resource;
use kube::runtime::reflector::Store;
use tokio::time::Instant;
use tokio_util::sync::CancellationToken;

use super::pace::Pace;
use super::triage::is_ours;
use super::{Context, sweep};
use crate::crd::AnyConfiguration;
use crate::domain::Rank;
use crate::kea::Standing;

/// How often a server that is behind is tried.
const PAUSE: Duration = Duration::from_secs(3);

/// After so many of these pauses, wishes of objects that are gone are looked for.
const PRUNED_EVERY: u32 = 10;

/// Watches for servers that return, until `stop`.
pub async fn run(context: Arc<Context>, configurations: Store<AnyConfiguration>, stop: CancellationToken) {
    let pace = Pace::default();
    let mut again: HashMap<&str, Instant> = HashMap::new();
    let members = context.fleet.members();
    for round in 1u32.. {
        tokio::select! {
            () = tokio::time::sleep(PAUSE) => {}
            () = stop.cancelled() => return,
        }
        let _pulse = context.metrics.liveness().watch("bringing a server level");
        for member in members {
            if member.standing() == Standing::Level {
                pace.reset(member.name());
            }
            // Whether it answers is found out elsewhere, at a pace that credentials survive.
            if member.standing() != Standing::Behind || !member.server().state().is_healthy() {
                continue;
            }
            // One that answers and fails again and again must not bring all objects back each time.
            if again.get(member.name()).is_some_and(|again| Instant::now() < *again) {
                continue;
            }
            again.insert(member.name(), Instant::now() + pace.retry(member.name(), None));
            // It may have been restarted, with other subnets than before.
            member.forget_subnets().await;
            if sweep::hand_back(&context, member).await.is_ok() {
                let (uids, ranks) = everybody(&context);
                member.returns(uids);
                context.bring_back(ranks.into_iter().chain(given_up(&context, &configurations)));
            }
        }
        if round.is_multiple_of(PRUNED_EVERY) {
            prune(&context, &configurations);
        }
    }
}

/// Takes back the wishes of objects that are gone and were never given up: they were deleted before they were claimed, or
/// somebody took their finalizer away. Nobody else would get their devices.
fn prune(context: &Context, configurations: &Store<AnyConfiguration>) {
    let exist: HashSet<String> =
        configurations.state().iter().filter_map(|object| object.meta().uid.clone()).collect();
    let (known, _) = everybody(context);
    for uid in known.difference(&exist) {
        context.withdraw(uid);
    }
}

/// Objects that wish for nothing and have not been let go: they wait for their release, for longer where credentials were wrong.
fn given_up(context: &Context, configurations: &Store<AnyConfiguration>) -> Vec<Rank> {
    let claims = context.claims.lock();
    let waits = |meta: &ObjectMeta| {
        let is_served = meta.uid.as_deref().is_some_and(|uid| claims.rank(uid).is_some());
        !is_served && meta.finalizers.iter().flatten().any(|finalizer| is_ours(finalizer))
    };
    let objects = configurations.state();
    let waiting = objects.iter().map(|object| object.meta()).filter(|meta| waits(meta));
    let rank = |meta: &ObjectMeta| Rank {
        created: meta.creation_timestamp.as_ref().map_or(0, |time| time.0.as_second()),
        namespace: meta.namespace.clone().unwrap_or_default(),
        name: meta.name.clone().unwrap_or_default(),
    };
    waiting.map(rank).collect()
}

/// All objects that wish for something, by uid and by name.
pub fn everybody(context: &Context) -> (HashSet<String>, Vec<Rank>) {
    let claims = context.claims.lock();
    claims.objects().map(|(uid, rank)| (uid.to_owned(), rank.clone())).unzip()
}
