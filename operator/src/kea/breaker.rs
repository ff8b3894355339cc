//! When a server that failed again and again is left alone, and how it comes back. Pure: the caller tells the time.

use std::time::Duration;

use tokio::time::Instant;

/// Consecutive failures that open the circuit.
const FAILURES: u32 = 5;

/// Commands that may be under way at once while the circuit is half open.
const TRIALS: u32 = 3;

/// What a server's circuit does with commands.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Circuit {
    /// They are sent.
    #[default]
    Closed,
    /// Some are sent, to see whether the server is back.
    HalfOpen,
    /// None is sent.
    Open,
}

impl Circuit {
    /// The state in one word, for metrics and tables.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Closed => "closed",
            Self::HalfOpen => "half-open",
            Self::Open => "open",
        }
    }
}

/// How a command ended, as far as the circuit is concerned.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Ending<E> {
    /// The server answered, whatever it said.
    Answered,
    /// It did not, for this cause.
    Failed(E),
    /// Nobody waited for the end, or nothing was sent.
    Abandoned,
}

/// The right to send one command; it is given back with how the command ended.
#[derive(Debug)]
pub struct Permit {
    generation: u64,
    kind: Kind,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Kind {
    Ordinary,
    Trial,
    Probe,
}

impl Permit {
    /// Whether the command is there to see if the server is back; it should be sent once.
    pub fn is_trial(&self) -> bool {
        self.kind != Kind::Ordinary
    }
}

/// The circuit of one server, which remembers the cause of its last failure.
#[derive(Debug)]
pub struct Breaker<E> {
    open_for: Duration,
    phase: Phase<E>,
    /// Counts changes of the circuit: a command that began before one says nothing about what came after.
    generation: u64,
}

#[derive(Debug)]
enum Phase<E> {
    Closed { failures: u32 },
    Open { until: Instant, cause: E },
    HalfOpen { running: u32, cause: E },
}

impl<E: Clone> Breaker<E> {
    /// A closed circuit, which stays open for `open_for` once it opened.
    pub fn new(open_for: Duration) -> Self {
        Self { open_for, phase: Phase::Closed { failures: 0 }, generation: 0 }
    }

    /// What the circuit does with commands.
    pub fn circuit(&self) -> Circuit {
        match self.phase {
            Phase::Closed { .. } => Circuit::Closed,
            Phase::Open { .. } => Circuit::Open,
            Phase::HalfOpen { .. } => Circuit::HalfOpen,
        }
    }

    /// Asks to send a command; where none is sent, tells the last failure.
    pub fn admit(&mut self, now: Instant) -> Result<Permit, E> {
        match &mut self.phase {
            Phase::Closed { .. } => Ok(self.permit(Kind::Ordinary)),
            Phase::Open { until, cause } if now < *until => Err(cause.clone()),
            Phase::Open { cause, .. } => {
                let cause = cause.clone();
                self.enter(Phase::HalfOpen { running: 1, cause });
                Ok(self.permit(Kind::Trial))
            }
            Phase::HalfOpen { running, .. } if *running < TRIALS => {
                *running += 1;
                Ok(self.permit(Kind::Trial))
            }
            Phase::HalfOpen { cause, .. } => Err(cause.clone()),
        }
    }

    /// The right to ask after the server's health, which is always given.
    pub fn probe(&self) -> Permit {
        self.permit(Kind::Probe)
    }

    /// Takes a right back.
    #[expect(clippy::needless_pass_by_value, reason = "a right is used once")]
    pub fn settle(&mut self, permit: Permit, ending: Ending<E>, now: Instant) {
        let current = permit.generation == self.generation;
        match (ending, &mut self.phase) {
            // An answer is proof of life, whenever the question was asked.
            (Ending::Answered, Phase::Closed { failures }) => *failures = 0,
            (Ending::Answered, _) => self.enter(Phase::Closed { failures: 0 }),
            (Ending::Failed(cause), Phase::Closed { failures }) if current => {
                *failures += 1;
                if *failures >= FAILURES {
                    self.open(now, cause);
                }
            }
            (Ending::Failed(cause), Phase::HalfOpen { .. }) if current => self.open(now, cause),
            (Ending::Abandoned, Phase::HalfOpen { running, .. }) if current && permit.kind == Kind::Trial => {
                *running -= 1;
            }
            (Ending::Failed(_) | Ending::Abandoned, _) => {}
        }
    }

    fn open(&mut self, now: Instant, cause: E) {
        self.enter(Phase::Open { until: now + self.open_for, cause });
    }

    fn enter(&mut self, phase: Phase<E>) {
        self.phase = phase;
        self.generation += 1;
    }

    fn permit(&self, kind: Kind) -> Permit {
        Permit { generation: self.generation, kind }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const MINUTE: Duration = Duration::from_mins(1);

    const FAILED: Ending<&str> = Ending::Failed("away");

    fn ends(breaker: &mut Breaker<&'static str>, now: Instant, ending: Ending<&'static str>) {
        let permit = breaker.admit(now).expect("admitted");
        breaker.settle(permit, ending, now);
    }

    fn opened(now: Instant) -> Breaker<&'static str> {
        let mut breaker = Breaker::new(MINUTE);
        for _ in 0..FAILURES {
            assert_eq!(breaker.circuit(), Circuit::Closed);
            ends(&mut breaker, now, FAILED);
        }
        assert_eq!(breaker.circuit(), Circuit::Open);
        breaker
    }

    #[test]
    fn five_failures_in_a_row_open_it_and_an_answer_between_them_does_not() {
        let now = Instant::now();
        let mut breaker = Breaker::new(MINUTE);
        for ending in [FAILED, FAILED, FAILED, FAILED, Ending::Answered] {
            ends(&mut breaker, now, ending);
        }
        for _ in 0..4 {
            ends(&mut breaker, now, FAILED);
            ends(&mut breaker, now, Ending::Abandoned);
        }
        assert_eq!(breaker.circuit(), Circuit::Closed);
        ends(&mut breaker, now, FAILED);
        assert_eq!(breaker.circuit(), Circuit::Open);
        assert_eq!(breaker.admit(now).unwrap_err(), "away");
    }

    #[test]
    fn after_its_time_three_trials_run_at_once() {
        let now = Instant::now();
        let mut breaker = opened(now);
        assert!(breaker.admit(now + MINUTE - Duration::from_nanos(1)).is_err());
        let trials: Vec<Permit> = (0..5).filter_map(|_| breaker.admit(now + MINUTE).ok()).collect();
        assert_eq!(trials.len(), 3);
        assert!(trials.iter().all(Permit::is_trial));
        assert_eq!(breaker.circuit(), Circuit::HalfOpen);
        let mut trials = trials.into_iter();
        // A trial that nobody waits for makes room for another.
        breaker.settle(trials.next().unwrap(), Ending::Abandoned, now + MINUTE);
        assert!(breaker.admit(now + MINUTE).is_ok());
        assert!(breaker.admit(now + MINUTE).is_err());
    }

    #[test]
    fn one_failed_trial_opens_it_again_for_as_long_and_the_others_say_nothing_more() {
        let now = Instant::now();
        let mut breaker = opened(now);
        let later = now + MINUTE;
        let (first, second) = (breaker.admit(later).unwrap(), breaker.admit(later).unwrap());
        breaker.settle(first, FAILED, later);
        assert!(breaker.admit(later + MINUTE - Duration::from_nanos(1)).is_err());
        let trial = breaker.admit(later + MINUTE).unwrap();
        breaker.settle(second, FAILED, later + MINUTE);
        assert_eq!(breaker.circuit(), Circuit::HalfOpen);
        breaker.settle(trial, Ending::Answered, later + MINUTE);
        assert_eq!(breaker.circuit(), Circuit::Closed);
        // The count begins anew.
        ends(&mut breaker, later, FAILED);
        assert_eq!(breaker.circuit(), Circuit::Closed);
    }

    #[test]
    fn a_probe_is_always_sent_and_its_answer_closes() {
        let now = Instant::now();
        let mut breaker = opened(now);
        let probe = breaker.probe();
        assert!(probe.is_trial());
        breaker.settle(probe, FAILED, now + Duration::from_secs(30));
        // A probe that fails does not keep the commands away for longer.
        assert!(breaker.admit(now + MINUTE).is_ok());
        let mut breaker = opened(now);
        let (probe, late) = (breaker.probe(), breaker.probe());
        breaker.settle(probe, Ending::Answered, now);
        assert_eq!(breaker.circuit(), Circuit::Closed);
        breaker.settle(late, FAILED, now);
        for _ in 0..4 {
            ends(&mut breaker, now, FAILED);
        }
        assert_eq!(breaker.circuit(), Circuit::Closed, "a failure from before the change was counted");
    }

    #[test]
    fn an_answer_that_comes_late_closes_it() {
        let now = Instant::now();
        let mut breaker = Breaker::new(MINUTE);
        let slow = breaker.admit(now).unwrap();
        for _ in 0..FAILURES {
            ends(&mut breaker, now, FAILED);
        }
        breaker.settle(slow, Ending::Answered, now);
        assert_eq!(breaker.circuit(), Circuit::Closed);
    }
}
