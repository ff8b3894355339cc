//! Figures from measurements: nothing here measures.

/// What was measured, run by run.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Runs {
    /// Ours.
    pub ours: Vec<f64>,
    /// The peer's.
    pub peer: Vec<f64>,
}

impl Runs {
    /// Ours by the peer's: the median of what it is in each run, because a machine that is slow in one run is so for both.
    /// `None` where the peer's was 0 in a run.
    pub fn ratio(&self) -> Option<f64> {
        let ratios = self.ours.iter().zip(&self.peer).map(|(ours, peer)| (*peer > 0.0).then(|| ours / peer));
        median(&ratios.collect::<Option<Vec<_>>>()?)
    }
}

/// What a ratio must be.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Goal {
    /// Ours by the peer's is at least this.
    AtLeast(f64),
    /// Ours by the peer's is at most this.
    AtMost(f64),
    /// Ours is below this, whatever the peer's is.
    Below(f64),
    /// Ours is at most this, whatever the peer's is.
    UpTo(f64),
}

impl Goal {
    /// Whether figures reach it.
    pub fn is_met(self, ours: f64, ratio: f64) -> bool {
        match self {
            Self::AtLeast(goal) => ratio >= goal,
            Self::AtMost(goal) => ratio <= goal,
            Self::Below(goal) => ours < goal,
            Self::UpTo(goal) => ours <= goal,
        }
    }
}

impl std::fmt::Display for Goal {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::AtLeast(goal) => write!(f, ">= {goal}"),
            Self::AtMost(goal) => write!(f, "<= {goal}"),
            Self::Below(goal) => write!(f, "ours < {goal}"),
            Self::UpTo(goal) => write!(f, "ours <= {goal}"),
        }
    }
}

/// The middle of some values, or of the two in the middle. `None` where there are none.
pub fn median(values: &[f64]) -> Option<f64> {
    let sorted = sorted(values);
    let half = sorted.len() / 2;
    let upper = *sorted.get(half)?;
    if sorted.len() % 2 == 1 { Some(upper) } else { Some(f64::midpoint(sorted[half - 1], upper)) }
}

/// The smallest value that at least so many of a hundred are not above. `None` where there are none.
pub fn percentile(values: &[f64], percent: usize) -> Option<f64> {
    let sorted = sorted(values);
    let rank = (sorted.len() * percent).div_ceil(100);
    sorted.get(rank.max(1) - 1).copied()
}

fn sorted(values: &[f64]) -> Vec<f64> {
    let mut sorted = values.to_vec();
    sorted.sort_by(f64::total_cmp);
    sorted
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn medians() {
        assert_eq!(median(&[]), None);
        assert_eq!(median(&[3.0]), Some(3.0));
        assert_eq!(median(&[9.0, 1.0, 3.0]), Some(3.0));
        assert_eq!(median(&[9.0, 1.0, 3.0, 5.0]), Some(4.0));
    }

    #[test]
    fn ratios_are_of_runs() {
        let runs = Runs { ours: vec![100.0, 20.0, 30.0], peer: vec![50.0, 10.0, 30.0] };
        assert_eq!(runs.ratio(), Some(2.0));
        assert_eq!(Runs { ours: vec![1.0, 2.0], peer: vec![1.0, 0.0] }.ratio(), None);
        assert_eq!(Runs::default().ratio(), None);
    }

    #[test]
    fn percentiles() {
        let hundred: Vec<f64> = (1..=100).rev().map(f64::from).collect();
        assert_eq!(percentile(&hundred, 99), Some(99.0));
        assert_eq!(percentile(&hundred, 100), Some(100.0));
        assert_eq!(percentile(&hundred, 0), Some(1.0));
        assert_eq!(percentile(&[7.0], 99), Some(7.0));
        assert_eq!(percentile(&[], 99), None);
    }

    #[test]
    fn goals() {
        assert!(Goal::AtLeast(2.0).is_met(0.0, 2.0));
        assert!(!Goal::AtLeast(2.0).is_met(9.0, 1.99));
        assert!(Goal::AtMost(0.5).is_met(9.0, 0.5));
        assert!(!Goal::AtMost(0.5).is_met(0.0, 0.51));
        assert!(Goal::Below(0.5).is_met(0.49, 9.0));
        assert!(!Goal::Below(0.5).is_met(0.5, 0.0));
        assert!(Goal::UpTo(0.5).is_met(0.5, f64::NAN));
        assert!(!Goal::UpTo(0.5).is_met(0.51, 0.0));
        assert!(!Goal::AtLeast(1.0).is_met(1.0, f64::NAN));
    }
}
