//! Regular expressions for header values: a condition with what the context puts around it, where the
//! condition is on the host or the route is denied.

use super::value_match::ValueMatch;
use crate::{digits::parse_digits, re2, report::quoted};
use regex_syntax::ast::{self, Ast, Visitor, parse::Parser};
use std::ops::Range;

/// What Envoy calls the header `host`, whatever the protocol.
pub(crate) const AUTHORITY: &str = ":authority";

/// Whether a header is the one that names the host.
pub(crate) fn is_host_header(name: &str) -> bool {
    ["host", AUTHORITY]
        .iter()
        .any(|host| host.eq_ignore_ascii_case(name))
}

/// Checks that Envoy compiles the regular expression of a condition with what is put around it.
///
/// # Errors
/// One line that says why not.
pub(super) fn check(header_name: &str, value: &ValueMatch, invert: bool) -> Result<(), String> {
    let ValueMatch::Regex(pattern) = value else {
        return Ok(());
    };
    let surrounded = if is_host_header(header_name) {
        host_pattern(value)
    } else if invert {
        None
    } else {
        list_pattern(value)
    };
    re2::check(surrounded.as_deref().unwrap_or(pattern), false)
        .map_err(|reason| format!("{} is not a regular expression: {reason}", quoted(pattern)))
}

/// A pattern that holds for each value of a list too, as `x: 1,2` says what two lines say. `None` where
/// the comparison can stay as it is.
pub(crate) fn list_pattern(value: &ValueMatch) -> Option<String> {
    let part = match value {
        _ if is_too_long(value) => return None,
        ValueMatch::Exact(text) => regex::escape(text),
        ValueMatch::Prefix(text) => format!("{}.*", regex::escape(text)),
        ValueMatch::Suffix(text) => format!(".*{}", regex::escape(text)),
        ValueMatch::Regex(pattern) => format!("(?:{pattern})"),
        ValueMatch::Present => return None,
    };
    Some(format!(r"(?:.*,)?[ \t]*{part}[ \t]*(?:,.*)?"))
}

/// A pattern for the host that holds whatever port and trailing dot the caller sends. `None` where the
/// comparison can stay as it is.
pub(crate) fn host_pattern(value: &ValueMatch) -> Option<String> {
    const REST: &str = r"\.?(?::[0-9]+)?";
    let whole = |text: &str| {
        let (host, port) = split_host(text);
        let host = regex::escape(&host.strip_suffix('.').unwrap_or(host).to_ascii_lowercase());
        port.map_or_else(
            || format!("{host}{REST}"),
            |port| format!(r"{host}\.?:{port}"),
        )
    };
    Some(match value {
        _ if is_too_long(value) => return None,
        ValueMatch::Exact(text) => whole(text),
        ValueMatch::Suffix(text) => format!(".*{}", whole(text)),
        ValueMatch::Prefix(text) => format!("{}.*", regex::escape(&text.to_ascii_lowercase())),
        ValueMatch::Regex(pattern) => {
            let open = replace_end_anchors(pattern, &format!("{REST}$"));
            format!("(?:{open}){REST}")
        }
        ValueMatch::Present => return None,
    })
}

/// Whether a text is longer than all headers of a request may be (60 KiB in Envoy): it matches nothing,
/// and as a regular expression could be more than Envoy compiles.
fn is_too_long(value: &ValueMatch) -> bool {
    match value {
        ValueMatch::Exact(text) | ValueMatch::Prefix(text) | ValueMatch::Suffix(text) => {
            text.len() > 60 << 10
        }
        ValueMatch::Regex(_) | ValueMatch::Present => false,
    }
}

/// A host and its port, if it names one.
pub(crate) fn split_host(text: &str) -> (&str, Option<u16>) {
    let split = text
        .rsplit_once(':')
        .filter(|(host, _)| !host.contains(':') || host.ends_with(']'));
    match split.map(|(host, port)| (host, parse_digits(port))) {
        Some((host, Some(port))) => (host, Some(port)),
        _ => (text, None),
    }
}

/// A regular expression in which every end of the text is replaced by `end`.
fn replace_end_anchors(pattern: &str, end: &str) -> String {
    #[derive(Default)]
    struct Ends(Vec<Range<usize>>);

    impl Visitor for Ends {
        type Output = Vec<Range<usize>>;
        type Err = ();

        fn finish(self) -> Result<Self::Output, ()> {
            Ok(self.0)
        }

        fn visit_pre(&mut self, ast: &Ast) -> Result<(), ()> {
            if let Ast::Assertion(assertion) = ast
                && matches!(
                    assertion.kind,
                    ast::AssertionKind::EndLine | ast::AssertionKind::EndText
                )
            {
                self.0
                    .push(assertion.span.start.offset..assertion.span.end.offset);
            }
            Ok(())
        }
    }

    let ends = Parser::new().parse(pattern).ok();
    let ends = ends
        .and_then(|ast| ast::visit(&ast, Ends::default()).ok())
        .unwrap_or_default();
    let mut open = pattern.to_owned();
    for range in ends.into_iter().rev() {
        open.replace_range(range, &format!("(?:{end})"));
    }
    open
}
