//! The process of one run of an extension, from its start to the end of its process group.

use super::output::OutputStream;
use crate::{env::CommandLine, oom, shutdown::Shutdown};
use rustix::process::{Pid, Signal, kill_process_group};
use std::{
    ffi::OsString,
    io,
    os::unix::process::ExitStatusExt,
    pin::{Pin, pin},
    process::{ExitStatus, Stdio},
    time::Duration,
};
use tokio::{
    process::{Child, Command},
    time::timeout,
};

/// How long output may still come once the extension has ended, while a process that it left
/// behind holds its streams.
const OUTPUT_DRAIN_TIMEOUT: Duration = Duration::from_millis(250);
/// How long a killed process is waited for. Only one that hangs in the kernel takes this long.
const REAP_TIMEOUT: Duration = Duration::from_secs(5);

/// How much likelier than this program the kernel is to kill an extension when memory is short, on
/// its scale from -1000 to 1000.
const OOM_SCORE_ADJ: u16 = 300;

/// An extension's process that is to be run.
pub(super) struct Process<'a> {
    pub(super) name: &'a str,
    pub(super) command: &'a CommandLine,
    pub(super) arguments: Vec<OsString>,
    pub(super) variables: &'a [(OsString, OsString)],
    pub(super) timeout: Duration,
    /// How long it may go on when this program shuts down.
    pub(super) stop_grace: Duration,
}

/// How a run ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ProcessEnd {
    /// With this exit code.
    Code(u8),
    /// By this signal.
    Signal(i32),
    /// It was killed, because it ran longer than it may.
    TimedOut,
    /// It was killed, because this program is shutting down.
    Stopped,
}

/// How a run ended, and the last lines of both of its streams.
pub(super) struct Ended {
    pub(super) end: ProcessEnd,
    pub(super) stdout: Vec<String>,
    pub(super) stderr: Vec<String>,
}

/// Kills every process of the extension when dropped.
///
/// The group outlives its first process for as long as anything is in it. If nothing is, the
/// signal finds nobody: process ids are given out in turn, so the number is not yet in use again.
struct ProcessGroup(Option<Pid>);

impl ProcessGroup {
    fn kill(&self) {
        if let Some(group) = self.0 {
            // Fails if nobody is left, which is what is wanted.
            let _ = kill_process_group(group, Signal::KILL);
        }
    }
}

impl Drop for ProcessGroup {
    fn drop(&mut self) {
        self.kill();
    }
}

impl Process<'_> {
    /// Runs the extension.
    pub(super) async fn run(self, shutdown: &Shutdown) -> io::Result<Ended> {
        let mut child = self.start()?;
        let group = ProcessGroup(child.id().and_then(|id| Pid::from_raw(id.cast_signed())));
        if let Some(id) = child.id() {
            oom::raise_oom_score(id, OOM_SCORE_ADJ);
        }
        let (mut stdout, mut stderr) = (OutputStream::new(self.name), OutputStream::new(self.name));
        let (stdout_pipe, stderr_pipe) = (child.stdout.take(), child.stderr.take());
        let end = {
            let mut output = pin!(async {
                tokio::join!(stdout.forward(stdout_pipe), stderr.forward(stderr_pipe));
            });
            let mut output_ended = false;
            let end = tokio::select! {
                status = exit(&mut child, output.as_mut(), &mut output_ended) => status?.into(),
                () = tokio::time::sleep(self.timeout) => ProcessEnd::TimedOut,
                () = stopped(shutdown, self.stop_grace) => ProcessEnd::Stopped,
            };
            // A child of the extension may still be writing, or only hold the streams open.
            if matches!(end, ProcessEnd::Code(_)) && !output_ended {
                output_ended = timeout(OUTPUT_DRAIN_TIMEOUT, output.as_mut()).await.is_ok();
            }
            group.kill();
            if !output_ended {
                // Fails for a process that left the group and holds the streams: let it go.
                let _ = timeout(OUTPUT_DRAIN_TIMEOUT, output).await;
            }
            end
        };
        // Returns at once if it was waited for already.
        let _ = timeout(REAP_TIMEOUT, child.wait()).await;
        Ok(Ended {
            end,
            stdout: stdout.finish(),
            stderr: stderr.finish(),
        })
    }

    fn start(&self) -> io::Result<Child> {
        // With these settings the standard library starts it by `posix_spawn`, far cheaper than
        // a fork. A `pre_exec` would lose that.
        Command::new(&self.command.program)
            .args(&self.command.arguments)
            .args(&self.arguments)
            .envs(self.variables.iter().map(|(name, value)| (name, value)))
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .process_group(0)
            .kill_on_drop(true)
            .spawn()
    }
}

async fn stopped(shutdown: &Shutdown, grace: Duration) {
    shutdown.wait().await;
    tokio::time::sleep(grace).await;
}

/// Waits for the process while its output flows, or it would block on a full pipe.
async fn exit(
    child: &mut Child,
    mut output: Pin<&mut impl Future<Output = ()>>,
    output_ended: &mut bool,
) -> io::Result<ExitStatus> {
    loop {
        tokio::select! {
            status = child.wait() => return status,
            () = output.as_mut(), if !*output_ended => *output_ended = true,
        }
    }
}

impl From<ExitStatus> for ProcessEnd {
    fn from(status: ExitStatus) -> Self {
        match status.code().and_then(|code| u8::try_from(code).ok()) {
            Some(code) => Self::Code(code),
            None => Self::Signal(status.signal().unwrap_or_default()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn a_run_is_a_likelier_victim_than_this_process() {
        let own = std::fs::read_to_string("/proc/self/oom_score_adj").unwrap();
        let own: i32 = own.trim().parse().unwrap();
        let wanted = (own + i32::from(OOM_SCORE_ADJ)).min(1000);
        // It is changed just after the start.
        let script = format!(
            "for i in 1 2 3 4 5 6 7 8 9; do \
             [ $(cat /proc/$$/oom_score_adj) = {wanted} ] && exit 0; sleep 0.1; done; exit 1"
        );
        let command = CommandLine {
            program: "/bin/sh".into(),
            arguments: vec!["-c".to_owned(), script],
        };
        let run = Process {
            name: "sh",
            command: &command,
            arguments: Vec::new(),
            variables: &[],
            timeout: Duration::from_secs(20),
            stop_grace: Duration::ZERO,
        };
        let ended = run.run(&Shutdown::never()).await.unwrap();
        assert_eq!(ended.end, ProcessEnd::Code(0));
    }
}
