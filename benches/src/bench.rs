//! What every line is given, and how it is measured: ours and the peer in turns.

use std::fmt::Display;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use anyhow::{Result, ensure};

use crate::figures::Runs;
use crate::served::{AtRest, Dialect, Served, Shared};

/// A run of the whole.
pub struct Bench {
    hook: PathBuf,
    operator: Option<PathBuf>,
    runs: usize,
    start: Instant,
    shared: Shared,
}

impl Bench {
    /// With this hook library and this operator, each side of a line measured so often.
    pub fn new(hook: PathBuf, operator: Option<PathBuf>, runs: usize) -> Self {
        Self { hook, operator, runs, start: Instant::now(), shared: Shared::default() }
    }

    /// The hook that is measured.
    pub fn hook(&self) -> &Path {
        &self.hook
    }

    /// The operator that is measured.
    pub fn operator(&self) -> Result<PathBuf> {
        self.operator.clone().map_or_else(kea_lab::operator_path, Ok)
    }

    /// What serving many objects came to in a run; measured once, whoever asks first.
    pub fn served(&self, dialect: Dialect, run: usize) -> Result<Served> {
        self.shared.served(self, dialect, run)
    }

    /// How long the peer took for the same in a run, in seconds; measured once, too.
    pub fn served_by_peer(&self, run: usize) -> Result<f64> {
        self.shared.peer(self, run)
    }

    /// What the operator does when all is done; measured once, too.
    pub fn at_rest(&self) -> Result<AtRest> {
        self.shared.at_rest(self)
    }

    /// How often each side of a line is measured.
    pub fn runs(&self) -> usize {
        self.runs
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
