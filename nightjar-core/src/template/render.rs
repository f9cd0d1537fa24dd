//! Rendering of templates: the engine asks for numbered tags, and gets what they stand for.

use super::{
    budget::Rendering,
    compile::{CompiledTag, CompiledTemplate},
    escape::Escape,
    view::Node,
};
use crate::mustache::{
    error::{Position, TemplateError},
    syntax::TagName,
};
use ramhorns::{Content, Section, encoding::Encoder, traits::ContentSequence};
use std::collections::BTreeSet;

/// What stands for the version of a file until the rest of the file is known: as long as that, and
/// of a character that no template may contain.
pub(super) const VERSION_MARK: &str = "\
    \0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0";

/// The template that is being rendered: the file's, or a partial.
#[derive(Clone, Copy)]
struct CurrentTemplate<'a> {
    name: &'a str,
    compiled: &'a CompiledTemplate,
    indent: &'a str,
    depth: usize,
}

/// A frame of the context stack: a value and everything around it, innermost first.
struct Frame<'a> {
    node: Node<'a>,
    outer: Option<&'a Frame<'a>>,
    source: &'a CurrentTemplate<'a>,
    rendering: &'a Rendering<'a>,
}

/// What a rendering made.
pub(super) struct Rendered {
    pub(super) text: String,
    /// How often [`VERSION_MARK`] was written for a version.
    pub(super) versions: usize,
    /// The partials that wrote something.
    pub(super) partials: BTreeSet<String>,
}

impl Rendering<'_> {
    /// Renders a template over values, the outermost first.
    pub(super) fn render(
        self,
        name: &str,
        compiled: &CompiledTemplate,
        outer: Node<'_>,
        inner: Option<Node<'_>>,
    ) -> Result<Rendered, TemplateError> {
        let source = CurrentTemplate {
            name,
            compiled,
            indent: "",
            depth: 0,
        };
        let root = Frame {
            node: outer,
            outer: None,
            source: &source,
            rendering: &self,
        };
        let text = match inner {
            Some(node) => compiled.render(&root.inside(node)),
            None => compiled.render(&root),
        };
        let versions = self.versions.get();
        let partials = self.used.take();
        self.finish()?;
        Ok(Rendered {
            text,
            versions,
            partials,
        })
    }
}

impl CompiledTemplate {
    fn render(&self, frame: &Frame<'_>) -> String {
        if frame.spend(self.text_size) {
            self.engine.render(frame)
        } else {
            String::new()
        }
    }
}

impl<'a> Frame<'a> {
    fn inside(&'a self, node: Node<'a>) -> Frame<'a> {
        Frame {
            node,
            outer: Some(self),
            source: self.source,
            rendering: self.rendering,
        }
    }

    fn spend(&self, bytes: usize) -> bool {
        self.rendering.spend(self.source.name, bytes)
    }

    fn entry(&self, number: &str) -> Option<&'a CompiledTag> {
        let index = number
            .bytes()
            .fold(0, |index, digit| index * 10 + usize::from(digit - b'0'));
        self.source.compiled.entries.get(index)
    }

    fn find(&self, name: &TagName) -> Option<Node<'a>> {
        let TagName::Path { first, rest } = name else {
            return Some(self.node);
        };
        let mut frame = self;
        let found = loop {
            match frame.node.field(first) {
                Some(node) => break node,
                None => frame = frame.outer?,
            }
        };
        rest.iter().try_fold(found, |node, part| node.field(part))
    }

    fn write<E: Encoder>(
        &self,
        node: Node<'_>,
        unescaped: bool,
        out: &mut E,
    ) -> Result<(), E::Error> {
        let escape = if unescaped {
            Escape::None
        } else {
            self.rendering.escape
        };
        match node {
            Node::Text(text) if self.spend(text.len()) => escape.write(text, out),
            Node::Bool(value) if self.spend(5) => {
                out.write_unescaped(if value { "true" } else { "false" })
            }
            Node::Integer(value) if self.spend(20) => write_integer(value, out),
            Node::Number(value) if self.spend(20) => out.format_unescaped(value),
            Node::Version if self.spend(VERSION_MARK.len()) => {
                self.rendering
                    .versions
                    .set(self.rendering.versions.get() + 1);
                out.write_unescaped(VERSION_MARK)
            }
            // Lists and records have no text form, and the rest is over a limit.
            _ => Ok(()),
        }
    }

    fn partial<E: Encoder>(
        &self,
        name: &str,
        indent: Option<&str>,
        position: Position,
        out: &mut E,
    ) -> Result<(), E::Error> {
        let Some(partial) = self.rendering.partials.get(name) else {
            return Ok(());
        };
        let depth = self.source.depth + 1;
        if depth > self.rendering.limits.partials {
            let most = self.rendering.limits.partials;
            let message = format!("partials are nested more than {most} deep");
            self.rendering
                .stop(self.source.name, Some(position), message);
            return Ok(());
        }
        let indent = indent.map_or_else(String::new, |own| [self.source.indent, own].concat());
        let source = CurrentTemplate {
            name: partial.name(),
            compiled: partial.compiled(&indent),
            indent: &indent,
            depth,
        };
        let frame = Frame {
            node: self.node,
            outer: self.outer,
            source: &source,
            rendering: self.rendering,
        };
        let text = source.compiled.render(&frame);
        if !text.is_empty() {
            self.rendering.note_partial(partial.name());
        }
        out.write_unescaped(&text)
    }
}

/// What `Display` gives, without its machinery: every endpoint has a port.
fn write_integer<E: Encoder>(value: u64, out: &mut E) -> Result<(), E::Error> {
    let mut digits = [b'0'; 20];
    let (mut rest, mut length) = (value, 0);
    for place in digits.iter_mut().rev() {
        // A remainder of 10 fits.
        *place += u8::try_from(rest % 10).unwrap_or_default();
        rest /= 10;
        length += 1;
        if rest == 0 {
            break;
        }
    }
    let written = digits.len().checked_sub(length);
    let written = written.and_then(|start| digits.get(start..));
    out.write_unescaped(str::from_utf8(written.unwrap_or_default()).unwrap_or_default())
}

impl Content for Frame<'_> {
    fn capacity_hint(&self, template: &ramhorns::Template<'_>) -> usize {
        template.capacity_hint()
    }

    fn render_field_escaped<E: Encoder>(
        &self,
        _hash: u64,
        number: &str,
        out: &mut E,
    ) -> Result<bool, E::Error> {
        match self.entry(number) {
            Some(CompiledTag::Value { name, unescaped }) => {
                if let Some(node) = self.find(name) {
                    self.write(node, *unescaped, out)?;
                }
            }
            Some(CompiledTag::Text(text)) if self.spend(text.len()) => out.write_unescaped(text)?,
            Some(CompiledTag::Indent) if self.spend(self.source.indent.len()) => {
                out.write_unescaped(self.source.indent)?;
            }
            Some(CompiledTag::Partial {
                name,
                indent,
                position,
            }) => self.partial(name, indent.as_deref(), *position, out)?,
            _ => {}
        }
        Ok(true)
    }

    fn render_field_section<C, E>(
        &self,
        _hash: u64,
        number: &str,
        section: Section<'_, C>,
        out: &mut E,
    ) -> Result<bool, E::Error>
    where
        C: ContentSequence,
        E: Encoder,
    {
        let Some(CompiledTag::Section { name, text_size }) = self.entry(number) else {
            return Ok(true);
        };
        match self.find(name) {
            Some(Node::List(list)) => {
                for node in (0..list.size()).filter_map(|index| list.item(index)) {
                    if !self.spend(*text_size) {
                        break;
                    }
                    section.with(&self.inside(node)).render(out)?;
                }
            }
            Some(node) if node.is_truthy() && self.spend(*text_size) => {
                section.with(&self.inside(node)).render(out)?;
            }
            _ => {}
        }
        Ok(true)
    }

    fn render_field_inverse<C, E>(
        &self,
        _hash: u64,
        number: &str,
        section: Section<'_, C>,
        out: &mut E,
    ) -> Result<bool, E::Error>
    where
        C: ContentSequence,
        E: Encoder,
    {
        if let Some(CompiledTag::Section { name, text_size }) = self.entry(number)
            && !self.find(name).is_some_and(Node::is_truthy)
            && self.spend(*text_size)
        {
            section.render(out)?;
        }
        Ok(true)
    }
}

#[cfg(test)]
mod tests {
    use super::write_integer;
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn a_number_is_written_as_everywhere(value in any::<u64>(), small in 0..100_000_u64) {
            for value in [value, small, 0, 10, u64::MAX] {
                let mut text = String::new();
                let _ = write_integer(value, &mut text);
                prop_assert_eq!(text, value.to_string());
            }
        }
    }
}
