//! Commands to a kea-dhcp6.

#![no_main]

use std::sync::LazyLock;

use kea_fuzz::input::{Family, Session};
use kea_fuzz::server::Server;
use libfuzzer_sys::arbitrary::Unstructured;
use libfuzzer_sys::fuzz_target;

static SERVER: LazyLock<Server> = LazyLock::new(|| Server::start(Family::V6).expect("the server starts"));

fuzz_target!(|bytes: &[u8]| {
    let mut bytes = Unstructured::new(bytes);
    if let Ok(session) = Session::made_of(Family::V6, &mut bytes) {
        SERVER.run(&session).expect("every answer is right");
    }
});
