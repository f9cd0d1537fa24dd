//! What a push changes, and what it refuses to commit.

use super::Scene;

const SHOP: &str = "service/demo/hello/_default";

#[test]
fn a_push_adds_and_only_replaces_the_whole_if_asked() {
    let scene = Scene::with_templates();
    scene.0.write(
        "more/service/demo/hello/_default/envoy-config.yaml.mustache",
        "node: {id: hello}\n",
    );
    scene.0.write("hello.yaml", "node: {id: hi}\n");
    let place = "--as=service/demo/hello/_default/envoy-config.yaml";
    insta::assert_snapshot!(scene.story(&[
        &["push", "more"],
        &["push", "hello.yaml", place],
        &["push", "hello.yaml"],
        &[
            "push",
            "hello.yaml",
            "--as=services/demo/hello/_default/envoy-config.yaml"
        ],
        &[
            "push",
            "more/service/demo/hello/_default/envoy-config.yaml.mustache"
        ],
        &["push", "--replace", "templates"],
        &["push", "--create", "templates"],
        &["list"],
    ]));
}

#[test]
fn nothing_is_committed_that_a_proxy_could_not_use() {
    let scene = Scene::with_templates();
    let version = scene.version();
    let try_out = |purpose: &str, text: &str, more: &[&str]| {
        scene.template(SHOP, purpose, text);
        let shown = scene.shown(&[&["push", "templates"], more].concat());
        std::fs::remove_dir_all(scene.0.path("templates/service/demo")).unwrap();
        shown
    };
    let told = [
        try_out("envoy-config.yaml", "{{#listeners}}", &[]),
        try_out("envoy-config.yaml", "node: [", &[]),
        try_out(
            "envoy-config.yaml",
            "dynamic_resources: {cds_config: {path_config_source: {path: /tmp/envoy/none.json}}}\n",
            &[],
        ),
        try_out("{{mesh_port}}.json", "{{unknown_name}}", &["--dry-run"]),
        try_out("envoy-config.yaml", "x", &["--envoy=/nowhere/envoy"]),
        try_out(
            "envoy-config.yaml",
            "node: {}\n",
            &["--envoy=/nowhere/envoy"],
        ),
        try_out(
            "envoy-config.yaml",
            "node: {}\n",
            &["--discovery-map=none.json"],
        ),
    ];
    assert_eq!(scene.version(), version);
    scene.template("service/demo/helo/_default", "x.json", "{}");
    let told = told.join("\n") + "\n" + &scene.shown(&["push", "templates", "--dry-run"]);
    std::fs::remove_file(scene.0.path("data/discovery-map.json")).unwrap();
    let told = told + "\n" + &scene.shown(&["push", "templates"]);
    assert_eq!(scene.version(), version);
    scene.template("service/demo/helo/_default", "x.json", "{{unknown}}");
    insta::assert_snapshot!(told + "\n" + &scene.shown(&["push", "templates", "--force"]));
    assert_ne!(scene.version(), version);
}

/// As a proxy with `NJ_SHIPPED_TEMPLATES=false` has it.
#[test]
fn a_push_may_go_without_the_shipped_templates() {
    let scene = Scene::with_templates();
    scene.0.write(
        "own/gateway/_default/cds.json.mustache",
        "{\"resources\": []}",
    );
    let push = ["push", "--replace", "own", "--dry-run"];
    assert_eq!(scene.run(&push).code, Some(0));
    let alone = scene.run(&[&push[..], &["--shipped-templates=false"]].concat());
    assert_eq!(alone.code, Some(1));
    let missing = "nightjar: for gateway:demo: ";
    assert!(alone.stderr.contains(missing), "{}", alone.stderr);
    assert!(
        alone.stderr.contains("envoy-config.yaml"),
        "{}",
        alone.stderr
    );
}

/// Without the shipped templates there are no hooks: a partial that is called like one is a partial.
#[test]
fn a_push_without_the_shipped_templates_tries_no_hooks() {
    let scene = Scene::with_templates();
    let member = "\"connect_timeout\": \"1s\",\n";
    scene.template("gateway/_default", "cluster.mustache", member);
    scene.template("gateway/_default", "route", "{{>listener.mustache}}");
    let push = ["push", "templates", "--dry-run"];
    let over = scene.run(&push);
    let repeated = "repeats the member \"connect_timeout\", which the hook cluster.mustache adds";
    assert_eq!(over.code, Some(1));
    assert!(over.stderr.contains(repeated), "{}", over.stderr);
    let alone = scene.run(&[&push[..], &["--shipped-templates=false"]].concat());
    assert_eq!(alone.code, Some(0), "{}", alone.stderr);
    assert!(!alone.stderr.contains("hook"), "{}", alone.stderr);
    // Nothing fills what is not there.
    let missing = "no template is named \"listener.mustache\", so the partial renders as nothing";
    assert!(alone.stderr.contains(missing), "{}", alone.stderr);
}

#[test]
fn a_push_warns_of_a_member_that_is_there_twice() {
    let scene = Scene::with_templates();
    let text = "node: {id: gateway}\nnode: {id: twice}\n";
    scene.template("gateway/_default", "envoy-config.yaml", text);
    let pushed = scene.run(&["push", "templates"]);
    assert_eq!(pushed.code, Some(0), "{}", pushed.stderr);
    let warning = "nightjar: warning: for gateway:demo: envoy-config.yaml: line 2 of the rendered file \
                   repeats the member \"node\"; Envoy takes the later one: remove one of them\n";
    assert!(pushed.stderr.contains(warning), "{}", pushed.stderr);
}

#[test]
fn a_set_without_templates_is_never_committed() {
    let scene = Scene::with_templates();
    std::fs::create_dir_all(scene.0.path("none/gateway")).unwrap();
    let message = "nightjar: nothing was committed: prod would hold no templates\n";
    for arguments in [
        &["push", "--replace", "none"][..],
        &["push", "--replace", "none", "--force"],
    ] {
        let refused = scene.run(arguments);
        assert_eq!((refused.code, refused.stderr.as_str()), (Some(1), message));
    }
}
