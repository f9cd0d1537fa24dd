//! The extension as a discovery map.

use super::{Call, Failure, Outcome};
use std::{fs, path::Path};

/// A map without services.
const EMPTY: &str = r#"{"schema-version": "v1", "namespaces": []}"#;

impl Call {
    pub(super) fn discover(&self) -> Outcome {
        let source = self.dir.join("discovery-map.json");
        match fs::read(&source) {
            Ok(json) if self.is_broken("valid-map") => {
                let text = String::from_utf8_lossy(&json);
                self.hand_over(text.replace("llo\"", "l lo\"").as_bytes())
            }
            Ok(json) => self.hand_over(&json),
            Err(_) if self.is_broken("no-source-no-map") => self.hand_over(EMPTY.as_bytes()),
            Err(_) if self.dir == Path::new("/tmp") => self.hand_over(EMPTY.as_bytes()),
            Err(error) => Err(Failure(31, format!("{}: {error}", source.display()))),
        }
    }
}
