//! Whether and where to stand for election.

use std::fs;
use std::hash::{BuildHasher, RandomState};
use std::str::FromStr;

use clap::Args;

use super::Settings;
use crate::config::{flag, given};

/// Where a pod finds the name of its namespace.
const NAMESPACE_FILE: &str = "/var/run/secrets/kubernetes.io/serviceaccount/namespace";

/// Flags of leader election.
#[derive(Args, Clone, Debug, Default)]
#[command(next_help_heading = "Leader election")]
pub struct LeaderArgs {
    /// Work only while holding the lease 2eca3363.vitistack.io [default: true in a pod with --source kube, else false]
    #[arg(
        long, env = "LEADER_ELECT", default_value = "", hide_default_value = true, value_name = "true|false",
        default_missing_value = "true", num_args = 0..=1, require_equals = true
    )]
    leader_elect: LeaderElect,

    /// Namespace of the lease [default: that of the pod]
    #[arg(long, env = "LEADER_ELECTION_NAMESPACE", value_name = "NAMESPACE")]
    leader_election_namespace: Option<String>,
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
enum LeaderElect {
    #[default]
    WhereUsual,
    Asked(bool),
}

impl FromStr for LeaderElect {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        if text.trim().is_empty() { Ok(Self::WhereUsual) } else { flag(text).map(Self::Asked) }
    }
}

/// Why an election cannot be stood for.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum SettingsError {
    /// No namespace.
    #[error(
        "leader election is asked for, and this is no pod: set --leader-election-namespace to the namespace of the lease"
    )]
    NoNamespace,
}

impl LeaderArgs {
    /// Where to stand for election, if at all. `of_cluster` tells whether the objects are those of a cluster.
    pub fn settings(&self, of_cluster: bool) -> Result<Option<Settings>, SettingsError> {
        self.settings_in(of_cluster, pod_namespace())
    }

    fn settings_in(
        &self,
        of_cluster: bool,
        pod_namespace: Option<String>,
    ) -> Result<Option<Settings>, SettingsError> {
        let wanted = match self.leader_elect {
            LeaderElect::Asked(wanted) => wanted,
            LeaderElect::WhereUsual => of_cluster && pod_namespace.is_some(),
        };
        if !wanted {
            return Ok(None);
        }
        let named = given(self.leader_election_namespace.as_ref()).map(str::to_owned);
        let namespace = named.or(pod_namespace).ok_or(SettingsError::NoNamespace)?;
        Ok(Some(Settings { identity: identity(), namespace }))
    }
}

fn pod_namespace() -> Option<String> {
    let file = || fs::read_to_string(NAMESPACE_FILE).ok();
    let found = std::env::var("POD_NAMESPACE").ok().filter(|name| !name.trim().is_empty()).or_else(file)?;
    given(Some(&found)).map(str::to_owned)
}

/// The machine's name, which is the pod's, for people, and what makes it this process's: two may run on one machine.
fn identity() -> String {
    let host = fs::read_to_string("/proc/sys/kernel/hostname").unwrap_or_default();
    let host = given(Some(&host)).unwrap_or("kea-operator").to_owned();
    format!("{host}_{:016x}", RandomState::new().hash_one(std::process::id()))
}

#[cfg(test)]
mod tests {
    use super::*;
    use rstest::rstest;

    fn args(elect: &str, namespace: Option<&str>) -> LeaderArgs {
        LeaderArgs {
            leader_elect: elect.parse().unwrap(),
            leader_election_namespace: namespace.map(Into::into),
        }
    }

    fn namespace_of(args: &LeaderArgs, of_cluster: bool, pod: Option<&str>) -> Option<String> {
        args.settings_in(of_cluster, pod.map(Into::into)).unwrap().map(|settings| settings.namespace)
    }

    #[rstest]
    #[case("", true, Some("kea"), Some("kea"))]
    #[case("", true, None, None)]
    #[case("", false, Some("kea"), None)]
    #[case("false", true, Some("kea"), None)]
    #[case("true", false, Some("kea"), Some("kea"))]
    fn where_it_is_usual_or_asked_for(
        #[case] elect: &str,
        #[case] of_cluster: bool,
        #[case] pod: Option<&str>,
        #[case] namespace: Option<&str>,
    ) {
        assert_eq!(namespace_of(&args(elect, None), of_cluster, pod).as_deref(), namespace);
    }

    #[test]
    fn a_namespace_is_needed_and_the_given_one_counts() {
        assert_eq!(args("true", None).settings_in(true, None), Err(SettingsError::NoNamespace));
        let named = args("true", Some("other"));
        assert_eq!(namespace_of(&named, true, None).as_deref(), Some("other"));
        assert_eq!(namespace_of(&named, true, Some("kea")).as_deref(), Some("other"));
        assert!("maybe".parse::<LeaderElect>().is_err());
    }

    #[test]
    fn no_two_processes_have_the_same_name() {
        assert_ne!(identity(), identity());
    }
}
