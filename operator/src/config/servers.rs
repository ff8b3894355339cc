//! The list of servers: the primary, then the backups in their order.

use super::kea::KeaArgs;
use super::{ConfigError, given};
use crate::kea::{Endpoint, HttpSettings};

/// Port of a control agent, and of Kea's own HTTP, where `KEA_HOST` is set and `KEA_PORT` is not.
const DEFAULT_PORT: u16 = 8000;

/// How one server is reached.
#[derive(Clone, Debug)]
pub struct ServerSettings {
    /// Where.
    pub endpoint: Endpoint,
    /// How, over HTTP.
    pub http: HttpSettings,
}

impl ServerSettings {
    /// What is set and not used with this server.
    pub fn in_vain(&self) -> Option<String> {
        let (endpoint, tls) = (&self.endpoint, &self.http.tls);
        if !endpoint.is_tls() && (tls.ca_file.is_some() || tls.has_client_certificate()) {
            return Some(format!("certificates are set and not used: {endpoint} is not https"));
        }
        if endpoint.is_tls() && tls.has_client_certificate() && self.http.credentials.is_some() {
            return Some(format!(
                "basic authentication is set and not used with {endpoint}: the client certificate takes its place"
            ));
        }
        None
    }
}

/// The endpoints that the arguments name, the primary first, each once; and what is named in vain.
pub fn endpoints(args: &KeaArgs) -> Result<(Vec<Endpoint>, Vec<String>), ConfigError> {
    let port = port(args)?;
    let tls = args.wants_tls();
    let parse = |(variable, url): (&'static str, &str), port| {
        Endpoint::parse(url, tls, port).map_err(|cause| ConfigError::Endpoint { variable, cause })
    };
    let primary = primary(args).ok_or(ConfigError::NoServer)?;
    let default_port = (primary.0 == "KEA_HOST").then_some(DEFAULT_PORT);
    let mut found = vec![parse(primary, port.or(default_port))?];
    let mut warnings = vec![];
    for backup in backups(args) {
        let endpoint = parse(backup, port)?;
        if endpoint == found[0] {
            warnings.push(format!("{} names the primary, {endpoint}: it is no backup of itself", backup.0));
        } else if !found.contains(&endpoint) {
            found.push(endpoint);
        }
    }
    Ok((found, warnings))
}

fn port(args: &KeaArgs) -> Result<Option<u16>, ConfigError> {
    match given(args.kea_port.as_ref()) {
        None => Ok(None),
        Some(text) => match text.parse::<u16>() {
            Ok(port) if port > 0 => Ok(Some(port)),
            _ => Err(ConfigError::Port { text: text.into() }),
        },
    }
}

fn primary(args: &KeaArgs) -> Option<(&'static str, &str)> {
    let named =
        [("KEA_URL", &args.kea_url), ("KEA_BASE_URL", &args.kea_base_url), ("KEA_HOST", &args.kea_host)];
    named.into_iter().find_map(|(variable, url)| given(url.as_ref()).map(|url| (variable, url)))
}

fn backups(args: &KeaArgs) -> impl Iterator<Item = (&'static str, &str)> {
    let one = given(args.kea_secondary_url.as_ref()).map(|url| ("KEA_SECONDARY_URL", url));
    let list = given(args.kea_secondary_urls.as_ref()).unwrap_or_default();
    let many = list.split(',').map(str::trim).filter(|url| !url.is_empty());
    one.into_iter().chain(many.map(|url| ("KEA_SECONDARY_URLS", url)))
}
