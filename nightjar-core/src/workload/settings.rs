//! Settings of a workload: where each was made, and which one counts.

use std::{collections::BTreeMap, fmt};

/// What the names of all settings start with.
const PREFIX: &str = "NJ_";

/// A place where settings are made.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Source {
    /// The place, for people: `task tag`, `environment of container "app"`.
    pub name: String,
    /// The container that says it of itself.
    pub container: Option<String>,
}

impl Source {
    /// A place with settings of the whole workload.
    pub fn new(name: impl Into<String>) -> Self {
        Self {
            name: name.into(),
            container: None,
        }
    }

    /// A place with settings of one container.
    pub fn of_container(name: impl Into<String>, container: impl Into<String>) -> Self {
        Self {
            name: name.into(),
            container: Some(container.into()),
        }
    }

    /// Whether settings from here apply to a container; `None` asks for the whole workload.
    pub(super) fn applies_to(&self, container: Option<&str>) -> bool {
        self.container.is_none() || container.is_none() || self.container.as_deref() == container
    }
}

impl fmt::Display for Source {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&crate::document::printable(&self.name))
    }
}

/// A value, and the setting that it comes from.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Sourced<T> {
    /// The value.
    pub value: T,
    /// The setting's name.
    pub setting: String,
    /// Where it was set.
    pub source: Source,
}

impl<T> Sourced<T> {
    /// The same setting with what its value means.
    pub(super) fn with<U>(&self, value: U) -> Sourced<U> {
        Sourced {
            value,
            setting: self.setting.clone(),
            source: self.source.clone(),
        }
    }
}

/// All settings of one workload, in order of precedence.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Settings {
    layers: Vec<(Source, BTreeMap<String, String>)>,
}

impl Settings {
    /// Nothing so far.
    pub fn new() -> Self {
        Self::default()
    }

    /// Adds the settings of a place, below all that was added before. Only names that start with
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
    pub fn find(&self, name: &str) -> Option<Sourced<&str>> {
        self.find_for(name, None)
    }

    /// What counts for one container, others' own settings aside: the first that says it.
    pub fn find_for(&self, name: &str, container: Option<&str>) -> Option<Sourced<&str>> {
        self.layers
            .iter()
            .filter(|(source, _)| source.applies_to(container))
            .find_map(|(source, layer)| {
                let (name, value) = layer.get_key_value(name)?;
                Some(found(name, value, source))
            })
    }

    /// Every setting whose name starts so, with the rest of its name: in order of precedence, then
    /// by name. The same name may come several times.
    pub(super) fn with_prefix<'a>(
        &'a self,
        prefix: &'a str,
    ) -> impl Iterator<Item = (&'a str, Sourced<&'a str>)> {
        self.layers.iter().flat_map(move |(source, layer)| {
            layer
                .range(prefix.to_owned()..)
                .map_while(move |(name, value)| {
                    Some((name.strip_prefix(prefix)?, found(name, value, source)))
                })
        })
    }
}

fn found<'a>(name: &str, value: &'a str, source: &Source) -> Sourced<&'a str> {
    Sourced {
        value,
        setting: name.to_owned(),
        source: source.clone(),
    }
}
