//! Files of a proxy, made from its templates and its context.

use super::{
    Partials, Template,
    budget::{RenderLimits, Rendering},
    escape::Escape,
    render::{Rendered, VERSION_MARK},
    select::TemplateSet,
    view::{FileRoot, Node, View as _},
};
use crate::document::proxy_input::{Listener, ProxyInput};
use crate::mustache::{
    error::{TemplateError, TemplateErrors},
    purpose::check_path,
};
use std::collections::{BTreeMap, btree_map::Entry};
use xxhash_rust::xxh3::Xxh3;

impl TemplateSet {
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
        let run = Rendering::new(self.partials, Escape::None, RenderLimits::default());
        let rendered = name.render_in(run, self.input.view(), Some(listener.view()));
        match rendered.map(|name| (check_path(&name.text), name.text)) {
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
        let escape = Escape::for_file(path);
        let run = Rendering::new(self.partials, escape, RenderLimits::default()).after(self.size);
        let root = FileRoot(self.input);
        let rendered = template.render_in(run, Node::Record(&root), listener.map(Listener::view));
        match rendered.and_then(|rendered| with_version(template, rendered)) {
            Ok(text) => {
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

/// Puts the version of a file, the hash of all the rest, where it belongs.
fn with_version(template: &Template, rendered: Rendered) -> Result<String, TemplateError> {
    let Rendered { mut text, versions } = rendered;
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
