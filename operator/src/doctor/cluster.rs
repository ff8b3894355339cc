//! What the cluster has of what the operator needs. Nothing is written there.

use k8s_openapi::api::apps::v1::Deployment;
use k8s_openapi::api::authorization::v1::{
    ResourceAttributes, SelfSubjectAccessReview, SelfSubjectAccessReviewSpec,
};
use k8s_openapi::api::coordination::v1::Lease;
use k8s_openapi::apiextensions_apiserver::pkg::apis::apiextensions::v1::CustomResourceDefinition;
use kube::api::{Api, ListParams, PostParams};
use kube::{Client, ResourceExt};

use super::{Check, Finding};
use crate::leader::LEASE_NAME;
use crate::permissions::{COUNTS, NEEDED, Permission, Place};

/// Images of the Go operator: the one of its chart, and its name until December 2025.
const GO_IMAGES: [&str; 2] = ["vitistack/viti-kea-operator", "vitistack/kea-operator"];

const ACCESS: Check = Check::Access;
const DEFINITIONS: Check = Check::Definitions;
const PERMISSIONS: Check = Check::Permissions;
const OPERATORS: Check = Check::Operators;

/// Looks at the cluster. Whether its objects can be read is the second.
pub async fn cluster() -> (Vec<Finding>, bool) {
    let Ok(client) = Client::try_default().await else {
        let none = Finding::info(ACCESS, "no cluster is configured here, and none was looked at")
            .fix("run in a pod with a service account, set KUBECONFIG, or give --source dir:PATH");
        return (vec![none], false);
    };
    let version = match client.apiserver_version().await {
        Ok(version) => version.git_version,
        Err(error) => return (vec![silent(&error)], false),
    };
    let mut found = vec![Finding::ok(ACCESS, format!("Kubernetes {version} answers"))];
    let definitions = definitions(&client).await;
    let readable = definitions.iter().all(|finding| finding.severity < super::Severity::Error);
    found.extend(definitions);
    found.extend(permissions(&client).await);
    found.extend(operators(&client).await);
    (found, readable)
}

fn silent(error: &kube::Error) -> Finding {
    let finding = match error {
        kube::Error::Api(status) => {
            Finding::error(ACCESS, format!("the cluster refuses: {}", status.message))
        }
        _ => Finding::error(ACCESS, "the cluster does not answer"),
    };
    finding.why("no object can be read").fix("check KUBECONFIG, the network path to it, and the credentials")
}

async fn definitions(client: &Client) -> Vec<Finding> {
    let api: Api<CustomResourceDefinition> = Api::all(client.clone());
    let mut found = vec![];
    for name in ["networkconfigurations.vitistack.io", "networknamespaces.vitistack.io"] {
        found.push(match api.get_opt(name).await {
            Ok(Some(definition)) => {
                let served = definition.spec.versions.iter().filter(|version| version.served);
                let versions: Vec<&str> = served.map(|version| version.name.as_str()).collect();
                Finding::ok(DEFINITIONS, format!("{name} is there, with {}", versions.join(", ")))
            }
            Ok(None) => Finding::error(DEFINITIONS, format!("{name} is not installed"))
                .why("there can be no object to serve")
                .fix("kea-operator crd | kubectl apply -f -"),
            Err(_) => Finding::info(DEFINITIONS, format!("{name} cannot be looked at")).why(
                "it takes the permission to get customresourcedefinitions, which the operator needs not",
            ),
        });
    }
    found
}

async fn permissions(client: &Client) -> Vec<Finding> {
    let mut missing = vec![];
    // Whether a Secret is read, and which, is a matter of settings.
    let needed = NEEDED.iter().filter(|needed| needed.place != Place::TlsSecret && **needed != COUNTS);
    for permission in needed {
        for verb in permission.verbs {
            match is_allowed(client, permission, verb).await {
                Ok(true) => {}
                Ok(false) => missing.push(format!("{verb} {}", shown(permission))),
                Err(_) => {
                    return vec![
                        Finding::info(PERMISSIONS, "permissions cannot be looked at")
                            .why("the cluster does not answer a SelfSubjectAccessReview"),
                    ];
                }
            }
        }
    }
    let mut found = vec![];
    if matches!(is_allowed(client, &COUNTS, "patch").await, Ok(false)) {
        found.push(
            Finding::info(PERMISSIONS, format!("not permitted: patch {}", shown(&COUNTS)))
                .why("the operator does not tell there how many addresses are in use, and does all else"),
        );
    }
    if missing.is_empty() {
        found.insert(0, Finding::ok(PERMISSIONS, "everything that the operator needs is permitted"));
        return found;
    }
    let what = format!("not permitted: {}", missing.join(", "));
    // A person's permissions are not those of the operator.
    let finding = if std::env::var_os("KUBERNETES_SERVICE_HOST").is_some() {
        Finding::error(PERMISSIONS, what)
    } else {
        Finding::info(PERMISSIONS, format!("{what}, to the user that asks here"))
    };
    let finding = finding.why("the operator's service account needs it").fix(
        "give it the roles of the Helm chart, or of charts/kea-operator.yaml; docs/operator.md lists what it needs",
    );
    found.insert(0, finding);
    found
}

fn shown(permission: &Permission) -> String {
    let group = Some(permission.group).filter(|group| !group.is_empty()).unwrap_or("core");
    format!("{} ({group})", permission.path())
}

async fn is_allowed(client: &Client, permission: &Permission, verb: &str) -> Result<bool, kube::Error> {
    let text = |text: &str| Some(text.to_owned()).filter(|text| !text.is_empty());
    let namespace = (permission.place == Place::Election).then(|| client.default_namespace().to_owned());
    let attributes = ResourceAttributes {
        namespace,
        group: text(permission.group),
        resource: text(permission.resource),
        subresource: text(permission.subresource),
        name: permission.name.map(str::to_owned),
        verb: text(verb),
        ..ResourceAttributes::default()
    };
    let spec =
        SelfSubjectAccessReviewSpec { resource_attributes: Some(attributes), non_resource_attributes: None };
    let review = SelfSubjectAccessReview { spec, ..SelfSubjectAccessReview::default() };
    let api: Api<SelfSubjectAccessReview> = Api::all(client.clone());
    let answer = api.create(&PostParams::default(), &review).await?;
    Ok(answer.status.is_some_and(|status| status.allowed))
}

/// Who serves the objects: the holder of the lease, and Deployments of the Go operator, whose place this one takes.
async fn operators(client: &Client) -> Vec<Finding> {
    let mut found = vec![];
    let leases: Api<Lease> = Api::all(client.clone());
    let by_name = ListParams::default().fields(&format!("metadata.name={LEASE_NAME}"));
    if let Ok(leases) = leases.list(&by_name).await {
        found.extend(leases.items.iter().map(holder));
        if leases.items.is_empty() {
            found.push(
                Finding::info(OPERATORS, "no operator holds the lease")
                    .why("none runs in this cluster, or one without leader election"),
            );
        }
        if leases.items.len() > 1 {
            found.push(
                Finding::error(OPERATORS, "operators hold leases in several namespaces")
                    .why("each of them believes that it is alone")
                    .fix("leave one of them"),
            );
        }
    }
    let deployments: Api<Deployment> = Api::all(client.clone());
    if let Ok(deployments) = deployments.list(&ListParams::default()).await {
        found.extend(deployments.items.iter().filter(|deployment| is_go_operator(deployment)).map(
            |deployment| {
                let (namespace, name) = (deployment.namespace().unwrap_or_default(), deployment.name_any());
                Finding::warning(OPERATORS, format!("the Go operator is deployed as {namespace}/{name}"))
                    .why("it changes reservations and status that this operator serves")
                    .fix(format!("kubectl -n {namespace} scale deployment {name} --replicas=0"))
            },
        ));
    }
    found
}

fn holder(lease: &Lease) -> Finding {
    let place = format!("{}/{}", lease.namespace().unwrap_or_default(), lease.name_any());
    let holder = lease.spec.as_ref().and_then(|spec| spec.holder_identity.as_deref()).unwrap_or_default();
    if holder.is_empty() {
        Finding::info(OPERATORS, format!("nobody holds the lease {place}"))
            .why("the operator was stopped, or has yet to begin")
    } else {
        Finding::ok(OPERATORS, format!("{holder} holds the lease {place}"))
    }
}

/// The Go operator's images end in `vitistack/viti-kea-operator`, older ones in `vitistack/kea-operator`, with a tag or
/// digest; scaled to nothing it does no harm.
fn is_go_operator(deployment: &Deployment) -> bool {
    let Some(spec) = &deployment.spec else { return false };
    let containers = spec.template.spec.iter().flat_map(|pod| &pod.containers);
    let mut images = containers.filter_map(|container| container.image.as_deref());
    spec.replicas != Some(0)
        && images.any(|image| {
            let path = image.split(['@']).next().unwrap_or(image);
            let path = path.rsplit_once(':').map_or(path, |(path, _)| path);
            GO_IMAGES.iter().any(|name| path.ends_with(name))
        })
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn deployment(image: &str, replicas: i32) -> Deployment {
        let pod = json!({"containers": [{"name": "m", "image": image}]});
        let spec = json!({"replicas": replicas, "selector": {}, "template": {"spec": pod}});
        serde_json::from_value(json!({"metadata": {"name": "d"}, "spec": spec})).unwrap()
    }

    #[test]
    fn the_go_operator_is_known_by_its_image() {
        assert!(is_go_operator(&deployment("registry.example/vitistack/viti-kea-operator:v0.0.41", 1)));
        assert!(is_go_operator(&deployment("registry.example/vitistack/kea-operator:v1.2.3", 1)));
        assert!(is_go_operator(&deployment("registry.example/vitistack/kea-operator@sha256:0", 2)));
        assert!(!is_go_operator(&deployment("registry.example/vitistack/kea-operator:v1", 0)));
        assert!(!is_go_operator(&deployment("registry.example/other/kea-operator:v1", 1)));
    }

    #[test]
    fn who_holds_the_lease() {
        let lease = |holder: &str| -> Lease {
            let metadata = json!({"name": LEASE_NAME, "namespace": "n"});
            serde_json::from_value(json!({"metadata": metadata, "spec": {"holderIdentity": holder}})).unwrap()
        };
        assert_eq!(holder(&lease("pod-1")).what, "pod-1 holds the lease n/2eca3363.vitistack.io");
        assert!(holder(&lease("")).what.starts_with("nobody holds"));
    }
}
