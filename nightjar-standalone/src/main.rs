//! `nightjar-standalone`: the sidecar or gateway.

use std::process::ExitCode;

fn main() -> ExitCode {
    nightjar_standalone::main()
}
