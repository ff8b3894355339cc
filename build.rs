//! Compiles the C++ shim of `kea-ffi` against the Kea headers of this machine.
//!
//! Shared build script (`build = "../build.rs"`): the current directory is the package's. Without the
//! `kea` feature it does nothing, so that the workspace builds with no C++ compiler and no Kea.

fn main() {
    println!("cargo::rerun-if-changed=../build.rs");
    #[cfg(feature = "kea")]
    kea::build();
}

#[cfg(feature = "kea")]
mod kea {
    use std::ops::RangeInclusive;
    use std::path::{Path, PathBuf};
    use std::{env, fs, process};

    /// Releases whose interface the shim knows.
    struct Series {
        name: &'static str,
        /// Their `KEA_HOOKS_VERSION`: a number for each release, and a library fits one of them only.
        numbers: RangeInclusive<u32>,
        /// The folder of declarations that the development package forgot to ship.
        compat: Option<&'static str>,
    }

    const SUPPORTED: &[Series] = &[
        Series { name: "2.2.0", numbers: 20200..=20200, compat: Some("cpp/compat-2.2") },
        Series { name: "2.6", numbers: 20603..=20699, compat: None },
        Series { name: "3.0", numbers: 30000..=30099, compat: None },
    ];

    const SOURCES: &[&str] = &[
        "cpp/client_leases.cc",
        "cpp/element.cc",
        "cpp/erasing.cc",
        "cpp/exchange.cc",
        "cpp/hosts.cc",
        "cpp/json.cc",
        "cpp/lease_callouts.cc",
        "cpp/leases.cc",
        "cpp/library.cc",
        "cpp/log.cc",
        "cpp/networks.cc",
        "cpp/outgoing.cc",
        "cpp/plain.cc",
        "cpp/plain_host.cc",
        "cpp/registration.cc",
        "cpp/server.cc",
        "cpp/sockets.cc",
        "cpp/sources.cc",
        "cpp/statistics.cc",
        "cpp/store_source.cc",
        "cpp/stored_hosts.cc",
        "cpp/subnets.cc",
        "cpp/wake.cc",
    ];

    /// Direct dependencies only; Kea's own libraries bring theirs.
    const LIBRARIES: &[&str] = &[
        "kea-dhcpsrv",
        "kea-process",
        "kea-hooks",
        "kea-stats",
        "kea-cc",
        "kea-asiolink",
        "kea-log",
        "kea-util",
        "kea-exceptions",
    ];

    pub fn build() {
        let include =
            PathBuf::from(env::var("KEA_INCLUDE_DIR").unwrap_or_else(|_| "/usr/include/kea".into()));
        println!("cargo::rerun-if-env-changed=KEA_INCLUDE_DIR");
        println!("cargo::rerun-if-env-changed=KEA_LIB_DIR");
        println!("cargo::rerun-if-changed=cpp");
        println!("cargo::rerun-if-changed=../include");

        let version = hooks_version(&include.join("hooks/hooks.h"));
        let Some(series) = SUPPORTED.iter().find(|series| series.numbers.contains(&version)) else {
            let known: Vec<&str> = SUPPORTED.iter().map(|series| series.name).collect();
            fail(&format!(
                "the Kea headers in {} are of hooks version {version}; this hook can be built for Kea {}. \
                 Install the kea-dev package of such a release, or point KEA_INCLUDE_DIR and KEA_LIB_DIR at one",
                include.display(),
                known.join(", "),
            ));
        };

        let mut shim = cxx_build::bridge("src/bridge.rs");
        shim.files(SOURCES)
            .std("c++17")
            .include("../include")
            .include(&include)
            .define("KEA_API", version.to_string().as_str())
            // Kea's headers are not clean under -Wextra, ours are compiled with the same flags.
            .warnings(false)
            .flag("-Wall")
            .flag("-Werror=return-type");
        if let Some(folder) = series.compat {
            shim.include(folder);
        }
        shim.compile("keahook");

        if let Ok(folder) = env::var("KEA_LIB_DIR") {
            println!("cargo::rustc-link-search=native={folder}");
        }
        for library in LIBRARIES {
            println!("cargo::rustc-link-lib=dylib={library}");
        }
        println!("cargo::metadata=hooks_version={version}");
    }

    /// Reads `KEA_HOOKS_VERSION`, which is a C++ constant and no macro.
    fn hooks_version(header: &Path) -> u32 {
        let text = fs::read_to_string(header).unwrap_or_else(|error| {
            fail(&format!(
                "cannot read the Kea header {}: {error}. Install Kea's development files (Debian: \
                 `apt-get install kea-dev libboost-dev`), set KEA_INCLUDE_DIR, or build without the `kea` feature",
                header.display()
            ))
        });
        text.lines()
            .find_map(|line| {
                line.split_once("KEA_HOOKS_VERSION =")?.1.trim().trim_end_matches(';').parse().ok()
            })
            .unwrap_or_else(|| fail(&format!("{} has no KEA_HOOKS_VERSION; is it Kea's?", header.display())))
    }

    fn fail(message: &str) -> ! {
        println!("cargo::error={message}");
        process::exit(1)
    }
}
