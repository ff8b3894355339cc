//! TLS settings, and the client that obeys them. What is set and cannot be used is not used; nothing falls back to
//! less.

use std::net::SocketAddr;
use std::path::PathBuf;
use std::sync::Arc;

use reqwest::dns::{Addrs, Name, Resolve, Resolving};
use reqwest::{ClientBuilder, Url};
use rustls::client::{ClientConfig, Resumption};
use rustls::crypto::CryptoProvider;
use rustls::pki_types::pem::{self, PemObject};
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use rustls::{ConfigBuilder, RootCertStore, client::WantsClientCert};
use rustls_platform_verifier::BuilderVerifierExt;

use super::insecure::AnyCertificate;
use super::material::{Material, Piece, SecretReceiver};

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
    /// The Secret that gives what no file gives.
    pub secret: Option<SecretReceiver>,
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
    /// A file that must hold something is empty.
    #[error("{} ({variable}) is empty", path.display())]
    Empty {
        /// Variable that names it.
        variable: &'static str,
        /// The file.
        path: PathBuf,
    },
    /// A user name or password is not UTF-8.
    #[error("{origin} is no text in UTF-8")]
    NoText {
        /// Where it comes from.
        origin: String,
    },
    /// The Secret is not there, or lacks a key.
    #[error("{0}")]
    Secret(String),
    /// A file or key of a Secret holds no such thing.
    #[error("{origin} holds no {what} in PEM form: {cause}")]
    Pem {
        /// Where it comes from.
        origin: String,
        /// What was expected.
        what: &'static str,
        /// Why.
        cause: String,
    },
    /// One of certificate and key without the other.
    #[error(
        "{set} is set and its {missing} is not; a client certificate needs both (KEA_TLS_CERT_FILE, KEA_TLS_KEY_FILE)"
    )]
    Half {
        /// Where the one that is set comes from.
        set: String,
        /// What is missing.
        missing: &'static str,
    },
    /// The server name cannot stand in a URL.
    #[error("KEA_TLS_SERVER_NAME {name:?} is no host name")]
    ServerName {
        /// The name.
        name: String,
    },
    /// The client certificate cannot be used.
    #[error("cannot use the client certificate {origin} with its key: {cause}")]
    Identity {
        /// Where the certificate comes from.
        origin: String,
        /// Why.
        cause: String,
    },
    /// The authorities of the system cannot be used.
    #[error(
        "cannot use the certificate authorities of the system: {0}; install ca-certificates, or set KEA_TLS_CA_FILE"
    )]
    System(String),
    /// The HTTP client refuses.
    #[error("cannot set up the HTTP client: {0}")]
    Client(String),
}

fn certificates(piece: &Piece) -> Result<Vec<CertificateDer<'static>>, SetupError> {
    let none = |cause: String| SetupError::Pem { origin: piece.origin.clone(), what: "certificate", cause };
    let found: Result<Vec<_>, pem::Error> = CertificateDer::pem_slice_iter(piece.bytes()).collect();
    match found {
        Ok(found) if found.is_empty() => Err(none("there is none in it".into())),
        Ok(found) => Ok(found),
        Err(error) => Err(none(error.to_string())),
    }
}

fn private_key(piece: &Piece) -> Result<PrivateKeyDer<'static>, SetupError> {
    PrivateKeyDer::from_pem_slice(piece.bytes()).map_err(|error| SetupError::Pem {
        origin: piece.origin.clone(),
        what: "private key",
        cause: error.to_string(),
    })
}

impl TlsSettings {
    /// Whether a client certificate is set.
    pub fn has_client_certificate(&self) -> bool {
        self.cert_file.is_some() || self.key_file.is_some()
    }

    /// Applies the settings to a client for `url`, and returns the URL to call.
    pub fn apply(
        &self,
        builder: ClientBuilder,
        url: &Url,
        material: &Material,
    ) -> Result<(ClientBuilder, Url), SetupError> {
        if url.scheme() != "https" {
            // Plain HTTP needs no authorities; loading the system's could fail for nothing.
            return Ok((builder.tls_certs_only([]), url.clone()));
        }
        let builder = builder.tls_backend_preconfigured(self.config(material)?);
        match &self.server_name {
            None => Ok((builder, url.clone())),
            Some(name) => renamed(builder, url, name),
        }
    }

    fn config(&self, material: &Material) -> Result<ClientConfig, SetupError> {
        let verified = self.verifying(material)?;
        let mut config = match (&material.cert, &material.key) {
            (None, None) => verified.with_no_client_auth(),
            (Some(cert), Some(key)) => {
                verified.with_client_auth_cert(certificates(cert)?, private_key(key)?).map_err(|error| {
                    SetupError::Identity { origin: cert.origin.clone(), cause: error.to_string() }
                })?
            }
            (Some(half), None) => return Err(SetupError::Half { set: half.origin.clone(), missing: "key" }),
            (None, Some(half)) => {
                return Err(SetupError::Half { set: half.origin.clone(), missing: "certificate" });
            }
        };
        // Kea sets no session id context: OpenSSL then refuses to resume a session that had a client certificate
        // ("session id context uninitialized"), and every connection but the first would fail.
        config.resumption = Resumption::disabled();
        Ok(config)
    }

    /// TLS 1.2 and 1.3, and how Kea's certificate is checked.
    fn verifying(
        &self,
        material: &Material,
    ) -> Result<ConfigBuilder<ClientConfig, WantsClientCert>, SetupError> {
        let provider = Arc::new(CryptoProvider::get_default().map_or_else(ring, |set| set.as_ref().clone()));
        let client = |error: rustls::Error| SetupError::Client(error.to_string());
        let builder = ClientConfig::builder_with_provider(provider.clone())
            .with_safe_default_protocol_versions()
            .map_err(client)?;
        if self.insecure {
            let any = Arc::new(AnyCertificate::new(provider));
            return Ok(builder.dangerous().with_custom_certificate_verifier(any));
        }
        let Some(authorities) = &material.ca else {
            return builder.with_platform_verifier().map_err(|error| SetupError::System(error.to_string()));
        };
        let mut roots = RootCertStore::empty();
        for certificate in certificates(authorities)? {
            roots.add(certificate).map_err(|error| SetupError::Pem {
                origin: authorities.origin.clone(),
                what: "usable certificate authority",
                cause: error.to_string(),
            })?;
        }
        Ok(builder.with_root_certificates(roots))
    }
}

fn ring() -> CryptoProvider {
    rustls::crypto::ring::default_provider()
}

/// Calls the server by `name`, for the certificate's sake, and looks up the URL's own host.
fn renamed(builder: ClientBuilder, url: &Url, name: &str) -> Result<(ClientBuilder, Url), SetupError> {
    let bad = || SetupError::ServerName { name: name.into() };
    let mut called = url.clone();
    called.set_host(Some(name)).map_err(|_| bad())?;
    let host = url.host_str().ok_or_else(bad)?.trim_matches(['[', ']']).to_owned();
    Ok((builder.dns_resolver(Arc::new(HostOf(host))), called))
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
pub fn root_cause<'a>(error: &'a (dyn std::error::Error + 'static)) -> &'a (dyn std::error::Error + 'static) {
    let mut cause = error;
    loop {
        // An error that an io::Error carries is not its source, but the io::Error itself.
        let carried = cause.downcast_ref::<std::io::Error>().and_then(std::io::Error::get_ref);
        match carried.map(|inner| inner as &(dyn std::error::Error + 'static)).or_else(|| cause.source()) {
            Some(inner) => cause = inner,
            None => return cause,
        }
    }
}
