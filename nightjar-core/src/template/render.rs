//! Rendering: the engine asks for numbered tags, and gets what they stand for.

use super::{
    escape::Escape,
    normal::{Entry, Normal},
    run::Run,
    view::Node,
};
use crate::mustache::{
    fault::{Place, TemplateFault},
    syntax::Name,
};
use ramhorns::{Content, Section, encoding::Encoder, traits::ContentSequence};

/// What stands for the version of a file until the rest of the file is known: as long as that, and
/// of a character that no template may contain.
pub(super) const VERSION_MARK: &str = "\
    \0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0";

/// The template that is being rendered: the file's, or a partial.
#[derive(Clone, Copy)]
struct Source<'a> {
    name: &'a str,
    normal: &'a Normal,
    indent: &'a str,
    depth: usize,
}

/// A value and everything around it, innermost first.
struct Scope<'a> {
    node: Node<'a>,
    around: Option<&'a Scope<'a>>,
    source: &'a Source<'a>,
    run: &'a Run<'a>,
}

/// What a rendering made.
pub(super) struct Rendered {
    pub(super) text: String,
    /// How often [`VERSION_MARK`] was written for a version.
    pub(super) versions: usize,
}

impl Run<'_> {
    /// Renders a template over values, the outermost first.
    pub(super) fn render(
        self,
        name: &str,
        normal: &Normal,
        outer: Node<'_>,
        inner: Option<Node<'_>>,
    ) -> Result<Rendered, TemplateFault> {
        let source = Source {
            name,
            normal,
            indent: "",
            depth: 0,
        };
        let root = Scope {
            node: outer,
            around: None,
            source: &source,
            run: &self,
        };
        let text = match inner {
            Some(node) => normal.render(&root.inside(node)),
            None => normal.render(&root),
        };
        let versions = self.versions.get();
        self.finish()?;
        Ok(Rendered { text, versions })
    }
}

impl Normal {
    fn render(&self, scope: &Scope<'_>) -> String {
        if scope.spend(self.text_size) {
            self.engine.render(scope)
        } else {
            String::new()
        }
    }
}

impl<'a> Scope<'a> {
    fn inside(&'a self, node: Node<'a>) -> Scope<'a> {
        Scope {
            node,
            around: Some(self),
            source: self.source,
            run: self.run,
        }
    }

    fn spend(&self, bytes: usize) -> bool {
        self.run.spend(self.source.name, bytes)
    }

    fn entry(&self, number: &str) -> Option<&'a Entry> {
        let index = number
            .bytes()
            .fold(0, |index, digit| index * 10 + usize::from(digit - b'0'));
        self.source.normal.entries.get(index)
    }

    fn find(&self, name: &Name) -> Option<Node<'a>> {
        let Name::Path { first, rest } = name else {
            return Some(self.node);
        };
        let mut scope = self;
        let found = loop {
            match scope.node.field(first) {
                Some(node) => break node,
                None => scope = scope.around?,
            }
        };
        rest.iter().try_fold(found, |node, part| node.field(part))
    }

    fn write<E: Encoder>(&self, node: Node<'_>, raw: bool, out: &mut E) -> Result<(), E::Error> {
        let escape = if raw { Escape::None } else { self.run.escape };
        match node {
            Node::Text(text) if self.spend(text.len()) => escape.write(text, out),
            Node::Bool(value) if self.spend(5) => {
                out.write_unescaped(if value { "true" } else { "false" })
            }
            Node::Integer(value) if self.spend(20) => write_integer(value, out),
            Node::Number(value) if self.spend(20) => out.format_unescaped(value),
            Node::Version if self.spend(VERSION_MARK.len()) => {
                self.run.versions.set(self.run.versions.get() + 1);
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
        place: Place,
        out: &mut E,
    ) -> Result<(), E::Error> {
        let Some(partial) = self.run.partials.get(name) else {
            return Ok(());
        };
        let depth = self.source.depth + 1;
        if depth > self.run.limits.partials {
            let most = self.run.limits.partials;
            let message = format!("partials stand in each other more than {most} deep");
            self.run.stop(self.source.name, Some(place), message);
            return Ok(());
        }
        let indent = indent.map_or_else(String::new, |own| [self.source.indent, own].concat());
        let source = Source {
            name: partial.name(),
            normal: partial.normal(&indent),
            indent: &indent,
            depth,
        };
        let scope = Scope {
            node: self.node,
            around: self.around,
            source: &source,
            run: self.run,
        };
        out.write_unescaped(&source.normal.render(&scope))
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

impl Content for Scope<'_> {
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
            Some(Entry::Value { name, raw }) => {
                if let Some(node) = self.find(name) {
                    self.write(node, *raw, out)?;
                }
            }
            Some(Entry::Text(text)) if self.spend(text.len()) => out.write_unescaped(text)?,
            Some(Entry::Indent) if self.spend(self.source.indent.len()) => {
                out.write_unescaped(self.source.indent)?;
            }
            Some(Entry::Partial {
                name,
                indent,
                place,
            }) => self.partial(name, indent.as_deref(), *place, out)?,
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
        let Some(Entry::Section { name, text_size }) = self.entry(number) else {
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
        if let Some(Entry::Section { name, text_size }) = self.entry(number)
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
