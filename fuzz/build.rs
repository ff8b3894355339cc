//! Compiles what stands in for the daemon, against the Kea headers of this machine.

use std::env;

/// Direct dependencies only; Kea's own libraries bring theirs.
const LIBRARIES: &[&str] = &[
    "kea-dhcpsrv",
    "kea-dhcp++",
    "kea-process",
    "kea-hooks",
    "kea-cc",
    "kea-asiolink",
    "kea-log",
    "kea-util",
    "kea-exceptions",
];

fn main() {
    let include = env::var("KEA_INCLUDE_DIR").unwrap_or_else(|_| "/usr/include/kea".into());
    println!("cargo::rerun-if-env-changed=KEA_INCLUDE_DIR");
    println!("cargo::rerun-if-env-changed=KEA_LIB_DIR");
    println!("cargo::rerun-if-changed=cpp");
    cxx_build::bridge("src/kea.rs")
        .file("cpp/server.cc")
        .std("c++17")
        .include(include)
        // Headers that Kea 2.2's development package forgot, behind its own.
        .include("../ffi/cpp/compat-2.2")
        .warnings(false)
        .compile("keafuzz");
    if let Ok(folder) = env::var("KEA_LIB_DIR") {
        println!("cargo::rustc-link-search=native={folder}");
    }
    for library in LIBRARIES {
        println!("cargo::rustc-link-lib=dylib={library}");
    }
    // The counters of the hook, which is loaded, are registered with the fuzzer in this program.
    println!("cargo::rustc-link-arg-bins=-rdynamic");
}
