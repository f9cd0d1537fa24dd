//! The extension under test, and what is known of it.

use super::{
    held::State,
    run::{Circumstances, Deviation, Fetched, Finding, Look, Run, RunRecord},
    selection::Selection,
};
use nightjar_core::{
    env::CommandLine,
    extension::{
        Action, DocumentName, Host, RunLimits,
        host::{Call, Observed, ProcessEnd},
    },
    shutdown::Shutdown,
};
use std::{
    cell::{Cell, RefCell},
    collections::BTreeMap,
    ffi::OsString,
    fs, io,
    path::{Path, PathBuf},
};
use tempfile::TempDir;

/// Which arguments an extension is given.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Kind {
    DiscoveryMap,
    DataStore,
}

impl Kind {
    pub(super) fn name(self) -> &'static str {
        match self {
            Self::DiscoveryMap => "discovery-map",
            Self::DataStore => "data-store",
        }
    }
}

/// What the command line says, beside the extension.
#[derive(Debug, Clone, Default)]
pub(super) struct Hooks {
    /// Changes what a discovery finds.
    pub(super) change: Option<String>,
    /// Takes away what a discovery looks at.
    pub(super) take_away: Option<String>,
    /// A variable that the extension needs.
    pub(super) setting: Option<String>,
}

/// The extension under test.
pub(super) struct Bench {
    pub(super) kind: Kind,
    pub(super) command: CommandLine,
    pub(super) limits: RunLimits,
    pub(super) hooks: Hooks,
    /// Which rules are tried.
    pub(super) selection: Selection,
    pub(super) shutdown: Shutdown,
    /// The document that fetches ask for.
    pub(super) document: DocumentName,
    /// What the first fetch handed over.
    pub(super) first: RefCell<Option<Fetched>>,
    /// Whether it may be run several times at once.
    pub(super) is_alone: Cell<bool>,
    /// Whether it answers 30 to the version that is current; yes until the contrary is seen.
    pub(super) tells_unchanged: Cell<bool>,
    /// What is known of a data store.
    pub(super) store: RefCell<State>,
    temp: TempDir,
    folders: Cell<u32>,
    every_run: Vec<(&'static str, Look)>,
    noticed: RefCell<BTreeMap<&'static str, Noticed>>,
}

/// What the runs so far say of a rule about every run.
#[derive(Default)]
struct Noticed {
    runs: u32,
    finding: Option<Finding>,
}

/// A caller of the extension, with a folder of its own for what the extension keeps.
pub(super) struct Caller<'a> {
    pub(super) bench: &'a Bench,
    command: CommandLine,
    host: Host,
    shutdown: Shutdown,
}

impl Bench {
    pub(super) fn new(
        kind: Kind,
        command: CommandLine,
        limits: RunLimits,
        shutdown: Shutdown,
        temp: TempDir,
        every_run: Vec<(&'static str, Look)>,
    ) -> Self {
        Self {
            kind,
            command,
            limits,
            hooks: Hooks::default(),
            selection: Selection::default(),
            shutdown,
            document: match kind {
                Kind::DiscoveryMap => DocumentName::DISCOVERY_MAP,
                Kind::DataStore => DocumentName::TEMPLATES,
            },
            first: RefCell::default(),
            is_alone: Cell::new(false),
            tells_unchanged: Cell::new(true),
            store: RefCell::default(),
            temp,
            folders: Cell::new(0),
            every_run,
            noticed: RefCell::default(),
        }
    }

    /// A folder of its own, whose name ends so.
    pub(super) fn folder(&self, end: &str) -> Result<PathBuf, Deviation> {
        let number = self.folders.get() + 1;
        self.folders.set(number);
        let folder = self.temp.path().join(format!("{number}{end}"));
        fs::create_dir(&folder).map_err(|error| cannot("make a folder", &error))?;
        Ok(folder)
    }

    /// A caller with a new folder.
    pub(super) fn caller(&self) -> Result<Caller<'_>, Deviation> {
        Ok(self.caller_in(&self.folder("")?))
    }

    pub(super) fn caller_in(&self, folder: &Path) -> Caller<'_> {
        self.caller_of(self.command.clone(), folder)
    }

    pub(super) fn caller_of(&self, command: CommandLine, folder: &Path) -> Caller<'_> {
        let host = match self.kind {
            Kind::DiscoveryMap => Host::discovery_map(command.clone(), self.limits, folder),
            Kind::DataStore => Host::data_store(command.clone(), self.limits, folder),
        };
        Caller {
            bench: self,
            command,
            host,
            shutdown: self.shutdown.clone(),
        }
    }

    /// What the first fetch handed over.
    pub(super) fn current(&self) -> Result<Fetched, Deviation> {
        let current = self.first.borrow().clone();
        current.map_or_else(
            || Deviation::not_tried("there is no document to ask for"),
            Ok,
        )
    }

    /// What the runs so far say of a rule about every run.
    pub(super) fn noticed(&self, rule: &'static str) -> Result<(), Deviation> {
        match self.noticed.borrow().get(rule) {
            None | Some(Noticed { runs: 0, .. }) => {
                Deviation::not_tried("no run came to a point where it counts")
            }
            Some(Noticed {
                finding: Some(finding),
                ..
            }) => Err(Deviation::Broken(Box::new(finding.clone()))),
            Some(Noticed { finding: None, .. }) => Ok(()),
        }
    }

    fn notice(&self, observed: &Observed, seen: &RunRecord, circumstances: Circumstances) {
        let mut noticed = self.noticed.borrow_mut();
        for (rule, look) in &self.every_run {
            let Some(result) = look(observed, circumstances) else {
                continue;
            };
            let entry = noticed.entry(rule).or_default();
            entry.runs += 1;
            if let (Err(what), None) = (result, &entry.finding) {
                let seen = Some(seen.clone());
                entry.finding = Some(Finding { what, seen });
            }
        }
    }
}

/// Something that this program could not do.
pub(super) fn cannot(what: &str, error: &io::Error) -> Deviation {
    Deviation::NotTried(format!("cannot {what}: {error}"))
}

impl Caller<'_> {
    /// The same with a variable more.
    pub(super) fn with_variable(mut self, name: &str, value: &str) -> Self {
        self.host = self.host.with_variable(name, value);
        self
    }

    /// The same with another end than that of this program.
    pub(super) fn until(mut self, shutdown: Shutdown) -> Self {
        self.shutdown = shutdown;
        self
    }

    /// A call about the document of this bench.
    pub(super) fn task(&self, action: Action) -> Call<'_> {
        Call::new(action, &self.bench.document)
    }

    /// Asks for the document, or for what is newer than a version.
    pub(super) async fn fetch(&self, previous: Option<&str>) -> Result<Run, Deviation> {
        let task = Call {
            previous,
            ..self.task(Action::Fetch)
        };
        self.run(&task, |arguments| arguments).await
    }

    /// Asks for the document with arguments that are arranged otherwise.
    pub(super) async fn fetch_with(
        &self,
        previous: Option<&str>,
        arrange: impl FnOnce(Vec<OsString>) -> Vec<OsString>,
    ) -> Result<Run, Deviation> {
        let task = Call {
            previous,
            ..self.task(Action::Fetch)
        };
        self.run(&task, arrange).await
    }

    pub(super) async fn run(
        &self,
        task: &Call<'_>,
        arrange: impl FnOnce(Vec<OsString>) -> Vec<OsString>,
    ) -> Result<Run, Deviation> {
        self.run_seeing(task, true, arrange).await
    }

    /// Runs the extension, `is_own_file` telling whether what it is told to write is what is looked at.
    pub(super) async fn run_seeing(
        &self,
        task: &Call<'_>,
        is_own_file: bool,
        arrange: impl FnOnce(Vec<OsString>) -> Vec<OsString>,
    ) -> Result<Run, Deviation> {
        let observed = self
            .host
            .observe(task, arrange, &self.shutdown)
            .await
            .map_err(|error| Deviation::NotTried(error.to_string()))?;
        let seen = RunRecord::new(&self.command, &observed);
        let circumstances = Circumstances {
            action: task.action,
            is_own_file,
        };
        self.bench.notice(&observed, &seen, circumstances);
        match observed.end {
            ProcessEnd::Code(code) => Ok(Run {
                code,
                observed,
                seen,
            }),
            ProcessEnd::Signal(_) | ProcessEnd::TimedOut | ProcessEnd::Stopped => {
                Deviation::not_tried(format!("a run did not end by itself: {}", seen.ending))
            }
        }
    }
}
