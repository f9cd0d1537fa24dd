//! `nightjar-central`: one discovery for everybody.

use nightjar_core::env::{self, Env};
use std::process::ExitCode;

fn main() -> ExitCode {
    nightjar_central::main(env::arguments(), &Env::from_process())
}
