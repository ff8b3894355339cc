//! What the status of a NetworkNamespace says of its addresses: written where nobody else writes it.
//!
//! Other controllers write the rest of that status, and static-ip-operator these fields too, for namespaces that are its own.
//! So it is looked at who owns them (`metadata.managedFields`) before they are applied, and nothing is ever forced.

use k8s_openapi::apimachinery::pkg::apis::meta::v1::{ManagedFieldsEntry, ObjectMeta};
use kube::api::{Api, ApiResource, DynamicObject, Patch, PatchParams};
use kube::{Client, ResourceExt};
use serde_json::{Value, json};

use super::namespaces::resource;
use super::objects::answer;
use super::{FIELD_MANAGER, takeover};
use crate::crd::{IpAllocationStatus, NetworkNamespace};
use crate::source::SourceError;

/// The name of the field, by version.
const FIELDS: [(&str, &str); 2] = [("v1alpha1", "ipAllocationStatus"), ("v1alpha2", "ipAllocationSummary")];
/// What is written of it.
const PARTS: [&str; 5] = ["f:type", "f:provider", "f:allocatedCount", "f:availableCount", "f:totalCount"];

/// Keeps of the owners of fields those that [`write`] has to know.
pub fn keep_owners(metadata: &mut ObjectMeta) {
    let owners = metadata.managed_fields.take().into_iter().flatten().filter(owns_any);
    metadata.managed_fields = Some(owners.collect::<Vec<_>>()).filter(|owners| !owners.is_empty());
}

/// Whether an entry has some of the parts; one that has the field as a whole has all of them.
fn owns_any(entry: &ManagedFieldsEntry) -> bool {
    let Some(status) = entry.fields_v1.as_ref().and_then(|fields| fields.0.get("f:status")) else {
        return false;
    };
    let of_field = |field| status.get(format!("f:{field}")).and_then(Value::as_object);
    FIELDS
        .iter()
        .filter_map(|(_, field)| of_field(*field))
        .any(|owned| owned.is_empty() || owned.keys().any(|part| PARTS.contains(&part.as_str())))
}

/// Applies `usage`, or nothing in its place, in the version in which NetworkNamespaces are read.
pub async fn write(
    client: &Client,
    version: &str,
    namespace: &NetworkNamespace,
    usage: Option<&IpAllocationStatus>,
) -> Result<(), SourceError> {
    let (ours, others): (Vec<_>, Vec<_>) = namespace
        .managed_fields()
        .iter()
        .filter(|entry| owns_any(entry))
        .partition(|entry| takeover::is_ours(entry));
    if usage.is_none() && ours.is_empty() {
        return Ok(());
    }
    if usage.is_some() && !others.is_empty() {
        let mut names: Vec<&str> = others.iter().filter_map(|entry| entry.manager.as_deref()).collect();
        names.sort_unstable();
        names.dedup();
        return Err(SourceError::Conflict(format!("they are written by {}", names.join(", "))));
    }
    let resource: ApiResource = resource(version);
    let field = FIELDS.iter().find(|(of, _)| *of == version).map_or(FIELDS[0].1, |(_, field)| *field);
    let name = namespace.name_any();
    let mut applied = json!({
        "apiVersion": resource.api_version,
        "kind": resource.kind,
        // With the uid, another object of the same name is not reported on.
        "metadata": {"name": name, "uid": namespace.metadata.uid},
    });
    if let Some(usage) = usage {
        applied["status"] = json!({field: usage});
    }
    let api: Api<DynamicObject> =
        Api::namespaced_with(client.clone(), &namespace.namespace().unwrap_or_default(), &resource);
    let params = PatchParams::apply(FIELD_MANAGER);
    let written = answer(api.patch_status(&name, &params, &Patch::Apply(applied))).await?;
    if usage.is_some() && written.data["status"][field]["totalCount"].is_null() {
        return Err(SourceError::Failed(format!("the CustomResourceDefinition has no status.{field}")));
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use k8s_openapi::apimachinery::pkg::apis::meta::v1::FieldsV1;

    fn entry(fields: Value) -> ManagedFieldsEntry {
        ManagedFieldsEntry { fields_v1: Some(FieldsV1(fields)), ..ManagedFieldsEntry::default() }
    }

    #[test]
    fn owners_of_the_counts_are_kept_and_no_others() {
        let status = |status: Value| entry(json!({"f:status": status}));
        let mut metadata = ObjectMeta::default();
        let kept = [
            status(json!({"f:ipAllocationStatus": {"f:totalCount": {}}, "f:phase": {}})),
            status(json!({"f:ipAllocationSummary": {".": {}, "f:type": {}}})),
            status(json!({"f:ipAllocationStatus": {}})),
        ];
        let dropped = [
            status(json!({"f:phase": {}})),
            status(json!({"f:ipAllocationStatus": {".": {}, "f:allocatedIPs": {}}})),
            entry(json!({"f:spec": {"f:ipAllocation": {}}})),
            ManagedFieldsEntry::default(),
        ];
        metadata.managed_fields = Some(dropped.iter().chain(&kept).cloned().collect());
        keep_owners(&mut metadata);
        assert_eq!(metadata.managed_fields.as_deref(), Some(&kept[..]));
        metadata.managed_fields = Some(dropped.to_vec());
        keep_owners(&mut metadata);
        assert_eq!(metadata.managed_fields, None);
    }
}
