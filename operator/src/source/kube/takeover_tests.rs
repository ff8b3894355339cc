use super::*;
use crate::controller::{FINALIZER, LEGACY_FINALIZER};

fn entry(manager: &str, operation: &str, subresource: Option<&str>, fields: Value) -> ManagedFieldsEntry {
    ManagedFieldsEntry {
        api_version: Some("vitistack.io/v1alpha1".into()),
        fields_type: Some("FieldsV1".into()),
        fields_v1: Some(FieldsV1(fields)),
        manager: Some(manager.into()),
        operation: Some(operation.into()),
        subresource: subresource.map(Into::into),
        time: None,
    }
}

fn metadata(finalizers: &[&str], entries: Vec<ManagedFieldsEntry>) -> ObjectMeta {
    ObjectMeta {
        finalizers: Some(finalizers.iter().map(ToString::to_string).collect()),
        managed_fields: Some(entries),
        ..ObjectMeta::default()
    }
}

fn of_go() -> ManagedFieldsEntry {
    let ready = r#"k:{"type":"Ready"}"#;
    let fields = json!({"f:status": {
        ".": {}, "f:phase": {}, "f:message": {}, "f:networkInterfaces": {},
        "f:conditions": {".": {}, ready: {".": {}, "f:type": {}, "f:reason": {}}},
    }});
    entry("manager", "Update", Some("status"), fields)
}

fn fields(transfer: &Transfer, manager: &str, operation: &str) -> Value {
    let entry = transfer.managed_fields.iter().find(|entry| {
        entry.manager.as_deref() == Some(manager) && entry.operation.as_deref() == Some(operation)
    });
    entry.and_then(|entry| entry.fields_v1.clone()).map_or(Value::Null, |fields| fields.0)
}

#[test]
fn what_the_go_operator_wrote_is_taken_over() {
    for finalizer in [FINALIZER, LEGACY_FINALIZER] {
        let rest = entry("manager", "Update", None, json!({"f:metadata": {"f:finalizers": {".": {}}}}));
        let transfer = transfer(&metadata(&[finalizer], vec![rest.clone(), of_go()])).unwrap();
        assert_eq!(transfer.from, ["manager"]);
        assert_eq!(transfer.managed_fields.len(), 2);
        assert_eq!(transfer.managed_fields[0], rest);
        let ours = fields(&transfer, FIELD_MANAGER, "Apply");
        assert_eq!(ours["f:status"]["f:networkInterfaces"], json!({}));
        assert_eq!(ours["f:status"]["f:conditions"][r#"k:{"type":"Ready"}"#]["f:reason"], json!({}));
    }
}

#[test]
fn it_joins_what_we_own_already() {
    let ours = entry(FIELD_MANAGER, "Apply", Some("status"), json!({"f:status": {"f:created": {}}}));
    let transfer = transfer(&metadata(&[FINALIZER], vec![ours, of_go()])).unwrap();
    assert_eq!(transfer.managed_fields.len(), 1);
    let ours = fields(&transfer, FIELD_MANAGER, "Apply");
    assert_eq!(ours["f:status"]["f:created"], json!({}));
    assert_eq!(ours["f:status"]["f:phase"], json!({}));
}

#[test]
fn what_is_not_ours_to_write_stays() {
    let other = r#"k:{"type":"StaticIPReady"}"#;
    let status =
        json!({"f:phase": {}, "f:elsewhere": {}, "f:conditions": {".": {}, other: {"f:reason": {}}}});
    let of_other = entry("manager", "Update", Some("status"), json!({"f:status": status}));
    let transfer = transfer(&metadata(&[FINALIZER], vec![of_other])).unwrap();
    let theirs = fields(&transfer, "manager", "Update");
    assert_eq!(theirs["f:status"]["f:conditions"][other], json!({"f:reason": {}}));
    assert_eq!(theirs["f:status"]["f:elsewhere"], json!({}));
    assert_eq!(theirs["f:status"].get("f:phase"), None);
    assert_eq!(fields(&transfer, FIELD_MANAGER, "Apply"), json!({"f:status": {"f:phase": {}}}));
}

#[test]
fn nothing_is_taken_without_our_finalizer_or_from_who_applies() {
    assert_eq!(transfer(&metadata(&[], vec![of_go()])), None);
    assert_eq!(transfer(&metadata(&["a/b"], vec![of_go()])), None);
    assert_eq!(transfer(&metadata(&[FINALIZER, STATIC_IP_FINALIZER], vec![of_go()])), None);
    let mut applied = of_go();
    applied.operation = Some("Apply".into());
    assert_eq!(transfer(&metadata(&[FINALIZER], vec![applied])), None);
    // Not the status, whatever its fields are called.
    let spec = entry("manager", "Update", None, json!({"f:status": {"f:phase": {}}}));
    assert_eq!(transfer(&metadata(&[FINALIZER], vec![spec])), None);
}

#[test]
fn a_list_with_one_owner_is_told_from_one_with_keys() {
    let whole = json!({"f:status": {"f:conditions": {}}});
    let one = entry("manager", "Update", Some("status"), whole.clone());
    assert_eq!(conditions_are_one(&metadata(&[], vec![one.clone()])), Some(true));
    assert_eq!(conditions_are_one(&metadata(&[], vec![of_go()])), Some(false));
    let spec = entry("kubectl", "Apply", None, json!({"f:spec": {"f:name": {}}}));
    assert_eq!(conditions_are_one(&metadata(&[], vec![spec])), None);
    let transfer = transfer(&metadata(&[FINALIZER], vec![one])).unwrap();
    assert_eq!(fields(&transfer, FIELD_MANAGER, "Apply"), whole);
}
