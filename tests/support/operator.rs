//! The operator as a process, and the objects that it is given.

// Each test file is a program of its own and uses a part of this.
#![allow(dead_code)]

use std::env;
use std::path::Path;
use std::process::{Command, Stdio};
use std::time::Duration;

use kea_lab::{Process, operator_path, wait_for};
use serde_json::{Value, json};

/// How long the operator gets for what it is expected to do. Longer than its slowest interval.
pub const PATIENCE: Duration = Duration::from_secs(60);

/// `kea-operator`, with no setting from the environment.
fn program() -> Command {
    let mut command = Command::new(operator_path().unwrap());
    for (name, _) in env::vars_os().filter(|(name, _)| name.as_encoded_bytes().starts_with(b"KEA_")) {
        command.env_remove(name);
    }
    command
}

/// What a command of the operator came to.
#[derive(Debug)]
pub struct Said {
    /// Its exit status.
    pub code: i32,
    /// What it printed.
    pub out: String,
    /// What it complained about.
    pub err: String,
}

/// Runs a command of the operator to its end.
pub fn run(arguments: &[&str], environment: &[(&str, &Path)]) -> Said {
    let mut command = program();
    command.args(arguments).stdin(Stdio::null());
    command.envs(environment.iter().map(|(name, value)| (*name, *value)));
    let output = command.output().unwrap();
    let text = |bytes| String::from_utf8(bytes).unwrap();
    Said { code: output.status.code().unwrap(), out: text(output.stdout), err: text(output.stderr) }
}

/// Starts `kea-operator run` with these arguments, and no setting from the environment.
pub fn start(log: &Path, arguments: &[&str], environment: &[(&str, &Path)]) -> Process {
    Process::spawn("kea-operator", &command(arguments, environment), log).unwrap()
}

/// The same, not started yet.
pub fn command(arguments: &[&str], environment: &[(&str, &Path)]) -> Command {
    let mut command = program();
    command.args(["run", "--log-json-logging=false"]).args(arguments);
    if !arguments.contains(&"--health-probe-bind-address") {
        // Nobody probes it here, and the port may be taken.
        command.args(["--health-probe-bind-address", "0"]);
    }
    command.envs(environment.iter().map(|(name, value)| (*name, *value)));
    command
}

/// Waits until an operator has logged this.
pub fn wait_for_log(operator: &Process, text: &str) {
    wait_for(format!("'{text}' in a log"), PATIENCE, || operator.log().contains(text).then_some(()))
        .unwrap_or_else(|error| panic!("{error:#}\n{}", operator.tail()));
}

/// A NetworkNamespace with that prefix.
pub fn network_namespace(namespace: &str, prefix: &str) -> Value {
    json!({
        "apiVersion": "vitistack.io/v1alpha1",
        "kind": "NetworkNamespace",
        "metadata": { "name": "lab", "namespace": namespace },
        "spec": { "datacenterIdentifier": "lab", "supervisorIdentifier": "lab" },
        "status": { "ipv4Prefix": prefix },
    })
}

/// A NetworkConfiguration with an interface for each MAC address.
pub fn network_configuration(namespace: &str, name: &str, macs: &[&str]) -> Value {
    let interface =
        |(index, mac): (usize, &&str)| json!({ "name": format!("eth{index}"), "macAddress": mac });
    json!({
        "apiVersion": "vitistack.io/v1alpha1",
        "kind": "NetworkConfiguration",
        "metadata": { "name": name, "namespace": namespace },
        "spec": {
            "name": name, "networkNamespaceName": "lab",
            "networkInterfaces": macs.iter().enumerate().map(interface).collect::<Vec<_>>(),
        },
    })
}
