//! Story: the state runs in its event loop, with a scripted executor, and time passes only while nothing else
//! happens.

use super::{
    script::{self, Script, Shared},
    scripted_executor::ScriptedExecutor,
    *,
};
use crate::{event_loop, machine::Generation};
use nightjar_core::daemon::{MetricsPage, StatusReport as _};
use std::sync::MutexGuard;
use tokio::{sync::mpsc, task::JoinHandle, time::sleep};

/// A state that runs with a scripted executor.
pub(super) struct Story {
    shared: Shared,
    events: mpsc::UnboundedSender<Event>,
    program: JoinHandle<Result<(), String>>,
}

impl Story {
    pub(super) fn new(options: Options, mesh: Mesh) -> Self {
        let (events, received) = mpsc::unbounded_channel();
        let state = State::new(options);
        let shared = Shared::new(Script::new(mesh, state.status()));
        let mut executor = ScriptedExecutor::new(shared.clone(), events.clone());
        let published = shared.clone();
        let program = tokio::spawn(async move {
            event_loop::run(state, received, &mut executor, |state| {
                published.lock().status = state.status();
            })
            .await
        });
        let story = Self {
            shared,
            events,
            program,
        };
        story.send(Event::RefreshDue);
        story
    }

    /// One that serves, with hot restarts.
    pub(super) async fn started(mesh: Mesh) -> Self {
        let story = Self::new(options(RestartMode::Hot), mesh);
        story.settled().await;
        story
    }

    pub(super) fn send(&self, event: Event) {
        self.events.send(event).unwrap();
    }

    pub(super) fn script(&self) -> MutexGuard<'_, Script> {
        self.shared.lock()
    }

    /// Lets what is under way be done, and forgets how.
    pub(super) async fn settled(&self) {
        sleep(seconds(1)).await;
        self.effects();
    }

    /// The mesh changes and is looked at.
    pub(super) async fn change(&self, mesh: Mesh) {
        self.script().mesh = Ok(mesh);
        self.refresh().await;
    }

    pub(super) async fn refresh(&self) {
        self.send(Event::RefreshDue);
        sleep(seconds(1)).await;
    }

    /// The Envoy that serves ends.
    pub(super) fn die(&self) {
        let generation = self.script().serving().unwrap();
        self.end(generation, false);
    }

    /// Lets a process serve that has not come to that yet.
    pub(super) fn serve(&self, generation: Generation) {
        let mut script = self.script();
        script.processes.get_mut(&generation).unwrap().serves = true;
    }

    pub(super) fn end(&self, generation: Generation, by_signal: bool) {
        script::end(&self.shared, &self.events, generation, by_signal);
    }

    pub(super) fn stop(&self) {
        self.send(Event::Stop("requested".to_owned()));
    }

    /// The effects since the last call, without probes and refresh timers.
    pub(super) fn effects(&self) -> Vec<String> {
        std::mem::take(&mut self.script().log)
    }

    /// What the outside reads, but for times.
    pub(super) fn ready(&self) -> String {
        let readiness = self.script().status.readiness();
        let lines = readiness.text.lines();
        let lines: Vec<&str> = lines
            .filter(|line| !line.starts_with("next refresh"))
            .collect();
        assert_eq!(readiness.ready, lines[0] == "ready");
        lines.join("\n")
    }

    pub(super) fn metric(&self, name: &str) -> f64 {
        let mut page = MetricsPage::default();
        self.script().status.metrics(&mut page);
        let text = page.into_text();
        let mut lines = text.lines().filter(|line| !line.starts_with('#'));
        let line = lines.find(|line| {
            line.split_once(' ')
                .is_some_and(|(own, _)| own.ends_with(name))
        });
        let (_, value) = line.expect(&text).rsplit_once(' ').unwrap();
        value.parse().unwrap()
    }

    pub(super) fn is_over(&self) -> bool {
        self.program.is_finished()
    }

    /// How the program ended, within this time.
    pub(super) async fn ended(self, within: Duration) -> Result<(), String> {
        let ended = tokio::time::timeout(within, self.program).await;
        let running = self.shared.lock().processes.len();
        let ended = ended.expect("it goes on").unwrap();
        assert_eq!(running, 0, "left behind");
        ended
    }
}
