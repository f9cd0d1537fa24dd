//! Origins: where a template comes from.

use std::fmt;

/// Where a template comes from.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Origin {
    /// It came with Nightjar.
    Shipped,
    /// A store has it.
    Store {
        /// The namespace that it is for; `None` is any.
        namespace: Option<String>,
        /// The service that it is for.
        service: Option<String>,
        /// The color that it is for.
        color: Option<String>,
    },
}

impl fmt::Display for Origin {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self::Store {
            namespace,
            service,
            color,
        } = self
        else {
            return out.write_str("shipped with Nightjar");
        };
        out.write_str("from the store, for ")?;
        let parts = [
            ("namespace", namespace),
            ("service", service),
            ("color", color),
        ];
        let mut named = parts
            .iter()
            .filter_map(|(kind, name)| Some((kind, name.as_deref()?)))
            .peekable();
        if named.peek().is_none() {
            return out.write_str("every proxy");
        }
        for (index, (kind, name)) in named.enumerate() {
            let comma = if index == 0 { "" } else { ", " };
            write!(out, "{comma}{kind} {name:?}")?;
        }
        Ok(())
    }
}
