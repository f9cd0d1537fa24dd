//! What goes wrong at S3 or on the way there, and what is said of it.

use super::{MAP, Store, commit, counts, ended, fetch, large_map, map};
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
        self.aws.wire.restore();
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
            "was rejected because the credentials have expired or the clock is wrong: ExpiredToken: The \
             provided token has expired.",
        ),
        (
            Fault::Skewed,
            1,
            "was rejected because the credentials have expired or the clock is wrong: RequestTimeTooSkewed: \
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
        let start = format!("ext-store-s3: {}", get_failed("got no complete response: "));
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
    let what = "got no complete response: io error: client error (Connect): tcp connect error: \
                Connection refused (os error 111)";
    assert_eq!(ending, ended(31, &get_failed(what)));
    store.aws.wire.restore();
    assert_eq!(store.fetch().code, Some(0));
}

#[test]
fn half_a_document_is_not_handed_over() {
    let store = Store::with_map(&large_map("large", 200));
    let (ending, count) = store.fetch_with(Fault::Half);
    let start = format!("ext-store-s3: {}", get_failed("got no complete response: "));
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
    let start = format!("ext-store-s3: {}", get_failed("got no complete response: "));
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
}

#[test]
fn what_is_not_allowed_is_told_with_call_object_and_remedy() {
    let store = Store::with_map(&map("one"));
    let (ending, count) = store.fetch_with(Fault::Denied);
    let what = format!(
        "is not allowed: AccessDenied: {USER} s3:GetObject\n  hint: allow s3:GetObject on it in \
         the IAM role's policy; S3 answers the same for a document that does not exist, unless \
         s3:ListBucket is allowed on the bucket"
    );
    assert_eq!((ending, count), (ended(1, &get_failed(&what)), 1));

    let put = |what: &str| {
        format!(
            "s3:PutObject on s3://BUCKET/{what} is not allowed: AccessDenied: {USER} s3:PutObject\n  \
             hint: allow s3:PutObject on it in the IAM role's policy"
        )
    };
    store.aws.wire.forget();
    store.aws.wire.fail("s3:PutObject", Fault::Denied);
    assert_eq!(store.commit(&map("two")), ended(1, &put(MAP)));
    assert_eq!(store.calls(), counts(&[("s3:PutObject", 1)]));
}

#[test]
fn keys_that_aws_does_not_know_are_told() {
    let store = Store::with_map(&map("one"));
    let (ending, count) = store.fetch_with(Fault::UnknownKey);
    let what = "could not be authenticated: InvalidAccessKeyId (HTTP status 403)\n  \
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
            "{call} on s3://no-such-bucket/{key} was rejected: NoSuchBucket: The specified bucket \
             does not exist\n  hint: create the bucket, or correct NJ_DSS3_BUCKET"
        )
    };
    assert_eq!(fetch(&elsewhere()), ended(1, &message("s3:GetObject", MAP)));
    let ending = commit(&elsewhere(), &map("one"));
    assert_eq!(ending, ended(1, &message("s3:PutObject", MAP)));
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
    let moved = "was rejected: PermanentRedirect: Elsewhere.\n  hint: the bucket is in another \
                 region: set AWS_REGION";
    let malformed = "was rejected: AuthorizationHeaderMalformed (HTTP status 400)\n  hint: the \
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
            format!("{moved} to the bucket's region"),
        ),
        (
            answer(
                301,
                &[("x-amz-bucket-region", "<script>")],
                "PermanentRedirect",
                "",
            ),
            format!("{moved} to the bucket's region"),
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
    let what = "was rejected because the credentials have expired or the clock is wrong: \
                RequestTimeTooSkewed: Wrong.; this machine's clock differs from AWS's by ";
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

/// A filter answers in S3's place, in whatever way.
#[test]
fn a_page_in_place_of_an_object_is_worth_another_try() {
    let store = Store::with_map(&map("one"));
    let page = |status| Fault::Answer {
        status,
        headers: vec![("content-type".to_owned(), "text/html".to_owned())],
        body: "<html>Blocked by policy</html>".to_owned(),
    };
    for status in [400, 403, 404] {
        let what = format!(
            "got no complete response: a proxy or filter answered with an HTML page (HTTP \
             status {status})"
        );
        let (ending, count) = store.fetch_with(page(status));
        assert_eq!((ending, count), (ended(31, &get_failed(&what)), 1));
    }
    let (ending, _) = store.fetch_with(page(200));
    let what = format!(
        "the response for s3://BUCKET/{MAP} is an HTML page from a proxy or filter\n  hint: \
         check HTTPS_PROXY, NO_PROXY and AWS_ENDPOINT_URL"
    );
    assert_eq!(ending, ended(31, &what));
    // Nor does a page tell of another's commit.
    for status in [404, 412] {
        store.aws.wire.fail("s3:PutObject", page(status));
        let ending = store.commit_over("abc", &map("two"));
        assert_eq!(ending.code, Some(31), "{}", ending.stderr);
        store.aws.wire.restore();
    }
}

fn refused(status: u16, code: &str, message: &str) -> Fault {
    Fault::Answer {
        status,
        headers: Vec::new(),
        body: format!("<Error><Code>{code}</Code><Message>{message}</Message></Error>"),
    }
}

#[test]
fn what_an_object_or_its_key_needs_is_told() {
    let store = Store::with_map(&map("one"));
    let archived = refused(
        403,
        "InvalidObjectState",
        "The operation is not valid for the object's storage class",
    );
    let what = "was rejected: InvalidObjectState: The operation is not valid for the object's \
                storage class\n  hint: the object is archived: restore it or commit the document \
                again, and exclude the base path from lifecycle rules that archive objects";
    assert_eq!(store.fetch_with(archived).0, ended(1, &get_failed(what)));

    let hint = |action: &str| {
        format!(
            "\n  hint: the bucket is encrypted with a KMS key: check that the key is enabled, \
             and allow {action} on it in the IAM role's policy and in the key policy"
        )
    };
    let disabled = refused(400, "KMS.DisabledException", "key is disabled.");
    let what = format!(
        "was rejected: KMS.DisabledException: key is disabled.{}",
        hint("kms:Decrypt")
    );
    let ending = store.fetch_with(disabled).0;
    assert_eq!(ending, ended(1, &get_failed(&what)));
    let said = format!("{USER} kms:Decrypt on resource: arn:aws:kms:eu-central-1:1:key/k");
    let denied = refused(403, "AccessDenied", &said);
    let what = format!(
        "is not allowed: AccessDenied: {said}{}",
        hint("kms:Decrypt")
    );
    let ending = store.fetch_with(denied).0;
    assert_eq!(ending, ended(1, &get_failed(&what)));

    let said = format!("{USER} kms:GenerateDataKey on resource: arn:aws:kms:eu-central-1:1:key/k");
    store
        .aws
        .wire
        .fail("s3:PutObject", refused(403, "AccessDenied", &said));
    let ending = store.commit(&map("two"));
    assert!(
        ending
            .stderr
            .ends_with(&(hint("kms:GenerateDataKey") + "\n")),
        "{}",
        ending.stderr
    );
    store.aws.wire.restore();
    // The key service asks for patience by way of S3.
    let busy = refused(400, "KMS.ThrottlingException", "Slow down.");
    assert_eq!(store.fetch_with(busy).0.code, Some(31));
}

#[test]
fn a_multi_region_access_point_is_refused_with_words() {
    let store = Store::new();
    let arn = "arn:aws:s3::123456789012:accesspoint/mfzwi23gnjvgw.mrap";
    let ending = fetch(&store.program().env("NJ_DSS3_BUCKET", arn));
    assert_eq!((ending.code, store.calls()), (Some(64), counts(&[])));
    let what = "is a Multi-Region Access Point, which needs SigV4A signatures; use the \
                bucket, or an access point in one region";
    assert!(ending.stderr.contains(what), "{}", ending.stderr);
}

#[test]
fn an_arn_that_is_none_is_refused_without_a_call() {
    let store = Store::new();
    let program = store.program().env("NJ_DSS3_BUCKET", "arn:aws:s3:nowhere");
    let ending = fetch(&program);
    let start =
        format!("ext-store-s3: s3:GetObject on arn:aws:s3:nowhere/object/{MAP} was rejected: ");
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
