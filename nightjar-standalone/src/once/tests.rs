use super::*;
use crate::{
    config::Need,
    fake::{discovery_map, envoy_program, extension},
};
use nightjar_core::{env::Env, shutdown::StopReason};
use std::{fs, path::Path};

/// A gateway in this place, with these settings too.
fn config(place: &Path, more: &[(&str, &str)]) -> Config {
    let map = place.join("map.json");
    let discovery = extension(place, "discovery", &map).display().to_string();
    let folder = place.join("config").display().to_string();
    let settings = [
        ("NJ_PROXY_MODE", "gateway"),
        ("NJ_NAMESPACE", "n1"),
        ("NJ_LISTEN_PORT", "8000"),
        ("NJ_ADMIN_PORT", "9901"),
        ("DISCOVERY_MAP_EXEC", &discovery),
        ("ENVOY_CONFIGURATION_DIR", &folder),
    ];
    let settings = settings.iter().chain(more).copied();
    Config::read(&Env::from_pairs(settings), Need::EnvoyIfThere).unwrap()
}

async fn write(config: Config) -> Result<()> {
    once(
        config,
        Shutdown::never(),
        OutputMode::Write,
        &mut io::sink(),
    )
    .await
}

/// What would be printed.
async fn look(config: Config) -> Result<String> {
    let mut out = Vec::new();
    once(config, Shutdown::never(), OutputMode::PrintDiff, &mut out).await?;
    Ok(String::from_utf8(out)?)
}

fn has_files(place: &Path) -> bool {
    place.join("config/cds.json").exists()
}

#[tokio::test]
async fn files_are_written_once() {
    let place = tempfile::tempdir().unwrap();
    let path = place.path();
    fs::write(path.join("map.json"), discovery_map("1", 4001)).unwrap();
    let message = look(config(path, &[])).await.unwrap();
    assert!(
        message.contains(
            "new: cds.json
"
        ),
        "{message}"
    );
    assert!(!has_files(path), "a look changes nothing");
    write(config(path, &[])).await.unwrap();
    let clusters = fs::read_to_string(path.join("config/cds.json")).unwrap();
    assert!(clusters.contains("4001"), "{clusters}");
    let envoy = envoy_program(path).display().to_string();
    let with_envoy = config(path, &[("ENVOY_EXEC", &envoy)]);
    write(with_envoy).await.unwrap();
}

#[tokio::test]
async fn what_stands_in_the_way_is_told_and_nothing_is_written() {
    let place = tempfile::tempdir().unwrap();
    let path = place.path();
    let fails = async |config, message: &str| {
        let error = write(config).await.unwrap_err();
        let error = format!("{error:#}");
        assert!(error.contains(message), "{message} in {error}");
        assert!(!has_files(path));
    };
    fails(config(path, &[]), "9").await;
    fs::write(path.join("map.json"), discovery_map("1", 4001)).unwrap();
    fails(config(path, &[("NJ_NAMESPACE", "n2")]), "n2").await;
    let no_bootstrap = [("ENVOY_CONFIGURATION_TEMPLATE", "other.yaml")];
    fails(config(path, &no_bootstrap), "other.yaml").await;
    let refuses = crate::fake::script(path, "refuses", "echo 'no such policy' >&2; exit 1");
    let refuses = refuses.display().to_string();
    fails(config(path, &[("ENVOY_EXEC", &refuses)]), "no such policy").await;
    let (stop, shutdown) = Shutdown::manual();
    stop.stop(StopReason::Terminate);
    let error = once(
        config(path, &[]),
        shutdown,
        OutputMode::Write,
        &mut io::sink(),
    )
    .await
    .unwrap_err();
    assert_eq!(
        error.to_string(),
        "stopped before anything was done: received SIGTERM"
    );
}

#[tokio::test]
async fn faulty_templates_are_told() {
    let place = tempfile::tempdir().unwrap();
    let path = place.path();
    fs::write(path.join("map.json"), discovery_map("1", 4001)).unwrap();
    let store = extension(path, "store", &path.join("templates.json"));
    let store = store.display().to_string();
    let set = |template: &str| {
        serde_json::json!({
            "schema-version": "v1", "document-version": "1", "service-templates": [],
            "gateway-templates": [
                {"namespace": null, "purpose": "envoy-config.yaml", "template": template},
            ],
        })
    };
    fs::write(path.join("templates.json"), set("{{#open}}").to_string()).unwrap();
    let error = write(config(path, &[("DATA_STORE_EXEC", &store)])).await;
    let error = format!("{:#}", error.unwrap_err());
    assert!(error.contains("invalid templates:\n"), "{error}");
    assert!(!has_files(path));
}
