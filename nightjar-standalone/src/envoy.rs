//! Envoy's life, as the rest of the program sees it: orders, and what became of them.

mod process;
mod task;

pub(crate) use process::{SHIM, shim};

use crate::admin::Admin;
use std::{
    path::PathBuf,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::Duration,
};
use task::Task;
use tokio::{
    sync::{mpsc, oneshot, watch},
    time::sleep,
};

/// What happens to Envoy when its bootstrap changes.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(crate) enum RestartMode {
    /// A new process takes the sockets over, then the old one drains.
    #[default]
    Hot,
    /// The old process drains and ends, then a new one starts.
    Cold,
    /// Nothing: the new bootstrap waits for the next start.
    None,
}

/// How Envoy is run.
#[derive(Debug, Clone)]
pub(crate) struct Launch {
    pub(crate) program: PathBuf,
    pub(crate) bootstrap: PathBuf,
    pub(crate) log_level: String,
    pub(crate) base_id: u32,
    pub(crate) extra_args: Vec<String>,
    pub(crate) restart_mode: RestartMode,
    pub(crate) drain_time: Duration,
    pub(crate) kill_wait_time: Duration,
}

/// Where Envoy is in its life.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum State {
    /// Not wanted yet.
    Idle,
    /// Started, and not serving yet.
    Starting,
    /// Serving.
    Live,
    /// It ended by itself, and will be started again.
    Waiting,
    /// On its way out, by order.
    Stopping,
    /// It failed too often.
    GaveUp,
}

/// Why an order was not carried out.
#[derive(Debug, thiserror::Error)]
pub(crate) enum SupervisorError {
    #[error("the new envoy did not come to serve: {reason}")]
    NewProcessFailed {
        reason: String,
        /// Whether somebody else ended it.
        by_signal: bool,
    },
    #[error("envoy is being stopped")]
    Stopping,
}

/// Counts for the metrics.
#[derive(Debug, Clone, Copy, Default)]
pub(crate) struct Counts {
    pub(crate) starts: u64,
    pub(crate) exits: u64,
}

/// What the supervisor and its handle both see.
#[derive(Debug, Default)]
struct Seen {
    counts: Counts,
    complaint: Option<String>,
}

enum Order {
    Start,
    Restart(oneshot::Sender<Result<(), SupervisorError>>),
    Recover(oneshot::Sender<Result<(), SupervisorError>>),
    GoBack(oneshot::Sender<Result<(), SupervisorError>>),
    Settle(oneshot::Sender<Result<(), SupervisorError>>),
    Stop(oneshot::Sender<()>),
}

/// Gives orders to the task that owns the processes.
#[derive(Clone)]
pub(crate) struct Supervisor {
    orders: mpsc::UnboundedSender<Order>,
    /// Cuts short what an order waits for.
    halt: watch::Sender<bool>,
    state: watch::Receiver<State>,
    seen: Arc<Mutex<Seen>>,
}

impl Supervisor {
    /// Begins to supervise; nothing is started yet.
    pub(crate) fn new(launch: Launch, admin: Admin) -> Self {
        let (orders, inbox) = mpsc::unbounded_channel();
        let (state, watched) = watch::channel(State::Idle);
        let (halt, halted) = watch::channel(false);
        let seen = Arc::default();
        let task = Task::new(launch, admin, halted, state, Arc::clone(&seen));
        tokio::spawn(task.run(inbox));
        Self {
            orders,
            halt,
            state: watched,
            seen,
        }
    }

    /// Starts Envoy, if it is not running.
    pub(crate) fn start(&self) {
        let _ = self.orders.send(Order::Start);
    }

    /// Makes a changed bootstrap take effect, as the restart mode says.
    pub(crate) async fn restart(&self) -> Result<(), SupervisorError> {
        let (reply, answer) = oneshot::channel();
        let _ = self.orders.send(Order::Restart(reply));
        answer.await.unwrap_or(Err(SupervisorError::Stopping))
    }

    /// Ends whatever does not serve, and starts Envoy anew.
    pub(crate) async fn recover(&self) -> Result<(), SupervisorError> {
        let (reply, answer) = oneshot::channel();
        let _ = self.orders.send(Order::Recover(reply));
        answer.await.unwrap_or(Err(SupervisorError::Stopping))
    }

    /// Makes the bootstrap that was put back take effect: by another restart if the process that
    /// read the other one serves, else in the quickest way.
    pub(crate) async fn go_back(&self) -> Result<(), SupervisorError> {
        let (reply, answer) = oneshot::channel();
        let _ = self.orders.send(Order::GoBack(reply));
        answer.await.unwrap_or(Err(SupervisorError::Stopping))
    }

    /// Waits until every replaced process has ended.
    pub(crate) async fn settle(&self) -> Result<(), SupervisorError> {
        let (reply, answer) = oneshot::channel();
        let _ = self.orders.send(Order::Settle(reply));
        answer.await.unwrap_or(Err(SupervisorError::Stopping))
    }

    /// Drains and ends Envoy; returns when no process is left.
    pub(crate) async fn stop(&self) {
        self.halt.send_replace(true);
        let (reply, answer) = oneshot::channel();
        let _ = self.orders.send(Order::Stop(reply));
        let _ = answer.await;
    }

    pub(crate) fn state(&self) -> State {
        *self.state.borrow()
    }

    /// Follows the state.
    pub(crate) fn watch(&self) -> watch::Receiver<State> {
        self.state.clone()
    }

    /// Whether there is an Envoy that could be asked.
    pub(crate) fn is_running(&self) -> bool {
        matches!(self.state(), State::Starting | State::Live)
    }

    pub(crate) fn counts(&self) -> Counts {
        self.seen().counts
    }

    /// Forgets what Envoy has complained of so far.
    pub(crate) fn forget_complaint(&self) {
        self.seen().complaint = None;
    }

    /// What Envoy's log says of a refusal since the last one was forgotten. The log may come a
    /// little later than the counters that tell of the refusal.
    pub(crate) async fn complaint(&self) -> Option<String> {
        for _ in 0..20 {
            sleep(Duration::from_millis(25)).await;
            if let Some(complaint) = self.seen().complaint.clone() {
                return Some(complaint);
            }
        }
        None
    }

    fn seen(&self) -> MutexGuard<'_, Seen> {
        self.seen.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
