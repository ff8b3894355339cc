//! Status fields that somebody wrote by update before this operator came, above all the Go operator, whose place it takes.
//!
//! Server-side apply leaves fields to the manager that wrote them, and the Go operator wrote its status by merge patch: each
//! object that it served would stay in conflict. What it wrote is ours to write now, so its ownership is transferred, the way
//! client-go's `csaupgrade` does it: by a patch of `metadata.managedFields` that names the version which was looked at.
//!
//! That is done where the object carries our finalizer (which is the Go operator's too), and not that of another operator
//! which writes the same status. Fields that were written by *apply* are never taken: who applies means to keep them.
//! Managers are not told apart by their names: the Go operators are all called `manager`.

use k8s_openapi::apimachinery::pkg::apis::meta::v1::{FieldsV1, ManagedFieldsEntry, ObjectMeta};
use serde_json::{Map, Value, json};

use super::FIELD_MANAGER;
use crate::controller::{conditions, is_our_finalizer};

/// Finalizer of the operator that writes the same status for static addresses.
const STATIC_IP_FINALIZER: &str = "vitistack.io/static-ip-finalizer";
/// Fields of the status that this operator writes, besides conditions.
const FIELDS: [&str; 5] = ["f:phase", "f:status", "f:message", "f:created", "f:networkInterfaces"];
const CONDITIONS: &str = "f:conditions";

type Fields = Map<String, Value>;

/// A transfer of ownership.
#[derive(Debug, PartialEq)]
pub struct Transfer {
    /// `metadata.managedFields` after it.
    pub managed_fields: Vec<ManagedFieldsEntry>,
    /// Who loses fields, sorted.
    pub from: Vec<String>,
}

/// What can be taken over of the object's status; none where that is nothing.
pub fn transfer(metadata: &ObjectMeta) -> Option<Transfer> {
    let finalizers = metadata.finalizers.as_deref().unwrap_or_default();
    if !finalizers.iter().any(|name| is_our_finalizer(name))
        || finalizers.iter().any(|name| name == STATIC_IP_FINALIZER)
    {
        return None;
    }
    let mut kept = Vec::new();
    let mut taken = Fields::new();
    let mut from = Vec::new();
    let mut version = None;
    for mut entry in metadata.managed_fields.clone().unwrap_or_default() {
        let found = take(&mut entry);
        if found.is_empty() {
            kept.push(entry);
            continue;
        }
        merge(&mut taken, found);
        from.push(entry.manager.clone().unwrap_or_default());
        version.clone_from(&entry.api_version);
        if entry.fields_v1.as_ref().is_some_and(|fields| !is_empty(&fields.0)) {
            kept.push(entry);
        }
    }
    if taken.is_empty() {
        return None;
    }
    from.sort();
    from.dedup();
    let ours = kept.iter_mut().find(|entry| is_ours(entry) && entry.api_version == version);
    match ours.and_then(|entry| entry.fields_v1.as_mut()).and_then(|fields| fields.0.as_object_mut()) {
        Some(fields) => merge(fields, wrapped(taken)),
        None => kept.push(ManagedFieldsEntry {
            api_version: version,
            fields_type: Some("FieldsV1".into()),
            fields_v1: Some(FieldsV1(Value::Object(wrapped(taken)))),
            manager: Some(FIELD_MANAGER.into()),
            operation: Some("Apply".into()),
            subresource: Some("status".into()),
            time: None,
        }),
    }
    Some(Transfer { managed_fields: kept, from })
}

/// Whether the list of conditions has one owner, as in a CustomResourceDefinition without keys for it: who writes one
/// condition writes all of them. None where the object does not tell.
pub fn conditions_are_one(metadata: &ObjectMeta) -> Option<bool> {
    metadata.managed_fields.iter().flatten().find_map(|entry| {
        let status = entry.fields_v1.as_ref()?.0.get("f:status")?;
        status.get(CONDITIONS).map(is_empty)
    })
}

/// Whether an entry is what this operator applied.
pub fn is_ours(entry: &ManagedFieldsEntry) -> bool {
    entry.manager.as_deref() == Some(FIELD_MANAGER)
        && entry.operation.as_deref() == Some("Apply")
        && entry.subresource.as_deref() == Some("status")
}

/// Takes out of an entry what can be taken over: the content of its `f:status`, as far as it is ours to write.
fn take(entry: &mut ManagedFieldsEntry) -> Fields {
    let mut taken = Fields::new();
    if entry.operation.as_deref() != Some("Update") || entry.subresource.as_deref() != Some("status") {
        return taken;
    }
    let Some(fields) = entry.fields_v1.as_mut().and_then(|fields| fields.0.as_object_mut()) else {
        return taken;
    };
    let Some(status) = fields.get_mut("f:status").and_then(Value::as_object_mut) else { return taken };
    for field in FIELDS {
        if let Some(owned) = status.remove(field) {
            taken.insert(field.into(), owned);
        }
    }
    if let Some(conditions) = take_conditions(status) {
        taken.insert(CONDITIONS.into(), conditions);
    }
    if status.keys().all(|key| key == ".") {
        fields.remove("f:status");
    }
    taken
}

/// Conditions of our types; all of them where the list has one owner.
fn take_conditions(status: &mut Fields) -> Option<Value> {
    let conditions = status.get_mut(CONDITIONS)?.as_object_mut()?;
    if conditions.is_empty() {
        return status.remove(CONDITIONS);
    }
    let ours: Vec<String> = conditions.keys().filter(|key| is_our_condition(key)).cloned().collect();
    let taken: Fields =
        ours.into_iter().filter_map(|key| conditions.remove(&key).map(|owned| (key, owned))).collect();
    if conditions.keys().all(|key| key == ".") {
        status.remove(CONDITIONS);
    }
    (!taken.is_empty()).then_some(Value::Object(taken))
}

/// Whether a key such as `k:{"type":"Ready"}` names a condition of ours.
fn is_our_condition(key: &str) -> bool {
    let kind = key.strip_prefix("k:").and_then(|key| serde_json::from_str::<Value>(key).ok());
    kind.is_some_and(|key| conditions::TYPES.iter().any(|ours| key == json!({"type": ours})))
}

fn wrapped(status: Fields) -> Fields {
    [("f:status".to_owned(), Value::Object(status))].into_iter().collect()
}

fn is_empty(fields: &Value) -> bool {
    fields.as_object().is_some_and(Map::is_empty)
}

fn merge(into: &mut Fields, other: Fields) {
    for (key, value) in other {
        match (into.get_mut(&key).and_then(Value::as_object_mut), value) {
            (Some(known), Value::Object(more)) => merge(known, more),
            (_, value) => {
                into.insert(key, value);
            }
        }
    }
}

#[cfg(test)]
#[path = "takeover_tests.rs"]
mod tests;
