use super::{story::Story, *};
use nightjar_core::envoy::Secret;

fn unbound(port: u16) -> Unbound {
    Unbound {
        listener: format!("port-{port}"),
        port: Some(port),
        reason: "address in use".to_owned(),
    }
}

fn with_side(clusters: &[&str]) -> Mesh {
    let mut mesh = Mesh::of(clusters);
    mesh.listeners
        .insert("side".to_owned(), vec![clusters[0].to_owned()]);
    mesh
}

#[tokio::test(start_paused = true)]
async fn a_listener_that_cannot_bind_is_tried_again_and_holds_nothing_back() {
    let story = Story::started(Mesh::of(&["a"])).await;
    story.script().unbound = vec![unbound(LISTEN_PORT + 1)];
    story.change(with_side(&["a"])).await;
    assert_eq!(
        story.ready(),
        "ready\nlisteners: listener \"port-8001\" is closed: address in use"
    );
    assert!((story.metric("listeners_closed") - 1.0).abs() < 0.1);
    story.effects();
    story.change(with_side(&["a", "b"])).await;
    let effects = story.effects();
    assert!(
        effects.iter().any(|it| it.contains("rds-main.json")),
        "{effects:?}"
    );
    story.script().unbound.clear();
    story.refresh().await;
    let effects = story.effects();
    assert!(
        effects.iter().any(|it| it.contains("lds.json")),
        "{effects:?}"
    );
    assert_eq!(story.ready(), "ready");
}

/// Nightjar's own listeners take no requests.
#[tokio::test(start_paused = true)]
async fn a_statistics_port_that_is_taken_costs_no_traffic() {
    let story = Story::new(options(RestartMode::Hot), Mesh::of(&["a"]));
    story.script().unbound = vec![Unbound {
        listener: "nightjar-stats-9902".to_owned(),
        ..unbound(9902)
    }];
    story.settled().await;
    assert_eq!(
        story.ready(),
        "ready\nlisteners: listener \"nightjar-stats-9902\" is closed: address in use"
    );
}

#[tokio::test(start_paused = true)]
async fn without_its_main_listener_it_is_not_ready() {
    let story = Story::started(Mesh::of(&["a"])).await;
    story.script().unbound = vec![unbound(LISTEN_PORT)];
    story.change(with_side(&["a"])).await;
    let ready = story.ready();
    assert!(
        ready.starts_with("not ready: listener \"port-8000\""),
        "{ready}"
    );
    story.script().unbound.clear();
    story.refresh().await;
    assert_eq!(story.ready(), "ready");
}

#[tokio::test(start_paused = true)]
async fn one_that_never_served_is_not_ready_without_any_listener() {
    let story = Story::new(options(RestartMode::Hot), with_side(&["a"]));
    story.script().unbound = vec![unbound(LISTEN_PORT + 1)];
    story.settled().await;
    let ready = story.ready();
    assert!(
        ready.starts_with("not ready: listener \"port-8001\""),
        "{ready}"
    );
}

#[tokio::test(start_paused = true)]
async fn files_that_are_gone_are_written_again() {
    let story = Story::started(Mesh::of(&["a"])).await;
    story.script().missing = vec!["cds.json".to_owned()];
    story.refresh().await;
    let effects = story.effects();
    assert!(
        effects.iter().any(|it| it == "write cds.json"),
        "{effects:?}"
    );
    story.script().missing = vec!["envoy.json".to_owned()];
    story.refresh().await;
    let effects = story.effects();
    assert!(
        effects.iter().any(|it| it == "write envoy.json"),
        "{effects:?}"
    );
    assert_eq!(story.ready(), "ready");
    // What is not ours is not missed.
    story.script().missing = vec!["notes.txt".to_owned()];
    story.refresh().await;
    assert_eq!(story.effects(), ["refresh"]);
}

#[tokio::test(start_paused = true)]
async fn a_folder_that_is_lost_is_written_again_and_envoy_restarted() {
    let story = Story::started(Mesh::of(&["a"])).await;
    story.script().lost = true;
    story.refresh().await;
    assert_eq!(
        story.effects(),
        ["refresh", "replace", "spawn 1", "protect 2", "confirm"]
    );
    assert_eq!(story.ready(), "ready");
}

#[tokio::test(start_paused = true)]
async fn an_envoy_that_is_silent_is_not_ready_until_it_answers() {
    let story = Story::started(Mesh::of(&["a"])).await;
    story.script().does_not_answer = true;
    tokio::time::sleep(seconds(30)).await;
    let ready = story.ready();
    assert!(
        ready.starts_with("not ready: envoy does not respond"),
        "{ready}"
    );
    story.effects();
    story.change(Mesh::of(&["b"])).await;
    assert_eq!(story.effects(), ["refresh", "validate"]);
    story.script().does_not_answer = false;
    tokio::time::sleep(seconds(8)).await;
    assert_eq!(story.ready(), "ready");
    assert!(story.effects().contains(&"write rds-main.json".to_owned()));
}

#[tokio::test(start_paused = true)]
async fn an_admin_interface_that_a_failed_successor_closed_costs_a_restart() {
    let story = Story::started(Mesh::of(&["a"])).await;
    story.script().starts.push_back(script::Start::Exits);
    story.script().mesh = Ok(Mesh::of(&["a"]).node(1));
    story.send(Event::RefreshDue);
    tokio::time::sleep(Duration::from_millis(60)).await;
    story.script().does_not_answer = true;
    tokio::time::sleep(seconds(5)).await;
    let effects = story.effects();
    assert!(effects.contains(&"SIGKILL 1".to_owned()), "{effects:?}");
    story.script().does_not_answer = false;
    tokio::time::sleep(seconds(15)).await;
    let ready = story.ready();
    assert!(
        ready.starts_with("ready\nrefused: the new envoy did not start"),
        "{ready}"
    );
}

#[tokio::test(start_paused = true)]
async fn sighup_during_a_fetch_makes_another_follow() {
    let story = Story::started(Mesh::of(&["a"])).await;
    story.script().fetch_time = seconds(5);
    story.refresh().await;
    story.send(Event::RefreshDue);
    story.send(Event::RefreshDue);
    tokio::time::sleep(seconds(12)).await;
    assert_eq!(story.effects(), ["refresh", "refresh"]);
}

#[tokio::test(start_paused = true)]
async fn the_pauses_grow_with_failures() {
    let story = Story::started(Mesh::of(&["a"])).await;
    story.script().mesh = Err("no map".to_owned());
    story.refresh().await;
    assert_eq!(story.ready(), "ready\nfailed: no map");
    story.effects();
    // 30, 60, 120, 240, 300 s.
    for (pause, refreshes) in [(31, 1), (60, 1), (120, 1), (240, 1), (300, 1), (300, 1)] {
        tokio::time::sleep(seconds(pause)).await;
        assert_eq!(story.effects().len(), refreshes, "after {pause} s");
    }
    story.script().mesh = Ok(Mesh::of(&["a"]));
    story.refresh().await;
    assert_eq!(story.ready(), "ready");
}

#[tokio::test(start_paused = true)]
async fn one_without_a_configuration_tries_every_refresh_time() {
    let story = Story::new(options(RestartMode::Hot), Mesh::of(&["a"]));
    story.script().mesh = Err("no map".to_owned());
    tokio::time::sleep(seconds(151)).await;
    assert_eq!(story.effects(), ["refresh"; 6]);
    assert_eq!(
        story.ready(),
        "not ready: no complete configuration yet\nfailed: no map"
    );
}

#[tokio::test(start_paused = true)]
async fn what_cannot_be_made_is_told() {
    let story = Story::started(Mesh::of(&["a"])).await;
    for (failed, message) in [(true, "failed"), (false, "refused")] {
        story.script().refreshed.not_built = Some(NotBuilt {
            reason: "no bootstrap".to_owned(),
            failed,
        });
        story.refresh().await;
        assert_eq!(story.ready(), format!("ready\n{message}: no bootstrap"));
        story.script().refreshed.not_built = None;
        story.refresh().await;
    }
}

#[tokio::test(start_paused = true)]
async fn a_secret_that_envoy_has_not_is_in_the_way_and_an_old_one_is_not() {
    let story = Story::started(Mesh::of(&["a"])).await;
    let named = "envoy refused secret \"own\" of lds.json from /x/sds.json, and";
    let (none, old) = (
        "has none: connections that need it fail",
        "uses the previous one",
    );
    for (remaining, is_of_cluster, is_ready, message) in [
        (Remaining::Nothing, false, false, none),
        (Remaining::Nothing, true, true, none),
        (Remaining::Previous, false, true, old),
        // From here on it once had all.
        (Remaining::Nothing, false, true, none),
        (Remaining::Lost, false, false, none),
    ] {
        let problem = SecretProblem {
            secret: Secret {
                name: "own".to_owned(),
                path: "/x/sds.json".to_owned(),
                named_by: "lds.json".to_owned(),
                is_of_cluster,
            },
            others: Vec::new(),
            remaining,
        };
        story.send(Event::Secrets(SecretReport {
            problems: vec![problem],
            has_all: remaining == Remaining::Previous,
        }));
        tokio::time::sleep(seconds(1)).await;
        let first = if is_ready {
            "ready".to_owned()
        } else {
            format!("not ready: {named} {message}")
        };
        assert_eq!(
            story.ready(),
            format!("{first}\nsecrets: {named} {message}")
        );
    }
    assert!((story.metric("secrets_refused") - 1.0).abs() < 0.1);
    let keys = SecretProblem {
        secret: Secret {
            name: "own".to_owned(),
            path: "/x/sds.json".to_owned(),
            named_by: "lds.json".to_owned(),
            is_of_cluster: false,
        },
        others: Vec::new(),
        remaining: Remaining::PreviousKeys,
    };
    story.send(Event::Secrets(SecretReport {
        problems: vec![keys],
        has_all: true,
    }));
    tokio::time::sleep(seconds(1)).await;
    let message = "envoy cannot use the files that /x/sds.json names for secret \"own\" of lds.json, and uses \
                the previous ones";
    assert_eq!(story.ready(), format!("ready\nsecrets: {message}"));
    assert!((story.metric("secrets_refused") - 1.0).abs() < 0.1);
    story.send(Event::Secrets(SecretReport::default()));
    tokio::time::sleep(seconds(1)).await;
    assert_eq!(story.ready(), "ready");
}

#[tokio::test(start_paused = true)]
async fn a_folder_that_is_full_when_envoy_ends_does_not_keep_the_next_one_from_starting() {
    let story = Story::started(Mesh::of(&["a"])).await;
    story.script().is_full = true;
    story.die();
    tokio::time::sleep(seconds(3)).await;
    // The files that are there are those in force.
    assert_eq!(story.effects(), ["cancel", "replace", "spawn 0", "confirm"]);
    story.script().is_full = false;
    story.change(Mesh::of(&["b"])).await;
    assert_eq!(story.script().routes(), ["b"]);
    assert_eq!(story.ready(), "ready");
}

#[tokio::test(start_paused = true)]
async fn a_repair_that_came_too_late_for_an_envoy_is_done_with_its_files() {
    let story = Story::started(Mesh::of(&["a"])).await;
    story.script().unbound = vec![unbound(LISTEN_PORT + 1)];
    story.change(with_side(&["a"])).await;
    story.script().does_not_answer = true;
    tokio::time::sleep(seconds(20)).await;
    story.refresh().await;
    story.effects();
    story.script().does_not_answer = false;
    story.die();
    tokio::time::sleep(seconds(5)).await;
    assert_eq!(story.effects(), ["cancel", "replace", "spawn 0", "confirm"]);
}
