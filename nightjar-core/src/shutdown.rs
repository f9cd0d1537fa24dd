//! Signals that stop a program or make it refresh.
//!
//! SIGTERM and SIGINT stop the program, SIGHUP refreshes. SIGUSR1 and SIGUSR2, which would end it
//! undrained, are ignored with a line in the log. SIGPIPE is ignored by Rust's runtime.

use std::{
    fmt, io,
    path::{Path, PathBuf},
    time::Duration,
};
use tokio::{
    signal::unix::{Signal, SignalKind, signal},
    sync::watch,
};

/// How often the stop file is looked for.
const STOP_FILE_PERIOD: Duration = Duration::from_millis(500);

/// Why a program has to stop.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum StopReason {
    /// SIGTERM was received.
    Terminate,
    /// SIGINT was received, as from Ctrl-C.
    Interrupt,
    /// The stop file appeared.
    StopFile(PathBuf),
    /// The stop file was there when the program started.
    StaleStopFile(PathBuf),
    /// Another part of the program asked for it, for this reason.
    Requested(String),
}

impl fmt::Display for StopReason {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Terminate => f.write_str("received SIGTERM"),
            Self::Interrupt => f.write_str("received SIGINT"),
            Self::StopFile(path) => write!(f, "the stop file {} appeared", path.display()),
            Self::StaleStopFile(path) => write!(
                f,
                "the stop file {} existed before the start; remove it to run",
                path.display()
            ),
            Self::Requested(reason) => f.write_str(reason),
        }
    }
}

/// Signal to every part of a program that it has to stop. Clones are cheap, and all of them see the
/// same stop.
#[derive(Debug, Clone)]
pub struct Shutdown {
    stop: watch::Receiver<Option<StopReason>>,
    refresh: watch::Receiver<u64>,
}

/// Requests a stop or a refresh from within the program.
#[derive(Debug, Clone)]
pub struct ShutdownHandle {
    stop: watch::Sender<Option<StopReason>>,
    refresh: watch::Sender<u64>,
}

/// Requests for refreshes, as by SIGHUP. Each value keeps its own count of what it has seen.
#[derive(Debug, Clone)]
pub struct RefreshRequests(watch::Receiver<u64>);

impl Shutdown {
    /// Listens for SIGTERM, SIGINT, SIGHUP and the stop file, on the current Tokio runtime, and
    /// ignores SIGUSR1 and SIGUSR2.
    ///
    /// A stop file that is there already means stop at once. Fails if a signal handler cannot be
    /// set up.
    pub fn listen(stop_file: Option<&Path>) -> io::Result<Self> {
        let (handle, shutdown) = Self::manual();
        on_signal(signal(SignalKind::terminate())?, &handle, |to| {
            to.stop(StopReason::Terminate);
        });
        on_signal(signal(SignalKind::interrupt())?, &handle, |to| {
            to.stop(StopReason::Interrupt);
        });
        on_signal(
            signal(SignalKind::hangup())?,
            &handle,
            ShutdownHandle::refresh,
        );
        ignore(signal(SignalKind::user_defined1())?, "SIGUSR1");
        ignore(signal(SignalKind::user_defined2())?, "SIGUSR2");
        if let Some(path) = stop_file {
            watch_stop_file(path.to_owned(), handle);
        }
        Ok(shutdown)
    }

    /// A shutdown that only the handle brings about.
    pub fn manual() -> (ShutdownHandle, Self) {
        let (stop, stop_receiver) = watch::channel(None);
        let (refresh, refresh_receiver) = watch::channel(0);
        let handle = ShutdownHandle { stop, refresh };
        (
            handle,
            Self {
                stop: stop_receiver,
                refresh: refresh_receiver,
            },
        )
    }

    /// A shutdown that never comes.
    pub fn never() -> Self {
        Self::manual().1
    }

    /// Whether the program has to stop.
    pub fn is_requested(&self) -> bool {
        self.stop.borrow().is_some()
    }

    /// Why, if the program has to stop.
    pub fn reason(&self) -> Option<StopReason> {
        self.stop.borrow().clone()
    }

    /// Waits until the program has to stop; returns at once if it is to already.
    pub async fn wait(&self) -> StopReason {
        let mut stop = self.stop.clone();
        // Two steps: what `wait_for` lends must not be held while waiting.
        let reason = stop
            .wait_for(Option::is_some)
            .await
            .ok()
            .and_then(|reason| reason.clone());
        match reason {
            Some(reason) => reason,
            // No handle is left that could request it.
            None => std::future::pending().await,
        }
    }

    /// Sleeps for `time`, or until the program has to stop. Returns whether it slept to the end.
    pub async fn sleep(&self, time: Duration) -> bool {
        tokio::select! {
            biased;
            _ = self.wait() => false,
            () = tokio::time::sleep(time) => true,
        }
    }

    /// A listener for refreshes that are asked for from now on.
    pub fn refresh_requests(&self) -> RefreshRequests {
        let mut refresh = self.refresh.clone();
        refresh.mark_unchanged();
        RefreshRequests(refresh)
    }
}

impl ShutdownHandle {
    /// Asks for a stop. The first reason stays.
    pub fn stop(&self, reason: StopReason) {
        self.stop.send_if_modified(|current| {
            let first = current.is_none();
            if first {
                *current = Some(reason);
            }
            first
        });
    }

    /// Asks for a refresh.
    pub fn refresh(&self) {
        self.refresh
            .send_modify(|count| *count = count.wrapping_add(1));
    }
}

impl RefreshRequests {
    /// Waits until a refresh has been asked for since the last call. Several requests in between
    /// count as one.
    pub async fn wait(&mut self) {
        if self.0.changed().await.is_err() {
            std::future::pending::<()>().await;
        }
    }
}

fn on_signal(
    mut signal: Signal,
    handle: &ShutdownHandle,
    act: impl Fn(&ShutdownHandle) + Send + 'static,
) {
    let handle = handle.clone();
    tokio::spawn(async move {
        while signal.recv().await.is_some() {
            act(&handle);
        }
    });
}

/// A handler that does nothing, and not `SIG_IGN`, which child processes would inherit.
fn ignore(mut signal: Signal, name: &'static str) {
    tokio::spawn(async move {
        while signal.recv().await.is_some() {
            tracing::info!("{name} is ignored");
        }
    });
}

fn watch_stop_file(path: PathBuf, handle: ShutdownHandle) {
    // A look at one file takes microseconds: not worth a thread.
    if path.symlink_metadata().is_ok() {
        handle.stop(StopReason::StaleStopFile(path));
        return;
    }
    tokio::spawn(async move {
        while path.symlink_metadata().is_err() {
            tokio::time::sleep(STOP_FILE_PERIOD).await;
        }
        handle.stop(StopReason::StopFile(path));
    });
}

#[cfg(test)]
mod tests;
