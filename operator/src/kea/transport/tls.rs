//! TLS settings, and the client that obeys them. What is set and cannot be used stops the start; nothing falls back.

use std::net::SocketAddr;
use std::path::{Path, PathBuf};

use reqwest::dns::{Addrs, Name, Resolve, Resolving};
use reqwest::{Certificate, ClientBuilder, Identity, Url};

/// TLS as the environment sets it.
#[derive(Clone, Debug, Default)]
pub struct TlsSettings {
    /// Authorities that may have signed Kea's certificate, PEM; else those of the system.
    pub ca_file: Option<PathBuf>,
    /// Certificate of the operator, PEM.
    pub cert_file: Option<PathBuf>,
    /// Its private key, PEM.
    pub key_file: Option<PathBuf>,
    /// Name that Kea's certificate must have, where it is not the host of the URL.
    pub server_name: Option<String>,
    /// Accept any certificate.
    pub insecure: bool,
}

/// Why a way to Kea cannot be set up.
#[derive(Debug, thiserror::Error)]
pub enum SetupError {
    /// A file cannot be read.
    #[error("cannot read {} ({variable}): {cause}", path.display())]
    File {
        /// Variable that names it.
        variable: &'static str,
        /// The file.
        path: PathBuf,
        /// Why.
        cause: std::io::Error,
    },
    /// A file holds no such thing.
    #[error("{} ({variable}) holds no {what} in PEM form: {cause}", path.display())]
    Pem {
        /// Variable that names it.
        variable: &'static str,
        /// The file.
        path: PathBuf,
        /// What was expected.
        what: &'static str,
        /// Why.
        cause: String,
    },
    /// One of certificate and key without the other.
    #[error("{set} is set and {missing} is not; a client certificate needs both")]
    Half {
        /// What is set.
        set: &'static str,
        /// What is not.
        missing: &'static str,
    },
    /// The server name cannot stand in a URL.
    #[error("KEA_TLS_SERVER_NAME {name:?} is no host name")]
    ServerName {
        /// The name.
        name: String,
    },
    /// The HTTP client refuses.
    #[error("cannot set up the HTTP client: {0}")]
    Client(String),
}

fn read(variable: &'static str, path: &Path) -> Result<Vec<u8>, SetupError> {
    std::fs::read(path).map_err(|cause| SetupError::File {
        variable,
        path: path.into(),
        cause,
    })
}

impl TlsSettings {
    /// The client certificate, where one is set.
    pub fn has_client_certificate(&self) -> bool {
        self.cert_file.is_some() || self.key_file.is_some()
    }

    /// Applies the settings to a client for `url`, and returns the URL to call.
    pub fn apply(&self, mut builder: ClientBuilder, url: &Url) -> Result<(ClientBuilder, Url), SetupError> {
        if url.scheme() != "https" {
            // Plain HTTP needs no authorities; loading the system's could fail for nothing.
            return Ok((builder.tls_certs_only([]), url.clone()));
        }
        if let Some(path) = &self.ca_file {
            builder = builder.tls_certs_only(authorities(path)?);
        }
        if let Some(identity) = self.identity()? {
            builder = builder.identity(identity);
        }
        builder = builder.tls_danger_accept_invalid_certs(self.insecure);
        match &self.server_name {
            None => Ok((builder, url.clone())),
            Some(name) => renamed(builder, url, name),
        }
    }

    fn identity(&self) -> Result<Option<Identity>, SetupError> {
        const CERT: &str = "KEA_TLS_CERT_FILE";
        const KEY: &str = "KEA_TLS_KEY_FILE";
        let (cert, key) = match (&self.cert_file, &self.key_file) {
            (None, None) => return Ok(None),
            (Some(_), None) => {
                return Err(SetupError::Half {
                    set: CERT,
                    missing: KEY,
                });
            }
            (None, Some(_)) => {
                return Err(SetupError::Half {
                    set: KEY,
                    missing: CERT,
                });
            }
            (Some(cert), Some(key)) => (cert, key),
        };
        let mut pem = read(CERT, cert)?;
        pem.push(b'\n');
        pem.extend(read(KEY, key)?);
        Identity::from_pem(&pem)
            .map(Some)
            .map_err(|error| SetupError::Pem {
                variable: CERT,
                path: cert.clone(),
                what: "certificate that its key file fits",
                cause: root_cause(&error),
            })
    }
}

fn authorities(path: &Path) -> Result<Vec<Certificate>, SetupError> {
    const CA: &str = "KEA_TLS_CA_FILE";
    let none = |cause: String| SetupError::Pem {
        variable: CA,
        path: path.into(),
        what: "certificate",
        cause,
    };
    let found = Certificate::from_pem_bundle(&read(CA, path)?).map_err(|error| none(root_cause(&error)))?;
    if found.is_empty() {
        Err(none("there is none in it".into()))
    } else {
        Ok(found)
    }
}

/// Calls the server by `name`, for the certificate's sake, and looks up the URL's own host.
fn renamed(builder: ClientBuilder, url: &Url, name: &str) -> Result<(ClientBuilder, Url), SetupError> {
    let bad = || SetupError::ServerName { name: name.into() };
    let mut called = url.clone();
    called.set_host(Some(name)).map_err(|_| bad())?;
    let host = url
        .host_str()
        .ok_or_else(bad)?
        .trim_matches(['[', ']'])
        .to_owned();
    Ok((builder.dns_resolver(std::sync::Arc::new(HostOf(host))), called))
}

/// Resolves every name to the addresses of one host.
struct HostOf(String);

impl Resolve for HostOf {
    fn resolve(&self, _called: Name) -> Resolving {
        let host = self.0.clone();
        Box::pin(async move {
            let found: Vec<SocketAddr> = tokio::net::lookup_host((host, 0)).await?.collect();
            Ok(Box::new(found.into_iter()) as Addrs)
        })
    }
}

/// The innermost reason of an error: the part that names the cause and not the layers above it.
pub fn root_cause(error: &dyn std::error::Error) -> String {
    let mut cause = error;
    while let Some(inner) = cause.source() {
        cause = inner;
    }
    cause.to_string()
}
