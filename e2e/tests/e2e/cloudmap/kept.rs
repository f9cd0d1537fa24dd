//! What is kept between runs: for how long, and that nobody spoils it for others.

use super::{Registry, calls::calls, namespace, only, service, told};
use e2e::extension::{Ending, Extension};
use serde_json::json;
use std::{
    fs::{self, File},
    path::{Path, PathBuf},
    time::{Duration, SystemTime},
};

const SHOP: [(&str, &str); 1] = [("NJ_ROUTE_1", "/shop/")];

/// The files of a folder, those in its folders as well.
pub(super) fn files(folder: &Path) -> Vec<PathBuf> {
    let entries = fs::read_dir(folder).unwrap();
    let paths = entries.map(|entry| entry.unwrap().path());
    let of_each = paths.map(|path| {
        if path.is_dir() {
            files(&path)
        } else {
            vec![path]
        }
    });
    of_each.flatten().collect()
}

/// What a discovery keeps.
fn kept(discovery: &Extension) -> Vec<PathBuf> {
    files(&discovery.folder().join("cloudmap"))
}

fn shop() -> Registry {
    let registry = Registry::new();
    let shop = registry.service("shop", &SHOP);
    shop.register("i-1", "10.0.0.1", 3000);
    registry
}

/// A discovery and the calls for instances that it made.
fn discover(registry: &Registry, discovery: &Extension) -> (Ending, u64) {
    registry.aws.wire.forget();
    let found = discovery.call(&[]);
    assert_eq!(found.code, Some(0), "{found:?}");
    let calls = calls(registry);
    (
        found,
        calls.get("DiscoverInstances").copied().unwrap_or_default(),
    )
}

#[test]
fn spoilt_files_cost_calls_and_nothing_else() {
    let registry = shop();
    let discovery = registry.discovery();
    let (first, _) = discover(&registry, &discovery);
    let files = kept(&discovery);
    assert_eq!(files.len(), 2, "attributes and instances: {files:?}");
    let wholes: Vec<Vec<u8>> = files.iter().map(|file| fs::read(file).unwrap()).collect();
    for spoilt in [&b""[..], b"null", b"[\"a\", 1]", b"\xff\xfe"] {
        for file in &files {
            fs::write(file, spoilt).unwrap();
        }
        let (found, calls) = discover(&registry, &discovery);
        assert_eq!((&found.document, calls), (&first.document, 1));
        let mended: Vec<Vec<u8>> = files.iter().map(|file| fs::read(file).unwrap()).collect();
        assert_eq!(mended, wholes);
    }
    assert_eq!(kept(&discovery).len(), 2, "temporary files are left behind");
}

/// Whatever a revision says: what is a revision's instances is asked for again after an hour.
#[test]
fn instances_have_a_greatest_age() {
    let registry = shop();
    let discovery = registry.discovery();
    discover(&registry, &discovery);
    let aged = |age: Duration| {
        for file in kept(&discovery) {
            let file = File::options().write(true).open(file).unwrap();
            file.set_modified(SystemTime::now() - age).unwrap();
        }
        discover(&registry, &discovery).1
    };
    assert_eq!(aged(Duration::from_mins(59)), 0);
    assert_eq!(aged(Duration::from_mins(61)), 1);
    assert_eq!(discover(&registry, &discovery).1, 0, "they are new again");
    // A clock that was set back.
    let ahead = SystemTime::now() + Duration::from_hours(2);
    for file in kept(&discovery) {
        File::options()
            .write(true)
            .open(file)
            .unwrap()
            .set_modified(ahead)
            .unwrap();
    }
    assert_eq!(discover(&registry, &discovery).1, 1);
}

#[test]
fn programs_that_share_a_folder_do_not_spoil_each_other_s() {
    let registry = shop();
    let other = namespace(&registry.aws, "n2");
    let bank = service(
        &registry.aws,
        &other,
        &json!({"Name": "bank"}),
        &[("NJ_ROUTE_1", "/bank/")],
    );
    bank.register_with(
        "i-1",
        &[("AWS_INSTANCE_IPV4", "10.0.0.9"), ("track", "green")],
    );
    let folder = tempfile::tempdir().unwrap();
    let program = |namespaces: &str| {
        registry
            .discovery()
            .env("NJ_DMCM_NAMESPACES", namespaces)
            .env("NJ_TEMP_DIR", folder.path().display())
    };
    let of_shop = program("n1");
    let of_both = program("n1,n2");
    let of_colors = program("n2").env("NJ_DMCM_COLOR_ATTRIBUTE", "track");
    let lines = |found: &Ending| told(found.document.as_ref().unwrap());
    let shop = "n1/shop/default 0: /shop/*1 at 10.0.0.1:3000";
    let bank = "n2/bank/default 0: /bank/*1 at ";
    let green = "n2/bank/green 0: /bank/*1 at ";
    for round in 0..3 {
        let (found, calls) = discover(&registry, &of_shop);
        assert_eq!(
            (only(&found).as_str(), calls),
            (shop, u64::from(round == 0))
        );
        // What the first one knows, the second need not ask for.
        let (found, calls) = discover(&registry, &of_both);
        assert_eq!(
            (lines(&found), calls),
            (
                vec![shop.to_owned(), bank.to_owned()],
                u64::from(round == 0)
            )
        );
        assert_eq!(found.stderr.is_empty(), round > 0, "{}", found.stderr);
        let (found, calls) = discover(&registry, &of_colors);
        assert_eq!(
            (lines(&found), calls),
            (
                vec![bank.to_owned(), green.to_owned()],
                u64::from(round == 0)
            )
        );
        assert_eq!(found.stderr.is_empty(), round > 0, "{}", found.stderr);
    }
}

/// Two accounts of one region: what is kept of one is nothing to the other.
#[test]
fn accounts_that_share_a_folder_do_not_mix() {
    let (one, two) = (shop(), Registry::new());
    two.service("shop", &[("NJ_ROUTE_1", "/two/")])
        .register("i-1", "10.2.0.1", 3000);
    let folder = tempfile::tempdir().unwrap();
    for _ in 0..2 {
        for (registry, expected) in [
            (&one, "n1/shop/default 0: /shop/*1 at 10.0.0.1:3000"),
            (&two, "n1/shop/default 0: /two/*1 at 10.2.0.1:3000"),
        ] {
            let discovery = registry
                .discovery()
                .env("NJ_TEMP_DIR", folder.path().display());
            assert_eq!(only(&discovery.call(&[])), expected);
        }
    }
}

#[test]
fn a_folder_that_takes_nothing_is_told_and_does_no_harm() {
    let registry = shop();
    let discovery = registry.discovery();
    fs::write(discovery.folder().join("cloudmap"), "").unwrap();
    let (found, _) = discover(&registry, &discovery);
    assert_eq!(only(&found), "n1/shop/default 0: /shop/*1 at 10.0.0.1:3000");
    let told = registry.told(&found);
    assert!(
        told.starts_with(" WARN cannot cache anything in "),
        "{told}"
    );
    assert_eq!(told.matches("WARN").count(), 1, "{told}");
}
