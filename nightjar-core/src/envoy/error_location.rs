//! Locations in the rendered files that Envoy's errors mean.
//!
//! Envoy judges one bootstrap that everything is folded into ([`super::static_bootstrap`]), so that
//! the places it gives are places in there.

use super::{
    configuration::Configuration,
    file::File,
    proto_json::{parse, static_resources},
    resource::Resource,
    resource_scan::ResourceSummary,
    role::FileRole,
};

/// Envoy's reason with the place that it means: file, resource and line, as far as they can be
/// found.
pub(super) fn locate(reason: &str, configuration: &Configuration) -> String {
    let reason = Reason::of(reason);
    let place = match &reason.resource_ref {
        Some(resource_ref) => resource_ref.place(configuration, &reason.words),
        None => by_name(&reason.words, configuration),
    };
    match place {
        Some(place) => format!("{place}: {}", reason.words),
        None => reason.words,
    }
}

/// A reason without what Envoy says about the folded bootstrap.
struct Reason {
    words: String,
    resource_ref: Option<StaticResource>,
}

/// A static cluster, listener or secret by its index, and where in it.
struct StaticResource {
    list: StaticList,
    index: usize,
    path: String,
}

/// A list of static resources.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum StaticList {
    Clusters,
    Listeners,
    Secrets,
}

impl StaticList {
    const ALL: [Self; 3] = [Self::Clusters, Self::Listeners, Self::Secrets];

    /// As the bootstrap has it.
    fn member(self) -> &'static str {
        match self {
            Self::Clusters => "clusters",
            Self::Listeners => "listeners",
            Self::Secrets => "secrets",
        }
    }

    /// Whether what such a file holds is put into the list.
    fn takes(self, role: &FileRole) -> bool {
        match self {
            Self::Clusters => *role == FileRole::Clusters,
            Self::Listeners => *role == FileRole::Listeners,
            Self::Secrets => matches!(role, FileRole::Secrets(_)),
        }
    }
}

impl Reason {
    fn of(reason: &str) -> Self {
        Self::of_unknown(reason)
            .or_else(|| Self::of_constraint(reason))
            .unwrap_or_else(|| Self {
                words: without_position(reason),
                resource_ref: None,
            })
    }

    /// `Protobuf message (type … reason INVALID_ARGUMENT: …) has unknown fields`, which Envoy reports for
    /// anything that Envoy does not know, with a place as in
    /// `invalid JSON in … @ static_resources.clusters[1]: message …, near 1:66 (offset 65): …`.
    fn of_unknown(reason: &str) -> Option<Self> {
        let start = "Protobuf message (type envoy.config.bootstrap.v3.Bootstrap reason \
                     INVALID_ARGUMENT: ";
        let inner = reason.strip_prefix(start)?;
        let inner = inner.strip_suffix(") has unknown fields")?;
        let placed = inner.split_once(" @ ").and_then(|(_, placed)| {
            let (path, rest) = placed.split_once(": ")?;
            let (kind, words) = rest.split_once(": ")?;
            let kind = kind.strip_prefix("message ")?.split(',').next()?;
            Some((path, format!("{words} in {kind}")))
        });
        let Some((path, words)) = placed else {
            return Some(Self {
                words: without_position(inner),
                resource_ref: None,
            });
        };
        Some(Self {
            resource_ref: StaticResource::find(path.strip_prefix("static_resources.")?),
            words,
        })
    }

    /// `Proto constraint validation failed (… | caused by …)`.
    fn of_constraint(reason: &str) -> Option<Self> {
        let (_, path) = reason.split_once("StaticResourcesValidationError.")?;
        let resource_ref = StaticResource::find(path)?;
        let (_, inner) = path.split_once(" | caused by ")?;
        Some(Self {
            words: format!("Proto constraint validation failed ({inner}"),
            resource_ref: Some(resource_ref),
        })
    }
}

/// Leaves out `near 1:66 (offset 65)`, a place in a file that nobody sees.
fn without_position(reason: &str) -> String {
    let mut kept: Vec<String> = Vec::new();
    let mut words = reason.split(' ').peekable();
    while let Some(word) = words.next() {
        let next = words.peek().copied().unwrap_or_default();
        if word.trim_start_matches('(') != "near" || !is_position(next) {
            kept.push(word.to_owned());
            continue;
        }
        let mut last = words.next().unwrap_or_default();
        if words.peek() == Some(&"(offset") {
            words.next();
            last = words.next().unwrap_or_default();
            last = last.split_once(')').map_or("", |(_, after)| after);
        }
        let mark = last.trim_start_matches(|it: char| it.is_ascii_digit() || it == ':');
        let mark = if word.starts_with('(') {
            mark.strip_prefix(')').unwrap_or(mark)
        } else {
            mark
        };
        if let Some(before) = kept.last_mut() {
            let bare = before.trim_end_matches(',').len();
            before.truncate(bare);
            before.push_str(if last.ends_with(':') { ":" } else { mark });
        }
    }
    kept.join(" ")
}

/// Whether a word begins as in `1:66`.
fn is_position(word: &str) -> bool {
    word.split_once(':').is_some_and(|(line, column)| {
        !line.is_empty()
            && line.bytes().all(|byte| byte.is_ascii_digit())
            && column.starts_with(|first: char| first.is_ascii_digit())
    })
}

impl StaticResource {
    /// Reads `clusters[1].path` or `Clusters[1]`.
    fn find(place: &str) -> Option<Self> {
        let (list, rest) = place.split_once('[')?;
        let is_it = |it: &StaticList| list.eq_ignore_ascii_case(it.member());
        let list = StaticList::ALL.into_iter().find(is_it)?;
        let (index, path) = rest.split_once(']')?;
        Some(Self {
            list,
            index: index.parse().ok()?,
            path: path.to_owned(),
        })
    }

    fn place(&self, configuration: &Configuration, words: &str) -> Option<String> {
        let (file, resource) = self.resource(configuration)?;
        let name = quoted(words).last();
        // Routes and endpoints have files of their own.
        let mut json = serde_json::Deserializer::from_str(file.resource_text(resource));
        let references = ResourceSummary::of(file.role()?, &mut json)
            .ok()?
            .references;
        let inlined = references.iter().find(|reference| match reference.role {
            FileRole::Routes(_) => self.path.contains("route_config"),
            FileRole::Endpoints { .. } => {
                self.path.contains("load_assignment")
                    || words.contains("ClusterLoadAssignmentValidationError")
            }
            _ => false,
        });
        match inlined.and_then(|reference| configuration.at(&reference.path)) {
            Some(file) => Some(place(file, file.resources().first(), name)),
            None => Some(place(file, Some(resource), name)),
        }
    }

    /// The bootstrap's own come first, then those of the files in order.
    fn resource<'c>(&self, configuration: &'c Configuration) -> Option<(&'c File, &'c Resource)> {
        let bootstrap = configuration.bootstrap();
        let parsed = parse(bootstrap.name(), bootstrap.text()).ok()?;
        let own = static_resources(&parsed, self.list.member()).len();
        let Some(index) = self.index.checked_sub(own) else {
            let resource = bootstrap.resources().get(self.index)?;
            return (self.list == StaticList::Clusters).then_some((bootstrap.as_ref(), resource));
        };
        let files = configuration.iter();
        files
            .filter(|file| file.role().is_some_and(|role| self.list.takes(role)))
            .flat_map(|file| {
                let resources = file.resources().iter();
                resources.map(move |resource| (file.as_ref(), resource))
            })
            .nth(index)
    }
}

/// The place by a name that the reason gives, if one file alone has it.
fn by_name(words: &str, configuration: &Configuration) -> Option<String> {
    // Envoy's advice is not about what is there.
    let words = words.split(". Consider ").next().unwrap_or_default();
    let last = words.rsplit_once(": ").map(|(_, last)| last);
    let paths = words.split(' ').filter(|word| word.starts_with('/'));
    let mut names = quoted(words)
        .chain(paths)
        .chain(last)
        .filter(|name| !name.is_empty());
    names.find_map(|name| {
        let literal = serde_json::to_string(name).ok()?;
        let has_it = |text: &str| text.contains(&literal);
        let mut files = configuration
            .iter()
            .filter(|file| file.role().is_some())
            .filter(|file| {
                has_it(file.json.as_deref().unwrap_or(&file.text)) || has_it(&file.text)
            });
        let file = files.next()?;
        if files.next().is_some() {
            return None;
        }
        let mut resources = file.resources().iter();
        let resource = resources.find(|resource| has_it(file.resource_text(resource)));
        Some(place(file, resource, Some(name)))
    })
}

/// The text in single quotes.
fn quoted(words: &str) -> impl Iterator<Item = &str> {
    words.split('\'').skip(1).step_by(2)
}

/// File, resource and line; the line of what is quoted if it is in the resource.
fn place(file: &File, resource: Option<&Resource>, name: Option<&str>) -> String {
    let mut place = file.name().to_owned();
    if let Some(resource) = resource {
        let kind = match file.role() {
            Some(FileRole::Listeners) => "listener",
            Some(FileRole::Routes(_)) => "routes",
            Some(FileRole::Endpoints { .. }) => "endpoints of",
            Some(FileRole::Secrets(_)) => "secret",
            Some(FileRole::Bootstrap | FileRole::Clusters) | None => "cluster",
        };
        place = format!("{place}, {kind} {:?}", resource.name());
    }
    match line(file, resource, name) {
        Some(line) => format!("{place}, line {line}"),
        None => place,
    }
}

fn line(file: &File, resource: Option<&Resource>, name: Option<&str>) -> Option<usize> {
    let literal = name.and_then(|name| serde_json::to_string(name).ok());
    let find = |text: &str| text.find(literal.as_deref()?);
    let start = match resource.filter(|_| file.json.is_none()) {
        Some(resource) => {
            resource.range.start + find(file.resource_text(resource)).unwrap_or_default()
        }
        // What was YAML has its resources elsewhere.
        None => find(file.text())?,
    };
    Some(file.text().get(..start)?.matches('\n').count() + 1)
}

#[cfg(test)]
mod tests;
