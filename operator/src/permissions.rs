//! What the operator does to a cluster's objects, and so what it needs to be permitted: the one list of it.
//!
//! The chart's roles are rendered from it ([`yaml`]), `doctor` asks the cluster for it, and a test compares it with
//! what an operator was seen to do (`tests/chart_permissions.rs`).

use serde_json::{Map, Value, json};

use crate::crd::GROUP;
use crate::leader::LEASE_NAME;

/// Some verbs on objects of one kind.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Permission {
    /// Where it is needed.
    pub place: Place,
    /// API group; empty for the core one.
    pub group: &'static str,
    /// Kind of objects, as in a path of the API.
    pub resource: &'static str,
    /// Part of them; empty for the objects themselves.
    pub subresource: &'static str,
    /// The one object that it is about, where it is one and its name is known.
    pub name: Option<&'static str>,
    /// What is done to them.
    pub verbs: &'static [&'static str],
}

/// Where a permission is needed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Place {
    /// In all namespaces, or on what is in none.
    Cluster,
    /// In the namespace of the Lease, for leader election.
    Election,
    /// In the namespace of the Secret of `KEA_TLS_SECRET_NAME`, on that Secret, where it is set.
    TlsSecret,
}

impl Place {
    /// All of them.
    pub const ALL: [Self; 3] = [Self::Cluster, Self::Election, Self::TlsSecret];

    /// Its key in [`yaml`].
    pub fn key(self) -> &'static str {
        match self {
            Self::Cluster => "cluster",
            Self::Election => "election",
            Self::TlsSecret => "tlsSecret",
        }
    }
}

/// What the operator can do without: to tell how many addresses are in use.
pub const COUNTS: Permission =
    Permission { subresource: "status", ..needed(Place::Cluster, GROUP, "networknamespaces", &["patch"]) };

/// All that is needed.
pub const NEEDED: [Permission; 9] = [
    needed(Place::Cluster, GROUP, "networkconfigurations", &["get", "list", "watch", "patch"]),
    Permission {
        subresource: "status",
        ..needed(Place::Cluster, GROUP, "networkconfigurations", &["patch"])
    },
    needed(Place::Cluster, GROUP, "networknamespaces", &["list", "watch"]),
    COUNTS,
    needed(Place::Cluster, "events.k8s.io", "events", &["create"]),
    Permission { name: Some("kube-system"), ..needed(Place::Cluster, "", "namespaces", &["get"]) },
    // The name of what is created is not known to authorization.
    needed(Place::Election, "coordination.k8s.io", "leases", &["create"]),
    Permission {
        name: Some(LEASE_NAME),
        ..needed(Place::Election, "coordination.k8s.io", "leases", &["get", "update"])
    },
    // The chart knows its name.
    needed(Place::TlsSecret, "", "secrets", &["list", "watch"]),
];

const fn needed(
    place: Place,
    group: &'static str,
    resource: &'static str,
    verbs: &'static [&'static str],
) -> Permission {
    Permission { place, group, resource, subresource: "", name: None, verbs }
}

impl Permission {
    /// The resource, as in a rule: `networkconfigurations/status`.
    pub fn path(&self) -> String {
        let separator = if self.subresource.is_empty() { "" } else { "/" };
        format!("{}{separator}{}", self.resource, self.subresource)
    }

    /// A rule of a Role or ClusterRole.
    fn rule(&self) -> Value {
        let mut rule = json!({ "apiGroups": [self.group], "resources": [self.path()] });
        if let Some(name) = self.name {
            rule["resourceNames"] = json!([name]);
        }
        rule["verbs"] = json!(self.verbs);
        rule
    }
}

/// The rules by place, for the chart.
pub fn yaml() -> Result<String, serde_saphyr::SerializeError> {
    let rules_of = |place: Place| -> Value {
        NEEDED.iter().filter(|permission| permission.place == place).map(Permission::rule).collect()
    };
    let places: Map<String, Value> =
        Place::ALL.into_iter().map(|place| (place.key().to_owned(), rules_of(place))).collect();
    let head = "# Written by `make generate` from operator/src/permissions.rs.\n";
    Ok(format!("{head}{}", serde_saphyr::to_string(&places)?))
}
