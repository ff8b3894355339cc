//! Where the programs and libraries under test are.

use std::env;
use std::path::{Path, PathBuf};

use anyhow::{Context, Result, bail};

/// The file name of the hook.
const HOOK: &str = "libdhcp_host_cmds_rs.so";
/// The operator's program.
const OPERATOR: &str = "kea-operator";

/// An installation of Kea.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct KeaInstallation {
    /// The folder of the daemons.
    pub sbin: PathBuf,
    /// The folder of the hooks that come with Kea.
    pub hooks: PathBuf,
    /// Where to look for what else comes with Kea.
    roots: [PathBuf; 2],
}

impl KeaInstallation {
    /// Looks in `$KEA_ROOT`, in the folder that `hack/deps run` fills, and on the system itself, in this order.
    ///
    /// The copy of `hack/deps` comes before the system's daemons since it makes one only where those do not
    /// serve: they are absent, of another version, or kept by AppArmor from files in a temporary folder.
    pub fn find() -> Result<Self> {
        if let Some(root) = env::var_os("KEA_ROOT").filter(|root| !root.is_empty()) {
            let root = PathBuf::from(root);
            return Self::below(&root)
                .with_context(|| format!("KEA_ROOT={}: no usr/sbin/kea-dhcp4 there", root.display()));
        }
        let mut roots: Vec<PathBuf> = cache_dir().map(|cache| cache.join("kea/root")).into_iter().collect();
        roots.push(PathBuf::from("/"));
        roots.iter().find_map(|root| Self::below(root)).with_context(|| {
            format!("no usr/sbin/kea-dhcp4 below {roots:?}: run 'hack/deps run', or set KEA_ROOT")
        })
    }

    fn below(root: &Path) -> Option<Self> {
        let sbin = root.join("usr/sbin");
        if !sbin.join("kea-dhcp4").exists() {
            return None;
        }
        // Unpacked daemons use the libraries and hooks of the installed kea-common.
        let roots = [root.to_owned(), PathBuf::from("/")];
        let hooks = roots.iter().find_map(|root| hooks_below(root))?;
        Some(Self { sbin, hooks, roots })
    }

    /// One of the daemons.
    pub fn daemon(&self, name: &str) -> PathBuf {
        self.sbin.join(name)
    }

    /// A hook that comes with Kea, such as `libdhcp_lease_cmds.so`.
    pub fn hook(&self, file: &str) -> PathBuf {
        self.hooks.join(file)
    }

    /// One of the scripts of the package kea-admin, such as `pgsql/dhcpdb_create.pgsql`.
    pub fn script(&self, file: &str) -> Result<PathBuf> {
        let mut candidates = self.roots.iter().map(|root| root.join("usr/share/kea/scripts").join(file));
        candidates.find(|path| path.exists()).with_context(|| {
            format!("there is no {file} of Kea here: run 'hack/deps sql', or install kea-admin")
        })
    }
}

/// Debian keeps hooks in the folder of the architecture, others do not.
fn hooks_below(root: &Path) -> Option<PathBuf> {
    let lib = root.join("usr/lib");
    let mut candidates = vec![lib.join("kea/hooks")];
    candidates
        .extend(lib.read_dir().into_iter().flatten().flatten().map(|entry| entry.path().join("kea/hooks")));
    candidates.into_iter().find(|folder| folder.is_dir())
}

/// Where programs are that are no part of Kea: what `hack/deps` unpacked comes before what is installed.
pub(crate) fn parts() -> Vec<PathBuf> {
    let unpacked = cache_dir().map(|cache| cache.join("parts"));
    unpacked.into_iter().chain([PathBuf::from("/")]).collect()
}

/// A program by its path in a package, where it is; else by its name, which is looked for when it is run.
pub fn program(path: &str) -> PathBuf {
    let name = Path::new(path).file_name().unwrap_or_default();
    let there = parts().into_iter().map(|root| root.join(path)).find(|path| path.exists());
    there.unwrap_or_else(|| PathBuf::from(name))
}

/// The cache folder of `hack/deps`.
pub(crate) fn cache_dir() -> Option<PathBuf> {
    let set = |name: &str| env::var_os(name).filter(|value| !value.is_empty()).map(PathBuf::from);
    set("KEA_OPERATOR_CACHE").or_else(|| {
        let cache = set("XDG_CACHE_HOME").or_else(|| Some(set("HOME")?.join(".cache")))?;
        Some(cache.join("kea-operator"))
    })
}

/// The hook under test: `$KEA_HOOK`, else the one that Cargo built together with the running program.
pub fn hook_path() -> Result<PathBuf> {
    built("KEA_HOOK", HOOK, "cargo build -p dhcp_host_cmds_rs --features kea")
}

/// The operator under test: `$KEA_OPERATOR_BIN`, else the one that Cargo built for the same profile.
pub fn operator_path() -> Result<PathBuf> {
    built("KEA_OPERATOR_BIN", OPERATOR, "cargo build -p kea-operator")
}

/// Cargo puts programs into `target/<profile>/`; tests and libraries go to `deps/` below, where the library is
/// always fresh, while its copy one level up is made only when it is itself a target of the build.
fn built(variable: &str, file: &str, command: &str) -> Result<PathBuf> {
    if let Some(path) = env::var_os(variable).filter(|path| !path.is_empty()) {
        let path = PathBuf::from(path);
        return path.canonicalize().with_context(|| format!("{variable}={}: no such file", path.display()));
    }
    let program = env::current_exe()?;
    let dir = program.parent().context("a program has a folder")?;
    let profile = if dir.ends_with("deps") { dir.parent().unwrap_or(dir) } else { dir };
    let candidates = [profile.join("deps").join(file), profile.join(file)];
    match candidates.iter().find(|path| path.exists()) {
        Some(path) => Ok(path.clone()),
        None => bail!("{file} is in none of {candidates:?}: run '{command}', or set {variable}"),
    }
}
