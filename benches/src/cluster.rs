//! The API server of the measurements, and what is asked of it.

use std::fs;
use std::io::{BufRead, BufReader};
use std::ops::Range;
use std::path::Path;
use std::thread;
use std::time::Duration;

use anyhow::{Context, Result, anyhow};
use kea_lab::apiserver::ApiServer;
use reqwest::Method;
use reqwest::blocking::{Client, Response};
use serde_json::{Value, json};

use crate::objects;

/// The Kubernetes namespace of all objects.
pub const NAMESPACE: &str = "bench";
/// How many make objects at the same time.
const MAKERS: u32 = 8;
/// Objects of one page of a list.
const PAGE: usize = 500;
/// More than any answer takes.
const ANSWER: Duration = Duration::from_mins(1);

const MERGE: &str = "application/merge-patch+json";

/// An API server with the operator's definitions and the network of all objects.
pub struct Cluster {
    api: ApiServer,
    client: ClusterClient,
}

/// Somebody who asks an API server. Copies share their connections.
#[derive(Clone)]
pub struct ClusterClient {
    client: Client,
    url: String,
    token: String,
}

impl Cluster {
    /// Starts one, with `definitions`, a folder of CustomResourceDefinitions.
    pub fn start(definitions: &Path) -> Result<Self> {
        let api = ApiServer::start()?;
        for file in fs::read_dir(definitions).with_context(|| format!("no {}", definitions.display()))? {
            api.apply_crds(&fs::read_to_string(file?.path())?)?;
        }
        api.kubectl(&["create", "namespace", NAMESPACE])?;
        let client = ClusterClient::new(&api)?;
        let network = objects::network_namespace();
        client.json(Method::POST, &collection("networknamespaces"), &network)?;
        let status = json!({ "status": network["status"] });
        client.merge(&format!("{}/lab/status", collection("networknamespaces")), &status)?;
        Ok(Self { api, client })
    }

    /// A file for `KUBECONFIG`.
    pub fn kubeconfig(&self) -> &Path {
        self.api.kubeconfig()
    }

    /// The way to it.
    pub fn client(&self) -> &ClusterClient {
        &self.client
    }

    /// Makes these objects.
    pub fn make(&self, numbers: Range<u32>) -> Result<()> {
        let client = || Ok(self.client.clone());
        in_parallel(MAKERS, numbers, client, |client, number| {
            client.json(Method::POST, &configurations(), &objects::configuration(number)).map(drop)
        })
    }

    /// How many requests of that verb for the status of objects have succeeded so far, by the API server's own count.
    pub fn status_writes(&self) -> Result<u64> {
        let metrics = self.client.text("/metrics")?;
        Ok(requests(
            &metrics,
            &["resource=\"networkconfigurations\"", "subresource=\"status\"", "code=\"200\""],
        ))
    }

    /// How many objects there are, and how many of them are ready with an address for each interface.
    pub fn census(&self) -> Result<Census> {
        let mut census = Census::default();
        self.client.each_object(|object| {
            census.objects += 1;
            let interfaces = object["status"]["networkInterfaces"].as_array().map_or(0, |interfaces| {
                interfaces.iter().filter(|entry| entry["ipv4Addresses"][0].is_string()).count()
            });
            if object["status"]["phase"] == "Ready" && interfaces == objects::MACS as usize {
                census.ready += 1;
            }
            Ok(())
        })?;
        Ok(census)
    }
}

/// What became of the objects.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Census {
    /// All of them.
    pub objects: usize,
    /// Those that are ready.
    pub ready: usize,
}

impl ClusterClient {
    fn new(api: &ApiServer) -> Result<Self> {
        let kubeconfig: Value = serde_json::from_slice(&fs::read(api.kubeconfig())?)?;
        let authority = kubeconfig["clusters"][0]["cluster"]["certificate-authority"].as_str();
        let authority = fs::read(authority.context("the kubeconfig names no authority")?)?;
        let token =
            kubeconfig["users"][0]["user"]["token"].as_str().context("the kubeconfig has no token")?;
        let client = Client::builder()
            .tls_certs_only(reqwest::Certificate::from_pem_bundle(&authority)?)
            .timeout(ANSWER)
            .build()?;
        Ok(Self { client, url: api.url(), token: token.to_owned() })
    }

    fn send(&self, method: Method, path: &str, body: Option<(&str, Vec<u8>)>) -> Result<Response> {
        let mut request = self.client.request(method, format!("{}{path}", self.url)).bearer_auth(&self.token);
        if let Some((kind, body)) = body {
            request = request.header("Content-Type", kind).body(body);
        }
        let answer = request.send()?;
        let status = answer.status();
        if !status.is_success() {
            return Err(anyhow!("{path}: {status}: {}", answer.text().unwrap_or_default()));
        }
        Ok(answer)
    }

    fn text(&self, path: &str) -> Result<String> {
        Ok(self.send(Method::GET, path, None)?.text()?)
    }

    /// Sends an object and returns what the server has then.
    pub fn json(&self, method: Method, path: &str, object: &Value) -> Result<Value> {
        let body = ("application/json", serde_json::to_vec(object)?);
        Ok(serde_json::from_slice(&self.send(method, path, Some(body))?.bytes()?)?)
    }

    /// Changes what `patch` says, and returns what the server has then.
    pub fn merge(&self, path: &str, change: &Value) -> Result<Value> {
        let body = (MERGE, serde_json::to_vec(change)?);
        Ok(serde_json::from_slice(&self.send(Method::PATCH, path, Some(body))?.bytes()?)?)
    }

    /// Follows all objects as they are now and as they change, for so long at most, while `visit` wants more.
    pub fn watch(&self, time: Duration, mut visit: impl FnMut(&Value) -> bool) -> Result<()> {
        let path = format!("{}{}?watch=true&timeoutSeconds={}", self.url, configurations(), time.as_secs());
        let answer = self.client.get(path).bearer_auth(&self.token).timeout(time + ANSWER).send()?;
        for line in BufReader::new(answer.error_for_status()?).lines() {
            let event: Value = serde_json::from_str(&line?)?;
            if !visit(&event["object"]) {
                break;
            }
        }
        Ok(())
    }

    /// Lists all objects, page by page.
    pub fn each_object(&self, mut visit: impl FnMut(Value) -> Result<()>) -> Result<()> {
        let mut rest = String::new();
        loop {
            let path = format!("{}?limit={PAGE}&continue={rest}", configurations());
            let mut page: Value = serde_json::from_str(&self.text(&path)?)?;
            for object in page["items"].as_array_mut().map(std::mem::take).unwrap_or_default() {
                visit(object)?;
            }
            match page["metadata"]["continue"].as_str() {
                Some(next) if !next.is_empty() => next.clone_into(&mut rest),
                _ => return Ok(()),
            }
        }
    }
}

/// Does something for each number, by so many workers, each with what `prepare` gives it. The first failure counts.
pub fn in_parallel<S>(
    workers: u32,
    numbers: Range<u32>,
    prepare: impl Fn() -> Result<S> + Sync,
    work: impl Fn(&mut S, u32) -> Result<()> + Sync,
) -> Result<()> {
    thread::scope(|scope| {
        let threads: Vec<_> = (0..workers)
            .map(|worker| {
                let (prepare, work) = (&prepare, &work);
                let mut numbers = numbers.clone().skip(worker as usize).step_by(workers as usize);
                scope.spawn(move || {
                    let mut own = prepare()?;
                    numbers.try_for_each(|number| work(&mut own, number))
                })
            })
            .collect();
        threads
            .into_iter()
            .try_for_each(|thread| thread.join().map_err(|_| anyhow!("a worker has panicked"))?)
    })
}

/// The path of all objects.
pub fn configurations() -> String {
    collection("networkconfigurations")
}

fn collection(plural: &str) -> String {
    format!("/apis/vitistack.io/v1alpha1/namespaces/{NAMESPACE}/{plural}")
}

/// The sum of the API server's counters of requests that have all these labels.
fn requests(metrics: &str, labels: &[&str]) -> u64 {
    let of_requests = metrics.lines().filter(|line| line.starts_with("apiserver_request_total{"));
    let these = of_requests.filter(|line| labels.iter().all(|label| line.contains(label)));
    let changes = these.filter(|line| !line.contains("verb=\"GET\""));
    changes.filter_map(|line| line.rsplit_once(' ')?.1.parse::<u64>().ok()).sum()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn requests_are_counted_by_their_labels() {
        let metrics = "# TYPE apiserver_request_total counter\n\
            apiserver_request_total{code=\"200\",resource=\"a\",subresource=\"status\",verb=\"PATCH\"} 7\n\
            apiserver_request_total{code=\"200\",resource=\"a\",subresource=\"status\",verb=\"GET\"} 100\n\
            apiserver_request_total{code=\"200\",resource=\"a\",subresource=\"\",verb=\"PATCH\"} 1000\n\
            apiserver_request_total{code=\"409\",resource=\"a\",subresource=\"status\",verb=\"PATCH\"} 10000\n\
            apiserver_request_total{code=\"200\",resource=\"a\",subresource=\"status\",verb=\"PUT\"} 2\n";
        assert_eq!(requests(metrics, &["resource=\"a\"", "subresource=\"status\"", "code=\"200\""]), 9);
    }
}
