use super::{script::Start, story::Story, *};

const THREE_PHASES: [&str; 5] = [
    "refresh",
    "validate",
    "write cds.json",
    "write rds-main.json",
    "write cds.json",
];

/// How many new sets of files came into force, were refused, failed, went back.
fn ends(story: &Story) -> [String; 4] {
    let number = |end| story.metric(&format!("rollouts_total{{result=\"{end}\"}}"));
    ["in_force", "refused", "failed", "went_back"].map(|end| number(end).to_string())
}

#[tokio::test(start_paused = true)]
async fn starts_with_the_first_files_and_confirms_them() {
    let story = Story::new(options(RestartMode::Hot), Mesh::of(&["a"]));
    assert_eq!(story.ready(), "not ready: no complete configuration yet");
    tokio::time::sleep(Duration::from_millis(50)).await;
    assert_eq!(story.ready(), "not ready: envoy is not live");
    tokio::time::sleep(seconds(1)).await;
    assert_eq!(
        story.effects(),
        ["refresh", "validate", "replace", "spawn 0", "confirm"]
    );
    assert_eq!(story.ready(), "ready");
    assert!((story.metric("envoy_starts_total") - 1.0).abs() < 0.1);
}

#[tokio::test(start_paused = true)]
async fn a_change_goes_in_three_phases() {
    let story = Story::started(Mesh::of(&["a"])).await;
    story.change(Mesh::of(&["b"])).await;
    assert_eq!(story.effects(), THREE_PHASES);
    assert_eq!(story.ready(), "ready");
    assert_eq!(ends(&story), ["2", "0", "0", "0"]);
    let phase = story.metric("phase_seconds_sum{phase=\"make\"}");
    assert!(phase > 0.0, "{phase} s");
    story.refresh().await;
    assert_eq!(story.effects(), ["refresh"]);
}

/// Envoy chooses the route of a request before it holds the request back.
#[tokio::test(start_paused = true)]
async fn clusters_stay_while_envoy_may_hold_requests_for_them() {
    let story = Story::started(held(&["a"])).await;
    story.change(held(&["b"])).await;
    assert_eq!(story.effects(), THREE_PHASES[..4]);
    assert_eq!(story.ready(), "ready");
    // What is newer does not wait for that.
    story.change(held(&["c"])).await;
    assert_eq!(story.effects(), THREE_PHASES[..4]);
    tokio::time::sleep(seconds(1)).await;
    assert_eq!(story.effects(), [""; 0]);
    tokio::time::sleep(seconds(1)).await;
    assert_eq!(story.effects(), ["write cds.json"]);
    tokio::time::sleep(seconds(1)).await;
    assert_eq!(story.effects(), ["write cds.json"]);
    assert_eq!(story.ready(), "ready");
    // What the routes said before counts, not what they say now.
    story.change(Mesh::of(&["c"])).await;
    tokio::time::sleep(seconds(4)).await;
    story.effects();
    story.change(held(&["d"])).await;
    assert_eq!(story.effects(), THREE_PHASES);
}

fn held(clusters: &[&str]) -> Mesh {
    Mesh {
        delay: 3,
        ..Mesh::of(clusters)
    }
}

/// Nothing waits for clusters that are still to be removed: neither the count of rollouts, nor the next map,
/// nor what a new process starts with.
#[tokio::test(start_paused = true)]
async fn a_map_is_in_force_while_clusters_that_it_lacks_stay() {
    let story = Story::started(held(&["a"])).await;
    for (count, cluster) in ["b", "c", "d", "e", "f", "g"].into_iter().enumerate() {
        story.change(held(&[cluster])).await;
        assert_eq!(ends(&story), [&(count + 2).to_string(), "0", "0", "0"]);
    }
    story.effects();
    story.die();
    tokio::time::sleep(seconds(3)).await;
    assert_eq!(ends(&story), ["7", "0", "0", "0"]);
    assert_eq!(story.ready(), "ready");
    assert_eq!(story.script().routes(), ["g"]);
}

#[tokio::test(start_paused = true)]
async fn a_changed_bootstrap_does_not_wait_for_clusters_that_stay() {
    let story = Story::started(held(&["a"])).await;
    for (count, cluster) in ["b", "c", "d", "e"].into_iter().enumerate() {
        let node = u16::try_from(count / 2).unwrap();
        story.change(held(&[cluster]).node(node)).await;
    }
    assert!((story.metric("envoy_starts_total") - 2.0).abs() < 0.1);
    assert_eq!(ends(&story), ["5", "0", "0", "0"]);
    assert_eq!(story.ready(), "ready");
    tokio::time::sleep(seconds(60)).await;
    assert_eq!(
        crate::sample::names(&story.script().disk["cds.json"]),
        ["e"]
    );
}

#[tokio::test(start_paused = true)]
async fn clusters_are_removed_also_by_the_process_that_a_cold_restart_starts() {
    let story = Story::new(options(RestartMode::Cold), held(&["a"]));
    story.settled().await;
    story.change(held(&["b"]).node(1)).await;
    tokio::time::sleep(seconds(60)).await;
    assert_eq!(
        crate::sample::names(&story.script().disk["cds.json"]),
        ["b"]
    );
    assert_eq!(story.ready(), "ready");
}

#[tokio::test(start_paused = true)]
async fn a_bootstrap_that_is_taken_back_does_not_come_again_with_clusters_that_stay() {
    let story = Story::started(held(&["a"])).await;
    story.script().starts.push_back(Start::Exits);
    story.change(held(&["b"]).node(1)).await;
    let starts = story.metric("envoy_starts_total");
    story.change(held(&["b"])).await;
    assert_eq!(story.ready(), "ready");
    tokio::time::sleep(seconds(10)).await;
    assert!((story.metric("envoy_starts_total") - starts).abs() < 0.1);
    assert_eq!(story.script().node(), 0);
    assert_eq!(
        crate::sample::names(&story.script().disk["cds.json"]),
        ["b"]
    );
}

/// A service that is scaled to zero gets no requests, whatever clusters stay beside it.
#[tokio::test(start_paused = true)]
async fn endpoints_that_go_do_not_stay_with_clusters() {
    let story = Story::started(held(&["a", "b"])).await;
    let mut scaled = held(&["a", "c"]);
    scaled.clusters.insert("a".to_owned(), Vec::new());
    story.change(scaled).await;
    let clusters = story.script().disk["cds.json"].clone();
    assert_eq!(crate::sample::names(&clusters).len(), 3);
    let cluster = |name: &str| {
        let mut resources = clusters.resources().iter();
        resources.find(|it| it.name() == name).unwrap().endpoints()
    };
    assert_eq!((cluster("a"), cluster("b")), (Some(0), Some(1)));
    assert_eq!(ends(&story), ["2", "0", "0", "0"]);
}

/// A cluster that comes back and goes again stays for the whole time again.
#[tokio::test(start_paused = true)]
async fn a_cluster_that_came_back_stays_from_when_it_goes_again() {
    let story = Story::new(options(RestartMode::None), held(&["a"]));
    story.settled().await;
    story.change(held(&["b"])).await;
    story.script().refuses = Some(("rds-main.json", "\"a\""));
    story.change(held(&["a", "b"])).await;
    story.script().refuses = None;
    story.effects();
    tokio::time::sleep(Duration::from_millis(1500)).await;
    assert_eq!(story.effects(), [""; 0]);
    tokio::time::sleep(seconds(4)).await;
    assert_eq!(
        crate::sample::names(&story.script().disk["cds.json"]),
        ["b"]
    );
}

/// What Envoy serves is known all the time.
#[tokio::test(start_paused = true)]
async fn a_full_disk_at_the_removal_of_clusters_costs_no_traffic() {
    let story = Story::started(held(&["a"])).await;
    story.change(held(&["b"])).await;
    story.script().is_full = true;
    tokio::time::sleep(seconds(60)).await;
    assert_eq!(story.ready(), "ready");
    story.script().is_full = false;
    tokio::time::sleep(seconds(40)).await;
    assert_eq!(
        crate::sample::names(&story.script().disk["cds.json"]),
        ["b"]
    );
    assert_eq!(story.ready(), "ready");
}

/// It is about a newer set than the one that comes into force.
#[tokio::test(start_paused = true)]
async fn a_rejection_outlives_the_rollout_before_it() {
    let story = Story::started(Mesh::of(&["a"])).await;
    story.script().ack = seconds(3);
    story.change(Mesh::of(&["b"])).await;
    story.script().validation = Err(ValidationError::Rejected("no".to_owned()));
    story.change(Mesh::of(&["c"])).await;
    tokio::time::sleep(seconds(20)).await;
    assert_eq!(story.ready(), "ready\nrefused: no");
    assert_eq!(story.script().routes(), ["b"]);
}

/// They are removed at some time however often routes change.
#[tokio::test(start_paused = true)]
async fn clusters_do_not_pile_up_for_ever() {
    let story = Story::started(held(&["a"])).await;
    for change in 0..30 {
        story.change(held(&[&format!("c{change}")])).await;
    }
    let clusters = |story: &Story| {
        let script = story.script();
        crate::sample::names(&script.disk["cds.json"]).len()
    };
    assert!(clusters(&story) < 10, "{}", clusters(&story));
    tokio::time::sleep(seconds(4)).await;
    assert_eq!(clusters(&story), 1);
}

#[tokio::test(start_paused = true)]
async fn a_closed_listener_is_tried_again_while_clusters_stay() {
    let story = Story::started(held(&["a"])).await;
    let mut two = held(&["b"]);
    two.listeners
        .insert("side".to_owned(), vec!["b".to_owned()]);
    story.script().unbound = vec![Unbound {
        listener: "port-8001".to_owned(),
        port: Some(LISTEN_PORT + 1),
        reason: "address in use".to_owned(),
    }];
    story.change(two).await;
    story.script().unbound.clear();
    story.refresh().await;
    assert_eq!(story.ready(), "ready");
}

#[tokio::test(start_paused = true)]
async fn clusters_of_a_listener_that_goes_stay_as_long() {
    let mut both = Mesh::of(&["a", "b"]);
    both.delay = 3;
    both.listeners
        .insert("other".to_owned(), vec!["b".to_owned()]);
    let story = Story::started(both).await;
    let mut one = Mesh::of(&["a"]);
    one.delay = 3;
    story.change(one).await;
    assert!(!story.effects().ends_with(&["write cds.json".to_owned()]));
    tokio::time::sleep(seconds(3)).await;
    assert_eq!(story.effects(), ["write cds.json"]);
}

#[tokio::test(start_paused = true)]
async fn endpoints_alone_need_no_check() {
    let story = Story::started(Mesh::of(&["a"])).await;
    let mut moved = Mesh::of(&["a"]);
    moved.clusters.insert("a".to_owned(), vec![2]);
    story.change(moved).await;
    assert_eq!(story.effects(), ["refresh", "write cds.json"]);
}

#[tokio::test(start_paused = true)]
async fn what_the_check_refuses_is_not_tried_until_something_changes() {
    let story = Story::started(Mesh::of(&["a"])).await;
    story.script().validation = Err(ValidationError::Rejected("no".to_owned()));
    story.change(Mesh::of(&["b"])).await;
    assert_eq!(story.effects(), ["refresh", "validate"]);
    assert_eq!(story.ready(), "ready\nrefused: no");
    assert!((story.metric("configuration_refused") - 1.0).abs() < 0.1);
    assert_eq!(ends(&story), ["1", "1", "0", "0"]);
    let refused = story.metric("validation_failures_total{result=\"refused\"}");
    assert!((refused - 1.0).abs() < 0.1);
    assert!(story.metric("validation_seconds_sum") > 0.0);
    story.refresh().await;
    assert_eq!(story.effects(), ["refresh"]);
    story.script().validation = Ok(());
    story.change(Mesh::of(&["c"])).await;
    assert_eq!(story.effects(), THREE_PHASES);
    assert_eq!(story.ready(), "ready");
}

#[tokio::test(start_paused = true)]
async fn what_could_not_be_checked_is_tried_at_the_next_refresh() {
    let story = Story::started(Mesh::of(&["a"])).await;
    story.script().validation = Err(ValidationError::Unavailable("no memory".to_owned()));
    story.change(Mesh::of(&["b"])).await;
    assert_eq!(story.ready(), "ready\nfailed: no memory");
    assert_eq!(ends(&story), ["1", "0", "1", "0"]);
    story.effects();
    story.script().validation = Ok(());
    story.refresh().await;
    assert_eq!(story.effects(), THREE_PHASES);
    assert_eq!(story.ready(), "ready");
}

#[tokio::test(start_paused = true)]
async fn what_envoy_refuses_is_put_back_without_a_rescue_in_mode_none() {
    let story = Story::new(options(RestartMode::None), Mesh::of(&["a"]));
    story.settled().await;
    story.script().refuses = Some(("rds-main.json", "/b"));
    story.change(Mesh::of(&["b"])).await;
    assert_eq!(
        story.effects(),
        [
            "refresh",
            "validate",
            "write cds.json",
            "write rds-main.json",
            "write rds-main.json",
            "write cds.json"
        ]
    );
    assert_eq!(
        story.ready(),
        "ready\nrefused: envoy refused rds-main.json: it has /b"
    );
    assert_eq!(ends(&story), ["1", "0", "0", "1"]);
    story.refresh().await;
    assert_eq!(story.effects(), ["refresh"]);
}

#[tokio::test(start_paused = true)]
async fn what_envoy_refuses_though_its_check_took_it_gets_one_hot_restart() {
    let story = Story::started(Mesh::of(&["a"])).await;
    story.script().refuses = Some(("rds-main.json", "/b"));
    story.change(Mesh::of(&["b"])).await;
    let effects = story.effects();
    assert_eq!(
        effects[..6],
        [
            "refresh",
            "validate",
            "write cds.json",
            "write rds-main.json",
            "spawn 1",
            "protect 2"
        ]
    );
    // The new process reads what the old one refused, and has it.
    assert_eq!(story.ready(), "ready");
    assert_eq!(effects[6..], ["confirm", "write cds.json"]);
    // Another within ten minutes gets none.
    story.script().refuses = Some(("rds-main.json", "/c"));
    story.change(Mesh::of(&["c"])).await;
    assert!(!story.effects().contains(&"spawn 2".to_owned()));
    assert!(story.ready().starts_with("ready\nrefused: "));
}

#[tokio::test(start_paused = true)]
async fn a_time_out_goes_back_and_is_tried_at_the_next_refresh() {
    let story = Story::started(Mesh::of(&["a"])).await;
    story.script().ack = seconds(3);
    story.script().mesh = Ok(Mesh::of(&["b"]));
    story.send(Event::RefreshDue);
    tokio::time::sleep(seconds(1)).await;
    // Nobody answers any more when this phase would be over.
    story.script().does_not_answer = true;
    tokio::time::sleep(seconds(12)).await;
    story.script().does_not_answer = false;
    story.script().ack = Duration::from_millis(5);
    story.settled().await;
    tokio::time::sleep(seconds(8)).await;
    assert_eq!(story.ready(), "ready\nfailed: envoy did not report");
    assert_eq!(ends(&story), ["1", "0", "0", "1"]);
    story.effects();
    story.refresh().await;
    assert_eq!(story.effects(), THREE_PHASES);
    assert_eq!(story.ready(), "ready");
}

#[tokio::test(start_paused = true)]
async fn a_newer_map_takes_over_between_two_phases() {
    let story = Story::started(Mesh::of(&["a"])).await;
    story.script().ack = seconds(2);
    story.change(Mesh::of(&["b"])).await;
    story.script().ack = Duration::from_millis(5);
    story.change(Mesh::of(&["c"])).await;
    tokio::time::sleep(seconds(5)).await;
    let effects = story.effects();
    assert_eq!(
        effects,
        [
            "refresh",
            "validate",
            "write cds.json",
            "refresh",
            "validate",
            "write cds.json",
            "write rds-main.json",
            "write cds.json"
        ]
    );
    assert_eq!(story.ready(), "ready");
}

#[tokio::test(start_paused = true)]
async fn a_full_folder_fails_and_what_is_in_force_stays() {
    let story = Story::started(Mesh::of(&["a"])).await;
    story.script().is_full = true;
    story.change(Mesh::of(&["b"])).await;
    assert_eq!(story.ready(), "ready\nfailed: no space left on device");
    // Nothing of it was written, so there is nothing to go back from.
    assert_eq!(ends(&story), ["1", "0", "1", "0"]);
    story.script().is_full = false;
    story.effects();
    story.refresh().await;
    assert_eq!(story.effects(), THREE_PHASES);
    assert_eq!(story.ready(), "ready");
}

#[tokio::test(start_paused = true)]
async fn new_templates_that_are_refused_leave_the_newest_map_with_the_ones_before() {
    let story = Story::started(Mesh::of(&["a"])).await;
    {
        let mut script = story.script();
        script.validation = Err(ValidationError::Rejected("no".to_owned()));
        script.templates = 2;
        let mut moved = Mesh::of(&["a"]);
        moved.clusters.insert("a".to_owned(), vec![2]);
        script.fallback = Some(moved);
        script.mesh = Ok(Mesh::of(&["a"]).node(1));
    }
    story.refresh().await;
    // The ones before differ in endpoints alone.
    assert_eq!(story.effects(), ["refresh", "validate", "write cds.json"]);
    assert_eq!(story.ready(), "ready\nrefused: no\ntemplates: no");
    assert!((story.metric("templates_failed") - 1.0).abs() < 0.1);
    story.script().validation = Ok(());
    story.script().fallback = None;
    story.change(Mesh::of(&["a", "b"]).node(1)).await;
    assert_eq!(story.ready(), "ready");
}

#[tokio::test(start_paused = true)]
async fn after_a_way_back_that_is_not_confirmed_every_file_is_written_anew() {
    let story = Story::started(Mesh::of(&["a"])).await;
    story.script().does_not_answer = true;
    story.change(Mesh::of(&["b"])).await;
    // The phase is over after 10 s, and so is the way back after 20 s.
    tokio::time::sleep(seconds(11)).await;
    story.change(Mesh::of(&["c"])).await;
    tokio::time::sleep(seconds(1)).await;
    story.effects();
    story.script().does_not_answer = false;
    // The newest map waits for its turn, so that there is no moment without something to do.
    tokio::time::sleep(seconds(10)).await;
    assert_eq!(
        story.effects(),
        [
            "write cds.json",
            "write rds-main.json lds.json",
            "write cds.json"
        ]
    );
    assert_eq!(story.ready(), "ready");
}

#[tokio::test(start_paused = true)]
async fn a_folder_that_goes_in_the_middle_of_a_phase_is_written_and_envoy_restarted() {
    let story = Story::started(Mesh::of(&["a"])).await;
    story.script().ack = seconds(5);
    story.change(Mesh::of(&["b"])).await;
    story.effects();
    story.script().lost = true;
    story.script().ack = Duration::from_millis(5);
    story.refresh().await;
    let begun = [
        "refresh",
        "cancel",
        "replace",
        "validate",
        "spawn 1",
        "protect 2",
        "confirm",
    ];
    // The change of before, which the phase was for.
    assert_eq!(
        story.effects(),
        [begun.as_slice(), &THREE_PHASES[2..]].concat()
    );
    assert_eq!(story.ready(), "ready");
}
