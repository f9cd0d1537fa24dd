use super::*;
use crate::fake::FakeEnvoy;

const HTTP: &str = "http.main.downstream_cx_active: 1\nhttp.main.downstream_cx_total: 5\n\
                    http.admin.downstream_cx_active: 1\nlistener.0.0.0.0_80.downstream_cx_active: 1\n\
                    listener.0.0.0.0_80.worker_0.downstream_cx_active: 1\n";
const QUIET_HTTP: &str = "http.main.downstream_cx_active: 0\nhttp.main.downstream_cx_total: 5\n\
                          http.admin.downstream_cx_active: 1\n";
const STREAM: &str = "listener.0.0.0.0_81.downstream_cx_active: 1\nhttp.main.downstream_cx_active: 0\n\
                      cluster.tcp.upstream_cx_active: 1\n";
const QUIET_STREAM: &str = "http.main.downstream_cx_active: 0\ncluster.tcp.upstream_cx_active: 0\n";

/// How long it took to drain, with these answers to how many connections are open.
async fn drained(connections: &[&'static str], drain_time: Duration) -> (Duration, Vec<String>) {
    let folder = tempfile::tempdir().unwrap();
    let envoy = FakeEnvoy::start(folder.path()).await;
    envoy.script().connections = connections.to_vec();
    let began = Instant::now();
    drain(&envoy.admin(), drain_time).await;
    let asked = envoy.script().asked.clone();
    (began.elapsed(), asked)
}

#[test]
fn connections_of_the_admin_interface_and_of_single_workers_do_not_count() {
    assert_eq!(open(HTTP, "http.", ACTIVE), 1);
    assert_eq!(open(HTTP, "listener.", ACTIVE), 1);
    assert_eq!(open(HTTP, "http.", ".downstream_cx_total"), 5);
}

/// Who scrapes or collects holds a connection, and is no caller.
const OWN: &str = "http.nightjar-stats.downstream_cx_active: 1\nhttp.nightjar-stats.downstream_cx_total: 9\n\
                   listener.nightjar-stats.downstream_cx_active: 1\ncluster.nightjar-stats.upstream_cx_active: 1\n\
                   cluster.nightjar-trace.upstream_cx_active: 1\n";

#[test]
fn connections_of_nightjars_own_listeners_and_clusters_do_not_count() {
    assert_eq!(open(OWN, "http.", ACTIVE), 0);
    assert_eq!(open(OWN, "http.", ".downstream_cx_total"), 0);
    assert_eq!(open(OWN, "listener.", ACTIVE), 0);
    assert_eq!(open(OWN, "cluster.", ".upstream_cx_active"), 0);
}

#[tokio::test]
async fn an_envoy_is_drained_when_nobody_has_come_for_a_second() {
    let (took, asked) = drained(&[HTTP, HTTP, QUIET_HTTP], Duration::from_secs(20)).await;
    assert!(
        took >= QUIET_PERIOD && took < Duration::from_secs(10),
        "{took:?}"
    );
    let requests = [
        "POST /healthcheck/fail",
        "POST /drain_listeners?graceful&skip_exit",
    ];
    assert_eq!(asked, requests);
}

#[tokio::test]
async fn streams_are_waited_for_by_the_services_behind() {
    let drain_time = Duration::from_secs(20);
    let (took, _) = drained(&[STREAM, STREAM, QUIET_STREAM], drain_time).await;
    assert!(
        took >= QUIET_PERIOD && took < Duration::from_secs(10),
        "{took:?}"
    );
    let drain_time = Duration::from_millis(1300);
    let (took, _) = drained(&[STREAM], drain_time).await;
    assert!(took >= drain_time, "{took:?}");
}

#[tokio::test]
async fn connections_that_stay_are_waited_for_as_long_as_told() {
    let drain_time = Duration::from_millis(300);
    let (took, _) = drained(&[HTTP], drain_time).await;
    assert!(
        took >= drain_time && took < Duration::from_secs(10),
        "{took:?}"
    );
}

#[tokio::test]
async fn an_envoy_that_cannot_be_asked_gets_the_whole_time() {
    let folder = tempfile::tempdir().unwrap();
    let envoy = FakeEnvoy::start(folder.path()).await;
    let (admin, drain_time) = (envoy.admin(), Duration::from_millis(400));
    envoy.script().status = Some(500);
    let began = Instant::now();
    drain(&admin, drain_time).await;
    assert!(began.elapsed() >= drain_time);
    drop(envoy);
    tokio::task::yield_now().await;
    let began = Instant::now();
    drain(&admin, drain_time).await;
    assert!(began.elapsed() >= drain_time);
}

#[tokio::test]
async fn an_envoy_that_is_late_with_an_answer_is_drained_all_the_same() {
    let folder = tempfile::tempdir().unwrap();
    let envoy = FakeEnvoy::start(folder.path()).await;
    envoy.script().connections = vec![HTTP];
    envoy.script().status = Some(500);
    let (admin, drain_time) = (envoy.admin(), Duration::from_secs(20));
    let began = Instant::now();
    let later = async {
        sleep(Duration::from_millis(300)).await;
        envoy.script().status = None;
        sleep(Duration::from_millis(500)).await;
        assert!(
            envoy
                .script()
                .asked
                .contains(&"POST /drain_listeners?graceful&skip_exit".to_owned())
        );
        envoy.script().status = Some(503);
        sleep(Duration::from_millis(300)).await;
        envoy.script().connections = vec![QUIET_HTTP];
        envoy.script().status = None;
    };
    tokio::join!(drain(&admin, drain_time), later);
    let took = began.elapsed();
    assert!(
        took >= QUIET_PERIOD && took < Duration::from_secs(10),
        "{took:?}"
    );
}
