//! The course of an election: waiting for the Lease, keeping it, giving it back.

use k8s_openapi::jiff::Timestamp;
use tokio::time::{Instant, sleep, timeout_at};
use tokio_util::sync::CancellationToken;

use super::candidate::{Candidate, Step};
use super::lock::{Lock, LockError};
use super::{LEASE_NAME, RENEW_DEADLINE, RETRY, Settings, Term};

/// Why this process may not lead any longer.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Loss {
    /// The Lease could not be renewed.
    #[error(
        "the lease {LEASE_NAME} could not be renewed for {} s (last: {last}); this process ends, since another may lead now",
        RENEW_DEADLINE.as_secs()
    )]
    Deadline {
        /// What the last attempt came to.
        last: String,
    },
    /// Another holds it.
    #[error("the lease {LEASE_NAME} is held by {holder} now; this process ends")]
    Taken {
        /// Who.
        holder: String,
    },
}

/// Stands for election.
pub struct Elector {
    lock: Lock,
    candidate: Candidate,
    term: Term,
    /// End of the term.
    until: Instant,
    /// What was last said about not leading; said once.
    said: String,
}

impl Elector {
    /// Stands for election in the cluster that the environment leads to; `term` will tell how long it leads.
    pub async fn open(settings: Settings, term: Term) -> Result<Self, String> {
        let lock = Lock::open(&settings).await?;
        tracing::info!(
            namespace = settings.namespace,
            lease = LEASE_NAME,
            identity = settings.identity,
            "standing for election"
        );
        let now = Instant::now();
        Ok(Self { lock, candidate: Candidate::new(settings, now), term, until: now, said: String::new() })
    }

    /// Waits until this process leads.
    pub async fn win(&mut self) {
        loop {
            let sent = Instant::now();
            match self.attempt().await {
                Ok(None) => {
                    self.extend(sent);
                    tracing::info!(lease = LEASE_NAME, "this process leads");
                    return;
                }
                Ok(Some(holder)) => self.say(format!("waiting: {holder} holds the lease {LEASE_NAME}")),
                Err(error) => self.say(format!("waiting for the lease {LEASE_NAME}: {error}")),
            }
            sleep(RETRY).await;
        }
    }

    /// The term counts from when the renewal was sent: the Lease cannot be older than that.
    fn extend(&mut self, sent: Instant) {
        self.until = sent + RENEW_DEADLINE;
        self.term.extend(self.until);
    }

    fn say(&mut self, text: String) {
        if self.said != text {
            tracing::info!("{text}");
            self.said = text;
        }
    }

    /// Keeps the Lease until `done`, then gives it back. An error is the loss of it: the process must end, at once.
    pub async fn keep(mut self, done: CancellationToken) -> Result<(), Loss> {
        let mut last = "no answer".to_owned();
        loop {
            tokio::select! {
                () = sleep(RETRY) => {}
                () = done.cancelled() => {
                    self.give_back().await;
                    return Ok(());
                }
            }
            let sent = Instant::now();
            if sent >= self.until {
                return Err(Loss::Deadline { last: "this process stood still".into() });
            }
            match timeout_at(self.until, self.attempt()).await {
                Ok(Ok(None)) => self.extend(sent),
                Ok(Ok(Some(holder))) => return Err(Loss::Taken { holder }),
                Ok(Err(error)) => {
                    tracing::warn!(lease = LEASE_NAME, %error, "cannot renew; will try again");
                    last = error.to_string();
                }
                Err(_) => {}
            }
            if Instant::now() >= self.until {
                return Err(Loss::Deadline { last });
            }
        }
    }

    async fn give_back(&mut self) {
        let Some(lease) = self.candidate.release(Timestamp::now()) else { return };
        match timeout_at(self.until, self.lock.replace(&lease)).await {
            Ok(Ok(_)) => tracing::info!(lease = LEASE_NAME, "given back"),
            Ok(Err(error)) => tracing::warn!(lease = LEASE_NAME, %error, "not given back; it expires"),
            Err(_) => tracing::warn!(lease = LEASE_NAME, "not given back in time; it expires"),
        }
    }

    /// One attempt to get or renew the Lease: none where this process has it now, else its holder.
    async fn attempt(&mut self) -> Result<Option<String>, LockError> {
        // What the holder wrote last is what is there, as a rule; the version tells if it is not.
        if self.candidate.holds() {
            match self.carry_out().await {
                Err(LockError::Outrun) => {}
                other => return other,
            }
        }
        let found = self.lock.get().await?;
        self.candidate.observe(found, Instant::now());
        self.carry_out().await
    }

    async fn carry_out(&mut self) -> Result<Option<String>, LockError> {
        let written = match self.candidate.step(Instant::now(), Timestamp::now()) {
            Step::Create(lease) => self.lock.create(&lease).await?,
            Step::Replace(lease) => self.lock.replace(&lease).await?,
            Step::Wait { holder } => return Ok(Some(holder)),
        };
        self.candidate.observe(Some(written), Instant::now());
        Ok(None)
    }
}
