//! Whether a server is there, asked also while nobody has a command for it.

use std::sync::Arc;
use std::time::Duration;

use tokio::time::sleep;
use tokio_util::sync::CancellationToken;

use super::{ErrorClass, KeaError, Reach, Server};

/// Between two questions to a server that is well, and the longest time between two to one that is not.
const AT_REST: Duration = Duration::from_secs(30);

/// Before the first question to a server that has just failed; each further one comes after twice the time.
const SOON: Duration = Duration::from_secs(1);

/// Asks the server for its commands until `stop`: every 30 s, and sooner after it failed. So a server that comes back is
/// found, whatever its circuit says, and one that came back with other hooks is noticed. One in Kea's high availability is
/// asked for its state each time.
pub async fn watch_over(server: Arc<Server>, stop: CancellationToken) {
    let mut wait = SOON;
    loop {
        let outcome = tokio::select! {
            outcome = server.probe() => outcome,
            () = stop.cancelled() => return,
        };
        // What comes of it is known, or was logged, by the server.
        if outcome.as_ref().is_ok_and(|dialect| dialect.is_in_ha) {
            tokio::select! {
                _ = server.look_at_availability() => {}
                () = stop.cancelled() => return,
            }
        }
        let pause = match &outcome {
            Err(error) if passes(error) => {
                let pause = wait;
                wait = (wait * 2).min(AT_REST);
                pause
            }
            _ => {
                wait = SOON;
                AT_REST
            }
        };
        tokio::select! {
            () = sleep(pause) => {}
            () = async { failure(&server).await; sleep(SOON).await }, if outcome.is_ok() => {}
            () = stop.cancelled() => return,
        }
    }
}

/// Until a command to the server, which was well, fails for a reason that may pass.
async fn failure(server: &Server) {
    let failed = |reach: &Reach| matches!(reach, Reach::Fails(error) if passes(error));
    if server.watch().wait_for(|state| failed(&state.reach)).await.is_err() {
        // The server is gone, and nobody has a command for it.
        std::future::pending::<()>().await;
    }
}

/// Whether it may pass by itself within seconds. Wrong credentials do not, and too many of them may lock an account.
fn passes(error: &KeaError) -> bool {
    error.class() == ErrorClass::Network
}
