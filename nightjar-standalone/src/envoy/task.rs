//! The task that owns Envoy's processes: starts and watches them, restarts them with growing pauses,
//! replaces them without a gap, and drains them.

use super::{Launch, Order, RestartMode, Seen, State, SupervisorError, process::Process};
use crate::admin::Admin;
use rustix::process::Signal;
use std::{
    sync::{Arc, Mutex, PoisonError},
    time::Duration,
};
use tokio::{
    sync::{mpsc, watch},
    time::{Instant, sleep, timeout, timeout_at},
};

/// After so many failures in a row the orchestrator had better replace the container.
const MOST_FAILURES: u32 = 10;
const SHORTEST_PAUSE: Duration = Duration::from_secs(1);
const LONGEST_PAUSE: Duration = Duration::from_secs(30);
/// How long a new Envoy may take until it serves.
const START_PATIENCE: Duration = Duration::from_mins(1);
/// How much longer than the drain time a replaced Envoy lives.
const PARENT_GRACE: Duration = Duration::from_secs(1);

/// Owns the processes.
pub(super) struct Task {
    launch: Launch,
    admin: Admin,
    halted: watch::Receiver<bool>,
    state: watch::Sender<State>,
    seen: Arc<Mutex<Seen>>,
    current: Option<Process>,
    /// Replaced processes that finish what they have begun.
    parents: Vec<Process>,
    /// Failures in a row.
    failures: u32,
    live_since: Option<Instant>,
    /// When the next attempt is due, if Envoy ended by itself.
    next_start: Option<Instant>,
    /// Whether a hand-over failed. What it leaves behind makes every later one fail too.
    handover_spoilt: bool,
}

impl Task {
    pub(super) fn new(
        launch: Launch,
        admin: Admin,
        halted: watch::Receiver<bool>,
        state: watch::Sender<State>,
        seen: Arc<Mutex<Seen>>,
    ) -> Self {
        Self {
            launch,
            admin,
            halted,
            state,
            seen,
            current: None,
            parents: Vec::new(),
            failures: 0,
            live_since: None,
            next_start: None,
            handover_spoilt: false,
        }
    }

    pub(super) async fn run(mut self, mut inbox: mpsc::UnboundedReceiver<Order>) {
        let mut tick = tokio::time::interval(Duration::from_millis(50));
        tick.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Delay);
        loop {
            let starting = *self.state.borrow() == State::Starting;
            let next_start = self.next_start;
            tokio::select! {
                order = inbox.recv() => match order {
                    Some(Order::Start) => self.start(),
                    Some(Order::Restart(reply)) => {
                        let _ = reply.send(self.restart().await);
                    }
                    Some(Order::Recover(reply)) => {
                        let _ = reply.send(self.recover().await);
                    }
                    Some(Order::GoBack(reply)) => {
                        let _ = reply.send(self.go_back().await);
                    }
                    Some(Order::Settle(reply)) => {
                        let _ = reply.send(self.settle().await);
                    }
                    Some(Order::Stop(reply)) => {
                        self.stop().await;
                        let _ = reply.send(());
                        return;
                    }
                    None => return self.stop().await,
                },
                status = exited(&mut self.current) => {
                    if self.died(&status).is_break() {
                        return;
                    }
                }
                () = pause_over(next_start) => self.start(),
                _ = tick.tick(), if starting => self.see_whether_live().await,
            }
            self.parents.retain(|parent| !parent.has_exited());
        }
    }

    fn start(&mut self) {
        if self.current.is_some() {
            return;
        }
        self.live_since = None;
        self.next_start = None;
        self.handover_spoilt = false;
        match self.spawn(0) {
            Ok(process) => {
                self.current = Some(process);
                self.set(State::Starting);
            }
            Err(error) => {
                tracing::error!(
                    "{} cannot be started: {error}",
                    self.launch.program.display()
                );
                let _ = self.failed();
            }
        }
    }

    fn spawn(&mut self, epoch: u32) -> std::io::Result<Process> {
        self.note(|seen| {
            seen.counts.starts += 1;
            seen.complaint = None;
        });
        let seen = Arc::clone(&self.seen);
        Process::spawn(&self.launch, epoch, PARENT_GRACE, move |complaint| {
            seen.lock()
                .unwrap_or_else(PoisonError::into_inner)
                .complaint = Some(complaint);
        })
    }

    /// Whether the current process serves by now. Another Envoy may answer at the same address.
    async fn is_live(&self) -> bool {
        let epoch = self
            .current
            .as_ref()
            .map(|process| u64::from(process.epoch()));
        let info = self.admin.server_info().await;
        let own = self.launch.bootstrap.to_string_lossy();
        info.is_ok_and(|info| {
            info.live && Some(info.restart_epoch) == epoch && info.config_path == own
        })
    }

    async fn see_whether_live(&mut self) {
        if self.is_live().await {
            self.live_since = Some(Instant::now());
            self.set(State::Live);
            tracing::info!("envoy is live");
        }
    }

    /// Notes that the process ended by itself.
    fn died(&mut self, status: &str) -> std::ops::ControlFlow<()> {
        tracing::error!("envoy ended by itself: {status}");
        let said = self.note(|seen| {
            seen.counts.exits += 1;
            seen.complaint.clone()
        });
        if said.is_some_and(|said| said.contains("--base-id")) {
            tracing::error!(
                "another envoy on this host uses ENVOY_BASE_ID={}\nhint: give each proxy its own",
                self.launch.base_id
            );
        }
        self.current = None;
        // A draining predecessor holds what the next start needs, and nobody replaces it any more.
        for parent in self.parents.drain(..) {
            parent.signal(Signal::KILL);
        }
        if self
            .live_since
            .is_some_and(|since| since.elapsed() > LONGEST_PAUSE)
        {
            self.failures = 0;
        }
        self.failed()
    }

    fn failed(&mut self) -> std::ops::ControlFlow<()> {
        self.failures += 1;
        if self.failures >= MOST_FAILURES {
            tracing::error!("envoy failed {MOST_FAILURES} times in a row");
            self.next_start = None;
            self.set(State::GaveUp);
            return std::ops::ControlFlow::Break(());
        }
        let pause = (SHORTEST_PAUSE * 2_u32.saturating_pow(self.failures - 1)).min(LONGEST_PAUSE);
        tracing::warn!("envoy is started again in {} s", pause.as_secs());
        self.next_start = Some(Instant::now() + pause);
        self.set(State::Waiting);
        std::ops::ControlFlow::Continue(())
    }

    async fn restart(&mut self) -> Result<(), SupervisorError> {
        match self.launch.restart_mode {
            // It will read the new bootstrap when it starts.
            _ if self.current.is_none() => Ok(()),
            RestartMode::None => {
                tracing::warn!(
                    "the bootstrap changed; ENVOY_RESTART_MODE is none, so it takes effect when \
                     envoy starts the next time"
                );
                Ok(())
            }
            RestartMode::Hot if !self.handover_spoilt => self.replace().await,
            RestartMode::Hot | RestartMode::Cold => {
                self.set(State::Starting);
                self.end_all().await;
                if *self.halted.borrow() {
                    return Err(SupervisorError::Stopping);
                }
                self.start();
                self.until_live().await
            }
        }
    }

    async fn go_back(&mut self) -> Result<(), SupervisorError> {
        if !self.handover_spoilt && self.is_live().await && self.restart().await.is_ok() {
            return Ok(());
        }
        self.recover().await
    }

    /// Gets to serving in the quickest way. A predecessor that still serves is left to do so.
    async fn recover(&mut self) -> Result<(), SupervisorError> {
        if self.handover_spoilt && self.is_live().await {
            return Ok(());
        }
        for process in self
            .current
            .take()
            .into_iter()
            .chain(self.parents.drain(..))
        {
            process.signal(Signal::KILL);
        }
        self.start();
        self.until_live().await
    }

    async fn until_live(&mut self) -> Result<(), SupervisorError> {
        let deadline = Instant::now() + START_PATIENCE;
        while Instant::now() < deadline && !*self.halted.borrow() {
            match &self.current {
                Some(process) if process.has_exited() => {
                    let said = self.note(|seen| seen.complaint.clone());
                    let reason = match said {
                        Some(said) => format!("{}: {said}", process.status()),
                        None => process.status(),
                    };
                    let by_signal = process.ended_by_signal();
                    return Err(SupervisorError::NewProcessFailed { reason, by_signal });
                }
                None => return Err(SupervisorError::Stopping),
                Some(_) if self.is_live().await => {
                    self.live_since = Some(Instant::now());
                    self.set(State::Live);
                    return Ok(());
                }
                Some(_) => {}
            }
            sleep(Duration::from_millis(20)).await;
        }
        if *self.halted.borrow() {
            return Err(SupervisorError::Stopping);
        }
        let reason = format!("not within {} s", START_PATIENCE.as_secs());
        Err(SupervisorError::NewProcessFailed {
            reason,
            by_signal: false,
        })
    }

    /// Waits until every replaced process has ended.
    async fn settle(&mut self) -> Result<(), SupervisorError> {
        if !self.parents.is_empty() {
            let limit = (self.launch.drain_time + PARENT_GRACE).as_secs_f64().ceil();
            tracing::info!("waiting for the replaced envoy to end, {limit} s at the most");
        }
        // A parent ends by itself: one that is ended from outside takes its child's admin
        // interface with it.
        for parent in &mut self.parents {
            let gone = timeout(self.launch.drain_time + PARENT_GRACE * 10, parent.exited());
            tokio::select! {
                _ = gone => {}
                _ = self.halted.wait_for(|halted| *halted) => return Err(SupervisorError::Stopping),
            }
        }
        self.parents.retain(|parent| !parent.has_exited());
        Ok(())
    }

    /// Hot restart: the new process takes over from the current one.
    async fn replace(&mut self) -> Result<(), SupervisorError> {
        // Envoy hands over from one process to the next, so an earlier hand-over must be complete.
        self.settle().await?;
        let Some(old) = self.current.take() else {
            return Ok(());
        };
        let spawned = self.spawn(old.epoch() + 1);
        let new = match spawned {
            Ok(new) => new,
            Err(error) => {
                self.current = Some(old);
                return Err(SupervisorError::NewProcessFailed {
                    reason: error.to_string(),
                    by_signal: false,
                });
            }
        };
        tracing::info!("envoy is replaced by a new process (epoch {})", new.epoch());
        self.current = Some(new);
        // The old process serves on meanwhile, so the state stays live.
        let result = self.until_live().await;
        if result.is_ok() {
            self.parents.push(old);
        } else if let Some(new) = self.current.replace(old) {
            new.signal(Signal::KILL);
            self.handover_spoilt = true;
        }
        result
    }

    async fn stop(&mut self) {
        self.set(State::Stopping);
        self.end_all().await;
    }

    /// Drains the current process, then ends all.
    async fn end_all(&mut self) {
        if let Some(process) = &self.current
            && !process.has_exited()
        {
            drain(&self.admin, self.launch.drain_time).await;
        }
        let deadline = Instant::now() + self.launch.kill_wait_time;
        // The child goes before its parent, or it would wait for the parent's answers.
        for mut process in self
            .current
            .take()
            .into_iter()
            .chain(self.parents.drain(..))
        {
            process.signal(Signal::TERM);
            if timeout_at(deadline, process.exited()).await.is_err() {
                tracing::warn!("envoy did not end in time and is killed");
                process.signal(Signal::KILL);
                process.exited().await;
            }
        }
    }

    fn set(&self, state: State) {
        self.state.send_replace(state);
    }

    fn note<T>(&self, change: impl FnOnce(&mut Seen) -> T) -> T {
        change(&mut self.seen.lock().unwrap_or_else(PoisonError::into_inner))
    }
}

async fn exited(process: &mut Option<Process>) -> String {
    match process {
        Some(process) => process.exited().await,
        None => std::future::pending().await,
    }
}

async fn pause_over(at: Option<Instant>) {
    match at {
        Some(at) => tokio::time::sleep_until(at).await,
        None => std::future::pending().await,
    }
}

/// The connections that clients hold open, and all that they ever opened.
const CONNECTIONS: &str = "%5Ehttp%5C..*%5C.downstream_cx_%28active%7Ctotal%29$";
/// How long nobody may have come before nobody is taken to come any more: those who still see this
/// proxy in their map, or behind their load balancer, keep opening connections until they do not.
const QUIET: Duration = Duration::from_secs(1);

/// Lets Envoy finish what it has begun: until no connection is active and no new one comes, or the
/// time is up.
///
/// A failing health check tells load balancers to look elsewhere, and makes every answer close
/// its connection.
async fn drain(admin: &Admin, patience: Duration) {
    let ordered = async {
        admin.fail_health_check().await?;
        admin.drain_listeners().await
    };
    if let Err(error) = ordered.await {
        tracing::warn!("envoy is stopped without draining: {error}");
        return;
    }
    let deadline = Instant::now() + patience;
    let (mut opened, mut last_opened) = (None, Instant::now());
    while Instant::now() < deadline {
        let Ok(stats) = admin.stats(CONNECTIONS).await else {
            return;
        };
        let sum = |kind: &str| -> u64 {
            let of_clients = stats
                .iter()
                .filter(|(name, _)| !name.starts_with("http.admin.") && name.ends_with(kind));
            of_clients
                .filter_map(|(_, value)| value.parse::<u64>().ok())
                .sum()
        };
        let total = Some(sum(".downstream_cx_total"));
        if opened != total {
            (opened, last_opened) = (total, Instant::now());
        }
        if sum(".downstream_cx_active") == 0 && last_opened.elapsed() >= QUIET {
            return;
        }
        sleep(Duration::from_millis(100)).await;
    }
    tracing::info!("connections are still active after the drain time");
}
