//! Why settings cannot be used.

use crate::kea::EndpointError;

/// Why settings cannot be used.
#[derive(Debug, PartialEq, Eq, thiserror::Error)]
pub enum ConfigError {
    /// No server.
    #[error(
        "no Kea server is set; set KEA_URL (or --kea-url), for example to http://kea.example.com:8000 or unix:/run/kea/kea4-ctrl-socket"
    )]
    NoServer,
    /// No port.
    #[error("KEA_PORT {text:?} is no port; ports are 1 to 65535")]
    Port {
        /// The text as given.
        text: String,
    },
    /// The URL.
    #[error("{variable}: {cause}")]
    Endpoint {
        /// Variable that names it.
        variable: &'static str,
        /// What is wrong.
        cause: EndpointError,
    },
    /// TLS is wanted, and the URL has none.
    #[error("KEA_TLS_ENABLED is true and {url} is not https; correct one of them")]
    PlainUrl {
        /// The URL.
        url: String,
    },
    /// One of user name and password without the other.
    #[error("{set} is set and {missing} is not; basic authentication needs both")]
    HalfCredentials {
        /// What is set.
        set: &'static str,
        /// What is not.
        missing: &'static str,
    },
    /// A variable of TLS that this version does not read.
    #[error(
        "{variable} is set, and this version does not read Secrets; mount the Secret and set KEA_TLS_CA_FILE, KEA_TLS_CERT_FILE and KEA_TLS_KEY_FILE"
    )]
    TlsSecret {
        /// The variable.
        variable: &'static str,
    },
}
