//! Ways to Kea: each carries one command there and the answer back, as bytes.

mod glance;
mod http;
mod insecure;
mod material;
mod tls;
mod unix;

use async_trait::async_trait;

use super::{Endpoint, KeaError};

pub use glance::{Glance, glance};
pub use http::HttpSettings;
pub use material::{Credentials, SecretKeys, SecretReceiver, Text, TlsSecret};
pub use tls::{SetupError, TlsSettings};

/// Longest answer that is read, in bytes; a `config-get` of 100,000 reservations is about 34 MB.
const LONGEST_ANSWER: usize = if cfg!(test) { 1024 } else { 256 * 1024 * 1024 };

/// A way to one server.
#[async_trait]
pub trait Transport: Send + Sync {
    /// Sends a command (`name` is for messages, `body` the JSON) and reads the whole answer. The caller limits the time.
    async fn exchange(&self, name: &str, body: Vec<u8>) -> Result<Vec<u8>, KeaError>;

    /// Why credentials or certificates that were changed cannot be used; those from before are in use.
    fn complaint(&self) -> Option<String> {
        None
    }

    /// How often credentials or certificates that were changed have been put to use.
    fn renewals(&self) -> u64 {
        0
    }
}

/// Opens the way to an endpoint. Nothing is sent yet: Kea may be down.
pub fn open(endpoint: &Endpoint, http: &HttpSettings) -> Result<Box<dyn Transport>, SetupError> {
    match endpoint {
        Endpoint::Unix(path) => Ok(Box::new(unix::Unix::new(path.clone()))),
        Endpoint::Http(url) => Ok(Box::new(http::Http::new(url, endpoint.to_string(), http)?)),
    }
}

fn too_long(server: String, command: &str) -> KeaError {
    KeaError::Malformed {
        server,
        command: command.into(),
        cause: format!("longer than {LONGEST_ANSWER} bytes"),
    }
}

#[cfg(test)]
mod tests;
