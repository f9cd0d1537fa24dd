//! Ways to write a path.

use fastrand::Rng;

/// Another spelling of a plain path, which a proxy must read as the same.
pub(super) fn disguised(random: &mut Rng, path: &str) -> String {
    let mut spelled = String::new();
    for (at, character) in path.char_indices() {
        let same = character.to_string();
        let new = match character {
            _ if random.u8(..) < 130 => same,
            // Envoy leaves `//` alone where that is the whole path.
            '/' if path == "/" => choose(random, &["/./", "/x/../", "/../", "/%2e/"]),
            '/' if at == 0 => choose(random, &["//", "/./", "/x/../", "/../", "/%2e/", "///"]),
            '/' => choose(
                random,
                &[
                    "//",
                    "/./",
                    "/x/../",
                    "/admin/../",
                    "/%2E/",
                    "/x/%2e./",
                    "%2F",
                    "%2f",
                    "\\",
                    "%5C",
                    "%5c",
                    "/%2F",
                    "/\\",
                    "%2Fx%2f..%2F",
                    "/x/.%2E%5c",
                    ";v=1/",
                    ";/",
                ],
            ),
            'a'..='z' | 'A'..='Z' | '+' | '(' => escaped(random, character),
            _ => same,
        };
        // Beyond ASCII nothing can be sent as it is.
        for character in new.chars() {
            if character.is_ascii() {
                spelled.push(character);
                continue;
            }
            for byte in character.encode_utf8(&mut [0; 4]).bytes() {
                spelled.push_str(&escaped(random, byte.into()));
            }
        }
    }
    if path.ends_with('/') && random.u8(..) < 30 {
        spelled.push_str(&choose(random, &[".", "x/..", "%2e", "admin/%2E."]));
    }
    if random.u8(..) < 15 {
        spelled.insert_str(0, "http://mesh.test");
    }
    spelled
}

/// Another path, which looks like the plain one to those who read carelessly.
pub(super) fn altered(random: &mut Rng, path: &str) -> String {
    let mut altered = String::new();
    for (at, character) in path.char_indices() {
        let same = character.to_string();
        let new = match character {
            _ if random.u8(..) < 130 => same,
            '/' if at == 0 => same,
            '/' => choose(
                random,
                &[
                    ";/",
                    "/;/",
                    "./",
                    "../",
                    "/.../",
                    "%252F",
                    "%255C",
                    "%20/",
                    "/%2e%252e/",
                    "%00/",
                    "/%25/",
                    "/%",
                    "/%zz/",
                    "//../",
                    "/..;/",
                    "%2F..%252F",
                    "%c0%af",
                    "%ef%bc%8f",
                ],
            ),
            '+' => choose(random, &["%2B", "%2b", "%20", "%252B"]),
            letter => match random.u8(0..4) {
                0 => escaped(random, letter).replace('%', "%25"),
                1 => escaped(random, letter).replace('%', "%%32%35"),
                2 if letter.is_ascii_lowercase() => letter.to_ascii_uppercase().to_string(),
                2 => letter.to_ascii_lowercase().to_string(),
                _ => escaped(random, letter).replace('%', "%%3"),
            },
        };
        altered.push_str(&new);
    }
    altered.replace('é', "%c3%A9")
}

/// A path as it can be sent.
pub(super) fn plain(path: &str) -> String {
    path.replace('é', "%C3%A9")
}

/// How a typical service reads a path: it leaves out parameters, decodes escapes once, takes
/// backslashes for slashes, and resolves empty and dot segments.
pub(super) fn read(path: &str) -> String {
    let plain = path
        .split('/')
        .map(|segment| segment.split(';').next().unwrap_or_default());
    let plain = plain.collect::<Vec<_>>().join("/");
    let decoded = decode(plain.as_bytes());
    let text = String::from_utf8_lossy(&decoded).replace('\\', "/");
    let mut kept: Vec<&str> = Vec::new();
    let mut is_closed = true;
    for segment in text.split('/') {
        is_closed = matches!(segment, "" | "." | "..");
        match segment {
            "" | "." => {}
            ".." => drop(kept.pop()),
            other => kept.push(other),
        }
    }
    let end = if is_closed && !kept.is_empty() {
        "/"
    } else {
        ""
    };
    format!("/{}{end}", kept.join("/"))
}

fn decode(path: &[u8]) -> Vec<u8> {
    let mut decoded = Vec::new();
    let mut rest = path;
    while let [first, after @ ..] = rest {
        let code = after
            .get(..2)
            .and_then(|digits| std::str::from_utf8(digits).ok());
        let code = code
            .filter(|_| *first == b'%')
            .and_then(|digits| u8::from_str_radix(digits, 16).ok());
        decoded.push(code.unwrap_or(*first));
        rest = if code.is_some() { &after[2..] } else { after };
    }
    decoded
}

fn choose(random: &mut Rng, among: &[&str]) -> String {
    (*random.choice(among).unwrap()).to_owned()
}

fn escaped(random: &mut Rng, character: char) -> String {
    let code = u32::from(character);
    if random.bool() {
        format!("%{code:02x}")
    } else {
        format!("%{code:02X}")
    }
}
