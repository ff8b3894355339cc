//! The chart on a real API server: its objects are what Kubernetes knows, and Helm installs, upgrades, tests and
//! uninstalls it.
//!
//! The server decodes built-in kinds strictly into Kubernetes' own types, and checks no more of them; those of the
//! Prometheus operator are checked by definitions of what the chart uses of them (`support/monitoring_crds.yaml`).

#[path = "support/chart.rs"]
mod chart;
#[path = "support/operator.rs"]
mod operator;

use std::fs;
use std::io::Write;
use std::path::{Path, PathBuf};
use std::process::Command;

use chart::{NAMESPACE, RELEASE, helm, project, render, values_files, values_of};
use kea_lab::apiserver::ApiServer;
use kea_lab::{Process, wait_for};
use operator::PATIENCE;
use serde_json::{Value, json};

fn cluster() -> ApiServer {
    let api = ApiServer::start().unwrap();
    for namespace in [NAMESPACE, "monitoring", "certificates", "leases", "vitistack"] {
        api.kubectl(&["create", "namespace", namespace]).unwrap();
    }
    api
}

fn apply_strictly(api: &ApiServer, manifests: &str) -> anyhow::Result<String> {
    let mut file = tempfile::Builder::new().suffix(".yaml").tempfile()?;
    file.write_all(manifests.as_bytes())?;
    api.kubectl(&["apply", "--validate=strict", "-f", file.path().to_str().unwrap()])
}

#[test]
fn kubernetes_knows_all_fields() {
    let api = cluster();
    api.apply_crds(&fs::read_to_string(project("tests/support/monitoring_crds.yaml")).unwrap()).unwrap();
    for (name, values) in values_files() {
        let rendered = render(&values);
        for manifests in [rendered.manifests(), rendered.tests()] {
            let applied = apply_strictly(&api, &manifests);
            let applied = applied.unwrap_or_else(|error| panic!("{name}: {error:#}\n{manifests}"));
            assert!(!applied.contains("Warning"), "{name}: {applied}");
        }
    }
    let plain = fs::read_to_string(project("charts/kea-operator.yaml")).unwrap();
    apply_strictly(&api, &plain).unwrap();

    // The server would tell of a field that there is not.
    let rendered = render(&values_of("everything")).manifests();
    for (field, kind) in [
        ("terminationGracePeriodSeconds", "Deployment"),
        ("automountServiceAccountToken", "ServiceAccount"),
        ("resourceNames", "Role"),
        ("roleRef", "ClusterRoleBinding"),
        ("targetPort", "Service"),
        ("maxUnavailable", "PodDisruptionBudget"),
        ("policyTypes", "NetworkPolicy"),
        ("ingressClassName", "Ingress"),
        ("scaleTargetRef", "HorizontalPodAutoscaler"),
        ("scrapeTimeout", "ServiceMonitor"),
        ("expr", "PrometheusRule"),
    ] {
        let broken = misspell(&rendered, kind, field);
        let refusal = apply_strictly(&api, &broken).expect_err(field).to_string();
        assert!(refusal.contains("unknown field") && refusal.contains("misspelled"), "{kind}: {refusal}");
    }
}

/// The document of that kind, with a field that nobody knows in place of one that it has.
fn misspell(manifests: &str, kind: &str, field: &str) -> String {
    let of_kind =
        |document: &&str| document.contains(&format!("\nkind: {kind}\n")) && document.contains(field);
    let document = manifests.split("\n---\n").find(of_kind);
    let document = document.unwrap_or_else(|| panic!("no {kind} with {field}"));
    document.replacen(field, &format!("misspelled{field}"), 1)
}

/// A request to Helm about the release in this cluster.
fn release(api: &ApiServer, what: &str, more: &Value) -> Result<Value, String> {
    let mut request = json!({ "do": what, "kubeconfig": api.kubeconfig() });
    request.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
    helm(&request)
}

fn get(api: &ApiServer, arguments: &[&str]) -> Value {
    let get = [&["-n", NAMESPACE, "get", "-o", "json"], arguments].concat();
    serde_json::from_str(&api.kubectl(&get).unwrap()).unwrap()
}

const DEFINITION: [&str; 2] = ["crd", "networkconfigurations.vitistack.io"];

/// The chart as an older version would be: its definition lacks what it has now.
fn older_chart(folder: &Path) {
    let copied =
        Command::new("cp").args(["-r"]).arg(project("charts/kea-operator")).arg(folder).status().unwrap();
    assert!(copied.success());
    let file = folder.join("kea-operator/files/crds").join(format!("{}.yaml", DEFINITION[1]));
    let newer = fs::read_to_string(&file).unwrap();
    let (before, after) = newer.split_once("  - additionalPrinterColumns:\n").unwrap();
    let (_, after) = after.split_once("    name: v1alpha1\n").unwrap();
    fs::write(file, format!("{before}  - name: v1alpha1\n{after}")).unwrap();
}

#[test]
fn helm_installs_upgrades_and_uninstalls_it() {
    let api = cluster();
    let folder = tempfile::tempdir().unwrap();
    older_chart(folder.path());
    let columns = || get(&api, &DEFINITION)["spec"]["versions"][0]["additionalPrinterColumns"].to_string();
    let values = json!({ "values": { "kea": { "url": "http://kea.example.org:8000" } } });
    let mut older = values.clone();
    older["chart"] = json!(folder.path().join("kea-operator"));
    let installed = release(&api, "install", &older).unwrap();
    assert_eq!(installed["status"], "deployed", "{installed}");
    assert_eq!(get(&api, &["deployment", RELEASE])["spec"]["replicas"], 1);
    // What a server adds to a definition without columns.
    assert!(!columns().contains("Addresses"), "{}", columns());

    let more = json!({ "values": { "kea": { "url": "http://kea.example.org:8000" }, "replicaCount": 2 } });
    release(&api, "upgrade", &more).unwrap();
    assert!(columns().contains("Addresses"), "{}", columns());
    assert_eq!(get(&api, &["deployment", RELEASE])["spec"]["replicas"], 2);

    release(&api, "uninstall", &json!({})).unwrap();
    assert_eq!(get(&api, &["deployments"])["items"], json!([]));
    assert_eq!(get(&api, &["crds"])["items"].as_array().unwrap().len(), 2, "they stay");

    // A second installation takes them back.
    release(&api, "install", &values).unwrap();
    release(&api, "uninstall", &json!({})).unwrap();
}

#[test]
fn definitions_of_others_are_left_alone() {
    let api = cluster();
    for file in fs::read_dir(project("tests/support/upstream_crds")).unwrap() {
        api.apply_crds(&fs::read_to_string(file.unwrap().path()).unwrap()).unwrap();
    }
    let before = get(&api, &DEFINITION)["metadata"]["resourceVersion"].clone();
    let values = json!({ "values": { "kea": { "url": "http://kea.example.org:8000" } } });
    let installed = release(&api, "install", &values).unwrap();
    assert_eq!(installed["status"], "deployed");
    assert_eq!(get(&api, &DEFINITION)["metadata"]["resourceVersion"], before);
    let notes = installed["notes"].as_str().unwrap_or_default();
    assert!(notes.contains("networkconfigurations.vitistack.io was there before"), "{installed}");
}

/// A release as the Go operator's chart makes it: its names, labels, selector and roles.
fn go_chart(folder: &Path) {
    fs::create_dir_all(folder.join("templates")).unwrap();
    let chart = "apiVersion: v2\nname: kea-operator\nversion: 0.0.41\nappVersion: v0.0.41\n";
    fs::write(folder.join("Chart.yaml"), chart).unwrap();
    let labels = json!({ "app.kubernetes.io/name": "kea-operator",
        "app.kubernetes.io/instance": "vitistack-kea-operator" });
    let metadata = |name: &str| json!({ "name": format!("vitistack-kea-operator{name}"), "labels": labels });
    let subject =
        json!({ "kind": "ServiceAccount", "name": "vitistack-kea-operator", "namespace": NAMESPACE });
    let role = |kind: &str, name: &str, rule: Value| {
        json!({ "apiVersion": "rbac.authorization.k8s.io/v1", "kind": kind,
        "metadata": metadata(&format!("-{name}-role")), "rules": [rule] })
    };
    let binding = |kind: &str, name: &str| {
        json!({ "apiVersion": "rbac.authorization.k8s.io/v1",
        "kind": format!("{kind}Binding"), "metadata": metadata(&format!("-{name}-rolebinding")),
        "roleRef": { "apiGroup": "rbac.authorization.k8s.io", "kind": kind,
            "name": format!("vitistack-kea-operator-{name}-role") },
        "subjects": [subject] })
    };
    let objects = [
        json!({ "apiVersion": "v1", "kind": "ServiceAccount", "metadata": metadata("") }),
        json!({ "apiVersion": "v1", "kind": "Service", "metadata": metadata(""), "spec": { "type": "ClusterIP",
            "selector": labels, "ports": [{ "name": "http", "port": 9995, "targetPort": 9995 }] } }),
        role(
            "ClusterRole",
            "manager",
            json!({ "apiGroups": [""], "resources": ["secrets"], "verbs": ["get", "list", "watch"] }),
        ),
        binding("ClusterRole", "manager"),
        role(
            "Role",
            "leader-election",
            json!({ "apiGroups": [""], "resources": ["configmaps"], "verbs": ["get", "delete"] }),
        ),
        binding("Role", "leader-election"),
        json!({ "apiVersion": "apps/v1", "kind": "Deployment", "metadata": metadata(""), "spec": {
            "replicas": 1, "selector": { "matchLabels": labels }, "template": { "metadata": { "labels": labels },
            "spec": { "serviceAccountName": "vitistack-kea-operator", "containers": [{ "name": "kea-operator",
                "image": "registry.example/vitistack/viti-kea-operator:v0.0.41",
                "env": [{ "name": "KEA_URL", "value": "x" }] }] } } } }),
    ];
    for (number, object) in objects.iter().enumerate() {
        fs::write(folder.join(format!("templates/{number}.yaml")), object.to_string()).unwrap();
    }
}

#[test]
fn a_release_of_the_go_operator_is_upgraded() {
    let api = cluster();
    let folder = tempfile::tempdir().unwrap();
    go_chart(folder.path());
    let name = "vitistack-kea-operator";
    release(&api, "install", &json!({ "name": name, "chart": folder.path() })).unwrap();
    let before = get(&api, &["deployment", name]);
    // The definitions were not part of that chart.
    for file in fs::read_dir(project("tests/support/upstream_crds")).unwrap() {
        api.apply_crds(&fs::read_to_string(file.unwrap().path()).unwrap()).unwrap();
    }

    let upgraded =
        release(&api, "upgrade", &json!({ "name": name, "values": values_of("go-chart") })).unwrap();
    assert_eq!(upgraded["status"], "deployed", "{upgraded}");
    let after = get(&api, &["deployment", name]);
    assert_eq!(after["metadata"]["uid"], before["metadata"]["uid"], "it was not replaced");
    // A real cluster refuses a change of it.
    assert_eq!(after["spec"]["selector"], before["spec"]["selector"]);
    let container = &after["spec"]["template"]["spec"]["containers"];
    assert_eq!(container.as_array().unwrap().len(), 1);
    assert!(container[0]["image"].as_str().unwrap().starts_with("kea-operator/"), "{container}");
    for (kind, role) in [("ClusterRole", "manager"), ("Role", "leader-election")] {
        let binding = get(&api, &[&format!("{kind}Binding"), &format!("{name}-{role}-rolebinding")]);
        assert_eq!(
            binding["roleRef"]["name"],
            format!("{name}-{role}-role"),
            "a real cluster refuses a change of it"
        );
    }
    let rules = get(&api, &["clusterrole", &format!("{name}-manager-role")])["rules"].to_string();
    assert!(!rules.contains("secrets"), "{rules}");
}

/// An operator that answers probes, and where.
fn answering(arguments: &[&str], environment: &[(&str, &Path)], folder: &Path) -> (Process, String) {
    let arguments = [&["--health-probe-bind-address", "127.0.0.1:0"][..], arguments].concat();
    let operator = operator::start(&folder.join("operator.log"), &arguments, environment);
    let address = wait_for("the address of probes", PATIENCE, || {
        let log = operator.log();
        let line = log.lines().find(|line| line.contains("probes or metrics are answered"))?;
        Some(line.split_once("address=")?.1.split_whitespace().next()?.to_owned())
    });
    let address = address.unwrap_or_else(|error| panic!("{error:#}\n{}", operator.tail()));
    (operator, address)
}

/// All but the image and the kubelet: the operator runs with the variables and files of its container.
#[test]
fn the_operator_works_as_the_deployment_says() {
    for file in ["go-chart", "go-chart-all", "high-availability"] {
        let api = cluster();
        let folder = tempfile::tempdir().unwrap();
        let rendered = render(&values_of(file));
        for (name, _) in kea_operator::crd::definitions() {
            api.apply_crds(&chart::chart_file(&format!("files/crds/{name}"))).unwrap();
        }
        let place = |path: &str| folder.path().join(path.trim_start_matches('/'));
        certificate(&place("/certificates"));
        let environment: Vec<(String, PathBuf)> = rendered
            .environment()
            .into_iter()
            .map(|(name, value)| {
                if !name.ends_with("_FILE") {
                    return (name, PathBuf::from(value));
                }
                let path = place(&value);
                if value.starts_with("/etc/kea-operator/") {
                    fs::create_dir_all(path.parent().unwrap()).unwrap();
                    fs::write(&path, "from the Secret").unwrap();
                }
                (name, path)
            })
            .collect();
        let mut environment: Vec<(&str, &Path)> =
            environment.iter().map(|(name, value)| (name.as_str(), value.as_path())).collect();
        environment.extend([("KUBECONFIG", api.kubeconfig()), ("POD_NAMESPACE", Path::new(NAMESPACE))]);
        let (operator, address) = answering(&[], &environment, folder.path());
        let said = operator::run(&["probe", "--wait=60s", &format!("http://{address}/readyz")], &[]);
        assert_eq!(said.code, 0, "{file}: {}\n{}", said.err, operator.tail());
        let lease = get(&api, &["lease", kea_operator::leader::LEASE_NAME]);
        assert!(lease["spec"]["holderIdentity"].is_string(), "{file}: {lease}");
    }
}

/// A certificate with its key, in the files that a Secret for TLS becomes.
fn certificate(folder: &Path) {
    let made = rcgen::generate_simple_self_signed(vec!["kea.example.com".to_owned()]).unwrap();
    fs::create_dir_all(folder).unwrap();
    fs::write(folder.join("ca.crt"), made.cert.pem()).unwrap();
    fs::write(folder.join("tls.crt"), made.cert.pem()).unwrap();
    fs::write(folder.join("tls.key"), made.signing_key.serialize_pem()).unwrap();
}

/// Runs the pod of the test, once, as a kubelet would: its image is the operator, and the Service leads to `address`.
fn run_the_pod(api: &ApiServer, address: &str) {
    let name = format!("{RELEASE}-test-connection");
    let pod = wait_for("the pod of the test", PATIENCE, || {
        let found = api.kubectl(&["-n", NAMESPACE, "get", "pod", &name, "-o", "json"]).ok()?;
        serde_json::from_str::<Value>(&found).ok()
    });
    let container = &pod.unwrap()["spec"]["containers"][0];
    let arguments: Vec<String> = container["args"]
        .as_array()
        .unwrap()
        .iter()
        .map(|word| {
            word.as_str()
                .unwrap()
                .replace("http://kea-operator:80/", &format!("http://{address}/"))
                .replace("60s", "5s")
        })
        .collect();
    let said = operator::run(&arguments.iter().map(String::as_str).collect::<Vec<_>>(), &[]);
    let phase = if said.code == 0 { "Succeeded" } else { "Failed" };
    let status = json!({ "status": { "phase": phase } }).to_string();
    api.kubectl(&["-n", NAMESPACE, "patch", "pod", &name, "--type=merge", "-p", &status]).unwrap();
}

#[test]
fn helm_test_tells_whether_the_operator_works() {
    let api = cluster();
    let folder = tempfile::tempdir().unwrap();
    release(&api, "install", &json!({ "values": { "kea": { "url": "http://kea.example.org:8000" } } }))
        .unwrap();
    let arguments = ["--kea-url=http://127.0.0.1:1", "--leader-elect=false"];
    let (operator, address) = answering(&arguments, &[("KUBECONFIG", api.kubeconfig())], folder.path());
    let test = |address: &str| {
        std::thread::scope(|scope| {
            scope.spawn(|| run_the_pod(&api, address));
            release(&api, "test", &json!({}))
        })
    };
    test(&address).unwrap_or_else(|error| panic!("{error}\n{}", operator.tail()));
    drop(operator);
    let failed = test(&address).unwrap_err();
    assert!(failed.contains("test-connection"), "{failed}");
}
