//! `nightjar route` and `nightjar diff`.

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
because:  of the 1 routes of listener `gateway`, number 1 is the first that takes it
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
