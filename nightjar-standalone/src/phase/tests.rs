use super::*;
use crate::{
    ack::Unbound,
    fake::{FakeEnvoy, Refuses},
    sample::{BOOTSTRAP, Mesh},
};
use nightjar_core::envoy::Configuration;
use std::{fs, path::Path};

/// A folder with an Envoy that has read a mesh.
struct Scene {
    folder: tempfile::TempDir,
    envoy: FakeEnvoy,
    phases: Phases,
    configuration: Configuration,
}

impl Scene {
    async fn new(mesh: &Mesh) -> Self {
        Self::with(mesh.read()).await
    }

    async fn with(configuration: Configuration) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let envoy = FakeEnvoy::start(folder.path()).await;
        let mut files = Folder::open(folder.path()).unwrap();
        files.replace_all(&configuration).unwrap();
        let phases = Phases {
            admin: envoy.admin(),
            folder: Arc::new(Mutex::new(files)),
            last_error: LastError::default(),
            timeout: Duration::from_secs(5),
        };
        let scene = Self {
            folder,
            envoy,
            phases,
            configuration,
        };
        // It has read its files before the first phase.
        scene.phases.versions(Instant::now()).await.unwrap();
        scene
    }

    fn impatient(mut self) -> Self {
        self.phases.timeout = Duration::from_millis(500);
        self
    }

    /// Its Envoy refuses all files of this name.
    fn refuses(&self, name: &'static str, reason: Option<&'static str>) {
        let text = "";
        self.envoy
            .script()
            .refuses
            .push(Refuses { name, text, reason });
    }

    fn files(mesh: &Mesh, names: &[&str]) -> Vec<Arc<File>> {
        let configuration = mesh.read();
        let file = |name: &&str| Arc::clone(configuration.get(name).unwrap());
        names.iter().map(file).collect()
    }

    async fn writes(&self, files: Vec<Arc<File>>) -> PhaseOutcome {
        self.phases.run(&request(files.clone(), files)).await
    }

    /// Whether Envoy has what stands in the folder.
    async fn confirms(&self) -> PhaseOutcome {
        let files = self.configuration.iter();
        let awaited = files.filter(|file| file.role() != Some(&FileRole::Bootstrap));
        let awaited = awaited.cloned().collect();
        self.phases.run(&request(Vec::new(), awaited)).await
    }

    fn text(&self, name: &str) -> String {
        fs::read_to_string(self.folder.path().join(name)).unwrap()
    }
}

fn request(writes: Vec<Arc<File>>, awaited: Vec<Arc<File>>) -> PhaseRequest {
    PhaseRequest {
        id: 1,
        writes,
        awaited,
        counters: Counters::default(),
        warming_tolerated: 0,
        is_closed: false,
    }
}

/// The listeners that could not be bound, and what goes on warming, of a phase that was accepted.
fn accepted(outcome: PhaseOutcome) -> (Option<Vec<String>>, u64) {
    match outcome {
        PhaseOutcome::Accepted {
            unbound,
            warming_tolerated,
            ..
        } => {
            let names = |unbound: Vec<Unbound>| unbound.iter().map(ToString::to_string).collect();
            (unbound.map(names), warming_tolerated)
        }
        other => panic!("{other:?}"),
    }
}

fn rejected(outcome: PhaseOutcome) -> String {
    match outcome {
        PhaseOutcome::Rejected { reason, .. } => reason,
        other => panic!("{other:?}"),
    }
}

fn timed_out(outcome: PhaseOutcome) -> String {
    match outcome {
        PhaseOutcome::TimedOut { reason } => reason,
        other => panic!("{other:?}"),
    }
}

#[tokio::test]
async fn what_is_written_is_accepted_when_envoy_has_it() {
    let scene = Scene::new(&Mesh::of(&["a"])).await;
    let both = Mesh::of(&["a", "b"]);
    let files = Scene::files(&both, &["cds.json", "rds-main.json"]);
    assert_eq!(accepted(scene.writes(files.clone()).await), (None, 0));
    for file in files {
        assert_eq!(scene.text(file.name()), file.text());
    }
}

#[tokio::test]
async fn the_same_text_again_is_accepted_when_envoy_has_counted_it() {
    let scene = Scene::new(&Mesh::of(&["a"])).await;
    let mut file = Scene::files(&Mesh::of(&["a"]), &["cds.json"]);
    // The same version, so that the version tells nothing; another text, so that Envoy reads it.
    let text = file[0].text().replace("10.0.0.1", "10.0.0.2");
    let mut files = Mesh::of(&["a"]).files();
    files.insert("cds.json".to_owned(), text);
    let other = Configuration::read(files, BOOTSTRAP, "/c", None).unwrap();
    file[0] = Arc::clone(other.get("cds.json").unwrap());
    assert_eq!(accepted(scene.writes(file).await), (None, 0));
}

#[tokio::test]
async fn a_refusal_has_the_reason_of_the_dump() {
    let scene = Scene::new(&Mesh::of(&["a"])).await;
    let reason = "Unknown field\nin 'a'";
    scene.refuses("cds.json", Some(reason));
    let files = Scene::files(&Mesh::of(&["b"]), &["cds.json"]);
    assert_eq!(
        rejected(scene.writes(files).await),
        "envoy refused cds.json: Unknown field in 'a'"
    );
}

#[tokio::test]
async fn a_refusal_without_a_reason_in_the_dump_has_that_of_the_log() {
    let scene = Scene::new(&Mesh::of(&["a"])).await;
    scene.refuses("rds-main.json", None);
    let files = || Scene::files(&Mesh::of(&["b"]), &["rds-main.json"]);
    let silent = rejected(scene.writes(files()).await);
    assert_eq!(
        silent,
        "envoy refused rds-main.json: it gave no reason; see its log"
    );
    let scene = Scene::new(&Mesh::of(&["a"])).await;
    scene.refuses("rds-main.json", None);
    let last_error = Arc::clone(&scene.phases.last_error);
    let log = async {
        sleep(Duration::from_millis(200)).await;
        *last_error.lock().unwrap() = Some("no such cluster".to_owned());
    };
    let (outcome, ()) = tokio::join!(scene.writes(files()), log);
    assert_eq!(
        rejected(outcome),
        "envoy refused rds-main.json: no such cluster"
    );
}

#[tokio::test]
async fn a_listener_that_cannot_bind_is_named_and_the_rest_is_accepted() {
    let scene = Scene::new(&Mesh::of(&["a"])).await;
    let message =
        "error adding listener 'side': cannot bind '0.0.0.0:8001': Address already in use";
    scene.envoy.script().errors.insert("side", message);
    let mut mesh = Mesh::of(&["a"]);
    mesh.listeners
        .insert("side".to_owned(), vec!["a".to_owned()]);
    let files = Scene::files(&mesh, &["rds-side.json", "lds.json"]);
    let closed = "listener \"side\" is closed: cannot bind '0.0.0.0:8001': Address already in use";
    let (unbound, _) = accepted(scene.writes(files).await);
    assert_eq!(unbound, Some(vec![closed.to_owned()]));
    // Another fault of a listener is one of the file.
    scene
        .envoy
        .script()
        .errors
        .insert("other", "no such filter");
    mesh.listeners.insert("other".to_owned(), Vec::new());
    let reason = rejected(scene.writes(Scene::files(&mesh, &["lds.json"])).await);
    assert!(reason.starts_with("envoy refused lds.json: "), "{reason}");
    assert!(reason.contains("no such filter"), "{reason}");
}

/// Envoy keeps the errors of listeners when it cannot read the next file of them.
#[tokio::test]
async fn a_closed_listener_does_not_hide_a_file_that_is_refused() {
    let scene = Scene::new(&Mesh::of(&["a"])).await;
    let reason = "cannot bind '0.0.0.0:8001': Address already in use";
    scene.envoy.script().errors.insert("side", reason);
    let mut mesh = Mesh::of(&["a"]);
    mesh.listeners
        .insert("side".to_owned(), vec!["a".to_owned()]);
    let files = Scene::files(&mesh, &["rds-side.json", "lds.json"]);
    assert!(accepted(scene.writes(files).await).0.is_some());
    let next = |mesh: &Mesh| {
        let files = Scene::files(mesh, &["lds.json"]);
        PhaseRequest {
            is_closed: true,
            ..request(files.clone(), files)
        }
    };
    mesh.listeners.insert("more".to_owned(), Vec::new());
    assert!(accepted(scene.phases.run(&next(&mesh)).await).0.is_some());
    scene.refuses("lds.json", None);
    mesh.listeners.insert("bad".to_owned(), Vec::new());
    assert_eq!(
        rejected(scene.phases.run(&next(&mesh)).await),
        "envoy refused lds.json: it gave no reason; see its log"
    );
}

#[tokio::test]
async fn an_envoy_that_says_nothing_of_a_file_is_given_up_in_time() {
    let scene = Scene::new(&Mesh::of(&["a"])).await.impatient();
    scene.envoy.script().ignores.push("cds.json");
    let files = Scene::files(&Mesh::of(&["b"]), &["cds.json"]);
    let reason = timed_out(scene.writes(files).await);
    let first = reason.lines().next();
    assert_eq!(first, Some("envoy did not accept cds.json within 0.5 s"));
    assert!(reason.contains("\nhint: "), "{reason}");
}

/// A phase after one that has waited in vain for a cluster to warm.
fn tolerant(files: Vec<Arc<File>>) -> PhaseRequest {
    PhaseRequest {
        warming_tolerated: 1,
        ..request(files.clone(), files)
    }
}

#[tokio::test]
async fn a_cluster_that_warms_for_too_long_does_not_hold_the_mesh_back() {
    let scene = Scene::new(&Mesh::of(&["a"])).await.impatient();
    scene.envoy.script().warming.push("nowhere");
    let files = Scene::files(&Mesh::of(&["b"]), &["cds.json"]);
    assert_eq!(accepted(scene.writes(files.clone()).await), (None, 1));
    // The next phase does not wait for it again.
    let files = Scene::files(&Mesh::of(&["c"]), &["cds.json"]);
    let phase = tolerant(files);
    assert_eq!(accepted(scene.phases.run(&phase).await), (None, 1));
    assert_eq!(scene.phases.warming_names().await, "nowhere");
    // Once it has warmed, the next one is waited for.
    scene.envoy.script().warming.clear();
    assert_eq!(scene.phases.warming_names().await, "unnamed");
    let files = Scene::files(&Mesh::of(&["d"]), &["cds.json"]);
    let phase = tolerant(files);
    assert_eq!(accepted(scene.phases.run(&phase).await), (None, 0));
}

#[tokio::test]
async fn a_cluster_that_warms_is_waited_for_although_another_one_was_not() {
    let scene = Scene::new(&Mesh::of(&["a"])).await;
    let files = Scene::files(&Mesh::of(&["b"]), &["cds.json"]);
    let phase = tolerant(files);
    let warm = async {
        while !is_new(scene.folder.path()) {
            sleep(Duration::from_millis(1)).await;
        }
        scene.envoy.script().warming.push("late");
        sleep(Duration::from_millis(300)).await;
        scene.envoy.script().warming.clear();
    };
    let began = Instant::now();
    let (outcome, ()) = tokio::join!(scene.phases.run(&phase), warm);
    assert_eq!(accepted(outcome), (None, 0));
    assert!(began.elapsed() >= Duration::from_millis(300));
}

#[tokio::test]
async fn nothing_is_written_before_envoy_says_what_it_has() {
    let scene = Scene::new(&Mesh::of(&["a"])).await.impatient();
    scene.envoy.script().status = Some(503);
    let before = scene.text("cds.json");
    let files = Scene::files(&Mesh::of(&["b"]), &["cds.json"]);
    match scene.writes(files).await {
        PhaseOutcome::NotWritten { reason, partly } => {
            assert!(!partly);
            assert!(reason.ends_with("status 503: not now"), "{reason}");
        }
        other => panic!("{other:?}"),
    }
    assert_eq!(scene.text("cds.json"), before);
}

#[tokio::test]
async fn a_folder_that_cannot_be_written_leaves_all_as_it_was() {
    let scene = Scene::new(&Mesh::of(&["a"])).await;
    let before = scene.text("rds-main.json");
    fs::create_dir(scene.folder.path().join("cds.json.nightjar-new")).unwrap();
    let files = Scene::files(&Mesh::of(&["b"]), &["rds-main.json", "cds.json"]);
    match scene.writes(files).await {
        PhaseOutcome::NotWritten { reason, partly } => {
            assert!(!partly);
            assert!(reason.starts_with("cannot write \""), "{reason}");
        }
        other => panic!("{other:?}"),
    }
    assert_eq!(scene.text("rds-main.json"), before);
}

#[tokio::test]
async fn a_rename_that_fails_halfway_is_told_as_such() {
    let scene = Scene::new(&Mesh::of(&["a"])).await;
    let folder = scene.folder.path();
    fs::remove_file(folder.join("cds.json")).unwrap();
    fs::create_dir_all(folder.join("cds.json/in the way")).unwrap();
    let files = Scene::files(&Mesh::of(&["b"]), &["rds-main.json", "cds.json"]);
    match scene.writes(files).await {
        PhaseOutcome::NotWritten { reason, partly } => {
            assert!(partly);
            assert!(reason.starts_with("cannot replace \""), "{reason}");
        }
        other => panic!("{other:?}"),
    }
}

#[tokio::test]
async fn an_envoy_that_has_started_is_asked_for_its_files() {
    let mut mesh = Mesh::of(&["a"]);
    mesh.listeners
        .insert("side".to_owned(), vec!["a".to_owned()]);
    let scene = Scene::new(&mesh).await;
    assert_eq!(accepted(scene.confirms().await), (Some(Vec::new()), 0));
}

#[tokio::test]
async fn an_envoy_that_has_started_with_something_else_has_refused_it() {
    let scene = Scene::new(&Mesh::of(&["a"])).await;
    fs::write(
        scene.folder.path().join("cds.json"),
        Scene::files(&Mesh::of(&["b"]), &["cds.json"])[0].text(),
    )
    .unwrap();
    assert_eq!(
        rejected(scene.confirms().await),
        "envoy refused cds.json: it gave no reason; see its log"
    );
}

#[tokio::test]
async fn a_version_that_is_hidden_is_told_as_such() {
    let scene = Scene::new(&Mesh::of(&["a"])).await;
    let empty = tempfile::tempdir().unwrap();
    let blind = FakeEnvoy::start(empty.path()).await;
    let phases = Phases {
        admin: blind.admin(),
        folder: Arc::clone(&scene.phases.folder),
        last_error: LastError::default(),
        timeout: scene.phases.timeout,
    };
    let awaited = Scene::files(&Mesh::of(&["a"]), &["cds.json"]);
    let reason = rejected(phases.run(&request(Vec::new(), awaited)).await);
    assert_eq!(
        reason,
        "envoy does not report which version of cds.json it has\n\
         hint: its statistics `version_text` must not be hidden by a `stats_matcher`"
    );
}

#[tokio::test]
async fn an_envoy_that_stops_answering_is_told_with_the_reason() {
    let scene = Scene::new(&Mesh::of(&["a"])).await.impatient();
    scene.envoy.script().ignores.push("cds.json");
    let files = Scene::files(&Mesh::of(&["b"]), &["cds.json"]);
    let fall_silent = async {
        while !is_new(scene.folder.path()) {
            sleep(Duration::from_millis(1)).await;
        }
        scene.envoy.script().status = Some(500);
    };
    let (outcome, ()) = tokio::join!(scene.writes(files), fall_silent);
    let reason = timed_out(outcome);
    let start = "envoy did not report within 0.5 s whether it accepted cds.json: envoy's admin interface at ";
    assert!(reason.starts_with(start), "{reason}");
    assert!(is_new(scene.folder.path()));
}

/// Whether the new clusters stand in the folder.
fn is_new(folder: &Path) -> bool {
    let file = &Scene::files(&Mesh::of(&["b"]), &["cds.json"])[0];
    fs::read_to_string(folder.join("cds.json")).unwrap() == file.text()
}
