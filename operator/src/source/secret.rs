//! The Secret that `KEA_TLS_SECRET_NAME` names. Nothing else of the cluster's Secrets is read.

use std::collections::BTreeMap;
use std::pin::pin;
use std::sync::Arc;

use futures::StreamExt;
use k8s_openapi::ByteString;
use k8s_openapi::api::core::v1::Secret;
use kube::runtime::{WatchStreamExt, watcher};
use kube::{Api, Client};
use tokio::sync::watch;
use tokio_util::sync::CancellationToken;

use super::kube::OpenError;
use crate::config::{KeaSettings, TlsSecretName};
use crate::kea::{SecretKeys, SecretReceiver, TlsSecret};

/// Gives the Secret that the settings name, if any, to all servers.
pub async fn provide(settings: &mut KeaSettings, stop: &CancellationToken) -> Result<(), OpenError> {
    if let Some(secret) = &settings.tls_secret {
        let secret = follow(secret, stop.clone()).await?;
        settings.servers.iter_mut().for_each(|server| server.http.tls.secret = Some(secret.clone()));
    }
    Ok(())
}

/// Follows a Secret until `stop`. It may be made later, and may change.
async fn follow(secret: &TlsSecretName, stop: CancellationToken) -> Result<SecretReceiver, OpenError> {
    let client = Client::try_default().await.map_err(|error| OpenError::Config(error.to_string()))?;
    let namespace = secret.namespace.clone().unwrap_or_else(|| client.default_namespace().to_owned());
    let shown = format!("the Secret {namespace}/{}", secret.name);
    let first = TlsSecret::Missing(format!("{shown} (KEA_TLS_SECRET_NAME) was not read yet"));
    let (sender, receiver) = watch::channel(first);
    let api: Api<Secret> = Api::namespaced(client, &namespace);
    let name = secret.name.clone();
    tokio::spawn(async move {
        tokio::select! {
            () = keep(api, &name, &shown, &sender) => {}
            () = stop.cancelled() => {}
        }
    });
    Ok(receiver)
}

async fn keep(api: Api<Secret>, name: &str, shown: &str, sender: &watch::Sender<TlsSecret>) {
    let mut versions = pin!(watcher::watch_object(api, name).default_backoff());
    while let Some(version) = versions.next().await {
        let found = match version {
            Ok(Some(secret)) => TlsSecret::Found(Arc::new(keys(shown, secret.data.unwrap_or_default()))),
            Ok(None) => {
                let hint = "create it with ca.crt, and tls.crt and tls.key for a client certificate";
                TlsSecret::Missing(format!("{shown} (KEA_TLS_SECRET_NAME) does not exist; {hint}"))
            }
            Err(error) => {
                tracing::warn!(%error, "cannot watch {shown}; will keep trying");
                let known = matches!(*sender.borrow(), TlsSecret::Found(_));
                if known {
                    continue;
                }
                TlsSecret::Missing(format!(
                    "{shown} (KEA_TLS_SECRET_NAME) cannot be read; check that the API server answers, and permit list and watch on it"
                ))
            }
        };
        sender.send_replace(found);
    }
}

fn keys(shown: &str, mut data: BTreeMap<String, ByteString>) -> SecretKeys {
    let mut take = |key| data.remove(key).map(|content| content.0);
    SecretKeys {
        name: shown.into(),
        ca: take("ca.crt"),
        cert: take("tls.crt"),
        key: take("tls.key").map(Into::into),
    }
}
