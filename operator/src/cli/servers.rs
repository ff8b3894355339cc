//! The servers, for commands that ask them once.

use std::sync::Arc;
use std::time::Duration;

use anyhow::Context as _;
use tokio_util::sync::CancellationToken;

use crate::config::{KeaSettings, ServerSettings};
use crate::kea::{self, Limits, Server};
use crate::source;

/// A server and how it is reached.
pub struct Reached<'a> {
    /// The server.
    pub server: Arc<Server>,
    /// How it is reached.
    pub settings: &'a ServerSettings,
}

/// How long the Secret of `KEA_TLS_SECRET_NAME` may take to be read.
const PATIENCE: Duration = Duration::from_secs(10);

/// Gives the servers the Secret that the settings name, if any, once it is read.
pub async fn provide(settings: &mut KeaSettings) -> anyhow::Result<()> {
    source::secret::provide(settings, &CancellationToken::new()).await?;
    if let Some(secret) = settings.servers.first_mut().and_then(|server| server.http.tls.secret.as_mut()) {
        // What is wrong with it is told where it is used.
        let _ = tokio::time::timeout(PATIENCE, secret.changed()).await;
    }
    Ok(())
}

/// The servers whose URL has `wanted` in it, or all of them. Who does not answer is not asked again: somebody waits.
pub fn open<'a>(settings: &'a KeaSettings, wanted: Option<&str>) -> anyhow::Result<Vec<Reached<'a>>> {
    let limits = Limits { repeats: 0, ..settings.limits.clone() };
    let named = |server: &ServerSettings| server.endpoint.to_string();
    let chosen: Vec<&ServerSettings> = settings
        .servers
        .iter()
        .filter(|server| wanted.is_none_or(|wanted| named(server).contains(wanted)))
        .collect();
    (!chosen.is_empty())
        .then_some(())
        .with_context(|| format!("no server has {:?} in its URL", wanted.unwrap_or_default()))?;
    let reach = |settings: &'a ServerSettings| {
        let transport = kea::open(&settings.endpoint, &settings.http)?;
        let server = Arc::new(Server::new(transport, named(settings), limits.clone()));
        Ok(Reached { server, settings })
    };
    chosen.into_iter().map(reach).collect()
}
