//! Where Kea listens, from one URL.

use std::fmt;
use std::path::PathBuf;

use reqwest::Url;

/// Where Kea listens.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Endpoint {
    /// The control socket of a daemon on this machine.
    Unix(PathBuf),
    /// A control agent, or a daemon's own HTTP.
    Http(Url),
}

/// Why a URL names no endpoint.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum EndpointError {
    /// Not a URL.
    #[error(
        "{url:?} is no URL ({cause}); write unix:/run/kea/kea4-ctrl-socket, http://host:8000 or https://host:8000"
    )]
    Malformed {
        /// The text as given, without a password.
        url: String,
        /// What is wrong with it.
        cause: String,
    },
    /// A scheme that Kea does not speak.
    #[error("{url:?} has the scheme {scheme:?}; Kea is reached by unix:, http: or https:")]
    Scheme {
        /// The text as given.
        url: String,
        /// Its scheme.
        scheme: String,
    },
    /// A password in the URL would show up in logs and in the status of objects.
    #[error(
        "the URL of Kea holds a user name or password; give them in KEA_BASIC_AUTH_USERNAME and KEA_BASIC_AUTH_PASSWORD"
    )]
    Credentials,
    /// No path after `unix:`.
    #[error(
        "{url:?} names no socket; write unix: and an absolute path, such as unix:/run/kea/kea4-ctrl-socket"
    )]
    NoSocket {
        /// The text as given.
        url: String,
    },
}

impl Endpoint {
    /// Reads a URL. Without a scheme it is `https` where `tls` is set, else `http`; without a port it is `port`, else
    /// the scheme's own.
    pub fn parse(text: &str, tls: bool, port: Option<u16>) -> Result<Self, EndpointError> {
        let text = text.trim();
        if let Some(path) = text.strip_prefix("unix:") {
            let path = PathBuf::from(path.strip_prefix("//").unwrap_or(path));
            if path.is_absolute() && path.file_name().is_some() {
                return Ok(Self::Unix(path));
            }
            return Err(EndpointError::NoSocket { url: text.into() });
        }
        let scheme = if tls { "https" } else { "http" };
        let full = if text.contains("://") { text.to_owned() } else { format!("{scheme}://{text}") };
        let malformed = |cause: String| EndpointError::Malformed { url: without_userinfo(text), cause };
        let mut url = Url::parse(&full).map_err(|error| malformed(error.to_string()))?;
        if !matches!(url.scheme(), "http" | "https") {
            return Err(EndpointError::Scheme { url: without_userinfo(text), scheme: url.scheme().into() });
        }
        if !url.username().is_empty() || url.password().is_some() {
            return Err(EndpointError::Credentials);
        }
        if url.port() == Some(0) {
            return Err(malformed("nothing listens on port 0".into()));
        }
        if let (None, Some(port)) = (url.port(), port) {
            url.set_port(Some(port)).map_err(|()| malformed("it can have no port".into()))?;
        }
        Ok(Self::Http(url))
    }

    /// Whether the connection is encrypted.
    pub fn is_tls(&self) -> bool {
        matches!(self, Self::Http(url) if url.scheme() == "https")
    }
}

fn without_userinfo(url: &str) -> String {
    match url.rsplit_once('@') {
        Some((_, rest)) => format!("…@{rest}"),
        None => url.into(),
    }
}

impl fmt::Display for Endpoint {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Unix(path) => write!(f, "unix:{}", path.display()),
            Self::Http(url) => write!(f, "{}", url.as_str().trim_end_matches('/')),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use rstest::rstest;

    #[rstest]
    #[case("unix:/run/kea/s", false, None, "unix:/run/kea/s")]
    #[case("unix:///run/kea/s", false, None, "unix:/run/kea/s")]
    #[case("http://kea:8000", false, Some(1), "http://kea:8000")]
    #[case("http://kea", false, None, "http://kea")]
    #[case("http://kea/", false, Some(8001), "http://kea:8001")]
    #[case("kea", false, Some(8000), "http://kea:8000")]
    #[case("kea:8443", true, Some(8000), "https://kea:8443")]
    #[case(" https://[2001:db8::1]:8000/kea ", false, None, "https://[2001:db8::1]:8000/kea")]
    fn urls(#[case] url: &str, #[case] tls: bool, #[case] port: Option<u16>, #[case] expected: &str) {
        assert_eq!(Endpoint::parse(url, tls, port).unwrap().to_string(), expected);
    }

    #[rstest]
    #[case("unix:", "names no socket")]
    #[case("unix:relative", "names no socket")]
    #[case("ftp://kea", "scheme \"ftp\"")]
    #[case("http://", "is no URL")]
    #[case("http://user:secret@kea", "KEA_BASIC_AUTH_PASSWORD")]
    #[case("ftp://user:secret@kea", "…@kea")]
    fn what_is_no_endpoint_says_why(#[case] url: &str, #[case] part: &str) {
        let message = Endpoint::parse(url, false, None).unwrap_err().to_string();
        assert!(message.contains(part), "{message}");
        assert!(!message.contains("secret"), "{message}");
    }
}
