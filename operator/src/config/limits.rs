//! How long and how often Kea is asked, from the variables of the documents. What cannot be understood keeps its
//! default, with a warning: none of it is worth a stop.

use std::time::Duration;

use clap::Args;
use jiff::SignedDuration;

use super::given;
use crate::kea::Limits;

/// How long the making of a connection may take, unless `KEA_CONNECT_TIMEOUT_SECONDS` says otherwise. Shorter than a
/// command, so that a machine that is away is told from a Kea that is slow.
const CONNECT_TIMEOUT: Duration = Duration::from_secs(5);

/// The most repeats of a command: each holds up a worker.
const MOST_REPEATS: usize = 20;

const SECONDS: &str = "a number of seconds from 1 to 3600";

/// The longest of these times.
const LONGEST: Duration = Duration::from_hours(1);

/// How long and how often Kea is asked, as given.
#[derive(Args, Clone, Debug, Default)]
#[command(next_help_heading = "Kea")]
#[expect(clippy::struct_field_names, reason = "a flag is named after its field, and that after its variable")]
pub struct LimitArgs {
    /// How long a command may take, in seconds [default: 10]
    #[arg(long, env = "KEA_TIMEOUT_SECONDS", value_name = "SECONDS")]
    pub kea_timeout_seconds: Option<String>,

    /// How long a connection may take to come about, in seconds [default: 5]
    #[arg(long, env = "KEA_CONNECT_TIMEOUT_SECONDS", value_name = "SECONDS")]
    pub kea_connect_timeout_seconds: Option<String>,

    /// How often a command that failed is sent again, where that is safe [default: 4]
    #[arg(long, env = "KEA_PRIMARY_RETRIES", value_name = "NUMBER")]
    pub kea_primary_retries: Option<String>,

    /// Wait before the first repeat; each further one is twice as long [default: 100ms]
    #[arg(long, env = "KEA_RETRY_BACKOFF", value_name = "DURATION")]
    pub kea_retry_backoff: Option<String>,

    /// Longest wait before a repeat [default: 30s]
    #[arg(long, env = "KEA_RETRY_MAX_BACKOFF", value_name = "DURATION")]
    pub kea_retry_max_backoff: Option<String>,

    /// How long a server that failed five times in a row is left alone [default: 60s]
    #[arg(long, env = "KEA_PRIMARY_COOLDOWN", value_name = "DURATION")]
    pub kea_primary_cooldown: Option<String>,
}

fn seconds(text: &str) -> Option<Duration> {
    text.parse().ok().filter(|seconds| (1..=3600).contains(seconds)).map(Duration::from_secs)
}

impl LimitArgs {
    /// The limits; `warnings` gets what could not be understood.
    pub fn limits(&self, warnings: &mut Vec<String>) -> Limits {
        let default = Limits::default();
        let mut time = |name, text: &Option<String>, default| {
            understood(name, text.as_ref(), duration, default, "a time such as 500ms, 2s or 1m30s", warnings)
        };
        let backoff = time("KEA_RETRY_BACKOFF", &self.kea_retry_backoff, default.backoff);
        let max_backoff = time("KEA_RETRY_MAX_BACKOFF", &self.kea_retry_max_backoff, default.max_backoff);
        let cooldown = time("KEA_PRIMARY_COOLDOWN", &self.kea_primary_cooldown, default.cooldown);
        let repeats = understood(
            "KEA_PRIMARY_RETRIES",
            self.kea_primary_retries.as_ref(),
            |text| text.parse().ok().filter(|number| *number <= MOST_REPEATS),
            default.repeats,
            "a number from 0 to 20",
            warnings,
        );
        let backoff = backoff.min(max_backoff);
        let timeout = understood(
            "KEA_TIMEOUT_SECONDS",
            self.kea_timeout_seconds.as_ref(),
            seconds,
            default.timeout,
            SECONDS,
            warnings,
        );
        Limits { timeout, repeats, backoff, max_backoff, cooldown }
    }

    /// How long a connection may take to come about.
    pub fn connect_timeout(&self, warnings: &mut Vec<String>) -> Duration {
        understood(
            "KEA_CONNECT_TIMEOUT_SECONDS",
            self.kea_connect_timeout_seconds.as_ref(),
            seconds,
            CONNECT_TIMEOUT,
            SECONDS,
            warnings,
        )
    }
}

/// A time as Go writes it.
fn duration(text: &str) -> Option<Duration> {
    let time: SignedDuration = text.parse().ok()?;
    Duration::try_from(time).ok().filter(|time| *time <= LONGEST)
}

/// What `read` makes of a text, or `default` where there is none, or where it cannot be understood: then `warnings` says so, and
/// what is `wanted`.
pub fn understood<T>(
    variable: &str,
    text: Option<&String>,
    read: impl Fn(&str) -> Option<T>,
    default: T,
    wanted: &str,
    warnings: &mut Vec<String>,
) -> T {
    let Some(text) = given(text) else {
        return default;
    };
    read(text).unwrap_or_else(|| {
        warnings
            .push(format!("{variable} {text:?} is not understood, and its default is used; write {wanted}"));
        default
    })
}

#[cfg(test)]
mod tests {
    use rstest::rstest;

    use super::*;

    #[rstest]
    #[case("1s", 1_000)]
    #[case("500ms", 500)]
    #[case("1m30s", 90_000)]
    #[case("1.5s", 1_500)]
    #[case("0s", 0)]
    #[case(" 2s ", 2_000)]
    #[case("1h", 3_600_000)]
    fn times(#[case] text: &str, #[case] milliseconds: u64) {
        let args = LimitArgs { kea_primary_cooldown: Some(text.into()), ..LimitArgs::default() };
        let mut warnings = vec![];
        assert_eq!(args.limits(&mut warnings).cooldown, Duration::from_millis(milliseconds));
        assert_eq!(warnings, Vec::<String>::new());
    }

    #[rstest]
    #[case("-1s")]
    #[case("soon")]
    #[case("2h")]
    #[case("1s ago")]
    fn a_time_that_is_not_understood_keeps_the_default_and_says_so(#[case] text: &str) {
        let given = Some(text.to_owned());
        let args = LimitArgs {
            kea_retry_backoff: given.clone(),
            kea_retry_max_backoff: given.clone(),
            kea_primary_cooldown: given.clone(),
            kea_primary_retries: Some("-1".into()),
            kea_connect_timeout_seconds: Some("0".into()),
            kea_timeout_seconds: given.clone(),
        };
        let mut warnings = vec![];
        assert_eq!(args.limits(&mut warnings), Limits::default());
        assert_eq!(args.connect_timeout(&mut warnings), CONNECT_TIMEOUT);
        assert_eq!(warnings.len(), 6, "{warnings:?}");
        assert_eq!(
            warnings[0],
            format!(
                "KEA_RETRY_BACKOFF {text:?} is not understood, and its default is used; \
                 write a time such as 500ms, 2s or 1m30s"
            )
        );
    }

    #[test]
    fn what_is_understood() {
        let some = |text: &str| Some(text.to_owned());
        let args = LimitArgs {
            kea_timeout_seconds: some("30"),
            kea_connect_timeout_seconds: some("3"),
            kea_primary_retries: some("0"),
            kea_retry_backoff: some("1m"),
            kea_retry_max_backoff: some("10s"),
            kea_primary_cooldown: some(""),
        };
        let mut warnings = vec![];
        let limits = args.limits(&mut warnings);
        let ten = Duration::from_secs(10);
        let expected = Limits {
            timeout: Duration::from_secs(30),
            repeats: 0,
            // A first wait that is longer than the longest is the longest.
            backoff: ten,
            max_backoff: ten,
            cooldown: Limits::default().cooldown,
        };
        assert_eq!(limits, expected);
        assert_eq!(args.connect_timeout(&mut warnings), Duration::from_secs(3));
        assert!(warnings.is_empty(), "{warnings:?}");
    }
}
