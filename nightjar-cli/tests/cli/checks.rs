//! `nightjar check`, with a real Envoy.

use crate::folder::{Folder, Outcome};
use std::{os::unix::fs::symlink, path::Path};

/// The Envoy that `e2e/setup.sh demo` installs.
fn envoy() -> &'static str {
    let path = concat!(env!("CARGO_MANIFEST_DIR"), "/../.venv/bin/envoy");
    assert!(
        Path::new(path).exists(),
        "there is no {path}: run e2e/setup.sh demo"
    );
    path
}

/// The starter's gateway, rendered into `out` for another folder.
fn rendered() -> Folder {
    let folder = Folder::with_starter();
    let outcome = folder.run(&[
        "render",
        "--discovery-map=discovery-map.json",
        "--mode=gateway",
        "--namespace=demo",
        "--listen-port=8080",
        "--admin-port=9901",
        "--config-dir=/nowhere/envoy",
        "--out=out",
    ]);
    assert_eq!(outcome.code, Some(0));
    folder
}

fn check(folder: &Folder, arguments: &[&str]) -> Outcome {
    folder.run(&[&["check", "out", "--envoy", envoy()], arguments].concat())
}

const USES: &str = "\
cds.json: clusters
envoy-config.yaml: bootstrap
lds.json: listeners
rds-8080.json: routes of routes-8080
";

#[test]
fn files_that_envoy_takes() {
    let folder = rendered();
    folder.write("out/notes.txt", "mine");
    folder.write("out/.hidden", "mine");
    let lines = "\
cds.json: clusters
envoy-config.yaml: bootstrap
lds.json: listeners
notes.txt: not for envoy
rds-8080.json: routes of routes-8080
valid: envoy 1.40.0 takes these files
";
    assert_eq!(check(&folder, &[]), Outcome::new(0, lines, ""));
    let json = r#"{
  "valid": true,
  "envoy": "1.40.0",
  "files": {
    "cds.json": "clusters",
    "envoy-config.yaml": "bootstrap",
    "lds.json": "listeners",
    "notes.txt": null,
    "rds-8080.json": "routes of routes-8080"
  },
  "warnings": [],
  "fault": null
}
"#;
    assert_eq!(
        check(&folder, &["--format=json"]),
        Outcome::new(0, json, "")
    );
}

#[test]
fn a_member_that_is_there_twice_is_warned_of() {
    let folder = rendered();
    let clusters = folder.read("out/cds.json");
    let first = "\"connect_timeout\": \"2s\",";
    let line = 2 + clusters
        .lines()
        .position(|line| line.trim() == first)
        .unwrap();
    let twice = format!("{first}\n\"connectTimeout\": \"3s\",");
    folder.write("out/cds.json", clusters.replacen(first, &twice, 1));
    let warning = format!(
        "cds.json: line {line} of the rendered file repeats the member \"connect_timeout\" as \
         \"connectTimeout\"; Envoy takes the later one: remove one of them"
    );
    let outcome = check(&folder, &[]);
    assert_eq!(outcome.code, Some(0), "{}", outcome.stdout);
    assert_eq!(outcome.stderr, format!("nightjar: warning: {warning}\n"));
    let outcome = check(&folder, &["--format=json"]);
    let report: serde_json::Value = serde_json::from_str(&outcome.stdout).unwrap();
    assert_eq!(report["warnings"], serde_json::json!([warning]));
}

#[test]
fn a_fault_in_a_file_behind_the_bootstrap() {
    let folder = rendered();
    let routes = folder.read("out/rds-8080.json");
    folder.write(
        "out/rds-8080.json",
        routes.replace("\"prefix\"", "\"prefiks\""),
    );
    let outcome = check(&folder, &[]);
    assert_eq!(outcome.code, Some(1));
    assert_eq!(outcome.stderr, "");
    let fault = outcome.stdout.strip_prefix(USES).unwrap();
    let line = 1 + folder
        .read("out/rds-8080.json")
        .lines()
        .position(|line| line.contains("prefiks"))
        .unwrap();
    assert_eq!(
        fault,
        format!(
            "faulty: envoy refuses the configuration: rds-8080.json, routes \"routes-8080\", line \
             {line}: no such field: 'prefiks' in envoy.config.route.v3.RouteMatch\n"
        )
    );
}

#[test]
fn a_refusal_tells_its_place() {
    for (file, from, to, told) in [
        (
            "rds-8080.json",
            "{\"name\": \"c-hello",
            "{\"name\": \"no-hello",
            "rds-8080.json, routes \"routes-8080\", line LINE: route: unknown weighted cluster 'no-hello",
        ),
        (
            "cds.json",
            "ROUND_ROBIN",
            "NO_SUCH_POLICY",
            "cds.json, cluster \"CLUSTER\", line LINE: unknown enum value: 'NO_SUCH_POLICY'\n",
        ),
        (
            "cds.json",
            "\"connect_timeout\": \"2s\"",
            "\"connect_timeout\": \"0s\"",
            "cds.json, cluster \"CLUSTER\", line 4: Proto constraint validation failed \
             (ClusterValidationError.ConnectTimeout: value must be greater than 0s)\n",
        ),
        (
            "lds.json",
            "\"stat_prefix\"",
            "\"stat_prefiks\"",
            "lds.json, listener \"LISTENER\", line LINE: no such field: 'stat_prefiks' in ",
        ),
    ] {
        let folder = rendered();
        let name = format!("out/{file}");
        let text = folder.read(&name).replacen(from, to, 1);
        let line = text.lines().position(|line| line.contains(to)).unwrap() + 1;
        folder.write(&name, &text);
        let first_name = text.split("\"name\": \"").nth(1).unwrap();
        let first_name = first_name.split('"').next().unwrap();
        let told = told
            .replace("LINE", &line.to_string())
            .replace("CLUSTER", first_name)
            .replace("LISTENER", first_name);
        let start = format!("{USES}faulty: envoy refuses the configuration: {told}");
        let outcome = check(&folder, &[]);
        assert_eq!(outcome.code, Some(1));
        assert!(
            outcome.stdout.starts_with(&start),
            "{}\n{start}",
            outcome.stdout
        );
    }
}

/// A certificate of nobody.
const CERTIFICATE: &str = "-----BEGIN CERTIFICATE-----
MIIBcTCCARegAwIBAgIUCSx6p6v4Pt49fvzJpGkOoVTNO+0wCgYIKoZIzj0EAwIw
DTELMAkGA1UEAwwCY2EwIBcNMjYxMTI2MTEwNTM3WhgPMjEyNjExMDIxMTA1Mzda
MA0xCzAJBgNVBAMMAmNhMFkwEwYHKoZIzj0CAQYIKoZIzj0DAQcDQgAES9u38oHT
4d2fxAcF/iKy5blU3B+1L+/Mxto8ebGWFhY5nTvHQdMx6gmQDY2izr7Dn2CBv6F1
wR3snD7eM99PmaNTMFEwHQYDVR0OBBYEFEH6sY8nghBIcuvtMuCjGb4QMjOwMB8G
A1UdIwQYMBaAFEH6sY8nghBIcuvtMuCjGb4QMjOwMA8GA1UdEwEB/wQFMAMBAf8w
CgYIKoZIzj0EAwIDSAAwRQIgeN87QfFf4q1Ht63rp6qqoGDRFqVv6cyTSHHsQ9T3
0VYCIQCNlWAwDWiqqRDtIToAeWzSLACKcxLBpiUWCcJGWjAbUw==
-----END CERTIFICATE-----
";

/// A cluster that trusts what a secret in a file says.
fn with_secret() -> Folder {
    let folder = Folder::new();
    folder.write(
        "out/envoy.json",
        r#"{"dynamic_resources": {"cds_config": {"path_config_source": {"path": "/c/cds.json"}}}}"#,
    );
    folder.write(
        "out/cds.json",
        r#"{"resources": [{
          "@type": "type.googleapis.com/envoy.config.cluster.v3.Cluster",
          "name": "a",
          "transport_socket": {"name": "tls", "typed_config": {
            "@type": "type.googleapis.com/envoy.extensions.transport_sockets.tls.v3.UpstreamTlsContext",
            "common_tls_context": {"validation_context_sds_secret_config": {
              "name": "trusted",
              "sds_config": {"path_config_source": {"path": "/c/tls/sds.json"}}
            }}
          }}
        }]}"#,
    );
    folder.write(
        "out/tls/sds.json",
        r#"{"resources": [{
          "@type": "type.googleapis.com/envoy.extensions.transport_sockets.tls.v3.Secret",
          "name": "trusted",
          "validation_context": {
            "trusted_ca": {"filename": "/c/tls/ca.pem"},
            "watched_directory": {"path": "/c/tls"}
          }
        }]}"#,
    );
    folder.write("out/tls/ca.pem", CERTIFICATE);
    folder
}

#[test]
fn secrets_are_read_as_well() {
    let folder = with_secret();
    let uses = "\
cds.json: clusters
envoy.json: bootstrap
tls/ca.pem: not for envoy
tls/sds.json: secret trusted
";
    let lines = format!("{uses}valid: envoy 1.40.0 takes these files\n");
    let check = || check(&folder, &["--bootstrap=envoy.json"]);
    assert_eq!(check(), Outcome::new(0, &lines, ""));

    folder.write("out/tls/ca.pem", "no certificate");
    let lines = format!(
        "{uses}faulty: envoy refuses the configuration: tls/sds.json, secret \"trusted\", line 5: \
         Failed to load trusted CA certificates from /c/tls/ca.pem\n"
    );
    assert_eq!(check(), Outcome::new(1, &lines, ""));

    let secret = folder.read("out/tls/sds.json");
    folder.write(
        "out/tls/sds.json",
        secret.replace("trusted_ca", "trusted_cas"),
    );
    let lines = format!(
        "{uses}faulty: envoy refuses the configuration: tls/sds.json, secret \"trusted\", line 5: no \
         such field: 'trusted_cas' in \
         envoy.extensions.transport_sockets.tls.v3.CertificateValidationContext\n"
    );
    assert_eq!(check(), Outcome::new(1, &lines, ""));
}

#[test]
fn files_that_do_not_fit_together() {
    let folder = rendered();
    std::fs::remove_file(folder.path("out/rds-8080.json")).unwrap();
    let lines = "\
cds.json: not for envoy
envoy-config.yaml: not for envoy
lds.json: not for envoy
faulty: the rendered file \"lds.json\" names the file \"/nowhere/envoy/rds-8080.json\", which no template makes
";
    assert_eq!(check(&folder, &[]), Outcome::new(1, lines, ""));

    folder.write("out/lds.json", "{");
    let lines = "\
cds.json: not for envoy
envoy-config.yaml: not for envoy
lds.json: not for envoy
faulty: the rendered file \"lds.json\" cannot be parsed: EOF while parsing an object at line 1 column 1
";
    assert_eq!(check(&folder, &[]), Outcome::new(1, lines, ""));
}

#[test]
fn a_bootstrap_without_subscriptions_under_another_name() {
    let folder = Folder::new();
    folder.write(
        "out/static.json",
        r#"{"static_resources": {"clusters": []}}"#,
    );
    let message = "nightjar: out has no file envoy-config.yaml\n  \
                   hint: name the file that Envoy is started with in --bootstrap\n";
    assert_eq!(check(&folder, &[]), Outcome::new(1, "", message));
    let lines = "static.json: bootstrap\nvalid: envoy 1.40.0 takes these files\n";
    assert_eq!(
        check(&folder, &["--bootstrap=static.json"]),
        Outcome::new(0, lines, "")
    );
}

#[test]
fn the_envoy_to_ask() {
    let folder = rendered();
    let missing = folder.run(&["check", "out", "--envoy=/nowhere/envoy"]);
    let message =
        "nightjar: /nowhere/envoy cannot be run: No such file or directory (os error 2)\n";
    assert_eq!(missing, Outcome::new(64, "", message));
    let other = folder.run(&["check", "out", "--envoy=/bin/true"]);
    assert_eq!((other.code, other.stdout.as_str()), (Some(64), ""));

    let none = folder.run(&["check", "out"]);
    assert_eq!((none.code, none.stdout.as_str()), (Some(64), ""));
    let last = format!("{USES}valid: envoy 1.40.0 takes these files\n");
    let named = folder
        .command(&["check", "out"])
        .env("ENVOY_EXEC", envoy())
        .output();
    assert_eq!(String::from_utf8(named.unwrap().stdout).unwrap(), last);
    std::fs::create_dir(folder.path("bin")).unwrap();
    symlink(envoy(), folder.path("bin/envoy")).unwrap();
    let found = folder
        .command(&["check", "out"])
        .env("PATH", folder.path("bin"))
        .output();
    assert_eq!(String::from_utf8(found.unwrap().stdout).unwrap(), last);
}
