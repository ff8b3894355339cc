//! Waiting for something to become true: the only place of this crate that sleeps.

use std::fmt::Display;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;
use std::time::{Duration, Instant};

use anyhow::{Result, bail};

/// Between two looks. Short against what is waited for (a process, a packet), long against the look itself.
const STEP: Duration = Duration::from_millis(10);

static INTERRUPTED: AtomicBool = AtomicBool::new(false);

/// Makes every wait, in every thread, end with an error: for a Ctrl-C handler, so that the caller unwinds and
/// its values clean up behind themselves.
pub fn interrupt() {
    INTERRUPTED.store(true, Ordering::Relaxed);
}

/// Whether [`interrupt`] was called.
pub fn is_interrupted() -> bool {
    INTERRUPTED.load(Ordering::Relaxed)
}

/// Looks again and again until `probe` finds something, for at most `deadline`.
///
/// # Errors
/// Names `what` when the deadline has passed.
pub fn wait_for<T>(
    what: impl Display,
    deadline: Duration,
    mut probe: impl FnMut() -> Option<T>,
) -> Result<T> {
    try_wait_for(what, deadline, || Ok(probe()))
}

/// As [`wait_for`], with a probe that can tell that waiting longer is useless: its error ends the wait.
pub fn try_wait_for<T>(
    what: impl Display,
    deadline: Duration,
    mut probe: impl FnMut() -> Result<Option<T>>,
) -> Result<T> {
    let start = Instant::now();
    loop {
        if let Some(found) = probe()? {
            return Ok(found);
        }
        if is_interrupted() {
            bail!("interrupted while waiting for {what}");
        }
        if start.elapsed() >= deadline {
            bail!("waited {deadline:?} in vain for {what}");
        }
        thread::sleep(STEP);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn finds_what_appears_later() {
        let mut looks = 0;
        let found = wait_for("the third look", Duration::from_secs(10), || {
            looks += 1;
            (looks == 3).then_some(looks)
        });
        assert_eq!(found.unwrap(), 3);
    }

    #[test]
    fn names_what_did_not_come() {
        let error = wait_for("a miracle", Duration::ZERO, || None::<()>).unwrap_err();
        assert!(error.to_string().contains("a miracle"), "{error}");
    }

    #[test]
    fn stops_at_an_error_of_the_probe() {
        let error = try_wait_for::<()>("nothing", Duration::from_hours(1), || bail!("broken")).unwrap_err();
        assert_eq!(error.to_string(), "broken");
    }
}
