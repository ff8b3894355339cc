//! The order of what is read and written, against a scripted Kea and a scripted source. That Kea does behave so is what
//! the tests on real parts show.

use super::*;
use crate::controller::triage::Policy;
use crate::controller::{FINALIZER, LEGACY_FINALIZER, SKIP_CLEANUP};
use crate::crd::{
    AnyNamespace, NetworkConfigurationSpec, NetworkConfigurationStatus, NetworkInterface,
    NetworkNamespaceStatus,
};
use crate::kea::{Kea, KeaError, Transport};
use crate::source::{Notice, Objects};
use async_trait::async_trait;
use k8s_openapi::apimachinery::pkg::apis::meta::v1::Time;
use k8s_openapi::jiff::Timestamp;
use kube::core::DeserializeGuard;
use kube::runtime::reflector::{self, Store};
use kube::runtime::watcher::Event;
use parking_lot::Mutex;
use serde_json::{Value, json};

const COMMANDS: [&str; 5] = [
    "ext-reservation-add",
    "ext-reservation-del",
    "ext-reservation-get",
    "ext-subnet4-list",
    "lease4-get-by-hw-address",
];
const MAC: &str = "52:54:00:00:00:01";
const OTHER: &str = "52:54:00:00:00:02";

/// One world: what Kea holds, what the object is, and everything that was written, in order.
#[derive(Default)]
struct World {
    /// Leased address by MAC.
    leases: Vec<(&'static str, &'static str)>,
    hosts: Vec<Value>,
    /// Command that fails as if Kea were away.
    down: Option<&'static str>,
    object: NetworkConfiguration,
    log: Vec<String>,
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
            "lease4-get-by-hw-address" => {
                let leases: Vec<Value> = self
                    .leases
                    .iter()
                    .filter(|(mac, _)| arguments["hw-address"] == *mac)
                    .map(|(mac, address)| json!({"ip-address": address, "hw-address": mac, "subnet-id": 1, "state": 0, "cltt": 0, "valid-lft": u32::MAX}))
                    .collect();
                json!({"result": if leases.is_empty() { 3 } else { 0 }, "arguments": {"leases": leases}})
            }
            "ext-reservation-get" if arguments.get("ip-address").is_some() => found(
                self.hosts
                    .iter()
                    .find(|host| same(host, "ip-address", "ip-address")),
            ),
            "ext-reservation-get" => found(
                self.hosts
                    .iter()
                    .find(|host| same(host, "hw-address", "identifier")),
            ),
            "ext-reservation-add" => {
                let host = arguments["reservation"].clone();
                self.log.push(format!("add {}", host["ip-address"]));
                self.hosts.push(host);
                json!({"result": 0, "text": "Host added."})
            }
            "ext-reservation-del" => {
                self.log.push(format!("del {}", arguments["identifier"]));
                self.hosts.retain(|host| !same(host, "hw-address", "identifier"));
                json!({"result": 0, "text": "Host deleted."})
            }
            other => panic!("unexpected command {other}"),
        }
    }
}

#[async_trait]
impl Transport for Shared {
    async fn exchange(&self, name: &str, body: Vec<u8>) -> Result<Vec<u8>, KeaError> {
        let mut world = self.0.lock();
        if world.down.is_some_and(|down| down == "all" || down == name) {
            return Err(KeaError::Unreachable {
                server: "kea".into(),
                cause: "Connection refused".into(),
            });
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
        let macs: Vec<&str> = status
            .network_interfaces
            .iter()
            .filter_map(|interface| interface.mac_address.as_deref())
            .collect();
        let line = format!(
            "status {} {}",
            status.phase.as_deref().unwrap_or("-"),
            macs.join(",")
        );
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

    async fn notify(&self, _object: &NetworkConfiguration, notice: &Notice) {
        self.0.lock().log.push(format!("event {}", notice.reason));
    }
}

impl World {
    fn next_version(&mut self) -> String {
        let version = self
            .object
            .resource_version()
            .unwrap_or_default()
            .parse::<u64>()
            .unwrap_or_default()
            + 1;
        self.object.metadata.resource_version = Some(version.to_string());
        version.to_string()
    }
}

struct Fixture {
    shared: Shared,
    context: Arc<Context>,
}

fn namespaces(prefix: &str) -> Store<AnyNamespace> {
    let (store, mut writer) = reflector::store();
    let mut namespace = NetworkNamespace {
        status: Some(NetworkNamespaceStatus {
            ipv4_prefix: Some(prefix.into()),
            ..Default::default()
        }),
        ..Default::default()
    };
    namespace.metadata.name = Some("nn".into());
    namespace.metadata.namespace = Some("a".into());
    writer.apply_watcher_event(&Event::Apply(DeserializeGuard(Ok(namespace))));
    // The store outlives its writer.
    store
}

impl Fixture {
    fn new(macs: &[&str]) -> Self {
        let shared = Shared::default();
        let mut object = NetworkConfiguration::new("vm", NetworkConfigurationSpec::default());
        object.metadata.namespace = Some("a".into());
        object.metadata.uid = Some("u1".into());
        object.metadata.generation = Some(1);
        object.metadata.resource_version = Some("1".into());
        shared.0.lock().object = object;
        let kea = Kea::new(Box::new(shared.clone()), "kea".into(), Duration::from_secs(5));
        let context = Context {
            kea: Arc::new(kea),
            objects: Arc::new(shared.clone()),
            namespaces: namespaces("10.0.0.0/24"),
            policy: Policy {
                cluster_id: "c".into(),
                providers: vec!["kea".into()],
            },
            pace: crate::controller::pace::Pace::default(),
            written: Mutex::default(),
        };
        let fixture = Self {
            shared,
            context: Arc::new(context),
        };
        fixture.wish(macs);
        fixture
    }

    fn wish(&self, macs: &[&str]) {
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

    fn change(&self, how: impl FnOnce(&mut NetworkConfiguration)) {
        how(&mut self.world().object);
    }

    fn world(&self) -> parking_lot::MutexGuard<'_, World> {
        self.shared.0.lock()
    }

    fn delete(&self) {
        self.change(|object| object.metadata.deletion_timestamp = Some(Time(Timestamp::UNIX_EPOCH)));
    }

    /// Reconciles the object as it is now; returns what was written, in order.
    async fn reconcile(&self) -> Vec<String> {
        let object = Arc::new(DeserializeGuard(Ok(self.world().object.clone())));
        reconcile(object, self.context.clone()).await.unwrap();
        std::mem::take(&mut self.world().log)
    }

    fn message(&self) -> String {
        self.world()
            .object
            .status
            .as_ref()
            .and_then(|status| status.message.clone())
            .unwrap_or_default()
    }
}

#[tokio::test]
async fn what_is_reserved_is_remembered_first() {
    let fixture = Fixture::new(&[MAC]);
    fixture.world().leases.push((MAC, "10.0.0.5"));
    let claim = format!("finalizers {FINALIZER}");
    let remember = format!("status Reconciling {MAC}");
    let done = format!("status Ready {MAC}");
    assert_eq!(
        fixture.reconcile().await,
        [&claim, &remember, "add \"10.0.0.5\"", "event Reserved", &done]
    );
    assert_eq!(fixture.reconcile().await, [""; 0]);
}

#[tokio::test]
async fn what_waited_for_its_lease_needs_one_write() {
    let fixture = Fixture::new(&[MAC]);
    let first = fixture.reconcile().await;
    assert_eq!(
        first[1..],
        [format!("status Reconciling {MAC}"), "event NoLease".into()]
    );
    assert_eq!(fixture.reconcile().await, [""; 0]);
    fixture.world().leases.push((MAC, "10.0.0.5"));
    assert_eq!(
        fixture.reconcile().await,
        [
            "add \"10.0.0.5\"",
            "event Reserved",
            &format!("status Ready {MAC}")
        ]
    );
}

#[tokio::test]
async fn a_changed_mac_releases_the_old_one() {
    let fixture = Fixture::new(&[MAC]);
    fixture
        .world()
        .leases
        .extend([(MAC, "10.0.0.5"), (OTHER, "10.0.0.6")]);
    fixture.reconcile().await;
    fixture.wish(&[OTHER]);
    let written = fixture.reconcile().await;
    let remember = format!("status Reconciling {OTHER},{MAC}");
    let release = format!("del \"{MAC}\"");
    let done = format!("status Ready {OTHER}");
    assert_eq!(
        written,
        [
            &remember,
            &release,
            "add \"10.0.0.6\"",
            "event Released",
            "event Reserved",
            &done
        ]
    );
}

#[tokio::test]
async fn a_release_that_fails_is_not_forgotten() {
    let fixture = Fixture::new(&[MAC]);
    fixture.world().leases.push((MAC, "10.0.0.5"));
    fixture.reconcile().await;
    fixture.wish(&[]);
    fixture.world().down = Some("ext-reservation-del");
    assert_eq!(
        fixture.reconcile().await,
        [format!("status Error {MAC}"), "event KeaUnreachable".into()]
    );
    fixture.world().down = None;
    let written = fixture.reconcile().await;
    assert_eq!(
        written,
        [
            &format!("del \"{MAC}\""),
            "event Released",
            "status Ready ",
            "event KeaReachable"
        ]
    );
}

#[tokio::test]
async fn a_lost_answer_to_an_addition_is_found_out() {
    let fixture = Fixture::new(&[MAC]);
    fixture.world().leases.push((MAC, "10.0.0.5"));
    fixture.world().down = Some("ext-reservation-add");
    fixture.reconcile().await;
    assert!(
        fixture.message().contains("cannot reach Kea"),
        "{}",
        fixture.message()
    );
    // It was done, and the operator did not hear of it.
    let context = fixture
        .context
        .policy
        .owner(&fixture.world().object.clone())
        .user_context();
    let host = json!({"subnet-id": 1, "hw-address": MAC, "ip-address": "10.0.0.5", "user-context": context});
    fixture.world().hosts.push(host);
    fixture.world().down = None;
    assert_eq!(
        fixture.reconcile().await,
        [format!("status Ready {MAC}"), "event KeaReachable".into()]
    );
}

#[tokio::test]
async fn deletion_releases_and_then_lets_go() {
    let fixture = Fixture::new(&[MAC]);
    fixture.world().leases.push((MAC, "10.0.0.5"));
    fixture.reconcile().await;
    fixture.delete();
    fixture.world().down = Some("all");
    let stuck = fixture.reconcile().await;
    assert_eq!(
        stuck,
        [format!("status Deleting {MAC}"), "event KeaUnreachable".into()]
    );
    assert_eq!(fixture.reconcile().await, [""; 0]);
    fixture.world().down = None;
    assert_eq!(
        fixture.reconcile().await,
        [&format!("del \"{MAC}\""), "event Released", "finalizers "]
    );
}

#[tokio::test]
async fn deletion_leaves_what_others_own() {
    let fixture = Fixture::new(&[MAC]);
    fixture.world().leases.push((MAC, "10.0.0.5"));
    let by_hand = json!({"subnet-id": 1, "hw-address": MAC, "ip-address": "10.0.0.5"});
    fixture.world().hosts.push(by_hand);
    let written = fixture.reconcile().await;
    assert_eq!(written.last(), Some(&format!("status Ready {MAC}")));
    fixture.delete();
    assert_eq!(fixture.reconcile().await, ["finalizers "]);
    assert_eq!(fixture.world().hosts.len(), 1);
}

#[tokio::test]
async fn deletion_can_leave_reservations() {
    let fixture = Fixture::new(&[MAC]);
    fixture.world().leases.push((MAC, "10.0.0.5"));
    fixture.reconcile().await;
    fixture.delete();
    fixture.change(|object| {
        object
            .annotations_mut()
            .insert(SKIP_CLEANUP.into(), "true".into());
    });
    fixture.world().down = Some("all");
    assert_eq!(fixture.reconcile().await, ["event CleanupSkipped", "finalizers "]);
}

#[tokio::test]
async fn an_object_that_stops_being_ours_is_released_and_its_status_given_up() {
    let fixture = Fixture::new(&[MAC]);
    fixture.world().leases.push((MAC, "10.0.0.5"));
    fixture.reconcile().await;
    fixture.change(|object| object.spec.provider = Some("static-ip-operator".into()));
    let written = fixture.reconcile().await;
    assert_eq!(
        written,
        [
            &format!("del \"{MAC}\""),
            "event Released",
            "status - ",
            "finalizers "
        ]
    );
    assert_eq!(fixture.reconcile().await, [""; 0]);
}

#[tokio::test]
async fn the_legacy_finalizer_is_migrated() {
    let fixture = Fixture::new(&[]);
    fixture.change(|object| object.metadata.finalizers = Some(vec!["a/b".into(), LEGACY_FINALIZER.into()]));
    assert_eq!(
        fixture.reconcile().await,
        [format!("finalizers a/b,{FINALIZER}"), "status Ready ".into()]
    );
}

#[tokio::test]
async fn an_object_without_a_namespace_is_not_claimed() {
    let fixture = Fixture::new(&[MAC]);
    fixture.change(|object| object.spec.network_namespace_name = Some("nowhere".into()));
    assert_eq!(
        fixture.reconcile().await,
        [format!("status Error {MAC}"), "event NamespaceMissing".into()]
    );
    assert!(
        fixture
            .message()
            .contains("NetworkNamespace \"nowhere\" does not exist in namespace a")
    );
}

#[tokio::test]
async fn a_cached_copy_older_than_the_last_write_is_left_alone() {
    let fixture = Fixture::new(&[MAC]);
    let old = fixture.world().object.clone();
    fixture.reconcile().await;
    let object = Arc::new(DeserializeGuard(Ok(old)));
    let action = reconcile(object, fixture.context.clone()).await.unwrap();
    assert_eq!(action, Action::requeue(CATCH_UP));
    assert_eq!(fixture.world().log, [""; 0]);
}
