//! What one candidate knows of the Lease, and what follows from it. No I/O, and no clock but the caller's.

use std::time::Duration;

use k8s_openapi::api::coordination::v1::{Lease, LeaseSpec};
use k8s_openapi::apimachinery::pkg::apis::meta::v1::MicroTime;
use k8s_openapi::jiff::Timestamp;
use tokio::time::Instant;

use super::{LEASE_DURATION, LEASE_NAME, Settings};

/// One of those who want to lead.
pub struct Candidate {
    settings: Settings,
    /// The Lease as last seen.
    seen: Option<Lease>,
    /// When what it says was new. Times in the Lease are of other clocks, so they are compared with nothing.
    since: Instant,
}

/// What to do about the Lease.
#[derive(Debug, PartialEq)]
pub enum Step {
    /// There is none: make it.
    Create(Lease),
    /// It is ours, or free: write this, if it is still as it was seen.
    Replace(Lease),
    /// Another holds it.
    Wait {
        /// Who.
        holder: String,
    },
}

impl Candidate {
    /// Has seen nothing yet.
    pub fn new(settings: Settings, now: Instant) -> Self {
        Self { settings, seen: None, since: now }
    }

    /// Takes note of the Lease as it is.
    pub fn observe(&mut self, found: Option<Lease>, now: Instant) {
        if spec(self.seen.as_ref()) != spec(found.as_ref()) {
            self.since = now;
        }
        self.seen = found;
    }

    /// Whether the Lease, as last seen, names this candidate.
    pub fn holds(&self) -> bool {
        self.holder() == Some(&self.settings.identity)
    }

    fn holder(&self) -> Option<&str> {
        spec(self.seen.as_ref())?.holder_identity.as_deref().filter(|holder| !holder.is_empty())
    }

    /// What to do at `now`; `wall` is written into the Lease, for people.
    pub fn step(&self, now: Instant, wall: Timestamp) -> Step {
        let Some(seen) = &self.seen else {
            return Step::Create(self.claim(&Lease::default(), wall));
        };
        match self.holder() {
            Some(holder) if !self.holds() && now < self.since + duration(seen) => {
                Step::Wait { holder: holder.into() }
            }
            _ => Step::Replace(self.claim(seen, wall)),
        }
    }

    /// The Lease in this candidate's name.
    fn claim(&self, lease: &Lease, wall: Timestamp) -> Lease {
        let before = lease.spec.clone().unwrap_or_default();
        let now = Some(MicroTime(wall));
        let renews = before.holder_identity.as_deref() == Some(&self.settings.identity);
        let transitions = match (&before.holder_identity, renews) {
            (None, _) => 0,
            (_, true) => before.lease_transitions.unwrap_or_default(),
            (_, false) => before.lease_transitions.unwrap_or_default().saturating_add(1),
        };
        let spec = LeaseSpec {
            holder_identity: Some(self.settings.identity.clone()),
            lease_duration_seconds: i32::try_from(LEASE_DURATION.as_secs()).ok(),
            acquire_time: if renews { before.acquire_time.clone() } else { now.clone() },
            renew_time: now,
            lease_transitions: Some(transitions),
            ..before
        };
        let mut lease = Lease { metadata: lease.metadata.clone(), spec: Some(spec) };
        lease.metadata.name = Some(LEASE_NAME.into());
        lease.metadata.namespace = Some(self.settings.namespace.clone());
        lease
    }

    /// The Lease, given back: held by nobody, and of the shortest duration. None where it is not this candidate's.
    pub fn release(&self, wall: Timestamp) -> Option<Lease> {
        let mut lease = self.seen.clone().filter(|_| self.holds())?;
        let spec = lease.spec.as_mut()?;
        spec.holder_identity = Some(String::new());
        spec.lease_duration_seconds = Some(1);
        spec.renew_time = Some(MicroTime(wall));
        spec.acquire_time = Some(MicroTime(wall));
        Some(lease)
    }
}

fn spec(lease: Option<&Lease>) -> Option<&LeaseSpec> {
    lease?.spec.as_ref()
}

/// How long the Lease is valid: what its holder said, since that may be of another version.
fn duration(lease: &Lease) -> Duration {
    let said = spec(Some(lease)).and_then(|spec| spec.lease_duration_seconds);
    said.and_then(|seconds| u64::try_from(seconds).ok()).map_or(LEASE_DURATION, Duration::from_secs)
}

#[cfg(test)]
mod tests {
    use super::*;

    const WALL: Timestamp = Timestamp::UNIX_EPOCH;

    fn candidate(identity: &str, now: Instant) -> Candidate {
        Candidate::new(Settings { identity: identity.into(), namespace: "kea".into() }, now)
    }

    fn written(step: Step) -> Lease {
        match step {
            Step::Create(lease) | Step::Replace(lease) => lease,
            Step::Wait { holder } => panic!("waits for {holder}"),
        }
    }

    fn waits(step: &Step) -> bool {
        matches!(step, Step::Wait { .. })
    }

    #[test]
    fn a_missing_lease_is_made() {
        let now = Instant::now();
        let Step::Create(lease) = candidate("a", now).step(now, WALL) else { panic!() };
        assert_eq!(lease.metadata.name.as_deref(), Some(LEASE_NAME));
        let spec = lease.spec.unwrap();
        assert_eq!((spec.holder_identity.as_deref(), spec.lease_duration_seconds), (Some("a"), Some(15)));
        assert_eq!(spec.lease_transitions, Some(0));
    }

    #[test]
    fn the_others_wait_from_the_last_change_that_they_saw() {
        let start = Instant::now();
        let mut holder = candidate("a", start);
        let first = written(holder.step(start, WALL));
        let mut other = candidate("b", start);
        // Seen late: the whole duration counts from here, whatever the Lease says about times.
        let looked = start + Duration::from_secs(100);
        other.observe(Some(first.clone()), looked);
        assert!(waits(&other.step(looked + Duration::from_secs(14), WALL)));

        holder.observe(Some(first.clone()), start);
        let renewed = written(holder.step(start, Timestamp::from_second(5).unwrap()));
        other.observe(Some(renewed.clone()), looked + Duration::from_secs(14));
        assert!(waits(&other.step(looked + Duration::from_secs(28), WALL)));
        other.observe(Some(renewed), looked + Duration::from_secs(28));
        assert!(waits(&other.step(looked + Duration::from_secs(28), WALL)));

        let taken = written(other.step(looked + Duration::from_secs(29), WALL)).spec.unwrap();
        assert_eq!((taken.holder_identity.as_deref(), taken.lease_transitions), (Some("b"), Some(1)));
    }

    #[test]
    fn a_renewal_keeps_when_it_began() {
        let now = Instant::now();
        let mut holder = candidate("a", now);
        let first = written(holder.step(now, WALL));
        holder.observe(Some(first.clone()), now);
        let renewed = written(holder.step(now, Timestamp::from_second(9).unwrap()));
        let (first, renewed) = (first.spec.unwrap(), renewed.spec.unwrap());
        assert_eq!(first.acquire_time, renewed.acquire_time);
        assert_ne!(first.renew_time, renewed.renew_time);
        assert_eq!(renewed.lease_transitions, Some(0));
    }

    #[test]
    fn what_was_released_is_taken_at_once() {
        let now = Instant::now();
        let mut holder = candidate("a", now);
        assert_eq!(holder.release(WALL), None);
        holder.observe(Some(written(holder.step(now, WALL))), now);
        let released = holder.release(WALL).unwrap();
        let mut other = candidate("b", now);
        other.observe(Some(released), now);
        assert_eq!(other.release(WALL), None);
        assert_eq!(written(other.step(now, WALL)).spec.unwrap().lease_transitions, Some(1));
    }

    #[test]
    fn the_duration_is_that_of_the_holder() {
        let now = Instant::now();
        let mut lease = written(candidate("a", now).step(now, WALL));
        lease.spec.as_mut().unwrap().lease_duration_seconds = Some(60);
        let mut other = candidate("b", now);
        other.observe(Some(lease), now);
        assert!(waits(&other.step(now + Duration::from_secs(59), WALL)));
        assert!(!waits(&other.step(now + Duration::from_mins(1), WALL)));
    }
}
