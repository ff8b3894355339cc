//! The server that rows run against, emptied before each.

use std::collections::BTreeMap;

use anyhow::{Context, Result, anyhow, bail, ensure};
use kea_lab::{Database, Family, Kea, Reply, SqlKind};
use serde_json::{Map, Value, json};

use super::compare::complaint;
use super::place::{Backend, Place, Version};
use super::resolve::{Names, fill, fill_text, resolve};
use super::row::{Contains, Prefix, Row, Step, Target, Text, base};

/// The hook that answers.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Side {
    Ours,
    /// Kea's own libdhcp_host_cmds.so and libdhcp_subnet_cmds.so.
    Stock,
}

/// The commands that exist under two names with our hook.
const TWINS: [&str; 3] = ["reservation-", "subnet", "network"];
/// Those that write to the databases unless told otherwise.
const WRITERS: [&str; 4] =
    ["reservation-add", "reservation-update", "reservation-del", "ext-reservation-apply"];
const IDENTIFIERS: [&str; 5] = ["hw-address", "duid", "circuit-id", "client-id", "flex-id"];

/// A running server.
pub struct Bench {
    kea: Kea,
    pub place: Place,
    side: Side,
    base: Base,
    /// The `hosts-databases` of the configuration that are no SQL databases.
    stores: Value,
    /// How many host databases there are.
    sources: usize,
}

struct Base {
    config: Value,
    names: Names,
}

impl Bench {
    /// Starts a server with the hooks of that side and an empty backend.
    pub fn start(family: Family, backend: Backend, side: Side) -> Result<Self> {
        let builder = Kea::without_network("conformance")?.family(family);
        let store = json!({ "type": "memfile", "name": builder.dir().join("hosts.db") });
        let sql = |kind| Database::new(kind).map(|database| vec![database]);
        // SQL databases come after what the configuration names.
        let (stores, databases) = match backend {
            Backend::Memory => (json!([]), vec![]),
            Backend::Memfile => (json!([store]), vec![]),
            Backend::Postgresql => (json!([]), sql(SqlKind::PostgreSql)?),
            Backend::Mysql => (json!([]), sql(SqlKind::MariaDb)?),
            Backend::Two => (json!([store]), sql(SqlKind::PostgreSql)?),
        };
        let mut builder = match side {
            Side::Ours => builder.host_cmds(Value::Null)?,
            Side::Stock => builder
                .stock_hook("libdhcp_host_cmds.so", Value::Null)?
                .stock_hook("libdhcp_subnet_cmds.so", Value::Null)?,
        };
        for database in &databases {
            builder = builder.hosts_database(database)?;
        }
        let sources = stores.as_array().map_or(0, Vec::len) + databases.len();
        let kea = builder.start()?;
        let version =
            Version::parse(&kea.command("version-get", &Value::Null)?.text).map_err(|e| anyhow!(e))?;
        let place = Place { family, backend, kea: version };
        let base = Base::at(&place).map_err(|e| anyhow!("base.yaml: {e}"))?;
        Ok(Self { kea, place, side, base, stores, sources })
    }

    /// Runs a row on an emptied server; `extended` asks for the `ext-` names of our hook.
    ///
    /// # Errors
    /// With all that one needs to see why, when anything is not as expected.
    pub fn run(&self, row: &Row, extended: bool) -> Result<()> {
        self.reset(row).context("before the row")?;
        let prefix = if extended && self.side == Side::Ours { "ext-" } else { "" };
        let mut names = self.base.names.clone();
        let run = |step: &Step, names: &mut Names| self.run_step(step, row.target, prefix, names);
        for (number, step) in row.given.iter().enumerate() {
            run(step, &mut names).with_context(|| format!("given {}", number + 1))?;
        }
        run(&row.step(), &mut names)?;
        for (number, step) in row.then.iter().enumerate() {
            run(step, &mut names).with_context(|| format!("then {}", number + 1))?;
        }
        Ok(())
    }

    fn run_step(&self, step: &Step, target: Target, prefix: &str, names: &mut Names) -> Result<()> {
        for index in 1..=step.repeat.unwrap_or(1) {
            names.insert("i".to_owned(), json!(index.to_string()));
            names.insert("x".to_owned(), json!(format!("{index:02x}")));
            let step = filled(step, names).map_err(|e| anyhow!(e))?;
            let reply = self.send(&step, target, prefix)?;
            for (name, pointer) in &step.keep {
                let value =
                    reply.raw.pointer(pointer).with_context(|| format!("no {pointer} in {}", reply.raw))?;
                names.insert(name.clone(), value.clone());
            }
        }
        Ok(())
    }

    fn send(&self, step: &Step, target: Target, prefix: &str) -> Result<Reply> {
        let twin = TWINS.iter().any(|start| step.command.starts_with(start));
        let command = format!("{}{}", if twin { prefix } else { "" }, step.command);
        let mut arguments = step.arguments.clone().unwrap_or_default();
        if let Value::Object(arguments) = &mut arguments
            && target == Target::OfBackend
            && self.place.backend == Backend::Memory
            && WRITERS.contains(&step.command.as_str())
        {
            arguments.entry("operation-target").or_insert_with(|| json!("memory"));
        }
        let sent = format!("sent:     {command} {arguments}");
        let reply = self.kea.command(&command, &arguments).with_context(|| sent.clone())?;
        if let Some(complaint) = complaint(step, &reply) {
            bail!("{sent}\ncame:     {}\n{complaint}", reply.raw);
        }
        Ok(reply)
    }

    /// Brings the server to the configuration of the row and no reservations but those in it.
    fn reset(&self, row: &Row) -> Result<()> {
        let mut config = self.base.config.clone();
        let changes = fill(&Value::Object(row.config.clone()), &self.base.names).map_err(|e| anyhow!(e))?;
        merge(&mut config, &changes);
        config["hosts-databases"] = self.stores.clone();
        self.kea.config_set(&config)?.success().with_context(|| format!("config-set {config}"))?;
        self.empty()
    }

    fn empty(&self) -> Result<()> {
        for source in 1..=self.sources {
            let arguments = json!({ "limit": 1000, "source-index": source });
            loop {
                let page = self.kea.command("reservation-get-page", &arguments)?;
                // The end of one source is the start of the next.
                let of_source = page.arguments["next"]["source-index"] == source;
                if page.result == 3 || (page.result == 0 && !of_source) {
                    break;
                }
                for host in page.success()?["hosts"].as_array().into_iter().flatten() {
                    self.delete(host)?;
                }
            }
        }
        Ok(())
    }

    fn delete(&self, host: &Value) -> Result<()> {
        let kind = IDENTIFIERS.iter().find(|kind| host.get(**kind).is_some());
        let kind = *kind.with_context(|| format!("a reservation without identifier: {host}"))?;
        let key = json!({
            "subnet-id": host["subnet-id"], "identifier-type": kind, "identifier": host[kind],
            "operation-target": "database",
        });
        let reply = self.kea.command("reservation-del", &key)?;
        ensure!(reply.result == 0, "cannot remove {host}: {}", reply.raw);
        Ok(())
    }
}

impl Base {
    fn at(place: &Place) -> Result<Self, String> {
        let Some(Value::Object(base)) = resolve(&base(), place)? else { return Err("is no map".to_owned()) };
        let members: BTreeMap<String, Value> = base.into_iter().collect();
        let [Some(Value::Object(names)), Some(config)] = ["names", "config"].map(|key| members.get(key))
        else {
            return Err("needs the members 'names' and 'config'".to_owned());
        };
        let names: Names = names.clone().into_iter().collect();
        let config = fill(config, &names)?;
        Ok(Self { config, names })
    }
}

/// Changes a value by JSON merge patch (RFC 7386): `null` removes, maps are merged, the rest is replaced.
fn merge(value: &mut Value, changes: &Value) {
    let Value::Object(changes) = changes else {
        *value = changes.clone();
        return;
    };
    if !value.is_object() {
        *value = Value::Object(Map::new());
    }
    for (key, change) in changes {
        let members = value.as_object_mut().expect("it has just been made one");
        if change.is_null() {
            members.remove(key);
        } else {
            merge(members.entry(key).or_insert(Value::Null), change);
        }
    }
}

fn filled(step: &Step, names: &Names) -> Result<Step, String> {
    let value = |value: &Option<Value>| value.as_ref().map(|value| fill(value, names)).transpose();
    Ok(Step {
        command: fill_text(&step.command, names)?,
        arguments: value(&step.arguments)?,
        text: step.text.as_ref().map(|text| filled_text(text, names)).transpose()?,
        reply: value(&step.reply)?,
        reply_is: value(&step.reply_is)?,
        ..step.clone()
    })
}

fn filled_text(text: &Text, names: &Names) -> Result<Text, String> {
    Ok(match text {
        Text::Exact(text) => Text::Exact(fill_text(text, names)?),
        Text::Prefix(Prefix { prefix }) => Text::Prefix(Prefix { prefix: fill_text(prefix, names)? }),
        Text::Contains(Contains { contains }) => {
            let parts = contains.iter().map(|part| fill_text(part, names));
            Text::Contains(Contains { contains: parts.collect::<Result<_, _>>()? })
        }
    })
}
