//! The objects of the Helm chart: they ask for no more than is needed, and find each other.

#[path = "support/chart.rs"]
mod chart;

use std::collections::BTreeSet;

use chart::{NAMESPACE, RELEASE, Rendered, all, chart_file, render, values_files, values_of, yaml};
use kea_operator::permissions::{NEEDED, Permission, Place};
use serde_json::{Value, json};

/// The Pod Security Standard `restricted`, as far as fields of a chart can break it.
#[test]
fn pods_are_restricted() {
    for (name, rendered) in all() {
        let deployment = rendered.the("Deployment")["spec"]["template"]["spec"].clone();
        for pod in [deployment, rendered.the("Pod")["spec"].clone()] {
            for key in ["hostNetwork", "hostPID", "hostIPC"] {
                assert!(pod[key].is_null() || pod[key] == false, "{name}: {key}");
            }
            for volume in pod["volumes"].as_array().unwrap_or(&vec![]) {
                assert!(volume["hostPath"].is_null(), "{name}: {volume}");
            }
            for container in pod["containers"].as_array().unwrap() {
                let (own, shared) = (&container["securityContext"], &pod["securityContext"]);
                let either =
                    |key: &str| if own[key].is_null() { shared[key].clone() } else { own[key].clone() };
                assert_eq!(own["allowPrivilegeEscalation"], false, "{name}");
                assert_eq!(own["capabilities"], json!({ "drop": ["ALL"] }), "{name}");
                assert_eq!(own["readOnlyRootFilesystem"], true, "{name}");
                assert_eq!(either("runAsNonRoot"), true, "{name}");
                assert_ne!(either("runAsUser"), 0, "{name}");
                assert_eq!(either("seccompProfile"), json!({ "type": "RuntimeDefault" }), "{name}");
                assert!(own["privileged"].is_null() && container["ports"][0]["hostPort"].is_null(), "{name}");
            }
        }
    }
}

#[test]
fn the_roles_permit_what_the_operator_needs_and_nothing_else() {
    for (name, values) in values_files() {
        let rendered = render(&values);
        let secret = values["kea"]["tls"]["secretName"].as_str().filter(|name| !name.is_empty());
        let text = |value: &Value| value.as_str().filter(|text| !text.is_empty()).map(str::to_owned);
        let own = || NAMESPACE.to_owned();
        let lease_namespace = text(&values["leaderElection"]["namespace"]).unwrap_or_else(own);
        let secret_namespace = text(&values["kea"]["tls"]["secretNamespace"]).unwrap_or_else(own);
        let place_of = |permission: &Permission| match permission.place {
            Place::Cluster => Some(("ClusterRole", Value::Null)),
            Place::Election => Some(("Role", json!(lease_namespace))),
            Place::TlsSecret => secret.map(|_| ("Role", json!(secret_namespace))),
        };
        let needed: BTreeSet<String> = NEEDED
            .iter()
            .filter_map(|permission| {
                let (kind, namespace) = place_of(permission)?;
                let mut rule = json!({
                    "apiGroups": [permission.group], "resources": [permission.path()], "verbs": permission.verbs,
                });
                let object = if permission.place == Place::TlsSecret { secret } else { permission.name };
                if let Some(object) = object {
                    rule["resourceNames"] = json!([object]);
                }
                Some(json!([kind, namespace, rule]).to_string())
            })
            .collect();
        let mut given = BTreeSet::new();
        for role in [rendered.of_kind("ClusterRole"), rendered.of_kind("Role")].concat() {
            for rule in role["rules"].as_array().unwrap() {
                given.insert(json!([role["kind"], role["metadata"]["namespace"], rule]).to_string());
            }
        }
        assert_eq!(given, needed, "{name}");
        assert_roles_are_bound(&name, &rendered);
    }
}

fn assert_roles_are_bound(name: &str, rendered: &Rendered) {
    let account = rendered.the("Deployment")["spec"]["template"]["spec"]["serviceAccountName"].clone();
    for kind in ["ClusterRole", "Role"] {
        let place = |object: &Value| json!([object["metadata"]["name"], object["metadata"]["namespace"]]);
        let roles: Vec<Value> = rendered.of_kind(kind).iter().map(place).collect();
        let bindings = rendered.of_kind(&format!("{kind}Binding"));
        let bound: Vec<Value> = bindings
            .iter()
            .map(|binding| json!([binding["roleRef"]["name"], binding["metadata"]["namespace"]]))
            .collect();
        assert_eq!(roles, bound, "{name}");
        for binding in &bindings {
            assert_eq!(binding["roleRef"]["kind"], kind, "{name}");
            let subject = json!([{ "kind": "ServiceAccount", "name": account, "namespace": NAMESPACE }]);
            assert_eq!(binding["subjects"], subject, "{name}");
        }
    }
}

#[test]
fn definitions_are_those_of_the_operator_and_stay() {
    let strip = |mut object: Value| {
        object["metadata"] = json!({ "name": object["metadata"]["name"] });
        whole_numbers(&mut object);
        object
    };
    let files = kea_operator::crd::definitions()
        .map(|(file, _)| strip(yaml(&chart_file(&format!("files/crds/{file}")))));
    let definitions = render(&json!({})).of_kind("CustomResourceDefinition");
    for definition in &definitions {
        assert_eq!(definition["metadata"]["annotations"]["helm.sh/resource-policy"], "keep");
    }
    assert!(
        definitions.into_iter().map(strip).collect::<Vec<_>>() == files,
        "a definition was changed by rendering"
    );

    let kept = render(&json!({ "crds": { "keep": false } })).of_kind("CustomResourceDefinition");
    assert!(kept.iter().all(|definition| definition["metadata"]["annotations"].is_null()));
    let none = render(&json!({ "crds": { "install": false } }));
    assert_eq!(none.of_kind("CustomResourceDefinition"), Vec::<Value>::new());
}

/// Helm writes 60 where the file has 60.0.
fn whole_numbers(value: &mut Value) {
    match value {
        Value::Number(number) => *value = json!(number.as_f64()),
        Value::Array(values) => values.iter_mut().for_each(whole_numbers),
        Value::Object(map) => map.values_mut().for_each(whole_numbers),
        _ => {}
    }
}

#[test]
fn selectors_find_the_operator_and_not_the_pod_of_the_test() {
    for (name, rendered) in all() {
        let deployment = rendered.the("Deployment");
        let labels = |object: &Value| object["metadata"]["labels"].as_object().unwrap().clone();
        let (operator, test) = (labels(&deployment["spec"]["template"]), labels(&rendered.the("Pod")));
        let mut selectors = vec![
            deployment["spec"]["selector"]["matchLabels"].clone(),
            rendered.the("Service")["spec"]["selector"].clone(),
        ];
        let more = ["PodDisruptionBudget", "NetworkPolicy"].map(|kind| rendered.of_kind(kind));
        selectors.extend(more.iter().flatten().map(|object| {
            let spec = &object["spec"];
            spec.get("podSelector").or(spec.get("selector")).unwrap()["matchLabels"].clone()
        }));
        for selector in selectors {
            let selector = selector.as_object().unwrap();
            assert!(!selector.is_empty());
            let finds = |labels: &serde_json::Map<String, Value>| {
                selector.iter().all(|(key, value)| labels.get(key) == Some(value))
            };
            assert!(finds(&operator) && !finds(&test), "{name}: {selector:?}");
        }
    }
}

#[test]
fn spread_constraints_select_the_pods_unless_they_say_otherwise() {
    let pod = |values| render(&values_of(values)).the("Deployment")["spec"]["template"]["spec"].clone();
    let ours = json!({ "app.kubernetes.io/name": "kea-operator", "app.kubernetes.io/instance": RELEASE });
    let constraints = pod("everything")["topologySpreadConstraints"].clone();
    assert_eq!(constraints[0]["labelSelector"]["matchLabels"], ours);
    assert_eq!(
        constraints[1]["labelSelector"]["matchLabels"],
        json!({ "app.kubernetes.io/name": "kea-operator" })
    );
    assert_eq!(
        pod("high-availability")["topologySpreadConstraints"][0]["labelSelector"]["matchLabels"],
        ours
    );
}
