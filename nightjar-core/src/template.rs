//! Mustache templates: reading them, checking them, choosing them and making files with them.
//!
//! ```text
//! normal   pieces -> what the engine, `ramhorns`, reads
//! view     the context and any JSON as templates see them
//! render   the engine's questions answered from a view
//! run      limits on time and memory
//! escape   what keeps a value a value in the file it is written to
//! select   which templates of a mesh are for which proxy
//! files    a proxy's files from its templates and its context
//! shipped  the templates that come with Nightjar
//! folder   templates in a folder that people edit (the one part that reads files)
//! lint     names that no context has; shape knows which there are
//! ```
//!
//! All required modules of the Mustache specification are supported, and none of the optional ones
//! (lambdas, inheritance, dynamic names). Where the specification leaves a choice:
//!
//! - `false`, `null`, `0`, `""`, an empty list and a missing name are false; everything else is
//!   true.
//! - A name that nothing has is written as nothing. So are lists and objects, which have no text
//!   form: name one of their fields or use a section.
//! - Numbers are written in their shortest JSON form: `1.50` as `1.5`. Whole numbers beyond 64 bits
//!   are rounded.

mod escape;
mod files;
pub mod folder;
mod lint;
mod normal;
mod render;
mod run;
mod select;
mod shape;
mod shipped;
mod view;

pub use self::{
    escape::Escape,
    lint::{Finding, Severity, lint, lint_all},
    select::TemplateSet,
    shipped::{SHIPPED, shipped},
};

pub use crate::mustache::{
    fault::{Place, TemplateFault, TemplateFaults},
    purpose::check_purpose,
};

use self::{
    normal::{Lines, Normal},
    render::Rendered,
    run::{Limits, Run},
    view::{Node, View as _},
};
use crate::mustache::{PARTIAL_SUFFIX, syntax};
use serde_json::Value;
use std::collections::BTreeMap;

/// A template, read and ready.
pub struct Template {
    name: String,
    as_written: Normal,
    /// For use as a partial whose lines are indented.
    indented: Normal,
}

impl Template {
    /// Reads a template. The name is what faults call it.
    pub fn parse(name: &str, text: &str) -> Result<Self, TemplateFaults> {
        let pieces = syntax::read(name, text)?;
        Ok(Self {
            name: name.to_owned(),
            as_written: normal::prepare(name, text, &pieces, Lines::AsWritten)?,
            indented: normal::prepare(name, text, &pieces, Lines::Indented)?,
        })
    }

    /// What faults call it.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// Renders it with any JSON.
    pub fn render(
        &self,
        partials: &Partials,
        value: &Value,
        escape: Escape,
    ) -> Result<String, TemplateFaults> {
        let run = Run::new(partials, escape, Limits::default());
        Ok(self.render_in(run, value.view(), None)?.text)
    }

    fn render_in(
        &self,
        run: Run<'_>,
        outer: Node<'_>,
        inner: Option<Node<'_>>,
    ) -> Result<Rendered, TemplateFault> {
        run.render(&self.name, &self.as_written, outer, inner)
    }

    fn normal(&self, indent: &str) -> &Normal {
        if indent.is_empty() {
            &self.as_written
        } else {
            &self.indented
        }
    }
}

/// Templates that others can contain, by name.
#[derive(Default)]
pub struct Partials(BTreeMap<String, Template>);

impl Partials {
    /// Reads a template and adds it.
    pub fn insert(&mut self, name: &str, text: &str) -> Result<(), TemplateFaults> {
        let template = Template::parse(name, text)?;
        self.0.insert(name.to_owned(), template);
        Ok(())
    }

    /// What `{{>name}}` means: the template `name`, or else `name.mustache`. The Mustache
    /// specification wants a name that neither has to be rendered as nothing.
    pub fn get(&self, name: &str) -> Option<&Template> {
        self.0
            .get(name)
            .or_else(|| self.0.get(&[name, PARTIAL_SUFFIX].concat()))
    }
}
