//! Whether a server answers, and how safely it is talked to.

use super::of_error;
use crate::doctor::config::{Config, items};
use crate::doctor::{Check, Facts, Finding};
use crate::kea::Endpoint;

const REACHABLE: Check = Check::Reachable;

/// The releases that all tests run on.
const TESTED: [[u32; 2]; 3] = [[2, 2], [2, 6], [3, 0]];

pub fn reachable(facts: &Facts) -> Vec<Finding> {
    let mut found = vec![match &facts.version {
        Ok(version) => Finding::ok(REACHABLE, format!("Kea {version} answers")),
        Err(error) => of_error(REACHABLE, error).why("nothing is reserved or released on it meanwhile"),
    }];
    if let Endpoint::Http(url) = &facts.endpoint
        && url.scheme() == "http"
        && !is_loopback(url.host_str().unwrap_or_default())
    {
        let secret = if facts.has_password { ", and the password" } else { "" };
        found.push(
            Finding::warning(Check::Tls, "commands go over the network unencrypted")
                .why(format!("whoever is on the way can read and change reservations{secret}"))
                .fix("give Kea a certificate, and KEA_URL the scheme https"),
        );
    }
    let [major, minor, _] = facts.release();
    if facts.version.is_ok() && !TESTED.contains(&[major, minor]) {
        found.push(
            Finding::info(
                Check::Version,
                format!("Kea {major}.{minor} is none of the releases that were tested"),
            )
            .fix("use Kea 2.2, 2.6 or 3.0 where you can choose"),
        );
    }
    found
}

fn is_loopback(host: &str) -> bool {
    let address = host.trim_matches(['[', ']']).parse::<std::net::IpAddr>();
    host == "localhost" || address.is_ok_and(|address| address.is_loopback())
}

/// A control agent between operator and daemon, where the daemon itself could be asked: from Kea 2.7.2 on.
pub fn agent(facts: &Facts, config: Config<'_>) -> Option<Finding> {
    if !matches!(facts.endpoint, Endpoint::Http(_)) || facts.release() < [2, 7, 2] {
        return None;
    }
    let answers_http = items(config.0, "control-sockets")
        .iter()
        .any(|socket| socket["socket-type"].as_str().is_some_and(|kind| kind.starts_with("http")));
    (!answers_http).then(|| {
        Finding::warning(Check::ControlAgent, "commands go through a control agent")
            .why("it is deprecated in Kea 3.0, gone in later releases, and does one command at a time")
            .fix(
                "give Dhcp4 a control socket of its own, \"control-sockets\": [{\"socket-type\": \"http\", \
                 \"socket-address\": \"…\", \"socket-port\": 8000}] or \"https\", and let KEA_URL lead to it",
            )
    })
}

#[cfg(test)]
mod tests {
    use super::super::bad;
    use super::*;
    use crate::doctor::Severity::{Error, Warning};
    use crate::doctor::ask::healthy;
    use crate::kea::KeaError;
    use serde_json::json;

    fn at(url: &str) -> Facts {
        Facts { endpoint: Endpoint::parse(url, false, None).unwrap(), ..healthy() }
    }

    #[test]
    fn who_does_not_answer_is_an_error_with_its_fix() {
        let error = KeaError::Unreachable { server: "unix:/s".into(), cause: "No such file".into() };
        let found = reachable(&Facts { version: Err(error), ..healthy() });
        assert_eq!(found[0].what, "cannot reach Kea at unix:/s: No such file");
        assert!(found[0].fix.as_ref().unwrap().starts_with("check that it runs"));
        assert_eq!(bad(&found), [(Check::Reachable, Error)]);
    }

    #[test]
    fn ways_that_others_can_listen_on() {
        for safe in
            ["unix:/s", "http://127.0.0.1:8000", "http://localhost", "http://[::1]:8000", "https://kea"]
        {
            assert_eq!(bad(&reachable(&at(safe))), [], "{safe}");
        }
        assert_eq!(bad(&reachable(&at("http://kea:8000"))), [(Check::Tls, Warning)]);
    }

    #[test]
    fn a_control_agent_is_told_where_it_could_be_done_without() {
        let none = json!({"control-socket": {"socket-type": "unix"}});
        let own = json!({"control-sockets": [{"socket-type": "unix"}, {"socket-type": "http"}]});
        assert!(agent(&at("http://kea:8000"), Config(&none)).is_some());
        assert!(agent(&at("http://kea:8000"), Config(&own)).is_none());
        assert!(agent(&at("unix:/s"), Config(&none)).is_none());
        let old = Facts { version: Ok("2.6.3".into()), ..at("http://kea:8000") };
        assert!(agent(&old, Config(&none)).is_none());
    }
}
