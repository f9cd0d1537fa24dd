//! Failures that may pass are tried again.

use super::*;

#[tokio::test]
async fn code_31_is_tried_again_until_it_works() {
    let scene = Scene::new(
        r#"echo try >>"$NOTES/tries"; [ "$(wc -l <"$NOTES/tries")" -lt 4 ] && exit 31
           printf '{}' >"$file""#,
    );
    let host = scene.discovery_map().with_retry(MANY_TRIES);
    assert_eq!(
        fetch(&host, None).await.unwrap(),
        FetchOutcome::New(b"{}".to_vec())
    );
    assert_eq!(scene.read_note("tries"), "try\ntry\ntry\ntry\n");
    scene.assert_clean();
}

#[tokio::test]
async fn five_more_tries_and_no_more() {
    let scene = Scene::new(r#"echo try >>"$NOTES/tries"; echo busy >&2; exit 31"#);
    let error = fetch(&scene.discovery_map().with_retry(MANY_TRIES), None)
        .await
        .unwrap_err();
    assert_eq!(
        error.to_string(),
        "fetch of discovery-map by sh failed 6 times: \
         it exited with code 31 (worth another try); its standard error ends with:\n  | busy"
    );
    assert_eq!(scene.read_note("tries"), "try\n".repeat(6));
}

#[tokio::test]
async fn other_codes_are_not_tried_again() {
    let scene = Scene::new(r#"echo try >>"$NOTES/tries"; exit 1"#);
    fetch(&scene.discovery_map().with_retry(MANY_TRIES), None)
        .await
        .unwrap_err();
    assert_eq!(scene.read_note("tries"), "try\n");
}

#[tokio::test]
async fn the_next_try_gets_a_fresh_folder() {
    let scene = Scene::new(
        r#"[ -e "$file" ] && exit 2; printf half >"$file"; printf rest >"$file.tmp"
           echo try >>"$NOTES/tries"; [ "$(wc -l <"$NOTES/tries")" = 1 ] && exit 31
           printf whole >"$file""#,
    );
    let host = scene.discovery_map().with_retry(MANY_TRIES);
    assert_eq!(
        fetch(&host, None).await.unwrap(),
        FetchOutcome::New(b"whole".to_vec())
    );
    scene.assert_clean();
}
