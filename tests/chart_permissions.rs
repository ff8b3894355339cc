//! The permissions that the chart gives are those that an operator uses: it is watched by the API server's audit log
//! while it does all that it can do.

#[path = "support/chart.rs"]
mod chart;
#[path = "support/operator.rs"]
mod operator;

use std::collections::BTreeSet;
use std::path::Path;

use chart::{chart_file, yaml};
use kea_lab::apiserver::ApiServer;
use kea_lab::wait_for;
use kea_operator::permissions::{COUNTS, NEEDED, Permission, Place};
use operator::{PATIENCE, network_configuration, network_namespace};
use serde_json::{Value, json};

const OBJECTS: &str = "team-a";
const LEASES: &str = "dhcp";
const CERTIFICATES: &str = "certificates";
const SECRET: &str = "kea-client";
const FINALIZER: &str = "vitistack.io/networkconfiguration-finalizer";

fn cluster() -> ApiServer {
    let api = ApiServer::start_audited().unwrap();
    for (file, _) in kea_operator::crd::definitions() {
        api.apply_crds(&chart_file(&format!("files/crds/{file}"))).unwrap();
    }
    for namespace in [OBJECTS, LEASES, CERTIFICATES] {
        api.kubectl(&["create", "namespace", namespace]).unwrap();
    }
    let secret = ["-n", CERTIFICATES, "create", "secret", "generic", SECRET, "--from-literal=ca.crt=none"];
    api.kubectl(&secret).unwrap();
    let network = network_namespace(OBJECTS, "10.77.0.0/16");
    api.apply(&network.to_string()).unwrap();
    let status = json!({ "status": network["status"] }).to_string();
    let patch = [
        "-n",
        OBJECTS,
        "patch",
        "networknamespace",
        "lab",
        "--subresource=status",
        "--type=merge",
        "-p",
        &status,
    ];
    api.kubectl(&patch).unwrap();
    api
}

/// As the Go operator leaves it: with a finalizer, and a status that an update wrote.
fn object_of_the_go_operator(api: &ApiServer) {
    let mut object = network_configuration(OBJECTS, "old", &["02:00:00:00:00:0a"]);
    object["metadata"]["finalizers"] = json!([FINALIZER]);
    api.apply(&object.to_string()).unwrap();
    let status = json!({ "status": { "phase": "Ready", "status": "Success", "message": "configured" } });
    let patch =
        ["-n", OBJECTS, "patch", "networkconfiguration", "old", "--subresource=status", "--type=merge"];
    let status = status.to_string();
    api.kubectl(&[&patch[..], &["--field-manager=manager", "-p", &status]].concat()).unwrap();
}

/// A request about objects, as authorization sees it.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
struct Request {
    group: String,
    resource: String,
    subresource: String,
    namespace: String,
    name: String,
    verb: String,
}

/// What was asked by others than kubectl and the server itself.
fn requests(api: &ApiServer) -> BTreeSet<Request> {
    let audit = api.audit().unwrap();
    let of_operator = audit.iter().filter(|event| {
        let program = event["userAgent"].as_str().unwrap_or_default();
        event["user"]["username"] == "lab-admin"
            && !program.starts_with("kubectl")
            && event["objectRef"].is_object()
    });
    let request = |event: &Value| {
        let about = |key: &str| event["objectRef"][key].as_str().unwrap_or_default().to_owned();
        Request {
            group: about("apiGroup"),
            resource: about("resource"),
            subresource: about("subresource"),
            namespace: about("namespace"),
            name: about("name"),
            verb: event["verb"].as_str().unwrap().to_owned(),
        }
    };
    of_operator.map(request).collect()
}

/// Whether the chart's role with this permission lets the request through.
fn permits(permission: &Permission, request: &Request) -> bool {
    let is_there = match permission.place {
        Place::Cluster => true,
        Place::Election => request.namespace == LEASES,
        Place::TlsSecret => request.namespace == CERTIFICATES && request.name == SECRET,
    };
    is_there
        && permission.group == request.group
        && permission.resource == request.resource
        && permission.subresource == request.subresource
        && permission.name.is_none_or(|name| name == request.name)
        && permission.verbs.contains(&request.verb.as_str())
}

#[test]
fn the_operator_does_what_it_is_permitted_and_nothing_else() {
    let api = cluster();
    object_of_the_go_operator(&api);
    api.apply(&network_configuration(OBJECTS, "new", &["02:00:00:00:00:0b"]).to_string()).unwrap();

    let folder = tempfile::tempdir().unwrap();
    // Nobody listens there: what goes to the cluster is the same.
    let arguments = [
        "--source=kube",
        "--kea-url=https://127.0.0.1:1",
        "--kea-primary-retries=0",
        "--leader-elect=true",
        "--kea-tls-secret-name",
        SECRET,
        "--kea-tls-secret-namespace",
        CERTIFICATES,
    ];
    let environment = [("KUBECONFIG", api.kubeconfig()), ("POD_NAMESPACE", Path::new(LEASES))];
    let operator = operator::start(&folder.path().join("operator.log"), &arguments, &environment);

    let unused = || -> Vec<(&Permission, &str)> {
        let seen = requests(&api);
        // Addresses in use are told by a Kea that is there: operator_usage sees that.
        let needed = NEEDED.iter().filter(|needed| **needed != COUNTS);
        let verbs = needed.flat_map(|needed| needed.verbs.iter().map(move |verb| (needed, *verb)));
        verbs
            .filter(|(needed, verb)| {
                !seen.iter().any(|request| request.verb == *verb && permits(needed, request))
            })
            .collect()
    };
    wait_for("all that is permitted to be done", PATIENCE, || unused().is_empty().then_some(()))
        .unwrap_or_else(|error| panic!("{error:#}\nnever done: {:#?}\n{}", unused(), operator.tail()));

    let forbidden: Vec<Request> = requests(&api)
        .into_iter()
        .filter(|request| !NEEDED.iter().any(|permission| permits(permission, request)))
        .collect();
    assert_eq!(forbidden, vec![], "the operator's roles do not permit this");
}

#[test]
fn the_document_lists_them() {
    let document = std::fs::read_to_string(chart::project("docs/operator.md")).unwrap();
    let table = document.split("| group | resource | verbs |\n").nth(1).unwrap();
    let rows: Vec<Vec<&str>> = table
        .lines()
        .take_while(|line| line.starts_with('|'))
        .skip(1)
        .map(|line| line.trim_matches('|').split('|').map(str::trim).collect())
        .collect();
    let documented: BTreeSet<(String, String, String)> = rows
        .iter()
        .flat_map(|row| {
            let group = row[0].trim_matches('`').replace("core", "");
            let resource = row[1].split('`').nth(1).unwrap().to_owned();
            let verbs =
                row[2].split([',', ';', ' ']).take_while(|word| !["if", "for", "unless"].contains(word));
            let verbs: Vec<String> = verbs.filter(|verb| !verb.is_empty()).map(str::to_owned).collect();
            verbs.into_iter().map(move |verb| (group.clone(), resource.clone(), verb))
        })
        .collect();
    let needed = NEEDED.iter().flat_map(|permission| {
        permission
            .verbs
            .iter()
            .map(|verb| (permission.group.to_owned(), permission.path(), (*verb).to_owned()))
    });
    assert_eq!(documented, needed.collect());
}

#[test]
fn the_chart_has_a_rule_for_each() {
    let rules = yaml(&chart_file("files/permissions.yaml"));
    let count = Place::ALL.iter().map(|place| rules[place.key()].as_array().unwrap().len()).sum::<usize>();
    assert_eq!(count, NEEDED.len());
}
