//! What the images are.

use crate::engine::{Image, docker, inspect, run};
use serde_json::{Value, json};

/// What may come on top of the base, in bytes.
const STANDALONE_LIMIT: u64 = 40_000_000;
// Its two stores check what is committed, and hold the rules of documents for that.
const CENTRAL_LIMIT: u64 = 30_000_000;

const EXTENSIONS: [&str; 4] = [
    "ext-discovery-cloudmap",
    "ext-discovery-ecs",
    "ext-store-local",
    "ext-store-s3",
];

#[test]
fn the_images_are_small() {
    for (image, limit) in [
        (Image::Standalone, STANDALONE_LIMIT),
        (Image::Central, CENTRAL_LIMIT),
    ] {
        let name = image.name();
        let told = inspect("image", &name);
        let base = &told["Config"]["Labels"]["org.opencontainers.image.base.name"];
        let size = |told: &Value| told["Size"].as_u64().unwrap();
        let own = size(&told) - size(&inspect("image", base.as_str().unwrap()));
        println!("{name}: {} kB on top of {base}", own / 1000);
        assert!(own <= limit, "{name}: {own} bytes");
    }
}

#[test]
fn the_images_say_how_they_are_run() {
    for (image, program) in [
        (Image::Standalone, "nightjar-standalone"),
        (Image::Central, "nightjar-central"),
    ] {
        let config = inspect("image", &image.name())["Config"].clone();
        assert_eq!(config["User"], "65532:65532");
        assert_eq!(config["Entrypoint"], json!([program]));
        assert_eq!(
            config["Cmd"],
            Value::Null,
            "the base's arguments are not ours"
        );
        assert_eq!(config["Volumes"], json!({"/tmp": {}}));
        assert_eq!(config["StopSignal"], "SIGTERM");
        assert_eq!(
            config["Healthcheck"]["Test"],
            json!(["CMD", program, "--check-ready"])
        );
        let label =
            |name: &str| config["Labels"][format!("org.opencontainers.image.{name}")].clone();
        assert_eq!(label("title"), program);
        assert_eq!(label("version"), env!("CARGO_PKG_VERSION"));
        if e2e::root().join(".git").exists() {
            let revision = label("revision").to_string();
            let commit = revision.trim_matches('"').trim_end_matches("-dirty");
            assert_eq!(commit.len(), 40, "{revision}");
        }
    }
    assert_eq!(
        inspect("image", &Image::Sample.name())["Config"]["User"],
        "65532:65532"
    );
}

#[test]
fn every_program_runs_in_its_image() {
    let run_in = |image: Image, program: &str, arguments: &[&str]| {
        let name = image.name();
        let mut all = vec![
            "run",
            "--rm",
            "--read-only",
            "--network=none",
            "--entrypoint",
            program,
            &name,
        ];
        all.extend(arguments);
        docker(&all)
    };
    for (image, own) in [
        (Image::Standalone, "nightjar-standalone"),
        (Image::Central, "nightjar-central"),
    ] {
        for program in EXTENSIONS.into_iter().chain([own]) {
            let version = run_in(image, program, &["--version"]);
            assert!(version.starts_with(program), "{version:?}");
        }
        let name = image.name();
        let shell = run(&["run", "--rm", "--entrypoint", "sh", &name, "-c", "true"]);
        assert!(!shell.status.success(), "{name} has a shell");
    }
    assert!(run_in(Image::Standalone, "envoy", &["--version"]).contains("version:"));
    assert!(run_in(Image::Standalone, "nightjar", &["--version"]).starts_with("nightjar "));
}

#[test]
fn the_images_hold_the_certificates_that_aws_is_trusted_by() {
    for image in [Image::Standalone, Image::Central] {
        let container = docker(&["create", &image.name()]);
        let bundle = docker(&[
            "cp",
            "--follow-link",
            &format!("{container}:/etc/ssl/certs/ca-certificates.crt"),
            "-",
        ]);
        docker(&["rm", "--volumes", &container]);
        assert!(bundle.matches("BEGIN CERTIFICATE").count() > 50);
    }
}
