//! `kea-operator doctor` with a real API server, and the program as a plugin of a real kubectl.

mod support;

#[path = "support/cluster.rs"]
mod cluster;
#[path = "support/operator.rs"]
mod operator;

use std::env;
use std::os::unix::fs::symlink;
use std::process::Command;

use cluster::Cluster;
use kea_lab::apiserver::ApiServer;
use kea_lab::operator_path;
use serde_json::Value;
use support::PREFIX;

#[test]
fn doctor_looks_at_the_cluster() {
    let cluster = Cluster::new("kubedoctor");
    cluster.apply_network();
    let url = format!("unix:{}", cluster.kea.socket().path().display());
    let examine = |cluster: &Cluster| {
        let said = operator::run(
            &["doctor", "--source", "kube", "--kea-url", &url, "-o", "json"],
            &[("KUBECONFIG", cluster.api.kubeconfig())],
        );
        let report: Value = serde_json::from_str(&said.out).unwrap_or_else(|_| panic!("{said:?}"));
        let found = report["findings"].as_array().unwrap().clone();
        (said.code, found)
    };
    let of = |found: &[Value], check: &str| -> Vec<(String, String)> {
        let text = |finding: &Value, key: &str| finding[key].as_str().unwrap().to_owned();
        let found = found.iter().filter(|finding| finding["check"] == check);
        found.map(|finding| (text(finding, "severity"), text(finding, "what"))).collect()
    };
    let (_, found) = examine(&cluster);
    assert_eq!(of(&found, "access")[0].0, "ok", "{found:#?}");
    let definitions = of(&found, "definitions");
    assert_eq!(definitions.len(), 2, "{found:#?}");
    assert!(definitions.iter().all(|(severity, what)| severity == "ok" && what.contains("v1alpha1")));
    assert!(of(&found, "permissions").iter().all(|(severity, _)| severity != "error"), "{found:#?}");
    assert!(of(&found, "network")[0].1.starts_with(PREFIX), "{found:#?}");

    cluster.api.kubectl(&["delete", "crd", "networkconfigurations.vitistack.io"]).unwrap();
    let (code, found) = examine(&cluster);
    assert_eq!(code, 2);
    let missing = "networkconfigurations.vitistack.io is not installed";
    assert_eq!(of(&found, "definitions")[0], ("error".to_owned(), missing.to_owned()));
}

#[test]
fn kubectl_finds_it_as_a_plugin() {
    let api = ApiServer::start().unwrap();
    let folder = tempfile::tempdir().unwrap();
    for name in ["kubectl-kea", "kubectl_complete-kea"] {
        symlink(operator_path().unwrap(), folder.path().join(name)).unwrap();
    }
    let path = format!("{}:{}", folder.path().display(), env::var("PATH").unwrap());
    let said = |command: &mut Command| {
        let output = command.env("PATH", &path).output().unwrap();
        assert!(output.status.success(), "{output:?}");
        String::from_utf8(output.stdout).unwrap()
    };
    let help = said(&mut api.kubectl_command(&["kea", "explain", "--help"]));
    assert!(help.contains("Usage: kubectl kea explain"), "{help}");
    let definitions = said(&mut api.kubectl_command(&["kea", "crd"]));
    assert!(definitions.contains("networkconfigurations.vitistack.io"), "{definitions}");
    let completed =
        said(Command::new(folder.path().join("kubectl_complete-kea")).args(["doctor", "-o", "y"]));
    assert_eq!(completed, "yaml\t\n:4\n");
}
