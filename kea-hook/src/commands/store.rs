//! `ext-store-backup` and `ext-store-compact`. Packets wait while a command runs, so these only begin the work; a thread
//! does it.

use std::ffi::OsStr;
use std::os::unix::ffi::OsStrExt;

use kea_ffi::element::{Element, Reply, ResultCode};
use kea_ffi::server::{self, Message};

use super::arguments;
use super::{CommandError, Commands};
use crate::store::{Progress, State, Task};

const NO_STORE: &str =
    "no embedded host store is open: this command is for an entry of type \"memfile\" in hosts-databases";

/// Begins a backup.
pub fn backup(hook: &Commands, arguments: Option<&Element>) -> Result<Reply, CommandError> {
    let arguments = arguments::required(arguments)?;
    let Some(path) = arguments.get("path")? else { return Err(arguments::missing(arguments, "path")?) };
    let Some(bytes) = path.as_bytes() else {
        let position = path.position()?;
        return Err(CommandError::new(format!("invalid type specified for parameter 'path' ({position})")));
    };
    let path = OsStr::from_bytes(&bytes);
    start(hook, Task::Backup(path.into()), &format!("Backup to '{}' begun", path.display()))
}

/// Begins a compaction.
pub fn compact(hook: &Commands) -> Result<Reply, CommandError> {
    start(hook, Task::Compaction, "Compaction begun")
}

fn start(hook: &Commands, task: Task, begun: &str) -> Result<Reply, CommandError> {
    let upkeeps = hook.upkeeps();
    let upkeep = upkeeps.first().ok_or_else(|| CommandError::new(NO_STORE))?;
    upkeep.start(task, tell).map_err(|error| CommandError::new(error.to_string()))?;
    Ok(Reply::new(ResultCode::Success, format!("{begun}. Its end is told by ext-status and in the log.")))
}

/// Tells the log how a task ended.
fn tell(progress: &Progress) {
    let Progress { task, copied, took, .. } = progress;
    let took = took.as_secs_f64();
    match &progress.state {
        State::Failed(error) => {
            server::log(Message::StoreUpkeepFailed, &format!("{task} failed: {error}"));
        }
        _ => server::log(
            Message::StoreUpkeepDone,
            &format!("{task} is done: {copied} reservations in {took:.1} s{}", sizes(progress)),
        ),
    }
}

fn sizes(progress: &Progress) -> String {
    match (progress.bytes_before, progress.bytes) {
        (Some(before), Some(after)) => format!(", from {before} to {after} bytes of disk"),
        (_, Some(bytes)) => format!(", {bytes} bytes of disk"),
        _ => String::new(),
    }
}

/// How far a task is, for `ext-status`.
pub fn describe(progress: &Progress) -> Result<Element, CommandError> {
    let mut map = Element::map()?;
    let (task, path) = match &progress.task {
        Task::Backup(path) => ("backup", Some(path)),
        Task::Compaction => ("compaction", None),
    };
    map.set("task", &Element::text(task)?)?;
    if let Some(path) = path {
        map.set("path", &Element::text(&path.to_string_lossy())?)?;
    }
    let state = match progress.state {
        State::Starting | State::Running => "running",
        State::Done => "done",
        State::Failed(_) => "failed",
    };
    map.set("state", &Element::text(state)?)?;
    map.set("reservations", &Element::integer(progress.reservations)?)?;
    map.set("copied", &Element::integer(progress.copied)?)?;
    let numbers = [("disk-bytes-before", progress.bytes_before), ("disk-bytes", progress.bytes)];
    for (name, value) in numbers {
        if let Some(value) = value {
            map.set(name, &Element::integer(value)?)?;
        }
    }
    if state != "running" {
        map.set("milliseconds", &Element::integer(progress.took.as_millis())?)?;
    }
    if let State::Failed(error) = &progress.state {
        map.set("problem", &Element::text(&error.to_string())?)?;
    }
    Ok(map)
}
