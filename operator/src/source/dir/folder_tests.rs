use super::*;
use crate::crd::{NetworkConfigurationStatus, NetworkInterface};
use tempfile::TempDir;

struct Fixture {
    path: TempDir,
    folder: Folder,
    objects: Store<AnyConfiguration>,
    networks: Store<AnyNamespace>,
}

fn vm(name: &str, macs: &[&str]) -> String {
    let interfaces: Vec<String> = macs.iter().map(|mac| format!("{{macAddress: \"{mac}\"}}")).collect();
    let interfaces = interfaces.join(", ");
    format!(
        "apiVersion: vitistack.io/v1alpha1\nkind: NetworkConfiguration\nmetadata: {{name: {name}}}\nspec: {{name: {name}, networkInterfaces: [{interfaces}]}}\n"
    )
}

fn network(prefix: &str) -> String {
    format!(
        "apiVersion: vitistack.io/v1alpha1\nkind: NetworkNamespace\nmetadata: {{name: nn}}\nstatus: {{ipv4Prefix: {prefix}}}\n"
    )
}

impl Fixture {
    fn new() -> Self {
        Self::open(tempfile::tempdir().unwrap())
    }

    fn open(path: TempDir) -> Self {
        let (folder, objects, networks) = Folder::open(path.path()).unwrap();
        Self { path, folder, objects, networks }
    }

    /// As if the process ended and another began.
    fn restart(self) -> Self {
        let Self { path, folder, .. } = self;
        drop(folder);
        Self::open(path)
    }

    fn put(&self, file: &str, text: &str) {
        std::fs::write(self.path.path().join(file), text).unwrap();
    }

    fn remove(&self, file: &str) {
        std::fs::remove_file(self.path.path().join(file)).unwrap();
    }

    /// Reads the folder; returns the names of the objects that something happened to.
    fn scan(&mut self) -> Vec<String> {
        self.folder.scan().into_iter().map(|reference| reference.name).collect()
    }

    fn get(&self, name: &str) -> Option<NetworkConfiguration> {
        let objects = self.objects.state();
        objects.iter().find(|object| object.name_any() == name).map(|object| object.read().unwrap())
    }

    /// What the controller does with an object that it serves.
    fn claim(&mut self, name: &str) {
        let object = self.get(name).unwrap();
        self.folder
            .change(&object, |known| {
                known.metadata.finalizers = Some(vec!["vitistack.io/f".into()]);
            })
            .unwrap();
        let interface = NetworkInterface { mac_address: Some("m".into()), ..Default::default() };
        let status = NetworkConfigurationStatus { network_interfaces: vec![interface], ..Default::default() };
        self.folder.change(&object, |known| known.status = Some(status)).unwrap();
    }

    fn status_files(&self) -> Vec<String> {
        let mut names: Vec<String> = std::fs::read_dir(self.path.path().join("status"))
            .unwrap()
            .map(|entry| entry.unwrap().file_name().into_string().unwrap())
            .filter(|name| !name.starts_with('.'))
            .collect();
        names.sort();
        names
    }
}

const RECORD: &str = "networkconfiguration.default.vm.yaml";

#[test]
fn objects_come_change_and_keep_what_is_known_of_them() {
    let mut fixture = Fixture::new();
    fixture.put("vm.yaml", &vm("vm", &["a"]));
    assert_eq!(fixture.scan(), ["vm"]);
    assert_eq!(fixture.scan(), [""; 0]);
    let first = fixture.get("vm").unwrap();
    assert_eq!((first.metadata.uid.as_deref(), first.metadata.generation), (Some("default/vm"), Some(1)));
    fixture.claim("vm");
    assert_eq!(fixture.scan(), [""; 0]);

    fixture.put("vm.yaml", &vm("vm", &["b"]));
    assert_eq!(fixture.scan(), ["vm"]);
    let second = fixture.get("vm").unwrap();
    assert_eq!(second.metadata.generation, Some(2));
    assert_eq!(second.metadata.uid, first.metadata.uid);
    assert_eq!(second.finalizers(), ["vitistack.io/f"]);
    assert_eq!(second.status.unwrap().network_interfaces.len(), 1);
}

#[test]
fn versions_grow() {
    let mut fixture = Fixture::new();
    fixture.put("vm.yaml", &vm("vm", &["a"]));
    fixture.scan();
    let version = |object: NetworkConfiguration| object.resource_version().unwrap().parse::<u64>().unwrap();
    let object = fixture.get("vm").unwrap();
    let written = fixture.folder.change(&object, |known| known.status = None).unwrap();
    assert!(version(object) < written.parse().unwrap());
    assert_eq!(version(fixture.get("vm").unwrap()).to_string(), written);
}

#[test]
fn a_removed_file_deletes_its_object_which_stays_until_it_is_let_go() {
    let mut fixture = Fixture::new();
    fixture.put("vm.yaml", &vm("vm", &["a"]));
    fixture.scan();
    fixture.claim("vm");
    fixture.remove("vm.yaml");
    assert_eq!(fixture.scan(), ["vm"]);
    let deleted = fixture.get("vm").unwrap();
    assert!(deleted.metadata.deletion_timestamp.is_some());
    assert_eq!(fixture.status_files(), [RECORD]);
    fixture.folder.finish(&deleted).unwrap();
    assert_eq!(fixture.get("vm"), None);
    assert_eq!(fixture.status_files(), [""; 0]);
}

#[test]
fn a_file_that_is_removed_while_nobody_looks_is_a_deletion_too() {
    let mut fixture = Fixture::new();
    fixture.put("vm.yaml", &vm("vm", &["a"]));
    fixture.scan();
    fixture.claim("vm");
    fixture.remove("vm.yaml");
    let mut fixture = fixture.restart();
    assert_eq!(fixture.scan(), ["vm"]);
    let deleted = fixture.get("vm").unwrap();
    assert!(deleted.metadata.deletion_timestamp.is_some());
    assert_eq!(deleted.status.unwrap().network_interfaces.len(), 1);
}

#[test]
fn an_object_that_nobody_holds_goes_at_once() {
    let mut fixture = Fixture::new();
    fixture.put("vm.yaml", &vm("vm", &["a"]));
    fixture.scan();
    fixture.remove("vm.yaml");
    fixture.scan();
    assert_eq!(fixture.get("vm"), None);
}

#[test]
fn a_file_that_comes_back_ends_the_deletion() {
    let mut fixture = Fixture::new();
    fixture.put("vm.yaml", &vm("vm", &["a"]));
    fixture.scan();
    fixture.claim("vm");
    fixture.remove("vm.yaml");
    fixture.scan();
    let deleted = fixture.get("vm").unwrap();
    fixture.put("again.yaml", &vm("vm", &["a"]));
    assert_eq!(fixture.scan(), ["vm"]);
    assert_eq!(fixture.get("vm").unwrap().metadata.deletion_timestamp, None);
    assert!(matches!(fixture.folder.finish(&deleted), Err(SourceError::Conflict(_))));
    assert!(fixture.get("vm").is_some());
}

#[test]
fn a_broken_file_is_reported_and_deletes_nothing() {
    let mut fixture = Fixture::new();
    fixture.put("vm.yaml", &vm("vm", &["a"]));
    fixture.put("other.yaml", &vm("other", &["b"]));
    fixture.scan();
    fixture.claim("vm");
    for broken in ["kind: [", ""] {
        fixture.put("vm.yaml", broken);
        assert_eq!(fixture.scan(), [""; 0]);
        assert!(fixture.status_files().contains(&"vm.yaml.error".into()));
        assert_eq!(fixture.get("vm").unwrap().metadata.deletion_timestamp, None);
        fixture = fixture.restart();
        fixture.scan();
        assert_eq!(fixture.get("vm").unwrap().metadata.deletion_timestamp, None, "{broken:?}");
    }
    fixture.put("vm.yaml", &vm("vm", &["a"]));
    fixture.scan();
    assert_eq!(fixture.status_files(), [RECORD]);
}

#[test]
fn an_object_in_two_files_is_that_of_the_first() {
    let mut fixture = Fixture::new();
    fixture.put("a.yaml", &vm("vm", &["a"]));
    fixture.put("b.yaml", &vm("vm", &["b"]));
    fixture.scan();
    let object = fixture.get("vm").unwrap();
    assert_eq!(object.spec.network_interfaces[0].mac_address.as_deref(), Some("a"));
    let report = std::fs::read_to_string(fixture.path.path().join("status/b.yaml.error")).unwrap();
    assert!(report.contains("default/vm, which a.yaml has too"), "{report}");
}

#[test]
fn a_network_that_changes_touches_its_users() {
    let mut fixture = Fixture::new();
    fixture.put("vm.yaml", &vm("vm", &["a"]));
    fixture.put("nn.yaml", &network("10.0.0.0/24"));
    fixture.scan();
    assert_eq!(fixture.networks.state().len(), 1);
    assert_eq!(fixture.scan(), [""; 0]);
    fixture.put("nn.yaml", &network("10.1.0.0/24"));
    assert_eq!(fixture.scan(), ["vm"]);
    fixture.put("nn.yaml", "kind: [");
    assert_eq!(fixture.scan(), [""; 0]);
    assert_eq!(fixture.networks.state().len(), 1);
    fixture.remove("nn.yaml");
    assert_eq!(fixture.scan(), ["vm"]);
    assert_eq!(fixture.networks.state().len(), 0);
}

#[test]
fn a_folder_that_is_not_mounted_deletes_nothing() {
    let mut fixture = Fixture::new();
    fixture.put("vm.yaml", &vm("vm", &["a"]));
    fixture.scan();
    fixture.claim("vm");
    fixture.remove("vm.yaml");
    std::fs::remove_dir_all(fixture.path.path().join("status")).unwrap();
    assert_eq!(fixture.scan(), [""; 0]);
    assert_eq!(fixture.get("vm").unwrap().metadata.deletion_timestamp, None);
}

#[test]
fn a_folder_is_served_by_one_process() {
    let fixture = Fixture::new();
    let Err(error) = Folder::open(fixture.path.path()) else { panic!("opened twice") };
    assert!(error.to_string().contains("another kea-operator serves this folder"), "{error}");
}

#[test]
fn what_cannot_be_opened_is_named() {
    let Err(error) = Folder::open(Path::new("/nonexistent/folder")) else { panic!("opened") };
    assert!(error.to_string().contains("cannot read the folder /nonexistent/folder"), "{error}");
}
