//! The story: what is done, and what must be seen.

use std::net::Ipv4Addr;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Duration;
use std::{env, fs};

use anyhow::{Context, Result, anyhow, ensure};
use kea_lab::{Device, DhcpLease, Kea, Lab, Process, hook_path, operator_path, try_wait_for};
use serde_json::{Value, json};

use crate::timeline::Timeline;

/// How long the operator gets for its part.
const PATIENCE: Duration = Duration::from_mins(1);

const SUBNET_ID: u32 = 1;
const PREFIX: &str = "10.77.0.0/16";
const POOL: &str = "10.77.1.1 - 10.77.1.20";

/// What is shown.
#[derive(Debug)]
pub struct Parts {
    hook: PathBuf,
    operator: PathBuf,
}

impl Parts {
    /// The given ones, or those built beside this program.
    pub fn find(hook: Option<PathBuf>, operator: Option<PathBuf>) -> Result<Self> {
        let existing = |path: PathBuf| {
            path.canonicalize()
                .with_context(|| format!("{}: build it first, by 'make hook operator'", path.display()))
        };
        Ok(Self {
            hook: hook.map_or_else(hook_path, existing)?,
            operator: operator.map_or_else(operator_path, existing)?,
        })
    }
}

/// Everything of the story that runs. Dropped in this order: programs before their network and folder.
struct Stage {
    operator: Option<Process>,
    kea: Kea,
    lab: Lab,
}

/// Tells the story to its end, or to the first thing that was not seen.
pub fn tell(parts: &Parts, timeline: &mut Timeline) -> Result<()> {
    let mut stage = start_kea(parts, timeline)?;
    let outcome = play(&mut stage, parts, timeline);
    outcome.map_err(|error| {
        let mut words = format!("{error:#}");
        let logs = [Some(stage.kea.tail()), stage.operator.as_ref().map(Process::tail)];
        for log in logs.into_iter().flatten().filter(|log| !error.to_string().contains(log)) {
            words = format!("{words}\n{log}");
        }
        anyhow!(words)
    })
}

fn play(stage: &mut Stage, parts: &Parts, timeline: &mut Timeline) -> Result<()> {
    let a = stage.lab.device("A", "02:00:00:00:00:0a")?;
    let b = stage.lab.device("B", "02:00:00:00:00:0b")?;
    let c = stage.lab.device("C", "02:00:00:00:00:0c")?;
    let d = stage.lab.device("D", "02:00:00:00:00:0d")?;

    timeline.step("Devices A and C are switched on and get dynamic addresses by DHCP");
    let address_of_a = switch_on(&a, timeline)?;
    let address_of_c = switch_on(&c, timeline)?;
    let leases = stage.kea.lease4_by_mac(a.mac())?;
    let lease = leases.first().context("Kea knows no lease of device A")?;
    timeline.action("Kea, asked for A by lease4-get-by-hw-address:");
    timeline.answer(lease);
    ensure!(lease["ip-address"] == address_of_a.to_string(), "the lease of A is for another address");
    ensure!(
        reservation_of(&stage.kea, &a)?.is_none(),
        "there is a reservation for A before anyone asked for it"
    );
    timeline.seen(&format!("A has {address_of_a}, C has {address_of_c}; neither is reserved"));

    start_operator(stage, parts, &a, timeline)?;
    see_the_reservation(stage, &a, address_of_a, timeline)?;
    lose_everything_else(stage, timeline)?;

    timeline.step("Kea still knows the reservation, and no lease");
    let leases = stage.kea.leases4()?;
    ensure!(leases.is_empty(), "leases are still there: {}", json!(leases));
    let kept = reservation_of(&stage.kea, &a)?.context("the reservation is gone")?;
    timeline.action("Kea, asked for A by ext-reservation-get:");
    timeline.answer(&kept);
    ensure!(kept["ip-address"] == address_of_a.to_string(), "the reservation has another address now");
    timeline.seen(&format!("{address_of_a} is reserved for A; there are 0 leases"));

    timeline.step("Others ask for the addresses that C and A had, before these come back");
    let given_to_d = ask_for(&d, address_of_c, timeline)?;
    ensure!(given_to_d == address_of_c, "D did not get the address of C, which nobody has reserved");
    timeline.seen("D gets the address of C: without a reservation it is anyone's");
    let given_to_b = ask_for(&b, address_of_a, timeline)?;
    ensure!(given_to_b != address_of_a, "B got the address of A, in spite of the reservation");
    timeline.seen("B does not get the address of A: it is reserved");

    timeline.step("A and C ask again, as devices that remember nothing");
    let a_again = switch_on(&a, timeline)?;
    let c_again = switch_on(&c, timeline)?;
    ensure!(a_again == address_of_a, "A got {a_again}, not {address_of_a}");
    ensure!(c_again != address_of_c, "C got its address back, although D has it");
    timeline.seen(&format!("A, reserved:      {address_of_a} before, {a_again} after"));
    timeline.seen(&format!("C, not reserved:  {address_of_c} before, {c_again} after"));
    Ok(())
}

fn start_kea(parts: &Parts, timeline: &mut Timeline) -> Result<Stage> {
    timeline.step("Kea starts, with the hook and an embedded store: no SQL server, no paid hook");
    let lab = Lab::new("demo")?;
    let store = lab.dir().join("kea-hosts4.db");
    let builder = Kea::on(&lab)?.lease_cmds()?.hook(&parts.hook, Value::Null)?.config(json!({
        "hosts-databases": [{ "type": "memfile", "name": store }],
        "subnet4": [{ "id": SUBNET_ID, "subnet": PREFIX, "pools": [{ "pool": POOL }] }],
    }));
    timeline.quote(&format!(
        "\"hooks-libraries\":  libdhcp_lease_cmds.so, {}\n\"hosts-databases\":  \
         [{{ \"type\": \"memfile\", \"name\": \"{}\" }}]\n\"subnet4\":          {PREFIX}, pool {POOL}",
        parts.hook.file_name().unwrap_or_default().display(),
        store.display(),
    ));
    let kea = builder.start()?;
    timeline.action("Kea, asked by ext-status:");
    timeline.answer(&kea.ask("ext-status", &Value::Null)?);
    let version = kea.command("version-get", &Value::Null)?.text;
    timeline.seen(&format!("Kea {version} serves DHCP on {} (process {})", lab.interface(), kea.pid()?));
    Ok(Stage { operator: None, kea, lab })
}

fn start_operator(stage: &mut Stage, parts: &Parts, device: &Device, timeline: &mut Timeline) -> Result<()> {
    timeline
        .step("The operator starts on a folder, and a NetworkConfiguration there names the MAC address of A");
    let objects = objects_dir(&stage.lab);
    fs::create_dir(&objects)?;
    let source = format!("dir:{}", objects.display());
    let server = format!("unix:{}", stage.kea.socket().path().display());
    // Nobody probes it here, and the port may be taken.
    let arguments = ["run", "--source", &source, "--kea-url", &server, "--health-probe-bind-address", "0"];
    timeline.action("$ kea-operator run \\");
    timeline.action(&format!("    --source {source} \\"));
    timeline.action(&format!("    --kea-url {server}"));
    let mut command = Command::new(&parts.operator);
    command.args(arguments);
    // Settings of whoever runs this are for another Kea.
    for (name, _) in env::vars_os().filter(|(name, _)| name.as_encoded_bytes().starts_with(b"KEA_")) {
        command.env_remove(name);
    }
    let log = stage.lab.dir().join("operator.log");
    stage.operator = Some(Process::spawn("kea-operator", &command, log)?);

    write_object(&objects, "network.yaml", &network_namespace())?;
    let wanted = network_configuration(device);
    write_object(&objects, "device-a.yaml", &wanted)?;
    timeline.action("device-a.yaml:");
    timeline.quote(&wanted);
    running_operator(stage)?.expect_running()?;
    timeline.seen("the operator runs, and the objects are in its folder");
    Ok(())
}

fn see_the_reservation(
    stage: &mut Stage,
    a: &Device,
    address: Ipv4Addr,
    timeline: &mut Timeline,
) -> Result<()> {
    timeline.step("The operator finds the lease of A and reserves that very address");
    let Stage { operator, kea, lab } = stage;
    let operator = operator.as_mut().context("the operator was started")?;
    let reservation = try_wait_for("a reservation for A", PATIENCE, || {
        operator.expect_running()?;
        reservation_of(kea, a)
    })?;
    timeline.action("Kea, asked for A by ext-reservation-get:");
    timeline.answer(&reservation);
    ensure!(reservation["ip-address"] == address.to_string(), "the reservation is for another address");

    let file = objects_dir(lab).join("status/networkconfiguration.demo.device-a.yaml");
    let status = try_wait_for("the status of the NetworkConfiguration to be Ready", PATIENCE, || {
        operator.expect_running()?;
        Ok(read_status(&file).filter(|status| status["phase"] == "Ready"))
    })?;
    timeline.action("The operator, in the status file of the object:");
    timeline.answer(&summary(&status));
    let addresses = &status["networkInterfaces"][0]["ipv4Addresses"];
    ensure!(*addresses == json!([address.to_string()]), "the status names other addresses: {addresses}");
    timeline.seen(&format!("{address} is reserved for A, and the status says Ready"));
    Ok(())
}

fn lose_everything_else(stage: &mut Stage, timeline: &mut Timeline) -> Result<()> {
    timeline
        .step("The operator is stopped, every lease is wiped, Kea is killed with SIGKILL and started again");
    let status = running_operator(stage)?.terminate()?;
    ensure!(status.success(), "the operator did not end in order: {status}");
    timeline.action("kea-operator has ended after SIGTERM: from here on, Kea is alone");
    stage.kea.wipe_leases4()?;
    ensure!(stage.kea.leases4()?.is_empty(), "leases are left after lease4-wipe");
    timeline.action("lease4-wipe: 0 leases left");
    let before = stage.kea.pid()?;
    let status = stage.kea.kill9()?;
    timeline.action(&format!("kill -9 {before}: {status}"));
    stage.kea.restart()?;
    timeline.seen(&format!("a new Kea, process {}, answers in place of process {before}", stage.kea.pid()?));
    Ok(())
}

/// A whole exchange from DISCOVER on, in which the device names no address.
fn switch_on(device: &Device, timeline: &Timeline) -> Result<Ipv4Addr> {
    let lease = device.dhcp()?;
    report(device, "asks for any address", &lease, timeline);
    Ok(lease.address)
}

fn ask_for(device: &Device, wanted: Ipv4Addr, timeline: &Timeline) -> Result<Ipv4Addr> {
    let lease = device.request().asking_for(wanted).run()?;
    report(device, &format!("asks for {wanted}"), &lease, timeline);
    Ok(lease.address)
}

fn report(device: &Device, what: &str, lease: &DhcpLease, timeline: &Timeline) {
    let server = lease.server_id.map_or_else(String::new, |id| format!(" from {id}"));
    let time = lease.lease_time.map_or_else(String::new, |seconds| format!(" for {seconds} s"));
    let (name, mac) = (device.name(), device.mac());
    timeline.action(&format!("{name} ({mac}) {what:<22} -> DHCPACK {}{server}{time}", lease.address));
}

/// The reservation of a device, as Kea tells it.
fn reservation_of(kea: &Kea, device: &Device) -> Result<Option<Value>> {
    let arguments =
        json!({ "subnet-id": SUBNET_ID, "identifier-type": "hw-address", "identifier": device.mac() });
    let reply = kea.command("ext-reservation-get", &arguments)?;
    if reply.result == 3 { Ok(None) } else { reply.success().map(Some) }
}

fn running_operator(stage: &mut Stage) -> Result<&mut Process> {
    stage.operator.as_mut().context("the operator was started")
}

fn objects_dir(lab: &Lab) -> PathBuf {
    lab.dir().join("objects")
}

/// A file appears complete, as every careful writer does it.
fn write_object(objects: &Path, name: &str, yaml: &str) -> Result<()> {
    let draft = objects.with_file_name(name);
    fs::write(&draft, yaml)?;
    fs::rename(&draft, objects.join(name))?;
    Ok(())
}

/// The status of the object that the operator keeps in `file`.
fn read_status(file: &Path) -> Option<Value> {
    let text = fs::read_to_string(file).ok()?;
    let mut object: Value = serde_saphyr::from_str(&text).ok()?;
    Some(object["status"].take())
}

/// A status with a line for each condition.
fn summary(status: &Value) -> Value {
    let conditions = status["conditions"].as_array().into_iter().flatten();
    let lines: Vec<String> = conditions
        .map(|condition| ["type", "status", "message"].map(|field| condition[field].as_str().unwrap_or("?")))
        .map(|[kind, status, message]| format!("{kind}={status}: {message}"))
        .collect();
    json!({
        "phase": status["phase"],
        "message": status["message"],
        "networkInterfaces": status["networkInterfaces"],
        "conditions": lines,
    })
}

fn network_namespace() -> String {
    format!(
        "apiVersion: vitistack.io/v1alpha1
kind: NetworkNamespace
metadata:
  name: lab
  namespace: demo
spec:
  datacenterIdentifier: lab
  supervisorIdentifier: lab
status:
  ipv4Prefix: {PREFIX}
"
    )
}

fn network_configuration(device: &Device) -> String {
    format!(
        "apiVersion: vitistack.io/v1alpha1
kind: NetworkConfiguration
metadata:
  name: device-a
  namespace: demo
spec:
  name: device-a
  networkNamespaceName: lab
  networkInterfaces:
    - name: eth0
      macAddress: \"{}\"
",
        device.mac()
    )
}
