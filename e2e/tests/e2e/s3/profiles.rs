//! Profiles of the shared configuration files: processes that print keys, sessions that only the AWS CLI
//! reads, and roles.

use super::{Store, fetch, map};
use e2e::{
    aws::Fault,
    extension::{Ending, Extension},
};
use insta::assert_snapshot;
use std::{fmt::Write as _, fs, time::Duration};

const ROLE: &str = "arn:aws:iam::123456789012:role/mesh";
/// What a process prints and a command line holds, and nobody is to see.
const SECRET: &str = "wJalrXUtnFEMIK7MDENGbPxRfiCYEXAMPLEKEY";

impl Store {
    /// The program with a configuration file and a profile of it, and without keys.
    fn with_profile(&self, profile: &str, config: &str) -> Extension {
        let program = self.without_keys();
        let file = program.folder().join("config");
        fs::write(&file, config).unwrap();
        program
            .env("AWS_CONFIG_FILE", file.display())
            .env("AWS_PROFILE", profile)
            .env("DEBUG", "true")
            .env("RUST_LOG", "trace")
    }

    /// The program with credentials of a process that runs this script.
    fn with_process(&self, script: &str) -> Extension {
        let config = "[profile dev]\ncredential_process = sh PLACE/process.sh --key KEY\n";
        let program = self.with_profile("dev", "");
        let place = program.folder().display().to_string();
        let config = config.replace("PLACE", &place).replace("KEY", SECRET);
        fs::write(program.folder().join("config"), config).unwrap();
        let script = script.replace("SECRET", SECRET);
        fs::write(program.folder().join("process.sh"), script).unwrap();
        program
    }

    /// A fetch, with its code before what it said, and how often STS and S3 were asked.
    fn outcome(&self, program: &Extension) -> String {
        self.aws.wire.forget();
        let Ending { code, stderr, .. } = self.told(fetch(program));
        self.assert_kept(&stderr);
        let calls = self.calls();
        let version = stderr.split_once(" is version ").map(|(start, _)| start);
        let stderr = version.map_or(stderr.clone(), |start| format!("{start} is a version\n"));
        format!("{}: {stderr}{calls:?}\n", code.unwrap())
    }
}

#[test]
fn nothing_that_a_credential_process_prints_is_told() {
    let store = Store::with_map(&map("one"));
    let [secret, token] = store.aws.secrets();
    let keys = format!(
        r#"{{"Version": 1, "AccessKeyId": "{}", "SecretAccessKey": "{secret}", "SessionToken": "{token}"}}"#,
        store.aws.access_key()
    );
    let noise = "echo SECRET >&2\n";
    let mut outcomes = String::new();
    for (what, script) in [
        ("gives keys", format!("{noise}echo '{keys}'")),
        ("fails", format!("{noise}echo SECRET\nexit 1")),
        ("fails late", format!("{noise}echo '{keys}'\nexit 1")),
        ("prints no JSON", format!("{noise}echo SECRET")),
        (
            "ends amid JSON",
            format!("{noise}echo '{{\"SecretAccessKey\": \"SECRET\", '"),
        ),
        (
            "lacks a key",
            format!("{noise}echo '{{\"Version\": 1, \"SecretAccessKey\": \"SECRET\"}}'"),
        ),
        (
            "is of a later version",
            format!("{noise}echo '{}'", keys.replace("1,", "2,")),
        ),
        (
            "has a wrong time",
            format!(
                "{noise}echo '{}'",
                keys.replace('}', r#", "Expiration": "SECRET"}"#)
            ),
        ),
        (
            "has a line break in a key",
            format!("{noise}echo '{}'", keys.replace("AKIA", r"AKIA\\nSECRET")),
        ),
        ("is not UTF-8", format!("{noise}printf 'SECRET\\377'")),
        ("does not end", format!("{noise}echo SECRET\nexec sleep 30")),
        ("is not there", format!("{noise}exec /nonexistent/SECRET")),
    ] {
        let outcome = store.outcome(&store.with_process(&script));
        assert!(!outcome.contains(SECRET), "{what}: {outcome}");
        let _ = writeln!(outcomes, "{what}: {outcome}");
    }
    assert_snapshot!(outcomes);
}

#[test]
fn sessions_that_only_the_aws_cli_reads_are_named_with_the_way_out() {
    let store = Store::with_map(&map("one"));
    let config = format!(
        "[sso-session corp]\nsso_region = eu-central-1\nsso_start_url = https://corp.awsapps.com/start\n\
         [profile dev]\nsso_session = corp\nsso_account_id = 123456789012\nsso_role_name = Dev\n\
         [profile old]\nsso_region = eu-central-1\nsso_start_url = https://corp.awsapps.com/start\n\
         sso_account_id = 123456789012\nsso_role_name = Dev\n\
         [profile admin]\nrole_arn = {ROLE}\nsource_profile = dev\n\
         [profile console]\nlogin_session = arn:aws:iam::123456789012:user/ann\n"
    );
    let mut outcomes = String::new();
    for profile in ["dev", "old", "admin", "console"] {
        let outcome = store.outcome(&store.with_profile(profile, &config));
        let _ = writeln!(outcomes, "{outcome}");
    }
    assert_snapshot!(outcomes);
}

/// As STS refuses.
fn refusal(status: u16, code: &str, message: &str) -> Fault {
    Fault::Answer {
        status,
        headers: vec![("content-type".to_owned(), "text/xml".to_owned())],
        body: format!(
            r#"<ErrorResponse xmlns="https://sts.amazonaws.com/doc/2011-06-15/"><Error><Type>Sender</Type><Code>{code}</Code><Message>{message}</Message></Error><RequestId>0</RequestId></ErrorResponse>"#
        ),
    }
}

/// What becomes of a program whose role STS gives, and then refuses in several ways.
fn outcomes_of_role(store: &Store, program: &Extension, call: &str) -> String {
    let mut outcomes = store.outcome(program);
    for (status, code, message) in [
        (
            403,
            "AccessDenied",
            "User: ann is not authorized to perform: sts:AssumeRole",
        ),
        (400, "Throttling", "Rate exceeded"),
        (400, "ExpiredTokenException", "Token expired"),
        (500, "InternalFailure", "later"),
    ] {
        store.aws.wire.fail(call, refusal(status, code, message));
        let _ = write!(outcomes, "\n{}", store.outcome(program));
        store.aws.wire.restore();
    }
    outcomes
}

#[test]
fn a_refused_role_of_a_profile_is_named() {
    let store = Store::with_map(&map("one"));
    let [secret, token] = store.aws.secrets();
    let config = format!(
        "[profile base]\naws_access_key_id = {}\naws_secret_access_key = {secret}\n\
         aws_session_token = {token}\n[profile mesh]\nrole_arn = {ROLE}\nsource_profile = base\n",
        store.aws.access_key()
    );
    let program = store.with_profile("mesh", &config);
    let outcomes = outcomes_of_role(&store, &program, "sts:AssumeRole");
    let stall = Fault::Stall(Duration::from_secs(30));
    store.aws.wire.fail("sts:AssumeRole", stall);
    let late = store.outcome(&program);
    assert_snapshot!(format!("{outcomes}\nno answer: {late}"));
}

#[test]
fn a_refused_role_of_a_web_identity_is_named() {
    let store = Store::with_map(&map("one"));
    let program = store.without_keys();
    let token = program.folder().join("token");
    fs::write(&token, format!("eyJ.{SECRET}.sig")).unwrap();
    let program = program
        .env("AWS_WEB_IDENTITY_TOKEN_FILE", token.display())
        .env("AWS_ROLE_ARN", ROLE)
        .env("DEBUG", "true");
    let outcomes = outcomes_of_role(&store, &program, "?:AssumeRoleWithWebIdentity");
    assert!(!outcomes.contains(SECRET), "{outcomes}");
    fs::remove_file(&token).unwrap();
    let without = store.outcome(&program);
    assert_snapshot!(format!("{outcomes}\nwithout a file: {without}"));
}

#[test]
fn a_profile_that_is_not_there_is_told() {
    let store = Store::with_map(&map("one"));
    let outcome =
        store.outcome(&store.with_profile("nobody", "[profile dev]\nregion = eu-central-1\n"));
    assert!(
        outcome.starts_with("1: ") && outcome.contains("nobody"),
        "{outcome}"
    );
}
