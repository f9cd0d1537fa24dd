//! What a proxy says of itself, without what differs from run to run.

use crate::{
    WAIT_TIMEOUT, eventually, mesh::Proxy, process::with_argument, status::without_moments,
};
use std::{
    thread,
    time::{Duration, Instant},
};

impl Proxy {
    /// The status and the text of `/ready` without the time of the next refresh; `None` if the port
    /// does not answer.
    pub fn ready(&self) -> Option<(u16, String)> {
        let answer = self.status("/ready")?;
        let text = without_moments(&answer.body);
        Some((answer.status, self.plain(&text)))
    }

    /// Waits until `/ready` gives this status and this text.
    pub fn wait_told(&self, status: u16, text: &str) {
        let wanted = Some((status, text.to_owned()));
        let deadline = Instant::now() + WAIT_TIMEOUT;
        let mut last = self.ready();
        while last != wanted && Instant::now() < deadline {
            thread::sleep(Duration::from_millis(5));
            last = self.ready();
        }
        assert_eq!(last, wanted, "what /ready says");
    }

    /// A metric that counts, such as `nightjar_envoy_starts_total`.
    pub fn count(&self, name: &str) -> Option<u64> {
        self.metric(name).to_string().parse().ok()
    }

    /// The lines of its log that begin with this, without their times.
    pub fn logged(&self, start: &str) -> Vec<String> {
        let log = self.plain(&self.log());
        let lines = log.lines().map(without_time);
        let wanted = lines.filter(|line| line.starts_with(start));
        wanted.map(ToOwned::to_owned).collect()
    }

    /// Waits until a line of its log begins with this, and gives all such lines.
    pub fn wait_logged(&self, start: &str) -> Vec<String> {
        eventually(&format!("{start:?} in {}", self.log()), || {
            Some(self.logged(start)).filter(|lines| !lines.is_empty())
        })
    }

    /// The Envoys that it runs: process id and command line.
    pub fn envoys(&self) -> Vec<(u32, String)> {
        with_argument(&format!(" -c {}/", self.config_dir().display()))
    }

    /// The files that Envoy reads, with their texts.
    pub fn contents(&self) -> Vec<(String, String)> {
        let read = |name: String| {
            let text = std::fs::read_to_string(self.config_dir().join(&name));
            Some((name, text.ok()?))
        };
        // A rollout may remove a file after it was listed.
        eventually("its files can be read", || {
            self.files().into_iter().map(read).collect()
        })
    }

    /// The unfinished files in its folder.
    pub fn unfinished(&self) -> Vec<String> {
        let entries = std::fs::read_dir(self.config_dir()).unwrap().flatten();
        let names = entries.map(|entry| entry.file_name().into_string().unwrap());
        names
            .filter(|name| name.contains(".nightjar-new"))
            .collect()
    }

    /// Checks that nothing of it runs any more, and that nothing half-written is left.
    pub fn assert_gone(&self) {
        assert_eq!(self.envoys(), []);
        assert_eq!(self.unfinished(), [""; 0]);
        assert_eq!(self.ready(), None);
    }

    /// Runs the program once with arguments: exit code, standard output and standard error.
    pub fn run(&self, arguments: &[&str]) -> (Option<i32>, String, String) {
        let output = self.command().args(arguments).output().unwrap();
        let text = |bytes: &[u8]| {
            let text = self.plain(&String::from_utf8_lossy(bytes));
            let lines = text.lines().map(|line| format!("{}\n", without_time(line)));
            lines.collect::<String>()
        };
        (
            output.status.code(),
            text(&output.stdout),
            text(&output.stderr),
        )
    }

    /// A text of its with names instead of its own folder and ports.
    pub fn plain(&self, text: &str) -> String {
        let folder = self.folder().display().to_string();
        let mut plain = text.replace(&folder, "FOLDER");
        for (port, name) in [
            (self.port, "PORT"),
            (self.admin_port, "ADMIN_PORT"),
            (self.status_port, "STATUS_PORT"),
        ] {
            plain = plain.replace(&port.to_string(), name);
        }
        without_moments(&plain)
    }
}

/// A line of the text format begins with its time.
pub(crate) fn without_time(line: &str) -> &str {
    match line.split_once(' ') {
        Some((time, rest)) if time.ends_with('Z') && time.contains('T') => rest.trim_start(),
        _ => line,
    }
}

impl Drop for Proxy {
    #[expect(
        clippy::print_stderr,
        reason = "a test that fails shows what its proxies said"
    )]
    fn drop(&mut self) {
        const SHOWN: usize = 30;
        if thread::panicking() {
            let log = self.log();
            let lines: Vec<&str> = log.lines().filter(|line| !line.starts_with('[')).collect();
            let last = lines.len().saturating_sub(SHOWN);
            eprintln!("the end of the log of {}:", self.folder().display());
            for line in lines.iter().skip(last) {
                eprintln!("{line}");
            }
        }
    }
}
