//! Budget of one rendering in bytes, steps and nested partials, and its end when that is used up.

use super::{Partials, escape::Escape};
use crate::mustache::error::{Position, TemplateError};
use std::{
    cell::{Cell, RefCell},
    collections::BTreeSet,
};

/// What rendering may use up, so that no template can take a program down.
#[derive(Debug, Clone, Copy)]
pub(super) struct RenderLimits {
    /// Bytes written, escapes not counted.
    pub(super) size: usize,
    /// Tags and rounds of sections.
    pub(super) steps: usize,
    /// Partials within partials.
    pub(super) partials: usize,
}

impl Default for RenderLimits {
    fn default() -> Self {
        Self {
            size: 256 << 20,
            steps: 100_000_000,
            partials: 64,
        }
    }
}

/// One rendering, from the first tag to the last.
pub(super) struct Rendering<'a> {
    pub(super) partials: &'a Partials,
    pub(super) escape: Escape,
    pub(super) limits: RenderLimits,
    size: Cell<usize>,
    steps: Cell<usize>,
    /// How often a version was asked for.
    pub(super) versions: Cell<usize>,
    /// The partials that wrote something.
    pub(super) used: RefCell<BTreeSet<String>>,
    stopped: RefCell<Option<TemplateError>>,
}

impl<'a> Rendering<'a> {
    pub(super) fn new(partials: &'a Partials, escape: Escape, limits: RenderLimits) -> Self {
        Self {
            partials,
            escape,
            limits,
            size: Cell::new(0),
            steps: Cell::new(0),
            versions: Cell::new(0),
            used: RefCell::default(),
            stopped: RefCell::new(None),
        }
    }

    /// Counts what was made before as if this rendering made it.
    pub(super) fn after(self, size: usize) -> Self {
        self.size.set(size);
        self
    }

    /// Remembers a partial that wrote something.
    pub(super) fn note_partial(&self, name: &str) {
        let mut used = self.used.borrow_mut();
        if !used.contains(name) {
            used.insert(name.to_owned());
        }
    }

    /// Says what stopped the rendering, if anything did.
    pub(super) fn finish(self) -> Result<(), TemplateError> {
        self.stopped.into_inner().map_or(Ok(()), Err)
    }

    /// Ends the rendering with an error; the first one counts.
    pub(super) fn stop(&self, template: &str, position: Option<Position>, message: String) {
        self.stopped.borrow_mut().get_or_insert(TemplateError {
            template: template.to_owned(),
            position,
            message,
        });
        // Nothing is left to spend, so that every later step ends at once.
        self.steps.set(usize::MAX);
    }

    /// Counts one step that writes so many bytes; says whether it may be taken.
    pub(super) fn spend(&self, template: &str, bytes: usize) -> bool {
        let size = self.size.get().saturating_add(bytes);
        let steps = self.steps.get().saturating_add(1);
        if steps > self.limits.steps {
            let most = self.limits.steps;
            self.stop(template, None, format!("needs more than {most} steps"));
        } else if size > self.limits.size {
            let most = self.limits.size;
            self.stop(template, None, format!("renders more than {most} bytes"));
        } else {
            self.size.set(size);
            self.steps.set(steps);
            return true;
        }
        false
    }
}

#[cfg(test)]
mod tests {
    use super::{RenderLimits, Rendering};
    use crate::template::{Escape, Partials, Template, view::View as _};
    use serde_json::json;

    fn outcome(text: &str, limits: RenderLimits) -> Result<String, String> {
        let mut partials = Partials::default();
        partials.insert("p", "{{#a}}xx{{/a}}").unwrap();
        let template = Template::parse("t", text).unwrap();
        let value = json!({"a": [1, 2, 3], "b": "yyyy"});
        let run = Rendering::new(&partials, Escape::None, limits);
        let rendered = template.render_in(run, value.view(), None);
        rendered
            .map(|rendered| rendered.text)
            .map_err(|error| error.to_string())
    }

    #[test]
    fn every_byte_counts() {
        for (text, size) in [
            ("12345", 5),
            ("{{#a}}12{{/a}}", 6),
            ("{{^c}}12{{/c}}", 2),
            ("{{b}}", 4),
            ("{{=<% %>=}}{{", 2),
            ("{{>p}}", 6),
            ("  {{>p}}", 8),
        ] {
            let with = |size| {
                let limits = RenderLimits {
                    size,
                    ..RenderLimits::default()
                };
                outcome(text, limits)
            };
            assert_eq!(with(size).map(|text| text.len()), Ok(size), "{text}");
            let name = if text.contains('>') && text.contains('p') {
                "p"
            } else {
                "t"
            };
            assert_eq!(
                with(size - 1),
                Err(format!("{name}: renders more than {} bytes", size - 1)),
                "{text}"
            );
        }
    }

    #[test]
    fn rounds_that_write_nothing_count_as_steps() {
        let limits = RenderLimits {
            steps: 30,
            ..RenderLimits::default()
        };
        assert_eq!(
            outcome("{{#a}}{{#a}}{{/a}}{{/a}}", limits),
            Ok(String::new())
        );
        assert_eq!(
            outcome("{{#a}}{{#a}}{{#a}}{{/a}}{{/a}}{{/a}}", limits),
            Err("t: needs more than 30 steps".to_owned())
        );
    }
}
