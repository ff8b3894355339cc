//! How many addresses of each served NetworkNamespace are in use, from Kea's statistics: in its status, and as a metric.

use std::collections::{HashMap, HashSet};
use std::sync::Arc;
use std::time::Duration;

use ipnet::IpNet;
use kube::ResourceExt;
use tokio::time::Instant;
use tokio_util::sync::CancellationToken;

use super::{Context, validate};
use crate::crd::{IpAllocationStatus, NetworkNamespace};
use crate::domain::Usage;
use crate::kea::{KeaError, Member};
use crate::source::SourceError;

/// Before the first look: what is counted is not urgent.
const FIRST: Duration = Duration::from_secs(5);
/// Between two looks, at least.
const EVERY: Duration = Duration::from_mins(1);
/// And at least so many times what the last look took: a Kea with very many subnets has better things to do.
const TIMES: u32 = 100;
/// The longest time without a write after one failed.
const LONGEST: Duration = Duration::from_hours(1);

/// Counts now and then, until `stop`.
pub async fn run(context: Arc<Context>, stop: CancellationToken) {
    let mut reports = Reports::default();
    let mut pause = FIRST;
    loop {
        tokio::select! {
            () = tokio::time::sleep(pause) => {}
            () = stop.cancelled() => return,
        }
        let _pulse = context.metrics.liveness().watch("counting the addresses in use");
        let began = Instant::now();
        let look = async {
            let (ours, others) = namespaces(&context);
            let census = count(context.fleet.members(), &ours).await;
            let took = began.elapsed();
            for member in context.fleet.members() {
                let told = census.servers.get(member.name());
                context.metrics.addresses_are(member.name(), told.unwrap_or(&HashMap::new()));
            }
            reports.write(&context, &ours, &others, &census).await;
            took
        };
        let took = tokio::select! {
            took = look => took,
            () = stop.cancelled() => return,
        };
        pause = EVERY.max(took * TIMES);
    }
}

/// The NetworkNamespaces that can be read, by name: those that this operator serves and that have a prefix, and the others.
fn namespaces(context: &Context) -> (Vec<(NetworkNamespace, IpNet)>, Vec<NetworkNamespace>) {
    let mut all: Vec<NetworkNamespace> = context
        .namespaces
        .state()
        .iter()
        .filter_map(|namespace| namespace.0.as_ref().ok().cloned())
        .collect();
    all.sort_by_key(|namespace| (namespace.namespace(), namespace.name_any()));
    let (ours, others): (Vec<_>, Vec<_>) =
        all.into_iter().partition(|namespace| context.policy.serves(namespace));
    let with_prefix = |namespace| validate::prefix(&namespace).ok().map(|prefix| (namespace, prefix));
    (ours.into_iter().filter_map(with_prefix).collect(), others)
}

/// What servers told.
#[derive(Default)]
struct Census {
    /// Addresses in use by prefix: of the first server that has a subnet of just that prefix. What a larger subnet has in use
    /// is not the prefix's alone.
    prefixes: HashMap<IpNet, Usage>,
    /// The same by server, and by the number of the subnet there.
    servers: HashMap<String, HashMap<u32, Usage>>,
    /// Whether a server could not be asked.
    is_partial: bool,
}

async fn count(members: &[Arc<Member>], wanted: &[(NetworkNamespace, IpNet)]) -> Census {
    let mut census = Census::default();
    for member in members {
        let missing: HashSet<IpNet> = wanted
            .iter()
            .map(|(_, prefix)| *prefix)
            .filter(|prefix| !census.prefixes.contains_key(prefix))
            .collect();
        if missing.is_empty() {
            break;
        }
        match look(member, &missing).await {
            Ok(found) => {
                census.prefixes.extend(found.iter().map(|(_, prefix, usage)| (*prefix, *usage)));
                let by_number = found.into_iter().map(|(id, _, usage)| (id, usage)).collect();
                census.servers.insert(member.name().into(), by_number);
            }
            Err(error) => {
                census.is_partial = true;
                tracing::debug!(server = member.name(), %error, "addresses in use are not counted there");
            }
        }
    }
    census
}

async fn look(member: &Member, missing: &HashSet<IpNet>) -> Result<Vec<(u32, IpNet, Usage)>, KeaError> {
    let subnets = member.subnets().await?;
    let wanted: Vec<_> = subnets.iter().filter(|subnet| missing.contains(&subnet.prefix)).collect();
    if wanted.is_empty() {
        return Ok(vec![]);
    }
    let usage = member.server().usage().await?;
    let of = |subnet: &&crate::domain::Subnet| Some((subnet.id, subnet.prefix, *usage.get(&subnet.id)?));
    Ok(wanted.iter().filter_map(of).collect())
}

/// What was written, and what kept it from being written.
#[derive(Default)]
struct Reports {
    /// Namespaces, by uid, whose fields are others'.
    of_others: HashSet<String>,
    /// What was said last about a write that failed, when to write again, and how long that was waited for.
    failure: Option<(String, Instant, Duration)>,
}

impl Reports {
    async fn write(
        &mut self,
        context: &Context,
        ours: &[(NetworkNamespace, IpNet)],
        others: &[NetworkNamespace],
        census: &Census,
    ) {
        if self.failure.as_ref().is_some_and(|(_, again, _)| Instant::now() < *again) {
            return;
        }
        let provider = context.policy.providers.first();
        let counted = ours.iter().map(|(namespace, prefix)| match census.prefixes.get(prefix) {
            Some(usage) => (namespace, Some(status(namespace, provider, *usage))),
            None => (namespace, None),
        });
        // What is not known just now stays as it is.
        let counted = counted.filter(|(_, status)| status.is_some() || !census.is_partial);
        for (namespace, status) in counted.chain(others.iter().map(|namespace| (namespace, None))) {
            if says_the_same(namespace, status.as_ref()) {
                continue;
            }
            let turn = context.turn().await;
            let outcome = context.objects.write_usage(namespace, status.as_ref()).await;
            drop(turn);
            if !self.note(namespace, outcome) {
                return;
            }
        }
        self.failure = None;
    }

    /// Tells people, once each; whether it can go on.
    fn note(&mut self, namespace: &NetworkNamespace, outcome: Result<(), SourceError>) -> bool {
        let uid = namespace.uid().unwrap_or_default();
        let name = || (namespace.namespace(), namespace.name_any());
        match outcome {
            Ok(()) => {
                self.of_others.remove(&uid);
                true
            }
            Err(SourceError::Gone) => true,
            Err(SourceError::Conflict(why)) => {
                if self.of_others.insert(uid) {
                    let (namespace, name) = name();
                    tracing::info!(
                        namespace,
                        name,
                        why,
                        "addresses in use of this NetworkNamespace are reported by others"
                    );
                }
                true
            }
            Err(SourceError::Failed(error)) => {
                let before = self.failure.take().filter(|(said, ..)| *said == error);
                if before.is_none() {
                    let (namespace, name) = name();
                    tracing::warn!(
                        namespace,
                        name,
                        error,
                        "addresses in use of NetworkNamespaces cannot be reported; will try again, less and less often"
                    );
                }
                let wait = before.map_or(EVERY, |(_, _, waited)| (waited * 2).min(LONGEST));
                self.failure = Some((error, Instant::now() + wait, wait));
                false
            }
        }
    }
}

fn status(namespace: &NetworkNamespace, provider: Option<&String>, usage: Usage) -> IpAllocationStatus {
    let named = namespace.spec.ip_allocation.as_ref().and_then(|allocation| allocation.provider.as_ref());
    let number = |number: u64| Some(i64::try_from(number).unwrap_or(i64::MAX));
    IpAllocationStatus {
        type_: Some("dhcp".into()),
        provider: named.or(provider).cloned(),
        allocated_count: number(usage.assigned),
        available_count: number(usage.available()),
        total_count: number(usage.total),
        allocated_ips: vec![],
    }
}

/// Whether the namespace's status has that already. Who has which address is others' to say.
fn says_the_same(namespace: &NetworkNamespace, wanted: Option<&IpAllocationStatus>) -> bool {
    let known = namespace.status.as_ref().and_then(|status| status.ip_allocation_status.clone());
    let known = known.map(|known| IpAllocationStatus { allocated_ips: vec![], ..known });
    known.filter(|known| *known != IpAllocationStatus::default()).as_ref() == wanted
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::controller::scripted::Fixture;

    fn census(usage: Usage) -> Census {
        Census { prefixes: [("10.0.0.0/24".parse().unwrap(), usage)].into(), ..Census::default() }
    }

    #[tokio::test(start_paused = true)]
    async fn a_write_that_fails_is_told_once_and_tried_less_and_less_often() {
        let fixture = Fixture::new(&[]);
        fixture.world().refuses_usage = true;
        let mut reports = Reports::default();
        let census = census(Usage { total: 10, assigned: 4, declined: 0 });
        let mut attempts = vec![];
        for minute in 0..16 {
            let (ours, others) = namespaces(&fixture.context);
            reports.write(&fixture.context, &ours, &others, &census).await;
            if !std::mem::take(&mut fixture.world().log).is_empty() {
                attempts.push(minute);
            }
            tokio::time::advance(EVERY).await;
        }
        assert_eq!(attempts, [0, 1, 3, 7, 15]);
        fixture.world().refuses_usage = false;
        tokio::time::advance(LONGEST).await;
        let (ours, others) = namespaces(&fixture.context);
        reports.write(&fixture.context, &ours, &others, &census).await;
        assert_eq!(fixture.world().log, ["usage of nn Some((Some(4), Some(6), Some(10)))"]);
        assert!(reports.failure.is_none());
    }

    #[test]
    fn what_is_said_already_is_not_written() {
        let mut namespace = NetworkNamespace::default();
        let usage = Usage { total: 10, assigned: 4, declined: 0 };
        let wanted = status(&namespace, Some(&"kea".into()), usage);
        assert!(says_the_same(&namespace, None) && !says_the_same(&namespace, Some(&wanted)));
        let mut known = namespace.status.clone().unwrap_or_default();
        let address = crate::crd::AllocatedIp { ip: "10.0.0.9".into(), network_configuration: "vip".into() };
        known.ip_allocation_status =
            Some(IpAllocationStatus { allocated_ips: vec![address], ..wanted.clone() });
        namespace.status = Some(known);
        assert!(says_the_same(&namespace, Some(&wanted)) && !says_the_same(&namespace, None));
        let more = status(&namespace, Some(&"kea".into()), Usage { assigned: 5, ..usage });
        assert!(!says_the_same(&namespace, Some(&more)));
    }
}
