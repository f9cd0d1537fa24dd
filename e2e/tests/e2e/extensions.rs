//! The sample extensions, called as the protocol says, and by the real program.

use e2e::{
    envoy,
    extension::{Ending, Extension},
    maps::map,
    ports, program, root,
};
use nightjar_core::document::{self, discovery_map::DiscoveryMap, templates::Templates};
use serde_json::{Value, json};
use std::{fs, path::PathBuf, process::Command};

/// A sample extension, and the file that its one setting names.
struct Sample {
    program: PathBuf,
    extension: Extension,
    setting: (&'static str, PathBuf),
}

impl Sample {
    fn new(file: &str, variable: &'static str) -> Self {
        let program = root().join("examples/extensions").join(file);
        let extension = Extension::at(&program);
        let data = extension.folder().join("data");
        Self {
            program,
            extension: extension.env(variable, data.display()),
            setting: (variable, data),
        }
    }

    fn call(&self, arguments: &[&str]) -> Ending {
        self.extension.call(arguments)
    }

    fn give(&self, document: &Value, arguments: &[&str]) -> Ending {
        self.extension.give(document, arguments)
    }
}

fn ended(code: i32, stderr: &str) -> Ending {
    Ending {
        code: Some(code),
        stderr: stderr.to_owned(),
        document: None,
    }
}

fn version(ending: &Ending) -> String {
    ending.version().to_owned()
}

const TABLE: &str = "\
# service color port path weight host...
shop  blue  3000 /shop/  1 10.0.0.1 shop.example
stock green 3001 /stock/ 2
";

#[test]
fn the_table_is_a_whole_discovery_map() {
    let extension = Sample::new("discovery-table.sh", "MESH_TABLE");
    fs::write(&extension.setting.1, TABLE).unwrap();
    let answer = extension.call(&["--previous-document-version=", "--of-a-later-version=x"]);
    let route = |path: &str, weight: u16| {
        json!({
            "path-match": {"match-type": "prefix", "value": path},
            "weight": weight, "default-access": true, "namespace-access": [],
        })
    };
    let mut expected = map(&[json!({
        "namespace": "default", "network-id": "default", "gateways": {"instances": []},
        "service-colors": [
            {
                "service": "shop", "color": "blue", "index": 3000, "namespace-egress": [],
                "instances": [
                    {"ipv4": "10.0.0.1", "port": 3000},
                    {"hostname": "shop.example", "port": 3000},
                ],
                "routes": [route("/shop/", 1)],
            },
            {
                "service": "stock", "color": "green", "index": 3001, "namespace-egress": [],
                "instances": [], "routes": [route("/stock/", 2)],
            },
        ],
    })]);
    expected["document-version"] = version(&answer).into();
    let bytes = answer.document.as_ref().unwrap().to_string();
    document::read::<DiscoveryMap>(bytes.as_bytes()).unwrap();
    let expected = Ending {
        code: Some(0),
        stderr: String::new(),
        document: Some(expected),
    };
    assert_eq!(answer, expected);
}

#[test]
fn the_table_has_another_version_when_it_says_something_else() {
    let extension = Sample::new("discovery-table.sh", "MESH_TABLE");
    fs::write(&extension.setting.1, TABLE).unwrap();
    let first = version(&extension.call(&[]));
    let previous = format!("--previous-document-version={first}");
    assert_eq!(extension.call(&[&previous]), ended(30, ""));
    fs::write(&extension.setting.1, format!("{TABLE}# a remark\n")).unwrap();
    assert_eq!(extension.call(&[&previous]), ended(30, ""));
    fs::write(&extension.setting.1, TABLE.replace("10.0.0.1", "10.0.0.2")).unwrap();
    assert_ne!(version(&extension.call(&[&previous])), first);
}

#[test]
fn the_table_that_cannot_be_read_gives_no_map() {
    let extension = Sample::new("discovery-table.sh", "MESH_TABLE");
    assert_eq!(
        extension.call(&[]),
        ended(31, "discovery-table: FOLDER/data is not there yet\n")
    );
    fs::write(&extension.setting.1, "shop blue 3000 /sh\"op/ 1\n").unwrap();
    assert_eq!(
        extension.call(&[]),
        ended(
            1,
            "line 1: bad value /sh\"op/\ndiscovery-table: FOLDER/data is faulty\n"
        )
    );
    assert_eq!(
        extension.call(&["--api-version=2"]),
        ended(
            64,
            "discovery-table: I speak api version 1, and was called with '2'\n"
        )
    );
}

#[test]
fn the_database_hands_out_what_was_committed_last() {
    let store = Sample::new("store-sqlite.py", "MESH_DATABASE");
    let fetch = ["--document=templates", "--action=fetch", "--later=x"];
    let commit = ["--document=templates", "--action=commit"];
    assert_eq!(
        store.call(&fetch),
        ended(31, "store-sqlite: no templates has been committed yet\n")
    );
    let document = |purpose: &str| {
        json!({
            "schema-version": "v1", "document-version": "the store ignores this",
            "gateway-templates": [{"namespace": null, "purpose": purpose, "template": ""}],
            "service-templates": [],
        })
    };
    assert_eq!(store.give(&document("a.json"), &commit), ended(0, ""));
    let answer = store.call(&fetch);
    let first = version(&answer);
    let mut expected = document("a.json");
    expected["document-version"] = first.clone().into();
    assert_eq!(
        (answer.code, answer.document.as_ref()),
        (Some(0), Some(&expected))
    );
    document::read::<Templates>(expected.to_string().as_bytes()).unwrap();

    let previous = format!("--previous-document-version={first}");
    let newer = [&fetch[..], &[&previous]].concat();
    assert_eq!(store.call(&newer), ended(30, ""));
    store.give(&document("b.json"), &commit);
    let second = version(&store.call(&newer));
    assert_ne!(second, first);
    // In place of one version, and of no other.
    let over = |version: &str| {
        let previous = format!("--previous-document-version={version}");
        let arguments = ["--document=templates", "--action=commit", &previous];
        store.give(&document("c.json"), &arguments)
    };
    let message = format!("store-sqlite: not committed: the current version is not {first}\n");
    assert_eq!(over(&first), ended(32, &message));
    assert_eq!(version(&store.call(&fetch)), second);
    assert_eq!(over(&second), ended(0, ""));
    assert_ne!(version(&store.call(&fetch)), second);
    assert_eq!(
        store.give(&json!([]), &commit),
        ended(
            1,
            "store-sqlite: the document to commit is not a JSON object\n"
        )
    );
    assert_eq!(
        store.call(&["--document=templates"]),
        ended(
            64,
            "store-sqlite: needs --action-file, --document, and --action=fetch or commit\n"
        )
    );
}

/// Both at once: the map from the table, the templates from the database.
#[test]
fn a_proxy_makes_its_files_from_them() {
    let table = Sample::new("discovery-table.sh", "MESH_TABLE");
    fs::write(&table.setting.1, TABLE).unwrap();
    let store = Sample::new("store-sqlite.py", "MESH_DATABASE");
    let bootstrap = "static_resources:\n  clusters:\n{{#clusters}}\n    \
                     - name: \"{{name}}\"\n      type: STRICT_DNS\n{{/clusters}}\n";
    let templates = json!({
        "schema-version": "v1", "document-version": "", "service-templates": [],
        "gateway-templates": [
            {"namespace": null, "purpose": "envoy-config.yaml", "template": bootstrap},
        ],
    });
    let committed = store.give(&templates, &["--document=templates", "--action=commit"]);
    assert_eq!(committed, ended(0, ""));
    let config_dir = table.extension.folder().join("envoy");
    let output = Command::new(program("nightjar-standalone"))
        .arg("--once")
        .env("DISCOVERY_MAP_EXEC", &table.program)
        .env("DATA_STORE_EXEC", &store.program)
        .env(table.setting.0, &table.setting.1)
        .env(store.setting.0, &store.setting.1)
        .env("NJ_PROXY_MODE", "gateway")
        .env("NJ_LISTEN_PORT", ports::free().to_string())
        .env("NJ_ADMIN_PORT", ports::free().to_string())
        .env("ENVOY_EXEC", envoy())
        .env("ENVOY_CONFIGURATION_DIR", &config_dir)
        .env("TRIGGER_STOP_FILE", table.extension.folder().join("stop"))
        .output()
        .unwrap();
    let log = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{log}");
    assert_eq!(
        fs::read_to_string(config_dir.join("envoy-config.yaml")).unwrap(),
        "static_resources:\n  clusters:\n    \
         - name: \"c-shop-blue-3000\"\n      type: STRICT_DNS\n    \
         - name: \"c-stock-green-3001\"\n      type: STRICT_DNS\n"
    );
}

fn names(names: &str) -> Extension {
    Extension::at(program("discovery-dns")).env("MESH_NAMES", names)
}

const LOCALHOST: &str = "shop blue 3000 /shop/ localhost";

#[test]
fn names_that_resolve_make_a_map_with_all_their_addresses() {
    let extension = names(&format!("{LOCALHOST}; stock green 3001 /stock/ 127.0.0.2"));
    let answer = extension.call(&["--of-a-later-version=x"]);
    let bytes = answer.document.as_ref().unwrap().to_string();
    let read = document::read::<DiscoveryMap>(bytes.as_bytes()).unwrap();
    let entries = &read.namespaces[0].service_colors;
    let instances = |index: usize| {
        let instances = entries[index].instances.iter();
        instances.map(ToString::to_string).collect::<Vec<_>>()
    };
    // By IPv4 alone, also where `/etc/hosts` has `::1` for it too.
    assert_eq!(instances(0), ["127.0.0.1:3000"]);
    assert_eq!(instances(1), ["127.0.0.2:3001"]);
    assert_eq!(extension.call_after(&version(&answer), &[]), ended(30, ""));
    let moved = names("shop blue 3000 /shop/ 127.0.0.3").call_after(&version(&answer), &[]);
    assert_ne!(version(&moved), version(&answer));
}

#[test]
fn a_name_that_does_not_resolve_gives_no_map_and_is_worth_another_try() {
    let answer = names(&format!(
        "{LOCALHOST};stock green 3001 /stock/ not-there.invalid"
    ))
    .call(&[]);
    assert_eq!((answer.code, answer.document), (Some(31), None));
    let said = "discovery-dns: cannot resolve not-there.invalid: ";
    assert!(answer.stderr.starts_with(said), "{}", answer.stderr);
}

#[test]
fn names_in_no_form_are_a_fault_of_the_settings() {
    let answer = names("shop blue 3000").call(&[]);
    let said = "discovery-dns: invalid configuration:\nMESH_NAMES";
    assert_eq!(answer.code, Some(64));
    assert!(answer.stderr.starts_with(said), "{}", answer.stderr);
}

/// What a stranger builds with an extension that needs the protocol alone, itself included.
#[test]
fn an_extension_in_rust_builds_few_crates() {
    let output = Command::new(env!("CARGO"))
        .args(["tree", "--locked", "--offline", "-p", "discovery-dns"])
        .args(["-e", "normal,build", "--prefix", "none", "--no-dedupe"])
        .current_dir(root())
        .output()
        .unwrap();
    let text = String::from_utf8(output.stdout).unwrap();
    let crates: std::collections::BTreeSet<&str> = text.lines().collect();
    println!("{} crates", crates.len());
    assert!((5..=30).contains(&crates.len()), "{crates:#?}");
}
