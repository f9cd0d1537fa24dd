//! Warnings about redirects: what they make useless, and those that have no effect.

use super::{
    builder::ContextBuilder,
    property_levels::{MemberProperties, is_off},
    route_settings::redirect_of,
    route_warnings::RouteSubject,
};
use crate::document::{proxy_input::Properties, truncated};

const REDIRECT_TO: &str = "redirect-to";

/// Properties of what is sent on to a service, which a redirect does not do. Envoy's filter for CORS passes
/// redirects by too.
const OF_SERVED_REQUESTS: [&str; 14] = [
    "timeout",
    "idle-timeout",
    "retry-on",
    "num-retries",
    "per-try-timeout",
    "retry-statuses",
    "retry-back-off",
    "host-rewrite",
    "prefix-rewrite",
    "hash-on",
    "cors-origins",
    "request-header-remove",
    "mirror-to",
    "mirror-percent",
];
const SET_REQUEST_HEADER: &str = "request-header-set-";

impl RouteSubject<'_, '_, '_> {
    /// Warns of a redirect that joins badly, and of what it makes useless on the same route.
    pub(super) fn check_redirect(
        &self,
        members: &[MemberProperties<'_>],
        properties: &Properties,
        builder: &mut ContextBuilder<'_>,
    ) {
        let Some(redirect) = redirect_of(properties) else {
            return;
        };
        if redirect.has_path {
            self.check_joint(REDIRECT_TO, &redirect.path, builder);
        }
        let path = truncated(self.path_match.text());
        for (name, value) in members.iter().flat_map(|member| member.properties) {
            if is_off(name, value) {
                continue;
            }
            let is_useless =
                OF_SERVED_REQUESTS.contains(&name.as_str()) || name.starts_with(SET_REQUEST_HEADER);
            if is_useless {
                let name = truncated(name);
                let message = format!(
                    "property `{name}` has no effect on route `{path}`, whose requests are redirected; \
                     remove it, or `{REDIRECT_TO}`"
                );
                self.warn(builder, message);
            }
        }
    }

    /// Warns of redirects by those who take no share of the requests.
    pub(super) fn check_idle_redirects(
        &self,
        idle: &[MemberProperties<'_>],
        properties: &Properties,
        builder: &mut ContextBuilder<'_>,
    ) {
        for member in idle {
            let said = member.properties.get(REDIRECT_TO);
            let is_meant = said.is_some_and(|value| !is_off(REDIRECT_TO, value));
            if !is_meant || said == properties.get(REDIRECT_TO) {
                continue;
            }
            let (reason, remedy) = if member.weight == 0 {
                ("its weight is 0", "give it a weight of at least 1")
            } else {
                (
                    "others have instances and it has none",
                    "set it for those too",
                )
            };
            let message = format!(
                "property `{REDIRECT_TO}` of `{}` has no effect on route `{}`, of whose requests it takes no \
                 share: {reason}; {remedy}",
                member.name,
                truncated(self.path_match.text())
            );
            self.warn(builder, message);
        }
    }
}
