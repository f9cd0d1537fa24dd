//! Mustache templates: parsing, linting, selection, and rendering into files.
//!
//! ```text
//! compile  tokens -> what the engine, `ramhorns`, reads
//! view     the context and any JSON as templates see them
//! render   the engine's questions answered from a view
//! budget   limits on time and memory
//! escape   what keeps a value a value in the file it is written to
//! select   which templates of a mesh are for which proxy
//! origin   where a template comes from, and why it is the one
//! precedence  which template of each purpose wins, for all proxies at once
//! files    a proxy's files from its templates and its context
//! rendered_text  commas in a rendered file
//! shipped  the templates that come with Nightjar
//! layer    the shipped templates beneath those of a store, and the hooks in them
//! folder   templates in a folder that people edit (the one part that reads files)
//! hook_check  what hooks would break, and files repeat, tried out with a sample of a proxy
//! sample   the least that there is to render
//! lint     names that no context has, by context_types
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

mod budget;
mod compile;
mod context_types;
mod escape;
mod files;
pub mod folder;
mod hook_check;
mod layer;
mod lint;
mod origin;
mod precedence;
mod render;
mod rendered_text;
mod sample;
mod select;
mod shipped;
mod view;

pub use self::{
    escape::Escape,
    files::{FileWarning, repeated_members},
    layer::Inherited,
    lint::{BaseLayer, Diagnostic, Severity, lint, lint_all},
    origin::{Origin, OriginReason, TemplateScope},
    precedence::{Precedence, gateway_precedence, service_precedence},
    select::TemplateSet,
    shipped::{HOOKS, SHIPPED, shipped},
};

pub use crate::mustache::{
    error::{Position, TemplateError, TemplateErrors},
    purpose::check_purpose,
};

use self::{
    budget::{RenderLimits, Rendering},
    compile::{CompiledTemplate, Indentation},
    render::Rendered,
    view::{Node, View as _},
};
use crate::mustache::{
    PARTIAL_SUFFIX,
    syntax::{self, TokenKind},
};
use serde_json::Value;
use std::collections::BTreeMap;

/// A template, read and ready.
pub struct Template {
    name: String,
    as_written: CompiledTemplate,
    /// For use as a partial whose lines are indented.
    indented: CompiledTemplate,
}

impl Template {
    /// Reads a template. The name is what errors call it.
    pub fn parse(name: &str, text: &str) -> Result<Self, TemplateErrors> {
        Self::parse_with(name, text, |_| true)
    }

    /// Reads a template, and leaves out the partials that are not there: they render as nothing, and a
    /// file of many clusters does not look for them at each.
    fn parse_with(
        name: &str,
        text: &str,
        has_partial: impl Fn(&str) -> bool,
    ) -> Result<Self, TemplateErrors> {
        let mut tokens = syntax::parse(name, text)?;
        tokens.retain(|token| match token.kind {
            TokenKind::Partial { name, .. } => has_partial(name),
            _ => true,
        });
        Ok(Self {
            name: name.to_owned(),
            as_written: compile::compile(name, text, &tokens, Indentation::AsWritten)?,
            indented: compile::compile(name, text, &tokens, Indentation::Indented)?,
        })
    }

    /// What errors call it.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// Renders it with any JSON.
    pub fn render(
        &self,
        partials: &Partials,
        value: &Value,
        escape: Escape,
    ) -> Result<String, TemplateErrors> {
        let run = Rendering::new(partials, escape, RenderLimits::default());
        Ok(self.render_in(run, value.view(), None)?.text)
    }

    fn render_in(
        &self,
        run: Rendering<'_>,
        outer: Node<'_>,
        inner: Option<Node<'_>>,
    ) -> Result<Rendered, TemplateError> {
        run.render(&self.name, &self.as_written, outer, inner)
    }

    fn compiled(&self, indent: &str) -> &CompiledTemplate {
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
    pub fn insert(&mut self, name: &str, text: &str) -> Result<(), TemplateErrors> {
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
