//! What commands share that look at objects and servers, and change nothing.

use std::io::IsTerminal;
use std::sync::Arc;

use anyhow::Context as _;
use clap::Args;
use kube::ResourceExt;

use super::rules::RuleArgs;
use super::servers;
use super::source::SourceArgs;
use crate::config::KeaArgs;
use crate::controller::{Options, Rehearsal, rehearse};
use crate::crd::NetworkConfiguration;
use crate::domain::Rules;
use crate::kea::{Limits, Server, Sharing, open};
use crate::rehearsal::{Notes, Script};
use crate::telemetry::Metrics;

/// What these commands take.
#[derive(Args, Debug)]
pub struct StageArgs {
    #[command(flatten)]
    pub source: SourceArgs,

    #[command(flatten)]
    rules: RuleArgs,

    #[command(flatten)]
    kea: KeaArgs,
}

/// Objects and servers, and a controller that writes nothing.
pub struct Stage {
    /// The controller.
    pub rehearsal: Rehearsal,
    /// The servers as they are; what is sent to them is sent.
    pub servers: Vec<Arc<Server>>,
    script: Script,
}

impl StageArgs {
    /// Reads the objects once and opens the servers. `rules` may change the settings that decide about addresses.
    pub async fn open(&self, rules: impl FnOnce(Rules) -> Rules) -> anyhow::Result<Stage> {
        let mut settings = self.kea.settings(super::is_set)?;
        let of_objects = self.rules.rules(&mut settings.warnings);
        let cleanup_timeout = self.rules.cleanup_timeout(&mut settings.warnings);
        servers::provide(&mut settings).await?;
        for warning in &settings.warnings {
            eprintln!("warning: {warning}");
        }
        let script = Script::default();
        let mut staged = vec![];
        for server in &settings.servers {
            let name = server.endpoint.to_string();
            let transport = script.transport(name.clone(), open(&server.endpoint, &server.http)?);
            let limits = Limits { repeats: 0, ..settings.limits.clone() };
            staged.push(Arc::new(Server::new(transport, name, limits)));
        }
        let servers = servers::open(&settings, None)?.into_iter().map(|reached| reached.server).collect();
        let mut source = self.source.look().await?;
        source.objects = Arc::new(script.clone());
        let options = Options {
            providers: self.source.providers(),
            strict_defaults: self.source.strict_defaults(),
            metrics: Metrics::default(),
            workers: 1,
            // What is not written cannot be read back.
            sharing: Sharing { mode: settings.shared, is_read_back: false },
            rules: rules(of_objects),
            subnets: self.rules.subnets()?,
            cleanup_timeout,
            sweep: self.rules.sweep(),
        };
        Ok(Stage { rehearsal: rehearse(source, staged, options), servers, script })
    }
}

impl Stage {
    /// The objects that are asked for, by `namespace/name` or name; all of them where none is.
    pub fn objects(&self, wanted: &[String]) -> anyhow::Result<Vec<NetworkConfiguration>> {
        let all = self.rehearsal.objects();
        if wanted.is_empty() {
            return Ok(all);
        }
        let mut found = vec![];
        for wanted in wanted {
            let before = found.len();
            found.extend(all.iter().filter(|object| is_called(object, wanted)).cloned());
            (found.len() > before)
                .then_some(())
                .with_context(|| format!("there is no NetworkConfiguration {wanted}"))?;
        }
        Ok(found)
    }

    /// What would be written for an object.
    pub async fn play(&self, object: &NetworkConfiguration) -> anyhow::Result<Notes> {
        self.rehearsal.play(object).await?;
        Ok(self.script.take())
    }

    /// What would be written for each of some objects. On a terminal, tells how far it is.
    pub async fn play_all(
        &self,
        objects: Vec<NetworkConfiguration>,
    ) -> anyhow::Result<Vec<(NetworkConfiguration, Notes)>> {
        let count = objects.len();
        let mut played = Vec::with_capacity(count);
        let tell = count > STEP && std::io::stderr().is_terminal();
        for object in objects {
            if tell && played.len() % STEP == 0 {
                eprint!("\r{} of {count} objects", played.len());
            }
            let notes = self.play(&object).await?;
            played.push((object, notes));
        }
        if tell {
            eprintln!("\r{count} of {count} objects");
        }
        Ok(played)
    }

    /// One of the servers.
    pub fn server(&self, name: &str) -> anyhow::Result<&Arc<Server>> {
        self.servers
            .iter()
            .find(|server| server.name() == name)
            .context("a command for a server that is not set")
    }
}

/// How many objects are looked at before progress is told again.
const STEP: usize = 50;

/// Namespace and name.
pub fn name(object: &NetworkConfiguration) -> String {
    format!("{}/{}", object.namespace().unwrap_or_default(), object.name_any())
}

fn is_called(object: &NetworkConfiguration, wanted: &str) -> bool {
    name(object) == wanted || object.name_any() == wanted
}

/// Runs one of these commands to its end.
pub fn block_on<T>(command: impl Future<Output = anyhow::Result<T>>) -> anyhow::Result<T> {
    tokio::runtime::Builder::new_multi_thread().enable_all().build()?.block_on(command)
}
