//! Says of regular expressions whether a document may hold them: one a line in, one line out, empty if
//! so, else why not. Each line begins with `s`, or with `i` for one without regard to case.

#![expect(clippy::print_stdout, reason = "this is what it is for")]

use nightjar_core::document::discovery_map::Pattern;
use std::io::{self, BufRead as _};

fn main() {
    for line in io::stdin().lock().lines().map_while(Result::ok) {
        let read = line.get(1..).unwrap_or_default().parse::<Pattern>();
        println!("{}", read.err().unwrap_or_default());
    }
}
