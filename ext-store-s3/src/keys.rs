//! Keys of a document's objects.

use nightjar_core::extension::DocumentName;

/// The keys of one document's objects.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Keys {
    /// What the keys of all of them begin with.
    pub(crate) all: String,
    /// The document as it is now.
    pub(crate) current: String,
    /// What the keys of all copies begin with.
    pub(crate) history: String,
}

impl Keys {
    pub(crate) fn new(base_path: &str, document: &DocumentName) -> Self {
        Self {
            all: format!("{base_path}/{document}/"),
            current: format!("{base_path}/{document}/current.json"),
            history: format!("{base_path}/{document}/history/"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn keys_are_below_the_base_path() {
        let keys = Keys::new("a/mesh-1", &DocumentName::TEMPLATES);
        assert_eq!(keys.current, "a/mesh-1/templates/current.json");
        assert_eq!(keys.history, "a/mesh-1/templates/history/");
    }
}
