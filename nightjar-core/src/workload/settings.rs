//! Where a setting was said, and which one counts.

use std::{collections::BTreeMap, fmt};

/// What the names of all settings start with.
const PREFIX: &str = "NJ_";

/// A place where settings are said.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Source {
    /// The place, for people: `task tag`, `environment of container "app"`.
    pub name: String,
    /// The container that says it of itself.
    pub container: Option<String>,
}

impl Source {
    /// A place that speaks for the whole workload.
    pub fn new(name: impl Into<String>) -> Self {
        Self {
            name: name.into(),
            container: None,
        }
    }

    /// A place that speaks for one container.
    pub fn of_container(name: impl Into<String>, container: impl Into<String>) -> Self {
        Self {
            name: name.into(),
            container: Some(container.into()),
        }
    }

    /// Whether what is said here holds for a container; what `None` asks for is the whole workload.
    pub(super) fn speaks_for(&self, container: Option<&str>) -> bool {
        self.container.is_none() || container.is_none() || self.container.as_deref() == container
    }
}

impl fmt::Display for Source {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&crate::document::printable(&self.name))
    }
}

/// A value, and the setting that said it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Found<T> {
    /// The value.
    pub value: T,
    /// The setting's name.
    pub setting: String,
    /// Where it was said.
    pub source: Source,
}

impl<T> Found<T> {
    /// The same setting with what its value means.
    pub(super) fn with<U>(&self, value: U) -> Found<U> {
        Found {
            value,
            setting: self.setting.clone(),
            source: self.source.clone(),
        }
    }
}

/// All that is said of one workload, in order of precedence.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Settings {
    layers: Vec<(Source, BTreeMap<String, String>)>,
}

impl Settings {
    /// Nothing so far.
    pub fn new() -> Self {
        Self::default()
    }

    /// Adds what is said in a place, below all that was added before. Only names that start with
    /// `NJ_` are kept; a blank value says nothing.
    pub fn add<N, V>(&mut self, source: &Source, pairs: impl IntoIterator<Item = (N, V)>)
    where
        N: AsRef<str>,
        V: AsRef<str>,
    {
        let mut layer = BTreeMap::new();
        for (name, value) in pairs {
            let (name, value) = (name.as_ref(), value.as_ref().trim());
            if name.starts_with(PREFIX) && !value.is_empty() {
                layer.entry(name.to_owned()).or_insert(value.to_owned());
            }
        }
        if !layer.is_empty() {
            self.layers.push((source.clone(), layer));
        }
    }

    /// What counts for the whole workload: the first that says it.
    pub fn find(&self, name: &str) -> Option<Found<&str>> {
        self.find_for(name, None)
    }

    /// What counts for one container, others' own settings aside: the first that says it.
    pub fn find_for(&self, name: &str, container: Option<&str>) -> Option<Found<&str>> {
        self.layers
            .iter()
            .filter(|(source, _)| source.speaks_for(container))
            .find_map(|(source, layer)| {
                let (name, value) = layer.get_key_value(name)?;
                Some(found(name, value, source))
            })
    }

    /// Every setting whose name starts so, with the rest of its name: in order of precedence, then
    /// by name. The same name may come several times.
    pub(super) fn starting<'a>(
        &'a self,
        prefix: &'a str,
    ) -> impl Iterator<Item = (&'a str, Found<&'a str>)> {
        self.layers.iter().flat_map(move |(source, layer)| {
            layer
                .range(prefix.to_owned()..)
                .map_while(move |(name, value)| {
                    Some((name.strip_prefix(prefix)?, found(name, value, source)))
                })
        })
    }
}

fn found<'a>(name: &str, value: &'a str, source: &Source) -> Found<&'a str> {
    Found {
        value,
        setting: name.to_owned(),
        source: source.clone(),
    }
}
