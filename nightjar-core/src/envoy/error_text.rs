//! Reasons that Envoy gives, taken from all that it writes.

use crate::report::truncated_within;

/// What Envoy gave as its reason, on one line and without the file that it repeats after some
/// faults.
pub(super) fn reason(stderr: &[u8]) -> String {
    const START: &str = "error initializing configuration '";
    let text = String::from_utf8_lossy(stderr);
    let reason = text
        .split_once(START)
        .and_then(|(_, rest)| rest.split_once("': "))
        .map_or_else(
            || {
                text.lines()
                    .rfind(|line| !line.trim().is_empty())
                    .unwrap_or("it gave no reason")
            },
            |(_, message)| without_input(message),
        );
    truncated(&on_one_line(reason))
}

/// The part of a message that is not the configuration itself, which may hold secrets.
///
/// Envoy puts the input after some faults (`…): {`), and before others
/// (`node { … }\n: Proto constraint validation failed (…)`).
fn without_input(message: &str) -> &str {
    if let Some((_, constraint)) = message.rsplit_once("\n: ") {
        return constraint;
    }
    message
        .find("): {")
        .map_or(message, |input| message.get(..=input).unwrap_or(message))
}

/// Envoy's message without line breaks, and without what Protocol Buffers put in at random so that
/// nobody may rely on the wording.
pub fn on_one_line(words: &str) -> String {
    let mut line = String::new();
    let mut run_on = true;
    for word in words.split_whitespace() {
        let (kept, marked) = match word.split_once("goo.gle/debug") {
            Some((kept, _)) => (kept, true),
            None => (word, false),
        };
        if kept.is_empty() {
            continue;
        }
        if !run_on {
            line.push(' ');
        }
        line.push_str(kept);
        run_on = marked;
    }
    line
}

/// Envoy's message, at most 2,000 characters of them.
pub(super) fn truncated(text: &str) -> String {
    truncated_within(text, 2000).into_owned()
}

#[cfg(test)]
mod tests {
    use super::reason;

    #[test]
    fn the_reason_is_the_message_alone() {
        for (stderr, expected) in [
            (
                "error initializing configuration '/x/b.json': no EDS  config\n",
                "no EDS config",
            ),
            (
                "error initializing configuration '/x': bad time: goo.gle/debugstr    \nseconds: -1\n\n",
                "bad time: seconds: -1",
            ),
            (
                "error initializing configuration '/x': node { id: \"x\" token: \"S3CRET\" }\n\
                 : Proto constraint validation failed (ClusterValidationError.Name: value length \
                 must be at least 1 characters)\n",
                "Proto constraint validation failed (ClusterValidationError.Name: value length \
                 must be at least 1 characters)",
            ),
            (
                "error initializing configuration '/x': Unable to parse (near 1:64): {\"a\":[1] }",
                "Unable to parse (near 1:64)",
            ),
            (
                "in 'goo.gle/debugonly  /x' or 'y' or z\n",
                "in '/x' or 'y' or z",
            ),
            ("one\ntwo\n\n", "two"),
            ("", "it gave no reason"),
        ] {
            assert_eq!(reason(stderr.as_bytes()), expected);
        }
    }
}
