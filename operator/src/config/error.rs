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
    #[error("{variable} asks for TLS and {url} is not https; correct one of them")]
    PlainUrl {
        /// The variable.
        variable: &'static str,
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
    /// A text in a variable, and in a file as well.
    #[error("{variable} and {file_variable} are both set; unset one of them")]
    Twice {
        /// The variable with the text.
        variable: &'static str,
        /// The variable with the file.
        file_variable: &'static str,
    },
    /// The namespace of a Secret, and no name.
    #[error("KEA_TLS_SECRET_NAMESPACE is set and KEA_TLS_SECRET_NAME is not; set both, or none")]
    SecretWithoutName,
}
