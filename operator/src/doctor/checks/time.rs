//! A server's clock, and the ends of certificates.

use k8s_openapi::jiff::{SignedDuration, Timestamp};

use crate::doctor::{Check, Finding};
use crate::kea::Glance;

const CLOCK: Check = Check::Clock;
const CERTIFICATE: Check = Check::Certificate;

/// Seconds that an answer may take, and that nobody minds.
const TOLERATED: i64 = 5;
/// Before the end of a certificate.
const SOON: SignedDuration = SignedDuration::from_hours(30 * 24);

pub fn clock(glance: &Glance) -> Option<Finding> {
    let ahead = glance.ahead?;
    if ahead.abs() <= TOLERATED {
        return Some(Finding::ok(CLOCK, "Kea's clock is ours"));
    }
    // In words that are the same the next time.
    let how = match ahead.abs() {
        0..60 => "seconds",
        60..3600 => "minutes",
        3600..86400 => "hours",
        _ => "days",
    };
    let side = if ahead > 0 { "ahead of" } else { "behind" };
    Some(
        Finding::warning(CLOCK, format!("Kea's clock is {how} {side} ours"))
            .why("leases are taken for valid that are not, or the other way round, and Kea's HA ends at a minute")
            .fix("let both machines keep time by NTP"),
    )
}

pub fn certificates(glance: &Glance, now: Timestamp) -> Vec<Finding> {
    glance.certificates.iter().map(|(name, end)| certificate(name, *end, now)).collect()
}

fn certificate(name: &str, end: Timestamp, now: Timestamp) -> Finding {
    let left = end.duration_since(now);
    let (what, fix) = (format!("{name}: valid until {end}"), "put a new one in its place");
    if left <= SignedDuration::ZERO {
        Finding::error(CERTIFICATE, what).why("it has ended, and Kea cannot be reached with it").fix(fix)
    } else if left < SOON {
        Finding::warning(CERTIFICATE, what).why("Kea cannot be reached any more then").fix(fix)
    } else {
        Finding::ok(CERTIFICATE, what)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::doctor::Severity;

    #[test]
    fn clocks() {
        let of = |ahead| clock(&Glance { ahead, ..Glance::default() });
        assert_eq!(of(None), None);
        assert_eq!(of(Some(-5)).unwrap().severity, Severity::Ok);
        assert_eq!(of(Some(6)).unwrap().what, "Kea's clock is seconds ahead of ours");
        assert_eq!(of(Some(-7200)).unwrap().what, "Kea's clock is hours behind ours");
        assert_eq!(of(Some(90)).unwrap().severity, Severity::Warning);
    }

    #[test]
    fn ends_of_certificates() {
        let now: Timestamp = "2026-11-22T00:00:00Z".parse().unwrap();
        let of = |end: &str| {
            let certificates = vec![("c".to_owned(), end.parse().unwrap())];
            certificates_of(certificates, now)
        };
        assert_eq!(of("2027-11-22T00:00:00Z"), Severity::Ok);
        assert_eq!(of("2026-12-21T00:00:00Z"), Severity::Warning);
        assert_eq!(of("2026-11-22T00:00:00Z"), Severity::Error);
    }

    fn certificates_of(certificates: Vec<(String, Timestamp)>, now: Timestamp) -> Severity {
        super::certificates(&Glance { ahead: None, certificates }, now)[0].severity
    }
}
