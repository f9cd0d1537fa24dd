//! The loop's parts with extensions that are shell scripts.

use super::*;
use nightjar_core::{daemon::ready_file, env::Env, shutdown::StopReason};
use std::{fs, path::Path};
use tempfile::TempDir as Folder;

/// A mesh in `source.json`, and a store in `published.json`. Scripts in `commit.sh` and
/// `discovery.sh` do more.
struct Scene {
    folder: Folder,
    publisher: Publisher,
}

const DISCOVERY: &str = r#"
    for a; do case $a in --action-file=*) file=${a#*=};; esac; done
    if [ -e discovery.sh ]; then . ./discovery.sh; fi
    cp source.json "$file" || exit 9"#;

const STORE: &str = r#"
    for a; do case $a in
        --action-file=*) file=${a#*=};;
        --action=*) action=${a#*=};;
    esac; done
    if [ "$action" = fetch ]; then cp published.json "$file" || exit 9; exit 0; fi
    echo commit >>commits
    if [ -e commit.sh ]; then . ./commit.sh; fi
    cp "$file" published.json"#;

fn map(port: u16) -> String {
    format!(
        r#"{{"schema-version": "v1", "document-version": "{port}", "namespaces": [{{
        "namespace": "n1", "network-id": "n1", "service-colors": [],
        "gateways": {{"instances": [{{"ipv4": "10.0.0.1", "port": {port}}}]}}}}]}}"#
    )
}

fn config(folder: &Path) -> Config {
    for (name, script) in [("discovery", DISCOVERY), ("store", STORE)] {
        let script = format!("cd {} || exit 9\n{script}", folder.display());
        fs::write(folder.join(name), script).unwrap();
    }
    let command = |name| format!("sh {}", folder.join(name).display());
    let env = Env::from_pairs([
        ("DISCOVERY_MAP_EXEC", command("discovery")),
        ("DATA_STORE_EXEC", command("store")),
        ("REFRESH_TIME", "0.01".to_owned()),
        ("NJ_TEMP_DIR", folder.join("temp").display().to_string()),
        ("PATH", "/usr/bin:/bin".to_owned()),
    ]);
    Config::read(&env).unwrap()
}

impl Scene {
    fn new(shutdown: &Shutdown) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let config = config(folder.path());
        let scene = Self {
            publisher: Publisher {
                extensions: Extensions::new(&config, &folder.path().join("temp"), shutdown),
                status: Status::default(),
                file: Some(ReadyFile::within(folder.path())),
            },
            folder,
        };
        scene.put("source.json", &map(1));
        scene
    }

    fn put(&self, name: &str, text: &str) {
        fs::write(self.folder.path().join(name), text).unwrap();
    }

    fn remove(&self, name: &str) {
        fs::remove_file(self.folder.path().join(name)).unwrap();
    }

    fn published(&self) -> String {
        fs::read_to_string(self.folder.path().join("published.json")).unwrap()
    }

    fn commits(&self) -> usize {
        let commits = fs::read_to_string(self.folder.path().join("commits"));
        commits.unwrap_or_default().lines().count()
    }

    async fn refresh(&mut self) -> RefreshResult {
        self.publisher.refresh(Event::Interval).await.unwrap()
    }

    fn look<T>(&self, look: impl FnOnce(&State) -> T) -> T {
        self.publisher.status.with(look)
    }
}

/// Each way in which a commit may do its work and be reported as failed.
#[tokio::test]
async fn a_commit_that_was_done_and_reported_as_failed_does_not_stay() {
    for failure in ["exit 9", "kill -9 $$"] {
        let mut scene = Scene::new(&Shutdown::never());
        assert_eq!(scene.refresh().await, RefreshResult::Published);
        scene.put(
            "commit.sh",
            &format!("cp \"$file\" published.json; {failure}"),
        );
        scene.put("source.json", &map(2));
        let result = scene.refresh().await;
        assert!(matches!(result, RefreshResult::Failed(_)), "{result:?}");
        assert_eq!(scene.published(), map(2));
        assert!(
            scene.look(State::is_pending),
            "nobody knows that it is there"
        );
        // The mesh goes back to what the store held before.
        scene.remove("commit.sh");
        scene.put("source.json", &map(1));
        assert_eq!(scene.refresh().await, RefreshResult::Published);
        assert_eq!(scene.published(), map(1));
        assert!(!scene.look(State::is_pending));
        assert_eq!(scene.refresh().await, RefreshResult::Unchanged);
        assert_eq!(scene.commits(), 3);
    }
}

#[tokio::test]
async fn a_commit_that_was_done_and_reported_as_failed_is_not_made_twice() {
    let mut scene = Scene::new(&Shutdown::never());
    scene.put("commit.sh", "cp \"$file\" published.json; exit 9");
    assert!(matches!(scene.refresh().await, RefreshResult::Failed(_)));
    assert_eq!(scene.refresh().await, RefreshResult::Unchanged);
    assert!(scene.look(State::has_published));
    assert_eq!(scene.commits(), 1);
}

#[tokio::test]
async fn a_stop_makes_it_unready_while_a_commit_goes_on() {
    let (handle, shutdown) = Shutdown::manual();
    let mut scene = Scene::new(&shutdown);
    assert_eq!(scene.refresh().await, RefreshResult::Published);
    let _lock = nightjar_core::daemon::dir_lock::acquire(scene.folder.path());
    let folder = scene.folder.path().to_owned();
    let check = || ready_file::check(&folder).map_err(|reason| reason.to_string());
    assert_eq!(check(), Ok("ready\n".to_owned()));
    let announcement = tokio::spawn(announce_stop(
        shutdown.clone(),
        scene.publisher.status.clone(),
        scene.publisher.file.clone(),
    ));
    scene.put(
        "commit.sh",
        "echo >begun; while [ ! -e end ]; do sleep 0.02; done",
    );
    scene.put("source.json", &map(2));
    let stop = async {
        while !folder.join("begun").exists() {
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
        handle.stop(StopReason::Terminate);
        announcement.await.unwrap();
        assert_eq!(check(), Err("not ready: stopping\n".to_owned()));
        fs::write(folder.join("end"), "").unwrap();
    };
    let (result, ()) = tokio::join!(scene.publisher.refresh(Event::Interval), stop);
    assert_eq!(result, Some(RefreshResult::Published));
    assert_eq!(scene.published(), map(2));
    assert!(scene.look(|state| state.is_stopping() && !state.is_pending()));
}
