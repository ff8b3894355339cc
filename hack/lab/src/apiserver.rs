//! A Kubernetes API server with an etcd of its own, for tests of what a controller does on a cluster.
//!
//! It is the kube-apiserver of `$KUBEBUILDER_ASSETS` where that is set, the convention of envtest, and else the
//! one that `hack/apiserver/build` makes; `hack/apiserver/README.md` says what that one lacks. The same
//! command line starts both.

use std::ffi::OsString;
use std::io::{Read, Write};
use std::net::{Ipv4Addr, SocketAddrV4, TcpListener, TcpStream};
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Duration;
use std::{env, fs};

use anyhow::{Context, Result, bail};
use serde_json::{Value, json};

use crate::places::cache_dir;
use crate::process::{Process, run};
use crate::wait::try_wait_for;
use crate::workdir::Workdir;

/// Until a server answers: a release of kube-apiserver takes some ten seconds on a busy machine.
const DEADLINE: Duration = Duration::from_secs(90);
/// Between the choice of a free port and its use, another process may take it. Then all is done again.
const ATTEMPTS: usize = 5;
/// What a running server has, and what appears last at its start: controllers read its uid.
const CLUSTER_IDENTITY: [&str; 4] = ["get", "namespace", "kube-system", "default"];

/// A running API server, empty but for the system's namespaces. It is gone, with all that it stored, on drop.
#[derive(Debug)]
pub struct ApiServer {
    // In the order of their end: the folder goes last.
    server: Process,
    etcd: Process,
    dir: Workdir,
    programs: Programs,
    ports: Ports,
    kubeconfig: PathBuf,
    audited: bool,
}

impl ApiServer {
    /// Starts etcd and the API server on free ports of the loopback interface, and waits until they serve.
    /// Any number of servers run side by side.
    pub fn start() -> Result<Self> {
        Self::start_with(false)
    }

    /// The same, with a log of all requests for [`ApiServer::audit`].
    pub fn start_audited() -> Result<Self> {
        Self::start_with(true)
    }

    fn start_with(audited: bool) -> Result<Self> {
        let programs = Programs::find()?;
        let mut attempt = 1;
        loop {
            match Self::start_once(&programs, audited) {
                Err(error) if attempt < ATTEMPTS && is_port_taken(&error) => attempt += 1,
                outcome => return outcome,
            }
        }
    }

    fn start_once(programs: &Programs, audited: bool) -> Result<Self> {
        let dir = Workdir::new("apiserver")?;
        let ports = Ports::choose()?;
        let token = write_credentials(dir.path())?;
        let kubeconfig = dir.join("kubeconfig");
        fs::write(&kubeconfig, ports.kubeconfig(dir.path(), &token).to_string())?;

        let mut etcd = Process::spawn("etcd", &programs.etcd(ports, dir.path()), dir.join("etcd.log"))?;
        await_port(&mut etcd, ports.etcd)?;
        let server = programs.spawn_server(ports, dir.path(), audited)?;
        let mut started = Self { server, etcd, dir, programs: programs.clone(), ports, kubeconfig, audited };
        started.await_ready()?;
        Ok(started)
    }

    fn await_ready(&mut self) -> Result<()> {
        await_port(&mut self.server, self.ports.server)?;
        let probes = [&["get", "--raw=/readyz"][..], &CLUSTER_IDENTITY];
        let mut answer = String::new();
        let ready = try_wait_for("the API server to be ready", DEADLINE, || {
            self.etcd.expect_running()?;
            self.server.expect_running()?;
            for probe in probes {
                if let Err(error) = run(self.kubectl_command(probe).arg("--request-timeout=10s")) {
                    answer = error.to_string();
                    return Ok(None);
                }
            }
            Ok(Some(()))
        });
        ready.with_context(|| format!("last answer: {answer}\n{}", self.server.tail()))
    }

    /// A file for `KUBECONFIG`, of a user who may do everything.
    pub fn kubeconfig(&self) -> &Path {
        &self.kubeconfig
    }

    /// The address, such as `https://127.0.0.1:41234`.
    pub fn url(&self) -> String {
        self.ports.server_url()
    }

    /// Runs `kubectl` on this server; its standard output, or an error with all it said.
    pub fn kubectl(&self, arguments: &[&str]) -> Result<String> {
        run(&self.kubectl_command(arguments))
    }

    /// `kubectl` on this server, not started: for watches, which end only when killed.
    pub fn kubectl_command(&self, arguments: &[&str]) -> Command {
        let mut command = Command::new(self.programs.path("kubectl"));
        command
            .args(arguments)
            .env("KUBECONFIG", &self.kubeconfig)
            // Its cache of discovery would outlive the server, and the user's preferences change what it prints.
            .env("HOME", self.dir.path());
        command
    }

    /// `kubectl apply` of one or more YAML documents.
    pub fn apply(&self, yaml: &str) -> Result<String> {
        let mut file = tempfile::Builder::new().suffix(".yaml").tempfile_in(self.dir.path())?;
        file.write_all(yaml.as_bytes())?;
        let path = file.path().to_str().context("the path of a temporary file is UTF-8")?;
        self.kubectl(&["apply", "-f", path])
    }

    /// Applies CustomResourceDefinitions and waits until their kinds are served.
    pub fn apply_crds(&self, yaml: &str) -> Result<()> {
        self.apply(yaml)?;
        self.kubectl(&["wait", "--for=condition=Established", "--timeout=60s", "crd", "--all"])?;
        Ok(())
    }

    /// Kills the API server with SIGKILL; etcd keeps what it stored, for [`ApiServer::restart`].
    pub fn kill(&mut self) -> Result<()> {
        self.server.kill()?;
        Ok(())
    }

    /// Starts the API server again, at the same address, and waits until it serves.
    pub fn restart(&mut self) -> Result<()> {
        self.server.kill()?;
        self.server = self.programs.spawn_server(self.ports, self.dir.path(), self.audited)?;
        self.await_ready()
    }

    /// Stops the API server where it stands: connections stay open, and nothing answers.
    pub fn freeze(&self) -> Result<()> {
        self.server.freeze()
    }

    /// Lets a frozen API server go on.
    pub fn thaw(&self) -> Result<()> {
        self.server.thaw()
    }

    /// What was asked of a server that was started by [`ApiServer::start_audited`]: events of `audit.k8s.io/v1`.
    pub fn audit(&self) -> Result<Vec<Value>> {
        let log = fs::read_to_string(self.dir.join(AUDIT_LOG)).context("the log of requests")?;
        // The last line may be on its way.
        let whole = log.rsplit_once('\n').map_or("", |(whole, _)| whole);
        whole.lines().map(|line| Ok(serde_json::from_str(line)?)).collect()
    }

    /// The process ids of the API server and of its etcd.
    pub fn pids(&self) -> [u32; 2] {
        [self.server.pid(), self.etcd.pid()]
    }
}

/// A folder with the programs `etcd`, `kube-apiserver` and `kubectl`.
#[derive(Clone, Debug)]
struct Programs(PathBuf);

impl Programs {
    fn find() -> Result<Self> {
        let (dir, remedy) = match set_variable("KUBEBUILDER_ASSETS") {
            Some(assets) => {
                (PathBuf::from(assets), "KUBEBUILDER_ASSETS names that folder: correct or unset it")
            }
            None => (
                cache_dir().context("no cache folder: set HOME or KEA_OPERATOR_CACHE")?.join("apiserver/bin"),
                "run 'hack/apiserver/build', or set KUBEBUILDER_ASSETS to a folder with a release of them",
            ),
        };
        Self::in_folder(dir, remedy)
    }

    fn in_folder(dir: PathBuf, remedy: &str) -> Result<Self> {
        for program in ["etcd", "kube-apiserver", "kubectl"] {
            let path = dir.join(program);
            if !path.is_file() {
                bail!("there is no {}: {remedy}", path.display());
            }
        }
        Ok(Self(dir))
    }

    fn path(&self, program: &str) -> PathBuf {
        self.0.join(program)
    }

    fn etcd(&self, ports: Ports, dir: &Path) -> Command {
        let mut command = Command::new(self.path("etcd"));
        command
            .arg("--data-dir")
            .arg(dir.join("etcd"))
            .arg(format!("--listen-client-urls={}", ports.etcd_url()))
            .arg(format!("--advertise-client-urls={}", ports.etcd_url()))
            // Nobody is told where the peers' port is: there are no peers.
            .arg("--listen-peer-urls=http://127.0.0.1:0")
            // Nothing here must survive the machine.
            .arg("--unsafe-no-fsync");
        command
    }

    /// Each flag means the same to the test server and to a release, or nothing to the former.
    fn spawn_server(&self, ports: Ports, dir: &Path, audited: bool) -> Result<Process> {
        let key = dir.join(SERVICE_ACCOUNT_KEY);
        let mut command = Command::new(self.path("kube-apiserver"));
        for (flag, value) in [
            ("--etcd-servers", OsString::from(ports.etcd_url())),
            ("--bind-address", Ipv4Addr::LOCALHOST.to_string().into()),
            ("--advertise-address", Ipv4Addr::LOCALHOST.to_string().into()),
            ("--secure-port", ports.server.to_string().into()),
            ("--cert-dir", dir.join(CERTIFICATES).into()),
            ("--token-auth-file", dir.join(TOKENS).into()),
            ("--authorization-mode", "RBAC".into()),
            ("--disable-admission-plugins", "ServiceAccount".into()),
            ("--service-cluster-ip-range", "10.0.0.0/24".into()),
            ("--service-account-issuer", ports.server_url().into()),
            ("--service-account-key-file", key.clone().into()),
            ("--service-account-signing-key-file", key.into()),
        ] {
            command.arg(flag).arg(value);
        }
        if audited {
            let policy = json!({"apiVersion": "audit.k8s.io/v1", "kind": "Policy",
                "omitStages": ["RequestReceived"], "rules": [{"level": "Metadata"}]});
            fs::write(dir.join(AUDIT_POLICY), policy.to_string())?;
            command.arg("--audit-policy-file").arg(dir.join(AUDIT_POLICY));
            command.arg("--audit-log-path").arg(dir.join(AUDIT_LOG));
        }
        Process::spawn("kube-apiserver", &command, dir.join("kube-apiserver.log"))
    }
}

/// Where the two servers listen, on the loopback interface.
#[derive(Clone, Copy, Debug)]
struct Ports {
    etcd: u16,
    server: u16,
}

impl Ports {
    fn choose() -> Result<Self> {
        // Held together, or the second could be the first.
        let listeners = [free_port()?, free_port()?];
        Ok(Self { etcd: listeners[0].local_addr()?.port(), server: listeners[1].local_addr()?.port() })
    }

    fn etcd_url(self) -> String {
        format!("http://127.0.0.1:{}", self.etcd)
    }

    fn server_url(self) -> String {
        format!("https://127.0.0.1:{}", self.server)
    }

    /// JSON, which is YAML, too.
    fn kubeconfig(self, dir: &Path, token: &str) -> Value {
        // The file holds the server's certificate and that of the authority which the server made for it.
        let authority = dir.join(CERTIFICATES).join("apiserver.crt");
        json!({
            "apiVersion": "v1",
            "kind": "Config",
            "current-context": "lab",
            "contexts": [{"name": "lab", "context": {"cluster": "lab", "user": USER}}],
            "clusters": [{"name": "lab", "cluster": {
                "server": self.server_url(),
                "certificate-authority": authority,
            }}],
            "users": [{"name": USER, "user": {"token": token}}],
        })
    }
}

const USER: &str = "lab-admin";
const TOKENS: &str = "tokens.csv";
const CERTIFICATES: &str = "certificates";
const AUDIT_POLICY: &str = "audit-policy.yaml";
const AUDIT_LOG: &str = "audit.log";
const SERVICE_ACCOUNT_KEY: &str = "service-account.key";

/// Writes what the API server wants to know about its clients; the token of the one user.
fn write_credentials(dir: &Path) -> Result<String> {
    let mut secret = [0; 16];
    fs::File::open("/dev/urandom")?.read_exact(&mut secret)?;
    let token = format!("{:032x}", u128::from_ne_bytes(secret));
    fs::write(dir.join(TOKENS), format!("{token},{USER},{USER},\"system:masters\"\n"))?;

    // A release does not start without a key to sign tokens of service accounts with.
    let key = dir.join(SERVICE_ACCOUNT_KEY);
    let mut openssl = Command::new("openssl");
    openssl.args(["ecparam", "-name", "prime256v1", "-genkey", "-noout", "-out"]).arg(&key);
    run(&openssl).context("cannot make a key: is the package openssl installed?")?;
    Ok(token)
}

fn free_port() -> Result<TcpListener> {
    TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).context("no free port on 127.0.0.1: is the loopback up?")
}

fn await_port(process: &mut Process, port: u16) -> Result<()> {
    let address = SocketAddrV4::new(Ipv4Addr::LOCALHOST, port);
    let open = try_wait_for(format!("an answer at {address}"), DEADLINE, || {
        process.expect_running()?;
        Ok(TcpStream::connect(address).ok().map(drop))
    });
    open.with_context(|| process.tail())
}

/// Go's words for EADDRINUSE, which the errors of this module carry at the end of a log.
fn is_port_taken(error: &anyhow::Error) -> bool {
    format!("{error:#}").contains("address already in use")
}

fn set_variable(name: &str) -> Option<OsString> {
    env::var_os(name).filter(|value| !value.is_empty())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_missing_program_is_named_with_the_remedy() {
        let dir = tempfile::tempdir().unwrap();
        fs::write(dir.path().join("etcd"), "").unwrap();
        let error = Programs::in_folder(dir.path().to_owned(), "build it").unwrap_err().to_string();
        assert!(error.contains("kube-apiserver") && error.ends_with("build it"), "{error}");
    }

    #[test]
    fn ports_differ() {
        let ports = Ports::choose().unwrap();
        assert_ne!(ports.etcd, ports.server);
    }

    #[test]
    fn a_taken_port_is_told_from_other_failures() {
        let log = "listen tcp 127.0.0.1:2379: bind: address already in use";
        assert!(is_port_taken(&anyhow::anyhow!(log).context("etcd has ended")));
        assert!(!is_port_taken(&anyhow::anyhow!("permission denied")));
    }
}
