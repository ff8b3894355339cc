//! New subnets are made to last, many at once; and subnets that a server lost are noticed.

use std::collections::HashMap;
use std::sync::Arc;
use std::time::Duration;

use tokio_util::sync::CancellationToken;

use super::creation::Persist;
use super::{Context, heal};
use crate::domain::Subnet;
use crate::kea::{KeaError, Server};

/// A burst of new subnets is over when none came for so long.
const QUIET: Duration = Duration::from_secs(1);
/// How many of these times it may take.
const LONGEST: usize = 10;
/// How often it is looked whether all are still there, and tried again what failed.
const LOOK: Duration = Duration::from_secs(30);

/// Works until `ended`; what was made before is seen to first. Does nothing where no subnets are made.
pub async fn run(context: Arc<Context>, ended: CancellationToken) {
    let Some(persist) = context.creation.persist() else {
        return;
    };
    let mut seen = HashMap::new();
    loop {
        tokio::select! {
            () = context.creation.news.notified() => quiet(&context, &ended).await,
            () = tokio::time::sleep(LOOK) => {}
            () = ended.cancelled() => {}
        }
        keep(&context, persist).await;
        if ended.is_cancelled() {
            return;
        }
        notice_losses(&context, &mut seen).await;
    }
}

/// Waits for the end of a burst.
async fn quiet(context: &Context, ended: &CancellationToken) {
    for _ in 0..LONGEST {
        tokio::select! {
            () = context.creation.news.notified() => {}
            () = tokio::time::sleep(QUIET) => return,
            () = ended.cancelled() => return,
        }
    }
}

async fn keep(context: &Context, persist: Persist) {
    for member in context.fleet.members() {
        if context.creation.is_to_be_kept(member.name()) {
            // What is made meanwhile may come too late for this time.
            context.creation.keeping(member.name());
            let outcome = keep_on(member.server(), persist).await;
            if let Err(error) = outcome {
                context.creation.failed_to_keep(member.name(), &error);
            } else {
                context.creation.kept(member.name());
            }
        }
    }
}

async fn keep_on(server: &Server, persist: Persist) -> Result<(), KeaError> {
    match persist {
        Persist::None => Ok(()),
        Persist::Auto if server.keeps_subnets().await? => Ok(()),
        Persist::Auto | Persist::ConfigWrite => {
            server.write_config().await?;
            tracing::info!(server = server.name(), "Kea's configuration is written, with its new subnets");
            Ok(())
        }
    }
}

/// Brings all objects back when a server has lost subnets: it was restarted, or configured anew.
async fn notice_losses(context: &Context, seen: &mut HashMap<String, Arc<Vec<Subnet>>>) {
    for member in context.fleet.members() {
        let Ok(subnets) = member.subnets_again().await else {
            continue;
        };
        let before = seen.insert(member.name().into(), subnets.clone());
        // What was just made may be gone before it was looked at.
        let is_made_lost = context.creation.is_lost(member.name(), &subnets);
        if is_made_lost || before.is_some_and(|before| before.iter().any(|subnet| !subnets.contains(subnet)))
        {
            tracing::info!(server = member.name(), "Kea has lost subnets; looking at all objects again");
            let (_, ranks) = heal::everybody(context);
            context.bring_back(ranks);
        }
    }
}
