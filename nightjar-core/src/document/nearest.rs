//! Nearest known names to a name that is not known.

use std::cmp::Ordering;

/// The known name that is most like the given one, if any is.
pub fn nearest<'a>(name: &str, known: impl IntoIterator<Item = &'a str>) -> Option<&'a str> {
    const LIKE: f64 = 0.75;
    let plain = plain(name);
    known
        .into_iter()
        .map(|known| (strsim::jaro_winkler(&plain, &self::plain(known)), known))
        .filter(|(likeness, _)| *likeness >= LIKE)
        .max_by(|(left, _), (right, _)| left.partial_cmp(right).unwrap_or(Ordering::Equal))
        .map(|(_, known)| known)
}

/// The known name that the given one misspells, where names are free: it differs in case, in
/// hyphens, or in one or two letters. `None` for a known name.
pub(crate) fn misspelt<'a>(
    name: &str,
    known: impl IntoIterator<Item = &'a str>,
) -> Option<&'a str> {
    let plain = plain(name);
    let mut best = None;
    for known in known {
        if known == name {
            return None;
        }
        let distance = strsim::damerau_levenshtein(&plain, &self::plain(known));
        let allowed = if known.len() < 7 { 1 } else { 2 };
        if distance <= allowed && best.is_none_or(|(least, _)| distance < least) {
            best = Some((distance, known));
        }
    }
    best.map(|(_, known)| known)
}

fn plain(name: &str) -> String {
    let kept = name
        .chars()
        .filter(|character| !"-_. ".contains(*character));
    kept.flat_map(char::to_lowercase).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn unknown_members_have_a_nearest_one() {
        let known = [
            "headers",
            "query-parameters",
            "properties",
            "path-match",
            "weight",
        ];
        for (name, expected) in [
            ("headres", Some("headers")),
            ("header", Some("headers")),
            ("query_parameters", Some("query-parameters")),
            ("props", Some("properties")),
            ("Weight", Some("weight")),
            ("comment", None),
        ] {
            assert_eq!(nearest(name, known), expected, "{name}");
        }
    }

    #[test]
    fn free_names_are_slips_only_when_they_are_close() {
        let known = ["timeout", "idle-timeout", "retry-on", "hash-on"];
        for (name, expected) in [
            ("time-out", Some("timeout")),
            ("Timeout", Some("timeout")),
            ("tiemout", Some("timeout")),
            ("idle_timeout", Some("idle-timeout")),
            ("timeout", None),
            ("retries", None),
            ("team", None),
        ] {
            assert_eq!(misspelt(name, known), expected, "{name}");
        }
    }
}
