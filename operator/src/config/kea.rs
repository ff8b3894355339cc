//! How Kea is reached: arguments, and what they come to.

use std::path::PathBuf;
use std::time::Duration;

use clap::Args;
use secrecy::SecretString;

use super::servers::{ServerSettings, endpoints};
use super::{ConfigError, NOT_YET, flag, given};
use crate::kea::{Credentials, Endpoint, HttpSettings, Limits, TlsSettings};

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

    /// A backup, which is a Kea server of its own
    #[arg(long, env = "KEA_SECONDARY_URL", value_name = "URL")]
    pub kea_secondary_url: Option<String>,

    /// More backups, with commas
    #[arg(long, env = "KEA_SECONDARY_URLS", value_name = "URLS")]
    pub kea_secondary_urls: Option<String>,

    /// Port of the servers whose URL has none [default with --kea-host: 8000]
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
    /// The servers, the primary first, then its backups; never empty.
    pub servers: Vec<ServerSettings>,
    /// How long and how often they are asked.
    pub limits: Limits,
    /// What is set and does not do what one may think.
    pub warnings: Vec<String>,
}

/// Variables without which TLS would be weaker than asked for; they stop the start.
const TLS_SECRET: [&str; 2] = ["KEA_TLS_SECRET_NAME", "KEA_TLS_SECRET_NAMESPACE"];

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
        let (endpoints, named_in_vain) = endpoints(self)?;
        warnings.extend(named_in_vain);
        if let Some(plain) = endpoints.iter().find(|endpoint| self.kea_tls_enabled && !endpoint.is_tls()) {
            return Err(ConfigError::PlainUrl { url: plain.to_string() });
        }
        let (tls, credentials) = (self.tls(), self.credentials()?);
        if tls.insecure && endpoints.iter().any(Endpoint::is_tls) {
            warnings.push(
                "KEA_TLS_INSECURE is true: any certificate is accepted, Kea can be impersonated".into(),
            );
        }
        let mut server = |endpoint: Endpoint| {
            let mut credentials = credentials.clone();
            if !endpoint.is_tls() && (tls.ca_file.is_some() || tls.has_client_certificate()) {
                warnings.push(format!("certificates are set and not used: {endpoint} is not https"));
            }
            if credentials.is_some() && endpoint.is_tls() && tls.has_client_certificate() {
                warnings.push(format!(
                    "basic authentication is set and not used with {endpoint}: the client certificate takes its place"
                ));
                credentials = None;
            }
            let disable_keepalives = self.kea_disable_keepalives;
            ServerSettings {
                endpoint,
                http: HttpSettings { credentials, tls: tls.clone(), disable_keepalives },
            }
        };
        let servers = endpoints.into_iter().map(&mut server).collect();
        let limits = Limits { timeout: self.kea_timeout_seconds, ..Limits::default() };
        Ok(KeaSettings { servers, limits, warnings })
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
