//! A started program that ends with its test, and its log.

use rustix::process::{Pid, Signal, kill_process, kill_process_group};
use std::{
    fs::File,
    os::unix::process::CommandExt as _,
    path::{Path, PathBuf},
    process::{Child, Command, ExitStatus, Stdio},
    time::{Duration, Instant},
};

/// Clock ticks a second, as Linux counts CPU time for every process.
const TICKS: f64 = 100.0;

/// CPU time in seconds, user and system.
#[derive(Debug, Clone, Copy)]
pub struct CpuSeconds {
    /// That of the process.
    pub own: f64,
    /// That of the children that it has waited for.
    pub children: f64,
}

/// The CPU time that a process has taken so far. An Envoy that it runs is not among its children yet.
pub fn cpu_seconds(id: u32) -> CpuSeconds {
    let stat = std::fs::read_to_string(format!("/proc/{id}/stat")).unwrap();
    let fields = stat.rsplit_once(") ").unwrap().1;
    let mut times = fields.split(' ').skip(11);
    let mut next = || times.next().unwrap().parse::<f64>().unwrap();
    let mut seconds = || (next() + next()) / TICKS;
    CpuSeconds {
        own: seconds(),
        children: seconds(),
    }
}

/// A running program. Dropping it kills it with all that it started.
pub struct Process {
    child: Child,
    log: PathBuf,
    status: Option<ExitStatus>,
}

impl Process {
    /// Starts a program in a process group of its own; both of its outputs go to the file `log`.
    pub fn start(command: &mut Command, log: &Path) -> Self {
        let file = File::options().create(true).append(true).open(log).unwrap();
        let child = command
            .stdin(Stdio::null())
            .stdout(file.try_clone().unwrap())
            .stderr(file)
            .process_group(0)
            .spawn()
            .unwrap_or_else(|error| panic!("{command:?}: {error}"));
        Self {
            child,
            log: log.to_owned(),
            status: None,
        }
    }

    /// The process id.
    pub fn id(&self) -> u32 {
        self.child.id()
    }

    /// Everything it has written so far.
    pub fn log(&self) -> String {
        String::from_utf8_lossy(&std::fs::read(&self.log).unwrap_or_default()).into_owned()
    }

    /// Sends a signal to the program alone.
    pub fn signal(&self, signal: Signal) {
        if self.status.is_none() {
            kill_process(self.pid(), signal).unwrap();
        }
    }

    /// The exit status, if it has ended.
    pub fn status(&mut self) -> Option<ExitStatus> {
        if self.status.is_none() {
            self.status = self.child.try_wait().unwrap();
        }
        self.status
    }

    /// Waits for its end; fails if it takes longer than `timeout`.
    pub fn wait(&mut self, timeout: Duration) -> ExitStatus {
        let deadline = Instant::now() + timeout;
        loop {
            if let Some(status) = self.status() {
                return status;
            }
            assert!(
                Instant::now() < deadline,
                "it has not ended in {timeout:?}:\n{}",
                self.log()
            );
            std::thread::sleep(Duration::from_millis(5));
        }
    }

    /// Sends SIGTERM and waits for the end.
    pub fn stop(&mut self) -> ExitStatus {
        self.signal(Signal::TERM);
        self.wait(crate::WAIT_TIMEOUT)
    }

    fn pid(&self) -> Pid {
        Pid::from_raw(i32::try_from(self.child.id()).unwrap()).unwrap()
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        if self.status().is_none() {
            let _ = kill_process_group(self.pid(), Signal::KILL);
            let _ = self.child.wait();
        }
    }
}

/// The processes whose command line holds `text`: id and command line.
pub fn with_argument(text: &str) -> Vec<(u32, String)> {
    let entries = std::fs::read_dir("/proc").unwrap().flatten();
    let ids = entries.filter_map(|entry| entry.file_name().to_str()?.parse::<u32>().ok());
    ids.filter(|id| *id != std::process::id())
        .filter_map(|id| {
            let line = command_line(id)?;
            line.contains(text).then_some((id, line))
        })
        .collect()
}

/// The command line of a process. One that is just becoming another program has none for a moment.
fn command_line(id: u32) -> Option<String> {
    for _ in 0..100 {
        let line = std::fs::read(format!("/proc/{id}/cmdline")).ok()?;
        // Neither what has ended nor a thread of the kernel has a program.
        if !line.is_empty() || std::fs::read_link(format!("/proc/{id}/exe")).is_err() {
            return Some(String::from_utf8_lossy(&line).replace('\0', " "));
        }
        std::thread::sleep(Duration::from_millis(1));
    }
    None
}
