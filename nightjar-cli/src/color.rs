//! Color, where a terminal shows it and nobody minds.

use nightjar_core::env::Env;
use std::io::{self, IsTerminal as _};

/// How a text is set off.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Color {
    /// What needs a look.
    Yellow,
    /// What is bad.
    Red,
}

/// Whether standard output is colored.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Paint(bool);

impl Paint {
    /// For a terminal, unless `NO_COLOR` says no (no-color.org).
    pub(crate) fn for_output() -> Self {
        let env = Env::from_process();
        let is_unwanted = |name| env.get(name).is_some_and(|value| !value.is_empty());
        let is_dumb = env.get("TERM").is_some_and(|value| value == "dumb");
        Self(io::stdout().is_terminal() && !is_unwanted("NO_COLOR") && !is_dumb)
    }

    /// A text in a color.
    pub(crate) fn paint(self, color: Color, text: &str) -> String {
        if !self.0 {
            return text.to_owned();
        }
        let code = match color {
            Color::Yellow => 33,
            Color::Red => 31,
        };
        format!("\u{1b}[{code}m{text}\u{1b}[0m")
    }
}
