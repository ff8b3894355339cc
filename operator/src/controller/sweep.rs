//! The sweep: reservations of the operator that no object wishes for are found, told, and after a while removed.
//!
//! What an object that lives does not wish for any more goes back to that object, which releases it at once: the operator was
//! killed before it could remember the reservation. What is left of objects that are gone is told first, and removed when
//! it was told for long enough, a part at a time.

use std::collections::{HashMap, HashSet};
use std::sync::Arc;
use std::time::Duration;

use futures::TryStreamExt;
use kube::Resource;
use kube::runtime::reflector::Store;
use tokio::time::Instant;
use tokio_util::sync::CancellationToken;

use super::Context;
use crate::crd::AnyConfiguration;
use crate::domain::{
    Brake, Identifier, KnownOrphans, Mac, Ownership, Rank, Removal, Verdict, are_too_many, is_shrunken,
    judge, mark,
};
use crate::kea::{Change, Changed, KeaError, Listed, Member};
use crate::telemetry::metrics::SweepResult;

/// What is done about orphans.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum SweepMode {
    /// They are not looked for.
    Off,
    /// They are told.
    Report,
    /// They are told, and then removed.
    Remove,
}

/// Settings of the sweep.
#[derive(Clone, Copy, Debug)]
pub struct SweepOptions {
    /// What is done about orphans.
    pub mode: SweepMode,
    /// How often they are looked for.
    pub interval: Duration,
    /// How careful it is.
    pub brake: Brake,
}

/// For how long the greatest number of objects counts.
const MEMORY: Duration = Duration::from_hours(24);

/// What one server has that no object wishes for.
#[derive(Default)]
struct Found {
    owned: usize,
    orphans: HashSet<Removal>,
    leftovers: Vec<Rank>,
}

/// Sweeps at once, and then every interval, until `stop`.
pub async fn run(
    context: Arc<Context>,
    configurations: Store<AnyConfiguration>,
    options: SweepOptions,
    stop: CancellationToken,
) {
    // However this ends, nobody waits for it any longer.
    let mut swept = Some(context.swept.clone().drop_guard());
    if options.mode == SweepMode::Off {
        return;
    }
    let began = Instant::now();
    let mut known: HashMap<String, KnownOrphans> = HashMap::new();
    let mut numbers: Vec<(Instant, usize)> = Vec::new();
    loop {
        let exists = uids(&configurations);
        numbers.retain(|(when, _)| when.elapsed() < MEMORY);
        numbers.push((Instant::now(), exists.len()));
        let most = numbers.iter().map(|(_, number)| *number).max().unwrap_or_default();
        let shrunken = is_shrunken(exists.len(), most);
        if shrunken {
            tracing::warn!(
                objects = exists.len(),
                before = most,
                "far fewer NetworkConfigurations than before: no orphaned reservation is removed until they are back, or for 24 h"
            );
        }
        let pulse = context.metrics.liveness().watch("the sweep for orphans");
        for member in to_sweep(&context).await {
            let member = &*member;
            let known = known.entry(member.name().into()).or_default();
            let outcome = tokio::select! {
                outcome = sweep(&context, member, &exists, known, began.elapsed(), options, shrunken) => outcome,
                () = stop.cancelled() => return,
            };
            if let Err(error) = outcome {
                context.metrics.orphan_sweep_ended(member.name(), SweepResult::Error);
                tracing::warn!(server = member.name(), %error, "cannot look for orphaned reservations; will try again");
            }
        }
        drop(pulse);
        swept.take();
        tokio::select! {
            () = tokio::time::sleep(options.interval) => {}
            () = stop.cancelled() => return,
        }
    }
}

/// The servers to look at: of those that share a host database, the first that answers.
async fn to_sweep(context: &Context) -> Vec<Arc<Member>> {
    let mut chosen = vec![];
    for group in context.fleet.groups(context.fleet.members()).await {
        let answering = group.iter().find(|member| member.server().state().is_healthy());
        match answering {
            Some(member) if context.fleet.is_shared(&group).await => chosen.push(member.clone()),
            _ => chosen.extend(group),
        }
    }
    chosen
}

/// All objects that there are, served or not, readable or not.
fn uids(configurations: &Store<AnyConfiguration>) -> HashSet<String> {
    configurations.state().iter().filter_map(|object| object.meta().uid.clone()).collect()
}

async fn sweep(
    context: &Context,
    member: &Member,
    exists: &HashSet<String>,
    known: &mut KnownOrphans,
    now: Duration,
    options: SweepOptions,
    shrunken: bool,
) -> Result<(), KeaError> {
    let Found { owned, orphans, leftovers } = search(context, member, |uid| exists.contains(uid)).await?;
    context.bring_back(leftovers);
    let doubtful = are_too_many(orphans.len(), owned);
    if doubtful {
        tracing::warn!(
            server = member.name(),
            orphans = orphans.len(),
            owned,
            "most reservations of the operator seem to be of objects that are gone: none is removed for 24 h; is this the \
             list of objects that they were made for?"
        );
    }
    // What becomes of most of them is left to a person, for as long as a shrunken list counts.
    let grace = if doubtful { options.brake.grace.max(MEMORY) } else { options.brake.grace };
    let due = known.note(&orphans, now, grace);
    if !orphans.is_empty() {
        tracing::warn!(
            server = member.name(),
            orphans = orphans.len(),
            due = due.len(),
            "reservations of NetworkConfigurations that are gone: see kea-operator orphans"
        );
    }
    context.metrics.orphans_found(member.name(), orphans.len());
    if options.mode != SweepMode::Remove || shrunken || due.is_empty() {
        let result = if shrunken || doubtful { SweepResult::Stopped } else { SweepResult::Done };
        context.metrics.orphan_sweep_ended(member.name(), result);
        return Ok(());
    }
    let now: Vec<Removal> = due.iter().copied().take(options.brake.allows(due.len(), owned)).collect();
    remove(member, &now).await?;
    context.metrics.orphans_removed(member.name(), now.len());
    let result = if now.len() < due.len() { SweepResult::Stopped } else { SweepResult::Done };
    context.metrics.orphan_sweep_ended(member.name(), result);
    tracing::warn!(
        server = member.name(),
        removed = now.len(),
        left = orphans.len() - now.len(),
        "orphaned reservations removed"
    );
    Ok(())
}

/// Hands objects what a server has of theirs and they do not wish for. For a server that returns: what they gave up while it
/// was away.
pub async fn hand_back(context: &Context, member: &Member) -> Result<(), KeaError> {
    let found = search(context, member, |_| true).await?;
    context.bring_back(found.leftovers);
    Ok(())
}

/// The devices of an object's reservations on a server, by its mark.
pub async fn devices_of(context: &Context, member: &Member, uid: &str) -> Result<Vec<Mac>, KeaError> {
    let mark = mark(&context.policy.cluster_id);
    let mut devices = vec![];
    let mut listed = std::pin::pin!(member.server().reservations());
    while let Some(Listed { reservation, .. }) = listed.try_next().await? {
        if let (Ownership::Owned { owner, object: Some(object) }, Identifier::HwAddress(mac)) =
            (&reservation.ownership, &reservation.identifier)
            && *owner == mark
            && object.uid == uid
        {
            devices.push(*mac);
        }
    }
    Ok(devices)
}

async fn search(
    context: &Context,
    member: &Member,
    exists: impl Fn(&str) -> bool,
) -> Result<Found, KeaError> {
    let mark = mark(&context.policy.cluster_id);
    let subnets = member.subnets().await?;
    let mut found = Found::default();
    let mut listed = std::pin::pin!(member.server().reservations());
    while let Some(listed) = listed.try_next().await? {
        let reservation = &listed.reservation;
        if !matches!(&reservation.ownership, Ownership::Owned { owner, .. } if *owner == mark) {
            continue;
        }
        found.owned += 1;
        let subnet = subnets.iter().find(|subnet| subnet.id == reservation.subnet_id);
        let verdict = judge(reservation, subnet, &mark, &context.claims.lock(), &exists);
        match verdict {
            Verdict::Leave => {}
            Verdict::Orphan(removal) => {
                found.orphans.insert(removal);
            }
            Verdict::Leftover { uid, object, mac } => {
                context.leftovers.add(&uid, [mac]);
                found.leftovers.push(object);
            }
            Verdict::Unserved { uid, mac } => context.leftovers.add(&uid, [mac]),
        }
    }
    Ok(found)
}

async fn remove(member: &Member, orphans: &[Removal]) -> Result<(), KeaError> {
    let results = member.change(orphans.iter().copied().map(Change::Remove).collect()).await?;
    for (Removal { subnet_id, mac }, result) in orphans.iter().zip(results) {
        if result == Changed::Done {
            tracing::info!(server = member.name(), %mac, subnet_id, "orphaned reservation removed");
        } else {
            tracing::warn!(server = member.name(), %mac, subnet_id, ?result, "orphaned reservation stays");
        }
    }
    Ok(())
}
