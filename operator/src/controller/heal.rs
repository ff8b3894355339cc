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
        for member in context.fleet.members() {
            if member.standing() != Standing::Behind {
                continue;
            }
            // It may have been restarted, with other subnets than before.
            member.forget_subnets().await;
            if sweep::hand_back(&context, member).await.is_ok() {
                let (uids, ranks) = everybody(&context);
                member.returns(uids);
                context.bring_back(ranks);
            }
        }
    }
}

/// All objects that wish for something, by uid and by name.
pub fn everybody(context: &Context) -> (HashSet<String>, Vec<Rank>) {
    let claims = context.claims.lock();
    claims.objects().map(|(uid, rank)| (uid.to_owned(), rank.clone())).unzip()
}
