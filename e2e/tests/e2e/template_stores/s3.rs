//! `ext-store-s3`: a history to go back in, and commits that compare.

use super::{Desk, files};
use e2e::{aws::Aws, program};
use std::{collections::BTreeMap, fs};

fn desk(aws: &Aws) -> (Desk, BTreeMap<String, String>) {
    let mut env = aws.env();
    env.insert("NJ_DSS3_BUCKET".to_owned(), aws.bucket());
    let exec = program("ext-store-s3").display().to_string();
    (Desk::new(&exec, &env), env)
}

#[test]
fn templates_in_a_bucket_go_forth_and_back() {
    let aws = Aws::start();
    let (desk, _) = desk(&aws);
    assert_eq!(desk.push(&[]).code, Some(31));
    assert_eq!(desk.push(&["--create"]).code, Some(0));
    let first = desk.version();
    let again = desk.push(&["--create"]);
    let message = format!(
        "nightjar: prod holds templates already: version {first}\n  hint: push without --create\n"
    );
    assert_eq!(
        (again.code, again.stderr.as_str()),
        (Some(64), message.as_str())
    );
    let original = files(desk.templates.path());
    desk.templates.mark_bootstrap("second");
    assert_eq!(desk.push(&["--dry-run"]).code, Some(0));
    assert_eq!(desk.version(), first);
    assert_eq!(desk.push(&[]).code, Some(0));
    let second = desk.version();
    assert_eq!(desk.versions(), [second.as_str(), &first]);
    let since = format!("--document-version={first}");
    let shown = desk.run(&["diff", &since, "--exit-code"]);
    assert_eq!(shown.code, Some(1));
    assert!(shown.stdout.ends_with("+# second\n"), "{}", shown.stdout);

    let envoy = format!("--envoy={}", e2e::envoy().display());
    let back = ["rollback", "--discovery-map=map.json", &envoy];
    let rolled_back = desk.run(&back);
    assert_eq!(rolled_back.code, Some(0), "{}", rolled_back.stderr);
    assert!(
        rolled_back.stdout.ends_with("-# second\n"),
        "{}",
        rolled_back.stdout
    );
    // The same content is the same version, and the newest.
    assert_eq!(desk.versions(), [first.as_str(), &second]);
    desk.pull("pulled");
    assert_eq!(files(&desk.path("pulled")), original);
    let to = format!("--to={second}");
    assert_eq!(
        desk.run(&[&back[..], &[to.as_str()]].concat()).code,
        Some(0)
    );
    assert_eq!(desk.version(), second);
}

#[test]
fn of_two_who_push_at_once_one_is_told_and_nothing_is_lost() {
    let aws = Aws::start();
    let (desk, env) = desk(&aws);
    assert_eq!(desk.push(&["--create"]).code, Some(0));
    // Another pushes between the look and the commit.
    let store = program("ext-store-s3").display().to_string();
    let script = format!(
        "case \"$*\" in *=commit*) {store} --api-version=1 --document=templates --action=fetch --action-file=o &&\n\
         sed 's/\"template\":\"/\"template\":\"# other\\\\n/' o >t &&\n\
         {store} --api-version=1 --document=templates --action=commit --action-file=t;; esac\n\
         exec {store} \"$@\"\n"
    );
    fs::write(desk.path("store.sh"), script).unwrap();
    desk.describe("sh store.sh", &env);
    desk.templates.mark_bootstrap("mine");
    let late = desk.push(&[]);
    assert_eq!(late.code, Some(32), "{}", late.stderr);
    let end = "hint: another has committed meanwhile; look at what is there with nightjar template diff, and \
               try again\n";
    assert!(late.stderr.ends_with(end), "{}", late.stderr);
    desk.pull("pulled");
    let held = files(&desk.path("pulled"));
    assert!(held.values().any(|text| text.starts_with("# other\n")));
    assert!(!held.values().any(|text| text.contains("# mine")));
    for secret in aws.secrets() {
        assert!(!late.stderr.contains(secret));
    }
}

#[test]
fn an_outage_changes_nothing_and_may_be_tried_again() {
    let aws = Aws::start();
    let (desk, _) = desk(&aws);
    assert_eq!(desk.push(&["--create"]).code, Some(0));
    let before = desk.version();
    desk.templates.mark_bootstrap("mine");
    aws.wire.fail("s3:PutObject", e2e::aws::Fault::Throttled);
    let failed = desk.push(&[]);
    assert_eq!(failed.code, Some(31), "{}", failed.stderr);
    let end = "  hint: nothing has changed: the store holds what it held before\n";
    assert!(failed.stderr.ends_with(end), "{}", failed.stderr);
    aws.wire.restore();
    assert_eq!(desk.version(), before);
    assert_eq!(desk.push(&[]).code, Some(0));
    assert_ne!(desk.version(), before);
}
