//! Regular expressions that Envoy's RE2 accepts: its dialect, and the size of the program that it compiles
//! an expression to, without compiling it.

mod bytes;
mod class;
mod code;
mod node;
mod reader;
mod size;

use reader::Reader;
use regex_syntax::ast::parse::Parser;
use size::Size;

/// What Envoy takes by the runtime setting `re2.max_program_size.error_level` in its bootstrap.
const MAX_INSTRUCTIONS: u64 = 100_000;

/// Of those, what is kept for what templates put around an expression, and for what the estimate
/// misses: it estimated down to 0.94 of Envoy's size in `e2e/campaigns/regex_size.py`.
const RESERVED_INSTRUCTIONS: u64 = 10_000;

/// What RE2 takes in its 8 MiB for one expression, before it flattens the program.
const MAX_COMPILED: u64 = 690_000;

/// Checks that Envoy compiles a regular expression.
///
/// This takes time in proportion to the length of the text, whatever the expression is.
///
/// # Errors
/// One line that says why not.
pub(crate) fn check(text: &str, case_sensitive: bool) -> Result<(), String> {
    let size = size(text, case_sensitive)?;
    if size.flattened + RESERVED_INSTRUCTIONS > MAX_INSTRUCTIONS {
        return Err(format!(
            "compiles to about {} instructions; at most {} are allowed, because Envoy accepts {MAX_INSTRUCTIONS} and may count more",
            size.flattened,
            MAX_INSTRUCTIONS - RESERVED_INSTRUCTIONS
        ));
    }
    if size.compiled > MAX_COMPILED {
        return Err(format!(
            "compiles to about {} instructions at first; RE2 accepts at most {MAX_COMPILED}",
            size.compiled
        ));
    }
    Ok(())
}

fn size(text: &str, case_sensitive: bool) -> Result<Size, String> {
    let ast = Parser::new()
        .parse(text)
        .map_err(|error| error.kind().to_string())?;
    let node = Reader::new(text, case_sensitive).node(&ast)?;
    Ok(node.size())
}
