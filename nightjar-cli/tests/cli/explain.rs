//! What explains a mesh: `nightjar route`, `diff`, `why`, `graph` and `render --diff`.

use crate::folder::{Folder, Outcome};

/// The starter with another weight, and without the endpoints of one color.
fn changed(folder: &Folder) {
    let map = folder.read("discovery-map.json");
    let mut map: serde_json::Value = serde_json::from_str(&map).unwrap();
    map["namespaces"][0]["service-colors"][0]["instances"] = serde_json::json!([]);
    folder.write("new-map.json", map.to_string());
}

const ROUTE: [&str; 3] = ["route", "--discovery-map", "discovery-map.json"];

#[test]
fn a_request_is_explained() {
    let folder = Folder::with_starter();
    let text = "\
served by demo/hello/green 66.67 %, demo/hello/blue 33.33 %
path:     /hello/7
route:    prefix /, in listener gateway
because:  route 1 of 1 in listener `gateway` is the first that takes it
          demo/hello/blue index 3001: weight 1, 1 endpoint, /namespaces/0/service-colors/0/routes/0
          demo/hello/green index 3002: weight 2, 1 endpoint, /namespaces/0/service-colors/1/routes/0
";
    let asked = ["--from", "gateway:demo", "GET", "/x/..//hello%2F7"];
    let outcome = folder.run(&[&ROUTE[..], &asked].concat());
    assert_eq!(outcome, Outcome::new(0, text, ""));
    let asked = [
        "--from",
        "demo/hello/blue",
        "--format",
        "json",
        "GET",
        "http://a.test/?x=1",
    ];
    let outcome = folder.run(&[&ROUTE[..], &asked].concat());
    assert_eq!((outcome.code, &*outcome.stderr), (Some(0), ""));
    insta::assert_snapshot!(outcome.stdout);
}

#[test]
fn what_a_request_needs_is_told() {
    let folder = Folder::with_starter();
    let from = |from: &str| folder.run(&[&ROUTE[..], &["--from", from, "GET", "/"]].concat());
    let unknown = "nightjar: namespace `dmeo` is not in the discovery map, which has `demo`\n  \
                   hint: did you mean `demo`?\n";
    assert_eq!(from("gateway:dmeo"), Outcome::new(1, "", unknown));
    let wrong = from("demo/hello");
    assert_eq!(wrong.code, Some(64));
    assert!(
        wrong
            .stderr
            .contains("neither NAMESPACE/SERVICE/COLOR nor gateway:NAMESPACE"),
        "{}",
        wrong.stderr
    );
}

#[test]
fn what_changed_is_told_in_words() {
    let folder = Folder::with_starter();
    changed(&folder);
    let text = "\
LOST (1)
  demo/hello: endpoints of blue 1 -> 0
changed (2)
  demo/hello: blue 33.33 % -> 0 % on prefix /
  demo/hello: green 66.67 % -> 100 % on prefix /
";
    let diff = ["diff", "discovery-map.json", "new-map.json"];
    assert_eq!(folder.run(&diff), Outcome::new(0, text, ""));
    let outcome = folder.run(&[&diff[..], &["--exit-code"]].concat());
    assert_eq!(outcome, Outcome::new(1, text, ""));
    let outcome = folder.run(&[&diff[..], &["--format", "json"]].concat());
    assert_eq!((outcome.code, &*outcome.stderr), (Some(0), ""));
    insta::assert_snapshot!(outcome.stdout);
    let same = ["diff", "--exit-code", "new-map.json", "new-map.json"];
    let text = "no change: both maps describe the same mesh\n";
    assert_eq!(folder.run(&same), Outcome::new(0, text, ""));
}

const GATEWAY: [&str; 7] = [
    "--discovery-map=discovery-map.json",
    "--mode=gateway",
    "--namespace=demo",
    "--listen-port=8080",
    "--admin-port=9901",
    "--config-dir=/tmp/envoy",
    "--listen-address=127.0.0.1",
];

#[test]
fn a_line_of_the_access_log_is_explained() {
    let folder = Folder::with_starter();
    let line = "[2026-11-26T21:12:05.016Z] 127.0.0.1:51184 > 127.0.0.1:8080 \"GET /b HTTP/1.1\" 503 URX,UF \
                38ms in=0 out=121 to=c-hello-green-3002@127.0.0.1:3002 id=ce8e3bd6";
    let text = "\
GET /b: 503
URX       the request was tried as often as its route lets it, and each try failed
UF        no connection to the endpoint could be made: nothing listens there, or it is out of reach
sent to   127.0.0.1:3002 of cluster c-hello-green-3002
";
    assert_eq!(folder.run(&["why", line]), Outcome::new(0, text, ""));
    let outcome = folder.run(&[&["why"], &GATEWAY[..], &[line]].concat());
    assert_eq!((outcome.code, &*outcome.stderr), (Some(0), ""));
    assert!(outcome.stdout.starts_with(text), "{}", outcome.stdout);
    let rest = outcome.stdout.trim_start_matches(text);
    insta::assert_snapshot!(rest);
    // The places are those of what `render` writes.
    let rendered = [&["render"], &GATEWAY[..], &["--out=out"]].concat();
    assert_eq!(folder.run(&rendered).code, Some(0));
    let places = rest
        .lines()
        .filter_map(|line| line.strip_prefix("file:     "));
    let mut seen = Vec::new();
    for place in places {
        let (file, place) = place.split_once(", line ").unwrap();
        let (line, what) = place.split_once(": ").unwrap();
        let text = folder.read(&format!("out/{file}"));
        let line = text
            .lines()
            .nth(line.parse::<usize>().unwrap() - 1)
            .unwrap()
            .trim()
            .to_owned();
        seen.push((what.to_owned(), line));
    }
    let expected = [
        ("the route", "\"match\": {"),
        (
            "cluster c-hello-blue-3001",
            "\"name\": \"c-hello-blue-3001\",",
        ),
        (
            "cluster c-hello-green-3002",
            "\"name\": \"c-hello-green-3002\",",
        ),
    ];
    assert_eq!(
        seen,
        expected.map(|(what, line)| (what.to_owned(), line.to_owned()))
    );
}

#[test]
fn a_request_is_explained_with_its_place() {
    let folder = Folder::with_starter();
    let outcome = folder.run(&[&["why"], &GATEWAY[..], &["GET", "http://a.test/x"]].concat());
    assert_eq!((outcome.code, &*outcome.stderr), (Some(0), ""));
    assert!(
        outcome.stdout.starts_with("served by demo/hello/green"),
        "{}",
        outcome.stdout
    );
    assert!(
        outcome.stdout.contains("\nfile:     rds-8080.json, line "),
        "{}",
        outcome.stdout
    );
}

/// The routes of a hook come before those of the map.
#[test]
fn a_place_is_that_in_files_of_ones_own_templates() {
    let folder = Folder::with_starter();
    let hook = "{\"match\": {\"path\": \"/own\"}, \"direct_response\": {\"status\": 200}},\n\
                {\n\"match\": {\"path\": \"/x\"}, \"direct_response\": {\"status\": 200}},\n";
    folder.write("own/gateway/_default/routes.mustache.mustache", hook);
    let own = ["--templates=own"];
    let outcome = folder.run(&[&["why"], &GATEWAY[..], &own, &["GET", "/y"]].concat());
    assert_eq!((outcome.code, &*outcome.stderr), (Some(0), ""));
    let rendered = [&["render"], &GATEWAY[..], &own, &["--out=out"]].concat();
    assert_eq!(folder.run(&rendered).code, Some(0));
    let text = folder.read("out/rds-8080.json");
    let line = text.lines().collect::<Vec<_>>();
    let line = line
        .iter()
        .rposition(|line| line.contains("\"match\""))
        .unwrap()
        + 1;
    let place = format!("\nfile:     rds-8080.json, line {line}: the route\n");
    assert!(outcome.stdout.contains(&place), "{}", outcome.stdout);
    let note = "\nnote:     2 routes of your templates come first, and may take the request\n";
    assert!(outcome.stdout.ends_with(note), "{}", outcome.stdout);

    // A set without such a file has no place for the route.
    let lds = "{\"version_info\": \"{{version}}\", \"resources\": []}";
    folder.write("own/gateway/_default/lds.json.mustache", lds);
    let outcome = folder.run(&[&["why"], &GATEWAY[..], &own, &["GET", "/y"]].concat());
    assert_eq!((outcome.code, &*outcome.stderr), (Some(0), ""));
    assert!(
        !outcome.stdout.contains("rds-8080.json"),
        "{}",
        outcome.stdout
    );
}

#[test]
fn an_explanation_is_there_for_programs() {
    let folder = Folder::with_starter();
    let line = "[2026-11-26T21:12:05.016Z] 127.0.0.1:51184 > 127.0.0.1:8080 \"GET /b HTTP/1.1\" 503 URX,UF \
                38ms in=0 out=121 to=c-hello-green-3002@127.0.0.1:3002 id=ce8e3bd6";
    let json = ["--format=json"];
    let outcome = folder.run(&[&["why"], &json[..], &[line]].concat());
    assert_eq!((outcome.code, &*outcome.stderr), (Some(0), ""));
    insta::assert_snapshot!("of_a_line", outcome.stdout);
    let outcome = folder.run(&[&["why"], &GATEWAY[..], &json, &[line]].concat());
    assert_eq!((outcome.code, &*outcome.stderr), (Some(0), ""));
    let with_proxy: serde_json::Value = serde_json::from_str(&outcome.stdout).unwrap();
    assert_eq!(with_proxy["answer"]["answer"], "served");
    insta::assert_snapshot!("places", with_proxy["places"]);
}

#[test]
fn a_mesh_is_drawn() {
    let folder = Folder::with_starter();
    let draw = |language: &str| {
        folder.run(&[
            "graph",
            "--discovery-map=discovery-map.json",
            "--format",
            language,
        ])
    };
    let dot = "digraph mesh {
  rankdir=LR;
  node [shape=box];
  subgraph cluster_0 {
    label=\"demo\";
    n0_gateway [label=\"gateway\\n1 endpoint\"];
    n0_s0 [label=\"hello\\nblue: 1 endpoint\\ngreen: 1 endpoint\"];
  }
  n0_gateway -> n0_s0;
}
";
    assert_eq!(draw("dot"), Outcome::new(0, dot, ""));
    let mermaid = "flowchart LR
  subgraph n0[\"demo\"]
    n0_gateway[\"gateway<br>1 endpoint\"]
    n0_s0[\"hello<br>blue: 1 endpoint<br>green: 1 endpoint\"]
  end
  n0_gateway --> n0_s0
";
    assert_eq!(draw("mermaid"), Outcome::new(0, mermaid, ""));
    let page = draw("html");
    assert_eq!((page.code, &*page.stderr), (Some(0), ""));
    assert!(page.stdout.starts_with("<!DOCTYPE html>"));
}

/// To renew it: `target/debug/nightjar graph --discovery-map
/// examples/simple-mesh/04-two-namespaces/1-cost-is-private.json --format svg >docs/graph.svg`.
#[test]
fn the_picture_in_the_documentation() {
    let root = concat!(env!("CARGO_MANIFEST_DIR"), "/../");
    let map = format!("{root}examples/simple-mesh/04-two-namespaces/1-cost-is-private.json");
    let picture = std::fs::read_to_string(format!("{root}docs/graph.svg")).unwrap();
    let outcome = Folder::new().run(&["graph", "--discovery-map", &map, "--format", "svg"]);
    assert_eq!(outcome, Outcome::new(0, &picture, ""));
}

#[test]
fn what_a_render_would_change_is_shown() {
    let folder = Folder::with_starter();
    let render = |map: &'static str, more: &[&'static str]| {
        let map = ["render", map];
        folder.run(&[&map[..], &GATEWAY[1..], &["--out=out"], more].concat())
    };
    assert_eq!(
        render("--discovery-map=discovery-map.json", &[]).code,
        Some(0)
    );
    changed(&folder);
    let before = folder.read("out/rds-8080.json");
    let outcome = render("--discovery-map=new-map.json", &["--diff"]);
    assert_eq!((outcome.code, &*outcome.stderr), (Some(0), ""));
    let lines = outcome.stdout.lines();
    let heads: Vec<&str> = lines
        .filter(|line| line.starts_with("--- ") || line.starts_with("+++ "))
        .collect();
    assert_eq!(
        heads,
        [
            "--- a/cds.json",
            "+++ b/cds.json",
            "--- a/rds-8080.json",
            "+++ b/rds-8080.json"
        ]
    );
    assert!(
        outcome
            .stdout
            .contains("\n+                \"cluster\": \"c-hello-green-3002\",\n"),
        "{}",
        outcome.stdout
    );
    assert_eq!(folder.read("out/rds-8080.json"), before);
    let same = render("--discovery-map=discovery-map.json", &["--diff"]);
    assert_eq!(same, Outcome::new(0, "", ""));
}
