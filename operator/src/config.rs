//! Settings, from flags and environment variables to checked values.

use std::path::PathBuf;
use std::time::Duration;

use clap::Args;
use secrecy::SecretString;

use crate::kea::{Credentials, Endpoint, EndpointError, HttpSettings, TlsSettings};

/// Port of a control agent, and of Kea's own HTTP, where `KEA_HOST` is set and `KEA_PORT` is not.
const DEFAULT_PORT: u16 = 8000;

/// How Kea is reached, as given. An empty value counts as none, as charts set variables whether they have a value or not.
#[derive(Args, Clone, Debug, Default)]
#[command(next_help_heading = "Kea")]
pub struct KeaArgs {
    /// Kea's control channel: unix:/run/kea/kea4-ctrl-socket, http://host:8000 or https://host:8000
    #[arg(long, env = "KEA_URL", value_name = "URL")]
    pub kea_url: Option<String>,

    /// Used where --kea-url is not set
    #[arg(long, env = "KEA_BASE_URL", value_name = "URL")]
    pub kea_base_url: Option<String>,

    /// Used where neither URL is set
    #[arg(long, env = "KEA_HOST", value_name = "HOST")]
    pub kea_host: Option<String>,

    /// Port where the URL or host has none [default with --kea-host: 8000]
    #[arg(long, env = "KEA_PORT", value_name = "PORT")]
    pub kea_port: Option<String>,

    /// How long a command may take, in seconds
    #[arg(long, env = "KEA_TIMEOUT_SECONDS", value_name = "SECONDS", default_value = "10", value_parser = seconds)]
    pub kea_timeout_seconds: Duration,

    /// Open a new connection for each command
    #[arg(long, env = "KEA_DISABLE_KEEPALIVES", default_value = "false", default_missing_value = "true", num_args = 0..=1, require_equals = true, value_parser = flag, action = clap::ArgAction::Set)]
    pub kea_disable_keepalives: bool,

    /// User name of HTTP basic authentication
    #[arg(long, env = "KEA_BASIC_AUTH_USERNAME", value_name = "NAME")]
    pub kea_basic_auth_username: Option<String>,

    /// Password of HTTP basic authentication; as a flag, other users of the machine can see it
    #[arg(long, env = "KEA_BASIC_AUTH_PASSWORD", value_name = "PASSWORD", hide_env_values = true)]
    pub kea_basic_auth_password: Option<String>,

    /// Use HTTPS where the URL has no scheme
    #[arg(long, env = "KEA_TLS_ENABLED", default_value = "false", default_missing_value = "true", num_args = 0..=1, require_equals = true, value_parser = flag, action = clap::ArgAction::Set)]
    pub kea_tls_enabled: bool,

    /// Authorities that may have signed Kea's certificate, PEM [default: those of the system]
    #[arg(long, env = "KEA_TLS_CA_FILE", value_name = "FILE")]
    pub kea_tls_ca_file: Option<String>,

    /// Client certificate, PEM
    #[arg(long, env = "KEA_TLS_CERT_FILE", value_name = "FILE")]
    pub kea_tls_cert_file: Option<String>,

    /// Private key of the client certificate, PEM
    #[arg(long, env = "KEA_TLS_KEY_FILE", value_name = "FILE")]
    pub kea_tls_key_file: Option<String>,

    /// Name that Kea's certificate has, where it is not the URL's host
    #[arg(long, env = "KEA_TLS_SERVER_NAME", value_name = "NAME")]
    pub kea_tls_server_name: Option<String>,

    /// Accept any certificate: for tests only
    #[arg(long, env = "KEA_TLS_INSECURE", default_value = "false", default_missing_value = "true", num_args = 0..=1, require_equals = true, value_parser = flag, action = clap::ArgAction::Set)]
    pub kea_tls_insecure: bool,
}

/// How Kea is reached, checked.
#[derive(Clone, Debug)]
pub struct KeaSettings {
    /// Where.
    pub endpoint: Endpoint,
    /// How, over HTTP.
    pub http: HttpSettings,
    /// How long a command may take.
    pub timeout: Duration,
    /// What is set and does not do what one may think.
    pub warnings: Vec<String>,
}

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

/// Variables of the documents that this version does not act on.
const NOT_YET: [&str; 14] = [
    "KEA_SECONDARY_URL",
    "KEA_SECONDARY_URLS",
    "KEA_CONNECT_TIMEOUT_SECONDS",
    "KEA_PRIMARY_RETRIES",
    "KEA_RETRY_BACKOFF",
    "KEA_RETRY_MAX_BACKOFF",
    "KEA_PRIMARY_COOLDOWN",
    "KEA_REQUIRE_CLIENT_CLASSES",
    "KEA_STRICT_DEFAULTS",
    "KEA_PIN_RESERVATIONS",
    "KEA_CLEANUP_TIMEOUT",
    "KEA_ADDRESS_POLICY",
    "KEA_SUBNET_MODE",
    "KEA_HEADER",
];

/// Variables without which TLS would be weaker than asked for; they stop the start.
const TLS_SECRET: [&str; 2] = ["KEA_TLS_SECRET_NAME", "KEA_TLS_SECRET_NAMESPACE"];

/// A text, if it is not empty.
pub fn given(text: Option<&String>) -> Option<&str> {
    text.map(|text| text.trim()).filter(|text| !text.is_empty())
}

/// Reads a boolean as Go and charts write it; empty is false.
pub fn flag(text: &str) -> Result<bool, String> {
    match text.trim().to_ascii_lowercase().as_str() {
        "true" | "t" | "1" | "yes" | "on" => Ok(true),
        "false" | "f" | "0" | "no" | "off" | "" => Ok(false),
        _ => Err("write true or false".into()),
    }
}

fn seconds(text: &str) -> Result<Duration, String> {
    match text.trim() {
        "" => Ok(Duration::from_secs(10)),
        number => match number.parse::<u64>() {
            Ok(seconds @ 1..=3600) => Ok(Duration::from_secs(seconds)),
            _ => Err("write a number of seconds from 1 to 3600".into()),
        },
    }
}

impl KeaArgs {
    /// Checks the arguments; `environment` tells whether a variable is set.
    pub fn settings(&self, environment: impl Fn(&str) -> bool) -> Result<KeaSettings, ConfigError> {
        if let Some(variable) = TLS_SECRET.into_iter().find(|variable| environment(variable)) {
            return Err(ConfigError::TlsSecret { variable });
        }
        let mut warnings: Vec<String> = NOT_YET
            .into_iter()
            .filter(|variable| environment(variable))
            .map(|variable| format!("{variable} is set; this version does not act on it"))
            .collect();
        let endpoint = self.endpoint()?;
        let tls = self.tls();
        if self.kea_tls_enabled && !endpoint.is_tls() {
            return Err(ConfigError::PlainUrl { url: endpoint.to_string() });
        }
        if !endpoint.is_tls() && (tls.ca_file.is_some() || tls.has_client_certificate()) {
            warnings.push(format!("certificates are set and not used: {endpoint} is not https"));
        }
        if endpoint.is_tls() && tls.insecure {
            warnings.push(
                "KEA_TLS_INSECURE is true: any certificate is accepted, Kea can be impersonated".into(),
            );
        }
        let mut credentials = self.credentials()?;
        if credentials.is_some() && endpoint.is_tls() && tls.has_client_certificate() {
            warnings.push(
                "basic authentication is set and not used: the client certificate takes its place".into(),
            );
            credentials = None;
        }
        let http = HttpSettings { credentials, tls, disable_keepalives: self.kea_disable_keepalives };
        Ok(KeaSettings { endpoint, http, timeout: self.kea_timeout_seconds, warnings })
    }

    fn endpoint(&self) -> Result<Endpoint, ConfigError> {
        let port = match given(self.kea_port.as_ref()) {
            None => None,
            Some(text) => match text.parse::<u16>() {
                Ok(port) if port > 0 => Some(port),
                _ => return Err(ConfigError::Port { text: text.into() }),
            },
        };
        let tls = self.kea_tls_enabled
            || given(self.kea_tls_ca_file.as_ref()).is_some()
            || given(self.kea_tls_cert_file.as_ref()).is_some();
        let (variable, url, port) = if let Some(url) = given(self.kea_url.as_ref()) {
            ("KEA_URL", url, port)
        } else if let Some(url) = given(self.kea_base_url.as_ref()) {
            ("KEA_BASE_URL", url, port)
        } else if let Some(host) = given(self.kea_host.as_ref()) {
            ("KEA_HOST", host, Some(port.unwrap_or(DEFAULT_PORT)))
        } else {
            return Err(ConfigError::NoServer);
        };
        Endpoint::parse(url, tls, port).map_err(|cause| ConfigError::Endpoint { variable, cause })
    }

    fn tls(&self) -> TlsSettings {
        let path = |text: &Option<String>| given(text.as_ref()).map(PathBuf::from);
        TlsSettings {
            ca_file: path(&self.kea_tls_ca_file),
            cert_file: path(&self.kea_tls_cert_file),
            key_file: path(&self.kea_tls_key_file),
            server_name: given(self.kea_tls_server_name.as_ref()).map(Into::into),
            insecure: self.kea_tls_insecure,
        }
    }

    fn credentials(&self) -> Result<Option<Credentials>, ConfigError> {
        const USERNAME: &str = "KEA_BASIC_AUTH_USERNAME";
        const PASSWORD: &str = "KEA_BASIC_AUTH_PASSWORD";
        // Blanks at the ends may be part of a password.
        let password = self.kea_basic_auth_password.as_ref().filter(|password| !password.is_empty());
        match (given(self.kea_basic_auth_username.as_ref()), password) {
            (None, None) => Ok(None),
            (Some(_), None) => Err(ConfigError::HalfCredentials { set: USERNAME, missing: PASSWORD }),
            (None, Some(_)) => Err(ConfigError::HalfCredentials { set: PASSWORD, missing: USERNAME }),
            (Some(username), Some(password)) => Ok(Some(Credentials {
                username: username.into(),
                password: SecretString::from(password.clone()),
            })),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use rstest::rstest;

    fn args(set: &[(&str, &str)]) -> KeaArgs {
        let mut args = KeaArgs { kea_timeout_seconds: Duration::from_secs(10), ..KeaArgs::default() };
        for (name, value) in set {
            let value = Some((*value).to_owned());
            match *name {
                "url" => args.kea_url = value,
                "base" => args.kea_base_url = value,
                "host" => args.kea_host = value,
                "port" => args.kea_port = value,
                "user" => args.kea_basic_auth_username = value,
                "password" => args.kea_basic_auth_password = value,
                "ca" => args.kea_tls_ca_file = value,
                "cert" => args.kea_tls_cert_file = value,
                "tls" => args.kea_tls_enabled = true,
                "insecure" => args.kea_tls_insecure = true,
                other => panic!("{other}"),
            }
        }
        args
    }

    fn settings(set: &[(&str, &str)]) -> Result<KeaSettings, ConfigError> {
        args(set).settings(|_| false)
    }

    #[rstest]
    #[case(&[("url", "http://a"), ("base", "http://b"), ("host", "c")], "http://a")]
    #[case(&[("url", ""), ("base", "http://b"), ("host", "c")], "http://b")]
    #[case(&[("host", "c")], "http://c:8000")]
    #[case(&[("host", "c"), ("port", "8001")], "http://c:8001")]
    #[case(&[("url", "http://a"), ("port", "8001")], "http://a:8001")]
    #[case(&[("url", "http://a:1"), ("port", "8001")], "http://a:1")]
    #[case(&[("host", "c"), ("tls", "")], "https://c:8000")]
    #[case(&[("host", "c"), ("ca", "/ca.crt")], "https://c:8000")]
    #[case(&[("url", "unix:/s")], "unix:/s")]
    fn precedence(#[case] set: &[(&str, &str)], #[case] endpoint: &str) {
        assert_eq!(settings(set).unwrap().endpoint.to_string(), endpoint);
    }

    #[rstest]
    #[case(&[], "no Kea server is set")]
    #[case(&[("host", "c"), ("port", "0")], "KEA_PORT \"0\"")]
    #[case(&[("url", "http://a"), ("tls", "")], "is not https")]
    #[case(&[("url", "unix:/s"), ("tls", "")], "is not https")]
    #[case(&[("url", "http://a"), ("user", "u")], "KEA_BASIC_AUTH_PASSWORD is not")]
    #[case(&[("url", "http://a"), ("password", "p")], "KEA_BASIC_AUTH_USERNAME is not")]
    fn what_cannot_be_used(#[case] set: &[(&str, &str)], #[case] part: &str) {
        let error = settings(set).unwrap_err().to_string();
        assert!(error.contains(part), "{error}");
    }

    #[test]
    fn nothing_is_ignored_in_silence() {
        let warned = |set: &[(&str, &str)], part: &str| {
            let warnings = settings(set).unwrap().warnings;
            assert!(warnings.iter().any(|warning| warning.contains(part)), "{warnings:?}");
        };
        warned(&[("url", "https://a"), ("insecure", "")], "KEA_TLS_INSECURE");
        warned(&[("url", "http://a"), ("ca", "/ca")], "not used");
        let both = [("url", "https://a"), ("cert", "/c"), ("user", "u"), ("password", "p")];
        warned(&both, "basic authentication is set and not used");
        assert!(settings(&both).unwrap().http.credentials.is_none());

        let set = args(&[("url", "http://a")]).settings(|name| name == "KEA_SECONDARY_URL").unwrap();
        assert_eq!(set.warnings, ["KEA_SECONDARY_URL is set; this version does not act on it"]);
        let error = args(&[("url", "http://a")]).settings(|name| name == "KEA_TLS_SECRET_NAME").unwrap_err();
        assert_eq!(error, ConfigError::TlsSecret { variable: "KEA_TLS_SECRET_NAME" });
    }

    #[test]
    fn a_password_is_never_shown() {
        let set = settings(&[("url", "http://a"), ("user", "u"), ("password", "s3cret")]).unwrap();
        assert!(!format!("{set:?}").contains("s3cret"));
    }
}
