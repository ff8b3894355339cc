//! The API server of the lab serves what a controller needs of one.

use std::path::PathBuf;
use std::time::Duration;

use anyhow::Result;
use kea_lab::apiserver::ApiServer;
use kea_lab::{Process, wait_for};

const DEADLINE: Duration = Duration::from_mins(1);

const WIDGETS: &str = r"
apiVersion: apiextensions.k8s.io/v1
kind: CustomResourceDefinition
metadata: {name: widgets.lab.example.org}
spec:
  group: lab.example.org
  scope: Namespaced
  names: {plural: widgets, singular: widget, kind: Widget}
  versions:
    - name: v1
      served: true
      storage: true
      subresources: {status: {}}
      additionalPrinterColumns:
        - {name: Phase, type: string, jsonPath: .status.phase}
        - {name: Size, type: integer, jsonPath: .spec.size}
      schema:
        openAPIV3Schema:
          type: object
          properties:
            spec:
              type: object
              x-kubernetes-validations:
                - {rule: self.size % 2 == 0, message: the size must be even}
              properties: {size: {type: integer, maximum: 10}}
            status:
              type: object
              properties: {phase: {type: string}}
";

const WIDGET: &str = "
apiVersion: lab.example.org/v1
kind: Widget
metadata: {name: one, namespace: default}
spec: {size: 4}
status: {phase: Forged}
";

fn server_with_widgets() -> Result<ApiServer> {
    let server = ApiServer::start()?;
    server.apply_crds(WIDGETS)?;
    Ok(server)
}

fn words(line: &str) -> Vec<&str> {
    line.split_whitespace().collect()
}

#[test]
fn custom_resources_have_status_columns_and_rules() {
    let server = server_with_widgets().unwrap();
    server.apply(WIDGET).unwrap();

    // A client of the object cannot write its status.
    let columns = server.kubectl(&["get", "widget", "one", "--no-headers"]).unwrap();
    assert_eq!(words(&columns), ["one", "4"]);

    server
        .kubectl(&[
            "patch",
            "widget",
            "one",
            "--subresource=status",
            "--type=merge",
            "-p",
            r#"{"status":{"phase":"Ready"}}"#,
        ])
        .unwrap();
    let table = server.kubectl(&["get", "widgets"]).unwrap();
    let lines: Vec<_> = table.lines().map(words).collect();
    assert_eq!(lines, [vec!["NAME", "PHASE", "SIZE"], vec!["one", "Ready", "4"]]);
    let generation = ["get", "widget", "one", "-o", "jsonpath={.metadata.generation}"];
    assert_eq!(server.kubectl(&generation).unwrap(), "1");

    let patch = |size| server.kubectl(&["patch", "widget", "one", "--type=merge", "-p", size]);
    let too_big = patch(r#"{"spec":{"size":12}}"#).unwrap_err().to_string();
    assert!(too_big.contains("less than or equal to 10"), "{too_big}");
    let odd = patch(r#"{"spec":{"size":3}}"#).unwrap_err().to_string();
    assert!(odd.contains("the size must be even"), "{odd}");
    patch(r#"{"spec":{"size":6}}"#).unwrap();
    assert_eq!(server.kubectl(&generation).unwrap(), "2");
}

#[test]
fn fields_have_owners() {
    let server = server_with_widgets().unwrap();
    server.apply(WIDGET).unwrap();
    let file = tempfile::NamedTempFile::new().unwrap();
    std::fs::write(file.path(), WIDGET.replace("size: 4", "size: 8")).unwrap();
    let apply = ["apply", "--server-side", "--field-manager=rival", "-f", file.path().to_str().unwrap()];
    let conflict = server.kubectl(&apply).unwrap_err().to_string();
    assert!(conflict.contains(".spec.size"), "{conflict}");
}

#[test]
fn watches_tell_changes() {
    let server = server_with_widgets().unwrap();
    let log = tempfile::NamedTempFile::new().unwrap();
    let command =
        server.kubectl_command(&["get", "widgets", "--watch", "--output-watch-events", "--no-headers"]);
    let watch = Process::spawn("watch", &command, log.path()).unwrap();
    let seen = |event: &[&str]| {
        wait_for(format!("{event:?}"), DEADLINE, || {
            watch.log().lines().any(|line| words(line) == event).then_some(())
        })
        .unwrap();
    };

    server.apply(WIDGET).unwrap();
    seen(&["ADDED", "one", "4"]);
    server.apply(&WIDGET.replace("size: 4", "size: 6")).unwrap();
    seen(&["MODIFIED", "one", "6"]);
    server.kubectl(&["delete", "widget", "one"]).unwrap();
    seen(&["DELETED", "one", "6"]);
}

#[test]
fn events_show_in_the_description_of_their_object() {
    let server = server_with_widgets().unwrap();
    server.apply(WIDGET).unwrap();
    let uid = server.kubectl(&["get", "widget", "one", "-o", "jsonpath={.metadata.uid}"]).unwrap();
    server
        .apply(&format!(
            "
apiVersion: events.k8s.io/v1
kind: Event
metadata: {{name: one.polished, namespace: default}}
eventTime: 2026-01-02T03:04:05.000000Z
regarding: {{apiVersion: lab.example.org/v1, kind: Widget, namespace: default, name: one, uid: {uid}}}
type: Normal
reason: Polished
action: Polish
note: it shines now
reportingController: lab.example.org/test
reportingInstance: test-0
"
        ))
        .unwrap();
    let description = server.kubectl(&["describe", "widget", "one"]).unwrap();
    let event = description.lines().last().unwrap();
    assert!(event.contains("Polished") && event.contains("it shines now"), "{description}");
    let table = server.kubectl(&["get", "events", "--no-headers"]).unwrap();
    assert!(table.contains("widget/one") && table.contains("it shines now"), "{table}");
}

#[test]
fn built_in_kinds_behave() {
    let server = ApiServer::start().unwrap();
    let uid = server.kubectl(&["get", "namespace", "kube-system", "-o", "jsonpath={.metadata.uid}"]).unwrap();
    assert_eq!(uid.len(), 36, "{uid}");

    let lost = "{apiVersion: v1, kind: ConfigMap, metadata: {name: lost, namespace: nowhere}}";
    let refusal = server.apply(lost).unwrap_err().to_string();
    assert!(refusal.contains(r#"namespaces "nowhere" not found"#), "{refusal}");

    server.kubectl(&["create", "namespace", "site"]).unwrap();
    server
        .apply(
            "
apiVersion: v1
kind: Secret
metadata: {name: kea, namespace: site}
stringData: {password: secret}
---
apiVersion: coordination.k8s.io/v1
kind: Lease
metadata: {name: leader, namespace: site}
spec: {holderIdentity: me}
",
        )
        .unwrap();
    let password = ["get", "secret", "kea", "-n", "site", "-o", "jsonpath={.data.password}"];
    assert_eq!(server.kubectl(&password).unwrap(), "c2VjcmV0");
    let holder = ["get", "lease", "leader", "-n", "site", "-o", "jsonpath={.spec.holderIdentity}"];
    assert_eq!(server.kubectl(&holder).unwrap(), "me");
}

#[test]
fn a_server_keeps_its_objects_over_a_kill_and_a_freeze() {
    let mut server = server_with_widgets().unwrap();
    server.apply(WIDGET).unwrap();
    server.kill().unwrap();
    server.kubectl(&["get", "widget", "one"]).unwrap_err();
    server.restart().unwrap();
    wait_for("the widget after the restart", DEADLINE, || server.kubectl(&["get", "widget", "one"]).ok())
        .unwrap();

    server.freeze().unwrap();
    server.kubectl(&["get", "widget", "one", "--request-timeout=1s"]).unwrap_err();
    server.thaw().unwrap();
    server.kubectl(&["get", "widget", "one"]).unwrap();
}

#[test]
fn servers_are_apart_and_leave_nothing() {
    let servers = [ApiServer::start().unwrap(), ApiServer::start().unwrap()];
    assert_ne!(servers[0].url(), servers[1].url());
    servers[0].kubectl(&["create", "namespace", "only-here"]).unwrap();
    servers[1].kubectl(&["get", "namespace", "only-here"]).unwrap_err();

    // The credentials of one are none for the other.
    let foreign = format!("--server={}", servers[1].url());
    let refusal = servers[0].kubectl(&["get", "namespaces", &foreign]).unwrap_err();
    assert!(refusal.to_string().contains("certificate"), "{refusal}");

    let processes: Vec<_> =
        servers.iter().flat_map(ApiServer::pids).map(|pid| PathBuf::from(format!("/proc/{pid}"))).collect();
    let folders: Vec<_> =
        servers.iter().map(|server| server.kubeconfig().parent().unwrap().to_owned()).collect();
    assert!(processes.iter().chain(&folders).all(|path| path.exists()));
    drop(servers);
    assert!(!processes.iter().chain(&folders).any(|path| path.exists()));
}
