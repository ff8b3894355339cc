//! `kea-operator run`.

use std::path::PathBuf;
use std::str::FromStr;
use std::sync::Arc;

use clap::Args;
use tokio::signal::unix::{SignalKind, signal};
use tokio_util::sync::CancellationToken;

use crate::cli::rules::RuleArgs;
use crate::config::{KeaArgs, KeaSettings, ServerSettings, flag, given};
use crate::controller::{self, Options};
use crate::kea::{self, Server};
use crate::leader::{self, GuardedObjects, GuardedTransport, LeaderArgs, Term};
use crate::source::{self, Source};
use crate::telemetry::metrics::ServerType;
use crate::telemetry::{self, CountedObjects, LogArgs, Metrics, Readiness, ServeArgs, TraceArgs};

/// What `run` takes.
#[derive(Args, Debug)]
pub struct RunArgs {
    /// Where the objects are: kube for the cluster, dir:PATH for the YAML files of a folder
    #[arg(long, env = "KEA_SOURCE", default_value = "kube", value_name = "kube|dir:PATH")]
    source: SourceArg,

    /// Identity of the cluster in the mark of ownership [default: uid of namespace kube-system; dir for a folder]
    #[arg(long, env = "KEA_CLUSTER_ID", value_name = "ID")]
    cluster_id: Option<String>,

    /// Values of spec.provider that are served, besides none
    #[arg(long, env = "KEA_PROVIDERS", default_value = "kea", value_delimiter = ',', value_name = "NAMES")]
    providers: Vec<String>,

    /// Whether objects must name their provider, and namespaces their way of allocation
    #[arg(long, env = "KEA_STRICT_DEFAULTS", default_value = "false", default_missing_value = "true", num_args = 0..=1, require_equals = true, value_parser = flag, action = clap::ArgAction::Set)]
    kea_strict_defaults: bool,

    /// Objects that are worked on at the same time
    #[arg(long, env = "MAX_CONCURRENT_RECONCILES", default_value = "5", value_name = "NUMBER", value_parser = workers)]
    max_concurrent_reconciles: u16,

    #[command(flatten)]
    serve: ServeArgs,

    #[command(flatten)]
    rules: RuleArgs,

    #[command(flatten)]
    leader: LeaderArgs,

    #[command(flatten)]
    kea: KeaArgs,

    #[command(flatten)]
    log: LogArgs,

    #[command(flatten)]
    traces: TraceArgs,
}

#[derive(Clone, Debug, PartialEq, Eq)]
enum SourceArg {
    Kube,
    Dir(PathBuf),
}

impl FromStr for SourceArg {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        match text.split_once(':') {
            None if text == "kube" => Ok(Self::Kube),
            Some(("dir", path)) if !path.is_empty() => Ok(Self::Dir(path.into())),
            _ => Err("write kube, or dir: and the path of a folder".into()),
        }
    }
}

fn workers(text: &str) -> Result<u16, String> {
    match text.trim() {
        "" => Ok(5),
        number => match number.parse() {
            Ok(number @ 1..=1000) => Ok(number),
            _ => Err("write a number from 1 to 1000".into()),
        },
    }
}

/// Runs until a signal.
pub fn run(args: &RunArgs) -> anyhow::Result<()> {
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build()?;
    let traces = telemetry::init(&args.log, &args.traces, runtime.handle())?;
    let settings =
        args.kea.settings(|variable| std::env::var_os(variable).is_some_and(|value| !value.is_empty()))?;
    for warning in &settings.warnings {
        tracing::warn!("{warning}");
    }
    let served = runtime.block_on(serve(args, settings));
    traces.end();
    served
}

async fn serve(args: &RunArgs, mut settings: KeaSettings) -> anyhow::Result<()> {
    let election = args.leader.settings(args.source == SourceArg::Kube)?;
    let term = Term::default();
    let stop = CancellationToken::new();
    tokio::spawn(signals(stop.clone())?);
    let readiness = Readiness::default();
    let metrics = Metrics::default();
    let answers = args.serve.bind().await?.serve(readiness.clone(), metrics.clone(), &stop);
    source::secret::provide(&mut settings, &stop).await?;
    let servers = servers(&settings, &term, &metrics)?;
    tracing::info!(
        version = env!("CARGO_PKG_VERSION"), source = ?args.source,
        kea = servers.iter().map(|server| server.name()).collect::<Vec<_>>().join(","),
        timeout_seconds = settings.limits.timeout.as_secs(), workers = args.max_concurrent_reconciles,
        providers = args.providers.join(","), "starting"
    );
    let mut source = tokio::select! {
        source = open(args) => source?,
        () = stop.cancelled() => return Ok(()),
    };
    tracing::info!(cluster_id = source.cluster_id, "source opened");
    for (server, place) in servers.iter().zip(ServerType::places()) {
        tokio::spawn(kea::watch_over(server.clone(), stop.clone()));
        tokio::spawn(telemetry::follow(server.clone(), place, metrics.clone(), stop.clone()));
    }
    let options = Options {
        providers: args.providers.iter().map(|name| name.trim().to_lowercase()).collect(),
        strict_defaults: args.kea_strict_defaults,
        workers: args.max_concurrent_reconciles,
        rules: args.rules.rules(),
        cleanup_timeout: args.rules.cleanup_timeout(),
        sweep: args.rules.sweep(),
        metrics: metrics.clone(),
    };
    readiness.waits_for("NetworkConfigurations and NetworkNamespaces are not all read yet");
    let office = match election {
        None => {
            metrics.leader_is_me(true);
            None
        }
        Some(election) => {
            let won = leader::stand(election, term.clone(), &mut source, &readiness, &stop).await?;
            source.objects = Arc::new(GuardedObjects { inner: source.objects, term });
            metrics.leader_is_me(won.is_some());
            won
        }
    };
    source.objects = Arc::new(CountedObjects { inner: source.objects, metrics: metrics.clone() });
    // One that was stopped before it led never worked.
    if !stop.is_cancelled() {
        metrics.leader_is_me(true);
        controller::run(source, servers, options, readiness, stop.clone()).await;
    }
    if let Some(office) = office {
        office.leave().await;
    }
    stop.cancel();
    answers.join_all().await;
    tracing::info!("stopped");
    Ok(())
}

/// A client for each server, the primary first.
fn servers(
    settings: &KeaSettings,
    term: &Term,
    metrics: &Metrics,
) -> Result<Vec<Arc<Server>>, kea::SetupError> {
    let server = |server: &ServerSettings| {
        let inner = kea::open(&server.endpoint, &server.http)?;
        let transport = GuardedTransport { inner, term: term.clone() };
        let server = Server::new(Box::new(transport), server.endpoint.to_string(), settings.limits.clone());
        Ok(Arc::new(server.counted(metrics.clone())))
    };
    settings.servers.iter().map(server).collect()
}

async fn open(args: &RunArgs) -> anyhow::Result<Source> {
    let cluster_id = given(args.cluster_id.as_ref()).map(str::to_owned);
    match &args.source {
        SourceArg::Kube => Ok(source::kube::open(cluster_id).await?),
        SourceArg::Dir(path) => Ok(source::dir::open(path, cluster_id)?),
    }
}

/// Stops on SIGTERM and SIGINT; running work is finished. A second signal ends the process at once.
fn signals(stop: CancellationToken) -> std::io::Result<impl Future<Output = ()>> {
    let mut terminate = signal(SignalKind::terminate())?;
    let mut interrupt = signal(SignalKind::interrupt())?;
    Ok(async move {
        for urgent in [false, true] {
            tokio::select! {
                _ = terminate.recv() => {}
                _ = interrupt.recv() => {}
            }
            if urgent {
                tracing::warn!("stopping at once");
                std::process::exit(1);
            }
            tracing::info!("stopping; running work is finished first");
            stop.cancel();
        }
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sources() {
        assert_eq!("kube".parse(), Ok(SourceArg::Kube));
        assert_eq!("dir:/a:b".parse(), Ok(SourceArg::Dir("/a:b".into())));
        for bad in ["", "dir", "dir:", "Kube", "kube:"] {
            assert!(bad.parse::<SourceArg>().is_err(), "{bad}");
        }
    }
}
