//! HTTP and HTTPS to a control agent, or to a daemon itself.

use std::time::Duration;

use async_trait::async_trait;
use reqwest::header::{CONTENT_TYPE, HeaderValue};
use reqwest::{Client, StatusCode, Url, redirect};
use secrecy::ExposeSecret;

use super::super::KeaError;
use super::tls::{SetupError, TlsSettings, root_cause};
use super::{Credentials, LONGEST_ANSWER, Transport, too_long};

/// Kea closes an idle connection after 30 s; ours are given up before that, so that none is used as it closes.
const IDLE: Duration = Duration::from_secs(20);

/// HTTP as the environment sets it.
#[derive(Clone, Debug, Default)]
pub struct HttpSettings {
    /// Basic authentication.
    pub credentials: Option<Credentials>,
    /// TLS.
    pub tls: TlsSettings,
    /// Open a new connection for each command.
    pub disable_keepalives: bool,
}

/// One HTTP endpoint.
pub struct Http {
    client: Client,
    url: Url,
    server: String,
    credentials: Option<Credentials>,
}

impl Http {
    /// A client for `url`, shown as `server`.
    pub fn new(url: &Url, server: String, settings: &HttpSettings) -> Result<Self, SetupError> {
        let builder = Client::builder()
            .http1_only()
            // Commands go straight to Kea, and an answer that leads elsewhere is none of Kea's.
            .no_proxy()
            .redirect(redirect::Policy::none())
            .pool_idle_timeout(IDLE)
            .user_agent(concat!("kea-operator/", env!("CARGO_PKG_VERSION")));
        let builder = if settings.disable_keepalives { builder.pool_max_idle_per_host(0) } else { builder };
        let (builder, url) = settings.tls.apply(builder, url)?;
        let client = builder.build().map_err(|error| SetupError::Client(root_cause(&error).to_string()))?;
        Ok(Self { client, url, server, credentials: settings.credentials.clone() })
    }

    fn failure(&self, error: &reqwest::Error) -> KeaError {
        let (server, cause) = (self.server.clone(), root_cause(error));
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

#[async_trait]
impl Transport for Http {
    async fn exchange(&self, name: &str, body: Vec<u8>) -> Result<Vec<u8>, KeaError> {
        // Kea compares the content type as a whole: a charset behind it gives HTTP 400.
        let mut request = self
            .client
            .post(self.url.clone())
            .header(CONTENT_TYPE, HeaderValue::from_static("application/json"))
            .body(body);
        if let Some(Credentials { username, password }) = &self.credentials {
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
}
