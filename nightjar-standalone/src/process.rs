//! Process of Envoy: its start, its log and its signals.

use crate::launch::{Launch, RestartMode};
use nightjar_core::{envoy::on_one_line, oom};
use rustix::process::{Pid, Signal};
use std::{
    io,
    os::unix::process::CommandExt as _,
    process::{ExitCode, ExitStatus, Stdio},
    time::Duration,
};
use tokio::{
    io::{AsyncBufReadExt as _, AsyncRead, BufReader},
    process::Command,
    sync::watch,
};
use tracing::Level;

/// The first argument that makes this program become Envoy; see [`shim`].
pub(crate) const SHIM: &str = "__become-envoy";

/// What turns into Envoy: this program itself.
#[cfg(not(test))]
const STARTER: [&str; 2] = ["/proc/self/exe", SHIM];
/// Where this program is that of the tests, a shell that leaves out whose child it is.
#[cfg(test)]
const STARTER: [&str; 4] = ["/bin/sh", "-c", "shift 2; exec \"$@\"", SHIM];

/// How long the log may still come once the process has ended.
const LOG_DRAIN_TIMEOUT: Duration = Duration::from_millis(250);

/// The OOM score of a process that does not serve yet: the kernel kills it sooner than Nightjar.
const SUCCESSOR_OOM_SCORE: u16 = 500;

/// A started Envoy.
pub(crate) struct Process {
    pid: Option<Pid>,
    exit: watch::Receiver<bool>,
}

impl Process {
    /// Starts Envoy in a process group of its own, so that a terminal's Ctrl-C reaches Nightjar
    /// alone, which then drains it.
    ///
    /// `report_error` gets every line of its log that is about a rejection, `ended` how it ended.
    pub(crate) fn spawn(
        launch: &Launch,
        epoch: u32,
        parent_grace: Duration,
        report_error: impl FnMut(String) + Send + 'static,
        ended: impl FnOnce(ExitStatus) + Send + 'static,
    ) -> io::Result<Self> {
        // The process that it replaces serves until this one does.
        let score = if epoch > 0 { SUCCESSOR_OOM_SCORE } else { 0 };
        let [starter, become_envoy @ ..] = STARTER;
        let mut child = Command::new(starter)
            .args(become_envoy)
            .arg(std::process::id().to_string())
            .arg(score.to_string())
            .arg(&launch.program)
            .args(arguments(launch, epoch, parent_grace))
            .stdin(Stdio::null())
            .stderr(Stdio::piped())
            .process_group(0)
            .spawn()?;
        let pid = child
            .id()
            .and_then(|id| Pid::from_raw(i32::try_from(id).ok()?));
        let log = child
            .stderr
            .take()
            .map(|stderr| tokio::spawn(forward(stderr, report_error)));
        let (report, exit) = watch::channel(false);
        tokio::spawn(async move {
            let status = child.wait().await.unwrap_or_default();
            report.send_replace(true);
            // The last lines of its log come before the report of its end.
            if let Some(log) = log {
                let _ = tokio::time::timeout(LOG_DRAIN_TIMEOUT, log).await;
            }
            ended(status);
        });
        Ok(Self { pid, exit })
    }

    /// Its process id, while it runs.
    pub(crate) fn id(&self) -> Option<u32> {
        let pid = self.pid.filter(|_| !*self.exit.borrow())?;
        u32::try_from(pid.as_raw_nonzero().get()).ok()
    }

    /// The kernel kills it no sooner than Nightjar itself any more.
    pub(crate) fn protect_from_oom(&self) {
        if let Some(id) = self.id() {
            oom::raise_oom_score(id, 0);
        }
    }

    /// Sends a signal to the process and all that it started.
    pub(crate) fn signal(&self, signal: Signal) {
        if let Some(pid) = self.pid
            && !*self.exit.borrow()
        {
            let _ = rustix::process::kill_process_group(pid, signal);
        }
    }
}

fn arguments(launch: &Launch, epoch: u32, parent_grace: Duration) -> Vec<String> {
    let seconds = |time: Duration| time.as_secs_f64().ceil().max(1.0).to_string();
    let mut arguments = vec![
        "-c".to_owned(),
        launch.bootstrap.to_string_lossy().into_owned(),
        "-l".to_owned(),
        launch.log_level.clone(),
        "--drain-time-s".to_owned(),
        seconds(launch.drain_time),
        "--parent-shutdown-time-s".to_owned(),
        seconds(launch.drain_time + parent_grace),
    ];
    if launch.restart_mode == RestartMode::Hot {
        let ids = [
            "--restart-epoch",
            &epoch.to_string(),
            "--base-id",
            &launch.base_id.to_string(),
        ];
        arguments.extend(ids.map(ToOwned::to_owned));
    } else {
        arguments.push("--disable-hot-restart".to_owned());
    }
    if !launch
        .extra_args
        .iter()
        .any(|arg| arg.starts_with("--log-format"))
    {
        arguments.extend(["--log-format".to_owned(), LOG_FORMAT.to_owned()]);
    }
    arguments.extend(launch.extra_args.iter().cloned());
    arguments
}

/// Level, logger, message: the time is Nightjar's to add.
const LOG_FORMAT: &str = "%l %n %v";

/// Passes Envoy's log on, line by line, at its own levels.
///
/// A message may go on over further lines, which have no level of their own.
async fn forward(stderr: impl AsyncRead + Unpin, mut report_error: impl FnMut(String)) {
    let mut lines = BufReader::new(stderr).split(b'\n');
    let mut level = Level::INFO;
    let mut unfinished_error = None;
    while let Ok(Some(line)) = lines.next_segment().await {
        let line = String::from_utf8_lossy(&line);
        let begun = line
            .split_once(' ')
            .and_then(|(level_name, message)| Some((level_of(level_name)?, level_name, message)));
        let message = match begun {
            Some((own, level_name, message)) => {
                level = own;
                let text = message.split_once(' ').map_or(message, |(_, text)| text);
                unfinished_error = None;
                if level_name == "critical" || text.starts_with(REJECTION_PREFIX) {
                    let (head, whole) = reason_of(text);
                    report_error(head.clone());
                    unfinished_error = (!whole).then_some(head);
                }
                message
            }
            None if line.trim().is_empty() => continue,
            None => {
                // In between may be a whole listener; the last line has the reason.
                if line.contains(BASE_ID_IN_USE) || line.starts_with("previous envoy process") {
                    report_error(on_one_line(&line));
                }
                if let Some(head) = &unfinished_error {
                    report_error(format!("{head} … {}", on_one_line(&line)));
                }
                &line
            }
        };
        match level {
            Level::ERROR => tracing::error!("envoy: {message}"),
            Level::WARN => tracing::warn!("envoy: {message}"),
            _ => tracing::info!("envoy: {message}"),
        }
    }
}

/// How Envoy begins when it rejects a file, or cannot read it.
const REJECTION_PREFIX: &str = "Filesystem config update ";

/// What Envoy says before it has a log, when another one has its base id.
const BASE_ID_IN_USE: &str = "see --base-id option";

/// The reason in a message's first line, and whether it is the whole reason.
fn reason_of(text: &str) -> (String, bool) {
    let bootstrap = text
        .strip_prefix("error `")
        .and_then(|rest| rest.split_once("` initializing config"));
    let reason = bootstrap.map_or(text, |(reason, _)| reason);
    match reason.split_once("): {") {
        // The file itself follows.
        Some((reason, _)) => (on_one_line(&format!("{reason})")), true),
        None => (on_one_line(reason), bootstrap.is_some()),
    }
}

/// What one of Envoy's levels is here.
fn level_of(level_name: &str) -> Option<Level> {
    match level_name {
        "critical" | "error" => Some(Level::ERROR),
        "warning" => Some(Level::WARN),
        "info" | "debug" | "trace" => Some(Level::INFO),
        _ => None,
    }
}

/// Becomes Envoy, which then does not outlive Nightjar.
///
/// A supervisor that was killed cannot end its Envoy, and one that is left behind would hold the
/// ports and serve an old configuration for ever. Only a process itself can ask the kernel to be
/// killed when its parent dies, so this program starts itself, asks, and turns into Envoy.
///
/// It also says how much sooner than Nightjar it may be ended when memory runs out: from outside,
/// Envoy could run before it is said.
pub(crate) fn shim(mut args: impl Iterator<Item = std::ffi::OsString>) -> ExitCode {
    let (Some(parent), Some(score), Some(program)) = (args.next(), args.next(), args.next()) else {
        return ExitCode::from(64);
    };
    let Some(score) = score.to_str().and_then(|text| text.parse().ok()) else {
        return ExitCode::from(64);
    };
    if score > 0 {
        oom::raise_own_oom_score(score);
    }
    let wanted = rustix::process::set_parent_process_death_signal(Some(Signal::KILL));
    let parent_lives =
        rustix::process::getppid().is_some_and(|pid| *pid.as_raw_nonzero().to_string() == *parent);
    if wanted.is_err() || !parent_lives {
        return ExitCode::FAILURE;
    }
    let error = std::process::Command::new(&program).args(args).exec();
    let _ = io::Write::write_all(
        &mut io::stderr(),
        format!("critical - {}: {error}\n", program.to_string_lossy()).as_bytes(),
    );
    ExitCode::FAILURE
}

#[cfg(test)]
mod tests;
