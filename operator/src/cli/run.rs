//! `kea-operator run`.

use std::sync::Arc;
use std::time::Duration;

use clap::Args;
use tokio::signal::unix::{SignalKind, signal};
use tokio_util::sync::CancellationToken;

use crate::cli::rules::RuleArgs;
use crate::cli::source::{SourceArg, SourceArgs};
use crate::config::{KeaArgs, KeaSettings, ServerSettings, understood};
use crate::controller::{self, Options};
use crate::domain::Rules;
use crate::kea::{self, Server, Sharing};
use crate::leader::{self, GuardedObjects, GuardedTransport, LeaderArgs, Term};
use crate::source;
use crate::telemetry::metrics::ServerType;
use crate::telemetry::{self, CountedObjects, Liveness, LogArgs, Metrics, Readiness, ServeArgs, TraceArgs};

/// What `run` takes.
#[derive(Args, Debug)]
pub struct RunArgs {
    #[command(flatten)]
    source: SourceArgs,

    /// Writes to objects that may be under way at the same time [default: 5]
    #[arg(long, env = "MAX_CONCURRENT_RECONCILES", value_name = "NUMBER")]
    max_concurrent_reconciles: Option<String>,

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

/// What keeps its default where it cannot be understood.
struct Policy {
    workers: u16,
    rules: Rules,
    cleanup_timeout: Option<Duration>,
}

impl RunArgs {
    fn policy(&self, warnings: &mut Vec<String>) -> Policy {
        let workers = understood(
            "MAX_CONCURRENT_RECONCILES",
            self.max_concurrent_reconciles.as_ref(),
            |text| text.parse().ok().filter(|number| (1..=1000).contains(number)),
            5,
            "a number from 1 to 1000",
            warnings,
        );
        let rules = self.rules.rules(warnings);
        Policy { workers, rules, cleanup_timeout: self.rules.cleanup_timeout(warnings) }
    }
}

/// Runs until a signal.
pub fn run(args: &RunArgs) -> anyhow::Result<()> {
    // This thread and one more: what takes time is others' work, and each thread has a heap of its own.
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(1).enable_all().build()?;
    let traces = telemetry::init(&args.log, &args.traces, runtime.handle())?;
    let mut settings = args.kea.settings(super::is_set)?;
    let policy = args.policy(&mut settings.warnings);
    for warning in &settings.warnings {
        tracing::warn!("{warning}");
    }
    let served = runtime.block_on(serve(args, settings, policy));
    traces.end();
    served
}

async fn serve(args: &RunArgs, mut settings: KeaSettings, policy: Policy) -> anyhow::Result<()> {
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
        timeout_seconds = settings.limits.timeout.as_secs(), workers = policy.workers,
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
        workers: policy.workers,
        sharing: Sharing { mode: settings.shared, ..Sharing::default() },
        rules: policy.rules,
        subnets: args.rules.subnets()?,
        cleanup_timeout: policy.cleanup_timeout,
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
