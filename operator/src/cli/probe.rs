//! `kea-operator probe`.

use std::time::Duration;

use anyhow::{Context as _, bail};
use clap::Args;
use tokio::time::{Instant, sleep, timeout};

use super::output::print;
use super::rules::duration_or;
use super::stage::block_on;

/// Shown below the options.
pub const HELP: &str = "\
Prints the answers of probes. It is for images and health checks, which have no other program that asks.

Exit status: 0 when all URLs answer with success, else 1.

Examples:
  kea-operator probe
  kea-operator probe --wait 60s http://kea-operator.example.com/readyz";

/// How long one answer may take.
const ANSWER: Duration = Duration::from_secs(10);
/// Until the next attempt.
const PAUSE: Duration = Duration::from_secs(1);

/// What `probe` takes.
#[derive(Args, Debug)]
pub struct ProbeArgs {
    /// What is asked
    #[arg(value_name = "URL", default_value = "http://127.0.0.1:9995/readyz")]
    urls: Vec<String>,

    /// How long to ask again while there is no success: 60s, 5m; 0 to ask once
    #[arg(long, default_value = "0", value_name = "DURATION", value_parser = wait)]
    wait: Duration,
}

fn wait(text: &str) -> Result<Duration, String> {
    duration_or(text, Duration::ZERO)
}

/// Asks one URL after the other.
pub fn probe(args: &ProbeArgs) -> anyhow::Result<()> {
    block_on(async {
        let until = Instant::now() + args.wait;
        for url in &args.urls {
            print(&success(url, until).await?)?;
        }
        Ok(())
    })
}

/// The body of an answer with success.
async fn success(url: &str, until: Instant) -> anyhow::Result<String> {
    loop {
        match ask(url).await {
            Err(_) if Instant::now() + PAUSE < until => sleep(PAUSE).await,
            answer => return answer,
        }
    }
}

async fn ask(url: &str) -> anyhow::Result<String> {
    // Proxies of the environment are for other places than this machine and this cluster.
    let client = reqwest::Client::builder().no_proxy().build()?;
    let whole = async {
        let answer = client.get(url).send().await?;
        let status = answer.status();
        Ok::<_, reqwest::Error>((status, answer.text().await?))
    };
    let answer = timeout(ANSWER, whole).await;
    let answer = answer.with_context(|| format!("{url}: no answer within {} s", ANSWER.as_secs()))?;
    let (status, text) = answer
        .with_context(|| format!("cannot ask {url}: is the operator running, and is it its address?"))?;
    if !status.is_success() {
        bail!("{url}: {status}: {}", text.trim());
    }
    Ok(text)
}

#[cfg(test)]
mod tests {
    use super::*;
    use axum::Router;
    use axum::http::StatusCode;
    use axum::routing::get;

    async fn server() -> String {
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
        let url = format!("http://{}", listener.local_addr().unwrap());
        let router = Router::new()
            .route("/good", get(|| async { "ok\n" }))
            .route("/bad", get(|| async { (StatusCode::SERVICE_UNAVAILABLE, "not ready: why\n") }));
        tokio::spawn(axum::serve(listener, router).into_future());
        url
    }

    #[tokio::test]
    async fn success_is_told_from_failure() {
        let _ = rustls::crypto::ring::default_provider().install_default();
        let url = server().await;
        let now = Instant::now();
        assert_eq!(success(&format!("{url}/good"), now).await.unwrap(), "ok\n");
        let failure = success(&format!("{url}/bad"), now).await.unwrap_err().to_string();
        assert!(failure.ends_with("/bad: 503 Service Unavailable: not ready: why"), "{failure}");
        let failure = format!("{:#}", success("http://127.0.0.1:1/", now).await.unwrap_err());
        assert!(failure.starts_with("cannot ask http://127.0.0.1:1/: "), "{failure}");
    }

    #[test]
    fn it_asks_once_unless_told_otherwise() {
        assert_eq!((wait("0"), wait("60s")), (Ok(Duration::ZERO), Ok(Duration::from_mins(1))));
    }
}
