//! Warnings about what a route does to its requests: words of few that hold for all, and faults and retries
//! that do not do what they say.

use super::{
    builder::ContextBuilder,
    properties::{DEFAULT_IDLE_TIMEOUT, DEFAULT_TIMEOUT},
    property_levels::{MemberProperties, in_effect, is_off, merged, removals},
    route_warnings::{RouteSubject, SHARES},
    value_format::longer,
    warning::Subject,
};
use crate::document::{proxy_input::Properties, truncated};
use std::cmp::Reverse;

/// Properties that change what becomes of a request, for all of a route's.
const OF_ALL_REQUESTS: [&str; 5] = [
    "abort-status",
    "redirect-to",
    "rate-limit",
    "delay",
    "mirror-to",
];

/// The share of requests that a property has effect on without the one that says how many percent.
const WHOLE_SHARE: &str = "100";

/// A property that the one with the greatest weight does not set, and that changes what becomes of its requests.
struct Minority<'m, 'a> {
    /// Who sets it.
    winner: &'m MemberProperties<'a>,
    /// Who has the greatest weight.
    greatest: &'m MemberProperties<'a>,
}

impl<'m, 'a> Minority<'m, 'a> {
    /// The one for a property, if there is one. A level that says no share is as one that says the whole.
    fn of(
        name: &str,
        members: &'m [MemberProperties<'a>],
        outer: &Properties,
        shared: &Properties,
    ) -> Option<Self> {
        let by_weight =
            |member: &&MemberProperties<'_>| (Reverse(member.weight), member.name.clone());
        let greatest = members.iter().min_by_key(by_weight)?;
        let saying = members.iter().filter(|it| it.properties.contains_key(name));
        let winner = saying.min_by_key(by_weight)?;
        let is_share = SHARES.iter().any(|(share, _)| *share == name);
        let in_effect = |level: &Properties| {
            let said = level.get(name).filter(|value| !is_off(name, value));
            said.cloned()
                .or_else(|| is_share.then(|| WHOLE_SHARE.to_owned()))
        };
        let is_told = winner.weight != greatest.weight && in_effect(outer) != in_effect(shared);
        is_told.then_some(Self { winner, greatest })
    }
}

impl RouteSubject<'_, '_, '_> {
    /// Warns where the one with the greatest weight does not say what becomes of its requests. A share is not
    /// told beside what it is a share of.
    pub(super) fn check_minorities(
        &self,
        members: &[MemberProperties<'_>],
        outer: &Properties,
        shared: &Properties,
        builder: &mut ContextBuilder<'_>,
    ) {
        let minority = |name| Minority::of(name, members, outer, shared);
        for name in OF_ALL_REQUESTS {
            if let Some(minority) = minority(name) {
                self.warn_of_minority(name, &minority, builder);
            }
        }
        let properties = in_effect(merged(outer, shared));
        let in_use = SHARES
            .iter()
            .filter(|(_, partner)| properties.contains_key(*partner));
        for (share, partner) in in_use {
            let Some(of_share) = minority(share) else {
                continue;
            };
            let is_told =
                minority(partner).is_some_and(|it| it.winner.name == of_share.winner.name);
            if !is_told {
                self.warn_of_minority(share, &of_share, builder);
            }
        }
    }

    fn warn_of_minority(
        &self,
        name: &str,
        Minority { winner, greatest }: &Minority<'_, '_>,
        builder: &mut ContextBuilder<'_>,
    ) {
        let message = format!(
            "property `{name}` of `{}`, which has weight {} on route `{}`, holds for all of its requests: \
             `{}`, which has weight {}, does not set it; set it there too, or give `{}` a route with a condition",
            winner.name,
            winner.weight,
            truncated(self.path_match.text()),
            greatest.name,
            greatest.weight,
            winner.name
        );
        if let Some(upstream) = self.upstreams.first() {
            builder.warn(&Subject::namespace(upstream.identity.namespace), message);
        }
    }

    /// Warns of retries that are not done.
    pub(super) fn check_retries(
        &self,
        shared: &Properties,
        properties: &Properties,
        builder: &mut ContextBuilder<'_>,
    ) {
        const BY_STATUS: &str = "retriable-status-codes";
        let path = truncated(self.path_match.text());
        let names_statuses = properties.contains_key("retry-statuses");
        let asks = shared.get("retry-on");
        if asks.is_some_and(|words| words.split(',').any(|word| word == BY_STATUS))
            && !names_statuses
        {
            let message = format!(
                "property `retry-on` names `{BY_STATUS}` on route `{path}`, which retries no status; set property \
                 `retry-statuses`"
            );
            self.warn(builder, message);
        }
        if properties
            .get("num-retries")
            .is_none_or(|count| count != "0")
        {
            return;
        }
        for name in ["retry-statuses", "retry-back-off"] {
            if shared.contains_key(name) {
                let message = format!(
                    "property `{name}` has no effect on route `{path}`, whose `num-retries` is 0; remove one of them"
                );
                self.warn(builder, message);
            }
        }
    }

    /// Warns of a time for each try that the time of all cuts off. Where both are set beside each other, that
    /// was warned of.
    pub(super) fn check_tries(
        &self,
        shared: &Properties,
        properties: &Properties,
        builder: &mut ContextBuilder<'_>,
    ) {
        let Some(each) = shared.get("per-try-timeout") else {
            return;
        };
        let all = properties
            .get("timeout")
            .map_or(DEFAULT_TIMEOUT, String::as_str);
        if !shared.contains_key("timeout") && longer(each.clone(), all.to_owned()) == *each {
            let message = format!(
                "property `per-try-timeout` {each} has no effect on route `{}`, whose `timeout` of {all} is not longer; \
                 make it shorter, or the time-out longer",
                truncated(self.path_match.text())
            );
            self.warn(builder, message);
        }
    }

    /// Warns of a header that one service-color removes and another one sets: Envoy removes first.
    pub(super) fn check_header_changes(
        &self,
        members: &[MemberProperties<'_>],
        shared: &Properties,
        builder: &mut ContextBuilder<'_>,
    ) {
        for (remove, header, setting) in removals(shared) {
            let says_both = |member: &MemberProperties<'_>| {
                removals(member.properties).any(|(_, _, removed)| {
                    removed == setting && member.properties.contains_key(&setting)
                })
            };
            // That was warned of where it is said.
            if shared.contains_key(&setting) && !members.iter().any(says_both) {
                let message = format!(
                    "property `{remove}` has no effect on header `{}` of route `{}`, which `{}` of another service-color \
                     sets; remove one of them",
                    truncated(header),
                    truncated(self.path_match.text()),
                    truncated(&setting)
                );
                self.warn(builder, message);
            }
        }
    }

    /// Warns of a delay that ends with the idle time-out.
    pub(super) fn check_delay(&self, properties: &Properties, builder: &mut ContextBuilder<'_>) {
        let Some(delay) = properties.get("delay") else {
            return;
        };
        let idle = properties.get("idle-timeout").map(String::as_str);
        let idle = idle.unwrap_or(DEFAULT_IDLE_TIMEOUT);
        if longer(delay.clone(), idle.to_owned()) == *delay {
            let message = format!(
                "property `delay` {delay} on route `{}` is as long as the `idle-timeout` of {idle}, which ends the delayed \
                 requests, or longer; make the delay shorter, or the time-out longer",
                truncated(self.path_match.text())
            );
            self.warn(builder, message);
        }
    }
}
