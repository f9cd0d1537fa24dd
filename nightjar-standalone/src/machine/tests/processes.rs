use super::{script::Start, story::Story, *};

async fn handing_over(start: Start) -> Story {
    let story = Story::started(Mesh::of(&["a"])).await;
    story.script().starts.push_back(start);
    story.change(Mesh::of(&["a"]).node(1)).await;
    story
}

const PENDING: &str = "bootstrap: the changed bootstrap takes effect at the next start of envoy, or \
                       once the process that was replaced last has ended";

#[tokio::test(start_paused = true)]
async fn an_envoy_that_ends_is_started_again_after_a_second() {
    let story = Story::started(Mesh::of(&["a"])).await;
    story.die();
    tokio::time::sleep(Duration::from_millis(900)).await;
    assert_eq!(story.ready(), "not ready: envoy is not live");
    tokio::time::sleep(Duration::from_millis(500)).await;
    assert_eq!(story.effects(), ["cancel", "replace", "spawn 0", "confirm"]);
    assert_eq!(story.ready(), "ready");
    assert!((story.metric("envoy_exits_total") - 1.0).abs() < 0.1);
}

#[tokio::test(start_paused = true)]
async fn it_is_given_up_after_ten_failures() {
    let story = Story::new(options(RestartMode::Hot), Mesh::of(&["a"]));
    story.script().starts = vec![Start::Exits; 20].into();
    // 1, 2, 4, 8 and 16 s, and four times 30 s.
    tokio::time::sleep(seconds(150)).await;
    assert!(!story.is_over());
    let spawns = |story: &Story| {
        let effects = story.effects();
        effects.iter().filter(|it| *it == "spawn 0").count()
    };
    let before = spawns(&story);
    tokio::time::sleep(seconds(5)).await;
    assert_eq!(before + spawns(&story), 10);
    assert_eq!(
        story.ended(seconds(1)).await,
        Err("envoy cannot be kept running".to_owned())
    );
}

#[tokio::test(start_paused = true)]
async fn a_discovery_that_hangs_holds_no_start_back() {
    let story = Story::started(Mesh::of(&["a"])).await;
    story.script().fetch_time = seconds(600);
    story.refresh().await;
    story.die();
    tokio::time::sleep(seconds(2)).await;
    assert_eq!(story.ready(), "ready");
}

#[tokio::test(start_paused = true)]
async fn a_death_in_any_phase_puts_the_old_files_back_and_tries_again_once() {
    for (phase, wait) in [500, 1500, 2500].into_iter().enumerate() {
        let story = Story::started(Mesh::of(&["a"])).await;
        story.script().ack = seconds(1);
        story.script().mesh = Ok(Mesh::of(&["b"]));
        story.send(Event::RefreshDue);
        tokio::time::sleep(Duration::from_millis(wait)).await;
        assert_eq!(story.effects().len(), 3 + phase, "phase {phase}");
        story.die();
        tokio::time::sleep(seconds(4)).await;
        assert_eq!(story.effects(), ["cancel", "replace", "spawn 0", "confirm"]);
        let ready = story.ready();
        assert!(
            ready.starts_with("ready\nfailed: envoy ended while it loaded "),
            "{ready}"
        );
        story.script().ack = Duration::from_millis(5);
        story.refresh().await;
        assert!(story.effects().contains(&"write rds-main.json".to_owned()));
        assert_eq!(story.ready(), "ready");
    }
}

#[tokio::test(start_paused = true)]
async fn what_envoy_dies_of_twice_is_refused() {
    let story = Story::started(Mesh::of(&["a"])).await;
    story.script().ack = seconds(1);
    for _ in 0..2 {
        story.script().mesh = Ok(Mesh::of(&["b"]));
        story.send(Event::RefreshDue);
        tokio::time::sleep(Duration::from_millis(500)).await;
        story.die();
        tokio::time::sleep(seconds(5)).await;
    }
    let refused = "ready\nrefused: envoy ended while it loaded cds.json";
    assert!(story.ready().starts_with(refused), "{}", story.ready());
    story.effects();
    story.refresh().await;
    assert_eq!(story.effects(), ["refresh"]);
}

#[tokio::test(start_paused = true)]
async fn a_changed_bootstrap_is_handed_over_to() {
    let story = handing_over(Start::Serves).await;
    assert_eq!(
        story.effects(),
        [
            "refresh",
            "validate",
            "write envoy.json",
            "spawn 1",
            "protect 2",
            "confirm"
        ]
    );
    assert_eq!(story.ready(), "ready");
    tokio::time::sleep(seconds(25)).await;
    assert!(story.metric("envoy_exits_total") < 0.1);
    story.die();
    tokio::time::sleep(seconds(2)).await;
    assert_eq!(story.ready(), "ready");
}

#[tokio::test(start_paused = true)]
async fn a_new_process_that_exits_leaves_the_old_one_and_its_bootstrap() {
    let story = handing_over(Start::Exits).await;
    assert_eq!(
        story.effects(),
        [
            "refresh",
            "validate",
            "write envoy.json",
            "spawn 1",
            "write envoy.json"
        ]
    );
    let refused = "ready\nrefused: the new envoy did not start to serve: exit status: 1";
    assert_eq!(story.ready(), refused);
    story.refresh().await;
    assert_eq!(story.effects(), ["refresh"]);
}

#[tokio::test(start_paused = true)]
async fn a_new_process_that_somebody_kills_is_tried_again() {
    let story = handing_over(Start::Killed).await;
    let failed = "ready\nfailed: the changed bootstrap is not in force: the new envoy did not start to \
                  serve: signal: 9";
    assert_eq!(story.ready(), format!("{failed}\n{PENDING}"));
    story.effects();
    tokio::time::sleep(seconds(6)).await;
    story.refresh().await;
    assert!(story.effects().contains(&"protect 3".to_owned()));
    assert_eq!(story.ready(), "ready");
}

#[tokio::test(start_paused = true)]
async fn a_new_process_that_is_slow_costs_nobody_the_old_one() {
    let story = handing_over(Start::Hangs).await;
    assert_eq!(story.ready(), format!("ready\n{PENDING}"));
    story.effects();
    tokio::time::sleep(seconds(62)).await;
    let effects = story.effects();
    assert!(effects.contains(&"SIGKILL 2".to_owned()), "{effects:?}");
    assert!(!effects.contains(&"SIGKILL 1".to_owned()), "{effects:?}");
    let ready = story.ready();
    assert!(ready.starts_with("ready"), "{ready}");
}

#[tokio::test(start_paused = true)]
async fn a_newer_bootstrap_that_came_meanwhile_is_handed_over_to_as_well() {
    let story = handing_over(Start::Hangs).await;
    story.change(Mesh::of(&["a"]).node(2)).await;
    story.effects();
    story.end(2, true);
    tokio::time::sleep(seconds(1)).await;
    story.refresh().await;
    tokio::time::sleep(seconds(1)).await;
    let effects = story.effects();
    assert!(effects.contains(&"spawn 1".to_owned()), "{effects:?}");
    assert!(!effects.contains(&"drain".to_owned()), "{effects:?}");
    assert_eq!(story.ready(), "ready");
}

#[tokio::test(start_paused = true)]
async fn a_bootstrap_that_changes_while_one_hands_over_is_not_forgotten() {
    let story = Story::started(Mesh::of(&["a"])).await;
    story.script().mesh = Ok(Mesh::of(&["a"]).node(1));
    story.send(Event::RefreshDue);
    tokio::time::sleep(Duration::from_millis(50)).await;
    assert!(story.effects().contains(&"spawn 1".to_owned()));
    story.change(Mesh::of(&["a"]).node(2)).await;
    assert!(story.effects().contains(&"protect 2".to_owned()));
    assert_eq!(story.ready(), format!("ready\n{PENDING}"));
    tokio::time::sleep(seconds(25)).await;
    assert!(story.effects().contains(&"spawn 2".to_owned()));
    assert_eq!(story.ready(), "ready");
}

/// While a process comes for a changed bootstrap, the mesh goes on; then that process ends.
async fn does_not_come_to_serve(start: Story, meanwhile: Mesh) -> Story {
    start.change(meanwhile).await;
    let effects = start.effects();
    assert!(
        effects.contains(&"write rds-main.json".to_owned()),
        "{effects:?}"
    );
    start.end(2, false);
    tokio::time::sleep(seconds(1)).await;
    start
}

const NOT_COME: &str = "ready\nrefused: the new envoy did not start to serve: exit status: 1";

#[tokio::test(start_paused = true)]
async fn a_newer_bootstrap_outlives_one_that_is_refused() {
    let story = handing_over(Start::Hangs).await;
    let story = does_not_come_to_serve(story, Mesh::of(&["b"]).node(2)).await;
    assert_eq!(story.ready(), format!("{NOT_COME}\n{PENDING}"));
    story.effects();
    story.refresh().await;
    let effects = story.effects();
    assert_eq!(
        effects,
        [
            "refresh",
            "write envoy.json",
            "spawn 1",
            "protect 3",
            "confirm"
        ]
    );
    assert_eq!(story.ready(), "ready");
}

#[tokio::test(start_paused = true)]
async fn what_changed_meanwhile_outlives_a_bootstrap_that_is_refused() {
    let story = handing_over(Start::Hangs).await;
    let story = does_not_come_to_serve(story, Mesh::of(&["b"]).node(1)).await;
    assert_eq!(story.effects(), ["write envoy.json"]);
    assert_eq!(story.ready(), NOT_COME);
    story.refresh().await;
    assert_eq!(story.effects(), ["refresh"]);
}

#[tokio::test(start_paused = true)]
async fn new_templates_whose_bootstrap_is_refused_leave_the_newest_map() {
    let story = Story::started(Mesh::of(&["a"])).await;
    {
        let mut script = story.script();
        script.starts.push_back(Start::Hangs);
        script.templates = 2;
        script.fallback = Some(Mesh::of(&["a"]));
    }
    story.change(Mesh::of(&["a"]).node(1)).await;
    story.script().fallback = Some(Mesh::of(&["b"]));
    let story = does_not_come_to_serve(story, Mesh::of(&["b"]).node(1)).await;
    assert_eq!(story.effects(), ["write envoy.json"]);
    let ready = story.ready();
    assert!(ready.starts_with(NOT_COME), "{ready}");
    story.refresh().await;
    assert_eq!(story.effects(), ["refresh"]);
}

#[tokio::test(start_paused = true)]
async fn a_cold_start_that_fails_leaves_the_newest_map() {
    let story = Story::new(options(RestartMode::Cold), Mesh::of(&["a"]));
    story.settled().await;
    story.script().starts.push_back(Start::Hangs);
    story.change(Mesh::of(&["a"]).node(1)).await;
    tokio::time::sleep(seconds(4)).await;
    story.change(Mesh::of(&["b"]).node(1)).await;
    // The newer files are written for the one that starts.
    tokio::time::sleep(seconds(10)).await;
    story.effects();
    story.end(2, false);
    tokio::time::sleep(seconds(4)).await;
    let effects = story.effects();
    assert_eq!(effects, ["cancel", "replace", "spawn 0", "confirm"]);
    assert_eq!(story.script().routes(), ["b"]);
    assert_eq!(story.ready(), NOT_COME);
}

#[tokio::test(start_paused = true)]
async fn a_full_folder_is_tried_at_the_next_refresh_while_a_process_comes() {
    let story = handing_over(Start::Hangs).await;
    story.effects();
    story.script().is_full = true;
    story.change(Mesh::of(&["b"]).node(1)).await;
    assert_eq!(story.effects(), ["refresh", "validate", "write cds.json"]);
    assert!(story.ready().contains("failed: no space left on device"));
    story.script().is_full = false;
    story.refresh().await;
    let effects = story.effects();
    assert!(
        effects.contains(&"write rds-main.json".to_owned()),
        "{effects:?}"
    );
}

#[tokio::test(start_paused = true)]
async fn a_phase_that_the_hand_over_ends_before_it_wrote_is_begun_anew() {
    let story = Story::started(Mesh::of(&["a"])).await;
    story.script().mesh = Ok(Mesh::of(&["a"]).node(1));
    story.send(Event::RefreshDue);
    tokio::time::sleep(Duration::from_millis(50)).await;
    assert!(story.effects().contains(&"spawn 1".to_owned()));
    story.script().prepares = Duration::from_millis(300);
    story.change(Mesh::of(&["b"]).node(1)).await;
    tokio::time::sleep(seconds(2)).await;
    let begun = [
        "refresh",
        "validate",
        "write cds.json",
        "protect 2",
        "cancel",
        "confirm",
    ];
    let written = ["write cds.json", "write rds-main.json", "write cds.json"];
    assert_eq!(story.effects(), [begun.as_slice(), &written].concat());
    assert_eq!(story.ready(), "ready");
}

#[tokio::test(start_paused = true)]
async fn the_old_process_may_die_while_it_hands_over() {
    let story = handing_over(Start::Hangs).await;
    story.effects();
    story.end(1, false);
    tokio::time::sleep(seconds(3)).await;
    assert_eq!(
        story.effects(),
        ["SIGKILL 2", "cancel", "replace", "spawn 0", "confirm"]
    );
    assert_eq!(story.ready(), "ready");
}

#[tokio::test(start_paused = true)]
async fn an_old_process_that_ends_in_order_has_handed_over() {
    // As while this program is suspended: nobody sees the new process serve.
    let story = handing_over(Start::Hangs).await;
    tokio::time::sleep(seconds(21)).await;
    story.effects();
    story.serve(2);
    story.end(1, false);
    tokio::time::sleep(seconds(1)).await;
    assert_eq!(story.effects(), ["protect 2", "confirm"]);
    assert_eq!(story.ready(), "ready");
}

#[tokio::test(start_paused = true)]
async fn a_second_bootstrap_waits_for_the_parent_and_clusters_do_not() {
    let story = handing_over(Start::Serves).await;
    story.effects();
    story.change(Mesh::of(&["b"]).node(2)).await;
    let effects = story.effects();
    assert_eq!(
        effects,
        [
            "refresh",
            "validate",
            "write cds.json",
            "write rds-main.json",
            "write cds.json"
        ]
    );
    let ready = story.ready();
    assert!(ready.starts_with("ready\nbootstrap: "), "{ready}");
    assert!((story.metric("bootstrap_pending") - 1.0).abs() < 0.1);
    tokio::time::sleep(seconds(23)).await;
    assert!(story.effects().contains(&"spawn 2".to_owned()));
    assert_eq!(story.ready(), "ready");
}

#[tokio::test(start_paused = true)]
async fn a_parent_that_stays_is_killed() {
    let story = Story::started(Mesh::of(&["a"])).await;
    story.script().parents_stay = true;
    story.change(Mesh::of(&["a"]).node(1)).await;
    story.effects();
    tokio::time::sleep(seconds(35)).await;
    let effects = story.effects();
    assert!(effects.contains(&"SIGKILL 1".to_owned()), "{effects:?}");
}

#[tokio::test(start_paused = true)]
async fn a_dead_process_takes_its_parents_along() {
    let story = handing_over(Start::Serves).await;
    story.effects();
    story.end(2, false);
    tokio::time::sleep(seconds(3)).await;
    let effects = story.effects();
    assert_eq!(
        effects,
        ["SIGKILL 1", "cancel", "replace", "spawn 0", "confirm"]
    );
    assert_eq!(story.ready(), "ready");
}

#[tokio::test(start_paused = true)]
async fn with_cold_restarts_it_drains_before_the_next_starts() {
    let story = Story::new(options(RestartMode::Cold), Mesh::of(&["a"]));
    story.settled().await;
    story.change(Mesh::of(&["a"]).node(1)).await;
    assert_eq!(
        story.ready(),
        format!("not ready: envoy is not live\n{PENDING}")
    );
    tokio::time::sleep(seconds(4)).await;
    assert_eq!(
        story.effects(),
        [
            "refresh",
            "validate",
            "write envoy.json",
            "drain",
            "SIGTERM 1",
            "spawn 0",
            "confirm"
        ]
    );
    assert_eq!(story.ready(), "ready");
}

#[tokio::test(start_paused = true)]
async fn without_restarts_a_bootstrap_waits_for_the_next_start() {
    let story = Story::new(options(RestartMode::None), Mesh::of(&["a"]));
    story.settled().await;
    story.change(Mesh::of(&["a"]).node(1)).await;
    assert!(story.ready().starts_with("ready\nbootstrap: "));
    story.die();
    tokio::time::sleep(seconds(2)).await;
    assert_eq!(story.ready(), "ready");
}

#[tokio::test(start_paused = true)]
async fn a_bootstrap_that_is_refused_does_not_come_back_when_envoy_ends() {
    let story = handing_over(Start::Exits).await;
    assert_eq!(story.ready(), NOT_COME);
    story.effects();
    story.die();
    tokio::time::sleep(Duration::from_millis(100)).await;
    story.change(Mesh::of(&["b"]).node(1)).await;
    tokio::time::sleep(seconds(2)).await;
    assert_eq!(story.script().routes(), ["b"]);
    assert_eq!(story.script().node(), 0);
    assert_eq!(story.ready(), NOT_COME);
}

#[tokio::test(start_paused = true)]
async fn a_bootstrap_that_was_refused_and_taken_back_is_tried_again() {
    let story = handing_over(Start::Exits).await;
    story.change(Mesh::of(&["a"])).await;
    assert_eq!(story.ready(), "ready");
    story.effects();
    story.change(Mesh::of(&["a"]).node(1)).await;
    let effects = story.effects();
    assert!(effects.contains(&"spawn 1".to_owned()), "{effects:?}");
    assert_eq!(story.script().node(), 1);
    assert_eq!(story.ready(), "ready");
}
