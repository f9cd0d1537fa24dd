//! What an extension is given, and what its exit code and file mean.

use super::*;

#[tokio::test]
async fn a_discovery_map_is_given_its_arguments_and_nothing_else() {
    let scene = Scene::new(r#"printf '%s\n' "$@" >"$NOTES/args"; printf '{}' >"$file""#);
    let fetched = fetch(&scene.discovery_map(), Some("v 1")).await.unwrap();
    assert_eq!(fetched, FetchOutcome::New(b"{}".to_vec()));
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
    let outcome = host
        .commit(&DocumentName::TEMPLATES, document, None, &Shutdown::never())
        .await
        .unwrap();
    assert_eq!(outcome, CommitOutcome::Done);
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
            "fetch of templates by sh failed: it exited with code 1; \
             its standard error ends with:\n  | cat: {file}: No such file or directory\n  \
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
async fn every_run_is_told_its_folder_and_its_end() {
    let scene = Scene::new(
        r#"date +%s >"$NOTES/before"; echo "$NJ_DEADLINE" >"$NOTES/deadline"
           echo "$NJ_TEMP_DIR" >"$NOTES/folder"; date +%s >"$NOTES/after"; printf x >"$file""#,
    );
    let host = scene.discovery_map().with_variable("NJ_DEADLINE", "1");
    fetch(&host, None).await.unwrap();
    let seconds = |name| -> u64 { scene.read_note(name).trim().parse().unwrap() };
    let (before, deadline, after) = (seconds("before"), seconds("deadline"), seconds("after"));
    let timeout = LIMITS.timeout.as_secs();
    assert!((before + timeout - 1..=after + timeout).contains(&deadline));
    assert_eq!(scene.read_note("folder"), "TEMP\n");
}

async fn commit(host: &Host, previous: Option<&str>) -> Result<CommitOutcome, ExtensionError> {
    let name = DocumentName::DISCOVERY_MAP;
    host.commit(&name, b"{}", previous, &Shutdown::never())
        .await
}

#[tokio::test]
async fn a_commit_may_be_too_late_and_is_not_tried_again() {
    let scene = Scene::new(r#"echo "$previous" >>"$NOTES/runs"; exit 32"#);
    let host = scene.data_store().with_retry(MANY_TRIES);
    let outcome = commit(&host, Some("v 1")).await.unwrap();
    assert_eq!(outcome, CommitOutcome::Conflict);
    assert_eq!(scene.read_note("runs"), "v 1\n");
    let error = commit(&host, None).await.unwrap_err();
    assert_eq!(
        (error.to_string().as_str(), error.is_retry()),
        (
            "commit of discovery-map by sh failed: it exited with code 32 (conflict), but \
             was given no version to compare with",
            false
        )
    );
    let counts = [host.runs().unchanged.count, host.runs().failed.count];
    assert_eq!(counts, [1, 1]);
    scene.assert_clean();
    // On a fetch the code has no meaning.
    let error = fetch(&scene.discovery_map(), Some("v")).await.unwrap_err();
    assert!(error.to_string().ends_with("it exited with code 32"));
}

/// Without its version, it would replace whatever is there.
#[tokio::test]
async fn a_commit_over_a_version_that_cannot_be_named_is_not_run() {
    let scene = Scene::new(r#"echo run >>"$NOTES/runs""#);
    let host = scene.data_store();
    for version in ["", " ", "a\0b", &"v".repeat(4097)] {
        let error = commit(&host, Some(version)).await.unwrap_err();
        assert_eq!(
            error.to_string(),
            "commit of discovery-map by sh failed: the version to replace cannot be passed as an \
             argument: it is blank, longer than 4096 bytes, or contains a zero byte"
        );
        assert!(!error.is_retry());
    }
    assert!(!scene.notes.path().join("runs").exists());
    let outcome = commit(&host, Some(&"v".repeat(4096))).await.unwrap();
    assert_eq!(outcome, CommitOutcome::Done);
}

#[tokio::test]
async fn versions_are_listed_and_fetched() {
    let scene = Scene::new(
        r#"printf '%s\n' "$@" >"$NOTES/args"
           case $* in
           *--action=list*) printf '{"versions": [{"document-version": "b", "time": "T"}]}' ;;
           *) printf '{"document-version": "a"}' ;;
           esac >"$file""#,
    );
    let (host, name) = (scene.data_store(), DocumentName::TEMPLATES);
    let versions = host.list(&name, &Shutdown::never()).await.unwrap();
    let told = |version: &ListedVersion| (version.document_version.clone(), version.time.clone());
    let told: Vec<_> = versions.versions.iter().map(told).collect();
    assert_eq!(told, [("b".to_owned(), "T".to_owned())]);
    assert!(scene.read_note("args").ends_with("--action=list\n"));

    let fetched = host.fetch_version(&name, "a", &Shutdown::never()).await;
    assert_eq!(fetched.unwrap(), br#"{"document-version": "a"}"#);
    let arguments = scene.read_note("args");
    assert!(
        arguments.contains("--previous-document-version=\n--document-version=a\n"),
        "{arguments}"
    );
    // One that does not know the argument hands over what it has.
    let error = host
        .fetch_version(&name, "b", &Shutdown::never())
        .await
        .unwrap_err();
    assert_eq!(
        error.to_string(),
        "fetch of templates by sh failed: it exited with code 0, but its file is not the \
         version that was requested"
    );
    let no_list = Scene::new(r#"printf '[]' >"$file""#).data_store();
    let error = no_list.list(&name, &Shutdown::never()).await.unwrap_err();
    let start = "list of templates by sh failed: it exited with code 0, but its file is not a \
                 list of versions: ";
    assert!(error.to_string().starts_with(start), "{error}");
}

#[tokio::test]
async fn unchanged_counts_only_if_there_was_a_version_to_compare_with() {
    let scene = Scene::new("exit 30");
    assert_eq!(
        fetch(&scene.discovery_map(), Some("v1")).await.unwrap(),
        FetchOutcome::Unchanged
    );
    let expected = "fetch of discovery-map by sh failed: \
                    it exited with code 30 (unchanged), but was given no version to compare with";
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
            "but its file has 1001 bytes; the limit is 1000",
        ),
        (
            r#"truncate -s 5T "$file""#,
            "but its file has 5497558138880 bytes; the limit is 1000",
        ),
        (r#"mkdir "$file""#, "but its file is not a regular file"),
        (r#"mkfifo "$file""#, "but its file is not a regular file"),
        (
            r#"ln -s /dev/zero "$file""#,
            "but its file is not a regular file",
        ),
    ];
    for (script, what) in cases {
        let expected =
            format!("fetch of discovery-map by sh failed: it exited with code 0, {what}");
        assert_eq!(
            failure(&Scene::new(script)).await,
            (expected, false),
            "{script}"
        );
    }
    let largest = Scene::new(r#"head -c 1000 /dev/zero >"$file""#);
    let fetched = fetch(&largest.discovery_map(), None).await.unwrap();
    assert_eq!(fetched, FetchOutcome::New(vec![0; 1000]));
}
