//! Credentials and certificates that change while the operator runs.

use std::path::Path;

use rcgen::{BasicConstraints, CertificateParams, IsCa, Issuer, KeyPair};
use tempfile::TempDir;
use tokio::sync::watch;

use super::super::material::SecretKeys;
use super::super::{Endpoint, Text, TlsSecret};
use super::*;

/// A certificate authority, and a client certificate that it signed, in PEM form.
struct Certificates {
    ca: String,
    cert: String,
    key: String,
}

fn certificates() -> Certificates {
    let mut params = CertificateParams::new(vec![]).unwrap();
    params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
    let key = KeyPair::generate().unwrap();
    let ca = params.self_signed(&key).unwrap().pem();
    let issuer = Issuer::new(params, key);
    let key = KeyPair::generate().unwrap();
    let cert = CertificateParams::new(vec!["client".into()]).unwrap().signed_by(&key, &issuer).unwrap();
    Certificates { ca, cert: cert.pem(), key: key.serialize_pem() }
}

fn write(folder: &TempDir, files: &[(&str, &str)]) {
    for (name, content) in files {
        std::fs::write(folder.path().join(name), content).unwrap();
    }
}

impl Certificates {
    fn files(&self) -> [(&'static str, &str); 3] {
        [("ca", &self.ca), ("cert", &self.cert), ("key", &self.key)]
    }

    fn keys(&self) -> SecretKeys {
        SecretKeys {
            name: "the Secret kea/tls".into(),
            ca: Some(self.ca.clone().into()),
            cert: Some(self.cert.clone().into()),
            key: Some(self.key.clone().into_bytes().into()),
        }
    }
}

fn http(url: &str, settings: &HttpSettings) -> Http {
    let _ = rustls::crypto::ring::default_provider().install_default();
    let Endpoint::Http(url) = Endpoint::parse(url, false, None).unwrap() else { panic!("{url}") };
    Http::new(&url, "kea".into(), settings).unwrap()
}

fn with_files(folder: &Path) -> HttpSettings {
    let file = |name: &str| Some(folder.join(name));
    let tls = TlsSettings {
        ca_file: file("ca"),
        cert_file: file("cert"),
        key_file: file("key"),
        ..TlsSettings::default()
    };
    HttpSettings { tls, ..HttpSettings::default() }
}

/// The client, after the time in which what is known counts as fresh.
async fn client_later(http: &Http) -> Arc<ReadyClient> {
    tokio::time::advance(FRESH).await;
    http.client().unwrap()
}

#[tokio::test(start_paused = true)]
async fn files_that_change_make_another_client_and_others_do_not() {
    let folder = tempfile::tempdir().unwrap();
    write(&folder, &certificates().files());
    let http = http("https://kea", &with_files(folder.path()));
    let first = http.client().unwrap();
    assert!(Arc::ptr_eq(&first, &client_later(&http).await));

    let others = certificates();
    write(&folder, &others.files());
    let second = client_later(&http).await;
    assert!(!Arc::ptr_eq(&first, &second));
    write(&folder, &others.files());
    assert!(Arc::ptr_eq(&second, &client_later(&http).await), "the same content is no change");
    assert_eq!(http.complaint(), None);
}

#[tokio::test(start_paused = true)]
async fn what_cannot_be_used_leaves_the_client_of_before() {
    let folder = tempfile::tempdir().unwrap();
    let (old, new) = (certificates(), certificates());
    write(&folder, &old.files());
    let http = http("https://kea", &with_files(folder.path()));
    let first = http.client().unwrap();

    for (file, content, complaint) in [
        ("ca", "no PEM", "holds no certificate"),
        ("cert", "", "holds no certificate"),
        ("key", "-----BEGIN", "holds no private key"),
        // A rotation that is half done: the certificate is new, the key is not.
        ("cert", new.cert.as_str(), "cannot use the client certificate"),
    ] {
        write(&folder, &[(file, content)]);
        assert!(Arc::ptr_eq(&first, &client_later(&http).await), "{file}");
        let said = http.complaint().unwrap();
        assert!(said.contains(complaint), "{said}");
        // It is told as long as it lasts, and not tried again each time.
        client_later(&http).await;
        assert_eq!(http.complaint(), Some(said));
        write(&folder, &old.files());
        client_later(&http).await;
        assert_eq!(http.complaint(), None, "{file}");
    }
    std::fs::remove_file(folder.path().join("key")).unwrap();
    assert!(Arc::ptr_eq(&first, &client_later(&http).await));
    assert!(http.complaint().unwrap().contains("cannot read"));
    write(&folder, &new.files());
    assert!(!Arc::ptr_eq(&first, &client_later(&http).await));
    assert_eq!(http.complaint(), None);
}

#[tokio::test(start_paused = true)]
async fn a_password_is_that_of_its_file() {
    let folder = tempfile::tempdir().unwrap();
    let file = |variable, name| Text::File { variable, path: folder.path().join(name) };
    write(&folder, &[("user", "kea\n"), ("password", " old \r\n")]);
    let credentials = Credentials {
        username: file("KEA_BASIC_AUTH_USERNAME_FILE", "user"),
        password: file("KEA_BASIC_AUTH_PASSWORD_FILE", "password"),
    };
    let settings = HttpSettings { credentials: Some(credentials), ..HttpSettings::default() };
    let http = http("http://kea", &settings);
    let basic = |client: Arc<ReadyClient>| {
        let (username, password) = client.basic.as_ref().unwrap();
        format!("{username}:{}", password.expose_secret())
    };
    assert_eq!(basic(http.client().unwrap()), "kea: old ");
    write(&folder, &[("password", "new")]);
    assert_eq!(basic(client_later(&http).await), "kea:new");
    write(&folder, &[("password", "\n")]);
    assert_eq!(basic(client_later(&http).await), "kea:new");
    assert!(http.complaint().unwrap().ends_with("password (KEA_BASIC_AUTH_PASSWORD_FILE) is empty"));
}

#[tokio::test(start_paused = true)]
async fn nothing_is_sent_before_the_secret_is_there_and_it_may_go_again() {
    let missing = |text: &str| TlsSecret::Missing(text.into());
    let (sender, receiver) = watch::channel(missing("the Secret kea/tls does not exist"));
    let tls = TlsSettings { secret: Some(receiver), ..TlsSettings::default() };
    let http = http("https://kea", &HttpSettings { tls, ..HttpSettings::default() });
    let refusal = || http.client().map(|_| ()).unwrap_err().to_string();
    assert_eq!(refusal(), "Kea at kea is not asked yet: the Secret kea/tls does not exist");

    let certificates = certificates();
    sender.send_replace(TlsSecret::Found(SecretKeys { ca: None, ..certificates.keys() }.into()));
    assert!(refusal().contains("has no ca.crt"), "{}", refusal());
    sender.send_replace(TlsSecret::Found(SecretKeys { key: None, ..certificates.keys() }.into()));
    assert!(refusal().contains("its key is not"), "{}", refusal());

    sender.send_replace(TlsSecret::Found(certificates.keys().into()));
    let first = http.client().unwrap();
    sender.send_replace(missing("gone"));
    assert!(Arc::ptr_eq(&first, &client_later(&http).await));
    assert_eq!(http.complaint().as_deref(), Some("gone"));
    let only_ca = SecretKeys { cert: None, key: None, ..certificates.keys() };
    sender.send_replace(TlsSecret::Found(only_ca.into()));
    assert!(!Arc::ptr_eq(&first, &client_later(&http).await));
    assert_eq!(http.complaint(), None);
}

#[test]
fn a_client_certificate_takes_the_place_of_a_password() {
    let folder = tempfile::tempdir().unwrap();
    write(&folder, &certificates().files());
    let given = |text: &str| Text::Given(SecretString::from(text));
    let settings = HttpSettings {
        credentials: Some(Credentials { username: given("kea"), password: given("s3cret") }),
        ..with_files(folder.path())
    };
    assert!(http("https://kea", &settings).client().unwrap().basic.is_none());
    assert!(!format!("{settings:?}").contains("s3cret"));
}
