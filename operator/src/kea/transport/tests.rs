//! The transports against small servers that answer what Kea would not.

use std::time::Duration;

use rstest::rstest;
use secrecy::SecretString;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, UnixListener};

use super::*;
use crate::kea::{ErrorClass, Limits, Server};

const EXT: &str = r#"["ext-lease-resolve","ext-reservation-apply","ext-reservation-get","ext-reservation-update","subnet4-list"]"#;

fn use_ring() {
    // Another test may have done it already.
    let _ = rustls::crypto::ring::default_provider().install_default();
}

fn http_answer(status: &str, body: &str) -> String {
    format!(
        "HTTP/1.1 {status}\r\nContent-Type: application/json\r\nContent-Length: {}\r\n\r\n{body}",
        body.len()
    )
}

/// Answers every connection with the same bytes and hands out the request that it got.
async fn http_server(answer: String) -> (String, tokio::sync::mpsc::UnboundedReceiver<String>) {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("http://{}", listener.local_addr().unwrap());
    let (requests, received) = tokio::sync::mpsc::unbounded_channel();
    tokio::spawn(async move {
        loop {
            let (mut stream, _) = listener.accept().await.unwrap();
            let mut request = vec![0; 65536];
            let length = stream.read(&mut request).await.unwrap();
            requests.send(String::from_utf8_lossy(&request[..length]).into_owned()).ok();
            stream.write_all(answer.as_bytes()).await.unwrap();
            stream.shutdown().await.ok();
        }
    });
    (url, received)
}

fn kea_at(url: &str, http: &HttpSettings, timeout: Duration) -> Server {
    use_ring();
    let endpoint = Endpoint::parse(url, false, None).unwrap();
    Server::new(
        open(&endpoint, http).unwrap(),
        endpoint.to_string(),
        Limits { timeout, repeats: 0, ..Limits::default() },
    )
}

async fn error_of(answer: String) -> KeaError {
    let (url, _requests) = http_server(answer).await;
    kea_at(&url, &HttpSettings::default(), Duration::from_secs(10)).dialect().await.unwrap_err()
}

#[rstest]
#[case("200 OK", "<html>Login</html>", ErrorClass::Network, "HTML or XML page")]
#[case("200 OK", "{\"error\": \"x\"}", ErrorClass::Network, "no \"result\"")]
#[case("200 OK", "[{\"result\": 0, \"arguments\": {}}]", ErrorClass::Network, "no list of names")]
#[case(
    "200 OK",
    "[{\"result\": 2, \"text\": \"x\"}]",
    ErrorClass::Resource,
    "does not support list-commands"
)]
#[case(
    "200 OK",
    "[{\"result\": 1, \"text\": \"no way\"}]",
    ErrorClass::Validation,
    "refused list-commands: no way"
)]
#[case(
    "200 OK",
    "[{\"result\": 1, \"text\": \"unable to forward command to the dhcp4 service: No such file\"}]",
    ErrorClass::Network,
    "unable to forward"
)]
#[case(
    "200 OK",
    "[{\"result\": 0, \"arguments\": [\"lease4-get-by-hw-address\"]}]",
    ErrorClass::Resource,
    "libdhcp_host_cmds_rs.so"
)]
#[case("401 Unauthorized", "{\"result\": 401}", ErrorClass::Authentication, "KEA_BASIC_AUTH_USERNAME")]
#[case("403 Forbidden", "", ErrorClass::Permission, "HTTP 403")]
#[case("502 Bad Gateway", "<html>", ErrorClass::Network, "HTTP status 502")]
#[case("302 Found", "", ErrorClass::Validation, "HTTP status 302")]
#[case("400 Bad Request", "{\"result\": 400}", ErrorClass::Validation, "HTTP status 400")]
#[tokio::test]
async fn an_answer_that_is_not_keas_yes(
    #[case] status: &str,
    #[case] body: &str,
    #[case] class: ErrorClass,
    #[case] part: &str,
) {
    let error = error_of(http_answer(status, body)).await;
    assert_eq!(error.class(), class, "{error}");
    assert!(error.to_string().contains(part), "{error}");
}

#[tokio::test]
async fn an_answer_cut_short_over_http() {
    let whole = http_answer("200 OK", "[{\"result\": 0}]");
    let error = error_of(whole[..whole.len() - 4].to_owned()).await;
    assert_eq!(error.class(), ErrorClass::Network, "{error}");
}

#[tokio::test]
async fn a_server_that_is_silent_is_a_timeout() {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("http://{}", listener.local_addr().unwrap());
    let kea = kea_at(&url, &HttpSettings::default(), Duration::from_millis(50));
    assert!(
        matches!(kea.dialect().await, Err(KeaError::Timeout { command, .. }) if command == "list-commands")
    );
}

#[tokio::test]
async fn a_connection_that_does_not_come_about_is_no_slow_kea() {
    // Its handshake is never answered.
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("https://{}", listener.local_addr().unwrap());
    let tls = TlsSettings { insecure: true, ..TlsSettings::default() };
    let http = HttpSettings { tls, connect_timeout: Duration::from_millis(50), ..HttpSettings::default() };
    let error = kea_at(&url, &http, Duration::from_secs(10)).dialect().await.unwrap_err();
    assert!(matches!(error, KeaError::NoConnection { .. }), "{error:?}");
    assert_eq!(error.class(), ErrorClass::Network);
}

#[tokio::test]
async fn nobody_there_is_a_network_error_with_a_stable_text() {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("http://{}", listener.local_addr().unwrap());
    drop(listener);
    let kea = kea_at(&url, &HttpSettings::default(), Duration::from_secs(10));
    let first = kea.dialect().await.unwrap_err();
    assert!(first.to_string().contains("Connection refused"), "{first}");
    assert_eq!(first, kea.dialect().await.unwrap_err());
}

#[tokio::test]
async fn the_request_is_what_kea_takes() {
    let (url, mut requests) =
        http_server(http_answer("200 OK", &format!("[{{\"result\": 0, \"arguments\": {EXT}}}]"))).await;
    let credentials = Credentials {
        username: Text::Given(SecretString::from("kea")),
        password: Text::Given(SecretString::from("s3cret")),
    };
    let http = HttpSettings { credentials: Some(credentials), ..HttpSettings::default() };
    let kea = kea_at(&url, &http, Duration::from_secs(10));
    assert_eq!(kea.dialect().await.unwrap().to_string(), "ext-reservation-*, subnet4-list");
    let request = requests.recv().await.unwrap();
    assert!(request.starts_with("POST / HTTP/1.1\r\n"), "{request}");
    assert!(request.contains("content-type: application/json\r\n"), "{request}");
    assert!(request.contains("authorization: Basic a2VhOnMzY3JldA==\r\n"), "{request}");
    assert!(request.ends_with("{\"command\":\"list-commands\",\"service\":[\"dhcp4\"]}"), "{request}");
}

/// Answers each connection to a socket with the next of `answers`, then closes it.
fn unix_server<A: Into<String> + Send + 'static>(answers: Vec<A>) -> (tempfile::TempDir, String) {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("socket");
    let listener = UnixListener::bind(&path).unwrap();
    tokio::spawn(async move {
        for answer in answers {
            let (mut stream, _) = listener.accept().await.unwrap();
            let mut request = vec![0; 65536];
            assert!(stream.read(&mut request).await.unwrap() > 0);
            stream.write_all(answer.into().as_bytes()).await.unwrap();
        }
    });
    (folder, format!("unix:{}", path.display()))
}

#[tokio::test]
async fn a_socket_takes_one_command_per_connection() {
    let (_folder, url) = unix_server(vec![
        r#"{"result": 0, "arguments": ["lease4-get-by-hw-address","reservation-add","reservation-del","reservation-get","reservation-get-by-id","subnet4-list"]}"#,
        r#"{"result": 3, "text": "0 IPv4 subnets found"}"#,
        r#"{"result": 0, "arguments": {"subnets": [{"id": 7, "subnet": "10.0.0.0/24", "shared-network-name": null}]}}"#,
    ]);
    let kea = kea_at(&url, &HttpSettings::default(), Duration::from_secs(10));
    assert_eq!(kea.subnets().await.unwrap(), []);
    assert_eq!(kea.subnets().await.unwrap()[0].to_string(), "7 (10.0.0.0/24)");
}

#[tokio::test]
async fn an_answer_cut_short_on_a_socket_and_the_next_try() {
    let whole = r#"{"result": 0, "arguments": ["lease4-get-by-hw-address","reservation-add","reservation-del","reservation-get","reservation-get-by-id"]}"#;
    let (_folder, url) = unix_server(vec![&whole[..30], "", whole]);
    let kea = kea_at(&url, &HttpSettings::default(), Duration::from_secs(10));
    assert!(kea.dialect().await.unwrap_err().to_string().contains("cut short after 30 bytes"));
    assert!(kea.dialect().await.unwrap_err().to_string().contains("it is empty"));
    assert_eq!(kea.dialect().await.unwrap().to_string(), "reservation-*, config-get");
}

/// Just as long as allowed, and one byte longer.
fn long_answers() -> [String; 2] {
    let answer = |length: usize| {
        let empty = "{\"result\": 1, \"text\": \"\"}";
        empty.replace("\"\"", &format!("\"{}\"", "x".repeat(length - empty.len())))
    };
    [answer(LONGEST_ANSWER), answer(LONGEST_ANSWER + 1)]
}

#[tokio::test]
async fn an_answer_without_end_is_not_read_to_its_end() {
    let [allowed, longer] = long_answers();
    let read = error_of(http_answer("200 OK", &allowed)).await;
    assert!(matches!(read, KeaError::Refused { .. }), "{read}");
    let given_up = error_of(http_answer("200 OK", &longer)).await;
    assert!(given_up.to_string().contains("longer than 1024 bytes"), "{given_up}");

    let (_folder, url) = unix_server(long_answers().to_vec());
    let kea = kea_at(&url, &HttpSettings::default(), Duration::from_secs(10));
    assert!(matches!(kea.dialect().await, Err(KeaError::Refused { .. })));
    let given_up = kea.dialect().await.unwrap_err();
    assert!(given_up.to_string().contains("longer than 1024 bytes"), "{given_up}");
    assert_eq!(given_up.class(), ErrorClass::Network);
}

#[tokio::test]
async fn no_socket_names_it() {
    let kea = kea_at("unix:/nonexistent/socket", &HttpSettings::default(), Duration::from_secs(10));
    let error = kea.dialect().await.unwrap_err();
    assert!(
        error.to_string().starts_with("cannot reach Kea at unix:/nonexistent/socket: No such file"),
        "{error}"
    );
}

fn setup_error(tls: TlsSettings) -> String {
    use_ring();
    let endpoint = Endpoint::parse("https://kea:8000", false, None).unwrap();
    match open(&endpoint, &HttpSettings { tls, ..HttpSettings::default() }) {
        Ok(_) => panic!("set up"),
        Err(error) => error.to_string(),
    }
}

#[test]
fn tls_that_is_set_and_cannot_be_used_stops_the_start() {
    let missing =
        setup_error(TlsSettings { ca_file: Some("/nonexistent/ca.crt".into()), ..TlsSettings::default() });
    assert!(missing.contains("cannot read /nonexistent/ca.crt (KEA_TLS_CA_FILE)"), "{missing}");
    let file = tempfile::NamedTempFile::new().unwrap();
    std::fs::write(file.path(), "no PEM").unwrap();
    let half = setup_error(TlsSettings { cert_file: Some(file.path().into()), ..TlsSettings::default() });
    assert!(half.contains("its key is not"), "{half}");
    let empty = setup_error(TlsSettings { ca_file: Some(file.path().into()), ..TlsSettings::default() });
    assert!(empty.contains("holds no certificate"), "{empty}");
}
