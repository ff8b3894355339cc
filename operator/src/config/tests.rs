//! Settings and what becomes of them.

use clap::Parser;
use rstest::rstest;
use secrecy::ExposeSecret;

use super::*;
use crate::kea::{Limits, ReservationDialect, Text};

fn args(set: &[(&str, &str)]) -> KeaArgs {
    let mut args = KeaArgs::default();
    for (name, value) in set {
        let value = Some((*value).to_owned());
        match *name {
            "url" => args.kea_url = value,
            "base" => args.kea_base_url = value,
            "host" => args.kea_host = value,
            "port" => args.kea_port = value,
            "user" => args.credentials.kea_basic_auth_username = value,
            "password" => args.credentials.kea_basic_auth_password = value,
            "user file" => args.credentials.kea_basic_auth_username_file = value,
            "password file" => args.credentials.kea_basic_auth_password_file = value,
            "backup user" => args.credentials.kea_secondary_basic_auth_username = value,
            "backup password" => args.credentials.kea_secondary_basic_auth_password = value,
            "secret" => args.kea_tls_secret_name = value,
            "secret namespace" => args.kea_tls_secret_namespace = value,
            "ca" => args.kea_tls_ca_file = value,
            "cert" => args.kea_tls_cert_file = value,
            "secondary" => args.kea_secondary_url = value,
            "secondaries" => args.kea_secondary_urls = value,
            "tls" => args.kea_tls_enabled = true,
            "insecure" => args.kea_tls_insecure = true,
            other => panic!("{other}"),
        }
    }
    args
}

fn settings(set: &[(&str, &str)]) -> Result<KeaSettings, ConfigError> {
    args(set).settings(|_| false)
}

#[rstest]
#[case(&[("url", "http://a"), ("base", "http://b"), ("host", "c")], "http://a")]
#[case(&[("url", ""), ("base", "http://b"), ("host", "c")], "http://b")]
#[case(&[("host", "c")], "http://c:8000")]
#[case(&[("host", "c"), ("port", "8001")], "http://c:8001")]
#[case(&[("url", "http://a"), ("port", "8001")], "http://a:8001")]
#[case(&[("url", "http://a:1"), ("port", "8001")], "http://a:1")]
#[case(&[("host", "c"), ("tls", "")], "https://c:8000")]
#[case(&[("host", "c"), ("ca", "/ca.crt")], "https://c:8000")]
#[case(&[("host", "c"), ("secret", "kea-tls")], "https://c:8000")]
#[case(&[("url", "unix:/s")], "unix:/s")]
fn precedence(#[case] set: &[(&str, &str)], #[case] endpoint: &str) {
    assert_eq!(urls(set), [endpoint]);
}

fn urls(set: &[(&str, &str)]) -> Vec<String> {
    settings(set).unwrap().servers.iter().map(|server| server.endpoint.to_string()).collect()
}

#[rstest]
#[case(&[("secondary", "http://b:1")], &["http://b:1"])]
#[case(&[("secondaries", "http://b:1,http://c:1")], &["http://b:1", "http://c:1"])]
#[case(&[("secondary", "http://c:1"), ("secondaries", " http://b:1 ,, http://c:1/ ,")], &["http://c:1", "http://b:1"])]
#[case(&[("secondary", "b"), ("port", "8001")], &["http://b:8001"])]
#[case(&[("secondary", ""), ("secondaries", " , ")], &[])]
#[case(&[("secondary", "unix:/s")], &["unix:/s"])]
fn backups_in_order_and_once(#[case] set: &[(&str, &str)], #[case] expected: &[&str]) {
    let with_primary = [&[("url", "http://a:1")], set].concat();
    assert_eq!(urls(&with_primary), [&["http://a:1"], expected].concat());
}

#[test]
fn a_primary_is_no_backup_of_itself() {
    let set = settings(&[("host", "a"), ("secondaries", "http://a:8000/,http://b")]).unwrap();
    let names: Vec<_> = set.servers.iter().map(|server| server.endpoint.to_string()).collect();
    assert_eq!(names, ["http://a:8000", "http://b"]);
    assert_eq!(
        set.warnings,
        ["KEA_SECONDARY_URLS names the primary, http://a:8000: it is no backup of itself"]
    );
}

#[rstest]
#[case(&[], "no Kea server is set")]
#[case(&[("host", "c"), ("port", "0")], "KEA_PORT \"0\"")]
#[case(&[("url", "http://a"), ("tls", "")], "is not https")]
#[case(&[("url", "unix:/s"), ("tls", "")], "is not https")]
#[case(&[("secondary", "http://b")], "no Kea server is set")]
#[case(&[("url", "http://a"), ("secondary", "ftp://b")], "KEA_SECONDARY_URL: ")]
#[case(&[("url", "https://a"), ("secondaries", "http://b"), ("tls", "")], "http://b is not https")]
#[case(&[("url", "http://a"), ("secret", "s")], "KEA_TLS_SECRET_NAME asks for TLS and http://a is not https")]
#[case(&[("url", "https://a"), ("secret namespace", "s")], "KEA_TLS_SECRET_NAME is not")]
#[case(&[("url", "http://a"), ("user", "u"), ("user file", "/u")], "are both set")]
#[case(&[("url", "http://a"), ("user file", "/u")], "KEA_BASIC_AUTH_PASSWORD is not")]
#[case(&[("url", "http://a"), ("backup user", "u")], "KEA_SECONDARY_BASIC_AUTH_PASSWORD is not")]
#[case(&[("url", "http://a"), ("user", "u")], "KEA_BASIC_AUTH_PASSWORD is not")]
#[case(&[("url", "http://a"), ("password", "p")], "KEA_BASIC_AUTH_USERNAME is not")]
fn what_cannot_be_used(#[case] set: &[(&str, &str)], #[case] part: &str) {
    let error = settings(set).unwrap_err().to_string();
    assert!(error.contains(part), "{error}");
}

#[test]
fn nothing_is_ignored_in_silence() {
    let warned = |set: &[(&str, &str)], part: &str| {
        let warnings = settings(set).unwrap().warnings;
        assert!(warnings.iter().any(|warning| warning.contains(part)), "{warnings:?}");
    };
    warned(&[("url", "https://a"), ("insecure", "")], "KEA_TLS_INSECURE");
    warned(&[("url", "http://a"), ("ca", "/ca")], "not used");
    let both = [("url", "https://a"), ("cert", "/c"), ("user", "u"), ("password", "p")];
    warned(&both, "basic authentication is set and not used");

    let set = args(&[("url", "http://a")]).settings(|name| name == "KEA_HEADER").unwrap();
    assert_eq!(set.warnings, ["KEA_HEADER is set; this version does not act on it"]);
}

#[test]
fn the_secret_is_named() {
    let named = |set: &[(&str, &str)]| settings(set).unwrap().tls_secret;
    assert_eq!(named(&[("url", "https://a")]), None);
    let expected = TlsSecretName { namespace: Some("kea".into()), name: "tls".into() };
    assert_eq!(
        named(&[("url", "https://a"), ("secret", "tls"), ("secret namespace", "kea")]),
        Some(expected)
    );
}

#[test]
fn backups_may_have_their_own_credentials() {
    let users = |set: &[(&str, &str)]| -> Vec<String> {
        let of = |server: &ServerSettings| match server.http.credentials.as_ref().map(|both| &both.username) {
            Some(Text::Given(name)) => name.expose_secret().to_owned(),
            Some(Text::File { path, .. }) => path.display().to_string(),
            None => String::new(),
        };
        settings(set).unwrap().servers.iter().map(of).collect()
    };
    let two = [("url", "http://a"), ("secondary", "http://b")];
    let (one, other) = ([("user", "u"), ("password", "p")], [("backup user", "v"), ("backup password", "p")]);
    assert_eq!(users(&two), ["", ""]);
    assert_eq!(users(&[two, one].concat()), ["u", "u"]);
    assert_eq!(users(&[two, one, other].concat()), ["u", "v"]);
    let files = [("user file", "/u"), ("password file", "/p")];
    assert_eq!(users(&[two, files].concat()), ["/u", "/u"]);
}

/// The arguments as a command line.
#[derive(clap::Parser)]
struct Line {
    #[command(flatten)]
    kea: KeaArgs,
}

fn read(flags: &[&str]) -> Result<KeaSettings, String> {
    let words = ["kea-operator", "--kea-url", "http://a"].iter().chain(flags);
    let line = Line::try_parse_from(words).map_err(|error| error.to_string())?;
    line.kea.settings(|_| false).map_err(|error| error.to_string())
}

#[rstest]
#[case(&[], None)]
#[case(&["--kea-dialect="], None)]
#[case(&["--kea-dialect", "Auto"], None)]
#[case(&["--kea-dialect", "stock"], Some(ReservationDialect::Stock))]
#[case(&["--kea-dialect", "ext"], Some(ReservationDialect::Ext))]
fn dialects(#[case] flags: &[&str], #[case] expected: Option<ReservationDialect>) {
    let read = read(flags).unwrap();
    assert_eq!((read.dialect, read.limits), (expected, Limits::default()));
}

#[test]
fn a_command_line_that_cannot_be_used() {
    assert!(read(&["--kea-dialect", "bulk"]).unwrap_err().contains("write auto, ext or stock"));
    assert!(read(&["--kea-url", "http://a:0"]).is_err());
}

#[test]
fn a_password_is_never_shown() {
    let set = settings(&[("url", "http://a"), ("user", "u"), ("password", "s3cret")]).unwrap();
    assert!(!format!("{set:?}").contains("s3cret"));
}
