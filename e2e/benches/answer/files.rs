//! Changes through files: Nightjar reads a new map, and Envoy the files it writes.

use crate::{Change, State, answered};
use e2e::mesh::{Plan, Proxy};
use rustix::process::Signal;
use std::{
    collections::BTreeMap,
    fs,
    path::{Path, PathBuf},
    thread,
    time::{Duration, Instant},
};
use tempfile::TempDir;

/// Clock ticks a second, as Linux counts CPU time for every process.
const TICKS: f64 = 100.0;
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
            assert!(began.elapsed() < e2e::PATIENCE);
            thread::sleep(Duration::from_millis(20));
        }
        let paid = cpu_seconds(self.proxy.process().id());
        self.keep(state);
        Change {
            answer,
            own: paid[0] - cpu[0],
            children: paid[1] - cpu[1],
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

/// User and system time of a process, and of the children it has waited for. Envoy is not among
/// them while it runs.
fn cpu_seconds(id: u32) -> [f64; 2] {
    let stat = fs::read_to_string(format!("/proc/{id}/stat")).unwrap();
    let fields = stat.rsplit_once(") ").unwrap().1;
    let times: Vec<f64> = fields
        .split(' ')
        .skip(11)
        .take(4)
        .map(|ticks| ticks.parse::<f64>().unwrap() / TICKS)
        .collect();
    [times[0] + times[1], times[2] + times[3]]
}
