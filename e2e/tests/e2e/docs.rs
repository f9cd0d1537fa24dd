//! What the documentation says, held to what the programs say.
//!
//! A list that a program makes stands in `docs/` as a table below a comment such as
//! `<!-- table: ext-store-local settings -->`, and is compared as a whole. What needs no program is held
//! to the code by the tests of the repository, `e2e/tests/repository/`.

mod app_mesh;
mod commands;
mod examples;
mod symptoms;
mod tables;
mod workload;

use e2e::{markdown, root, tables::Maker};
use std::fs;

#[test]
fn every_table_is_what_the_programs_say() {
    Maker::Programs.compare(tables::all());
}

#[test]
fn every_variable_is_one_that_a_program_reads() {
    let known = tables::variables();
    for page in markdown::pages() {
        for name in page.variables() {
            let is_known = known.contains(&name)
                || workload::is_setting(&name)
                || is_build_argument(&name)
                || (page.name == app_mesh::PAGE && app_mesh::VARIABLES.contains(&name.as_str()));
            assert!(is_known, "{}: no program reads {name}", page.name);
        }
    }
}

fn is_build_argument(name: &str) -> bool {
    let text = fs::read_to_string(root().join("Dockerfile")).unwrap();
    text.contains(&format!("\nARG {name}="))
}
