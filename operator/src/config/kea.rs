//! How Kea is reached: arguments, and what they come to.

use std::path::PathBuf;

use clap::Args;

use super::credentials::CredentialArgs;
use super::limits::LimitArgs;
use super::servers::{ServerSettings, endpoints};
use super::{ConfigError, NOT_YET, flag, given};
use crate::kea::{Endpoint, HttpSettings, Limits, ReservationDialect, SharedDatabase, TlsSettings};

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

    #[command(flatten)]
    pub(super) limits: LimitArgs,

    /// Open a new connection for each command
    #[arg(long, env = "KEA_DISABLE_KEEPALIVES", default_value = "false", default_missing_value = "true", num_args = 0..=1, require_equals = true, value_parser = flag, action = clap::ArgAction::Set)]
    pub kea_disable_keepalives: bool,

    #[command(flatten)]
    pub(super) credentials: CredentialArgs,

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

    /// Secret with ca.crt, and a client certificate in tls.crt and tls.key
    #[arg(long, env = "KEA_TLS_SECRET_NAME", value_name = "NAME")]
    pub kea_tls_secret_name: Option<String>,

    /// Namespace of the Secret [default: that of the operator]
    #[arg(long, env = "KEA_TLS_SECRET_NAMESPACE", value_name = "NAMESPACE")]
    pub kea_tls_secret_namespace: Option<String>,

    /// Commands for reservations: ext (of this project's hook), stock (of Kea's own), or auto for the best there is
    #[arg(long, env = "KEA_DIALECT", default_value = "auto", value_name = "auto|ext|stock", value_parser = dialect)]
    pub kea_dialect: Dialects,

    /// Whether the servers share one host database, so that one of them is written to; auto finds out which do
    #[arg(long, env = "KEA_SHARED_HOST_DATABASE", default_value = "auto", value_name = "auto|true|false", value_parser = shared)]
    pub kea_shared_host_database: SharedDatabase,

    /// Name that Kea's certificate has, where it is not the URL's host
    #[arg(long, env = "KEA_TLS_SERVER_NAME", value_name = "NAME")]
    pub kea_tls_server_name: Option<String>,

    /// Accept any certificate: for tests only
    #[arg(long, env = "KEA_TLS_INSECURE", default_value = "false", default_missing_value = "true", num_args = 0..=1, require_equals = true, value_parser = flag, action = clap::ArgAction::Set)]
    pub kea_tls_insecure: bool,
}

/// Which dialects may be used.
pub type Dialects = Option<ReservationDialect>;

fn dialect(text: &str) -> Result<Dialects, String> {
    match text.trim().to_ascii_lowercase().as_str() {
        "auto" | "" => Ok(None),
        "ext" => Ok(Some(ReservationDialect::Ext)),
        "stock" => Ok(Some(ReservationDialect::Stock)),
        _ => Err("write auto, ext or stock".into()),
    }
}

fn shared(text: &str) -> Result<SharedDatabase, String> {
    match text.trim().to_ascii_lowercase().as_str() {
        "auto" | "" => Ok(SharedDatabase::Auto),
        "true" => Ok(SharedDatabase::Yes),
        "false" => Ok(SharedDatabase::No),
        _ => Err("write auto, true or false".into()),
    }
}

/// How Kea is reached, checked.
#[derive(Clone, Debug)]
pub struct KeaSettings {
    /// The servers, the primary first, then its backups; never empty.
    pub servers: Vec<ServerSettings>,
    /// How long and how often they are asked.
    pub limits: Limits,
    /// The one dialect to use; none for the best that each server has.
    pub dialect: Option<ReservationDialect>,
    /// Whether they share a host database.
    pub shared: SharedDatabase,
    /// The Secret for TLS, which is to be given to each server's settings.
    pub tls_secret: Option<TlsSecretName>,
    /// What is set and does not do what one may think.
    pub warnings: Vec<String>,
}

/// The Secret that holds what TLS needs.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TlsSecretName {
    /// Its namespace; else that of the operator itself.
    pub namespace: Option<String>,
    /// Its name.
    pub name: String,
}

impl KeaArgs {
    /// Whether URLs without a scheme are https.
    pub(super) fn wants_tls(&self) -> bool {
        let set = [&self.kea_tls_ca_file, &self.kea_tls_cert_file, &self.kea_tls_secret_name];
        self.kea_tls_enabled || set.into_iter().any(|text| given(text.as_ref()).is_some())
    }

    /// Checks the arguments; `environment` tells whether a variable is set.
    pub fn settings(&self, environment: impl Fn(&str) -> bool) -> Result<KeaSettings, ConfigError> {
        let mut warnings: Vec<String> = NOT_YET
            .into_iter()
            .filter(|variable| environment(variable))
            .map(|variable| format!("{variable} is set; this version does not act on it"))
            .collect();
        let (endpoints, named_in_vain) = endpoints(self)?;
        warnings.extend(named_in_vain);
        self.refuse_plain(&endpoints)?;
        let limits = self.limits.limits(&mut warnings);
        let connect_timeout = self.limits.connect_timeout(&mut warnings);
        let (tls, tls_secret) = (self.tls(), self.tls_secret()?);
        if tls.insecure && endpoints.iter().any(Endpoint::is_tls) {
            warnings.push(
                "KEA_TLS_INSECURE is true: any certificate is accepted, Kea can be impersonated".into(),
            );
        }
        let of_primary = self.credentials.primary()?;
        let of_backups = self.credentials.backups()?.or_else(|| of_primary.clone());
        let mut servers = vec![];
        for endpoint in endpoints {
            let credentials = if servers.is_empty() { &of_primary } else { &of_backups };
            let http = HttpSettings {
                credentials: credentials.clone(),
                tls: tls.clone(),
                connect_timeout,
                disable_keepalives: self.kea_disable_keepalives,
            };
            let server = ServerSettings { endpoint, http };
            warnings.extend(server.in_vain());
            servers.push(server);
        }
        let (dialect, shared) = (self.kea_dialect, self.kea_shared_host_database);
        Ok(KeaSettings { servers, limits, dialect, shared, tls_secret, warnings })
    }

    /// TLS that is asked for is not left out for a server.
    fn refuse_plain(&self, endpoints: &[Endpoint]) -> Result<(), ConfigError> {
        let Some(plain) = endpoints.iter().find(|endpoint| !endpoint.is_tls()) else {
            return Ok(());
        };
        let url = plain.to_string();
        if self.kea_tls_enabled {
            return Err(ConfigError::PlainUrl { variable: "KEA_TLS_ENABLED", url });
        }
        match given(self.kea_tls_secret_name.as_ref()) {
            Some(_) => Err(ConfigError::PlainUrl { variable: "KEA_TLS_SECRET_NAME", url }),
            None => Ok(()),
        }
    }

    fn tls(&self) -> TlsSettings {
        let path = |text: &Option<String>| given(text.as_ref()).map(PathBuf::from);
        TlsSettings {
            ca_file: path(&self.kea_tls_ca_file),
            cert_file: path(&self.kea_tls_cert_file),
            key_file: path(&self.kea_tls_key_file),
            server_name: given(self.kea_tls_server_name.as_ref()).map(Into::into),
            insecure: self.kea_tls_insecure,
            secret: None,
        }
    }

    fn tls_secret(&self) -> Result<Option<TlsSecretName>, ConfigError> {
        let namespace = given(self.kea_tls_secret_namespace.as_ref()).map(str::to_owned);
        match (given(self.kea_tls_secret_name.as_ref()), namespace) {
            (None, None) => Ok(None),
            (None, Some(_)) => Err(ConfigError::SecretWithoutName),
            (Some(name), namespace) => Ok(Some(TlsSecretName { namespace, name: name.into() })),
        }
    }
}
