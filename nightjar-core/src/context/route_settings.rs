//! What the properties of a route say, taken apart for templates.

use super::{
    first_last::mark_first_and_last,
    property_levels::HEADER_CHANGES,
    value_format::{back_off, origins, per_million, rate_limit, redirect, status, statuses},
};
use crate::document::proxy_input::{
    Cors, CorsOrigin, Fault, HeaderChanges, HeaderToRemove, HeaderToSet, Properties, Redirect,
    RetryStatus, Route,
};

/// How many of a million requests are all.
const ALL: u32 = 1_000_000;

/// Takes apart what the properties of a route say. Who gets copies depends on more than these.
pub(super) fn settle(route: &mut Route) {
    let properties = &route.properties;
    if properties.is_empty() {
        return;
    }
    let value = |name: &str| properties.get(name).map(String::as_str);
    route.redirect = value("redirect-to").and_then(redirect).map(Box::new);
    let [request, response] = HEADER_CHANGES;
    route.request_headers = header_changes(properties, request);
    route.response_headers = header_changes(properties, response);
    route.cors = value("cors-origins")
        .and_then(origins)
        .map(|origins| Box::new(cors(origins)));
    route.fault = fault(properties);
    route.rate_limit = value("rate-limit").and_then(rate_limit).map(Box::new);
    route.has_filter_config =
        route.cors.is_some() || route.fault.is_some() || route.rate_limit.is_some();
    route.retry_statuses = value("retry-statuses")
        .and_then(statuses)
        .map(retry_statuses)
        .unwrap_or_default();
    route.has_retry_statuses = !route.retry_statuses.is_empty();
    route.retry_back_off = value("retry-back-off").and_then(back_off).map(Box::new);
}

/// Where the redirect of a route's properties leads, if they have one.
pub(super) fn redirect_of(properties: &Properties) -> Option<Redirect> {
    redirect(properties.get("redirect-to")?)
}

fn header_changes(
    properties: &Properties,
    (set, remove): (&str, &str),
) -> Option<Box<HeaderChanges>> {
    let setting = properties
        .range(set.to_owned()..)
        .map_while(|(name, value)| Some((name.strip_prefix(set)?, value)));
    let mut setting: Vec<HeaderToSet> = setting
        .map(|(name, value)| HeaderToSet {
            name: name.to_owned(),
            value: value.replace('%', "%%"),
            ..HeaderToSet::default()
        })
        .collect();
    let names = properties.get(remove).into_iter();
    let mut removing: Vec<HeaderToRemove> = names
        .flat_map(|names| names.split(','))
        .map(|name| HeaderToRemove {
            name: name.to_owned(),
            ..HeaderToRemove::default()
        })
        .collect();
    if setting.is_empty() && removing.is_empty() {
        return None;
    }
    mark_first_and_last(&mut setting);
    mark_first_and_last(&mut removing);
    Some(Box::new(HeaderChanges {
        has_set: !setting.is_empty(),
        set: setting,
        has_remove: !removing.is_empty(),
        remove: removing,
    }))
}

fn cors(origins: Vec<String>) -> Cors {
    let mut origins: Vec<CorsOrigin> = origins
        .into_iter()
        .map(|origin| CorsOrigin {
            origin,
            ..CorsOrigin::default()
        })
        .collect();
    mark_first_and_last(&mut origins);
    Cors { origins }
}

/// How many of a million requests a property means; all if nobody says it.
pub(super) fn share(properties: &Properties, name: &str) -> u64 {
    let said = properties.get(name).and_then(|value| per_million(value));
    said.unwrap_or(ALL).into()
}

fn fault(properties: &Properties) -> Option<Box<Fault>> {
    let abort = properties
        .get("abort-status")
        .and_then(|value| status(value));
    let delay = properties.get("delay");
    if abort.is_none() && delay.is_none() {
        return None;
    }
    let share = |is_there: bool, name: &str| {
        if is_there { share(properties, name) } else { 0 }
    };
    Some(Box::new(Fault {
        has_abort: abort.is_some(),
        abort_status: abort.unwrap_or_default(),
        abort_per_million: share(abort.is_some(), "abort-percent"),
        has_delay: delay.is_some(),
        delay: delay.cloned().unwrap_or_default(),
        delay_per_million: share(delay.is_some(), "delay-percent"),
    }))
}

fn retry_statuses(statuses: Vec<u16>) -> Vec<RetryStatus> {
    let mut statuses: Vec<RetryStatus> = statuses
        .into_iter()
        .map(|status| RetryStatus {
            status,
            ..RetryStatus::default()
        })
        .collect();
    mark_first_and_last(&mut statuses);
    statuses
}
