//! Purposes of templates: the file names that a template may make.

use super::{
    PARTIAL_SUFFIX,
    syntax::{self, TokenKind},
};

/// The longest name of a file or folder, as the usual file systems have it.
const MAX_COMPONENT_LENGTH: usize = 255;

/// Checks a purpose as a templates document has it, its tags not yet filled in.
pub fn check_purpose(purpose: &str) -> Result<(), String> {
    if !is_per_listener(purpose) {
        return check_path(purpose);
    }
    let tokens = syntax::parse("name", purpose).map_err(|errors| {
        let each = errors.0.iter().map(|error| error.message.as_str());
        each.collect::<Vec<_>>().join("; ")
    })?;
    if purpose.ends_with(PARTIAL_SUFFIX) {
        return Err(format!(
            "the name of a partial, *{PARTIAL_SUFFIX}, cannot contain a tag"
        ));
    }
    let mut sample = String::new();
    for token in tokens {
        match token.kind {
            TokenKind::Text(text) => sample.push_str(text),
            TokenKind::Value { .. } => sample.push('x'),
            TokenKind::Partial { .. } => {
                return Err("a file name cannot contain a partial".to_owned());
            }
            TokenKind::Open { .. } | TokenKind::Close => {}
        }
    }
    check_path(&sample)
}

/// Whether a purpose makes one file for each listener.
pub(crate) fn is_per_listener(purpose: &str) -> bool {
    purpose.contains("{{")
}

/// Checks the path of a file inside the configuration folder.
pub(crate) fn check_path(path: &str) -> Result<(), String> {
    if path.is_empty() {
        return Err("a file name cannot be empty".to_owned());
    }
    if path.starts_with('/') {
        return Err(format!("file name {path:?} is an absolute path"));
    }
    if path.contains('\\') {
        return Err(format!("file name {path:?} contains a backslash"));
    }
    if path.chars().any(char::is_control) {
        return Err(format!("file name {path:?} contains a control character"));
    }
    for component in path.split('/') {
        if component.is_empty() {
            return Err(format!("file name {path:?} has an empty part"));
        }
        if component == ".." {
            return Err(format!(
                "file name {path:?} leads out of the configuration folder"
            ));
        }
        if component.starts_with('.') {
            return Err(format!("file name {path:?} is hidden"));
        }
        if component.len() > MAX_COMPONENT_LENGTH {
            return Err(format!(
                "file name {path:?} has a part of more than {MAX_COMPONENT_LENGTH} bytes"
            ));
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::check_purpose;

    #[test]
    fn good_names() {
        for purpose in [
            "cds.json",
            "a/b/c.yaml",
            "rds-{{mesh_port}}.json",
            "{{name}}/{{#has_mesh_port}}{{mesh_port}}{{/has_mesh_port}}",
            "a..b",
            "ünï cöde",
        ] {
            assert_eq!(check_purpose(purpose), Ok(()), "{purpose}");
        }
    }

    #[test]
    fn bad_names() {
        let long = "x".repeat(256);
        for (purpose, message) in [
            ("", "a file name cannot be empty"),
            ("/a", "file name \"/a\" is an absolute path"),
            ("a\\b", "file name \"a\\\\b\" contains a backslash"),
            ("a\nb", "file name \"a\\nb\" contains a control character"),
            ("a\0b", "file name \"a\\0b\" contains a control character"),
            ("a//b", "file name \"a//b\" has an empty part"),
            ("a/", "file name \"a/\" has an empty part"),
            (
                "../a",
                "file name \"../a\" leads out of the configuration folder",
            ),
            (
                "a/../b",
                "file name \"a/../b\" leads out of the configuration folder",
            ),
            (".a", "file name \".a\" is hidden"),
            ("a/./b", "file name \"a/./b\" is hidden"),
            (
                "{{x}}/../b",
                "file name \"x/../b\" leads out of the configuration folder",
            ),
            ("rds-{{x}.json", "tag is not closed with }}"),
            (
                "{{x y}}{{#z}}",
                "name \"x y\" contains white space; section \"z\" is never closed",
            ),
            ("{{>x}}", "a file name cannot contain a partial"),
            (
                "{{x}}.mustache",
                "the name of a partial, *.mustache, cannot contain a tag",
            ),
        ] {
            assert_eq!(check_purpose(purpose), Err(message.to_owned()), "{purpose}");
        }
        assert_eq!(
            check_purpose(&long),
            Err(format!(
                "file name {long:?} has a part of more than 255 bytes"
            ))
        );
    }
}
