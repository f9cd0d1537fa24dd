//! `nightjar schema`, and the copies in `schemas/`.

use crate::folder::{Folder, Outcome};
use std::{fs, path::Path};

#[test]
fn the_committed_schemas_are_those_of_the_program() {
    let folder = Folder::new();
    for name in ["discovery-map", "templates", "proxy-input"] {
        let file = format!("{name}.v1.json");
        let path = Path::new(concat!(env!("CARGO_MANIFEST_DIR"), "/../schemas")).join(&file);
        let committed = fs::read_to_string(path).unwrap_or_default();
        let now = folder.run(&["schema", name]);
        assert!(
            now == Outcome::new(0, &committed, ""),
            "schemas/{file} differs from the types; run `make schemas` and commit the difference"
        );
        assert_eq!(folder.run(&["schema", &file]), now);
    }
}

#[test]
fn an_unknown_name_is_wrong_usage() {
    let message = "\
error: invalid value 'discovery' for '<NAME>'
  [possible values: discovery-map, templates, proxy-input]

  tip: a similar value exists: 'discovery-map'

For more information, try '--help'.
";
    assert_eq!(
        Folder::new().run(&["schema", "discovery"]),
        Outcome::new(64, "", message)
    );
}
