//! What goes wrong at S3 or on the way there, and what is said of it.

use super::{COPIES, MAP, Store, commit, counts, ended, fetch, large_map, map};
use e2e::{
    aws::Fault,
    extension::{Ending, Extension},
};
use std::time::Duration;

const USER: &str =
    "User: arn:aws:sts::000000000000:assumed-role/test/task is not authorized to perform:";

/// What is said of a GET that failed.
fn get_failed(what: &str) -> String {
    format!("s3:GetObject on s3://BUCKET/{MAP} {what}")
}

impl Store {
    /// A fetch while every GET fails: how it ended, and how many GETs there were.
    fn fetch_with(&self, fault: Fault) -> (Ending, u64) {
        self.aws.wire.forget();
        self.aws.wire.fail("s3:GetObject", fault);
        let ending = self.fetch();
        self.aws.wire.heal();
        (ending, self.aws.wire.count("s3:GetObject"))
    }
}

#[test]
fn what_may_pass_is_tried_again_and_then_left_to_the_caller() {
    let store = Store::with_map(&map("one"));
    for (fault, tries, what) in [
        (
            Fault::Throttled,
            3,
            "was throttled: SlowDown: Please reduce your request rate.",
        ),
        (
            Fault::ThrottledFor(Duration::from_millis(200)),
            3,
            "was throttled: SlowDown: Please reduce your request rate.",
        ),
        (
            Fault::Broken,
            3,
            "failed at AWS: InternalError: We encountered an internal error.",
        ),
        (
            Fault::Unavailable,
            3,
            "failed at AWS: ServiceUnavailable: Please try again.",
        ),
        (
            Fault::Expired,
            1,
            "was refused, as the credentials or the clock are out of date: ExpiredToken: The \
             provided token has expired.",
        ),
        (
            Fault::Skewed,
            1,
            "was refused, as the credentials or the clock are out of date: RequestTimeTooSkewed: \
             The difference between the request time and the current time is too large.",
        ),
    ] {
        let told = format!("{fault:?}");
        let (ending, count) = store.fetch_with(fault);
        assert_eq!(
            (ending, count),
            (ended(31, &get_failed(what)), tries),
            "{told}"
        );
    }
}

#[test]
fn a_connection_that_breaks_is_tried_again_and_then_left_to_the_caller() {
    let store = Store::with_map(&map("one"));
    for fault in [Fault::Reset, Fault::ResetAfter, Fault::Half] {
        let told = format!("{fault:?}");
        let (ending, count) = store.fetch_with(fault);
        let start = format!("ext-store-s3: {}", get_failed("got no whole answer: "));
        assert!(
            ending.stderr.starts_with(&start),
            "{told}: {}",
            ending.stderr
        );
        assert_eq!(
            (ending.code, ending.document, count),
            (Some(31), None, 3),
            "{told}"
        );
    }
    store.aws.wire.refuse();
    let ending = store.fetch();
    let what = "got no whole answer: io error: client error (Connect): tcp connect error: \
                Connection refused (os error 111)";
    assert_eq!(ending, ended(31, &get_failed(what)));
    store.aws.wire.heal();
    assert_eq!(store.fetch().code, Some(0));
}

#[test]
fn half_a_document_is_not_handed_over() {
    let store = Store::with_map(&large_map("large", 200));
    let (ending, count) = store.fetch_with(Fault::Half);
    let start = format!("ext-store-s3: {}", get_failed("got no whole answer: "));
    assert!(ending.stderr.starts_with(&start), "{}", ending.stderr);
    assert_eq!((ending.code, ending.document, count), (Some(31), None, 1));
}

#[test]
fn an_answer_that_does_not_come_is_not_waited_for() {
    let store = Store::with_map(&map("one"));
    store
        .aws
        .wire
        .fail("s3:GetObject", Fault::Stall(Duration::from_mins(1)));
    let once = store.program().env("AWS_MAX_ATTEMPTS", 1);
    let (ending, time) = once.timed(&["--document=discovery-map", "--action=fetch"]);
    assert!(time < Duration::from_secs(20), "{time:?}");
    let start = format!("ext-store-s3: {}", get_failed("got no whole answer: "));
    let ending = store.told(ending);
    assert!(ending.stderr.starts_with(&start), "{}", ending.stderr);
    assert_eq!((ending.code, ending.document), (Some(31), None));
}

#[test]
fn a_call_that_is_tried_again_may_succeed() {
    let store = Store::with_map(&map("one"));
    for fault in [Fault::Throttled, Fault::Unavailable, Fault::Reset] {
        store.aws.wire.fail_times(2, "s3:*", fault);
        assert_eq!(store.fetch().document.unwrap()["name"], "one");
    }
    // The first PUT took effect, and nobody was told so.
    store
        .aws
        .wire
        .fail_times(1, "s3:PutObject", Fault::ResetAfter);
    store.committed(&map("two"));
    assert_eq!(store.copies().len(), 2, "it is one copy, put twice");
    assert_eq!(store.fetch().document.unwrap()["name"], "two");
}

#[test]
fn what_is_not_allowed_is_told_with_call_object_and_remedy() {
    let store = Store::with_map(&map("one"));
    let (ending, count) = store.fetch_with(Fault::Denied);
    let what = format!(
        "is not allowed: AccessDenied: {USER} s3:GetObject\n  hint: allow s3:GetObject on it in \
         the IAM role's policy; S3 gives this answer for a document that is not there, too, unless \
         s3:ListBucket is allowed on the bucket"
    );
    assert_eq!((ending, count), (ended(1, &get_failed(&what)), 1));

    let put = |what: &str| {
        format!(
            "s3:PutObject on s3://BUCKET/{what} is not allowed: AccessDenied: {USER} s3:PutObject\n  \
             hint: allow s3:PutObject on it in the IAM role's policy"
        )
    };
    let accepted = Fault::Answer {
        status: 200,
        headers: Vec::new(),
        body: String::new(),
    };
    store.aws.wire.fail_times(1, "s3:PutObject", accepted);
    store.aws.wire.fail("s3:PutObject", Fault::Denied);
    let ending = store.commit(&map("two"));
    assert_eq!(
        ending,
        ended(1, &put(MAP)),
        "the copy was accepted, the document was not"
    );
    let copy = store.aws.wire.requests().pop().unwrap().target;
    assert!(!copy.contains(COPIES), "{copy}");
    let ending = store.commit(&map("two"));
    let start = ended(1, &put(COPIES)).stderr;
    let (start, _) = start.split_once(" is not").unwrap();
    assert!(ending.stderr.starts_with(start), "{}", ending.stderr);
    assert_eq!(ending.code, Some(1));
}

#[test]
fn keys_that_aws_does_not_know_are_told() {
    let store = Store::with_map(&map("one"));
    let (ending, count) = store.fetch_with(Fault::UnknownKey);
    let what = "could not be signed with valid credentials: InvalidAccessKeyId (HTTP status 403)\n  \
                hint: give the task or instance an IAM role, or set AWS_ACCESS_KEY_ID and \
                AWS_SECRET_ACCESS_KEY, or AWS_PROFILE";
    assert_eq!((ending, count), (ended(1, &get_failed(what)), 1));
}

#[test]
fn a_missing_bucket_is_told_with_its_setting() {
    let store = Store::new();
    let elsewhere = || store.program().env("NJ_DSS3_BUCKET", "no-such-bucket");
    let message = |call: &str, key: &str| {
        format!(
            "{call} on s3://no-such-bucket/{key} was refused: NoSuchBucket: The specified bucket \
             does not exist\n  hint: create the bucket, or correct NJ_DSS3_BUCKET"
        )
    };
    assert_eq!(fetch(&elsewhere()), ended(1, &message("s3:GetObject", MAP)));
    let ending = commit(&elsewhere(), &map("one"));
    let start = ended(1, &message("s3:PutObject", COPIES)).stderr;
    let (start, rest) = start.split_once(" was refused").unwrap();
    assert!(ending.stderr.starts_with(start), "{}", ending.stderr);
    assert!(ending.stderr.ends_with(rest), "{}", ending.stderr);
    assert_eq!(ending.code, Some(1));
    assert_eq!(
        store.calls(),
        counts(&[("s3:GetObject", 1), ("s3:PutObject", 1)])
    );
}

#[test]
fn a_bucket_in_another_region_is_told_with_that_region() {
    let store = Store::with_map(&map("one"));
    let answer = |status, headers: &[(&str, &str)], code: &str, more: &str| Fault::Answer {
        status,
        headers: headers
            .iter()
            .map(|(name, value)| ((*name).to_owned(), (*value).to_owned()))
            .collect(),
        body: format!("<Error><Code>{code}</Code><Message>Elsewhere.</Message>{more}</Error>"),
    };
    let moved = "was refused: PermanentRedirect: Elsewhere.\n  hint: the bucket is in another \
                 region: set AWS_REGION";
    let malformed = "was refused: AuthorizationHeaderMalformed (HTTP status 400)\n  hint: the \
                     bucket is in another region: set AWS_REGION";
    let header = ("x-amz-bucket-region", "ap-southeast-2");
    let element = "<Region>ap-southeast-2</Region>";
    for (fault, expected) in [
        (
            answer(301, &[header], "PermanentRedirect", ""),
            format!("{moved}=ap-southeast-2"),
        ),
        (
            answer(301, &[], "PermanentRedirect", ""),
            format!("{moved} to that of the bucket"),
        ),
        (
            answer(
                301,
                &[("x-amz-bucket-region", "<script>")],
                "PermanentRedirect",
                "",
            ),
            format!("{moved} to that of the bucket"),
        ),
        (
            answer(400, &[], "AuthorizationHeaderMalformed", element),
            format!("{malformed}=ap-southeast-2"),
        ),
    ] {
        let (ending, count) = store.fetch_with(fault);
        assert_eq!((ending, count), (ended(1, &get_failed(&expected)), 1));
    }
}

/// The SDK measures how wrong the clock is, and signs again with the time that AWS has.
#[test]
fn a_clock_that_is_wrong_is_corrected() {
    let store = Store::with_map(&map("one"));
    let answer = Fault::Answer {
        status: 403,
        headers: vec![(
            "date".to_owned(),
            "Fri, 01 Jan 2044 00:00:00 GMT".to_owned(),
        )],
        body: "<Error><Code>RequestTimeTooSkewed</Code><Message>Wrong.</Message></Error>"
            .to_owned(),
    };
    store.aws.wire.fail_times(1, "s3:GetObject", answer.clone());
    assert_eq!(store.fetch().document.unwrap()["name"], "one");
    let requests = store.aws.wire.requests();
    let years: Vec<&str> = requests
        .iter()
        .map(|request| &request.header("x-amz-date").unwrap()[..4])
        .collect();
    assert_eq!(years.last(), Some(&"2044"), "{years:?}");

    let (ending, count) = store.fetch_with(answer);
    let what = "was refused, as the credentials or the clock are out of date: \
                RequestTimeTooSkewed: Wrong.; this machine's clock is ";
    let start = format!("ext-store-s3: {}", get_failed(what));
    assert!(ending.stderr.starts_with(&start), "{}", ending.stderr);
    assert_eq!((ending.code, ending.document, count), (Some(31), None, 3));
}

#[test]
fn an_answer_that_is_not_s3_s_is_worth_another_try() {
    let store = Store::with_map(&map("one"));
    let page = Fault::Answer {
        status: 502,
        headers: vec![("content-type".to_owned(), "text/html".to_owned())],
        body: "<html>Bad gateway</html>".to_owned(),
    };
    let (ending, count) = store.fetch_with(page);
    let start = format!("ext-store-s3: {}", get_failed("failed at AWS: "));
    assert!(ending.stderr.starts_with(&start), "{}", ending.stderr);
    assert_eq!((ending.code, ending.document, count), (Some(31), None, 3));
}

#[test]
fn an_arn_that_is_none_is_refused_without_a_call() {
    let store = Store::new();
    let program = store.program().env("NJ_DSS3_BUCKET", "arn:aws:s3:nowhere");
    let ending = fetch(&program);
    let start =
        format!("ext-store-s3: s3:GetObject on arn:aws:s3:nowhere/object/{MAP} was refused: ");
    assert!(ending.stderr.starts_with(&start), "{}", ending.stderr);
    assert_eq!((ending.code, store.calls()), (Some(1), counts(&[])));
}

#[test]
fn without_a_region_nothing_is_asked() {
    let store = Store::new();
    let mut env = store.env();
    env.remove("AWS_REGION");
    let program = Extension::new("ext-store-s3").envs(env);
    let message = "no AWS region is set\n  hint: set AWS_REGION, or a region in the profile; \
                   Fargate sets it in every container, older agents on EC2 do not";
    assert_eq!(fetch(&program), ended(1, message));
    assert_eq!(store.calls(), counts(&[]));
}
