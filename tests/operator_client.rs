//! The operator's way to Kea, on a real Kea behind a real control agent: TLS, passwords, and a Kea that goes and comes.

mod support;

#[path = "support/certificates.rs"]
mod certificates;
#[path = "support/operator.rs"]
mod operator;

use std::fs;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use certificates::Certificates;
use kea_lab::apiserver::ApiServer;
use kea_lab::{ControlAgent, Kea, wait_for};
use kea_operator::kea::{
    Circuit, Credentials, Endpoint, HttpSettings, KeaError, Limits, Reach, Server, ServerState, Text,
    TlsSettings, open, watch_over,
};
use operator::{PATIENCE, network_configuration, network_namespace};
use serde_json::{Value, json};
use support::{PREFIX, all_reservations, config, reservation};
use tokio_util::sync::{CancellationToken, DropGuard};

const NAMESPACE: &str = "team-a";

fn kea(name: &str) -> Kea {
    let builder = Kea::without_network(name).unwrap();
    let store = builder.dir().join("hosts4.db");
    let builder = builder.config(config(&store)).lease_cmds().unwrap();
    builder.host_cmds(Value::Null).unwrap().start().unwrap()
}

fn server(url: &str, http: &HttpSettings) -> Arc<Server> {
    // Another test may have done it already.
    let _ = rustls::crypto::ring::default_provider().install_default();
    let endpoint = Endpoint::parse(url, false, None).unwrap();
    let limits = Limits { timeout: Duration::from_secs(2), ..Limits::default() };
    Arc::new(Server::new(open(&endpoint, http).unwrap(), endpoint.to_string(), limits))
}

fn watched(server: &Arc<Server>) -> DropGuard {
    let stop = CancellationToken::new();
    tokio::spawn(watch_over(server.clone(), stop.clone()));
    stop.drop_guard()
}

/// Waits until a server is known to be in a state.
async fn known(server: &Server, wanted: impl FnMut(&ServerState) -> bool) -> ServerState {
    let mut states = server.watch();
    let reached = tokio::time::timeout(PATIENCE, states.wait_for(wanted)).await;
    reached.unwrap_or_else(|_| panic!("{:?}", server.state())).unwrap().clone()
}

/// Asks until the answer is as it should be.
async fn asked(server: &Server, wanted: impl Fn(Option<KeaError>) -> bool) {
    let ask = async {
        while !wanted(server.probe().await.err()) {
            tokio::time::sleep(Duration::from_millis(100)).await;
        }
    };
    tokio::time::timeout(PATIENCE, ask).await.unwrap_or_else(|_| panic!("{:?}", server.state()));
}

fn https(agent: &ControlAgent) -> String {
    format!("https://{}", agent.address())
}

fn with_client_certificate([ca, cert, key]: [PathBuf; 3]) -> HttpSettings {
    let tls = TlsSettings {
        ca_file: Some(ca),
        cert_file: Some(cert),
        key_file: Some(key),
        ..TlsSettings::default()
    };
    HttpSettings { tls, ..HttpSettings::default() }
}

#[tokio::test(flavor = "multi_thread")]
async fn certificates_rotate_without_a_restart() {
    let kea = kea("clientcerts");
    let (old, new) = (Certificates::new(), Certificates::new());
    let agent = ControlAgent::with_config(&kea, &old.for_agent(&kea.dir().join("agent"), true)).unwrap();
    let (address, folder) = (agent.address(), kea.dir().join("operator"));
    let server = server(&https(&agent), &with_client_certificate(old.for_client(&folder)));
    server.probe().await.unwrap();
    assert!(server.state().is_healthy());

    // Kea has the new certificates first: the old ones fit neither way, and this says so.
    drop(agent);
    let agent = ControlAgent::at(address, &kea, &new.for_agent(&kea.dir().join("agent"), true)).unwrap();
    let error = server.probe().await.unwrap_err();
    assert!(matches!(error, KeaError::Tls { .. }), "{error:?}");
    assert_eq!(error, server.probe().await.unwrap_err(), "a lasting error has one text");

    new.for_client(&folder);
    asked(&server, |error| error.is_none()).await;
    // What cannot be used is told, and what could be is used on.
    fs::write(folder.join("tls.key"), "no key").unwrap();
    let ask = || asked(&server, |error| error.is_none());
    while server.state().stale_credentials.is_none() {
        ask().await;
    }
    new.for_client(&folder);
    while server.state().stale_credentials.is_some() {
        ask().await;
    }
    drop(agent);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_server_without_a_certificate_of_ours_and_a_client_without_one() {
    let kea = kea("clientstrict");
    let (certificates, others) = (Certificates::new(), Certificates::new());
    let extra = certificates.for_agent(&kea.dir().join("agent"), true);
    let agent = ControlAgent::with_config(&kea, &extra).unwrap();
    let [ca, cert, key] = certificates.for_client(&kea.dir().join("operator"));
    let tls = |ca_file: &Path| TlsSettings { ca_file: Some(ca_file.to_owned()), ..TlsSettings::default() };
    let error_of = async |tls: TlsSettings| {
        let http = HttpSettings { tls, ..HttpSettings::default() };
        server(&https(&agent), &http).probe().await.unwrap_err().to_string()
    };

    let nothing = error_of(tls(&ca)).await;
    assert!(nothing.contains(&https(&agent)), "{nothing}");
    let [foreign, ..] = others.for_client(&kea.dir().join("others"));
    let unknown = error_of(tls(&foreign)).await;
    assert!(unknown.contains("invalid peer certificate"), "{unknown}");
    let both = TlsSettings { cert_file: Some(cert), key_file: Some(key), ..tls(&ca) };
    let misnamed = TlsSettings { server_name: Some("other.test".into()), ..both.clone() };
    let wrong_name = error_of(misnamed).await;
    assert!(wrong_name.contains("other.test"), "{wrong_name}");
    let named = TlsSettings { server_name: Some("kea.test".into()), ..both };
    let http = HttpSettings { tls: named, ..HttpSettings::default() };
    server(&https(&agent), &http).probe().await.unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn a_wrong_password_and_then_the_right_one() {
    let kea = kea("clientpassword");
    let certificates = Certificates::new();
    let mut extra = certificates.for_agent(&kea.dir().join("agent"), false);
    extra["authentication"] =
        json!({ "type": "basic", "realm": "kea", "clients": [{ "user": "operator", "password": "right" }] });
    let agent = ControlAgent::with_config(&kea, &extra).unwrap();
    let folder = kea.dir().join("operator");
    let [ca, ..] = certificates.for_client(&folder);
    let file = |variable, name: &str, content: &str| {
        let path = folder.join(name);
        fs::write(&path, content).unwrap();
        Text::File { variable, path }
    };
    let credentials = Credentials {
        username: file("KEA_BASIC_AUTH_USERNAME_FILE", "username", "operator\n"),
        password: file("KEA_BASIC_AUTH_PASSWORD_FILE", "password", "wrong\n"),
    };
    let tls = TlsSettings { ca_file: Some(ca), ..TlsSettings::default() };
    let server = server(
        &https(&agent),
        &HttpSettings { credentials: Some(credentials), tls, ..HttpSettings::default() },
    );
    for _ in 0..6 {
        let error = server.found("ext-status", None).await.unwrap_err();
        assert!(matches!(error, KeaError::Unauthorized { .. }), "{error:?}");
    }
    assert_eq!(server.state().circuit, Circuit::Closed, "a wrong password is no outage");

    fs::write(folder.join("password"), "right\n").unwrap();
    asked(&server, |error| error.is_none()).await;
    assert!(server.found("ext-status", None).await.unwrap().is_some());
}

#[tokio::test(flavor = "multi_thread")]
async fn nobody_listens_and_then_somebody_does() {
    let kea = kea("clientrefused");
    let agent = ControlAgent::for_server(&kea).unwrap();
    let address = agent.address();
    let server = server(&format!("http://{address}"), &HttpSettings::default());
    let _watched = watched(&server);
    known(&server, ServerState::is_healthy).await;

    drop(agent);
    let mut first = None;
    while server.state().circuit != Circuit::Open {
        let error = server.subnets().await.unwrap_err();
        assert!(matches!(error, KeaError::Unreachable { .. } | KeaError::Broken { .. }), "{error:?}");
        first = Some(error);
    }
    let suspended = server.subnets().await.unwrap_err();
    assert!(matches!(suspended, KeaError::Suspended { .. }), "{suspended:?}");
    assert_eq!(suspended.to_string(), first.unwrap().to_string());

    let _agent = ControlAgent::at(address, &kea, &json!({})).unwrap();
    known(&server, |state| state.is_healthy() && state.circuit == Circuit::Closed).await;
    assert_eq!(server.subnets().await.unwrap().len(), 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn kea_dies_behind_the_agent_and_comes_back() {
    let mut kea = kea("clientkilled");
    let agent = ControlAgent::for_server(&kea).unwrap();
    let server = server(&agent.url(), &HttpSettings::default());
    let _watched = watched(&server);
    known(&server, ServerState::is_healthy).await;
    kea.kill9().unwrap();
    let error = server.subnets().await.unwrap_err();
    assert!(matches!(error, KeaError::Unreachable { .. }), "{error:?}");
    assert_eq!(server.state().reach, Reach::Fails(error));
    kea.restart().unwrap();
    known(&server, ServerState::is_healthy).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_command_to_a_hung_kea_is_sent_once() {
    let mut kea = kea("clienthung");
    let server = server(&format!("unix:{}", kea.socket().path().display()), &HttpSettings::default());
    server.dialect().await.unwrap();
    kea.running().unwrap().freeze().unwrap();
    let add = || server.found("reservation-add", Some(reservation(1)));
    let error = add().await.unwrap_err();
    assert!(matches!(error, KeaError::Timeout { .. }), "{error:?}");
    while server.state().circuit != Circuit::Open {
        server.subnets().await.unwrap_err();
    }
    kea.running().unwrap().thaw().unwrap();
    let _watched = watched(&server);
    known(&server, |state| state.is_healthy() && state.circuit == Circuit::Closed).await;
    // It had reached Kea, which did it late. Kea takes one command after the other.
    assert_eq!(all_reservations(&kea).len(), 1);
    let again = add().await.unwrap_err();
    assert!(matches!(again, KeaError::Refused { .. }), "{again:?}");
}

#[test]
fn the_secret_comes_later_and_until_then_nothing_is_sent() {
    let kea = kea("clientsecret");
    let certificates = Certificates::new();
    let extra = certificates.for_agent(&kea.dir().join("agent"), true);
    let agent = ControlAgent::with_config(&kea, &extra).unwrap();
    let api = ApiServer::start().unwrap();
    let crds = Path::new(env!("CARGO_MANIFEST_DIR")).join("charts/kea-operator/files/crds");
    for file in fs::read_dir(crds).unwrap() {
        api.apply_crds(&fs::read_to_string(file.unwrap().path()).unwrap()).unwrap();
    }
    api.kubectl(&["create", "namespace", NAMESPACE]).unwrap();
    let arguments = [
        "--source",
        "kube",
        "--kea-url",
        &https(&agent),
        "--kea-tls-secret-name",
        "kea-tls",
        "--kea-tls-secret-namespace",
        NAMESPACE,
    ];
    let environment = [("KUBECONFIG", api.kubeconfig())];
    let operator = operator::start(&kea.dir().join("operator.log"), &arguments, &environment);
    let logged = |text: &str| {
        wait_for(format!("the log to say {text}"), PATIENCE, || operator.log().contains(text).then_some(()))
            .unwrap_or_else(|error| panic!("{error:#}\n{}", operator.tail()));
    };
    logged("the Secret team-a/kea-tls (KEA_TLS_SECRET_NAME) does not exist");

    let network = network_namespace(NAMESPACE, PREFIX);
    api.apply(&network.to_string()).unwrap();
    let patch = json!({ "status": network["status"] }).to_string();
    let arguments =
        ["-n", NAMESPACE, "patch", "networknamespace", "lab", "--subresource=status", "--type=merge"];
    api.kubectl(&[&arguments[..], &["-p", &patch]].concat()).unwrap();
    api.apply(&network_configuration(NAMESPACE, "phone", &["02:00:00:00:00:0a"]).to_string()).unwrap();
    let message = || {
        let arguments =
            ["-n", NAMESPACE, "get", "networkconfiguration", "phone", "-o", "jsonpath={.status.message}"];
        api.kubectl(&arguments).unwrap_or_default()
    };
    let told = |part: &str| {
        wait_for(format!("the status to say {part}"), PATIENCE, || message().contains(part).then_some(()))
            .unwrap_or_else(|error| panic!("{error:#}: {}\n{}", message(), operator.tail()));
    };
    told("kea-tls (KEA_TLS_SECRET_NAME) does not exist");

    let [ca, cert, key] = certificates.for_client(&kea.dir().join("secret"));
    let from = |name: &str, file: &Path| format!("--from-file={name}={}", file.display());
    let files = [from("ca.crt", &ca), from("tls.crt", &cert), from("tls.key", &key)];
    let create = ["-n", NAMESPACE, "create", "secret", "generic", "kea-tls"];
    api.kubectl(&[&create[..], &files.each_ref().map(String::as_str)].concat()).unwrap();
    logged("commands of Kea found");
    told("no lease found for MAC 02:00:00:00:00:0a");
}
