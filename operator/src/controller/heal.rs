//! Servers that return are brought level: every object is seen to again.

use std::collections::HashSet;
use std::sync::Arc;
use std::time::Duration;

use tokio_util::sync::CancellationToken;

use super::{Context, sweep};
use crate::domain::Rank;
use crate::kea::Standing;

/// How often a server that is behind is tried.
const PAUSE: Duration = Duration::from_secs(3);

/// Watches for servers that return, until `stop`.
pub async fn run(context: Arc<Context>, stop: CancellationToken) {
    loop {
        tokio::select! {
            () = tokio::time::sleep(PAUSE) => {}
            () = stop.cancelled() => return,
        }
        let _pulse = context.metrics.liveness().watch("bringing a server level");
        for member in context.fleet.members() {
            // Whether it answers is found out elsewhere, at a pace that credentials survive.
            let returned = member.standing() == Standing::Behind && member.server().state().is_healthy();
            if returned && sweep::hand_back(&context, member).await.is_ok() {
                let (uids, ranks) = everybody(&context);
                member.returns(uids);
                context.bring_back(ranks);
            }
        }
    }
}

fn everybody(context: &Context) -> (HashSet<String>, Vec<Rank>) {
    let claims = context.claims.lock();
    claims.objects().map(|(uid, rank)| (uid.to_owned(), rank.clone())).unzip()
}
