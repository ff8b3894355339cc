//! Network namespaces without a name: each is held by a process, and gone with it.

use std::fs::{self, File};
use std::os::fd::AsFd as _;
use std::panic::resume_unwind;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::thread;
use std::time::Duration;

use anyhow::{Result, ensure};
use rustix::thread::{LinkNameSpaceType, move_into_link_name_space};

use crate::process::{Process, run};
use crate::wait::try_wait_for;
use crate::workdir::Workdir;

const SETTLE: Duration = Duration::from_secs(20);

/// A network namespace of its own. It exists as long as this value, or a process that was started in it.
#[derive(Debug)]
pub struct Namespace {
    holder: Process,
}

impl Namespace {
    /// Makes a namespace in which only the loopback interface exists, and is up.
    ///
    /// # Errors
    /// Without the rights of root.
    pub fn new(name: &str, dir: &Workdir) -> Result<Self> {
        ensure!(
            is_root()?,
            "network namespaces need root: run this as root or through sudo, with the same environment"
        );
        let mut hold = Command::new("unshare");
        hold.args(["--net", "--", "sleep", "infinity"]);
        let mut holder =
            Process::spawn(format!("namespace {name}"), &hold, dir.join(format!("ns-{name}.log")))?;

        let own = fs::read_link("/proc/self/ns/net")?;
        let theirs = PathBuf::from(format!("/proc/{}/ns/net", holder.pid()));
        try_wait_for(format!("the namespace {name}"), SETTLE, || {
            holder.expect_running()?;
            Ok(fs::read_link(&theirs).is_ok_and(|id| id != own).then_some(()))
        })?;
        let namespace = Self { holder };
        namespace.trust_addresses()?;
        namespace.ip(&["link", "set", "lo", "up"])?;
        Ok(namespace)
    }

    /// Lets IPv6 addresses be used at once: else each waits a second or two for a neighbour that might have it.
    fn trust_addresses(&self) -> Result<()> {
        const SCRIPT: &str = "for file in /proc/sys/net/ipv6/conf/*/accept_dad; do
            [ ! -e $file ] || echo 0 >$file
        done";
        run(self.command("sh").args(["-ec", SCRIPT])).map(drop)
    }

    /// A command that runs in this namespace; its process id is that of `program` itself.
    pub fn command(&self, program: impl AsRef<std::ffi::OsStr>) -> Command {
        let mut command = Command::new("nsenter");
        command.arg(format!("--net={}", self.path().display())).arg("--").arg(program);
        command
    }

    /// Does something on a thread in this namespace. Sockets that it makes stay there.
    pub fn inside<T: Send>(&self, run: impl FnOnce() -> Result<T> + Send) -> Result<T> {
        let namespace = File::open(self.path())?;
        let enter_and_run = || {
            move_into_link_name_space(namespace.as_fd(), Some(LinkNameSpaceType::Network))?;
            run()
        };
        thread::scope(|scope| scope.spawn(enter_and_run).join()).unwrap_or_else(|panic| resume_unwind(panic))
    }

    /// Runs `ip` of iproute2 in this namespace.
    pub fn ip(&self, arguments: &[&str]) -> Result<String> {
        run(self.command("ip").args(arguments))
    }

    /// The process whose namespace this is, as `ip link … netns` wants it.
    pub fn holder(&self) -> u32 {
        self.holder.pid()
    }

    /// The file that stands for the namespace; its link target is unique among those that exist.
    pub fn path(&self) -> PathBuf {
        PathBuf::from(format!("/proc/{}/ns/net", self.holder()))
    }
}

/// Whether the effective user of this process is root: the owner of its folder in /proc.
fn is_root() -> Result<bool> {
    use std::os::unix::fs::MetadataExt;
    Ok(fs::metadata(Path::new("/proc/self"))?.uid() == 0)
}
