//! Changes through files: Nightjar reads a new map, and Envoy the files it writes.

use crate::{Change, State, answered};
use e2e::{
    mesh::{Plan, Proxy},
    process::cpu_seconds,
};
use rustix::process::Signal;
use std::{
    collections::BTreeMap,
    fs,
    path::{Path, PathBuf},
    thread,
    time::{Duration, Instant},
};
use tempfile::TempDir;

const CHANGED: &str = "nightjar_refreshes_total{result=\"changed\"}";

/// A running proxy.
pub(crate) struct Files {
    proxy: Proxy,
    kept: Kept,
}

/// What a proxy had written in each state, and where it took requests.
pub(crate) struct Kept {
    folder: TempDir,
    pub(crate) port: u16,
    names: BTreeMap<&'static str, PathBuf>,
}

impl Files {
    pub(crate) fn start(state: &State) -> Self {
        let proxy = Plan::gateway("n1", &state.map)
            .env("REFRESH_TIME", 600)
            .env("ENVOY_UPDATE_TIMEOUT", 60)
            .start();
        let kept = Kept {
            folder: tempfile::tempdir().unwrap(),
            port: proxy.port,
            names: BTreeMap::new(),
        };
        let mut files = Self { proxy, kept };
        files.keep(state);
        files
    }

    /// Saves a map, and waits for its answer and until all is done.
    pub(crate) fn change(&mut self, state: &State) -> Change {
        let changed = self.proxy.metric(CHANGED);
        let cpu = cpu_seconds(self.proxy.process().id());
        let text = state.map.to_string();
        let unfinished = self.proxy.map_file.with_extension("new");
        fs::write(&unfinished, text).unwrap();
        let began = Instant::now();
        fs::rename(&unfinished, &self.proxy.map_file).unwrap();
        self.proxy.process().signal(Signal::HUP);
        let answer = answered(self.proxy.address(), state, began);
        while self.proxy.metric(CHANGED) < changed + 1.0 {
            assert!(began.elapsed() < e2e::WAIT_TIMEOUT);
            thread::sleep(Duration::from_millis(20));
        }
        let paid = cpu_seconds(self.proxy.process().id());
        self.keep(state);
        Change {
            answer,
            own: paid.own - cpu.own,
            children: paid.children - cpu.children,
        }
    }

    /// Ends the proxy, and gives what it had written.
    pub(crate) fn stop(self) -> Kept {
        self.kept
    }

    fn keep(&mut self, state: &State) {
        if self.kept.names.contains_key(state.name) {
            return;
        }
        let folder = self.kept.folder.path().join(state.name);
        fs::create_dir(&folder).unwrap();
        for name in self.proxy.files() {
            fs::copy(self.proxy.config_dir().join(&name), folder.join(&name)).unwrap();
        }
        self.kept.names.insert(state.name, folder);
    }
}

impl Kept {
    /// The folder with a state's files.
    pub(crate) fn of(&self, state: &State) -> &Path {
        &self.names[state.name]
    }
}
