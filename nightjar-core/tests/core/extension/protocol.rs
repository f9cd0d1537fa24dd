//! What an extension is given, and what its exit code and file mean.

use super::*;

#[tokio::test]
async fn a_discovery_map_is_given_its_arguments_and_nothing_else() {
    let scene = Scene::new(r#"printf '%s\n' "$@" >"$NOTES/args"; printf '{}' >"$file""#);
    let fetched = fetch(&scene.discovery_map(), Some("v 1")).await.unwrap();
    assert_eq!(fetched, Fetched::New(b"{}".to_vec()));
    let arguments = scene.read_note("args");
    let (folder, rest) = (run_folder(&arguments), arguments.as_str());
    assert_eq!(
        rest.replace(&folder, "RUN"),
        "--api-version=1\n--action-file=TEMP/RUN/discovery-map.json\n\
         --previous-document-version=v 1\n"
    );
    scene.assert_clean();
}

#[tokio::test]
async fn a_data_store_is_told_document_and_action() {
    let scene =
        Scene::new(r#"printf '%s\n' "$@" >"$NOTES/args"; cat "$file" >"$NOTES/given"; rm "$file""#);
    let host = scene.data_store();
    let document = br#"{"document-version": "ignored"}"#;
    host.commit(&DocumentName::TEMPLATES, document, &Shutdown::never())
        .await
        .unwrap();
    let arguments = scene.read_note("args");
    assert_eq!(
        arguments.replace(&run_folder(&arguments), "RUN"),
        "--api-version=1\n--action-file=TEMP/RUN/templates.json\n--previous-document-version=\n\
         --document=templates\n--action=commit\n"
    );
    assert_eq!(
        scene.read_note("given"),
        r#"{"document-version": "ignored"}"#
    );
    scene.assert_clean();

    let error = host
        .fetch(&DocumentName::TEMPLATES, None, &Shutdown::never())
        .await
        .unwrap_err();
    let arguments = scene.read_note("args");
    assert_eq!(
        arguments.replace(&run_folder(&arguments), "RUN"),
        "--api-version=1\n--action-file=TEMP/RUN/templates.json\n--previous-document-version=\n\
         --document=templates\n--action=fetch\n"
    );
    let action_file = scene
        .temp
        .path()
        .join(run_folder(&arguments))
        .join("templates.json");
    let file = action_file.display();
    assert_eq!(
        error.to_string(),
        format!(
            "fetch of templates by sh failed: it ended with exit code 1; \
             the end of its standard error:\n  | cat: {file}: No such file or directory\n  \
             | rm: cannot remove '{file}': No such file or directory"
        )
    );
}

/// The name of a run's private folder, which differs from run to run.
fn run_folder(arguments: &str) -> String {
    let rest = arguments.split("--action-file=TEMP/").nth(1).unwrap();
    rest.split('/').next().unwrap().to_owned()
}

#[tokio::test]
async fn private_folder_no_input_and_inherited_environment() {
    let scene = Scene::new(
        r#"read line; echo "read: $line, $?" >"$NOTES/facts"
           stat -c %a "${file%/*}" >>"$NOTES/facts"
           [ -n "$PATH" ] && echo path >>"$NOTES/facts"
           cut -d ' ' -f 5 /proc/$$/stat >"$NOTES/group"; echo $$ >"$NOTES/process"
           printf x >"$file""#,
    );
    fetch(&scene.discovery_map(), None).await.unwrap();
    assert_eq!(scene.read_note("facts"), "read: , 1\n700\npath\n");
    assert_eq!(scene.read_note("group"), scene.read_note("process"));
}

#[tokio::test]
async fn unchanged_counts_only_if_there_was_a_version_to_compare_with() {
    let scene = Scene::new("exit 30");
    assert_eq!(
        fetch(&scene.discovery_map(), Some("v1")).await.unwrap(),
        Fetched::Unchanged
    );
    let expected = "fetch of discovery-map by sh failed: \
                    it ended with exit code 30 (nothing newer), but was given no version";
    assert_eq!(failure(&scene).await, (expected.to_owned(), false));

    let error = fetch(&scene.discovery_map(), Some("")).await.unwrap_err();
    assert_eq!(error.to_string(), expected);
    // Too long for an argument: the extension is asked for the document in any case.
    let error = fetch(&scene.discovery_map(), Some(&"v".repeat(1_000_000)))
        .await
        .unwrap_err();
    assert_eq!(error.to_string(), expected);
}

#[tokio::test]
async fn success_without_a_proper_file_is_a_failure() {
    let cases = [
        ("exit 0", "but wrote no file"),
        (r#": >"$file""#, "but its file is empty"),
        (
            r#"head -c 1001 /dev/zero >"$file""#,
            "but its file has 1001 bytes, and 1000 are allowed",
        ),
        (
            r#"truncate -s 5T "$file""#,
            "but its file has 5497558138880 bytes, and 1000 are allowed",
        ),
        (r#"mkdir "$file""#, "but what it made is not a regular file"),
        (
            r#"mkfifo "$file""#,
            "but what it made is not a regular file",
        ),
        (
            r#"ln -s /dev/zero "$file""#,
            "but what it made is not a regular file",
        ),
    ];
    for (script, what) in cases {
        let expected =
            format!("fetch of discovery-map by sh failed: it ended with exit code 0, {what}");
        assert_eq!(
            failure(&Scene::new(script)).await,
            (expected, false),
            "{script}"
        );
    }
    let largest = Scene::new(r#"head -c 1000 /dev/zero >"$file""#);
    let fetched = fetch(&largest.discovery_map(), None).await.unwrap();
    assert_eq!(fetched, Fetched::New(vec![0; 1000]));
}
