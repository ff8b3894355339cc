//! What must hold for every answer, and for the reservations afterwards.

use std::env;
use std::path::PathBuf;

use anyhow::{Context, Result, anyhow, ensure};
use serde_json::{Value, json};

use crate::input::{Family, Session};
use crate::kea::ffi;

/// The folder for the store. A fuzzer ends without any clean-up, so that is left to who names it.
const FOLDER: &str = "KEA_FUZZ_DIR";

/// The hook, as cargo has built it together with this program.
const HOOK: &str = "libdhcp_host_cmds_rs.so";

/// Members of a reservation that say whose it is.
const IDENTIFIERS: [&str; 5] = ["hw-address", "duid", "circuit-id", "client-id", "flex-id"];

/// A server with the hook; one a process.
#[derive(Debug)]
pub struct Server(());

impl Server {
    /// Configures it, and loads the hook.
    pub fn start(family: Family) -> Result<Self> {
        let folder = PathBuf::from(env::var_os(FOLDER).with_context(|| format!("{FOLDER} is not set"))?);
        // Several fuzzers may share the folder.
        let store = folder.join(format!("hosts-{}.db", std::process::id()));
        let program = env::current_exe()?;
        let library = program.parent().context("a program has a folder")?.join("deps").join(HOOK);
        ffi::start(family == Family::V6, &library.to_string_lossy(), &store.to_string_lossy())?;
        Ok(Self(()))
    }

    /// Sends the requests, and takes back what they left.
    #[allow(clippy::unused_self, reason = "only a server that was started can be asked")]
    pub fn run(&self, session: &Session) -> Result<()> {
        for request in &session.0 {
            Self::send(request)?;
        }
        Self::clear().with_context(|| format!("after {:#}", Value::Array(session.0.clone())))
    }

    fn send(request: &Value) -> Result<Reply> {
        let sent = request.to_string();
        let answer = match ffi::command(&sent) {
            // Kea itself reads no escapes above \u00ff and no text with a zero in it: such a request never comes to a hook.
            Err(error) if error.what().contains("(<string>:") => return Ok(unsent()),
            answer => answer.map_err(|error| anyhow!("{sent}: {error}"))?,
        };
        let raw: Value = serde_json::from_str(&answer).with_context(|| format!("{sent}: {answer}"))?;
        let result = raw["result"].as_i64().with_context(|| format!("{sent}: no result in {answer}"))?;
        let reply = Reply { result, text: raw["text"].as_str().unwrap_or_default().to_owned(), raw };
        ensure!((0..=4).contains(&reply.result), "{sent}: result of {answer}");
        ensure!(!reply.text.is_empty(), "{sent}: no text in {answer}");
        ensure!(!reply.text.contains("internal error"), "{sent}: {answer}");
        Ok(reply)
    }

    fn ask(command: &str, arguments: &Value) -> Result<Reply> {
        Self::send(&json!({ "command": command, "arguments": arguments }))
    }

    /// Whatever is listed can be shown and removed, and then there is nothing.
    fn clear() -> Result<()> {
        loop {
            let page = Self::ask("ext-reservation-get-page", &json!({ "limit": 5 }))?;
            if page.result == 3 {
                return Ok(());
            }
            ensure!(page.result == 0, "no page: {}", page.raw);
            let page = &page.raw["arguments"];
            let source = page["next"]["source-index"].as_u64().context("no source in a page")?;
            let target = if source == 0 { "memory" } else { "database" };
            for host in page["hosts"].as_array().context("no hosts in a page")? {
                let kind = IDENTIFIERS.iter().find(|kind| host.get(**kind).is_some());
                let kind = kind.with_context(|| format!("nobody's: {host}"))?;
                let key = json!({
                    "subnet-id": host["subnet-id"], "identifier-type": kind, "identifier": host[*kind],
                    "operation-target": target,
                });
                for (command, text) in [("get", "Host found."), ("del", "Host deleted.")] {
                    let reply = Self::ask(&format!("ext-reservation-{command}"), &key)?;
                    ensure!(
                        (reply.result, reply.text.as_str()) == (0, text),
                        "{command} {host} in {target}: {}",
                        reply.raw
                    );
                }
            }
        }
    }
}

/// An answer.
struct Reply {
    result: i64,
    text: String,
    raw: Value,
}

/// In place of the answer to what Kea cannot read.
fn unsent() -> Reply {
    Reply { result: 1, text: "not read".to_owned(), raw: Value::Null }
}
