//! Child processes that cannot outlive the process that started them, with their output in a file.

use std::ffi::{OsStr, OsString};
use std::fs::{self, OpenOptions};
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, ExitStatus, Stdio};
use std::sync::OnceLock;
use std::sync::mpsc::{Sender, channel};
use std::time::Duration;
use std::{io, thread};

use anyhow::{Context, Result, bail};
use rustix::process::{Pid, Signal, kill_process};

use crate::wait::{try_wait_for, wait_for};

/// How long a process gets to end after SIGTERM.
const GRACE: Duration = Duration::from_secs(20);
/// Lines of a log that an error message shows.
const TAIL: usize = 30;

/// A running child: killed and reaped on drop, and killed by the kernel when this process dies before that.
#[derive(Debug)]
pub struct Process {
    name: String,
    child: Child,
    log: PathBuf,
    log_start: u64,
}

impl Process {
    /// Starts `command` with standard output and error appended to the file `log`, in a process group of its
    /// own, so that Ctrl-C reaches only this process, which then takes its children down in order.
    ///
    /// `Command::env_clear` cannot be carried over; run `env -i` where that is needed.
    pub fn spawn(name: impl Into<String>, command: &Command, log: impl Into<PathBuf>) -> Result<Self> {
        let name = name.into();
        let log = log.into();
        let output = OpenOptions::new()
            .create(true)
            .append(true)
            .open(&log)
            .with_context(|| format!("cannot open the log {} of {name}", log.display()))?;
        let log_start = output.metadata()?.len();

        let mut contained = contained(command);
        contained.stdin(Stdio::null()).stdout(output.try_clone()?).stderr(output);
        let child = spawn_on_lasting_thread(contained).with_context(|| format!("cannot start {name}"))?;
        Ok(Self { name, child, log, log_start })
    }

    /// The process id of the program itself: the wrappers replace themselves by it.
    pub fn pid(&self) -> u32 {
        self.child.id()
    }

    /// What this process has written so far; bytes that are no UTF-8 are replaced.
    pub fn log(&self) -> String {
        let bytes = fs::read(&self.log).unwrap_or_default();
        let start = usize::try_from(self.log_start).unwrap_or_default().min(bytes.len());
        String::from_utf8_lossy(&bytes[start..]).into_owned()
    }

    /// The last lines of [`Process::log`], introduced by the name of the process: for error messages.
    pub fn tail(&self) -> String {
        format!("--- end of the log of {} ---\n{}", self.name, tail(&self.log()))
    }

    /// The exit status, when the process has ended.
    pub fn exit_status(&mut self) -> Result<Option<ExitStatus>> {
        Ok(self.child.try_wait()?)
    }

    /// An error with the end of the log when the process has ended.
    pub fn expect_running(&mut self) -> Result<()> {
        match self.exit_status()? {
            None => Ok(()),
            Some(status) => bail!("{} has ended ({status})\n{}", self.name, self.tail()),
        }
    }

    /// Waits for the process to end by itself.
    pub fn wait(&mut self, deadline: Duration) -> Result<ExitStatus> {
        let what = format!("the end of {}", self.name);
        let child = &mut self.child;
        try_wait_for(what, deadline, || Ok(child.try_wait()?)).map_err(|e| e.context(self.tail()))
    }

    /// Sends a signal.
    pub fn signal(&self, signal: Signal) -> Result<()> {
        let pid = Pid::from_child(&self.child);
        kill_process(pid, signal).with_context(|| format!("cannot send {signal:?} to {}", self.name))
    }

    /// Stops the process where it stands (SIGSTOP), until [`Process::thaw`].
    pub fn freeze(&self) -> Result<()> {
        self.signal(Signal::STOP)
    }

    /// Lets a frozen process go on (SIGCONT).
    pub fn thaw(&self) -> Result<()> {
        self.signal(Signal::CONT)
    }

    /// SIGTERM, and the exit status once it has taken effect.
    pub fn terminate(&mut self) -> Result<ExitStatus> {
        if self.exit_status()?.is_none() {
            self.signal(Signal::TERM)?;
        }
        self.wait(GRACE)
    }

    /// SIGKILL, and the exit status.
    pub fn kill(&mut self) -> Result<ExitStatus> {
        self.child.kill()?;
        Ok(self.child.wait()?)
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        // Fails only when the process is gone already, which is what is wanted.
        let _ = self.kill();
    }
}

/// Runs a short command to its end; its standard output, or an error with everything it said.
pub fn run(command: &Command) -> Result<String> {
    let mut contained = contained(command);
    let output =
        contained.stdin(Stdio::null()).output().with_context(|| format!("cannot run {command:?}"))?;
    let stdout = String::from_utf8_lossy(&output.stdout).into_owned();
    if !output.status.success() {
        let stderr = String::from_utf8_lossy(&output.stderr);
        bail!("{command:?} failed ({}): {stdout}{stderr}", output.status);
    }
    Ok(stdout)
}

/// The last lines of a text.
pub fn tail(text: &str) -> String {
    let lines: Vec<&str> = text.lines().collect();
    lines[lines.len().saturating_sub(TAIL)..].join("\n")
}

/// Waits until the log file at `path` says `needle`.
pub fn wait_for_log(path: &Path, needle: &str, deadline: Duration) -> Result<()> {
    wait_for(format!("'{needle}' in {}", path.display()), deadline, || {
        fs::read_to_string(path).ok().filter(|text| text.contains(needle)).map(|_| ())
    })
}

/// The same command under `setpriv --pdeathsig`: the kernel kills it when the thread that started it ends.
fn contained(command: &Command) -> Command {
    let mut contained = Command::new("setpriv");
    contained.args(["--pdeathsig", "KILL", "--"]).arg(command.get_program()).args(command.get_args());
    contained.env("PATH", search_path()).process_group(0);
    for (name, value) in command.get_envs() {
        match value {
            Some(value) => contained.env(name, value),
            None => contained.env_remove(name),
        };
    }
    if let Some(dir) = command.get_current_dir() {
        contained.current_dir(dir);
    }
    contained
}

/// The search path with the folders of system programs, which `su` and some desktops leave out.
fn search_path() -> OsString {
    let mut path = std::env::var_os("PATH").unwrap_or_else(|| "/usr/bin:/bin".into());
    path.push(OsStr::new(":/usr/sbin:/sbin"));
    path
}

type Order = (Command, Sender<io::Result<Child>>);

/// Starts a child from a thread that lives as long as the process. The death signal is tied to the *thread*
/// that forked (prctl(2), PR_SET_PDEATHSIG): a child started from the thread of a test would die with it.
fn spawn_on_lasting_thread(command: Command) -> Result<Child> {
    static SPAWNER: OnceLock<Sender<Order>> = OnceLock::new();
    let spawner = SPAWNER.get_or_init(|| {
        let (orders, incoming) = channel::<Order>();
        thread::spawn(move || {
            for (mut command, answer) in incoming {
                let _ = answer.send(command.spawn());
            }
        });
        orders
    });
    let (answer, result) = channel();
    spawner.send((command, answer)).context("the thread that starts processes has died")?;
    Ok(result.recv().context("the thread that starts processes has died")??)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn shell(script: &str) -> Command {
        let mut command = Command::new("sh");
        command.args(["-c", script]);
        command
    }

    #[test]
    fn records_output_and_status() {
        let dir = tempfile::tempdir().unwrap();
        let mut process =
            Process::spawn("speaker", &shell("echo out; echo err >&2; exit 3"), dir.path().join("log"))
                .unwrap();
        assert_eq!(process.wait(GRACE).unwrap().code(), Some(3));
        assert_eq!(process.log(), "out\nerr\n");
        assert!(process.expect_running().unwrap_err().to_string().contains("err"));
    }

    #[test]
    fn shows_the_log_of_the_last_run_only() {
        let dir = tempfile::tempdir().unwrap();
        let log = dir.path().join("log");
        for word in ["first", "second"] {
            let mut process = Process::spawn("speaker", &shell(&format!("echo {word}")), &log).unwrap();
            process.wait(GRACE).unwrap();
            assert_eq!(process.log(), format!("{word}\n"));
        }
    }

    #[test]
    fn survives_the_thread_that_asked_for_it() {
        let dir = tempfile::tempdir().unwrap();
        let log = dir.path().join("log");
        let ready = log.clone();
        let mut process = thread::spawn(move || {
            Process::spawn("sleeper", &shell("echo up; exec sleep 600"), &ready).unwrap()
        })
        .join()
        .unwrap();
        wait_for_log(&log, "up", GRACE).unwrap();
        process.expect_running().unwrap();
        let status = process.terminate().unwrap();
        assert!(!status.success());
    }

    #[test]
    fn ends_with_its_owner() {
        let dir = tempfile::tempdir().unwrap();
        let process = Process::spawn("sleeper", &shell("exec sleep 600"), dir.path().join("log")).unwrap();
        let proc_dir = PathBuf::from(format!("/proc/{}", process.pid()));
        assert!(proc_dir.exists());
        drop(process);
        assert!(!proc_dir.exists());
    }

    #[test]
    fn a_failed_command_shows_what_it_said() {
        let error = run(&shell("echo reason >&2; false")).unwrap_err();
        assert!(error.to_string().contains("reason"), "{error}");
    }
}
