//! Whose a reservation is: a mark in its `user-context`, read and written here alone.
//!
//! ```json
//! {"ext-owner": "kea-operator/<cluster id>", "kea-operator": {"namespace": "…", "name": "…", "uid": "…"}}
//! ```

use std::fmt;

use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

/// Key of the owner in a `user-context`; the hook's bulk commands use it too.
const OWNER_KEY: &str = "ext-owner";
/// Key of the mark of reservations that wait for a lease; the hook sets it.
const WAITS_KEY: &str = "ext-address";
/// Key of the object in a `user-context`.
const OBJECT_KEY: &str = "kea-operator";

/// The object that a reservation was made for.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ObjectName {
    /// Kubernetes namespace.
    pub namespace: String,
    /// Name of the NetworkConfiguration.
    pub name: String,
    /// Its uid: another object of the same name is another object.
    pub uid: String,
}

/// An object as the owner of reservations.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Owner {
    /// Identity of the cluster, or of the folder, that the object is in.
    pub cluster_id: String,
    /// The object.
    pub object: ObjectName,
}

/// Whose a reservation is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Ownership {
    /// Nobody's: made by hand, or by a tool that marks nothing.
    Unowned,
    /// Marked.
    Owned {
        /// The mark: `kea-operator/<cluster id>`, or another tool's.
        owner: String,
        /// The object, where the mark is an operator's.
        object: Option<ObjectName>,
    },
}

impl Owner {
    /// The mark of the operator that serves this cluster or folder.
    pub fn mark(&self) -> String {
        mark(&self.cluster_id)
    }

    /// The `user-context` of a reservation of this owner.
    pub fn user_context(&self) -> Value {
        json!({ OWNER_KEY: self.mark(), OBJECT_KEY: self.object })
    }
}

/// The mark of the operator that serves a cluster or folder.
pub fn mark(cluster_id: &str) -> String {
    format!("kea-operator/{cluster_id}")
}

/// The `user-context` of a subnet that the operator of this mark made for a NetworkNamespace.
pub fn subnet_context(mark: &str, namespace: &str, name: &str) -> Value {
    json!({ OWNER_KEY: mark, OBJECT_KEY: { "namespace": namespace, "name": name } })
}

/// Whether a `user-context` holds anything but the operator's mark.
pub fn says_more(user_context: Option<&Value>) -> bool {
    match user_context {
        Some(Value::Object(members)) => {
            members.keys().any(|key| ![OWNER_KEY, OBJECT_KEY, WAITS_KEY].contains(&key.as_str()))
        }
        None | Some(Value::Null) => false,
        Some(_) => true,
    }
}

impl Ownership {
    /// Reads the mark of a `user-context`.
    pub fn read(user_context: Option<&Value>) -> Self {
        let Some(owner) = user_context.and_then(|context| context.get(OWNER_KEY)).and_then(Value::as_str)
        else {
            return Self::Unowned;
        };
        let object = user_context
            .and_then(|context| context.get(OBJECT_KEY))
            .and_then(|object| ObjectName::deserialize(object).ok());
        Self::Owned { owner: owner.into(), object }
    }
}

impl fmt::Display for Ownership {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Unowned => write!(f, "made by hand (no owner)"),
            Self::Owned { owner, object: Some(object) } => {
                write!(f, "owned by NetworkConfiguration {}/{} of {owner}", object.namespace, object.name)
            }
            Self::Owned { owner, object: None } => write!(f, "owned by {owner}"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn owner(cluster: &str, uid: &str) -> Owner {
        let object = ObjectName { namespace: "team-a".into(), name: "vm-1".into(), uid: uid.into() };
        Owner { cluster_id: cluster.into(), object }
    }

    #[test]
    fn a_mark_reads_back_as_the_owners() {
        let ours = owner("c1", "u1");
        let read = Ownership::read(Some(&ours.user_context()));
        assert!(matches!(&read, Ownership::Owned { owner, .. } if *owner == ours.mark()));
        assert_eq!(read.to_string(), "owned by NetworkConfiguration team-a/vm-1 of kea-operator/c1");
    }

    #[test]
    fn what_else_a_context_says() {
        assert!(!says_more(None));
        assert!(!says_more(Some(&owner("c1", "u1").user_context())));
        assert!(says_more(Some(&json!({"comment": "printer"}))));
        assert_eq!(Ownership::read(Some(&json!({"ext-owner": "puppet"}))).to_string(), "owned by puppet");
    }

    #[test]
    fn what_is_no_mark_is_unowned() {
        for context in [None, Some(json!({})), Some(json!({"ext-owner": 7})), Some(json!({"comment": "x"}))] {
            assert_eq!(Ownership::read(context.as_ref()), Ownership::Unowned);
        }
    }
}
