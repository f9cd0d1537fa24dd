//! Maps and files that were in force before, kept beside the configuration folder.

use e2e::{
    eventually,
    maps::shop,
    mesh::{Backend, Plan, Proxy},
    program,
    templates::Templates,
};
use std::{
    collections::BTreeMap,
    fs,
    path::{Path, PathBuf},
    process::Command,
};

fn folder(proxy: &Proxy) -> PathBuf {
    proxy.folder().join("envoy.previous")
}

/// Every file beneath a folder, by its path there.
fn files(folder: &Path) -> Vec<String> {
    let mut found = Vec::new();
    let mut open = vec![folder.to_owned()];
    while let Some(next) = open.pop() {
        for entry in fs::read_dir(next).into_iter().flatten().flatten() {
            if entry.path().is_dir() {
                open.push(entry.path());
            } else {
                let path = entry.path();
                found.push(path.strip_prefix(folder).unwrap().display().to_string());
            }
        }
    }
    found.sort();
    found
}

#[test]
fn what_changed_can_be_asked_for_afterwards() {
    let (blue, green) = (
        Backend::start("shop", "blue"),
        Backend::start("shop", "green"),
    );
    let templates = Templates::shipped();
    let proxy = Plan::gateway("n1", &shop("blue", blue.port))
        .envs(templates.env())
        .env("NJ_PREVIOUS_KEEP", 3)
        .start();
    let before: BTreeMap<String, String> = proxy.contents().into_iter().collect();
    proxy.set_map(&shop("green", green.port));
    proxy.wait_for_answer("/who", "shop-green");
    let rds = format!("rds-{}.json", proxy.port);
    let expected = [
        "0001/discovery-map.json".to_owned(),
        "0002/discovery-map.json".to_owned(),
        "0002/replaced/cds.json".to_owned(),
        format!("0002/replaced/{rds}"),
    ];
    eventually("both maps are kept", || {
        (files(&folder(&proxy)) == expected).then_some(())
    });
    for name in ["cds.json", &rds] {
        let kept = folder(&proxy).join("0002/replaced").join(name);
        let kept = fs::read_to_string(kept).unwrap();
        assert_eq!(Some(&kept), before.get(name), "{name}");
    }
    let map = |entry: &str| folder(&proxy).join(entry).join("discovery-map.json");
    let told = Command::new(program("nightjar"))
        .args(["diff".into(), map("0001"), map("0002")])
        .output()
        .unwrap();
    let told = String::from_utf8(told.stdout).unwrap();
    assert!(told.contains("n1/shop: blue is gone: 1 endpoint"), "{told}");

    // Other templates keep what they replace too.
    templates.edit("cds.json", "ROUND_ROBIN", "LEAST_REQUEST");
    eventually("the files of the templates before are kept", || {
        let kept = fs::read_to_string(folder(&proxy).join("0003/replaced/cds.json")).ok()?;
        kept.contains("ROUND_ROBIN").then_some(())
    });
    assert_eq!(
        fs::read(map("0003")).unwrap(),
        fs::read(map("0002")).unwrap()
    );

    proxy.set_map(&shop("blue", blue.port));
    proxy.wait_for_answer("/who", "shop-blue");
    eventually("the oldest entry is gone", || {
        let kept = files(&folder(&proxy));
        (!kept.iter().any(|path| path.starts_with("0001/"))
            && kept.iter().any(|path| path.starts_with("0004/replaced/")))
        .then_some(())
    });
}

#[test]
fn a_folder_that_cannot_be_made_costs_a_warning() {
    let (blue, green) = (
        Backend::start("shop", "blue"),
        Backend::start("shop", "green"),
    );
    let proxy = Plan::gateway("n1", &shop("blue", blue.port))
        .env("NJ_PREVIOUS_DIR", "/dev/null/previous")
        .start();
    proxy.set_map(&shop("green", green.port));
    proxy.wait_for_answer("/who", "shop-green");
    let warnings = proxy.logged("WARN");
    let of_folder = warnings
        .iter()
        .filter(|line| line.contains("/dev/null/previous"));
    assert_eq!(of_folder.count(), 1, "{warnings:?}");
}
