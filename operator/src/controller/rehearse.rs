//! What would be done for the objects, found out by doing all of it but the writes.

use std::collections::HashSet;
use std::sync::Arc;

use futures::TryStreamExt;
use kube::runtime::reflector::Store;
use kube::{Resource, ResourceExt};
use tokio::sync::mpsc;

use super::triage::{Claim, Why};
use super::{Context, Options, dereference, enter_all, reconcile};
use crate::crd::{AnyConfiguration, NetworkConfiguration, NetworkNamespace};
use crate::domain::{Owner, Ownership, Verdict, judge, mark};
use crate::kea::{KeaError, Listed, Server};
use crate::source::Source;
use crate::telemetry::metrics::SkipReason;

/// Objects, and a controller that must not write: its servers and its way back to the source write nothing.
pub struct Rehearsal {
    context: Arc<Context>,
    configurations: Store<AnyConfiguration>,
}

/// What of one server's reservations no object wishes for.
#[derive(Default)]
pub struct Orphans {
    /// How many reservations there are the operator's.
    pub owned: usize,
    /// Those that no object wishes for, and what each is.
    pub found: Vec<(Listed, Verdict)>,
}

/// Makes ready to look at the objects of a source that is read already. `servers`, and the `objects` of the source, are
/// those of [`crate::rehearsal`].
pub fn rehearse(source: Source, servers: Vec<Arc<Server>>, options: Options) -> Rehearsal {
    let Source { configurations, namespaces, objects, cluster_id, .. } = source;
    // Nobody is brought back: each object is looked at once.
    let (triggers, _) = mpsc::unbounded_channel();
    let context = Arc::new(Context::new(objects, namespaces, cluster_id, servers, options, triggers));
    enter_all(&context, &configurations);
    // One look is not worth another at all reservations.
    context.swept.cancel();
    Rehearsal { context, configurations }
}

impl Rehearsal {
    /// The objects that can be read, by namespace and name.
    pub fn objects(&self) -> Vec<NetworkConfiguration> {
        let mut objects: Vec<NetworkConfiguration> =
            self.configurations.state().iter().filter_map(|object| object.read().ok()).collect();
        objects.sort_by_key(|object| (object.namespace(), object.name_any()));
        objects
    }

    /// Does for one object what the operator would do.
    pub async fn play(&self, object: &NetworkConfiguration) -> Result<(), reconcile::Error> {
        reconcile::reconcile(&Ok(object.clone()), &self.context).await.map(|_| ())
    }

    /// The NetworkNamespace of an object, or why it is not known.
    pub fn namespace(&self, object: &NetworkConfiguration) -> Result<Arc<NetworkNamespace>, String> {
        dereference::namespace(object, &self.context.namespaces).map_err(|error| error.to_string())
    }

    /// Reservations of the operator on a server that no object wishes for, with what each is: one that its object, which
    /// is there, will see to, or an orphan.
    pub async fn orphans(&self, server: &Server) -> Result<Orphans, KeaError> {
        let mark = mark(&self.context.policy.cluster_id);
        let exists: HashSet<String> =
            self.configurations.state().iter().filter_map(|object| object.meta().uid.clone()).collect();
        let subnets = server.subnets().await?;
        let mut orphans = Orphans::default();
        let mut listed = std::pin::pin!(server.reservations());
        while let Some(listed) = listed.try_next().await? {
            if matches!(&listed.reservation.ownership, Ownership::Owned { owner, .. } if *owner == mark) {
                orphans.owned += 1;
            }
            let subnet = subnets.iter().find(|subnet| subnet.id == listed.reservation.subnet_id);
            let claims = self.context.claims.lock();
            let verdict = judge(&listed.reservation, subnet, &mark, &claims, |uid| exists.contains(uid));
            drop(claims);
            if !matches!(verdict, Verdict::Leave | Verdict::Unserved { .. }) {
                orphans.found.push((listed, verdict));
            }
        }
        Ok(orphans)
    }

    /// Why no reservation is made for an object; none where it is served.
    pub fn unserved(&self, object: &NetworkConfiguration) -> Option<String> {
        let namespace = dereference::namespace(object, &self.context.namespaces).ok();
        let provider = object.spec.provider.as_deref().unwrap_or_default();
        let reason = match self.context.policy.triage(object, namespace.as_deref()) {
            Claim::Serve => return None,
            Claim::GiveUp(Why::Deleted) => "it is deleted: its reservations are removed, then it goes".into(),
            Claim::GiveUp(Why::DeletedKeeping) => {
                "it is deleted: it goes, and its reservations stay, as its annotation asks".into()
            }
            Claim::GiveUp(Why::NotOurs(skip)) => {
                format!("{}: its reservations are removed", whose(skip, provider))
            }
            Claim::Leave(skip) => whose(skip, provider),
        };
        Some(reason)
    }

    /// An object as the owner of its reservations.
    pub fn owner(&self, object: &NetworkConfiguration) -> Owner {
        self.context.policy.owner(object)
    }

    /// The mark of the operator's reservations.
    pub fn mark(&self) -> String {
        mark(&self.context.policy.cluster_id)
    }
}

/// Why an object is another operator's.
fn whose(skip: SkipReason, provider: &str) -> String {
    match skip {
        SkipReason::Provider => format!("spec.provider is {provider:?}, which this operator does not serve"),
        SkipReason::Allocation => {
            "its NetworkNamespace does not allocate by DHCP, or does so by another operator".into()
        }
        _ => "it is deleted, and was never served here".into(),
    }
}
