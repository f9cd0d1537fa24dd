//! Pulls into folders and files.

use super::Scene;
use crate::folder::Outcome;
use serde_json::json;

#[test]
fn a_pulled_folder_or_file_is_what_was_pushed() {
    let scene = Scene::with_templates();
    scene.template("service/store/shop/_default", "sub/cds.json", "[]\n");
    scene.template("gateway/_default", "part.mustache", "{{mesh_port}}");
    assert_eq!(scene.run(&["push", "templates"]).code, Some(0));
    for out in ["pulled", "pulled.json"] {
        let out_option = format!("--out={out}");
        assert_eq!(scene.run(&["pull", &out_option]).code, Some(0));
        let same = scene.run(&["diff", out, "--exit-code"]);
        assert_eq!(
            same,
            Outcome::new(0, "", "nightjar: 0 changed, 0 added, 0 removed\n")
        );
    }
    let files = scene.0.files();
    let under = |folder: &'static str| {
        let files = files
            .iter()
            .filter_map(move |file| file.strip_prefix(folder));
        files.collect::<Vec<_>>()
    };
    assert_eq!(under("pulled/"), under("templates/"));
    // Standard output has the document, or the text of the one template that is named.
    let printed = scene.run(&["pull"]);
    assert_eq!(printed, Outcome::new(0, &scene.0.read("pulled.json"), ""));
    let one = scene.run(&["pull", "service/store/shop/_default/sub/cds.json"]);
    assert_eq!(one, Outcome::new(0, "[]\n", ""));
    let message = "nightjar: prod has no template \"service/store/shop/_default/cds.json\"; did you \
                   mean service/store/shop/_default/sub/cds.json?\n";
    let unknown = scene.run(&["pull", "service/store/shop/_default/cds.json"]);
    assert_eq!(unknown, Outcome::new(1, "", message));
}

#[test]
fn what_is_there_is_not_overwritten_unasked() {
    let scene = Scene::with_templates();
    scene.template("gateway/_default", "envoy-config.yaml", "mine");
    scene.0.write("templates/README", "mine too");
    let before = scene.0.files();
    let message = "nightjar: nothing was written, because these files hold something else:\n  \
                   templates/gateway/_default/envoy-config.yaml.mustache\n  \
                   hint: nightjar template diff shows what, and --force overwrites them\n";
    let kept = scene.run(&["pull", "--out=templates"]);
    assert_eq!(kept, Outcome::new(1, "", message));
    let file = "templates/gateway/_default/envoy-config.yaml.mustache";
    assert_eq!(
        (scene.0.read(file).as_str(), scene.0.files()),
        ("mine", before.clone())
    );
    assert_eq!(
        scene.run(&["pull", "--out=templates", "--force"]).code,
        Some(0)
    );
    assert_eq!(scene.0.read(file), "node: {id: gateway}\n");
    assert_eq!(
        (scene.0.read("templates/README").as_str(), scene.0.files()),
        ("mine too", before)
    );
}

#[test]
fn no_name_leads_out_of_the_folder() {
    for (namespace, purpose, message) in [
        (
            "..",
            "x",
            "gateway/../x cannot be a file in a folder: the name \"..\" is that of a hidden file",
        ),
        (
            ".hidden",
            "x",
            "gateway/.hidden/x cannot be a file in a folder: the name \".hidden\" is that of a hidden file",
        ),
        (
            "_default",
            "x",
            "gateway/_default/x cannot be a file in a folder: a folder takes the name \"_default\" for any name",
        ),
    ] {
        let scene = Scene::empty();
        let document = json!({
            "schema-version": "v1", "document-version": "1", "service-templates": [],
            "gateway-templates": [{"namespace": namespace, "purpose": purpose, "template": "t"}],
        });
        scene.0.write("data/templates.json", document.to_string());
        let before = scene.0.files();
        let message = format!("nightjar: {message}\n  hint: pull into a file that ends in .json\n");
        let refused = scene.run(&["pull", "--out=out"]);
        assert_eq!(refused, Outcome::new(64, "", &message));
        assert_eq!(scene.0.files(), before);
        assert_eq!(scene.run(&["pull", "--out=out.json"]).code, Some(0));
    }
    let scene = Scene::empty();
    scene.0.write(
        "data/templates.json",
        r#"{"schema-version": "v1", "document-version": "1", "service-templates": [],
            "gateway-templates": [{"namespace": null, "purpose": "../../x", "template": "t"}]}"#,
    );
    let refused = scene.run(&["pull", "--out=out"]);
    assert_eq!((refused.code, refused.stdout.as_str()), (Some(1), ""));
    assert!(
        refused
            .stderr
            .contains("leads out of the configuration folder"),
        "{}",
        refused.stderr
    );
    assert!(!scene.0.path("out").exists());
}
