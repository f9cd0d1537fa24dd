//! Texts that would do harm where they were taken for more than text.

use proptest::{collection::vec, prelude::*, sample::select};

/// What JSON, YAML, Mustache and Envoy's own formats make something of. Control characters are
/// missing: the rules for the map refuse them.
const PIECES: [&str; 62] = [
    "\"",
    "\\",
    "{",
    "}",
    "[",
    "]",
    ":",
    ",",
    "#",
    "&",
    "*",
    "!",
    "|",
    ">",
    "<",
    "%",
    "@",
    "`",
    "'",
    "- ",
    ": ",
    " #",
    "? ",
    " ",
    "~",
    "=",
    "/",
    "//",
    "..",
    "/../",
    "{{",
    "}}",
    "{{{",
    "}}}",
    "{{!",
    "{{#routes}}",
    "{{/routes}}",
    "{{^x}}",
    "{{>cds.json}}",
    "{{=<% %>=}}",
    "{{{version}}}",
    "\u{2028}",
    "\u{2029}",
    "\u{feff}",
    "\u{fffe}",
    "\u{ffff}",
    "\u{a0}",
    "💡",
    "\u{202e}",
    "\u{200f}",
    "é",
    "${x}",
    "%REQ(X)%",
    "%START_TIME%",
    "%%",
    "\", \"x\": \"",
    "\"}]}",
    "\\u0022",
    "\\n",
    "<!--",
    "null",
    "true",
];

/// Such a text, at least one character long, seldom very long.
pub(super) fn texts() -> impl Strategy<Value = String> {
    let piece = prop_oneof![
        6 => select(PIECES.as_slice()).prop_map(str::to_owned),
        1 => any::<char>()
            .prop_filter("a control character", |any| !any.is_control())
            .prop_map(String::from),
    ];
    let times = prop_oneof![40 => Just(1_usize), 1 => Just(40)];
    (vec(piece, 1..6), times).prop_map(|(pieces, times)| pieces.concat().repeat(times))
}
