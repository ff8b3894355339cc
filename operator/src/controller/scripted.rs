//! A scripted Kea and a scripted source for the tests of reconciliation. That Kea does behave so is what the tests on real
//! parts show.

use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use k8s_openapi::apimachinery::pkg::apis::meta::v1::Time;
use k8s_openapi::jiff::Timestamp;
use kube::ResourceExt;
use kube::core::DeserializeGuard;
use kube::runtime::reflector::{self, ObjectRef, Store};
use kube::runtime::watcher::Event;
use parking_lot::Mutex;
use serde_json::{Value, json};
use tokio::sync::{Semaphore, mpsc};
use tokio_util::sync::CancellationToken;

use super::Context;
use super::creation::Creation;
use super::feed::Waiting;
use super::leftovers::Leftovers;
use super::pace::Pace;
use super::reconcile::reconcile;
use super::repair::Writings;
use super::triage::Policy;
use crate::crd::{
    AnyConfiguration, AnyNamespace, IpAllocationStatus, NetworkConfiguration, NetworkConfigurationSpec,
    NetworkConfigurationStatus, NetworkInterface, NetworkNamespace, NetworkNamespaceStatus,
};
use crate::domain::Rules;
use crate::kea::{Fleet, KeaError, Limits, Server, Transport};
use crate::source::{Notice, Objects, SourceError};
use crate::telemetry::Metrics;

const COMMANDS: [&str; 5] = [
    "ext-lease-resolve",
    "ext-reservation-apply",
    "ext-reservation-get",
    "ext-reservation-update",
    "ext-subnet4-list",
];

/// One world: what Kea holds, what the object is, and everything that was written, in order.
#[derive(Default)]
pub struct World {
    /// Leased address by MAC.
    pub leases: Vec<(&'static str, &'static str)>,
    pub hosts: Vec<Value>,
    /// Command that fails as if Kea were away.
    pub down: Option<&'static str>,
    /// Whether the source of the object takes no status.
    pub refuses_status: bool,
    /// Whether its database takes no removal.
    pub refuses_removals: bool,
    /// Whether NetworkNamespaces must not be written about.
    pub refuses_usage: bool,
    pub object: NetworkConfiguration,
    pub log: Vec<String>,
}

#[derive(Clone, Default)]
struct Shared(Arc<Mutex<World>>);

impl World {
    fn answer(&mut self, command: &str, arguments: &Value) -> Value {
        let found = |found: Option<&Value>| match found {
            Some(host) => json!({"result": 0, "arguments": host}),
            None => json!({"result": 3, "text": "Host not found."}),
        };
        let same = |host: &Value, key: &str, asked: &str| host[key] == arguments[asked];
        match command {
            "list-commands" => json!({"result": 0, "arguments": COMMANDS}),
            "ext-subnet4-list" => {
                json!({"result": 0, "arguments": {"subnets": [{"id": 1, "subnet": "10.0.0.0/24"}]}})
            }
            "config-get" => json!({"result": 0, "arguments": {"Dhcp4": {"subnet4": [{"id": 1}]}}}),
            "ext-lease-resolve" => {
                let macs = arguments["identifiers"].as_array().unwrap();
                let entries: Vec<Value> = macs.iter().map(|mac| self.resolve(mac)).collect();
                json!({"result": 0, "arguments": {"identifiers": entries}})
            }
            "ext-reservation-get" if arguments.get("ip-address").is_some() => {
                found(self.hosts.iter().find(|host| same(host, "ip-address", "ip-address")))
            }
            "ext-reservation-get" => {
                found(self.hosts.iter().find(|host| same(host, "hw-address", "identifier")))
            }
            "ext-reservation-apply" => self.apply(arguments),
            other => panic!("unexpected command {other}"),
        }
    }
}

impl World {
    fn resolve(&self, mac: &Value) -> Value {
        let leases: Vec<Value> = self
            .leases
            .iter()
            .filter(|(leased_by, _)| *mac == *leased_by)
            .map(|(_, address)| json!({"ip-address": address, "subnet-id": 1, "state": 0}))
            .collect();
        let reservations: Vec<Value> = self
            .hosts
            .iter()
            .filter(|host| host["hw-address"] == *mac)
            .map(|host| {
                let mut told = json!({"subnet-id": 1, "ip-address": host["ip-address"], "source": "memfile"});
                if let Some(owner) = host["user-context"].get("ext-owner") {
                    told["owner"] = owner.clone();
                }
                told
            })
            .collect();
        json!({"leases": leases, "reservations": reservations})
    }

    fn apply(&mut self, arguments: &Value) -> Value {
        let list = |key: &str| arguments[key].as_array().unwrap().clone();
        let removed = list("remove").into_iter().map(|removal| {
            if self.refuses_removals {
                return json!({"status": "invalid", "text": "read-only"});
            }
            self.log.push(format!("del {}", removal["identifier"]));
            self.hosts.retain(|host| host["hw-address"] != removal["identifier"]);
            json!({"status": "removed", "text": "Host deleted."})
        });
        let removed: Vec<Value> = removed.collect();
        let put = list("reservations").into_iter().map(|host| {
            self.log.push(format!("add {}", host["ip-address"]));
            self.hosts.push(host);
            json!({"status": "added", "text": "Host added."})
        });
        let put: Vec<Value> = put.collect();
        json!({"result": 0, "arguments": {"remove": removed, "reservations": put}})
    }
}

#[async_trait]
impl Transport for Shared {
    async fn exchange(&self, name: &str, body: Vec<u8>) -> Result<Vec<u8>, KeaError> {
        let mut world = self.0.lock();
        if world.down.is_some_and(|down| down == "all" || down == name) {
            return Err(KeaError::Unreachable { server: "kea".into(), cause: "Connection refused".into() });
        }
        let request: Value = serde_json::from_slice(&body).unwrap();
        Ok(world.answer(name, &request["arguments"]).to_string().into_bytes())
    }
}

#[async_trait]
impl Objects for Shared {
    async fn write_status(
        &self,
        _object: &NetworkConfiguration,
        status: &NetworkConfigurationStatus,
    ) -> Result<String, SourceError> {
        let mut world = self.0.lock();
        if world.refuses_status {
            return Err(SourceError::Failed("the API server did not answer".into()));
        }
        let macs: Vec<&str> = status
            .network_interfaces
            .iter()
            .filter_map(|interface| interface.mac_address.as_deref())
            .collect();
        let line = format!("status {} {}", status.phase.as_deref().unwrap_or("-"), macs.join(","));
        world.log.push(line);
        world.object.status = Some(status.clone());
        Ok(world.next_version())
    }

    async fn set_finalizers(
        &self,
        object: &NetworkConfiguration,
        finalizers: &[String],
    ) -> Result<Option<String>, SourceError> {
        let mut world = self.0.lock();
        if object.metadata.resource_version != world.object.metadata.resource_version {
            return Err(SourceError::Conflict("version".into()));
        }
        world.log.push(format!("finalizers {}", finalizers.join(",")));
        world.object.metadata.finalizers = Some(finalizers.to_vec());
        Ok(Some(world.next_version()))
    }

    async fn write_usage(
        &self,
        namespace: &NetworkNamespace,
        usage: Option<&IpAllocationStatus>,
    ) -> Result<(), SourceError> {
        let said = usage.map(|usage| (usage.allocated_count, usage.available_count, usage.total_count));
        let mut world = self.0.lock();
        world.log.push(format!("usage of {} {said:?}", namespace.name_any()));
        if world.refuses_usage { Err(SourceError::Failed("forbidden".into())) } else { Ok(()) }
    }

    async fn notify(&self, _object: &NetworkConfiguration, notice: &Notice) {
        self.0.lock().log.push(format!("event {}", notice.reason));
    }
}

impl World {
    fn next_version(&mut self) -> String {
        let version =
            self.object.resource_version().unwrap_or_default().parse::<u64>().unwrap_or_default() + 1;
        self.object.metadata.resource_version = Some(version.to_string());
        version.to_string()
    }
}

pub struct Fixture {
    shared: Shared,
    pub context: Arc<Context>,
    /// Objects that were brought back.
    pub brought_back: mpsc::UnboundedReceiver<ObjectRef<AnyConfiguration>>,
}

fn namespaces(prefix: &str) -> Store<AnyNamespace> {
    let (store, mut writer) = reflector::store();
    let mut namespace = NetworkNamespace {
        status: Some(NetworkNamespaceStatus { ipv4_prefix: Some(prefix.into()), ..Default::default() }),
        ..Default::default()
    };
    namespace.metadata.name = Some("nn".into());
    namespace.metadata.namespace = Some("a".into());
    writer.apply_watcher_event(&Event::Init);
    writer.apply_watcher_event(&Event::InitApply(DeserializeGuard(Ok(namespace))));
    writer.apply_watcher_event(&Event::InitDone);
    // The store outlives its writer.
    store
}

impl Fixture {
    pub fn new(macs: &[&str]) -> Self {
        let shared = Shared::default();
        let mut object = NetworkConfiguration::new("vm", NetworkConfigurationSpec::default());
        object.metadata.namespace = Some("a".into());
        object.metadata.uid = Some("u1".into());
        object.metadata.generation = Some(1);
        object.metadata.resource_version = Some("1".into());
        shared.0.lock().object = object;
        let kea =
            Server::new(Box::new(shared.clone()), "kea".into(), Limits { repeats: 0, ..Limits::default() });
        let (triggers, brought_back) = mpsc::unbounded_channel();
        let context = Context {
            fleet: Arc::new(Fleet::new(vec![Arc::new(kea)], "kea-operator/c")),
            objects: Arc::new(shared.clone()),
            namespaces: namespaces("10.0.0.0/24"),
            policy: Policy { cluster_id: "c".into(), providers: vec!["kea".into()], strict_defaults: false },
            pace: Pace::default(),
            metrics: Metrics::default(),
            writings: Writings::default(),
            rules: Rules::default(),
            cleanup_timeout: Some(Duration::from_mins(15)),
            claims: Mutex::default(),
            leftovers: Leftovers::default(),
            swept: CancellationToken::new(),
            waiting: Waiting::default(),
            hurried: Mutex::default(),
            creation: Creation::new(None, "kea-operator/c".into()),
            turns: Semaphore::new(5),
            triggers,
        };
        context.swept.cancel();
        let fixture = Self { shared, context: Arc::new(context), brought_back };
        fixture.wish(macs);
        fixture
    }

    pub fn wish(&self, macs: &[&str]) {
        self.change(|object| {
            object.spec.network_interfaces = macs
                .iter()
                .map(|mac| NetworkInterface {
                    mac_address: Some((*mac).into()),
                    ..NetworkInterface::default()
                })
                .collect();
        });
    }

    pub fn change(&self, how: impl FnOnce(&mut NetworkConfiguration)) {
        how(&mut self.world().object);
    }

    pub fn world(&self) -> parking_lot::MutexGuard<'_, World> {
        self.shared.0.lock()
    }

    pub fn delete(&self) {
        self.change(|object| object.metadata.deletion_timestamp = Some(Time(Timestamp::now())));
    }

    /// Lets the object have been deleted long ago.
    pub fn deleted_long_ago(&self) {
        self.change(|object| object.metadata.deletion_timestamp = Some(Time(Timestamp::UNIX_EPOCH)));
    }

    /// Reconciles the object as it is now; returns what was written, in order.
    pub async fn reconcile(&self) -> Vec<String> {
        let object = Ok(self.world().object.clone());
        let refuses_status = self.world().refuses_status;
        assert_eq!(reconcile(&object, &self.context).await.is_err(), refuses_status);
        std::mem::take(&mut self.world().log)
    }

    pub fn message(&self) -> String {
        self.world().object.status.as_ref().and_then(|status| status.message.clone()).unwrap_or_default()
    }
}
