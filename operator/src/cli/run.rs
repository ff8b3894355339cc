//! `kea-operator run`.

use std::sync::Arc;

use clap::Args;
use tokio::signal::unix::{SignalKind, signal};
use tokio_util::sync::CancellationToken;

use crate::cli::rules::RuleArgs;
use crate::cli::source::{SourceArg, SourceArgs};
use crate::config::{KeaArgs, KeaSettings, ServerSettings};
use crate::controller::{self, Options};
use crate::kea::{self, Server};
use crate::leader::{self, GuardedObjects, GuardedTransport, LeaderArgs, Term};
use crate::source;
use crate::telemetry::metrics::ServerType;
use crate::telemetry::{self, CountedObjects, Liveness, LogArgs, Metrics, Readiness, ServeArgs, TraceArgs};

/// What `run` takes.
#[derive(Args, Debug)]
pub struct RunArgs {
    #[command(flatten)]
    source: SourceArgs,

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
    let settings = args.kea.settings(super::is_set)?;
    for warning in &settings.warnings {
        tracing::warn!("{warning}");
    }
    let served = runtime.block_on(serve(args, settings));
    traces.end();
    served
}

async fn serve(args: &RunArgs, mut settings: KeaSettings) -> anyhow::Result<()> {
    let election = args.leader.settings(args.source.source == SourceArg::Kube)?;
    let term = Term::default();
    let stop = CancellationToken::new();
    tokio::spawn(signals(stop.clone())?);
    let readiness = Readiness::default();
    let metrics = Metrics::new(Liveness::new(settings.limits.timeout));
    let answers = args.serve.bind().await?.serve(readiness.clone(), metrics.clone(), &stop);
    source::secret::provide(&mut settings, &stop).await?;
    let servers = servers(&settings, &term, &metrics)?;
    tracing::info!(
        version = env!("CARGO_PKG_VERSION"), source = ?args.source.source,
        kea = servers.iter().map(|server| server.name()).collect::<Vec<_>>().join(","),
        timeout_seconds = settings.limits.timeout.as_secs(), workers = args.max_concurrent_reconciles,
        providers = args.source.providers().join(","), "starting"
    );
    let mut source = tokio::select! {
        source = args.source.open() => source?,
        () = stop.cancelled() => return Ok(()),
    };
    tracing::info!(cluster_id = source.cluster_id, "source opened");
    for (server, place) in servers.iter().zip(ServerType::places()) {
        tokio::spawn(kea::watch_over(server.clone(), stop.clone()));
        tokio::spawn(telemetry::follow(server.clone(), place, metrics.clone(), stop.clone()));
    }
    let options = Options {
        providers: args.source.providers(),
        strict_defaults: args.source.strict_defaults(),
        workers: args.max_concurrent_reconciles,
        rules: args.rules.rules(),
        subnets: args.rules.subnets()?,
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
        let objects = source.objects.clone();
        controller::run(source, servers, options, readiness, stop.clone()).await;
        objects.finish().await;
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
        let name = server.endpoint.to_string();
        let server = Server::new(Box::new(transport), name, settings.limits.clone());
        Ok(Arc::new(server.forced(settings.dialect).counted(metrics.clone())))
    };
    settings.servers.iter().map(server).collect()
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
