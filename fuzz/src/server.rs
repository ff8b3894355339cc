//! What must hold for every answer, and for the reservations afterwards.

use std::collections::BTreeSet;
use std::env;
use std::path::PathBuf;

use anyhow::{Context, Result, anyhow, ensure};
use serde_json::{Value, json};

use crate::input::{Family, SUBNETS, Session};
use crate::kea::ffi;

/// The folder for the store. A fuzzer ends without any clean-up, so that is left to who names it.
const FOLDER: &str = "KEA_FUZZ_DIR";

/// The hook, as cargo has built it together with this program.
const HOOK: &str = "libdhcp_host_cmds_rs.so";

/// The command that is expected to do nothing when it is repeated.
const APPLY: &str = "ext-reservation-apply";

/// How many commands it may take until those who wait have been looked at.
const ROUNDS: usize = 100;

/// Members of a reservation that say whose it is.
const IDENTIFIERS: [&str; 5] = ["hw-address", "duid", "circuit-id", "client-id", "flex-id"];

/// A server with the hook; one a process.
#[derive(Debug)]
pub struct Server {
    family: Family,
    /// The subnet that it was configured with, as `subnet4-get` shows it.
    subnet: Value,
}

impl Server {
    /// Configures it, and loads the hook.
    pub fn start(family: Family) -> Result<Self> {
        let folder = PathBuf::from(env::var_os(FOLDER).with_context(|| format!("{FOLDER} is not set"))?);
        // Several fuzzers may share the folder.
        let store = folder.join(format!("hosts-{}.db", std::process::id()));
        let program = env::current_exe()?;
        let library = program.parent().context("a program has a folder")?.join("deps").join(HOOK);
        ffi::start(family == Family::V6, &library.to_string_lossy(), &store.to_string_lossy())?;
        let mut server = Self { family, subnet: Value::Null };
        let shown = Self::ask(&server.command("subnet", "get"), &json!({ "id": 1 }))?;
        ensure!(shown.result == 0, "no subnet 1: {}", shown.raw);
        server.subnet = shown.raw["arguments"].clone();
        Ok(server)
    }

    /// `ext-subnet4-get` and such.
    fn command(&self, what: &str, verb: &str) -> String {
        let digit = if self.family == Family::V6 { 6 } else { 4 };
        format!("ext-{what}{digit}-{verb}")
    }

    /// Takes the steps, and takes back what they left.
    pub fn run(&self, session: &Session) -> Result<()> {
        let after = || format!("after {:#}", Value::Array(session.0.clone()));
        for step in &session.0 {
            Self::step(step).with_context(after)?;
        }
        let undone = || -> Result<()> {
            let pending = Self::pending()?;
            let found = Self::clear()?;
            ensure!(pending == found, "{pending:?} are told to wait, and {found:?} do");
            let pending = Self::pending()?;
            ensure!(pending.is_empty(), "{pending:?} are told to wait, and nobody is there");
            SUBNETS.into_iter().try_for_each(ffi::wipe_leases)?;
            self.restore()
        };
        undone().with_context(after)
    }

    fn step(step: &Value) -> Result<()> {
        let text = |name: &str| step[name].as_str().with_context(|| format!("no {name} in {step}"));
        let number = |name: &str| step[name].as_u64().with_context(|| format!("no {name} in {step}"));
        if step.get("lease").is_none() {
            let reply = Self::send(step)?;
            return if step["command"] == APPLY {
                expect_counts(&reply).and_then(|()| Self::repeat(step))
            } else {
                Ok(())
            };
        }
        let (client, subnet) = (number("client")?.try_into()?, number("subnet-id")?.try_into()?);
        Ok(ffi::change_lease(text("lease")?, client, subnet, text("ip-address")?)?)
    }

    /// What was applied and is applied again changes nothing more, unless things are removed and then added again.
    fn repeat(step: &Value) -> Result<()> {
        let arguments = &step["arguments"];
        if arguments.get("remove").is_some() || arguments.get("dry-run") == Some(&json!(true)) {
            return Ok(());
        }
        let counts = |reply: &Reply| reply.raw["arguments"]["counts"].clone();
        Self::send(step)?;
        let again = Self::send(step)?;
        let is_done = again.raw["arguments"]["applied"] == json!(true);
        for change in ["added", "updated", "adopted", "removed", "pruned"] {
            let count = counts(&again)[change].as_u64().unwrap_or_default();
            ensure!(!is_done || count == 0, "{step} again: {}", again.raw);
        }
        Ok(())
    }

    /// The clients that are told to wait for a lease, when all work is done.
    fn pending() -> Result<BTreeSet<String>> {
        for _ in 0..ROUNDS {
            let reply = Self::ask("ext-reservation-pending", &json!({ "limit": 100_000 }))?;
            let pending = &reply.raw["arguments"];
            if pending["complete"] == json!(true) {
                let clients = pending["reservations"].as_array().into_iter().flatten();
                return clients.map(client_of).collect();
            }
        }
        Err(anyhow!("there is no end of the work for those who wait"))
    }

    /// Whatever networks and subnets are listed can be shown and deleted; then the first subnet is put back.
    fn restore(&self) -> Result<()> {
        let networks = Self::ask(&self.command("network", "list"), &json!({}))?;
        for network in networks.raw["arguments"]["shared-networks"].as_array().into_iter().flatten() {
            let arguments = json!({ "name": network["name"], "subnets-action": "keep" });
            let request = json!({ "command": self.command("network", "del"), "arguments": arguments });
            let deleted = Self::send_text(&as_it_came(&request.to_string()))?;
            ensure!(deleted.result == 0, "{network} stays: {}", deleted.raw);
        }
        let subnets = Self::ask(&self.command("subnet", "list"), &json!({}))?;
        for subnet in subnets.raw["arguments"]["subnets"].as_array().context("no list of subnets")? {
            let key = json!({ "id": subnet["id"] });
            for verb in ["get", "del"] {
                let reply = Self::ask(&self.command("subnet", verb), &key)?;
                ensure!(reply.result == 0, "{verb} {subnet}: {}", reply.raw);
            }
        }
        let added = Self::ask(&self.command("subnet", "add"), &self.subnet)?;
        ensure!(added.result == 0, "the first subnet does not come back: {}", added.raw);
        Ok(())
    }

    fn send(request: &Value) -> Result<Reply> {
        Self::send_text(&request.to_string())
    }

    fn send_text(sent: &str) -> Result<Reply> {
        let answer = match ffi::command(sent) {
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

    /// Whatever is listed can be shown and removed, and then there is nothing. Who waited for a lease.
    fn clear() -> Result<BTreeSet<String>> {
        let mut waiting = BTreeSet::new();
        loop {
            let page = Self::ask("ext-reservation-get-page", &json!({ "limit": 5 }))?;
            if page.result == 3 {
                return Ok(waiting);
            }
            ensure!(page.result == 0, "no page: {}", page.raw);
            let page = &page.raw["arguments"];
            let source = page["next"]["source-index"].as_u64().context("no source in a page")?;
            let target = if source == 0 { "memory" } else { "database" };
            for host in page["hosts"].as_array().context("no hosts in a page")? {
                let kind = kind_of(host)?;
                if is_pending(host) {
                    waiting.insert(client_of(host)?);
                }
                let key = json!({
                    "subnet-id": host["subnet-id"], "identifier-type": kind, "identifier": host[kind],
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

/// How a reservation says whose it is.
fn kind_of(host: &Value) -> Result<&'static str> {
    let kind = IDENTIFIERS.into_iter().find(|kind| host.get(*kind).is_some());
    kind.with_context(|| format!("nobody's: {host}"))
}

fn client_of(host: &Value) -> Result<String> {
    let kind = kind_of(host)?;
    Ok(format!("{kind} {} in subnet {}", host[kind], host["subnet-id"]))
}

/// Whether a reservation, as it is listed, waits for a lease.
fn is_pending(host: &Value) -> bool {
    let is_empty = |name: &str| host[name].as_array().is_none_or(Vec::is_empty);
    host["user-context"]["ext-address"] == "lease"
        && host["ip-address"].as_str().is_none_or(|address| address == "0.0.0.0")
        && is_empty("ip-addresses")
        && is_empty("prefixes")
}

/// Each item of `ext-reservation-apply` is told of, and counted.
fn expect_counts(reply: &Reply) -> Result<()> {
    let told = &reply.raw["arguments"];
    let Some(counts) = told["counts"].as_object() else { return Ok(()) };
    let lists = ["reservations", "remove", "pruned"].map(|list| told[list].as_array().map_or(0, Vec::len));
    let counted: u64 = counts.values().filter_map(Value::as_u64).sum();
    ensure!(
        usize::try_from(counted)? == lists.iter().sum::<usize>(),
        "what is counted is not what is told of: {}",
        reply.raw
    );
    Ok(())
}

/// Kea writes each byte above 0x7f as an escape of its own; sent back like that, it is the same byte.
fn as_it_came(text: &str) -> String {
    let escaped = |letter: char| match u32::from(letter) {
        code @ 0x80..=0xff => format!("\\u{code:04x}"),
        _ => letter.to_string(),
    };
    text.chars().map(escaped).collect()
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
