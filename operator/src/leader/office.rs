//! What a process does before, during and after its leadership.

use tokio::task::JoinHandle;
use tokio_util::sync::CancellationToken;

use super::elector::Elector;
use super::{Settings, Term};
use crate::source::Source;
use crate::telemetry::Readiness;

/// The leadership that was won. While it is held, the Lease is renewed.
pub struct Office {
    done: CancellationToken,
    keeper: JoinHandle<()>,
}

/// Stands for election and waits to be the leader, with `source` kept up to date and ready to be served; none when `stop`
/// came first. The loss of the leadership ends the process.
pub async fn stand(
    settings: Settings,
    term: Term,
    source: &mut Source,
    readiness: &Readiness,
    stop: &CancellationToken,
) -> anyhow::Result<Option<Office>> {
    let mut elector = Elector::open(settings, term).await.map_err(|cause| {
        anyhow::anyhow!("leader election needs a cluster: {cause}; or set --leader-elect=false")
    })?;
    tokio::select! {
        () = elector.win() => {}
        () = source.look_on(readiness) => {}
        () = stop.cancelled() => return Ok(None),
    }
    source.trigger_all();
    let done = CancellationToken::new();
    let keeper = tokio::spawn(keep(elector, done.clone()));
    Ok(Some(Office { done, keeper }))
}

async fn keep(elector: Elector, done: CancellationToken) {
    if let Err(loss) = elector.keep(done).await {
        tracing::error!("{loss}");
        // Nothing is finished first: what runs would write while another leads.
        std::process::exit(1);
    }
}

impl Office {
    /// Gives the leadership back; the next one can start at once.
    pub async fn leave(self) {
        self.done.cancel();
        if let Err(error) = self.keeper.await {
            tracing::warn!(%error, "the lease was not given back; it expires");
        }
    }
}
