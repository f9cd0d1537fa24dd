use super::*;
use crate::{env::CommandLine, extension::RunLimits};
use std::{fs, path::Path};

const REFRESH_TIME: Duration = Duration::from_secs(30);

const EMPTY: &str = r#"{"schema-version": "v1", "document-version": "empty", "namespaces": []}"#;
const FULL: &str = r#"{"schema-version": "v1", "document-version": "full", "namespaces": [{
    "namespace": "n1", "network-id": "n1", "service-colors": [],
    "gateways": {"instances": [{"ipv4": "10.0.0.1", "port": 3000}]}}]}"#;

/// A discovery that hands over the file `map` of a folder, and fails without it.
fn discovery(folder: &Path, grace: u64) -> Discovery {
    let script = format!(
        "for a; do case $a in --action-file=*) cp {}/map \"${{a#*=}}\" || exit 1;; esac; done",
        folder.display()
    );
    let command = CommandLine {
        program: "/bin/sh".into(),
        arguments: vec!["-c".to_owned(), script, "sh".to_owned()],
    };
    let limits = RunLimits {
        timeout: Duration::from_secs(20),
        max_document_bytes: 1 << 20,
    };
    Discovery::new(
        Host::discovery_map(command, limits, folder),
        grace,
        REFRESH_TIME,
    )
}

struct Scene {
    folder: tempfile::TempDir,
    discovery: Discovery,
    start: Instant,
}

impl Scene {
    /// With a map in force that has endpoints.
    fn new(grace: u64) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let mut discovery = discovery(folder.path(), grace);
        discovery.expect_endpoints(true);
        Self {
            folder,
            discovery,
            start: Instant::now(),
        }
    }

    /// Fetches this map so many seconds after the start: whether it is accepted, and the count if not.
    async fn fetch(&mut self, map: &str, seconds: u64) -> (bool, Option<String>) {
        fs::write(self.folder.path().join("map"), map).unwrap();
        let now = self.start + Duration::from_secs(seconds);
        let read = self.discovery.fetch(now, &Shutdown::never()).await.unwrap();
        if let Some(read) = &read {
            self.discovery.accept(&read.document);
        }
        let empty_map = self.discovery.empty_map();
        assert_eq!(empty_map.is_some(), self.discovery.is_empty_map_pending());
        let count = empty_map.map(|map| format!("{} of {}", map.seen, map.grace));
        (read.is_some(), count)
    }
}

fn pending(count: &str) -> (bool, Option<String>) {
    (false, Some(count.to_owned()))
}

#[tokio::test]
async fn an_empty_map_counts_once_in_refresh_time() {
    let mut scene = Scene::new(3);
    assert_eq!(scene.fetch(EMPTY, 0).await, pending("1 of 3"));
    // A burst of SIGHUPs is no proof.
    for _ in 0..4 {
        assert_eq!(scene.fetch(EMPTY, 1).await, pending("1 of 3"));
    }
    // The timer's chance is no reason not to count.
    assert_eq!(scene.fetch(EMPTY, 27).await, pending("2 of 3"));
    assert_eq!(scene.fetch(EMPTY, 53).await, pending("2 of 3"));
    let empty_map = scene.discovery.empty_map().unwrap();
    assert_eq!(empty_map.since, scene.start);
    assert_eq!(
        empty_map.describe(scene.start + Duration::from_secs(53)),
        "the newest map has no endpoints; the map before it stays in force until 3 refreshes in \
         a row confirm it; 2 so far, for 53 s"
    );
    assert_eq!(scene.fetch(EMPTY, 54).await, (true, None));
}

#[tokio::test]
async fn a_map_with_endpoints_or_a_failure_restarts_the_count() {
    let mut scene = Scene::new(3);
    assert_eq!(scene.fetch(EMPTY, 0).await, pending("1 of 3"));
    assert_eq!(scene.fetch(EMPTY, 30).await, pending("2 of 3"));
    assert_eq!(scene.fetch(FULL, 60).await, (true, None));
    assert_eq!(scene.fetch(EMPTY, 90).await, pending("1 of 3"));
    fs::remove_file(scene.folder.path().join("map")).unwrap();
    let failed = scene.discovery.fetch(scene.start, &Shutdown::never()).await;
    failed.unwrap_err();
    assert_eq!(scene.discovery.empty_map(), None);
    assert_eq!(scene.fetch(EMPTY, 120).await, pending("1 of 3"));
}

#[tokio::test]
async fn a_grace_of_one_accepts_at_once() {
    assert_eq!(Scene::new(1).fetch(EMPTY, 0).await, (true, None));
}
