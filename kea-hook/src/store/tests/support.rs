//! Reservations and stores for tests.

use std::cell::Cell;
use std::net::Ipv4Addr;
use std::path::{Path, PathBuf};
use std::process::Command;

use tempfile::TempDir;

use crate::store::{
    By, Family, Identifier, IdentifierType, OpenError, OpenOptions, Query, Reservation, Store,
};

thread_local! {
    static LOG_BYTES: Cell<Option<u32>> = const { Cell::new(None) };
}

/// New files of this thread get a log of this length, so that it is often full.
pub fn with_small_logs(bytes: u32) {
    LOG_BYTES.set(Some(bytes));
}

pub fn log_bytes() -> Option<u32> {
    LOG_BYTES.get()
}

/// A folder that goes away with the test, and the path of a store in it.
pub struct Place {
    pub folder: TempDir,
    pub path: PathBuf,
}

impl Place {
    pub fn new() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("hosts.db");
        Self { folder, path }
    }

    pub fn open(&self) -> Store {
        open(&self.path).unwrap()
    }

    pub fn refusal(&self) -> OpenError {
        refusal(&self.path)
    }
}

pub fn open(path: &Path) -> Result<Store, OpenError> {
    Store::open(path, &OpenOptions::default())
}

pub fn open_read_only(path: &Path) -> Result<Store, OpenError> {
    Store::open(path, &OpenOptions { read_only: true })
}

pub fn refusal(path: &Path) -> OpenError {
    open(path).map(|store| store.status()).expect_err("this must not open")
}

/// A DHCPv4 reservation of the size that is usual in practice.
pub fn v4(device: u32, subnet: u32) -> Reservation {
    let [a, b, c, d] = device.to_be_bytes();
    let address = Ipv4Addr::from(0x0a00_0000 + device);
    let mac = format!("02:00:{a:02x}:{b:02x}:{c:02x}:{d:02x}");
    let body = format!(
        r#"{{"hw-address":"{mac}","ip-address":"{address}","hostname":"Host-{device}","user-context":{{"owner":"test"}}}}"#
    );
    Reservation {
        identifier: Identifier { kind: IdentifierType::HwAddress, value: [2, 0, a, b, c, d].into() },
        subnet_v4: Some(subnet),
        subnet_v6: None,
        ipv4: Some(address),
        ipv6: Box::default(),
        hostname: format!("Host-{device}").into_bytes().into(),
        body: body.into_bytes().into(),
    }
}

pub fn with_body(mut reservation: Reservation, body: &str) -> Reservation {
    reservation.body = body.as_bytes().into();
    reservation
}

pub fn client(reservation: &Reservation) -> By<'_> {
    By::Identifier(reservation.identifier.kind, &reservation.identifier.value)
}

pub fn v4_client(reservation: &Reservation) -> Query<'_> {
    Query::in_subnet(Family::V4, reservation.subnet_v4.unwrap(), client(reservation))
}

/// Everything in a store, in page order.
pub fn content(store: &Store) -> Vec<Reservation> {
    let all = store.find(&Query::anywhere(By::Any));
    all.iter().map(|stored| stored.reservation.clone()).collect()
}

/// A command that runs one (ignored) test of this binary in a process of its own.
pub fn helper(test: &str) -> Command {
    let mut command = Command::new(std::env::current_exe().unwrap());
    command.args(helper_arguments(test));
    command
}

pub fn helper_arguments(test: &str) -> [String; 4] {
    ["--ignored", "--nocapture", "--exact", &format!("store::tests::{test}")].map(str::to_owned)
}
