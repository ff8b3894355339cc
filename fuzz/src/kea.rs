//! The bridge to `cpp/server.cc`.

// `cxx` generates code that these lints dislike, and items that carry their docs in the C++ header.
#![allow(unsafe_code, missing_docs, clippy::pedantic, clippy::panic)]

#[cxx::bridge(namespace = "keafuzz")]
pub mod ffi {
    unsafe extern "C++" {
        include!("kea-fuzz/cpp/server.hpp");

        fn start(six: bool, library: &str, store: &str) -> Result<()>;
        fn command(request: &str) -> Result<String>;
        fn change_lease(change: &str, client: u8, subnet: u32, address: &str) -> Result<()>;
        fn wipe_leases(subnet: u32) -> Result<()>;
    }
}
