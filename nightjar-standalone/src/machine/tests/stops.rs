use super::{script::Start, story::Story, *};

#[tokio::test(start_paused = true)]
async fn before_there_is_an_envoy_it_stops_at_once() {
    let story = Story::new(options(RestartMode::Hot), Mesh::of(&["a"]));
    story.script().mesh = Err("no map".to_owned());
    story.settled().await;
    story.stop();
    assert_eq!(story.ended(seconds(1)).await, Ok(()));
}

#[tokio::test(start_paused = true)]
async fn a_serving_envoy_is_drained_first() {
    let story = Story::started(Mesh::of(&["a"])).await;
    story.stop();
    tokio::time::sleep(seconds(1)).await;
    assert_eq!(story.ready(), "not ready: stopping");
    assert_eq!(story.effects(), ["cancel", "drain"]);
    assert_eq!(story.ended(seconds(3)).await, Ok(()));
}

#[tokio::test(start_paused = true)]
async fn what_does_not_drain_nor_end_is_killed() {
    let story = Story::started(Mesh::of(&["a"])).await;
    story.script().drain_time = seconds(600);
    story.script().ignores_sigterm = true;
    story.stop();
    tokio::time::sleep(seconds(22)).await;
    assert_eq!(story.effects(), ["cancel", "drain", "SIGTERM 1"]);
    assert_eq!(story.ended(seconds(62)).await, Ok(()));
}

#[tokio::test(start_paused = true)]
async fn a_starting_envoy_is_ended() {
    let story = Story::new(options(RestartMode::Hot), Mesh::of(&["a"]));
    story.script().starts.push_back(Start::Hangs);
    story.settled().await;
    story.stop();
    tokio::time::sleep(seconds(1)).await;
    assert_eq!(story.effects(), ["cancel", "SIGTERM 1"]);
    assert_eq!(story.ended(seconds(1)).await, Ok(()));
}

#[tokio::test(start_paused = true)]
async fn between_two_starts_it_stops_at_once() {
    let story = Story::started(Mesh::of(&["a"])).await;
    story.die();
    tokio::time::sleep(Duration::from_millis(500)).await;
    story.stop();
    assert_eq!(story.ended(seconds(1)).await, Ok(()));
}

#[tokio::test(start_paused = true)]
async fn in_a_phase_it_drains_and_forgets_the_phase() {
    let story = Story::started(Mesh::of(&["a"])).await;
    story.script().ack = seconds(60);
    story.change(Mesh::of(&["b"])).await;
    story.effects();
    story.stop();
    tokio::time::sleep(seconds(2)).await;
    assert_eq!(story.effects(), ["cancel", "drain"]);
    assert_eq!(story.ended(seconds(3)).await, Ok(()));
}

#[tokio::test(start_paused = true)]
async fn in_a_hand_over_the_new_process_is_drained_once_it_serves() {
    let story = Story::started(Mesh::of(&["a"])).await;
    story.script().mesh = Ok(Mesh::of(&["a"]).node(1));
    story.send(Event::RefreshDue);
    tokio::time::sleep(Duration::from_millis(50)).await;
    story.effects();
    story.stop();
    tokio::time::sleep(seconds(2)).await;
    assert_eq!(story.effects(), ["cancel", "protect 2", "drain"]);
    assert_eq!(story.ended(seconds(30)).await, Ok(()));
}

#[tokio::test(start_paused = true)]
async fn in_a_hand_over_that_fails_the_old_process_is_drained() {
    let story = Story::started(Mesh::of(&["a"])).await;
    story.script().starts.push_back(Start::Exits);
    story.script().mesh = Ok(Mesh::of(&["a"]).node(1));
    story.send(Event::RefreshDue);
    tokio::time::sleep(Duration::from_millis(50)).await;
    story.effects();
    story.stop();
    tokio::time::sleep(seconds(2)).await;
    assert_eq!(story.effects(), ["cancel", "drain"]);
    assert_eq!(story.ended(seconds(30)).await, Ok(()));
}

#[tokio::test(start_paused = true)]
async fn in_a_cold_restart_nothing_starts_any_more() {
    let story = Story::new(options(RestartMode::Cold), Mesh::of(&["a"]));
    story.settled().await;
    story.change(Mesh::of(&["a"]).node(1)).await;
    story.effects();
    story.stop();
    tokio::time::sleep(seconds(1)).await;
    let pending = "bootstrap: the changed bootstrap takes effect at the next start of envoy, or once \
                   the process that was replaced last has ended";
    assert_eq!(story.ready(), format!("not ready: stopping\n{pending}"));
    tokio::time::sleep(seconds(2)).await;
    let effects = story.effects();
    assert!(!effects.contains(&"spawn 0".to_owned()), "{effects:?}");
    assert_eq!(story.ended(seconds(3)).await, Ok(()));
}

#[tokio::test(start_paused = true)]
async fn parents_are_let_finish_too() {
    let story = Story::started(Mesh::of(&["a"])).await;
    story.change(Mesh::of(&["a"]).node(1)).await;
    story.effects();
    story.stop();
    tokio::time::sleep(seconds(15)).await;
    assert!(!story.is_over());
    assert_eq!(story.ended(seconds(10)).await, Ok(()));
}

#[tokio::test(start_paused = true)]
async fn a_refresh_that_fails_ends_it_if_that_is_set() {
    let mut options = options(RestartMode::Hot);
    options.exit_on_failure = true;
    let story = Story::new(options, Mesh::of(&["a"]));
    story.settled().await;
    story.script().mesh = Err("no map".to_owned());
    story.refresh().await;
    assert_eq!(story.effects(), ["refresh", "cancel", "drain"]);
    let ended = story.ended(seconds(5)).await.unwrap_err();
    assert!(ended.contains("EXIT_ON_GENERATION_FAILURE"), "{ended}");
}
