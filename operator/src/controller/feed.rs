//! Objects are brought back the moment that something happens to their devices.
//!
//! A server with our hook tells what happened to reservations, and is asked for the leases of all devices that are waited for,
//! in one command each. So a lease becomes a reservation within about a second, and nothing is asked for each object. Other
//! servers are asked object by object, less and less often.

use std::collections::{BTreeMap, BTreeSet, HashMap, HashSet};
use std::net::IpAddr;
use std::sync::Arc;
use std::time::Duration;

use k8s_openapi::jiff::Timestamp;
use kube::ResourceExt;
use parking_lot::Mutex;
use tokio_util::sync::CancellationToken;

use super::Context;
use super::finding::Finding;
use crate::crd::NetworkConfiguration;
use crate::domain::{Interface, Mac, Outcome, Rank, mark};
use crate::kea::{Bookmark, Happening, KeaError, Member, What};
use crate::telemetry::metrics::object_key;

/// How often a server is asked: with the question for its health, less than one command a second.
const PAUSE: Duration = Duration::from_millis(1100);
/// The same while very many objects are worked on and no lease is waited for: what happens meanwhile can wait.
const LONG_PAUSE: Duration = Duration::from_secs(5);

/// Devices whose lease is waited for, by uid of the object.
#[derive(Default)]
pub struct Waiting(Mutex<HashMap<String, BTreeSet<Mac>>>);

impl Waiting {
    /// Notes what an object waits for.
    pub fn note(&self, object: &NetworkConfiguration, finding: &Finding) {
        let waits = |(_, outcome): &(Interface, Outcome)| match outcome {
            Outcome::Waiting { mac, .. } => Some(*mac),
            _ => None,
        };
        let macs: BTreeSet<Mac> = finding.interfaces.iter().filter_map(waits).collect();
        let uid = object.uid().unwrap_or_default();
        let mut waiting = self.0.lock();
        if macs.is_empty() {
            waiting.remove(&uid);
        } else {
            waiting.insert(uid, macs);
        }
    }

    /// Forgets an object.
    pub fn forget(&self, uid: &str) {
        self.0.lock().remove(uid);
    }

    fn devices(&self) -> Vec<Mac> {
        let waiting = self.0.lock();
        let all: BTreeSet<Mac> = waiting.values().flatten().copied().collect();
        all.into_iter().collect()
    }
}

/// How long the start waits for a server to say where its events begin.
const START: Duration = Duration::from_secs(3);

/// Where the events of a server begin that objects have not seen to. To be asked before the first object is looked at; none
/// where the server cannot tell.
pub async fn begin(member: &Member) -> Option<Bookmark> {
    let ask = async {
        member.server().dialect().await.ok()?;
        let news = if member.server().tells_events() { member.server().news(None).await.ok() } else { None };
        news.map(|news| news.next)
    };
    tokio::time::timeout(START, ask).await.ok().flatten()
}

/// Follows one server from `bookmark` on, until `stop`.
pub async fn follow(
    context: Arc<Context>,
    member: Arc<Member>,
    bookmark: Option<Bookmark>,
    stop: CancellationToken,
) {
    let mut reader = Reader { context, member, bookmark, seen: BTreeMap::new(), failed: false };
    loop {
        tokio::select! {
            () = tokio::time::sleep(reader.pause()) => {}
            () = stop.cancelled() => return,
        }
        if !reader.member.server().tells_events() {
            reader.bookmark = None;
            continue;
        }
        let _pulse = reader.context.metrics.liveness().watch("reading the events of a server");
        let outcome = tokio::select! {
            outcome = reader.read() => outcome,
            () = stop.cancelled() => return,
        };
        reader.tell(&outcome);
    }
}

struct Reader {
    context: Arc<Context>,
    member: Arc<Member>,
    bookmark: Option<Bookmark>,
    /// The leases that were seen of each device that is waited for.
    seen: BTreeMap<Mac, Vec<(IpAddr, u32)>>,
    failed: bool,
}

impl Reader {
    fn pause(&self) -> Duration {
        let soon = !self.context.fleet.is_crowded() || !self.context.waiting.devices().is_empty();
        if soon { PAUSE } else { LONG_PAUSE }
    }

    async fn read(&mut self) -> Result<(), KeaError> {
        self.look_for_leases().await?;
        loop {
            let first = self.bookmark.is_none();
            let news = self.member.server().news(self.bookmark).await?;
            self.bookmark = Some(news.next);
            // Without a bookmark, nobody knows what happened since the objects were looked at.
            if news.lost || first {
                tracing::info!(
                    server = self.member.name(),
                    "events begin here, were lost, or are of a new configuration: looking at all objects"
                );
                self.bring_back_all();
            }
            for happening in &news.events {
                if let Some(mac) = self.concerns(happening) {
                    self.bring_back(mac);
                }
            }
            if first || !news.more {
                return Ok(());
            }
        }
    }

    /// Asks for leases of devices that are waited for. A lease that was seen before and did not help is not told again.
    async fn look_for_leases(&mut self) -> Result<(), KeaError> {
        let macs = self.context.waiting.devices();
        let still: HashSet<Mac> = macs.iter().copied().collect();
        self.seen.retain(|mac, _| still.contains(mac));
        if macs.is_empty() {
            return Ok(());
        }
        let leases = self.member.server().leases_of(&macs).await?;
        for (mac, leases) in macs.into_iter().zip(leases) {
            let now: Vec<(IpAddr, u32)> =
                leases.iter().map(|lease| (lease.address, lease.subnet_id)).collect();
            let before = self.seen.insert(mac, now.clone());
            if !now.is_empty() && before != Some(now) {
                self.context.metrics.lease_seen(&mac.to_string(), Timestamp::now().as_millisecond());
                self.bring_back(mac);
            }
        }
        Ok(())
    }

    /// The device of an event that an object should look at. What the operator did itself is none of that.
    fn concerns(&self, happening: &Happening) -> Option<Mac> {
        let mac = happening.mac?;
        let ours = happening.owner.as_deref() == Some(mark(&self.context.policy.cluster_id).as_str());
        let concerns = match happening.what {
            What::Pinned | What::Removed => true,
            What::Put => !ours,
            // Leases of devices that are waited for are asked for anyway.
            What::Other => false,
        };
        concerns.then_some(mac)
    }

    fn bring_back(&self, mac: Mac) {
        let ranks: Vec<Rank> =
            self.context.claims.lock().wishing_for(mac).map(|(rank, _)| rank.clone()).collect();
        let keys = ranks.iter().map(|rank| object_key(Some(&rank.namespace), &rank.name));
        self.context.hurried.lock().extend(keys);
        self.context.bring_back(ranks);
    }

    fn bring_back_all(&self) {
        let ranks: Vec<Rank> = self.context.claims.lock().objects().map(|(_, rank)| rank.clone()).collect();
        self.context.bring_back(ranks);
    }

    /// Tells once that events cannot be read.
    fn tell(&mut self, outcome: &Result<(), KeaError>) {
        if let Err(error) = outcome
            && !self.failed
        {
            tracing::debug!(server = self.member.name(), %error, "cannot follow what happens; objects are looked at now and then");
        }
        self.failed = outcome.is_err();
    }
}
