//! Where credentials come from, and that nothing of them is ever told.

use super::{
    MAP, Store, ended, fetch, map,
    servers::{Server, answer},
};
use e2e::{aws::Fault, extension::Extension};
use serde_json::json;
use std::{fs, time::Duration};

impl Store {
    /// The program without the keys of its environment.
    pub(super) fn without_keys(&self) -> Extension {
        let mut env = self.env();
        env.retain(|name, _| {
            ![
                "AWS_ACCESS_KEY_ID",
                "AWS_SECRET_ACCESS_KEY",
                "AWS_SESSION_TOKEN",
            ]
            .contains(&name.as_str())
        });
        Extension::new("ext-store-s3").envs(env)
    }

    /// What must not be told: keys, tokens, and what a request is signed with.
    pub(super) fn assert_kept(&self, said: &str) {
        let [secret, token] = self.aws.secrets();
        let words = [
            secret,
            token,
            self.aws.access_key(),
            "Credential=",
            "Signature=",
            "AWS4-HMAC",
        ];
        for word in words {
            assert!(!said.contains(word), "{word} is told: {said}");
        }
    }
}

#[test]
fn missing_credentials_are_told_with_what_was_tried() {
    let store = Store::with_map(&map("one"));
    let ending = store.told(fetch(&store.without_keys()));
    let start = format!(
        "ext-store-s3: s3:GetObject on s3://BUCKET/{MAP} could not be authenticated: \
         the credential provider was not enabled: no credentials found in chain. \
         Attempted: Environment: "
    );
    assert!(ending.stderr.starts_with(&start), "{}", ending.stderr);
    let end = "\n  hint: give the task or instance an IAM role, or set AWS_ACCESS_KEY_ID and \
               AWS_SECRET_ACCESS_KEY, or AWS_PROFILE\n";
    assert!(ending.stderr.ends_with(end), "{}", ending.stderr);
    assert_eq!(
        (ending.code, ending.document, store.calls()),
        (Some(1), None, Vec::new())
    );
}

/// As on ECS: an address in the environment hands out the role's credentials.
#[test]
fn a_task_s_role_is_asked_for_and_may_be_late() {
    let store = Store::with_map(&map("one"));
    let role = json!({
        "AccessKeyId": store.aws.access_key(), "SecretAccessKey": store.aws.secrets()[0],
        "Token": store.aws.secrets()[1], "Expiration": "2044-01-01T00:00:00Z",
    });
    let agent = Server::start(
        answer(
            "200 OK",
            "content-type: application/json\r\n",
            &role.to_string(),
        ),
        Duration::ZERO,
    );
    let with = |agent: &Server| {
        let url = format!("{}/role", agent.url);
        store
            .without_keys()
            .env("AWS_CONTAINER_CREDENTIALS_FULL_URI", url)
    };
    let fetched = fetch(&with(&agent).env("DEBUG", "true"));
    assert_eq!(fetched.code, Some(0), "{}", fetched.stderr);
    store.assert_kept(&fetched.stderr);
    assert_eq!(agent.heads().len(), 1);

    let refusal = json!({"code": "Busy", "message": "later"}).to_string();
    let late = Server::start(answer("500 Busy", "", &refusal), Duration::ZERO);
    store.aws.wire.forget();
    let ending = store.told(fetch(&with(&late)));
    let start = format!(
        "ext-store-s3: s3:GetObject on s3://BUCKET/{MAP} could not be signed because the credentials could not be loaded: "
    );
    assert!(ending.stderr.starts_with(&start), "{}", ending.stderr);
    assert_eq!(
        (ending.code, ending.document, store.calls()),
        (Some(31), None, Vec::new())
    );
}

#[test]
fn nothing_secret_is_told_at_any_level() {
    let store = Store::with_map(&map("one"));
    let program = || {
        store
            .program()
            .env("DEBUG", "true")
            .env("RUST_LOG", "trace")
    };
    let place = format!("s3://BUCKET/{MAP}");
    let fetched = store.told(fetch(&program()));
    let version = fetched.version();
    assert_eq!(
        fetched.stderr,
        format!("DEBUG {place} is version {version}\n")
    );

    let echo = format!(
        "{0} Credential={1} Signature=fe AWS4-HMAC-SHA256 {2}",
        store.aws.secrets()[1],
        store.aws.access_key(),
        store.aws.secrets()[0]
    );
    let told_by_aws = |code: &str| Fault::Answer {
        status: 403,
        headers: Vec::new(),
        body: format!("<Error><Code>{code}</Code><Message>{echo}</Message></Error>"),
    };
    for fault in [
        told_by_aws("SignatureDoesNotMatch"),
        told_by_aws("AuthorizationHeaderMalformed"),
        told_by_aws("InvalidToken"),
        Fault::Throttled,
        Fault::Denied,
        Fault::Expired,
        Fault::Reset,
        Fault::Half,
    ] {
        store.aws.wire.fail("s3:*", fault);
        for ending in [fetch(&program()), super::commit(&program(), &map("two"))] {
            assert_ne!(ending.code, Some(0));
            store.assert_kept(&ending.stderr);
        }
        store.aws.wire.restore();
    }
}

/// The SDK's own log tells the id of a profile's access key.
#[test]
fn a_profile_is_used_and_not_told() {
    let store = Store::with_map(&map("one"));
    let program = store.without_keys();
    let file = program.folder().join("credentials");
    let [secret, token] = store.aws.secrets();
    let profile = format!(
        "[mesh]\naws_access_key_id = {}\naws_secret_access_key = {secret}\naws_session_token = {token}\n",
        store.aws.access_key()
    );
    fs::write(&file, profile).unwrap();
    let program = program
        .env("AWS_SHARED_CREDENTIALS_FILE", file.display())
        .env("DEBUG", "true")
        .env("AWS_PROFILE", "mesh");
    let fetched = store.told(fetch(&program));
    let expected = format!("DEBUG s3://BUCKET/{MAP} is version {}\n", fetched.version());
    assert_eq!(fetched.stderr, expected);

    let broken = store.program().env("AWS_PROFILE", "nobody");
    let ending = store.told(fetch(&broken));
    assert_eq!(ending.document.is_some(), ending.code == Some(0));
    store.assert_kept(&ending.stderr);
}

#[test]
fn settings_of_aws_that_are_wrong_are_told() {
    let store = Store::new();
    let program = store.program().env("AWS_ENDPOINT_URL", "no url");
    let message = format!(
        "s3:GetObject on s3://BUCKET/{MAP} was rejected: Custom endpoint `no url` was not a \
         valid URI"
    );
    assert_eq!(store.told(fetch(&program)), ended(1, &message));

    for (name, value, message) in [
        (
            "AWS_MAX_ATTEMPTS",
            "none",
            "AWS_MAX_ATTEMPTS=\"none\": is not a whole number of at least 1",
        ),
        (
            "AWS_REGION",
            "eu central",
            "\"eu central\" is not the name of an AWS region, such as eu-central-1",
        ),
        (
            "AWS_ACCESS_KEY_ID",
            "KEY\nKEY",
            "AWS_ACCESS_KEY_ID contains control characters such as line breaks, which are not allowed in a key",
        ),
    ] {
        let program = store.program().env(name, value);
        assert_eq!(fetch(&program), ended(1, message));
    }
}

#[test]
fn retry_settings_that_are_blank_or_in_a_profile_do_no_harm() {
    let store = Store::with_map(&map("one"));
    let program = store.program();
    let profile = program.folder().join("config");
    fs::write(
        &profile,
        "[default]\nretry_mode = legacy\nmax_attempts = 0\n",
    )
    .unwrap();
    let program = program
        .env("AWS_MAX_ATTEMPTS", "")
        .env("AWS_RETRY_MODE", "")
        .env("AWS_CONFIG_FILE", profile.display());
    let fetched = fetch(&program);
    assert_eq!((fetched.code, fetched.stderr.as_str()), (Some(0), ""));
}
