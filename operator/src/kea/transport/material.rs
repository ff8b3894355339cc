//! What TLS and authentication need, as it is now: files and Secrets change while the operator runs.

use std::fmt;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use secrecy::{ExposeSecret as _, SecretSlice, SecretString};
use tokio::sync::watch;

use super::{HttpSettings, SetupError};

/// User name and password of HTTP basic authentication, or where they stand.
#[derive(Clone, Debug)]
pub struct Credentials {
    /// User name.
    pub username: Text,
    /// Password.
    pub password: Text,
}

/// A text of the settings.
#[derive(Clone, Debug)]
pub enum Text {
    /// The text itself.
    Given(SecretString),
    /// The content of a file, without the end of its last line.
    File {
        /// Variable that names it.
        variable: &'static str,
        /// The file.
        path: PathBuf,
    },
}

/// The Secret that `KEA_TLS_SECRET_NAME` names, as it was last seen.
#[derive(Clone, Debug)]
pub enum TlsSecret {
    /// It cannot be used; the text says why, and what helps.
    Missing(String),
    /// It is there.
    Found(Arc<SecretKeys>),
}

/// The keys of a Secret that TLS uses; in PEM form.
#[derive(Clone, Debug, Default)]
pub struct SecretKeys {
    /// What the Secret is called in messages.
    pub name: String,
    /// `ca.crt`.
    pub ca: Option<Vec<u8>>,
    /// `tls.crt`.
    pub cert: Option<Vec<u8>>,
    /// `tls.key`.
    pub key: Option<SecretSlice<u8>>,
}

/// What TLS and authentication need, read.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Material {
    /// Authorities that may have signed Kea's certificate.
    pub ca: Option<Piece>,
    /// Certificate of the operator.
    pub cert: Option<Piece>,
    /// Its private key.
    pub key: Option<Piece>,
    /// User name and password.
    pub credentials: Option<(Piece, Piece)>,
}

/// A piece of it, and where it comes from.
#[derive(Clone)]
pub struct Piece {
    /// Where it comes from, for messages.
    pub origin: String,
    content: SecretSlice<u8>,
}

impl Piece {
    /// The content.
    pub fn bytes(&self) -> &[u8] {
        self.content.expose_secret()
    }

    /// The content as text.
    pub fn text(&self) -> Result<&str, SetupError> {
        str::from_utf8(self.bytes()).map_err(|_| SetupError::NoText { origin: self.origin.clone() })
    }

    fn new(origin: String, content: Vec<u8>) -> Self {
        Self { origin, content: content.into() }
    }

    fn of_file(variable: &'static str, path: &Path) -> Result<Self, SetupError> {
        let content =
            std::fs::read(path).map_err(|cause| SetupError::File { variable, path: path.into(), cause })?;
        Ok(Self::new(format!("{} ({variable})", path.display()), content))
    }
}

impl fmt::Debug for Piece {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}", self.origin)
    }
}

impl PartialEq for Piece {
    fn eq(&self, other: &Self) -> bool {
        self.origin == other.origin && self.bytes() == other.bytes()
    }
}

impl Material {
    /// Reads what the settings name.
    pub fn read(settings: &HttpSettings) -> Result<Self, SetupError> {
        let tls = &settings.tls;
        let file = |variable, path: &Option<PathBuf>| {
            path.as_deref().map(|path| Piece::of_file(variable, path)).transpose()
        };
        let mut material = Self {
            ca: file("KEA_TLS_CA_FILE", &tls.ca_file)?,
            cert: file("KEA_TLS_CERT_FILE", &tls.cert_file)?,
            key: file("KEA_TLS_KEY_FILE", &tls.key_file)?,
            credentials: settings.credentials.as_ref().map(Credentials::read).transpose()?,
        };
        if let Some(secret) = &tls.secret {
            material.add_secret(&secret.borrow(), tls.insecure)?;
        }
        Ok(material)
    }

    /// Adds what no file gives.
    fn add_secret(&mut self, secret: &TlsSecret, insecure: bool) -> Result<(), SetupError> {
        let keys = match secret {
            TlsSecret::Missing(cause) => return Err(SetupError::Secret(cause.clone())),
            TlsSecret::Found(keys) => keys,
        };
        let piece = |key: &str, content: &[u8]| {
            Piece::new(format!("{key} of {} (KEA_TLS_SECRET_NAME)", keys.name), content.to_vec())
        };
        if self.ca.is_none() {
            self.ca = keys.ca.as_deref().map(|content| piece("ca.crt", content));
        }
        if self.ca.is_none() && !insecure {
            let name = &keys.name;
            return Err(SetupError::Secret(format!("{name} (KEA_TLS_SECRET_NAME) has no ca.crt; add it")));
        }
        if self.cert.is_none() && self.key.is_none() {
            self.cert = keys.cert.as_deref().map(|content| piece("tls.crt", content));
            self.key = keys.key.as_ref().map(|content| piece("tls.key", content.expose_secret()));
        }
        Ok(())
    }
}

impl Credentials {
    fn read(&self) -> Result<(Piece, Piece), SetupError> {
        Ok((self.username.read()?, self.password.read()?))
    }
}

impl Text {
    fn read(&self) -> Result<Piece, SetupError> {
        match self {
            Self::Given(text) => Ok(Piece::new(String::new(), text.expose_secret().as_bytes().to_vec())),
            Self::File { variable, path } => {
                let piece = Piece::of_file(variable, path)?;
                let text = piece.bytes();
                let line = text.strip_suffix(b"\n").unwrap_or(text);
                let line = line.strip_suffix(b"\r").unwrap_or(line);
                if line.is_empty() {
                    return Err(SetupError::Empty { variable, path: path.clone() });
                }
                Ok(Piece::new(piece.origin.clone(), line.to_vec()))
            }
        }
    }
}

/// Where a transport sees the Secret of `KEA_TLS_SECRET_NAME`.
pub type SecretReceiver = watch::Receiver<TlsSecret>;
