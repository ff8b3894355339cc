//! `kea-operator plan` and `kea-operator diff`: what the operator would do now.

use std::collections::BTreeMap;
use std::process::ExitCode;

use clap::Args;
use serde::Serialize;
use serde_json::Value;

use super::output::{BOLD, DIM, GREEN, OutputArgs, RED, YELLOW, styled};
use super::stage::{Stage, StageArgs, block_on, name};
use crate::controller::conditions;
use crate::rehearsal::{Becomes, Change, Notes, changes, is_now};

/// Shown below the options of `plan`.
pub const PLAN_HELP: &str = "\
Nothing is changed: the servers are asked what they have, and 'ext-reservation-apply' is sent as a dry run. The
operator itself sends what several objects need in one command.

Exit status: 0, or 1 when something keeps objects from being as they should be, which standard error tells.

Examples:
  kea-operator plan --source dir:/etc/kea-operator --kea-url unix:/run/kea/kea4-ctrl-socket
  kea-operator plan team-a/vm1 -o json";

/// Shown below the options of `diff`.
pub const DIFF_HELP: &str = "\
Nothing is changed.

Exit status: 0 when all is as it should be, 1 when something would be done or is wrong.

Example:
  kea-operator diff --source dir:/etc/kea-operator --kea-url unix:/run/kea/kea4-ctrl-socket";

/// What `plan` and `diff` take.
#[derive(Args, Debug)]
pub struct PlanArgs {
    /// NetworkConfigurations, as namespace/name or name [default: all]
    #[arg(value_name = "OBJECT")]
    objects: Vec<String>,

    #[command(flatten)]
    output: OutputArgs,

    #[command(flatten)]
    stage: StageArgs,
}

/// A command that would be sent.
#[derive(Serialize)]
struct Planned {
    object: String,
    server: String,
    request: Value,
}

/// Prints the commands that would be sent; what keeps objects from being as they should be goes to standard error.
pub fn plan(args: &PlanArgs) -> anyhow::Result<ExitCode> {
    let (planned, troubles) = block_on(async {
        let stage = args.stage.open(|rules| rules).await?;
        let mut planned = vec![];
        let mut troubles: BTreeMap<String, Vec<String>> = BTreeMap::new();
        for (object, notes) in stage.play_all(stage.objects(&args.objects)?).await? {
            let object = name(&object);
            if let Some(trouble) = trouble(&notes) {
                troubles.entry(trouble.to_owned()).or_default().push(object.clone());
            }
            planned.extend(notes.commands.into_iter().map(|unsent| Planned {
                object: object.clone(),
                server: unsent.server,
                request: unsent.command,
            }));
        }
        anyhow::Ok((planned, troubles))
    })?;
    let line = |planned: &Planned| {
        let head = styled(DIM, format!("# {} on {}", planned.object, planned.server));
        format!("{head}\n{}\n", planned.request)
    };
    args.output.print(&planned, |planned| planned.iter().map(line).collect::<Vec<_>>().concat())?;
    for (trouble, objects) in &troubles {
        let others = match objects.len() {
            1 => String::new(),
            count => format!(" and {} more", count - 1),
        };
        eprintln!("{}{others}: {trouble}", objects[0]);
    }
    Ok(if troubles.is_empty() { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}

/// What is wrong with an object, or with servers that had to be asked for it.
pub fn trouble(notes: &Notes) -> Option<&str> {
    let status = notes.status.as_ref()?;
    if status.phase.as_deref() == Some("Error") {
        return status.message.as_deref();
    }
    let of_servers = [conditions::KEA_REACHABLE, conditions::SERVERS_AGREE];
    let mut failing = status.conditions.iter().filter(|condition| condition.status == "False");
    failing
        .find(|condition| of_servers.contains(&condition.type_.as_str()))
        .map(|found| found.message.as_str())
}

/// What would become of an object's reservations.
#[derive(Serialize)]
pub struct Difference {
    /// Namespace and name.
    pub object: String,
    /// What would be done.
    pub changes: Vec<Changed>,
    /// What is wrong, and keeps it from being done.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub trouble: Option<String>,
}

/// A reservation before and after.
#[derive(Serialize)]
pub struct Changed {
    /// What it is now.
    pub now: Becomes,
    /// What it would be.
    #[serde(flatten)]
    pub change: Change,
}

impl Difference {
    /// From what would be written; what is there now is asked for.
    pub async fn of(stage: &Stage, object: String, notes: &Notes) -> anyhow::Result<Self> {
        let mut changed = vec![];
        for change in notes.commands.iter().flat_map(changes) {
            let server = stage.server(&change.server)?;
            let there = server.reservation_of(change.subnet_id, change.mac).await?;
            changed.push(Changed { now: is_now(there.as_ref()), change });
        }
        Ok(Self { object, changes: changed, trouble: trouble(notes).map(str::to_owned) })
    }

    fn is_none(&self) -> bool {
        self.changes.is_empty() && self.trouble.is_none()
    }

    /// A line for each change.
    pub fn lines(&self) -> String {
        let changes = self.changes.iter().map(line);
        let trouble = self.trouble.iter().map(|trouble| format!("  {} {trouble}\n", styled(RED, "!")));
        changes.chain(trouble).collect()
    }
}

fn line(Changed { now, change }: &Changed) -> String {
    let place = format!("for {} in subnet {} on {}", change.mac, change.subnet_id, change.server);
    match (now, change.becomes) {
        (Becomes::Gone, Becomes::Gone) => String::new(),
        (Becomes::Gone, becomes) => format!("  {} {becomes} {place}\n", styled(GREEN, "+")),
        (now, Becomes::Gone) => format!("  {} {now} {place}\n", styled(RED, "-")),
        (now, becomes) if *now == becomes => {
            format!("  {} {becomes}, marked as ours, {place}\n", styled(YELLOW, "~"))
        }
        (now, becomes) => format!("  {} {becomes} in place of {now} {place}\n", styled(YELLOW, "~")),
    }
}

/// Prints what would become of reservations.
pub fn diff(args: &PlanArgs) -> anyhow::Result<ExitCode> {
    let differences = block_on(async {
        let stage = args.stage.open(|rules| rules).await?;
        let mut differences = vec![];
        for (object, notes) in stage.play_all(stage.objects(&args.objects)?).await? {
            let difference = Difference::of(&stage, name(&object), &notes).await?;
            differences.extend((!difference.is_none()).then_some(difference));
        }
        anyhow::Ok(differences)
    })?;
    let section = |found: &Difference| format!("{}\n{}", styled(BOLD, &found.object), found.lines());
    args.output
        .print(&differences, |differences| differences.iter().map(section).collect::<Vec<_>>().concat())?;
    Ok(if differences.is_empty() { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}
