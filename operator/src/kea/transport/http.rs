//! HTTP and HTTPS to a control agent, or to a daemon itself.

use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use parking_lot::Mutex;
use reqwest::header::{CONTENT_TYPE, HeaderValue};
use reqwest::{Client, ClientBuilder, StatusCode, Url, redirect};
use secrecy::{ExposeSecret, SecretString};
use tokio::time::Instant;

use super::super::KeaError;
use super::material::Material;
use super::tls::{SetupError, TlsSettings, root_cause};
use super::{Credentials, LONGEST_ANSWER, Transport, too_long};

/// Kea closes an idle connection after 30 s; ours are given up before that, so that none is used as it closes.
const IDLE: Duration = Duration::from_secs(20);

/// How old what is known of files and Secrets may be when a command is sent.
const FRESH: Duration = Duration::from_secs(2);

/// HTTP as the environment sets it.
#[derive(Clone, Debug)]
pub struct HttpSettings {
    /// Basic authentication.
    pub credentials: Option<Credentials>,
    /// TLS.
    pub tls: TlsSettings,
    /// How long a connection may take to come about, TLS included.
    pub connect_timeout: Duration,
    /// Open a new connection for each command.
    pub disable_keepalives: bool,
}

impl Default for HttpSettings {
    fn default() -> Self {
        Self {
            credentials: None,
            tls: TlsSettings::default(),
            connect_timeout: Duration::from_secs(5),
            disable_keepalives: false,
        }
    }
}

/// One HTTP endpoint. Credentials and certificates are those of now: what changes is noticed with the next command.
pub struct Http {
    url: Url,
    server: String,
    settings: HttpSettings,
    current: Mutex<Current>,
}

/// The client in use, and what it was made of.
struct Current {
    /// None while the Secret that it needs was never there.
    client: Option<Arc<ReadyClient>>,
    used: Material,
    /// What was tried since and cannot be used, and why.
    refused: Option<(Material, String)>,
    complaint: Option<String>,
    /// How often what changed was put to use.
    renewals: u64,
    checked: Instant,
}

/// A client with what it sends each time.
struct ReadyClient {
    client: Client,
    url: Url,
    basic: Option<(String, SecretString)>,
}

impl Http {
    /// A client for `url`, shown as `server`.
    pub fn new(url: &Url, server: String, settings: &HttpSettings) -> Result<Self, SetupError> {
        let (client, used, complaint) = match Material::read(settings) {
            Ok(material) => (Some(ReadyClient::new(url, settings, &material)?), material, None),
            // It may be made any moment. Until then, nothing is sent.
            Err(SetupError::Secret(cause)) => (None, Material::default(), Some(cause)),
            Err(error) => return Err(error),
        };
        let client = client.map(Arc::new);
        let current =
            Current { client, used, refused: None, complaint, renewals: 0, checked: Instant::now() };
        Ok(Self { url: url.clone(), server, settings: settings.clone(), current: Mutex::new(current) })
    }

    /// The client for the credentials and certificates of now, or of before where those of now cannot be used.
    fn client(&self) -> Result<Arc<ReadyClient>, KeaError> {
        let mut current = self.current.lock();
        if current.client.is_none() || current.checked.elapsed() >= FRESH {
            // A few small files, which are mostly in memory: not worth another thread.
            self.refresh(&mut current);
            current.checked = Instant::now();
        }
        current.client.clone().ok_or_else(|| KeaError::NotReady {
            server: self.server.clone(),
            cause: current.complaint.clone().unwrap_or_default(),
        })
    }

    fn refresh(&self, current: &mut Current) {
        current.complaint = match Material::read(&self.settings) {
            Err(error) => Some(error.to_string()),
            Ok(material) if current.client.is_some() && material == current.used => None,
            Ok(material) => match current.refused.take_if(|(refused, _)| *refused == material) {
                Some(refused) => Some(current.refused.insert(refused).1.clone()),
                None => self.replace(current, material),
            },
        };
    }

    /// Makes a client of `material`, and uses it if that is possible; else says why not.
    fn replace(&self, current: &mut Current, material: Material) -> Option<String> {
        match ReadyClient::new(&self.url, &self.settings, &material) {
            Ok(client) => {
                tracing::info!(server = self.server, "credentials and certificates were read anew");
                current.client = Some(Arc::new(client));
                current.used = material;
                current.renewals += 1;
                current.refused = None;
                None
            }
            Err(error) => Some(current.refused.insert((material, error.to_string())).1.clone()),
        }
    }

    fn failure(&self, error: &reqwest::Error) -> KeaError {
        let (server, cause) = (self.server.clone(), root_cause(error));
        if error.is_connect() && error.is_timeout() {
            return KeaError::NoConnection { server, seconds: self.settings.connect_timeout.as_secs() };
        }
        match cause.downcast_ref::<rustls::Error>() {
            Some(tls) => KeaError::Tls { server, cause: tls.to_string() },
            None if error.is_connect() => KeaError::Unreachable { server, cause: cause.to_string() },
            None => KeaError::Broken { server, cause: cause.to_string() },
        }
    }

    fn check_status(&self, status: StatusCode, command: &str) -> Result<(), KeaError> {
        let (server, command) = (self.server.clone(), command.to_owned());
        match status {
            StatusCode::OK => Ok(()),
            StatusCode::UNAUTHORIZED => Err(KeaError::Unauthorized { server }),
            StatusCode::FORBIDDEN | StatusCode::PROXY_AUTHENTICATION_REQUIRED => {
                Err(KeaError::Forbidden { server, command, status: status.as_u16() })
            }
            other => Err(KeaError::HttpStatus { server, command, status: other.as_u16() }),
        }
    }
}

/// What every client has in common.
pub(super) fn builder(settings: &HttpSettings) -> ClientBuilder {
    Client::builder()
        .http1_only()
        // Commands go straight to Kea, and an answer that leads elsewhere is none of Kea's.
        .no_proxy()
        .redirect(redirect::Policy::none())
        .connect_timeout(settings.connect_timeout)
        .pool_idle_timeout(IDLE)
        .user_agent(concat!("kea-operator/", env!("CARGO_PKG_VERSION")))
}

impl ReadyClient {
    fn new(url: &Url, settings: &HttpSettings, material: &Material) -> Result<Self, SetupError> {
        let builder = builder(settings);
        let builder = if settings.disable_keepalives { builder.pool_max_idle_per_host(0) } else { builder };
        let (builder, url) = settings.tls.apply(builder, url, material)?;
        let client = builder.build().map_err(|error| SetupError::Client(root_cause(&error).to_string()))?;
        // A client certificate takes the place of basic authentication.
        let basic = material.credentials.as_ref().filter(|_| material.cert.is_none());
        let basic = basic.map(|(username, password)| {
            Ok::<_, SetupError>((username.text()?.to_owned(), SecretString::from(password.text()?)))
        });
        Ok(Self { client, url, basic: basic.transpose()? })
    }
}

#[async_trait]
impl Transport for Http {
    async fn exchange(&self, name: &str, body: Vec<u8>) -> Result<Vec<u8>, KeaError> {
        let ready = self.client()?;
        // Kea compares the content type as a whole: a charset behind it gives HTTP 400.
        let mut request = ready
            .client
            .post(ready.url.clone())
            .header(CONTENT_TYPE, HeaderValue::from_static("application/json"))
            .body(body);
        if let Some((username, password)) = &ready.basic {
            request = request.basic_auth(username, Some(password.expose_secret()));
        }
        let mut response = request.send().await.map_err(|error| self.failure(&error))?;
        self.check_status(response.status(), name)?;
        let mut answer = Vec::new();
        while let Some(chunk) = response.chunk().await.map_err(|error| self.failure(&error))? {
            answer.extend_from_slice(&chunk);
            if answer.len() > LONGEST_ANSWER {
                return Err(too_long(self.server.clone(), name));
            }
        }
        Ok(answer)
    }

    fn complaint(&self) -> Option<String> {
        let current = self.current.lock();
        current.complaint.clone().filter(|_| current.client.is_some())
    }

    fn renewals(&self) -> u64 {
        self.current.lock().renewals
    }
}

#[cfg(test)]
#[path = "reload_tests.rs"]
mod reload_tests;
