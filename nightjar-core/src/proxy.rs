//! Proxy as settings or flags describe it: the defaults and checks that both share.

use crate::context::properties::documented;
use std::path::{Path, PathBuf};

/// Defaults of settings and flags.
pub mod defaults {
    /// Sidecar or gateway.
    pub const MODE: &str = "service";
    /// Namespace, service and color.
    pub const NAME: &str = "default";
    /// The IP address that the listeners bind.
    pub const LISTEN_ADDRESS: &str = "0.0.0.0";
    /// The IP address of Envoy's admin interface.
    pub const ADMIN_ADDRESS: &str = "127.0.0.1";
    /// The folder that Envoy reads its files from.
    pub const CONFIG_DIR: &str = "/tmp/envoy";
    /// The file that Envoy is started with.
    pub const BOOTSTRAP: &str = "envoy-config.yaml";
}

/// The folder that Envoy reads its files from, in the one spelling that templates get. `None` if it is
/// not UTF-8 or has control characters.
pub fn plain_dir(path: &Path) -> Option<String> {
    let path: PathBuf = path.components().collect();
    let text = path.to_str()?;
    if text.chars().any(char::is_control) {
        return None;
    }
    Some(text.to_owned())
}

/// Checks the value of a property of the proxy itself.
///
/// # Errors
/// What is wrong with it, such as `is not a whole number`.
pub fn check_property(name: &str, value: &str) -> Result<(), String> {
    match documented(name).filter(|property| property.normalise(value).is_none()) {
        Some(property) => Err(format!("is not {}", property.format.description())),
        None => Ok(()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_folder_has_one_spelling_of_plain_text() {
        assert_eq!(
            plain_dir(Path::new("/a//b/./c/")),
            Some("/a/b/c".to_owned())
        );
        assert_eq!(plain_dir(Path::new("/a\nb")), None);
    }

    #[test]
    fn documented_properties_have_a_format_and_others_have_none() {
        assert_eq!(check_property("trusted-hops", "1"), Ok(()));
        assert_eq!(check_property("team", "x"), Ok(()));
        let error = check_property("trusted-hops", "many").unwrap_err();
        assert!(error.starts_with("is not "), "{error}");
    }
}
