//! Origins: where a template comes from, and why it is the one that is used.

use super::shipped::{HOOKS, SHIPPED};
use std::fmt;

/// What a template's namespace, service and color count. No two sums are equal.
pub(super) const WEIGHTS: [u32; 3] = [5, 3, 1];

/// Where a template comes from.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Origin {
    /// It came with Nightjar.
    Shipped,
    /// A store has it.
    Store {
        /// For which proxies it is.
        scope: TemplateScope,
        /// Why it is the one.
        reason: OriginReason,
    },
}

/// For which proxies of its kind a template of a store is. `None` is any.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct TemplateScope {
    /// The namespace that it is for.
    pub namespace: Option<String>,
    /// The service that it is for.
    pub service: Option<String>,
    /// The color that it is for.
    pub color: Option<String>,
}

/// Why a template of a store is the one of its purpose.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum OriginReason {
    /// No other template of this purpose fits.
    Only,
    /// A shipped template of this purpose lies beneath it.
    OverShipped,
    /// The shipped templates contain it.
    Hook,
    /// It names more of a proxy than these of the store, the most specific first.
    MoreSpecific(Vec<TemplateScope>),
}

impl Origin {
    /// The origin of a template of a store, beside less specific ones of its purpose.
    pub(super) fn of_store(scope: TemplateScope, others: Vec<TemplateScope>) -> Self {
        let reason = match others.as_slice() {
            [] => OriginReason::Only,
            _ => OriginReason::MoreSpecific(others),
        };
        Self::Store { scope, reason }
    }

    /// The same where the shipped templates lie beneath those of the store.
    pub(super) fn over_shipped(self, purpose: &str) -> Self {
        let Self::Store {
            scope,
            reason: OriginReason::Only,
        } = self
        else {
            return self;
        };
        let reason = if SHIPPED.iter().any(|(name, _)| *name == purpose) {
            OriginReason::OverShipped
        } else if HOOKS.contains(&purpose) {
            OriginReason::Hook
        } else {
            OriginReason::Only
        };
        Self::Store { scope, reason }
    }

    /// The origin without the reason.
    pub fn source(&self) -> String {
        match self {
            Self::Shipped => "shipped with Nightjar".to_owned(),
            Self::Store { scope, .. } => format!("from the store, for {scope}"),
        }
    }
}

impl TemplateScope {
    /// The scope that names this namespace, service and color.
    pub(super) fn of(names: [Option<&str>; 3]) -> Self {
        let [namespace, service, color] = names.map(|name| name.map(ToOwned::to_owned));
        Self {
            namespace,
            service,
            color,
        }
    }

    fn names(&self) -> [Option<&str>; 3] {
        [&self.namespace, &self.service, &self.color].map(Option::as_deref)
    }

    /// How much of a proxy it names.
    pub(super) fn specificity(&self) -> u32 {
        let named = self.names().into_iter().zip(WEIGHTS);
        named
            .filter(|(name, _)| name.is_some())
            .map(|(_, weight)| weight)
            .sum()
    }

    /// Whether a proxy can be among those of both.
    pub(super) fn meets(&self, other: &Self) -> bool {
        let pairs = self.names().into_iter().zip(other.names());
        pairs.into_iter().all(|pair| match pair {
            (Some(one), Some(other)) => one == other,
            (None, _) | (_, None) => true,
        })
    }
}

impl fmt::Display for Origin {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.write_str(&self.source())?;
        match self {
            Self::Shipped
            | Self::Store {
                reason: OriginReason::Only,
                ..
            } => Ok(()),
            Self::Store { reason, .. } => write!(out, " ({reason})"),
        }
    }
}

impl fmt::Display for OriginReason {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Only => out.write_str("the only one that fits"),
            Self::OverShipped => out.write_str("in place of the shipped one"),
            Self::Hook => out.write_str("fills a hook of the shipped ones"),
            Self::MoreSpecific(others) => {
                let others: Vec<String> = others
                    .iter()
                    .map(|scope| format!("that for {scope}"))
                    .collect();
                write!(out, "more specific than {}", others.join(" and "))
            }
        }
    }
}

impl fmt::Display for TemplateScope {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        let parts = [
            ("namespace", &self.namespace),
            ("service", &self.service),
            ("color", &self.color),
        ];
        let named: Vec<String> = parts
            .iter()
            .filter_map(|(kind, name)| Some(format!("{kind} {:?}", name.as_deref()?)))
            .collect();
        match named.as_slice() {
            [] => out.write_str("every proxy"),
            named => out.write_str(&named.join(", ")),
        }
    }
}
