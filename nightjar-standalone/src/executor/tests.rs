//! Whole proxies in this process, whose Envoy is a program that does nothing and an admin interface that
//! answers as one would.

use super::report;
use crate::{
    admin::exchange,
    config::{Config, Need},
    fake::{FakeEnvoy, LOOPBACK, Refuses, discovery_map, envoy_program, extension, script},
    machine::Event,
    refresh::Refresher,
    run::Program,
};
use hyper::Method;
use nightjar_core::{
    env::Env,
    shutdown::{Shutdown, ShutdownHandle, StopReason},
    template::shipped,
};
use std::{
    fs,
    net::{SocketAddr, TcpListener},
    path::PathBuf,
    time::Duration,
};
use tokio::{
    sync::mpsc,
    time::{sleep, timeout},
};

/// A gateway that can be started.
struct Scene {
    place: tempfile::TempDir,
    envoy: FakeEnvoy,
    ports: Ports,
    settings: Vec<(&'static str, String)>,
}

#[derive(Debug, Clone, Copy)]
struct Ports {
    listen: u16,
    status: u16,
}

fn free() -> u16 {
    let listener = TcpListener::bind((LOOPBACK, 0)).unwrap();
    listener.local_addr().unwrap().port()
}

impl Scene {
    async fn new() -> Self {
        let place = tempfile::tempdir().unwrap();
        let folder = place.path().join("config");
        let envoy = FakeEnvoy::start(&folder).await;
        envoy.script().bootstrap = folder.join("envoy-config.yaml").display().to_string();
        let map = place.path().join("map.json");
        fs::write(&map, discovery_map("1", 4001)).unwrap();
        let discovery = extension(place.path(), "discovery", &map);
        let program = envoy_program(place.path());
        let ports = Ports {
            listen: free(),
            status: free(),
        };
        let settings = vec![
            ("NJ_PROXY_MODE", "gateway".to_owned()),
            ("NJ_NAMESPACE", "n1".to_owned()),
            ("NJ_LISTEN_PORT", ports.listen.to_string()),
            ("NJ_LISTEN_ADDRESS", "127.0.0.1".to_owned()),
            ("NJ_ADMIN_PORT", envoy.port().to_string()),
            ("NJ_STATUS_PORT", ports.status.to_string()),
            ("DISCOVERY_MAP_EXEC", discovery.display().to_string()),
            ("ENVOY_EXEC", program.display().to_string()),
            ("ENVOY_CONFIGURATION_DIR", folder.display().to_string()),
            ("ENVOY_DRAIN_TIME", "1".to_owned()),
            ("ENVOY_UPDATE_TIMEOUT", "5".to_owned()),
            ("REFRESH_TIME", "0.05".to_owned()),
            ("FAILURE_SLEEP", "0.1".to_owned()),
        ];
        Self {
            place,
            envoy,
            ports,
            settings,
        }
    }

    fn config(&self) -> Config {
        Config::read(&Env::from_pairs(self.settings.clone()), Need::Envoy).unwrap()
    }

    fn set(&mut self, setting: &'static str, value: &dyn ToString) {
        self.settings.retain(|(name, _)| *name != setting);
        self.settings.push((setting, value.to_string()));
    }

    fn set_map(&self, version: &str, port: u16) {
        let unfinished = self.place.path().join("map.new");
        fs::write(&unfinished, discovery_map(version, port)).unwrap();
        fs::rename(unfinished, self.place.path().join("map.json")).unwrap();
    }

    fn file(&self, name: &str) -> PathBuf {
        self.place.path().join("config").join(name)
    }

    fn text(&self, name: &str) -> String {
        fs::read_to_string(self.file(name)).unwrap_or_default()
    }

    /// Runs the proxy for a story, then has it stop, and gives how it ended.
    async fn run<F: Future<Output = ()>>(
        &self,
        story: impl FnOnce(ShutdownHandle) -> F,
    ) -> anyhow::Result<()> {
        let (trigger, shutdown) = Shutdown::manual();
        let program = Program::new(self.config(), shutdown).await?;
        let story = async {
            story(trigger.clone()).await;
            trigger.stop(StopReason::Requested("the story is over".to_owned()));
        };
        let both = async { tokio::join!(Box::pin(program.run()), story).0 };
        timeout(Duration::from_secs(50), both)
            .await
            .expect("it ends")
    }

    async fn page(&self, path: &str) -> Option<(u16, String)> {
        let address = SocketAddr::new(LOOPBACK, self.ports.status);
        exchange(address, Method::GET, path).await.ok()
    }

    async fn until(&self, what: &str, is_so: impl AsyncFn() -> bool) {
        for _ in 0..1500 {
            if is_so().await {
                return;
            }
            sleep(Duration::from_millis(20)).await;
        }
        panic!("never: {what}; {:?}", self.page("/ready").await);
    }

    /// Waits until it is ready and has nothing else to tell.
    async fn until_ready(&self) {
        self.until("ready", async || {
            let page = self.page("/ready").await;
            page.is_some_and(|(code, text)| code == 200 && text == "ready\n")
        })
        .await;
    }

    async fn until_shown(&self, status: u16, expected: &str) {
        self.until(expected, async || {
            let page = self.page("/ready").await;
            page.is_some_and(|(code, text)| code == status && text.contains(expected))
        })
        .await;
    }
}

#[tokio::test]
async fn a_proxy_starts_follows_the_map_and_drains() {
    let scene = Scene::new().await;
    let ended = scene
        .run(async |_| {
            scene.until_ready().await;
            let clusters = scene.text("cds.json");
            assert!(clusters.contains("4001"), "{clusters}");
            scene.set_map("2", 4002);
            scene
                .until("the instance that moved", async || {
                    scene.text("cds.json").contains("4002")
                })
                .await;
            // The file is there before Envoy has confirmed it.
            scene
                .until("the new map is in force", async || {
                    let metrics = scene.page("/metrics").await;
                    metrics.is_some_and(|(_, text)| {
                        text.contains("nightjar_map_in_force_info{version=\"2\"} 1\n")
                    })
                })
                .await;
            scene.until_ready().await;
            let (_, metrics) = scene.page("/metrics").await.unwrap();
            for line in [
                "nightjar_ready 1",
                "nightjar_envoy_live 1",
                "nightjar_endpoints 1",
                "nightjar_envoy_starts_total 1",
            ] {
                assert!(
                    metrics.lines().any(|own| own == line),
                    "{line} in {metrics}"
                );
            }
        })
        .await;
    ended.unwrap();
    let asked = scene.envoy.script().asked.clone();
    let drained = [
        "POST /healthcheck/fail",
        "POST /drain_listeners?graceful&skip_exit",
    ];
    assert!(asked.windows(2).any(|pair| pair == drained), "{asked:?}");
}

#[tokio::test]
async fn a_refusal_while_it_runs_is_put_back_and_told() {
    let mut scene = Scene::new().await;
    scene.set("NJ_VALIDATE", &false);
    scene.set("ENVOY_RESTART_MODE", &"none");
    let ended = scene
        .run(async |_| {
            scene.until_ready().await;
            let before = scene.text("cds.json");
            scene.envoy.script().refuses.push(Refuses {
                name: "cds.json",
                text: "4002",
                reason: Some("no such policy"),
            });
            scene.set_map("2", 4002);
            scene
                .until_shown(200, "refused: envoy refused cds.json: no such policy")
                .await;
            assert_eq!(scene.text("cds.json"), before);
        })
        .await;
    ended.unwrap();
}

/// The shipped templates, with this at the end of the bootstrap.
fn shipped_with(version: &str, bootstrap: &str) -> String {
    let mut set = serde_json::to_value(shipped()).unwrap();
    set["document-version"] = version.into();
    for template in set["gateway-templates"].as_array_mut().unwrap() {
        if template["purpose"] == "envoy-config.yaml" {
            let text = template["template"].as_str().unwrap();
            template["template"] = format!("{text}{bootstrap}").into();
        }
    }
    set.to_string()
}

/// While templates are rolled out, newer ones may come, and fail.
#[tokio::test]
async fn the_last_good_templates_are_those_in_force() {
    let mut scene = Scene::new().await;
    let templates = scene.place.path().join("templates.json");
    let store = extension(scene.place.path(), "store", &templates);
    scene.set("DATA_STORE_EXEC", &store.display());
    let mut refresher = Refresher::new(&scene.config(), scene.place.path());
    let (_trigger, shutdown) = Shutdown::manual();
    let mut fallback = async |version: &str, accepted: Option<u64>| {
        fs::write(&templates, shipped_with(version, &format!("# {version}\n"))).unwrap();
        let refresh = refresher.refresh(accepted, &shutdown).await;
        let fallback = refresh.unwrap().candidate.unwrap().fallback;
        fallback.and_then(|fallback| fallback.templates_version)
    };
    assert_eq!(fallback("v1", None).await, None);
    assert_eq!(fallback("v2", Some(1)).await.as_deref(), Some("v1"));
    // The second set is still on its way.
    assert_eq!(fallback("v3", Some(1)).await.as_deref(), Some("v1"));
    assert_eq!(fallback("v4", Some(2)).await.as_deref(), Some("v2"));
    assert_eq!(fallback("v5", Some(4)).await.as_deref(), Some("v4"));
}

#[tokio::test]
async fn a_check_that_is_not_passed_leaves_all_as_it_was() {
    let mut scene = Scene::new().await;
    let templates = scene.place.path().join("templates.json");
    let publish = |version: &str, bootstrap: &str| {
        fs::write(&templates, shipped_with(version, bootstrap)).unwrap();
    };
    publish("1", "");
    let store = extension(scene.place.path(), "store", &templates);
    scene.set("DATA_STORE_EXEC", &store.display());
    let ended = scene
        .run(async |trigger| {
            scene.until_ready().await;
            let before = scene.text("envoy-config.yaml");
            publish("2", "flags_path: no-such-flag\n");
            trigger.refresh();
            scene
                .until_shown(200, "refused: envoy refuses the configuration: ")
                .await;
            assert_eq!(scene.text("envoy-config.yaml"), before);
            fs::remove_file(&templates).unwrap();
            scene.until_shown(200, "templates: ").await;
            publish("3", "");
            scene.until_ready().await;
        })
        .await;
    ended.unwrap();
}

#[tokio::test]
async fn a_port_that_is_taken_is_told_before_envoy_starts() {
    let scene = Scene::new().await;
    let held = TcpListener::bind((LOOPBACK, scene.ports.listen)).unwrap();
    let ended = scene
        .run(async |_| {
            let message = format!(
                "failed: another process listens at 127.0.0.1:{} (NJ_LISTEN_PORT)",
                scene.ports.listen
            );
            scene.until_shown(503, &message).await;
            drop(held);
            scene.until_ready().await;
        })
        .await;
    ended.unwrap();
}

#[tokio::test]
async fn an_envoy_that_ends_by_itself_is_started_again() {
    let mut scene = Scene::new().await;
    let once = scene.place.path().join("ended");
    let text = format!(
        "case \"$*\" in *--version*) exec {0} --version ;; *'--mode validate'*) exec {0} \"$@\" ;; esac\n\
         [ -f '{1}' ] || {{ touch '{1}'; echo 'critical main no memory' >&2; exit 1; }}\n\
         exec {0} \"$@\"",
        scene.place.path().join("envoy").display(),
        once.display()
    );
    let program = script(scene.place.path(), "dies-once", &text);
    scene.set("ENVOY_EXEC", &program.display());
    let ended = scene
        .run(async |_| {
            scene
                .until("another start", async || {
                    let metrics = scene.page("/metrics").await;
                    metrics
                        .is_some_and(|(_, text)| text.contains("nightjar_envoy_starts_total 2\n"))
                })
                .await;
            scene.until_ready().await;
        })
        .await;
    ended.unwrap();
}

#[tokio::test]
async fn files_that_somebody_deletes_are_written_again() {
    let scene = Scene::new().await;
    let ended = scene
        .run(async |_| {
            scene.until_ready().await;
            let before = scene.text("cds.json");
            fs::remove_file(scene.file("cds.json")).unwrap();
            scene
                .until("the file is there", async || {
                    scene.text("cds.json") == before
                })
                .await;
        })
        .await;
    ended.unwrap();
}

#[tokio::test]
async fn a_set_up_that_cannot_be_is_told() {
    let mut scene = Scene::new().await;
    let program = script(
        scene.place.path(),
        "old",
        "echo 'envoy  version: 0/1.20.0/Clean/RELEASE/B'",
    );
    scene.set("ENVOY_EXEC", &program.display());
    let error = scene.run(async |_| {}).await.unwrap_err();
    let message = format!("{error:#}");
    assert!(message.starts_with("ENVOY_EXEC: "), "{message}");
    assert!(
        message.contains("is not an Envoy 1.39.1 or later"),
        "{message}"
    );
}

#[tokio::test]
async fn a_task_that_panics_is_not_waited_for_in_vain() {
    let (events, mut received) = mpsc::unbounded_channel();
    let panics = report(events.clone(), Event::Drained, async {
        panic!("on purpose")
    });
    assert!(panics.await.unwrap_err().is_panic());
    assert!(matches!(received.recv().await, Some(Event::Drained)));
    let cancelled = report(events.clone(), Event::Drained, std::future::pending());
    cancelled.abort();
    assert!(cancelled.await.unwrap_err().is_cancelled());
    report(events, Event::Drained, async { Event::RefreshDue })
        .await
        .unwrap();
    assert!(matches!(received.recv().await, Some(Event::RefreshDue)));
    assert!(received.recv().await.is_none());
}
