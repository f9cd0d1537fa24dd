use super::*;
use proptest::prelude::*;
use std::os::unix::ffi::OsStringExt;

fn parse(arguments: &[&str]) -> Result<Request, String> {
    Request::parse(arguments.iter().map(OsString::from)).map_err(|error| error.to_string())
}

#[test]
fn the_arguments_of_a_fetch_from_a_store() {
    let request = Request {
        action_file: "/tmp/a b".into(),
        previous_version: Some("v=1".to_owned()),
        version: Some("v0".to_owned()),
        document: Some(DocumentName::TEMPLATES),
        action: Some(Action::Fetch),
    };
    assert_eq!(
        request.to_arguments(),
        [
            "--api-version=1",
            "--action-file=/tmp/a b",
            "--previous-document-version=v=1",
            "--document-version=v0",
            "--document=templates",
            "--action=fetch"
        ]
    );
}

#[test]
fn blank_is_absent_and_the_last_of_a_name_counts() {
    let request = parse(&[
        "--api-version=2",
        "--action-file=/tmp/a",
        "--api-version=1",
        "--previous-document-version=v1",
        "--previous-document-version=",
        "--document=",
        "--action-file",
        "/tmp/b",
        "--new-in-version-2=x",
    ]);
    let expected = Request {
        action_file: "/tmp/a".into(),
        previous_version: None,
        version: None,
        document: None,
        action: None,
    };
    assert_eq!(request, Ok(expected));
}

#[test]
fn names_of_documents_are_safe_as_file_names() {
    for name in [
        "discovery-map",
        "templates",
        "A.b_c-1",
        "7",
        &"x".repeat(128),
    ] {
        assert_eq!(DocumentName::new(name).unwrap().as_str(), name);
    }
    for name in [
        "",
        ".hidden",
        "..",
        "a/b",
        "-x",
        "a b",
        "é",
        "a\n",
        &"x".repeat(129),
    ] {
        assert_eq!(DocumentName::new(name), None, "{name}");
    }
    assert_eq!(
        DocumentName::new("templates"),
        Some(DocumentName::TEMPLATES)
    );
}

#[test]
fn a_path_need_not_be_utf8_but_all_else_has_to() {
    let bytes = |text: &[u8]| OsString::from_vec(text.to_vec());
    let path = bytes(b"--action-file=/caf\xe9");
    let version = bytes(b"--api-version=1");
    let request = Request::parse([version.clone(), path.clone()]).unwrap();
    assert_eq!(request.action_file, PathBuf::from(bytes(b"/caf\xe9")));
    let previous = bytes(b"--previous-document-version=\xff");
    let error = Request::parse([version, path, previous]).unwrap_err();
    assert_eq!(
        error.to_string(),
        "argument --previous-document-version is \"\u{fffd}\", which is not UTF-8"
    );
}

#[test]
fn one_version_can_only_be_fetched_and_a_list_is_compared_with_nothing() {
    let called = |arguments: &[&str]| {
        parse(&[&["--api-version=1", "--action-file=/tmp/a"], arguments].concat()).map(drop)
    };
    let (version, previous) = ("--document-version=v", "--previous-document-version=p");
    for (arguments, error) in [
        (
            [version, "--action=commit"],
            "argument --document-version is not allowed with --action=commit",
        ),
        (
            [version, "--action=list"],
            "argument --document-version is not allowed with --action=list",
        ),
        (
            [previous, "--action=list"],
            "argument --previous-document-version is not allowed with --action=list",
        ),
    ] {
        assert_eq!(called(&arguments), Err(error.to_owned()));
    }
    for arguments in [
        [version, "--action=fetch"],
        [previous, "--action=commit"],
        ["--previous-document-version=", "--action=list"],
        [version, previous],
    ] {
        assert_eq!(called(&arguments), Ok(()));
    }
}

proptest! {
    #[test]
    fn a_request_survives_the_command_line(
        file in "/[^\0]{1,20}",
        previous_version in proptest::option::of("[^\0]{1,20}"),
        version in proptest::option::of("[^\0]{1,20}"),
        document in proptest::option::of("[A-Za-z0-9][A-Za-z0-9._-]{0,20}"),
        action in prop_oneof![
            Just(None),
            Just(Some(Action::Fetch)),
            Just(Some(Action::Commit)),
            Just(Some(Action::List)),
        ],
    ) {
        let request = Request {
            action_file: file.into(),
            previous_version: previous_version.filter(|_| action != Some(Action::List)),
            version: version.filter(|_| matches!(action, None | Some(Action::Fetch))),
            document: document.and_then(|name| DocumentName::new(&name)),
            action,
        };
        prop_assert_eq!(Request::parse(request.to_arguments()), Ok(request));
    }
}
