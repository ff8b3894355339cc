//! One Kea server: how a command gets there and back.

use std::collections::BTreeSet;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::Duration;

use backon::Retryable as _;
use parking_lot::Mutex;
use serde_json::{Value, json};
use tokio::sync::watch;
use tokio::time::Instant;

use super::breaker::{Breaker, Ending, Permit};
use super::dialect::{Dialect, Lacking, ReservationDialect};
use super::reply::{self, Code, Reply};
use super::state::{Reach, ServerState};
use super::{ErrorClass, KeaError, Limits, Repeat, Transport};
use crate::telemetry::Metrics;
use crate::telemetry::metrics::CommandResult;

/// The daemon that commands are for; a control agent forwards by it, a daemon ignores it.
const SERVICE: &str = "dhcp4";

/// What tells which commands there are. Every Kea has it, so that it also tells whether there is a Kea.
const LIST_COMMANDS: &str = "list-commands";

/// One Kea server.
///
/// A command goes through the server's circuit, which sends none while the server fails again and again, and is sent
/// again within [`Limits`] where that is safe.
pub struct Server {
    transport: Box<dyn Transport>,
    name: String,
    limits: Limits,
    metrics: Metrics,
    breaker: Mutex<Breaker<KeaError>>,
    state: watch::Sender<ServerState>,
    /// The dialect to use, whatever others it has.
    forced: Option<ReservationDialect>,
    /// The commands to go by; none after a failure, since another Kea may have come up.
    dialect: Mutex<Option<Dialect>>,
    /// Whether it was found to have no host database: reservations are then in its memory.
    without_database: AtomicBool,
    /// How the last question for the commands ended. Held while one is asked.
    asked: tokio::sync::Mutex<Option<Result<Dialect, KeaError>>>,
    /// How many of them have ended.
    answers: AtomicU64,
}

impl Server {
    /// A server behind `transport`, shown as `name`.
    pub fn new(transport: Box<dyn Transport>, name: String, limits: Limits) -> Self {
        Self {
            transport,
            name,
            breaker: Mutex::new(Breaker::new(limits.cooldown)),
            limits,
            metrics: Metrics::default(),
            state: watch::Sender::default(),
            forced: None,
            dialect: Mutex::default(),
            without_database: AtomicBool::default(),
            asked: tokio::sync::Mutex::default(),
            answers: AtomicU64::default(),
        }
    }

    /// Counts what is sent to the server in `metrics`.
    #[must_use]
    pub fn counted(self, metrics: Metrics) -> Self {
        Self { metrics, ..self }
    }

    /// Where it is counted what is sent to the server.
    pub fn metrics(&self) -> &Metrics {
        &self.metrics
    }

    /// The same server, spoken to in that dialect only, or again in the best that it has.
    #[must_use]
    pub fn forced(self, dialect: Option<ReservationDialect>) -> Self {
        Self { forced: dialect, ..self }
    }

    /// What the server is called in messages.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// Whether it was found to have no host database.
    pub(super) fn is_without_database(&self) -> bool {
        self.without_database.load(Ordering::Relaxed)
    }

    /// Remembers that it has no host database, until its commands are asked for again.
    pub(super) fn found_without_database(&self) {
        self.without_database.store(true, Ordering::Relaxed);
        tracing::warn!(
            server = %self.name,
            "Kea has no hosts-databases: reservations are made in its memory, and made again after it restarts"
        );
    }

    /// What is known of the server now.
    pub fn state(&self) -> ServerState {
        self.state.borrow().clone()
    }

    /// What is known of the server, and every change of it.
    pub fn watch(&self) -> watch::Receiver<ServerState> {
        self.state.subscribe()
    }

    /// The server's commands, asked for once and again after each failure: another Kea may have come up.
    pub async fn dialect(&self) -> Result<Dialect, KeaError> {
        let known = *self.dialect.lock();
        match known {
            Some(dialect) => Ok(dialect),
            None => self.ask(self.admit(LIST_COMMANDS)?).await,
        }
    }

    /// Asks for the server's commands now, once, whatever its circuit says; tells whether it is there.
    pub async fn probe(&self) -> Result<Dialect, KeaError> {
        let permit = self.breaker.lock().probe();
        self.ask(Passage { server: self, permit: Some(permit) }).await
    }

    /// Asks a server in Kea's high availability how it is.
    pub async fn look_at_availability(&self) -> Result<(), KeaError> {
        let availability = self.availability().await?;
        self.know(|state| state.availability = availability);
        Ok(())
    }

    /// Asks for the commands, or waits for the answer that somebody else asks for already.
    async fn ask(&self, passage: Passage<'_>) -> Result<Dialect, KeaError> {
        let before = self.answers.load(Ordering::Acquire);
        let mut last = self.asked.lock().await;
        if let Some(outcome) = last.as_ref().filter(|_| self.answers.load(Ordering::Acquire) != before) {
            return outcome.clone();
        }
        let reply = self.send(passage, LIST_COMMANDS, None, Repeat::Safe).await;
        let outcome = reply.and_then(|reply| self.choose(reply));
        self.found_out(&outcome);
        *last = Some(outcome.clone());
        self.answers.fetch_add(1, Ordering::Release);
        outcome
    }

    fn choose(&self, reply: Reply) -> Result<Dialect, KeaError> {
        if reply.code != Code::Success {
            return Err(self.refused(LIST_COMMANDS, reply));
        }
        let names: Option<BTreeSet<&str>> =
            reply.arguments.as_array().and_then(|names| names.iter().map(Value::as_str).collect());
        let names =
            names.ok_or_else(|| self.malformed(LIST_COMMANDS, "its arguments are no list of names"))?;
        Dialect::choose(&names, self.forced)
            .map_err(|Lacking { command, remedy }| self.unsupported(command, remedy))
    }

    fn found_out(&self, outcome: &Result<Dialect, KeaError>) {
        *self.dialect.lock() = outcome.as_ref().ok().copied();
        if outcome.is_err() {
            // Another Kea may come up.
            self.without_database.store(false, Ordering::Relaxed);
        }
        self.know(|state| match outcome {
            Ok(dialect) => (state.dialect, state.lacking) = (Some(*dialect), None),
            Err(error) if error.is_keas() => state.lacking = Some(error.clone()),
            Err(error) => state.reach = Reach::Fails(error.clone()),
        });
    }

    /// The arguments of a successful reply, or none where Kea says that there is nothing. For commands that change
    /// nothing, or nothing more the second time.
    pub async fn found(&self, command: &str, arguments: Option<Value>) -> Result<Option<Value>, KeaError> {
        let reply = self.call(command, arguments, Repeat::Safe).await?;
        match reply.code {
            Code::Success => Ok(Some(reply.arguments)),
            Code::Empty => Ok(None),
            _ => Err(self.refused(command, reply)),
        }
    }

    /// Sends one command, and again where `repeat` and the failure allow it.
    pub(super) async fn call(
        &self,
        command: &str,
        arguments: Option<Value>,
        repeat: Repeat,
    ) -> Result<Reply, KeaError> {
        self.send(self.admit(command)?, command, arguments, repeat).await
    }

    fn admit(&self, command: &str) -> Result<Passage<'_>, KeaError> {
        let (admitted, circuit) = {
            let mut breaker = self.breaker.lock();
            (breaker.admit(Instant::now()), breaker.circuit())
        };
        if circuit != self.state.borrow().circuit {
            self.know(|_| {});
        }
        match admitted {
            Ok(permit) => Ok(Passage { server: self, permit: Some(permit) }),
            Err(cause) => {
                self.metrics.kea_command_ended(&self.name, command, CommandResult::NotSent, Duration::ZERO);
                Err(KeaError::Suspended { server: self.name.clone(), cause: Box::new(cause) })
            }
        }
    }

    /// Sends one command and tells the circuit how it ended. Any failure but Kea's own refusal makes the commands be
    /// asked for again.
    async fn send(
        &self,
        passage: Passage<'_>,
        command: &str,
        arguments: Option<Value>,
        repeat: Repeat,
    ) -> Result<Reply, KeaError> {
        let mut request = json!({"command": command, "service": [SERVICE]});
        if let Some(arguments) = arguments {
            request["arguments"] = arguments;
        }
        let body = request.to_string().into_bytes();
        let waits = self.limits.waits(passage.is_trial());
        let outcome = (|| self.exchange(command, body.clone()))
            .retry(waits)
            .when(|error| repeat.allows(error))
            .notify(|error, _| {
                tracing::debug!(server = %self.name, command, %error, "command is sent again");
                self.metrics.kea_command_retried(&self.name, command);
            })
            .await;
        if let Err(error) = &outcome {
            tracing::debug!(server = %self.name, command, %error, "command failed");
            *self.dialect.lock() = None;
        }
        passage.end(ending(outcome.as_ref().err()));
        self.know(|state| {
            match outcome.as_ref().err().filter(|error| !error.is_keas()) {
                Some(error) => {
                    state.reach = Reach::Fails(error.clone());
                    state.availability.clear();
                }
                None => state.reach = Reach::Answers,
            }
            state.stale_credentials = self.transport.complaint();
            state.renewals = self.transport.renewals();
        });
        outcome
    }

    /// Sends one command once, and counts it.
    #[tracing::instrument(level = "debug", skip_all, fields(server = %self.name, command))]
    async fn exchange(&self, command: &str, body: Vec<u8>) -> Result<Reply, KeaError> {
        let began = Instant::now();
        let outcome = self.transmit(command, body).await;
        let result = match &outcome {
            Ok(reply) => match reply.code {
                Code::Success => CommandResult::Success,
                Code::Empty => CommandResult::Empty,
                _ => CommandResult::Validation,
            },
            Err(error) => error.into(),
        };
        self.metrics.kea_command_ended(&self.name, command, result, began.elapsed());
        outcome
    }

    async fn transmit(&self, command: &str, body: Vec<u8>) -> Result<Reply, KeaError> {
        let answer = self.transport.exchange(command, body);
        let body =
            tokio::time::timeout(self.limits.timeout, answer).await.map_err(|_| KeaError::Timeout {
                server: self.name.clone(),
                command: command.into(),
                seconds: self.limits.timeout.as_secs(),
            })??;
        let reply = reply::parse(&self.name, command, &body)?;
        match reply.code {
            Code::Unsupported => {
                Err(self.unsupported(command, "load the hook that provides it into kea-dhcp4"))
            }
            Code::Error => match reply::not_forwarded(&reply.text) {
                None => Ok(reply),
                Some(true) => Err(KeaError::Unreachable { server: self.name.clone(), cause: reply.text }),
                Some(false) => Err(KeaError::Broken { server: self.name.clone(), cause: reply.text }),
            },
            _ => Ok(reply),
        }
    }

    /// Changes what is known; tells the log and those who watch where something did change.
    fn know(&self, change: impl FnOnce(&mut ServerState)) {
        self.state.send_if_modified(|state| {
            let before = state.clone();
            change(state);
            state.circuit = self.breaker.lock().circuit();
            state.announce(&before, &self.name);
            *state != before
        });
    }

    pub(super) fn refused(&self, command: &str, reply: Reply) -> KeaError {
        KeaError::Refused { server: self.name.clone(), command: command.into(), text: reply.text }
    }

    pub(super) fn malformed(&self, command: &str, cause: &str) -> KeaError {
        KeaError::Malformed { server: self.name.clone(), command: command.into(), cause: cause.into() }
    }

    pub(super) fn unsupported(&self, command: &str, remedy: &str) -> KeaError {
        KeaError::Unsupported { server: self.name.clone(), command: command.into(), remedy: remedy.into() }
    }
}

/// What a failure says about the server: that it said no is an answer.
fn ending(error: Option<&KeaError>) -> Ending<KeaError> {
    match error {
        Some(KeaError::NotReady { .. }) => Ending::Abandoned,
        Some(error) if error.class() == ErrorClass::Network => Ending::Failed(error.clone()),
        _ => Ending::Answered,
    }
}

/// The way of one command through the circuit, which learns of its end also where nobody waits for it any more.
struct Passage<'a> {
    server: &'a Server,
    permit: Option<Permit>,
}

impl Passage<'_> {
    fn is_trial(&self) -> bool {
        self.permit.as_ref().is_some_and(Permit::is_trial)
    }

    fn end(mut self, ending: Ending<KeaError>) {
        self.settle(ending);
    }

    fn settle(&mut self, ending: Ending<KeaError>) {
        if let Some(permit) = self.permit.take() {
            self.server.breaker.lock().settle(permit, ending, Instant::now());
        }
    }
}

impl Drop for Passage<'_> {
    fn drop(&mut self) {
        self.settle(Ending::Abandoned);
    }
}

#[cfg(test)]
#[path = "server_tests.rs"]
mod tests;
