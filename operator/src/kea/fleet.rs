//! The servers, as one: what is read, and what is changed on all of them.

use std::collections::HashSet;
use std::sync::Arc;
use std::time::Duration;

use parking_lot::Mutex;
use tokio::time::Instant;

use super::commands::Configuration;
use super::joiner::{Activity, Joiner, Presence};
use super::sharing::{Seen, SharedDatabase, Sharing};
use super::{Change, Changed, KeaError, Server};
use crate::domain::{Known, Mac, NetworkOptions, Reservation, Subnet};

/// How long the list of a server's subnets is believed.
const SUBNETS_LAST: Duration = Duration::from_secs(30);
/// A list this young is not asked for again, whatever it lacks.
const SUBNETS_FRESH: Duration = Duration::from_secs(1);

/// How long what its configuration says is believed: it is long, and changes seldom.
const CONFIGURATION_LASTS: Duration = Duration::from_mins(5);

/// Something that a server told, and when.
type Told<T> = tokio::sync::Mutex<Option<(Instant, Arc<T>)>>;

/// Servers, and the databases that they have in common, if any.
type Group = (Option<Arc<str>>, Vec<Arc<Member>>);

/// All servers, the one to believe first.
pub struct Fleet {
    members: Vec<Arc<Member>>,
    activity: Arc<Activity>,
    sharing: Sharing,
}

/// One server, with what is joined and kept for it.
pub struct Member {
    server: Arc<Server>,
    look_ups: Joiner<Mac, Known>,
    changes: Joiner<Change, Changed>,
    subnets: Told<Vec<Subnet>>,
    configuration: Told<Configuration>,
    seen: Seen,
    state: Mutex<Standing>,
}

/// How a server stands with what is wished for.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub enum Standing {
    /// Nothing is known to be missing there.
    #[default]
    Level,
    /// It could not be reached when something was to be read or changed.
    Behind,
    /// It answers again, and these objects, by uid, have not been seen to since.
    Levelling(HashSet<String>),
}

impl Fleet {
    /// The fleet of `servers`, the primary first, for the operator whose mark is `mark`.
    pub fn new(servers: Vec<Arc<Server>>, mark: &str) -> Self {
        let activity: Arc<Activity> = Arc::default();
        let members =
            servers.into_iter().map(|server| Arc::new(Member::new(server, &activity, mark))).collect();
        Self { members, activity, sharing: Sharing::default() }
    }

    /// The same, whose servers share host databases in that way.
    #[must_use]
    pub fn sharing(self, sharing: Sharing) -> Self {
        Self { sharing, ..self }
    }

    /// Whether it is to be read back what is written to one of several servers that share a database.
    pub fn is_read_back(&self) -> bool {
        self.sharing.is_read_back
    }

    /// Whether it is for the operator to find out which servers share a database.
    pub fn is_sharing_found_out(&self) -> bool {
        self.sharing.mode == SharedDatabase::Auto
    }

    /// `members` in groups that share a host database, or may do so; all in their order.
    pub async fn groups(&self, members: &[Arc<Member>]) -> Vec<Vec<Arc<Member>>> {
        let is_one = self.sharing.mode == SharedDatabase::Yes;
        if is_one || members.len() < 2 {
            return if members.is_empty() { vec![] } else { vec![members.to_vec()] };
        }
        let mut groups: Vec<Group> = vec![];
        for member in members {
            let databases = match self.sharing.mode {
                SharedDatabase::Auto => member.shared_databases().await,
                SharedDatabase::Yes | SharedDatabase::No => None,
            };
            match groups.iter_mut().find(|(of, _)| of.is_some() && *of == databases) {
                Some((_, group)) => group.push(member.clone()),
                None => groups.push((databases, vec![member.clone()])),
            }
        }
        groups.into_iter().map(|(_, group)| group).collect()
    }

    /// Whether servers of one group are known to share their database, so that each of them speaks for the others.
    pub async fn is_shared(&self, group: &[Arc<Member>]) -> bool {
        if self.sharing.mode == SharedDatabase::Yes {
            return true;
        }
        for follower in group.iter().skip(1) {
            if !follower.is_seen_to_share().await {
                return false;
            }
        }
        group.len() > 1
    }

    /// The servers, the primary first.
    pub fn members(&self) -> &[Arc<Member>] {
        &self.members
    }

    /// What the servers are called in messages, all together.
    pub fn names(&self) -> String {
        self.members.iter().map(|member| member.name()).collect::<Vec<_>>().join(", ")
    }

    /// Somebody works on an object.
    pub fn attend(&self) -> Presence<'_> {
        self.activity.attend()
    }

    /// Somebody works on an object, and may still have something for the servers.
    pub fn work(&self) -> Presence<'_> {
        self.activity.work()
    }

    /// Somebody works on an object that must not wait long for others.
    pub fn hurry(&self) -> Presence<'_> {
        self.activity.hurry()
    }

    /// Whether very many objects are worked on.
    pub fn is_crowded(&self) -> bool {
        self.activity.is_crowded()
    }

    /// Somebody at work waits for the servers and for nothing else.
    pub fn wait(&self) -> Presence<'_> {
        self.activity.wait()
    }
}

impl Member {
    fn new(server: Arc<Server>, activity: &Arc<Activity>, mark: &str) -> Self {
        let for_look_ups = server.clone();
        let look_ups = Joiner::new(
            activity.clone(),
            Box::new(move |macs: Vec<Mac>| {
                let server = for_look_ups.clone();
                Box::pin(async move { server.look_up(&macs).await })
            }),
        );
        let for_changes = server.clone();
        let mark: Arc<str> = mark.into();
        let changes = Joiner::new(
            activity.clone(),
            Box::new(move |changes: Vec<Change>| {
                let (server, mark) = (for_changes.clone(), mark.clone());
                Box::pin(async move { server.change(&mark, &changes).await })
            }),
        );
        server.metrics().server_is_level(server.name(), true);
        Self {
            server,
            look_ups,
            changes,
            subnets: Told::default(),
            configuration: Told::default(),
            seen: Seen::default(),
            state: Mutex::default(),
        }
    }

    /// What the server is called in messages.
    pub fn name(&self) -> &str {
        self.server.name()
    }

    /// The server itself, for what is not joined.
    pub fn server(&self) -> &Arc<Server> {
        &self.server
    }

    /// How it stands.
    pub fn standing(&self) -> Standing {
        self.state.lock().clone()
    }

    /// Something could not be read or changed there.
    pub fn falls_behind(&self) {
        let mut state = self.state.lock();
        if *state != Standing::Behind {
            tracing::warn!(server = self.name(), "Kea server is behind: it could not be reached");
            self.server.metrics().server_is_level(self.name(), false);
            *state = Standing::Behind;
        }
    }

    /// It answers again: it is level when each of `objects`, by uid, has been seen to.
    pub fn returns(&self, objects: HashSet<String>) {
        tracing::info!(
            server = self.name(),
            objects = objects.len(),
            "Kea server answers again; bringing it level"
        );
        *self.state.lock() = Standing::Levelling(objects);
        self.seen_to("");
    }

    /// An object was seen to on this server, or is no more.
    pub fn seen_to(&self, uid: &str) {
        let mut state = self.state.lock();
        if let Standing::Levelling(objects) = &mut *state {
            objects.remove(uid);
            if objects.is_empty() {
                tracing::info!(server = self.name(), "Kea server is level");
                self.server.metrics().server_is_level(self.name(), true);
                *state = Standing::Level;
            }
        }
    }

    /// All its subnets, as told not long ago.
    pub async fn subnets(&self) -> Result<Arc<Vec<Subnet>>, KeaError> {
        self.subnets_within(SUBNETS_LAST).await
    }

    /// All its subnets, asked for again: what was told lacks something, or a command said so.
    pub async fn subnets_again(&self) -> Result<Arc<Vec<Subnet>>, KeaError> {
        self.subnets_within(SUBNETS_FRESH).await
    }

    /// Nobody else asks while one does: who waits gets the same answer.
    async fn subnets_within(&self, age: Duration) -> Result<Arc<Vec<Subnet>>, KeaError> {
        let mut known = self.subnets.lock().await;
        if let Some((when, subnets)) = known.as_ref()
            && when.elapsed() < age
        {
            return Ok(subnets.clone());
        }
        *known = None;
        let subnets = Arc::new(self.server.subnets().await?);
        *known = Some((Instant::now(), subnets.clone()));
        Ok(subnets)
    }

    /// What a subnet tells its devices about their network.
    pub async fn network_options(&self, subnet_id: u32) -> Result<NetworkOptions, KeaError> {
        let mut known = self.configuration.lock().await;
        if let Some((when, configuration)) = known.as_ref() {
            // A subnet that is not there was added since.
            let is_there = configuration.options.contains_key(&subnet_id);
            let age = if is_there { CONFIGURATION_LASTS } else { SUBNETS_FRESH };
            if when.elapsed() < age {
                return Ok(configuration.options.get(&subnet_id).cloned().unwrap_or_default());
            }
        }
        let configuration = Arc::new(self.server.configuration().await?);
        *known = Some((Instant::now(), configuration.clone()));
        Ok(configuration.options.get(&subnet_id).cloned().unwrap_or_default())
    }

    /// Its host databases, where other servers may have the same, and it was not seen to be otherwise. While it is away, what
    /// it said last.
    async fn shared_databases(&self) -> Option<Arc<str>> {
        self.databases().await.filter(|databases| self.seen.shares(databases) != Some(false))
    }

    async fn databases(&self) -> Option<Arc<str>> {
        let mut known = self.configuration.lock().await;
        if known.as_ref().is_none_or(|(when, _)| when.elapsed() >= CONFIGURATION_LASTS)
            && let Ok(configuration) = self.server.configuration().await
        {
            *known = Some((Instant::now(), Arc::new(configuration)));
        }
        known.as_ref().and_then(|(_, configuration)| configuration.databases.clone())
    }

    async fn is_seen_to_share(&self) -> bool {
        self.databases().await.is_some_and(|databases| self.seen.shares(&databases) == Some(true))
    }

    /// It sees, or does not see, what was written to another server that has the same databases by its configuration.
    pub async fn sees_the_same_as(&self, other: &Self, shares: bool) {
        let Some(databases) = self.databases().await else { return };
        if self.seen.note(databases.clone(), shares) {
            let (server, other, databases) = (self.name(), other.name(), &*databases);
            if shares {
                tracing::info!(
                    server,
                    other,
                    databases,
                    "two servers share a host database: one of them is written to"
                );
            } else {
                tracing::warn!(
                    server,
                    other,
                    databases,
                    "two servers name the same host database, and do not share it: each is written to"
                );
            }
        }
    }

    /// Forgets the subnets, and what the configuration says of them: a command changed them, or showed that they are not as
    /// they were told, or the server may have another configuration.
    pub async fn forget_subnets(&self) {
        *self.subnets.lock().await = None;
        *self.configuration.lock().await = None;
    }

    /// What it knows of devices, asked for together with those of others.
    pub async fn look_up(&self, macs: Vec<Mac>) -> Result<Vec<Known>, KeaError> {
        self.look_ups.join(macs).await.unwrap_or_else(|| Err(self.stopping()))
    }

    /// One reservation as a whole.
    pub async fn reservation_of(&self, subnet_id: u32, mac: Mac) -> Result<Option<Reservation>, KeaError> {
        self.server.reservation_of(subnet_id, mac).await
    }

    /// Changes reservations, together with those of others.
    pub async fn change(&self, changes: Vec<Change>) -> Result<Vec<Changed>, KeaError> {
        self.changes.join(changes).await.unwrap_or_else(|| Err(self.stopping()))
    }

    fn stopping(&self) -> KeaError {
        KeaError::Unreachable { server: self.name().into(), cause: "the operator is stopping".into() }
    }
}
