//! Properties of a route that do not go together: what is left out, and what is told.

use super::{builder::ContextBuilder, upstreams::Upstream};
use crate::document::{
    discovery_map::{PathMatch, PathValue},
    proxy_input::Properties,
    truncated,
};

/// Shares of requests, each with the property that says what becomes of these.
pub(super) const SHARES: [(&str, &str); 3] = [
    ("abort-percent", "abort-status"),
    ("delay-percent", "delay"),
    ("mirror-percent", "mirror-to"),
];

/// A route that warnings are about.
pub(super) struct RouteSubject<'r, 'n, 'a> {
    pub(super) path_match: &'r PathMatch,
    pub(super) upstreams: &'r [&'n Upstream<'a>],
}

impl RouteSubject<'_, '_, '_> {
    pub(super) fn warn(&self, builder: &mut ContextBuilder<'_>, message: String) {
        if let Some(upstream) = self.upstreams.first() {
            builder.warn(&upstream.subject(), message);
        }
    }

    /// Leaves out a rewrite that replaces more than a prefix, and warns of one that joins badly.
    pub(super) fn check_rewrite(
        &self,
        properties: &mut Properties,
        builder: &mut ContextBuilder<'_>,
    ) {
        const NAME: &str = "prefix-rewrite";
        let Some(value) = properties.get(NAME) else {
            return;
        };
        if let PathValue::Regex(_) = &self.path_match.value {
            let path = truncated(self.path_match.text());
            let message = format!(
                "property `{NAME}` is left out on route `{path}`: a regular expression has no prefix \
                 to replace"
            );
            properties.remove(NAME);
            self.warn(builder, message);
        } else {
            self.check_joint(NAME, value, builder);
        }
    }

    /// Warns where what replaces a prefix ends otherwise than that.
    pub(super) fn check_joint(&self, name: &str, value: &str, builder: &mut ContextBuilder<'_>) {
        let text = self.path_match.text();
        let is_open = matches!(&self.path_match.value, PathValue::Prefix(prefix) if !prefix.as_str().is_empty());
        if is_open && text.ends_with('/') != value.ends_with('/') {
            let path = truncated(text);
            let message = format!(
                "property `{name}` replaces `{path}` with `{value}` as plain text, but only one of them ends \
                 with `/`; end both with `/`, or neither"
            );
            self.warn(builder, message);
        }
    }

    /// Warns where nothing is hashed, or a hash is not used.
    pub(super) fn check_hashing(
        &self,
        shared: &Properties,
        properties: &Properties,
        builder: &mut ContextBuilder<'_>,
    ) {
        let policy_of = |upstream: &Upstream<'_>| {
            let said = upstream
                .own
                .get("lb-policy")
                .or_else(|| upstream.outer.get("lb-policy"));
            said.filter(|policy| ["RING_HASH", "MAGLEV"].contains(&policy.as_str()))
                .cloned()
        };
        let hashed = self
            .upstreams
            .iter()
            .find_map(|upstream| Some((upstream, policy_of(upstream)?)));
        let path = truncated(self.path_match.text());
        match hashed {
            Some((upstream, policy)) if !properties.contains_key("hash-on") => builder.warn(
                &upstream.subject(),
                format!(
                    "property `lb-policy` {policy} spreads the requests of route `{path}` at random; set property \
                     `hash-on` to say what is hashed"
                ),
            ),
            None if shared.contains_key("hash-on") => self.warn(
                builder,
                format!(
                    "property `hash-on` has no effect on route `{path}`; it needs an `lb-policy` of \
                     RING_HASH or MAGLEV"
                ),
            ),
            _ => {}
        }
    }

    /// Warns of a share of requests of which nothing says what becomes of them.
    pub(super) fn check_shares(
        &self,
        shared: &Properties,
        properties: &Properties,
        builder: &mut ContextBuilder<'_>,
    ) {
        for (share, partner) in SHARES {
            if shared.contains_key(share) && !properties.contains_key(partner) {
                let path = truncated(self.path_match.text());
                let message = format!(
                    "property `{share}` has no effect on route `{path}`; it needs property `{partner}`"
                );
                self.warn(builder, message);
            }
        }
    }
}
