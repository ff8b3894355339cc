//! Objects are brought back the moment that something happens to their devices.
//!
//! A server with our hook tells what happened to reservations, and is asked for the leases of all devices that are waited for,
//! in one command each. So a lease becomes a reservation within about a second, and nothing is asked for each object. For other
//! servers, objects are looked at one by one, less and less often; they are asked now and then whether they were restarted,
//! since what is in their memory only is then lost.

use std::collections::{BTreeMap, BTreeSet, HashMap, HashSet};
use std::net::IpAddr;
use std::sync::Arc;
use std::time::Duration;

use k8s_openapi::jiff::Timestamp;
use kube::ResourceExt;
use parking_lot::Mutex;
use tokio::time::Instant;
use tokio_util::sync::CancellationToken;

use super::Context;
use super::finding::Finding;
use crate::crd::NetworkConfiguration;
use crate::domain::{Interface, Mac, Outcome, Rank, mark};
use crate::kea::{Bookmark, ErrorClass, Happening, KeaError, Life, Member, What};
use crate::telemetry::metrics::object_key;

/// How often a server is asked: with the questions for its health, its state of high availability, its subnets and its addresses in
/// use, less than one command a second.
const PAUSE: Duration = Duration::from_millis(1200);
/// The same while very many objects are worked on and no lease is waited for: what happens meanwhile can wait.
const LONG_PAUSE: Duration = Duration::from_secs(5);

/// How long a server is left alone that does not accept the credentials, or does not permit the commands.
const LOCKED_OUT: Duration = Duration::from_mins(5);

/// How often a server that tells no events is asked whether it was restarted.
const LIFE: Duration = Duration::from_secs(30);

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

/// How long the start waits for a server to say how far it has come.
const START: Duration = Duration::from_secs(3);

/// How far a server has come, to be asked before the first object is looked at: what happens later is told.
#[derive(Default)]
pub struct Beginning {
    bookmark: Option<Bookmark>,
    life: Option<Life>,
}

impl Beginning {
    /// Asks the server. It may be away, and is then asked later.
    pub async fn of(member: &Member) -> Self {
        let ask = async {
            let server = member.server();
            server.dialect().await.ok()?;
            Some(if server.tells_events() {
                Self { bookmark: server.news(None).await.ok().map(|news| news.next), life: None }
            } else {
                Self { bookmark: None, life: server.life().await.ok() }
            })
        };
        tokio::time::timeout(START, ask).await.ok().flatten().unwrap_or_default()
    }
}

/// Follows one server from there on, until `stop`.
pub async fn follow(context: Arc<Context>, member: Arc<Member>, from: Beginning, stop: CancellationToken) {
    let Beginning { bookmark, life } = from;
    let mut reader = Reader {
        context,
        member,
        bookmark,
        seen: BTreeMap::new(),
        life,
        asked_life: life.map(|_| Instant::now()),
        failed: false,
        locked_out: None,
    };
    loop {
        tokio::select! {
            () = tokio::time::sleep(reader.pause()) => {}
            () = stop.cancelled() => return,
        }
        if reader.is_locked_out() {
            continue;
        }
        let _pulse = reader.context.metrics.liveness().watch("reading the events of a server");
        let outcome = tokio::select! {
            outcome = reader.look() => outcome,
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
    /// Of a server that tells no events.
    life: Option<Life>,
    /// When it was last asked for that, if in vain.
    asked_life: Option<Instant>,
    failed: bool,
    /// Until when nothing is asked, and with which credentials it was refused.
    locked_out: Option<(Instant, u64)>,
}

impl Reader {
    /// Whether the credentials were refused not long ago, and are the same: asking often can lock them.
    fn is_locked_out(&mut self) -> bool {
        let renewals = self.member.server().state().renewals;
        self.locked_out.take_if(|(until, with)| Instant::now() >= *until || *with != renewals);
        self.locked_out.is_some()
    }

    async fn look(&mut self) -> Result<(), KeaError> {
        let server = self.member.server();
        if server.tells_events() {
            self.life = None;
            return self.read().await;
        }
        self.bookmark = None;
        // Whether one that is away has come back is found out elsewhere.
        let due = self.asked_life.is_none_or(|asked| asked.elapsed() >= LIFE);
        if due && server.state().is_healthy() {
            return self.check_life().await;
        }
        Ok(())
    }

    async fn check_life(&mut self) -> Result<(), KeaError> {
        self.asked_life = Some(Instant::now());
        let life = self.member.server().life().await?;
        let before = self.life.replace(life);
        if before.is_some_and(|before| !life.continues(&before)) {
            tracing::info!(
                server = self.member.name(),
                "Kea was restarted or configured anew: looking at all objects"
            );
            self.member.forget_subnets().await;
            self.bring_back_all();
        }
        Ok(())
    }

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
                self.member.forget_subnets().await;
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
        let class = outcome.as_ref().err().map(KeaError::class);
        if let Some(ErrorClass::Authentication | ErrorClass::Permission) = class {
            self.locked_out = Some((Instant::now() + LOCKED_OUT, self.member.server().state().renewals));
        }
    }
}
