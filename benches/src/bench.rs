//! What every line is given, and how it is measured: ours and the peer in turns.

use std::fmt::Display;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use anyhow::{Result, ensure};

use crate::figures::Runs;

/// A run of the whole.
pub struct Bench {
    hook: PathBuf,
    runs: usize,
    start: Instant,
}

impl Bench {
    /// With this hook library, each side of a line measured so often.
    pub fn new(hook: PathBuf, runs: usize) -> Self {
        Self { hook, runs, start: Instant::now() }
    }

    /// The hook that is measured.
    pub fn hook(&self) -> &Path {
        &self.hook
    }

    /// Tells somebody who waits what is going on.
    pub fn tell(&self, what: impl Display) {
        eprintln!("{:6.1} s  {what}", self.start.elapsed().as_secs_f64());
    }

    /// Measures ours, the peer, ours, the peer and so on, so that what else the machine does hits both alike. Both are
    /// told the number of the run.
    pub fn in_turns(
        &self,
        mut ours: impl FnMut(usize) -> Result<f64>,
        mut peer: impl FnMut(usize) -> Result<f64>,
    ) -> Result<Runs> {
        self.by_run(|number| Ok((ours(number)?, peer(number)?)))
    }

    /// The same, where a run measures both, ours and the peer.
    pub fn by_run(&self, mut run: impl FnMut(usize) -> Result<(f64, f64)>) -> Result<Runs> {
        let mut runs = Runs::default();
        for number in 0..self.runs {
            ensure!(!kea_lab::is_interrupted(), "interrupted");
            let (ours, peer) = run(number)?;
            self.tell(format_args!("  ours {ours:.4}, peer {peer:.4}"));
            runs.ours.push(ours);
            runs.peer.push(peer);
        }
        Ok(runs)
    }
}

/// So many in that time, in a second.
pub fn rate(count: usize, time: Duration) -> f64 {
    #[allow(clippy::cast_precision_loss, reason = "far below 2^52")]
    let count = count as f64;
    count / time.as_secs_f64()
}
