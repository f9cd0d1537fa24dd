//! Files of a proxy, made from its templates and its context.

use super::{
    Partials, Template,
    budget::{RenderLimits, Rendering},
    escape::Escape,
    render::{Rendered, VERSION_MARK},
    rendered_text::drop_trailing_commas,
    select::TemplateSet,
    view::{FileRoot, Node, View as _},
};
use crate::config_text::{Format, RepeatedMember, repeated_member};
use crate::document::proxy_input::{Listener, ProxyInput};
use crate::mustache::{
    error::{TemplateError, TemplateErrors},
    purpose::check_path,
};
use std::{
    collections::{BTreeMap, BTreeSet, btree_map::Entry},
    fmt,
};
use xxhash_rust::xxh3::Xxh3;

impl TemplateSet {
    /// The name of a listener's file, by the template of the name.
    pub(super) fn file_name(
        &self,
        name: &Template,
        input: &ProxyInput,
        listener: &Listener,
    ) -> Result<String, TemplateError> {
        file_name(&self.partials, name, input, listener)
    }

    /// The purpose of the template that makes a file.
    pub(super) fn purpose_of<'a>(&'a self, file: &'a str, input: &ProxyInput) -> &'a str {
        let makes = |name: &Template| {
            let mut listeners = input.listeners.iter();
            listeners.any(|listener| {
                self.file_name(name, input, listener)
                    .is_ok_and(|it| it == file)
            })
        };
        let per_listener = self.names.iter().find(|(_, name)| makes(name));
        per_listener.map_or(file, |(purpose, _)| purpose.as_str())
    }

    /// Makes the files, each with its path inside the configuration folder.
    pub fn render(&self, input: &ProxyInput) -> Result<BTreeMap<String, String>, TemplateErrors> {
        let mut maker = FileMaker {
            partials: &self.partials,
            input,
            size: 0,
            files: BTreeMap::new(),
            makers: BTreeMap::new(),
            errors: Vec::new(),
        };
        for template in self.of_files() {
            match self.names.get(template.name()) {
                None => maker.make(template, template.name(), None),
                Some(name) => {
                    for listener in &input.listeners {
                        maker.make_named(template, name, listener);
                    }
                }
            }
        }
        maker.check_folders();
        TemplateErrors::check(maker.errors)?;
        Ok(maker.files)
    }
}

struct FileMaker<'a> {
    partials: &'a Partials,
    input: &'a ProxyInput,
    /// Bytes made so far.
    size: usize,
    files: BTreeMap<String, String>,
    /// Which template made which file, in words.
    makers: BTreeMap<String, String>,
    errors: Vec<TemplateError>,
}

impl<'a> FileMaker<'a> {
    fn make_named(&mut self, template: &Template, name: &Template, listener: &'a Listener) {
        let rendered = file_name(self.partials, name, self.input, listener);
        match rendered.map(|name| (check_path(&name), name)) {
            Ok((Ok(()), path)) => self.make(template, &path, Some(listener)),
            Ok((Err(message), _)) => {
                let message = format!("for listener {:?}: {message}", listener.name);
                self.errors
                    .push(TemplateError::of(template.name(), message));
            }
            Err(error) => self.errors.push(error),
        }
    }

    fn make(&mut self, template: &Template, path: &str, listener: Option<&'a Listener>) {
        let maker = match listener {
            None => format!("{:?}", template.name()),
            Some(listener) => format!("{:?} for listener {:?}", template.name(), listener.name),
        };
        match self.makers.entry(path.to_owned()) {
            Entry::Vacant(place) => drop(place.insert(maker)),
            Entry::Occupied(other) => {
                let message = format!("{} and {maker} both make the file {path:?}", other.get());
                self.errors
                    .push(TemplateError::of(template.name(), message));
                return;
            }
        }
        match render_file(
            self.partials,
            self.input,
            template,
            path,
            listener,
            self.size,
        ) {
            Ok(RenderedFile { text, .. }) => {
                self.size += text.len();
                self.files.insert(path.to_owned(), text);
            }
            Err(error) => self.errors.push(error),
        }
    }

    /// No file may be where another needs a folder.
    fn check_folders(&mut self) {
        for (path, maker) in &self.makers {
            for (end, _) in path.match_indices('/') {
                let folder = path.get(..end).unwrap_or("");
                if let Some(other) = self.makers.get(folder) {
                    let message =
                        format!("{other} makes a file where {maker} needs the folder {folder:?}");
                    self.errors.push(TemplateError::of(path, message));
                }
            }
        }
    }
}

/// The name of a listener's file.
fn file_name(
    partials: &Partials,
    name: &Template,
    input: &ProxyInput,
    listener: &Listener,
) -> Result<String, TemplateError> {
    let run = Rendering::new(partials, Escape::None, RenderLimits::default());
    let rendered = name.render_in(run, input.view(), Some(listener.view()))?;
    Ok(rendered.text)
}

/// A file, and the partials that wrote something in it.
pub(super) struct RenderedFile {
    pub(super) text: String,
    path: String,
    partials: BTreeSet<String>,
}

/// Makes one file; `size` bytes have been made before.
pub(super) fn render_file(
    partials: &Partials,
    input: &ProxyInput,
    template: &Template,
    path: &str,
    listener: Option<&Listener>,
    size: usize,
) -> Result<RenderedFile, TemplateError> {
    let run = Rendering::new(partials, Escape::for_file(path), RenderLimits::default()).after(size);
    let root = FileRoot(input);
    let mut rendered =
        template.render_in(run, Node::Record(&root), listener.map(Listener::view))?;
    if Format::of(path) == Some(Format::Json) {
        rendered.text = drop_trailing_commas(rendered.text);
    }
    let partials = std::mem::take(&mut rendered.partials);
    Ok(RenderedFile {
        text: with_version(template, rendered)?,
        path: path.to_owned(),
        partials,
    })
}

impl RenderedFile {
    /// The member that a hook repeats: Envoy takes the later one without a word. `texts` are the texts of
    /// the partials.
    pub(super) fn repeated_member(
        &self,
        template: &str,
        texts: &BTreeMap<String, String>,
    ) -> Option<FileWarning> {
        let format = Format::of(&self.path).filter(|_| !self.partials.is_empty())?;
        let repeated = repeated_member(&self.text, format)?;
        let hooks = self.partials.iter().map(String::as_str);
        let names = [&repeated.name, &repeated.first];
        let has = |text: &String| names.into_iter().any(|name| text.contains(name));
        let hooks: Vec<_> = hooks
            .filter(|hook| texts.get(*hook).is_some_and(has))
            .collect();
        Some(FileWarning {
            error: doubled_member(template, &repeated, &hooks, format),
            member: repeated.first,
        })
    }
}

/// A member that a file repeats.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FileWarning {
    /// What is said of it. The line that it names may be another one in the next rendering.
    pub error: TemplateError,
    /// How the first one is spelt.
    pub member: String,
}

impl fmt::Display for FileWarning {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.error.fmt(out)
    }
}

/// Maps and lists of the shipped files. Of two in JSON, Envoy makes one.
const MERGED: [&str; 6] = [
    "typed_per_filter_config",
    "typed_extension_protocol_options",
    "request_headers_to_add",
    "request_headers_to_remove",
    "response_headers_to_add",
    "response_headers_to_remove",
];

/// The error of a member that a hook adds to what the shipped template has already.
fn doubled_member(
    file: &str,
    repeated: &RepeatedMember,
    hooks: &[&str],
    format: Format,
) -> TemplateError {
    let by = match hooks {
        [] => "a hook".to_owned(),
        hooks => format!("the hook {}", hooks.join(" or ")),
    };
    let is_merged = [&repeated.name, &repeated.first]
        .iter()
        .any(|name| MERGED.contains(&name.as_str()));
    let outcome = if format == Format::Json && is_merged {
        "merge both, and of what both set take one: let the hook set nothing that the file sets"
    } else {
        "take the later one: remove it from the hook"
    };
    let message = format!(
        "{}, which {by} adds; Envoy would {outcome}, or replace the whole template",
        described(repeated)
    );
    TemplateError::of(file, message)
}

/// What files of templates of one's own repeat: the first member of each file that is there twice. Envoy
/// takes the later one without a word, or merges maps and lists.
pub fn repeated_members(files: &BTreeMap<String, String>) -> Vec<FileWarning> {
    let found = files.iter().filter_map(|(path, text)| {
        let format = Format::of(path)?;
        let repeated = repeated_member(text, format)?;
        let outcome = if format == Format::Json && MERGED.contains(&repeated.first.as_str()) {
            "merges both, and of what both set takes one: make one of them"
        } else {
            "takes the later one: remove one of them"
        };
        let message = format!("{}; Envoy {outcome}", described(&repeated));
        Some(FileWarning {
            error: TemplateError::of(path, message),
            member: repeated.first,
        })
    });
    found.collect()
}

fn described(repeated: &RepeatedMember) -> String {
    let RepeatedMember { name, first, line } = repeated;
    let spelling = if name == first {
        String::new()
    } else {
        format!(" as {name:?}")
    };
    format!("line {line} of the rendered file repeats the member {first:?}{spelling}")
}

/// Puts the version of a file, the hash of all the rest, where it belongs.
fn with_version(template: &Template, rendered: Rendered) -> Result<String, TemplateError> {
    let Rendered {
        mut text, versions, ..
    } = rendered;
    if versions == 0 {
        return Ok(text);
    }
    let mut hash = Xxh3::new();
    let mut places = Vec::with_capacity(versions);
    let mut rest = text.as_str();
    // A NUL is the beginning of a mark, or one too many.
    while let Some((before, after)) = rest
        .find('\0')
        .and_then(|at| rest.split_at_checked(at))
        .and_then(|(before, mark)| Some((before, mark.strip_prefix(VERSION_MARK)?)))
    {
        hash.update(before.as_bytes());
        places.push(text.len() - rest.len() + before.len());
        rest = after;
    }
    hash.update(rest.as_bytes());
    if places.len() != versions || rest.contains('\0') {
        let message =
            "a value contains a NUL character, which a file with a version cannot contain";
        return Err(TemplateError::of(template.name(), message));
    }
    // The mark is as long as the version, so nothing has to move.
    let version = format!("{:032x}", hash.digest128());
    for place in places {
        text.replace_range(place..place + version.len(), &version);
    }
    Ok(text)
}
